/**
 * A channel into an Oracle database, from the log of a MySQL or MariaDB server to the rows: on PostgreSQL in an Oracle's
 * place (`test/oracle/stand-in.ts`), or on the one that `OTTER_TEST_ORACLE` names.
 */

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { type OracleLab, openRealOracle, openStandInLab, realOracle } from '../oracle/lab.ts';
import { LONG } from '../project/long.ts';
import { channel, rootOf, Sites, streaming, until } from './harness.ts';

const open = realOracle() === null ? openStandInLab : openRealOracle;
const where = realOracle() === null ? 'PostgreSQL in an Oracle’s place' : 'Oracle';

let lab: OracleLab;
let run = 0;

beforeAll(async () => {
  lab = await open();
});

afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
});

const SOURCES = [
  ['MariaDB', startMariaDb],
  ['MySQL', startMySql],
] as const;

// The source is a matter of `test/mysql`; both are tried in the long run.
describe.each(LONG ? SOURCES : SOURCES.slice(0, 1))(`%s to ${where}`, (_, start) => {
  let server: LabServer;
  let root: Connection;

  beforeAll(async () => {
    server = await start();
    root = await rootOf(server);
  });

  afterAll(async () => {
    root?.destroy();
    await server?.[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    run += 1;
    await root.query('DROP DATABASE IF EXISTS shop; CREATE DATABASE shop CHARACTER SET utf8mb4');
    const own = await lab.rows(`SELECT table_name FROM all_tables WHERE owner='${lab.schema}'`);
    const kept = new Set(lab.own === lab.schema ? ['CHECKPOINT', 'COPY', 'STRUCTURE'] : []);
    for (const [name] of own) if (!kept.has(name!)) await lab.sql(`DROP TABLE "${lab.schema}"."${name}"`);
  });

  const to = (table: string): string => `${lab.schema}.${table}`;
  const sites = (): Sites => new Sites({ hz: server, dw: lab }, undefined, `oracle-${run}`);
  const oneWay = { kind: 'one-way', from: ['hz'], to: ['dw'] } as const;

  /** Rows of a query at either end, as texts. */
  const there = async (query: string): Promise<string[]> =>
    (await lab.rows(query)).map((row) => row.map((value) => value ?? 'NULL').join('|')).sort();
  const here = async (query: string): Promise<string[]> => {
    const [rows] = await root.query({ sql: query, rowsAsArray: true });
    return (rows as unknown[][]).map((row) => row.map((value) => value ?? 'NULL').join('|')).sort();
  };
  const same = async (theirs: string, ours: string): Promise<void> => {
    let [left, right]: string[][] = [[], []];
    await until('equal', async () => {
      [left, right] = [await there(theirs), await here(ours)];
      return JSON.stringify(left) === JSON.stringify(right);
    }).catch((error: unknown) => {
      expect(left).toEqual(right);
      throw error;
    });
  };

  test('existing rows, then the log, with the target killed in between', async () => {
    await root.query(
      `CREATE TABLE shop.orders (id BIGINT UNSIGNED PRIMARY KEY, name VARCHAR(40), price DECIMAL(30,10), note TEXT)`,
    );
    const insert = async (from: number, count: number): Promise<void> => {
      const rows = Array.from({ length: count }, (_, i) => {
        const id = BigInt(from + i) + 18_446_744_073_700_000_000n;
        return `(${id},'n ${i}','${i}.0123456789',REPEAT('é',${i % 7 === 0 ? 3000 : 1}))`;
      });
      await root.query(`INSERT INTO shop.orders VALUES ${rows.join(',')}`);
    };
    await insert(0, 600);
    await lab.sql(
      `CREATE TABLE "${lab.schema}"."ORDERS" ("ID" NUMBER(20) NOT NULL, "NAME" VARCHAR2(40 CHAR), "PRICE" NUMBER(30,10), "NOTE" CLOB, "LOADED" DATE, PRIMARY KEY ("ID"))`,
    );
    await using both = sites();
    both.set({ shop: channel(oneWay, [{ from: 'shop.orders', to: to('ORDERS') }]) });
    both.start('hz');
    both.start('dw');
    const equal = (): Promise<void> =>
      same(
        `SELECT "ID","NAME",TO_CHAR("PRICE",'FM99999999990.0000000000'),LENGTH("NOTE") FROM "${lab.schema}"."ORDERS"`,
        'SELECT id, name, price, CHAR_LENGTH(note) FROM shop.orders',
      );
    // Gone in the midst of the copy, wherever that is.
    await until('rows arrive', async () => (await there(`SELECT 1 FROM "${lab.schema}"."ORDERS"`)).length > 0);
    await both.stop('dw');
    await insert(1000, 50);
    await root.query(
      "UPDATE shop.orders SET name = 'changed', note = NULL WHERE id % 3 = 0; DELETE FROM shop.orders WHERE id % 5 = 0",
    );
    both.start('dw');
    await streaming(both, 'shop/hz>dw');
    await equal();
    const write = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i += 1) {
        await insert(2000 + i * 10, 10);
        await root.query(
          `UPDATE shop.orders SET price = -price, id = id - 100000 WHERE id = ${18_446_744_073_700_002_000n + BigInt(i * 10)}`,
        );
      }
    };
    // Under load the owner is replaced, and then the server is killed where it is ours.
    const first = write(0, 30);
    await both.stop('dw');
    both.start('dw');
    await first;
    const second = write(30, 90);
    await lab.kill?.();
    await second;
    await equal();
    expect(both.figures()['shop/hz>dw']?.drift).toBe(0);
  });

  test('a table that is missing is made; shards go into one table', async () => {
    for (const shard of [0, 1, 2]) {
      await root.query(
        `CREATE TABLE shop.item_${shard} (id INT PRIMARY KEY, kind ENUM('new','it''s, old') NOT NULL, tags SET('a','b','c'), born DATE, INDEX (kind)); INSERT INTO shop.item_${shard} VALUES (${shard}1,'new','a,c','2024-02-29'),(${shard}2,'it''s, old','',NULL)`,
      );
    }
    await using both = sites();
    both.set({ shop: channel(oneWay, [{ from: 'shop.item_[0-2]', to: to('item') }], { existing: 'merge' }) });
    both.start('hz');
    both.start('dw');
    await streaming(both, 'shop/hz>dw');
    const union = [0, 1, 2].map(
      (shard) => `SELECT id, kind, NULLIF(tags, ''), CONCAT(born, ' 00:00:00') FROM shop.item_${shard}`,
    );
    const equal = (): Promise<void> =>
      same(
        `SELECT "ID","KIND","TAGS",TO_CHAR("BORN",'YYYY-MM-DD HH24:MI:SS') FROM "${lab.schema}"."ITEM"`,
        union.join(' UNION ALL '),
      );
    await equal();
    await root.query(
      "UPDATE shop.item_1 SET kind = 'new', tags = 'a,b,c'; DELETE FROM shop.item_2 WHERE id = 21; INSERT INTO shop.item_0 VALUES (5, 'new', NULL, '1582-10-15')",
    );
    await equal();
  });

  test('two tables that Oracle takes for one are refused, in one channel and in two', async () => {
    await root.query(
      'CREATE TABLE shop.item (id INT PRIMARY KEY, v INT); CREATE TABLE shop.ITEM LIKE shop.item; INSERT INTO shop.item VALUES (1, 1); INSERT INTO shop.ITEM VALUES (1, 2), (2, 2)',
    );
    await using both = sites();
    const of = (from: string, as: string) => channel(oneWay, [{ from, to: to(as) }], { existing: 'replace' });
    both.set({ twins: of('shop.*', '*') });
    both.start('hz');
    both.start('dw');
    const refused = async (pipeline: string): Promise<string> => {
      await until(`${pipeline} is refused`, () => both.figures()[pipeline]?.error?.code === 'OT5056');
      return both.figures()[pipeline]!.error!.message;
    };
    expect(await refused('twins/hz>dw')).toMatch(/shop\.(item|ITEM) and shop\.(item|ITEM) would both go into/);
    both.set({});
    await until('it is gone', () => both.figures()['twins/hz>dw'] === undefined);
    await lab.sql(`DROP TABLE "${lab.schema}"."ITEM"`);
    both.set({ small: of('shop.item', 'item') });
    await streaming(both, 'small/hz>dw');
    both.set({ small: of('shop.item', 'item'), large: of('shop.ITEM', 'ITEM') });
    expect(await refused('large/hz>dw')).toMatch(/into which shop\.item goes by small/);
    expect(await there(`SELECT "ID","V" FROM "${lab.schema}"."ITEM"`)).toEqual(['1|1']);
    // Said letter by letter, both are meant for one.
    both.set({ small: of('shop.item', 'item'), large: of('shop.ITEM', 'item') });
    await streaming(both, 'large/hz>dw');
    await until('both are there', async () => (await there(`SELECT "ID" FROM "${lab.schema}"."ITEM"`)).length === 2);
  });

  test('rows that are there already are refused, or replaced; a table without a key goes by all its columns', async () => {
    await root.query(
      "CREATE TABLE shop.kept (id INT PRIMARY KEY, v VARCHAR(9)); INSERT INTO shop.kept VALUES (1,'a'),(2,'b'); CREATE TABLE shop.loose (a INT, b VARCHAR(9))",
    );
    const table = (name: string, columns: string): Promise<void> =>
      lab.sql(`CREATE TABLE "${lab.schema}"."${name}" (${columns})`);
    await table('KEPT', '"ID" NUMBER(10) NOT NULL, "V" VARCHAR2(9 CHAR), PRIMARY KEY ("ID")');
    await table('LOOSE', '"A" NUMBER(10), "B" VARCHAR2(9 CHAR)');
    await lab.sql(`INSERT INTO "${lab.schema}"."KEPT" VALUES (9, 'old')`);
    await using both = sites();
    const kept = (existing: 'refuse' | 'replace') =>
      channel(oneWay, [{ from: 'shop.kept', to: to('KEPT') }], { existing });
    const loose = channel(oneWay, [{ from: 'shop.loose', to: to('LOOSE') }], { initial: 'none' });
    both.set({ kept: kept('refuse'), loose });
    both.start('hz');
    both.start('dw');
    await until('it is refused', () => both.figures()['kept/hz>dw']?.error?.code === 'OT5013');
    expect(await there(`SELECT "ID" FROM "${lab.schema}"."KEPT"`)).toEqual(['9']);
    both.set({ kept: kept('replace'), loose });
    await streaming(both, 'kept/hz>dw', 'loose/hz>dw');
    await same(`SELECT "ID","V" FROM "${lab.schema}"."KEPT"`, 'SELECT id, v FROM shop.kept');
    await root.query(
      "INSERT INTO shop.loose VALUES (1,'x'),(1,'x'),(1,'x'),(NULL,NULL),(NULL,NULL); UPDATE shop.loose SET b = 'y' LIMIT 1; DELETE FROM shop.loose WHERE a IS NULL LIMIT 1",
    );
    await same(`SELECT "A","B" FROM "${lab.schema}"."LOOSE"`, 'SELECT a, b FROM shop.loose');
    expect(both.figures()['loose/hz>dw']?.drift).toBe(0);
  });

  test('what does not fit is refused at the match, and what has no place stops at its row', async () => {
    await root.query(
      "CREATE TABLE shop.narrow (id INT PRIMARY KEY, n DECIMAL(65,30), t TIME(6)); CREATE TABLE shop.days (id INT PRIMARY KEY, d DATE, s VARCHAR(10) NOT NULL); INSERT INTO shop.days VALUES (1, '2024-01-01', 'x')",
    );
    await lab.sql(
      `CREATE TABLE "${lab.schema}"."NARROW" ("ID" NUMBER(10) NOT NULL, "N" NUMBER, "T" INTERVAL DAY(2) TO SECOND(6), PRIMARY KEY ("ID"))`,
    );
    await lab.sql(
      `CREATE TABLE "${lab.schema}"."DAYS" ("ID" NUMBER(10) NOT NULL, "D" DATE, "S" VARCHAR2(40 BYTE) NOT NULL, PRIMARY KEY ("ID"))`,
    );
    await using both = sites();
    both.set({
      narrow: channel(oneWay, [{ from: 'shop.narrow', to: to('NARROW') }]),
      days: channel(oneWay, [{ from: 'shop.days', to: to('DAYS') }]),
    });
    both.start('hz');
    both.start('dw');
    const failed = async (pipeline: string): Promise<{ code: string; message: string }> => {
      await until(`${pipeline} fails`, () => (both.figures()[pipeline]?.error ?? null) !== null);
      return both.figures()[pipeline]!.error!;
    };
    expect(await failed('narrow/hz>dw')).toMatchObject({
      code: 'OT5028',
      message: expect.stringContaining('N is NUMBER'),
    });
    await streaming(both, 'days/hz>dw');
    await root.query(
      "INSERT INTO shop.days VALUES (2, '2024-01-02', 'ok'); SET sql_mode=''; INSERT INTO shop.days VALUES (3, '2024-00-02', 'x')",
    );
    const zero = await failed('days/hz>dw');
    expect(zero).toMatchObject({
      code: 'OT5016',
      message: expect.stringMatching(/ID=3.*D is a zero or partly zero date/),
    });
    expect(await there(`SELECT "ID" FROM "${lab.schema}"."DAYS"`)).toEqual(['1', '2']);
    // Mended at the source, of which the log still has the first image: a table that takes it lets the pipeline go on.
    await lab.sql(`DROP TABLE "${lab.schema}"."DAYS"`);
    await lab.sql(
      `CREATE TABLE "${lab.schema}"."DAYS" ("ID" NUMBER(10) NOT NULL, "D" VARCHAR2(10 CHAR), "S" VARCHAR2(40 BYTE) NOT NULL, PRIMARY KEY ("ID"))`,
    );
    await until('row 3 is there', async () =>
      (await there(`SELECT "ID","D" FROM "${lab.schema}"."DAYS"`)).includes('3|2024-00-02'),
    );
    await root.query("INSERT INTO shop.days VALUES (4, '2024-01-02', '')");
    const empty = await failed('days/hz>dw');
    expect(empty).toMatchObject({ code: 'OT5016', message: expect.stringMatching(/ID=4.*S is an empty text/) });
  });
});
