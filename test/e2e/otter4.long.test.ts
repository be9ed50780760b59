/** What Otter 4 managers have configured, taken over with nodes as processes: rows flow. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DatabaseServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { merge, twoWay, watched } from '../import/otter4-manager.ts';
import { fromOtter4 } from './otter4.ts';

let servers: [DatabaseServer, DatabaseServer, DatabaseServer];

beforeAll(async () => {
  servers = await Promise.all([startMySql(), startMariaDb(), startMySql()]);
});
afterAll(async () => {
  for (const server of servers ?? []) await server[Symbol.asyncDispose]();
});

const PROCESSOR = `export default function process(row) {
  return row.note === 'test' ? null : { ...row, note: row.note.toUpperCase() };
}
`;

test('shards, wildcards, column pairs and an EventProcessor that was written anew', async () => {
  const [a, b] = servers;
  const items = [0, 1, 2, 3].map((i) => `CREATE TABLE shop.item${i} (id INT PRIMARY KEY, n INT)`).join(';');
  await fromOtter4([a, b], {
    manager: ([one, other]) => merge(one!, other!),
    databases: ['shop', 'db-2'],
    tables: [
      `CREATE DATABASE shop; ${items}; CREATE TABLE shop.log_1 (id INT PRIMARY KEY); CREATE TABLE shop.customer (id INT PRIMARY KEY, name VARCHAR(20), secret INT); CREATE TABLE shop.card (id INT PRIMARY KEY, number INT, kind INT); CREATE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(20))`,
      'CREATE DATABASE dw; CREATE TABLE dw.item (id INT PRIMARY KEY, n INT); CREATE TABLE dw.log_1 (id INT PRIMARY KEY); CREATE TABLE dw.client (id INT PRIMARY KEY, full_name VARCHAR(20)); CREATE TABLE dw.card (id INT PRIMARY KEY, kind INT); CREATE TABLE dw.orders (id INT PRIMARY KEY, note VARCHAR(20))',
    ],
    files: { 'processors/orderprocessor.mjs': PROCESSOR },
    mend: (yaml) => yaml.replace(/^( *)# (- \{ from: shop\.orders,.*)$/m, '$1$2'),
    writes: [
      {
        at: 0,
        sql: "INSERT INTO shop.item0 VALUES (1, 1); INSERT INTO shop.item3 VALUES (4, 4); INSERT INTO shop.log_1 VALUES (5); INSERT INTO shop.customer VALUES (6, 'ann', 7); INSERT INTO shop.card VALUES (8, 9, 10); INSERT INTO shop.orders VALUES (1, 'test'), (2, 'real')",
      },
    ],
    arrives: [
      { at: 1, sql: 'SELECT * FROM dw.item ORDER BY id', rows: ['[1,1]', '[4,4]'] },
      { at: 1, sql: 'SELECT * FROM dw.log_1', rows: ['[5]'] },
      { at: 1, sql: 'SELECT * FROM dw.client', rows: ['[6,"ann"]'] },
      { at: 1, sql: 'SELECT * FROM dw.card', rows: ['[8,10]'] },
      { at: 1, sql: 'SELECT * FROM dw.orders', rows: ['[2,"REAL"]'] },
    ],
  });
});

test('three nodes, a source that two channels read, alarm rules', async () => {
  const orders = 'CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(20))';
  const written = await fromOtter4(servers, {
    manager: ([a, b, c]) => watched(a!, b!, c!),
    databases: ['east', 'west', 'south'],
    tables: [orders, orders, orders],
    writes: [
      { at: 0, sql: "INSERT INTO shop.orders VALUES (1, 'east')" },
      { at: 1, sql: "INSERT INTO shop.orders VALUES (2, 'west')" },
    ],
    arrives: [0, 1, 2].map((at) => ({
      at,
      sql: 'SELECT * FROM shop.orders ORDER BY id',
      rows: ['[1,"east"]', '[2,"west"]'],
    })),
  });
  expect(written).toMatch(/engine: mysql[\s\S]*engine: mariadb[\s\S]*engine: mysql/);
  expect(written).toContain('east-west-lag:');
});

const ITEMS = [0, 1, 2, 3].map((i) => `CREATE TABLE shop.item0${i} (id INT PRIMARY KEY, n INT)`).join(';');
const tables = (client: string): string =>
  `CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, note VARCHAR(40)); CREATE TABLE shop.${client} (id INT PRIMARY KEY, name VARCHAR(40)); CREATE TABLE shop.audit (id INT PRIMARY KEY); ${ITEMS}; INSERT INTO shop.orders VALUES (1, 'before')`;

test('two ways with a home site, renamed tables and shards', async () => {
  const written = await fromOtter4(servers.slice(0, 2), {
    manager: ([a, b]) => twoWay(a!, b!),
    databases: ['shop_hz', 'shop_us'],
    tables: [tables('customer'), tables('client')],
    writes: [
      {
        at: 0,
        sql: "UPDATE shop.orders SET note = 'by a' WHERE id = 1; INSERT INTO shop.customer VALUES (1, 'ann'); INSERT INTO shop.audit VALUES (9)",
      },
      {
        at: 1,
        sql: "INSERT INTO shop.orders VALUES (2, 'by b'); INSERT INTO shop.client VALUES (2, 'bob'); INSERT INTO shop.item03 VALUES (3, 3)",
      },
    ],
    arrives: [
      { at: 1, sql: 'SELECT * FROM shop.orders ORDER BY id', rows: ['[1,"by a"]', '[2,"by b"]'] },
      { at: 0, sql: 'SELECT * FROM shop.orders ORDER BY id', rows: ['[1,"by a"]', '[2,"by b"]'] },
      { at: 0, sql: 'SELECT * FROM shop.customer ORDER BY id', rows: ['[1,"ann"]', '[2,"bob"]'] },
      { at: 1, sql: 'SELECT * FROM shop.client ORDER BY id', rows: ['[1,"ann"]', '[2,"bob"]'] },
      { at: 0, sql: 'SELECT * FROM shop.item03', rows: ['[3,3]'] },
      { at: 1, sql: 'SELECT * FROM shop.audit', rows: ['[9]'] },
    ],
  });
  // The servers were asked what they are.
  expect(written).toContain(`engine: ${servers[0].family}`);
});
