/** What comes as lines is what would have been inserted: both ways side by side on real servers. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import type { LoadTable } from '../../src/model/load.ts';
import type { ColumnShape, Image, TableShape } from '../../src/model/row.ts';
import { bulkInsert, bulkReplace, loaded } from '../../src/mysql/bulk.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { SQL_MODE } from '../../src/mysql/database-server.ts';
import { binaryLiteral, textLiteral } from '../../src/mysql/literal.ts';
import { type Statement, statements } from '../../src/mysql/sql.ts';
import { loadTable } from '../../src/replication/load-table.ts';
import { rootOf } from '../site/harness.ts';
import { access } from './context.ts';

const text = (charset: string): fc.Arbitrary<string> => {
  const literal = textLiteral(charset);
  const odd = fc.constantFrom(
    "'",
    '\\',
    '\\N',
    'NULL',
    ',',
    '\n',
    '\t',
    '\r',
    '\0',
    '\x1a',
    '',
    ' ',
    "','",
    "'\n'",
    '\\',
  );
  const letters = charset === 'utf8mb4' ? fc.string({ unit: 'binary', maxLength: 5 }) : fc.string({ maxLength: 5 });
  return fc
    .array(fc.oneof(odd, letters), { maxLength: 6 })
    .map((parts) => Buffer.from(parts.join('')))
    .map((bytes) => literal(Buffer.concat([Buffer.from('..'), bytes, Buffer.from('..')]), 2, bytes.length + 2));
};
const bytes = fc.uint8Array({ maxLength: 40 }).map((each) => binaryLiteral(Buffer.from(each), 0, each.length));
const orNull = (value: fc.Arbitrary<string>): fc.Arbitrary<string | null> => fc.option(value, { freq: 6 });
const float = (value: fc.Arbitrary<number>): fc.Arbitrary<string> =>
  value.map((each) => (Object.is(each, -0) ? '-0e0' : each.toExponential()));
const finite = { noNaN: true, noDefaultInfinity: true };

const COLUMNS: readonly (readonly [string, string, fc.Arbitrary<string>])[] = [
  ['big', 'bigint unsigned', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String)],
  ['small', 'smallint', fc.integer({ min: -32768, max: 32767 }).map(String)],
  ['exact', 'decimal(30,6)', fc.bigInt({ min: -(10n ** 23n), max: 10n ** 23n }).map((each) => `${each}.000001`)],
  ['wide', 'double', float(fc.double(finite))],
  ['narrow', 'float', float(fc.float(finite))],
  ['name', 'varchar(60) CHARACTER SET utf8mb4', text('utf8mb4')],
  ['code', 'char(40) CHARACTER SET ascii', text('ascii')],
  ['old', 'varchar(60) CHARACTER SET latin1', text('latin1')],
  ['doc', 'mediumtext CHARACTER SET utf8mb4', text('utf8mb4')],
  ['raw', 'varbinary(40)', bytes],
  ['picture', 'longblob', bytes],
  [
    'at',
    'datetime(6)',
    fc.constantFrom("'2026-01-01 00:00:00.000001'", "'0000-00-00 00:00:00.000000'", "'9999-12-31 23:59:59.999999'"),
  ],
  ['changed', 'timestamp(3) NULL', fc.constantFrom("'2026-01-01 00:00:00.001'", "'1970-01-01 00:00:01.000'")],
  ['day', 'date', fc.constantFrom("'2026-02-28'", "'0000-00-00'", "'2026-00-00'")],
  ['took', 'time(6)', fc.constantFrom("'-838:59:59.000000'", "'00:00:00.000001'")],
];

const SMALL = COLUMNS.findIndex(([name]) => name === 'small');

describe.each<[string, () => Promise<LabServer>]>([
  ['MariaDB', startMariaDb],
  ['MySQL', () => startMySql({ args: ['--local-infile=1'] })],
])('%s', (_, start) => {
  let stack: AsyncDisposableStack;
  let session: Session;

  beforeAll(async () => {
    stack = new AsyncDisposableStack();
    const server = stack.use(await start());
    const root = await rootOf(server);
    stack.defer(() => root.destroy());
    await root.query('CREATE DATABASE d CHARACTER SET utf8mb4');
    session = stack.use(await access(server, server.root).connect({ multipleStatements: true }));
    await session.query(`SET sql_mode='${SQL_MODE}', time_zone='+00:00'`);
  });

  afterAll(async () => {
    await stack?.[Symbol.asyncDispose]();
  });

  const tableOf = (name: string): LoadTable => {
    const columns = COLUMNS.map(([column, type]): ColumnShape => {
      const [plain, charset] = type.replace(' NULL', '').split(' CHARACTER SET ');
      return {
        name: column,
        type: plain!,
        charset: charset ?? null,
        collation: null,
        nullable: true,
        generated: false,
      };
    });
    const id: ColumnShape = {
      name: 'id',
      type: 'int',
      charset: null,
      collation: null,
      nullable: false,
      generated: false,
    };
    const shape: TableShape = {
      ...{ schema: 'd', name, columns: [id, ...columns], primaryKey: [0], uniques: [], foreignKeys: [] },
      ...{ referencedBy: [], triggers: [], engine: 'InnoDB' },
    };
    return loadTable(shape, shape, {});
  };

  const send = async ({ sql, lines, counts }: Statement): Promise<unknown> => {
    const driver = { infileStreamFactory: () => Readable.from(lines!(), { highWaterMark: 1 }) };
    return session.query(`${sql};${loaded(counts!)}`, { driver });
  };
  const load = async (table: LoadTable, rows: readonly Image[]): Promise<unknown> => send(bulkInsert(table, rows)!);
  const replace = async (table: LoadTable, rows: readonly Image[]): Promise<unknown> => send(bulkReplace(table, rows)!);

  test('values of every column that takes part', async () => {
    const made = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ');
    const seen = COLUMNS.map(([name]) => `HEX(${name})`).join(", '|', ");
    for (const name of ['loaded', 'inserted'])
      await session.query(`CREATE TABLE d.${name} (id INT PRIMARY KEY AUTO_INCREMENT, ${made}) ENGINE=InnoDB`);
    const row = fc.tuple(...COLUMNS.map(([, , value]) => orNull(value)));
    const dump = async (name: string): Promise<string[]> =>
      (
        await session.rows<{ row: string }>(
          `SELECT CONCAT_WS('', id, ':', ${seen}) AS \`row\` FROM d.${name} ORDER BY id`,
        )
      ).map((each) => each.row);
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 60, maxLength: 200 }), async (some) => {
        // Enough of them that they come as lines; their keys begin with 0.
        const rows = Array.from({ length: Math.ceil(3_000 / some.length) }, () => some)
          .flat()
          .map((each, id): Image => [String(id), ...each]);
        await session.query('DELETE FROM d.loaded; DELETE FROM d.inserted');
        await load(tableOf('loaded'), rows);
        for (const { sql } of statements({ kind: 'insert', table: tableOf('inserted'), rows }, 1 << 20))
          await session.query(sql);
        expect(await dump('loaded')).toEqual(await dump('inserted'));
        // Every row becomes its neighbour, and another than it was.
        const others = rows.map(([id], at): Image => {
          const values = rows[(at + 1) % rows.length]!.slice(1);
          values[SMALL] = rows[at]![1 + SMALL] === '1' ? '2' : '1';
          return [id!, ...values];
        });
        await replace(tableOf('loaded'), others);
        for (const { sql } of statements({ kind: 'upsert', table: tableOf('inserted'), rows: others }, 1 << 20))
          await session.query(sql);
        expect(await dump('loaded')).toEqual(await dump('inserted'));
      }),
      { numRuns: 3 },
    );
  }, 60_000);

  test('values longer than a packet', async () => {
    await session.query(
      'CREATE TABLE d.long_ones (id INT PRIMARY KEY, a LONGBLOB, b LONGTEXT CHARACTER SET utf8mb4) ENGINE=InnoDB',
    );
    const column = (name: string, type: string, charset: string | null): ColumnShape => ({
      ...{ name, type, charset, collation: null, nullable: true, generated: false },
    });
    const columns = [column('id', 'int', null), column('a', 'longblob', null), column('b', 'longtext', 'utf8mb4')];
    const shape: TableShape = {
      ...{ schema: 'd', name: 'long_ones', columns, primaryKey: [0], uniques: [], foreignKeys: [] },
      ...{ referencedBy: [], triggers: [], engine: 'InnoDB' },
    };
    const [limit] = await session.rows<{ most: number }>('SELECT @@max_allowed_packet AS most');
    const bytes = Buffer.from(Array.from({ length: 65_537 }, (_, i) => (i * 7) & 255));
    const sizes = [0, 1, 32_767, 32_768, 32_769, 65_536, 65_537, Math.min(Number(limit!.most) + 5, 20 << 20)];
    const values = sizes.map((size) => Buffer.alloc(size, bytes));
    const rows = values.map((value, id): Image => {
      return [String(id), binaryLiteral(value, 0, value.length), `'${'ä'.repeat(value.length / 2)}'`];
    });
    await load(loadTable(shape, shape, {}), [...rows].reverse());
    const found = await session.rows<{ a: string; b: number }>(
      'SELECT SHA2(a, 256) AS a, CHAR_LENGTH(b) AS b FROM d.long_ones ORDER BY id',
    );
    expect(found.map(({ a, b }) => [a, Number(b)])).toEqual(
      values.map((value) => [createHash('sha256').update(value).digest('hex'), Math.floor(value.length / 2)]),
    );
  }, 60_000);

  test('rows that replace others: every one of them, by its key, and where nothing else can be met', async () => {
    const ci = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci';
    await session.query(`CREATE TABLE d.words (word VARCHAR(20) ${ci} PRIMARY KEY, n INT) ENGINE=InnoDB`);
    const column = (name: string, type: string, charset: string | null): ColumnShape => ({
      ...{ name, type, charset, nullable: true, generated: false },
      collation: charset === null ? null : 'utf8mb4_general_ci',
    });
    const shape: TableShape = {
      ...{ schema: 'd', name: 'words', columns: [column('word', 'varchar(20)', 'utf8mb4'), column('n', 'int', null)] },
      ...{ primaryKey: [0], uniques: [], foreignKeys: [], referencedBy: [], triggers: [], engine: 'InnoDB' },
    };
    const table = loadTable(shape, shape, {});
    const rows = (n: string, word = (id: number): string => `'word ${id}'`): Image[] =>
      Array.from({ length: 25_000 }, (_, id): Image => [word(id), n]);
    const found = async (): Promise<unknown> =>
      session.rows("SELECT CONCAT(COUNT(*), ' ', SUM(n)) AS found FROM d.words");
    await load(table, rows('1'));
    await replace(
      table,
      rows('2', (id) => `'WORD ${id}'`),
    );
    const capital = [{ found: '25000 50000' }];
    expect(await found()).toEqual(capital);
    expect(await session.rows("SELECT 1 FROM d.words WHERE BINARY word LIKE 'WORD%'")).toHaveLength(25_000);
    // One that is not there, and one that is so already.
    for (const odd of [
      ["'new'", '3'],
      ["'WORD 17'", '2'],
    ] satisfies Image[]) {
      const some = rows('3', (id) => `'WORD ${id}'`).filter(([word]) => word !== odd[0]);
      await session.query('START TRANSACTION');
      await expect(replace(table, [...some, odd])).rejects.toThrow(/more than 1 row/);
      await session.query('ROLLBACK');
      expect(await found()).toEqual(capital);
    }
    const key = { name: 'fk', columns: [1], parentSchema: 'd', parentTable: 'p', parentColumns: ['id'] };
    const others: Partial<TableShape>[] = [
      { uniques: [{ name: 'n', columns: [1] }] },
      { foreignKeys: [{ ...key, onDelete: 'RESTRICT', onUpdate: 'RESTRICT' }] },
      { referencedBy: ['d.child'] },
      { triggers: ['t'] },
      { columns: [...shape.columns, column('own', 'int', null)] },
    ];
    for (const other of others) {
      const met = loadTable(shape, { ...shape, ...other }, {});
      expect(bulkReplace(met, rows('4'))).toBeNull();
      expect(bulkInsert(met, rows('4'))).not.toBeNull();
    }
  });

  test('a row that is passed over, or bent, is no load', async () => {
    await session.query(
      'CREATE TABLE d.small (id INT PRIMARY KEY, name VARCHAR(5) CHARACTER SET utf8mb4, UNIQUE KEY (name)) ENGINE=InnoDB',
    );
    const column = (name: string, type: string, charset: string | null): ColumnShape => ({
      ...{ name, type, charset, collation: null, nullable: true, generated: false },
    });
    const shape: TableShape = {
      ...{ schema: 'd', name: 'small', columns: [column('id', 'int', null), column('name', 'varchar(5)', 'utf8mb4')] },
      ...{ primaryKey: [0], uniques: [], foreignKeys: [], referencedBy: [], triggers: [], engine: 'InnoDB' },
    };
    const table = loadTable(shape, shape, {});
    const rows = Array.from({ length: 8_000 }, (_, id): Image => [String(id), `'${id}'`]);
    const wrong: readonly Image[] = [
      ["'x'", "'x'"],
      ['17', "'y'"],
      ['-1', "'4999'"],
      ['-1', "'123456'"],
    ];
    for (const each of wrong)
      await expect(load(table, [...rows.slice(0, 4_000), each, ...rows.slice(4_000)])).rejects.toThrow(
        /more than 1 row/,
      );
    await session.query('DELETE FROM d.small');
    await load(table, rows);
    expect(await session.rows('SELECT 1 FROM d.small')).toHaveLength(8_000);
  });
});
