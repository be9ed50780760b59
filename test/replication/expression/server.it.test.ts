/**
 * Expressions mean what the servers mean by them, wherever otter does not differ on purpose (docs/mapping.md): random ones over random
 * rows, by the server's own evaluation.
 */
import fc from 'fast-check';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../../src/lab/servers.ts';
import { parseExpression } from '../../../src/model/expression-parser.ts';
import { ExpressionProblem } from '../../../src/model/expression-words.ts';
import type { ColumnShape, Value } from '../../../src/model/row.ts';
import { compile } from '../../../src/replication/expression/compile.ts';
import { ValueProblem, writerOf } from '../../../src/replication/expression/values.ts';
import { LONG } from '../../project/long.ts';
import { FAMILIES, rootOf, STARTS } from '../../site/harness.ts';
import { column } from '../model.ts';

const COLUMNS = {
  i: 'int',
  u: 'bigint unsigned',
  n: 'decimal(12,3)',
  d: 'double',
  s: 'varchar(12)',
  t: 'varchar(12)',
  a: 'date',
  m: 'datetime(3)',
  p: 'time(2)',
} as const;
type Row = Readonly<Record<keyof typeof COLUMNS, Value>>;
const shapes: readonly ColumnShape[] = Object.entries(COLUMNS).map(([name, type]) =>
  column(name, type, { charset: type.startsWith('varchar') ? 'utf8mb4' : null, nullable: true }),
);

const nullable = (of: fc.Arbitrary<string>): fc.Arbitrary<Value> => fc.option(of, { freq: 5 });
const quoted = (text: string): string => `'${text.replace(/['\\]/g, (c) => `\\${c}`)}'`;
const letters = fc.string({
  unit: fc.constantFrom('a', 'b', 'A', 'é', '%', '_', '|', ' ', '0', '😀', 'ß'),
  maxLength: 6,
});
const days = fc
  .tuple(fc.integer({ min: 1990, max: 2030 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }))
  .map(([y, m, d]) => `${y}-${String(m).padStart(2, '0')}-${String(d).padStart(2, '0')}`);
const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }), fc.integer({ min: 0, max: 999 }))
  .map(([h, m, f]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}:07.${String(f).padStart(3, '0')}`);
const small = fc.integer({ min: -12, max: 12 });
const rows: fc.Arbitrary<Row> = fc.record({
  i: nullable(fc.oneof(small, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })).map(String)),
  u: nullable(fc.oneof(fc.bigInt({ min: 0n, max: 9n }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(String)),
  n: nullable(
    fc
      .oneof(
        small.map((n) => n * 1000),
        fc.integer({ min: -9_999_999, max: 9_999_999 }),
      )
      .map((n) => {
        const digits = String(Math.abs(n)).padStart(4, '0');
        return `${n < 0 ? '-' : ''}${digits.slice(0, -3)}.${digits.slice(-3)}`;
      }),
  ),
  d: nullable(
    fc.oneof(
      small.map((n) => `${n}e0`),
      fc
        .double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })
        .map((n) => (Object.is(n, -0) ? '0e0' : String(n).includes('e') ? String(n) : `${n}e0`)),
    ),
  ),
  s: nullable(letters.map(quoted)),
  t: nullable(letters.map(quoted)),
  a: nullable(days.map(quoted)),
  m: nullable(fc.tuple(days, clock).map(([day, time]) => quoted(`${day} ${time}`))),
  p: nullable(clock.map((time) => quoted(time.slice(0, 11)))),
});

type Kind = 'number' | 'text' | 'date' | 'truth';
const binary = (signs: readonly string[], left: fc.Arbitrary<string>, right = left): fc.Arbitrary<string> =>
  fc.tuple(left, fc.constantFrom(...signs), right).map(([a, sign, b]) => `(${a} ${sign} ${b})`);
const call = (names: readonly string[], ...args: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...names), fc.tuple(...args)).map(([name, of]) => `${name}(${of.join(', ')})`);
const SIGNS = ['=', '<>', '<', '<=', '>', '>=', '<=>'];
const { any: expressions } = fc.letrec<Record<Kind | 'any', string>>((tie) => {
  const [number, text, date, truth] = [tie('number'), tie('text'), tie('date'), tie('truth')];
  const count = fc.integer({ min: 0, max: 4 }).map(String);
  const choice = (of: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.oneof(
      call(['coalesce', 'ifnull'], of, of),
      call(['if'], truth, of, of),
      call(['nullif'], of, of),
      fc.tuple(truth, of, of).map(([w, a, b]) => `CASE WHEN ${w} THEN ${a} ELSE ${b} END`),
    );
  return {
    number: fc.oneof(
      { depthSize: 'large', maxDepth: 4, withCrossShrink: true },
      fc.constantFrom('i', 'u', 'n', '1', '-2', '0', '2.50', 'NULL', '100'),
      binary(['+', '-', '*'], number),
      binary(['DIV', '%'], number),
      call(['abs', 'ceiling', 'floor', 'round'], number),
      fc.tuple(number, count).map(([a, b]) => `round(${a}, ${b})`),
      call(['char_length'], text),
      call(['year', 'month', 'day', 'hour'], date),
      choice(number),
    ),
    text: fc.oneof(
      { depthSize: 'large', maxDepth: 4, withCrossShrink: true },
      fc.constantFrom('s', 't', "'a'", "''", "'a b '", 'NULL'),
      letters.map((l) => quoted(l)),
      call(['concat'], text, text),
      call(['lower', 'upper', 'trim'], text),
      call(['left', 'right'], text, count),
      fc.tuple(text, fc.integer({ min: 1, max: 4 }), count).map(([a, b, c]) => `substring(${a}, ${b}, ${c})`),
      choice(text),
    ),
    date: fc.oneof(
      { depthSize: 'large', maxDepth: 4, withCrossShrink: true },
      fc.constantFrom('a', 'm'),
      call(['date'], date),
      choice(date),
    ),
    truth: fc.oneof(
      { depthSize: 'large', maxDepth: 4, withCrossShrink: true },
      binary(SIGNS, number),
      binary(SIGNS, text),
      binary(SIGNS, date),
      binary(SIGNS, fc.constantFrom('d', '0', '1.5')),
      binary(SIGNS, fc.constantFrom('p', "'10:00:00'")),
      binary(SIGNS, fc.constantFrom('a', 'm'), days.map(quoted)),
      binary(['AND', 'OR'], truth),
      truth.map((t) => `(NOT ${t})`),
      fc.tuple(fc.oneof(number, text), fc.constantFrom('IS NULL', 'IS NOT NULL')).map(([a, b]) => `(${a} ${b})`),
      fc
        .tuple(truth, fc.constantFrom('IS TRUE', 'IS NOT TRUE', 'IS FALSE', 'IS NOT FALSE'))
        .map(([a, b]) => `(${a} ${b})`),
      fc.tuple(number, number, number).map(([a, b, c]) => `(${a} BETWEEN ${b} AND ${c})`),
      fc.tuple(number, number, number).map(([a, b, c]) => `(${a} NOT IN (${b}, ${c}))`),
      fc.tuple(text, text, text).map(([a, b, c]) => `(${a} IN (${b}, ${c}))`),
      fc.tuple(text, letters, fc.constantFrom('', " ESCAPE '|'")).map(([a, b, c]) => `(${a} LIKE ${quoted(b)}${c})`),
    ),
    any: fc.oneof(
      number,
      text,
      date,
      truth,
      binary(['/'], fc.constantFrom('i', 'n', 'u', '7')),
      binary(['+', '-', '*', '/', '%'], fc.constantFrom('d', 'i', '1.5')),
    ),
  };
});

/** Texts are the same when they are, letter by letter, spaces at the end too. */
const COLLATIONS = { mariadb: 'utf8mb4_nopad_bin', mysql: 'utf8mb4_0900_bin' } as const;
const family = FAMILIES[0]!.startsWith('mysql') ? 'mysql' : 'mariadb';
const names = Object.keys(COLUMNS) as (keyof Row)[];

let server: DatabaseServer;
let root: Connection;
beforeAll(async () => {
  server = await STARTS[FAMILIES[0]!]();
  root = await rootOf(server);
  const collation = COLLATIONS[family];
  const columns = names.map((name) => `${name} ${COLUMNS[name]}`);
  await root.query(
    `SET NAMES utf8mb4 COLLATE ${collation}, sql_mode = '', time_zone = '+00:00'; CREATE DATABASE x CHARACTER SET utf8mb4 COLLATE ${collation}; USE x; CREATE TABLE t (${columns.join(', ')})`,
  );
});
afterAll(async () => {
  root.destroy();
  await server[Symbol.asyncDispose]();
});

/** The literal that otter makes; undefined where it refuses to. */
function made(text: string, row: Row): Value | undefined {
  try {
    const { type, evaluate } = compile(parseExpression(text), shapes);
    const value = evaluate(names.map((name) => row[name]));
    return value === null ? null : writerOf(type)(value);
  } catch (error) {
    if (error instanceof ExpressionProblem || error instanceof ValueProblem) return undefined;
    throw error;
  }
}

/** What the server makes; undefined where it refuses to. */
async function theirs(text: string, ours: Value): Promise<{ same: boolean; value: string | null } | undefined> {
  const same =
    ours === null
      ? `(${text}) IS NULL`
      : `COALESCE(BINARY (${text}) = BINARY ${ours}, 0) OR COALESCE((${text}) = ${ours}, 0)`;
  try {
    const [rows] = await root.query<({ same: unknown; value: string | null } & RowDataPacket)[]>(
      `SELECT CAST((${text}) AS CHAR) AS value, ${same} AS same FROM t`,
    );
    return { same: Number(rows[0]!.same) === 1, value: rows[0]!.value };
  } catch (error) {
    // Subtractions of unsigned numbers, and products of many digits.
    if (/out of range/.test((error as Error).message)) return undefined;
    throw error;
  }
}

test(
  'as the server says',
  async () => {
    let asked = 0;
    const several = fc.array(expressions, { minLength: 8, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(rows, several, async (row, texts) => {
        const values = names.map((name) => row[name] ?? 'NULL').join(',');
        await root.query(`DELETE FROM t; INSERT INTO t (${names.join(',')}) VALUES (${values})`);
        for (const text of texts) {
          const ours = made(text, row);
          const found = ours === undefined ? undefined : await theirs(text, ours);
          if (found === undefined) continue;
          asked += 1;
          // MariaDB has a DECIMAL -0.0, which is not equal to 0.0 there.
          if (!found.same && !/^-0\.0+$/.test(found.value ?? ''))
            expect(`${text}: ${ours}`).toBe(`${text}: ${found.value}`);
        }
      }),
      { numRuns: LONG ? 1000 : 40 },
    );
    expect(asked).toBeGreaterThan(100);
  },
  LONG ? 120_000 : 30_000,
);
