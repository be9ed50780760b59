/**
 * Every type with every one of its values, in every operation, from one server to another: tables that hold many cells each,
 * the statements that fill them, and what both servers say of them in the end.
 */
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { doubleLiteral } from '../../src/mysql/decode.ts';
import { DIFFERENCES, type ServerName } from '../../src/replication/differences.ts';
import { channel, rootOf, Sites, STARTS, until } from '../site/harness.ts';
import { linesOf, verified } from '../verify/verifier.ts';
import { has, type Kind, TYPE_CASES, type TypeCase } from './cases.ts';

export interface Outcome {
  readonly cells: number;
  /** `type, operation: what the source has | what the target has` */
  readonly wrong: readonly string[];
}

const COLUMNS_A_TABLE = 10;
export const LAX = "SET sql_mode='ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone='+00:00', NAMES utf8mb4";

/** Ways in which a value comes to the target, by where the numbers of their rows begin. */
const ROWS = {
  copied: 0,
  'updated after its copy': 10_000,
  inserted: 20_000,
  'updated from NULL': 30_000,
  'kept while another column changed': 40_000,
  'deleted and inserted anew': 50_000,
} as const;
const ROWS_STEP = 10_000;

/** A table of several types, each with its values, of which row number n has the one after the one of row n - 1. */
interface Wide {
  readonly name: string;
  readonly cases: readonly TypeCase[];
  /** As many rows as the longest list of values has. */
  readonly rows: number;
}

export async function runMatrix(from: Kind, to: Kind, every: number, offset = 0): Promise<Outcome> {
  // Whatever sessions of either server are set to when nobody sets them.
  const start = async (kind: Kind, zone: string, mode: string): Promise<DatabaseServer> =>
    STARTS[kind]({ args: [...argsOf(kind), `--default-time-zone=${zone}`, `--sql-mode=${mode}`] });
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await start(from, '+05:30', 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'));
  const b = stack.use(await start(to, '-03:00', 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ANSI_QUOTES'));
  const [source, target] = await Promise.all([rootOf(a), rootOf(b)]);
  stack.defer(() => {
    source.destroy();
    target.destroy();
  });
  for (const root of [source, target]) await root.query(LAX);
  const cases = casesOf(from, to).filter((_, index) => index % every === offset);
  const matrix = new Matrix(source, target, cases, to);
  await matrix.create();
  const sites = stack.use(new Sites({ a, b }));
  const direction = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
  sites.set({
    m: channel(direction, ['m.*']),
    n: channel(direction, ['n.*'], { initial: 'none' }),
  });
  for (const name of ['a', 'b']) sites.start(name);
  const arrive = async (what: string, check: () => Promise<boolean>): Promise<void> => {
    const failed = (): boolean => Object.values(sites.figures()).some(({ error }) => error !== null);
    await until(what, async () => failed() || (await check()), 60_000).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
    });
    expect(Object.entries(sites.figures()).filter(([, { error }]) => error !== null)).toEqual([]);
  };
  await arrive('both stream', async () =>
    ['m/a>b', 'n/a>b'].every((name) => sites.figures()[name]?.phase === 'streaming'),
  );
  await matrix.change();
  for (const schema of ['m', 'n']) {
    await source.query(`INSERT INTO ${schema}.last VALUES (2)`);
    await arrive(`${schema} is there`, async () => {
      const [rows] = await target.query(`SELECT 1 FROM ${schema}.last WHERE id=2`);
      return (rows as unknown[]).length === 1;
    });
  }
  const outcome = await matrix.compare();
  // `otter verify` calls equal what is.
  const tables = await verified({ a, b }, { m: channel(direction, ['m.*']) });
  const unequal = tables.flatMap(({ table, skipped }) => (skipped === null ? [] : [`${table}: ${skipped}`]));
  expect(tables.length).toBeGreaterThan(0);
  return { ...outcome, wrong: [...outcome.wrong, ...unequal, ...linesOf(tables)] };
}

/** Collations that every family has, and room for every value. */
export function argsOf(kind: Kind): readonly string[] {
  const common = ['--collation-server=utf8mb4_general_ci', '--max-allowed-packet=256M'];
  return kind === 'mariadb11' ? [...common, '--character-set-collations='] : common;
}

/** Those that the source has and the target can take, without the values that it cannot hold. */
export function casesOf(from: Kind, to: Kind): readonly TypeCase[] {
  return TYPE_CASES.filter((one) => has(from, one) && (has(to, one) || one.elsewhere !== undefined)).map((one) => ({
    ...one,
    values: one.values.filter((value) => !lost(one, value, from, to)),
  }));
}

/** The values of the list of differences, which has its own test. */
function lost({ type }: TypeCase, value: string, from: Kind, to: Kind): boolean {
  return DIFFERENCES.some(
    (one) =>
      one.value === value && one.types.test(type) && one.from.includes(NAMES[from]) && one.to.includes(NAMES[to]),
  );
}

export const NAMES: Readonly<Record<Kind, ServerName>> = {
  mariadb: 'MariaDB 10.11',
  mariadb11: 'MariaDB 11.8',
  mysql: 'MySQL 9',
};

class Matrix {
  readonly #source: Connection;
  readonly #target: Connection;
  readonly #to: Kind;
  readonly #wide: readonly Wide[];
  readonly #keys: readonly { readonly name: string; readonly one: TypeCase }[];

  constructor(source: Connection, target: Connection, cases: readonly TypeCase[], to: Kind) {
    this.#source = source;
    this.#target = target;
    this.#to = to;
    // Tables whose columns have other types at the target are made there by hand.
    const [made, foreign] = [cases.filter((one) => has(to, one)), cases.filter((one) => !has(to, one))];
    this.#wide = [...chunks(made), ...chunks(foreign)].map((some, index) => ({
      name: `w${index}`,
      cases: some,
      rows: Math.max(...some.map(({ values }) => values.length + 1)),
    }));
    this.#keys = cases.flatMap((one, index) => (mayBeKey(one) ? [{ name: `k${index}`, one }] : []));
  }

  async create(): Promise<void> {
    await this.#source.query('CREATE DATABASE m; CREATE DATABASE n');
    await this.#target.query('CREATE DATABASE m; CREATE DATABASE n');
    for (const schema of ['m', 'n']) {
      for (const root of schema === 'm' ? [this.#source] : [this.#source, this.#target])
        await root.query(`CREATE TABLE ${schema}.last (id INT PRIMARY KEY)`);
    }
    for (const { name, cases, rows } of this.#wide) {
      await this.#make('m', name, 'id INT PRIMARY KEY', cases, '');
      await this.#make('n', name, 'id INT', cases, '');
      await this.#insert('m', name, cases, rows, ROWS.copied, 0);
      await this.#insert('m', name, cases, rows, ROWS['updated after its copy'], 0);
    }
    for (const { name, one } of this.#keys) {
      await this.#make('m', name, 'id INT NOT NULL', [one], ', PRIMARY KEY (c0, id)');
      await this.#keyed(name, one, ROWS.copied);
      await this.#keyed(name, one, ROWS['updated after its copy']);
    }
  }

  /** By `elsewhere` where the target has not the type; tables without a key it does not copy, so they are made too. */
  async #make(schema: string, name: string, head: string, cases: readonly TypeCase[], tail: string): Promise<void> {
    const statement = (type: (one: TypeCase) => string): string =>
      `CREATE TABLE ${schema}.${name} (${head}, ${cases.map((one, i) => `c${i} ${typed(type(one), tail)}`).join(', ')}, z INT NOT NULL DEFAULT 7${tail}) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci`;
    await this.#source.query(statement(({ type }) => type));
    const foreign = cases.some((one) => !has(this.#to, one));
    if (schema === 'n' || foreign)
      await this.#target.query(statement((one) => (has(this.#to, one) ? one.type : one.elsewhere!)));
  }

  async change(): Promise<void> {
    for (const wide of this.#wide) {
      const { name, cases, rows } = wide;
      const within = (way: keyof typeof ROWS): string => `id >= ${ROWS[way]} AND id < ${ROWS[way] + ROWS_STEP}`;
      await this.#update('m', wide, ROWS['updated after its copy'], 1);
      for (const schema of ['m', 'n']) {
        await this.#insert(schema, name, cases, rows, ROWS.inserted, 0);
        await this.#nulls(schema, wide, ROWS['updated from NULL']);
        await this.#update(schema, wide, ROWS['updated from NULL'], 0);
        await this.#insert(schema, name, cases, rows, ROWS['kept while another column changed'], 0);
        await this.#source.query(
          `UPDATE ${schema}.${name} SET z=8 WHERE ${within('kept while another column changed')}`,
        );
        await this.#insert(schema, name, cases, rows, ROWS['deleted and inserted anew'], 1);
        await this.#source.query(`DELETE FROM ${schema}.${name} WHERE ${within('deleted and inserted anew')}`);
        await this.#insert(schema, name, cases, rows, ROWS['deleted and inserted anew'], 0);
      }
      // Found by all their columns, and changed in them.
      await this.#insert('n', name, cases, rows, ROWS['updated after its copy'], 0);
      await this.#update('n', wide, ROWS['updated after its copy'], 1);
    }
    for (const { name, one } of this.#keys) {
      const { values } = one;
      for (const way of [
        'inserted',
        'updated from NULL',
        'kept while another column changed',
        'deleted and inserted anew',
      ] as const)
        await this.#keyed(name, one, ROWS[way]);
      const first = ROWS['deleted and inserted anew'];
      await this.#source.query(
        `DELETE FROM m.${name} WHERE id >= ${first}; UPDATE m.${name} SET z=8 WHERE id >= ${ROWS['kept while another column changed']}`,
      );
      await this.#keyed(name, one, first);
      // Their keys change.
      for (const start of [ROWS['updated after its copy'], ROWS['updated from NULL']])
        for (const [n] of values.entries())
          await this.#source.query(`UPDATE m.${name} SET c0=${values[(n + 1) % values.length]!} WHERE id=${start + n}`);
    }
  }

  async #keyed(name: string, { values }: TypeCase, start: number): Promise<void> {
    const rows = values.map((value, n) => `(${start + n}, ${value})`);
    await this.#source.query(`INSERT INTO m.${name} (id, c0) VALUES ${rows.join(', ')}`);
  }

  async #insert(
    schema: string,
    name: string,
    cases: readonly TypeCase[],
    rows: number,
    start: number,
    shift: number,
  ): Promise<void> {
    for (let n = 0; n < rows; n += 1) {
      const values = cases.map((one) => valueAt(one, n + shift));
      await this.#source.query(`INSERT INTO ${schema}.${name} VALUES (${[start + n, ...values, 7].join(', ')})`);
    }
  }

  async #nulls(schema: string, { name, cases, rows }: Wide, start: number): Promise<void> {
    const tuples = Array.from({ length: rows }, (_, n) => `(${[start + n, ...cases.map(() => 'NULL'), 7].join(', ')})`);
    await this.#source.query(`INSERT INTO ${schema}.${name} VALUES ${tuples.join(', ')}`);
  }

  async #update(schema: string, { name, cases, rows }: Wide, start: number, shift: number): Promise<void> {
    for (let n = 0; n < rows; n += 1) {
      const set = cases.map((one, i) => `c${i}=${valueAt(one, n + shift)}`);
      await this.#source.query(`UPDATE ${schema}.${name} SET ${set.join(', ')} WHERE id=${start + n}`);
    }
  }

  /** In the words of each server. */
  async compare(): Promise<Outcome> {
    const wrong: string[] = [];
    let cells = 0;
    const tables = [
      ...['m', 'n'].flatMap((schema) => this.#wide.map(({ name, cases }) => ({ table: `${schema}.${name}`, cases }))),
      ...this.#keys.map(({ name, one }) => ({ table: `m.${name}`, cases: [one] })),
    ];
    for (const { table, cases } of tables) {
      const [here, there] = await Promise.all([
        said(
          this.#source,
          table,
          cases.map(({ type }) => type),
        ),
        said(
          this.#target,
          table,
          cases.map((one) => (has(this.#to, one) ? one.type : one.elsewhere!)),
        ),
      ]);
      expect(here.length).toBeGreaterThan(0);
      for (const id of new Set([...here, ...there].map(([row]) => row!))) {
        const [mine, other] = [here, there].map((rows) => rows.find(([row]) => row === id));
        for (const [i, { type }] of cases.entries()) {
          cells += 1;
          const [one, two] = [mine?.[i + 2] ?? 'NULL', other?.[i + 2] ?? 'NULL'];
          if (mine !== undefined && other !== undefined && one === two && mine[1] === other[1]) continue;
          const way = Object.entries(ROWS).findLast(([, start]) => start <= Number(id))![0];
          const shown = [mine === undefined ? 'no row' : one, other === undefined ? 'no row' : two];
          wrong.push(`${type}, ${table}, ${way} (${id}): ${shown.map((text) => text.slice(0, 100)).join(' | ')}`);
        }
      }
    }
    return { cells, wrong };
  }
}

function chunks(cases: readonly TypeCase[]): readonly TypeCase[][] {
  return Array.from({ length: Math.ceil(cases.length / COLUMNS_A_TABLE) }, (_, i) =>
    cases.slice(i * COLUMNS_A_TABLE, (i + 1) * COLUMNS_A_TABLE),
  );
}

/** Its values, and NULL. */
function valueAt({ values }: TypeCase, n: number): string {
  return values[n % (values.length + 1)] ?? 'NULL';
}

export function typed(type: string, tail: string): string {
  if (tail !== '')
    return type.replace(/ null$/, '') + (type.startsWith('timestamp') ? " NOT NULL DEFAULT '2000-01-01'" : '');
  return type.endsWith(' null') ? type : `${type} NULL`;
}

/** Long texts and bytes take a prefix, the others are no keys. */
export function mayBeKey({ type, elsewhere }: TypeCase): boolean {
  if (elsewhere !== undefined && !/^(inet|uuid)/.test(type)) return false;
  if (/text|blob|json|geometry|point|linestring|polygon|vector|compressed/.test(type)) return false;
  return Number(/^(?:var)?(?:char|binary)\((\d+)\)/.exec(type)?.[1] ?? 0) <= 255;
}

/** Rows in the words of their server: id, z, and each column. */
async function said(root: Connection, table: string, types: readonly string[]): Promise<readonly (string | null)[][]> {
  const columns = types.map((type, i) => saidOf(`c${i}`, type));
  const [rows] = await root.query({
    sql: `SELECT CAST(id AS CHAR), CAST(z AS CHAR), ${columns.join(', ')} FROM ${table} ORDER BY id`,
    rowsAsArray: true,
  });
  return (rows as (string | number | null)[][]).map((row) =>
    row.map((value) => (typeof value === 'number' ? doubleLiteral(value) : value)),
  );
}

export function saidOf(name: string, type: string): string {
  const short = (text: string): string =>
    `IF(LENGTH(${text}) > 2000, CONCAT(LENGTH(${text}), ' ', SHA2(${text}, 256)), ${text})`;
  if (/^(inet|uuid)/.test(type)) return `HEX(CAST(${name} AS BINARY(${type === 'inet4' ? 4 : 16})))`;
  if (/^(enum|set)\(/.test(type)) return `CONCAT(CAST(${name} AS UNSIGNED), ' ', HEX(${name}))`;
  if (type.startsWith('bit')) return `CAST(CAST(${name} AS UNSIGNED) AS CHAR)`;
  // As a number: a FLOAT is printed with six digits, and MySQL's CAST to CHAR leaves out the last digits of some doubles.
  if (/^(float|double)/.test(type)) return `${name}*1e0`;
  if (/^json/.test(type)) return short(`HEX(CAST(${name} AS CHAR))`);
  if (/text|char|blob|binary|geometry|point|linestring|polygon|vector/.test(type)) return short(`HEX(${name})`);
  return `CAST(${name} AS CHAR)`;
}
