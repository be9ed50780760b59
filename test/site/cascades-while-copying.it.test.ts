/** While rows are copied, children go as the source's cascades take them, though the log does not tell. */

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, dump, equal, FAMILIES, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

async function emptied(): Promise<[Connection, Connection]> {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  for (const root of [ra, rb])
    await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS kin; CREATE DATABASE kin');
  return [ra, rb];
}

/** The first chunk has been read at the source. */
async function firstRowsRead(ra: Connection): Promise<void> {
  const high = "otter.watermark WHERE pipeline='kin/a>b' AND kind='high'";
  await until('the first rows are read', async () => (await dump(ra, high).catch(() => [])).length === 1);
}

test('a child that came by the log follows its parent to another key, and goes with it', async () => {
  const [ra, rb] = await emptied();
  for (const root of [ra, rb]) await root.query('CREATE TABLE kin.p (id INT PRIMARY KEY, pad CHAR(100))');
  await ra.query(`INSERT INTO kin.p SELECT seq, 'x' FROM ${numbers(1, 3000)}`);
  const actions = 'ON DELETE CASCADE ON UPDATE CASCADE';
  await ra.query(
    `CREATE TABLE kin.c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES kin.p (id) ${actions})`,
  );
  await rb.query('BEGIN; SELECT * FROM kin.p FOR UPDATE');
  await using sites = new Sites({ a, b });
  sites.set({ kin: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['kin.p', 'kin.c']) });
  sites.start('a');
  sites.start('b');
  await firstRowsRead(ra);
  await ra.query('INSERT INTO kin.c VALUES (1, 1), (3, 5)');
  await ra.query('UPDATE kin.p SET id=5000 WHERE id=1');
  await ra.query('DELETE FROM kin.p WHERE id=5000');
  await rb.query('COMMIT');
  await streaming(sites, 'kin/a>b');
  await equal(ra, rb, 'kin.p');
  await equal(ra, rb, 'kin.c');
  sites.set({});
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test('a child that is made while its parent is copied has the rows that its parent leaves it', async () => {
  const [ra, rb] = await emptied();
  await rb.query('CREATE TABLE kin.p (id INT PRIMARY KEY, pad CHAR(100))');
  await ra.query(
    `CREATE TABLE kin.p (id INT PRIMARY KEY, pad CHAR(100)); INSERT INTO kin.p SELECT seq, 'x' FROM ${numbers(1, 3000)}`,
  );
  await rb.query('BEGIN; SELECT * FROM kin.p FOR UPDATE');
  await using sites = new Sites({ a, b });
  sites.set({ kin: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['kin.*']) });
  sites.start('a');
  sites.start('b');
  await firstRowsRead(ra);
  const actions = 'ON DELETE CASCADE ON UPDATE CASCADE';
  await ra.query(
    `CREATE TABLE kin.c (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES kin.p (id) ${actions})`,
  );
  await ra.query('INSERT INTO kin.c VALUES (1, 2900), (3, 5)');
  await ra.query('UPDATE kin.p SET id=5000 WHERE id=2900; DELETE FROM kin.p WHERE id=5000');
  await rb.query('COMMIT');
  await streaming(sites, 'kin/a>b');
  await until('it has joined', async () => (await dump(rb, 'kin.c').catch(() => [])).length > 0);
  await equal(ra, rb, 'kin.p');
  await equal(ra, rb, 'kin.c');
  sites.set({});
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

// MySQL 9.6 and later log what foreign keys do.
test.runIf(FAMILIES[0] !== 'mysql')(
  'a child that waits for its parent and is dropped is waited for no more; one whose parent leaves says so at once',
  async () => {
    const [ra, rb] = await emptied();
    await rb.query('CREATE TABLE kin.p (id INT PRIMARY KEY, pad CHAR(100))');
    const child = (name: string): string =>
      `CREATE TABLE kin.${name} (id INT PRIMARY KEY, pid INT, FOREIGN KEY (pid) REFERENCES kin.p (id) ON DELETE CASCADE)`;
    await ra.query(
      `CREATE TABLE kin.p (id INT PRIMARY KEY, pad CHAR(100)); INSERT INTO kin.p SELECT seq, 'x' FROM ${numbers(1, 3000)};
     ${child('c')}; ${child('d')}; INSERT INTO kin.c VALUES (1, 5)`,
    );
    await rb.query('BEGIN; SELECT * FROM kin.p FOR UPDATE');
    await using sites = new Sites({ a, b });
    const oneWay = { kind: 'one-way', from: ['a'], to: ['b'] } as const;
    sites.set({ kin: channel(oneWay, ['kin.*']) });
    sites.start('a');
    sites.start('b');
    await firstRowsRead(ra);
    await ra.query('DROP TABLE kin.d');
    await rb.query('COMMIT');
    await streaming(sites, 'kin/a>b');
    await equal(ra, rb, 'kin.c');
    await ra.query('INSERT INTO kin.c VALUES (2, 6)');
    await until('it goes on', async () => (await dump(rb, 'kin.c')).length === 2);
    sites.set({ kin: channel(oneWay, ['kin.c']) });
    const told = (): unknown => sites.figures()['kin/a>b']?.error?.code;
    await until('it is told', () => told() === 'OT5030');
    // The parent alone comes back: what its keys did to the child meanwhile is in no log.
    await ra.query('DELETE FROM kin.p WHERE id=5');
    sites.set({ kin: channel(oneWay, ['kin.*'], { existing: 'replace' }) });
    await until(
      'it is still told',
      () => sites.figures()['kin/a>b']?.error?.message.includes('was not in the channel') === true,
    );
    sites.set({ kin: channel(oneWay, ['kin.p'], { existing: 'replace' }) });
    await streaming(sites, 'kin/a>b');
    sites.set({ kin: channel(oneWay, ['kin.*'], { existing: 'replace' }) });
    await streaming(sites, 'kin/a>b');
    await equal(ra, rb, 'kin.p');
    await equal(ra, rb, 'kin.c');
    sites.set({});
    await Promise.all([ra.end(), rb.end()]);
  },
  60_000,
);

test('a copy of which rows get other keys from their parents, and that is interrupted, begins again', async () => {
  const [ra, rb] = await emptied();
  const action = 'ON UPDATE CASCADE';
  await ra.query(
    `CREATE TABLE kin.p (id INT PRIMARY KEY); INSERT INTO kin.p SELECT seq FROM ${numbers(1, 3000)};
     CREATE TABLE kin.c (pid INT, n INT, pad CHAR(200), PRIMARY KEY (pid, n), FOREIGN KEY (pid) REFERENCES kin.p (id) ${action});
     INSERT INTO kin.c SELECT id, seq, 'x' FROM kin.p, ${numbers(1, 30)}`,
  );
  await using sites = new Sites({ a, b });
  sites.set({ kin: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['kin.p', 'kin.c']) });
  sites.start('a');
  sites.start('b');
  const begun = "otter.copy WHERE source_table='kin.c' AND done=0 AND rows_done > 0";
  const partly = async (): Promise<boolean> => (await dump(rb, begun).catch(() => [])).length === 1;
  for (const deadline = Date.now() + 30_000; !(await partly()) && Date.now() < deadline; );
  // Nothing of the child can be read at the source, while what its parent does comes to the target.
  await ra.query('LOCK TABLES kin.p WRITE, kin.c WRITE; UPDATE kin.p SET id=-id WHERE id > 2990');
  await until('they have moved', async () => (await dump(rb, 'kin.p WHERE id < 0')).length === 10);
  expect(await partly()).toBe(true);
  await sites.stop('b');
  await ra.query('UNLOCK TABLES');
  sites.start('b');
  await streaming(sites, 'kin/a>b');
  await equal(ra, rb, 'kin.p');
  await equal(ra, rb, 'kin.c');
  sites.set({});
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);

test.runIf(LONG)(
  'tables that refer to each other go on being copied after a restart',
  async () => {
    const [ra, rb] = await emptied();
    await ra.query(
      `CREATE TABLE kin.x (id INT PRIMARY KEY, y INT, pad CHAR(200));
     CREATE TABLE kin.y (id INT PRIMARY KEY, x INT, FOREIGN KEY (x) REFERENCES kin.x (id) ON DELETE CASCADE);
     ALTER TABLE kin.x ADD FOREIGN KEY (y) REFERENCES kin.y (id) ON DELETE CASCADE;
     INSERT INTO kin.x SELECT seq, NULL, 'p' FROM ${numbers(1, 90_000)}; INSERT INTO kin.y VALUES (1, 1), (2, 80000)`,
    );
    await using sites = new Sites({ a, b });
    sites.set({ kin: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['kin.x', 'kin.y']) });
    sites.start('a');
    sites.start('b');
    const partly = async (): Promise<boolean> =>
      (await dump(rb, 'otter.copy WHERE done=0 AND rows_done > 0').catch(() => [])).length > 0;
    for (const deadline = Date.now() + 30_000; !(await partly()) && Date.now() < deadline; );
    await sites.stop('b');
    expect(await partly()).toBe(true);
    sites.start('b');
    await streaming(sites, 'kin/a>b');
    await equal(ra, rb, 'kin.x');
    await equal(ra, rb, 'kin.y');
    sites.set({});
    await Promise.all([ra.end(), rb.end()]);
  },
  60_000,
);
