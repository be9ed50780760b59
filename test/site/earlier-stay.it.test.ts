/**
 * Rows of a table that are still on their way when it leaves its channel belong to a time that is over: they must not come
 * after what its next stay, in this channel or another, has brought.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, dump, equal, numbers, pair, rootOf, Sites, streaming, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

const both = { kind: 'two-way', between: ['a', 'b'] } as const;
const oneWay = { kind: 'one-way', from: ['a'], to: ['b'] } as const;

async function fresh(roots: readonly Connection[]): Promise<void> {
  for (const root of roots)
    await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS m; CREATE DATABASE m');
}

/** The rows as they are, whatever the session has seen. */
async function committed(server: DatabaseServer, table: string): Promise<string[]> {
  const root = await rootOf(server);
  const rows = await dump(root, table);
  root.destroy();
  return rows;
}

/** A user's transaction that holds a row of `u`. */
async function holding(server: DatabaseServer, row: string): Promise<Connection> {
  const holder = await rootOf(server);
  await holder.query(`BEGIN; SELECT * FROM ${row} FOR UPDATE`);
  return holder;
}

async function waitsForLock(sites: Sites, root: Connection): Promise<void> {
  // Not by INNODB_TRX, which is no fresher than the last look a tenth of a second ago.
  const waiting = async (): Promise<boolean> => {
    const [rows] = await root.query(
      "SELECT 1 FROM information_schema.processlist WHERE COMMAND = 'Query' AND INFO LIKE 'UPDATE `m`.`u`%'",
    );
    return (rows as unknown[]).length > 0;
  };
  await until('a window waits for the lock', waiting);
  for (const { error } of Object.values(sites.figures())) expect(error).toBeNull();
}

test.each(LONG ? ([['replace'], ['merge']] as const) : ([['replace']] as const))(
  'one-way, existing: %s: a table that leaves while its channel is behind is reported to have left when its rows have come',
  async (existing) => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    await fresh([ra, rb]);
    await ra.query(
      'CREATE TABLE m.t (id INT PRIMARY KEY, n INT); CREATE TABLE m.u LIKE m.t; CREATE TABLE m.w LIKE m.t',
    );
    await ra.query('INSERT INTO m.t VALUES (1,1),(2,2); INSERT INTO m.u VALUES (1,1)');
    await using sites = new Sites({ a, b });
    sites.set({ x: channel(oneWay, ['m.t', 'm.u'], { existing }), y: channel(oneWay, ['m.w'], { existing }) });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'x/a>b', 'y/a>b');
    await until(
      'all is copied',
      async () => (await dump(rb, 'm.t')).length === 2 && (await dump(rb, 'm.u')).length === 1,
    );

    const holder = await holding(b, 'm.u WHERE id=1');
    await ra.query('UPDATE m.u SET n=2 WHERE id=1');
    await waitsForLock(sites, rb);
    await ra.query('INSERT INTO m.t VALUES (7,7); UPDATE m.t SET n=5 WHERE id=1');
    await ra.query('INSERT INTO m.w VALUES (1,1)');
    await until('that was read', async () => (await committed(b, 'm.w')).length === 1);
    const before = sites.figures()['x/a>b']!.observedGeneration;
    // In two steps, which a plan insists on: the second when the first is reported to be carried out.
    sites.set({ x: channel(oneWay, ['m.u'], { existing }), y: channel(oneWay, ['m.w'], { existing }) });
    await ra.query('INSERT INTO m.w VALUES (2,2)');
    await until('the other channel goes on', async () => (await committed(b, 'm.w')).length === 2);
    await sleep(1_500);
    expect(sites.figures()['x/a>b']!.observedGeneration).toBe(before);
    await holder.query('COMMIT');
    await until('it is taken up', () => sites.figures()['x/a>b']!.observedGeneration > before);
    expect(await committed(b, 'm.t')).toEqual(['[1,5]', '[2,2]', '[7,7]']);
    await ra.query('DELETE FROM m.t WHERE id=7; UPDATE m.t SET n=6 WHERE id=1');
    await rb.query('DELETE FROM m.t');
    sites.set({ x: channel(oneWay, ['m.u'], { existing }), y: channel(oneWay, ['m.w', 'm.t'], { existing }) });
    await ra.query('INSERT INTO m.t VALUES (9,9)');
    await until('the last row is there', async () => (await committed(b, 'm.t')).includes('[9,9]'));
    await equal(ra, rb, 'm.t');
    sites.set({});
    for (const root of [holder, ra, rb]) root.destroy();
  },
  60_000,
);

test.runIf(LONG)(
  'two-way: what the second site wrote before its table left, to be emptied and copied again, does not come after the copy',
  async () => {
    const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
    await fresh([ra, rb]);
    await ra.query(
      'CREATE TABLE m.t (id INT PRIMARY KEY, n INT); CREATE TABLE m.u LIKE m.t; CREATE TABLE m.v LIKE m.t',
    );
    await ra.query('INSERT INTO m.t VALUES (1,1),(2,2); INSERT INTO m.u VALUES (1,1)');
    await rb.query('CREATE TABLE m.w (id INT PRIMARY KEY)');
    await using sites = new Sites({ a, b });
    const witness = channel({ kind: 'one-way', from: ['b'], to: ['a'] }, ['m.w']);
    sites.set({ x: channel(both, ['m.t', 'm.u', 'm.v']), witness });
    sites.start('a');
    sites.start('b');
    await streaming(sites, 'x/a>b', 'x/b>a', 'witness/b>a');
    await until(
      'all is copied',
      async () => (await dump(rb, 'm.t')).length === 2 && (await dump(rb, 'm.u')).length === 1,
    );

    const holder = await holding(a, 'm.u WHERE id=1');
    await rb.query('UPDATE m.u SET n=3 WHERE id=1');
    await waitsForLock(sites, ra);
    // More than fits into a window, then the row.
    for (let id = 0; id < 30_000; id += 500)
      await rb.query(`INSERT INTO m.v SELECT seq,1 FROM ${numbers(id, id + 499)}`);
    await rb.query('INSERT INTO m.t VALUES (7,7)');
    await rb.query('INSERT INTO m.w VALUES (1)');
    await until('that was read', async () => (await committed(a, 'm.w')).length === 1);
    const before = Math.max(...Object.values(sites.figures()).map(({ observedGeneration }) => observedGeneration ?? 0));
    sites.set({ x: channel(both, ['m.u', 'm.v']), witness });
    await holder.query('COMMIT');
    // As `otter apply` waits.
    const takenUp = (name: string): boolean => (sites.figures()[name]?.observedGeneration ?? 0) > before;
    await until('it is taken up', () => takenUp('x/a>b') && takenUp('x/b>a'));
    await rb.query('DELETE FROM m.t');
    sites.set({ x: channel(both, ['m.t', 'm.u', 'm.v']), witness });
    await until('it is copied', async () => (await committed(b, 'm.t')).length >= 2);
    await rb.query('INSERT INTO m.t VALUES (9,9)');
    await until('the last row is there', async () => (await committed(a, 'm.t')).includes('[9,9]'));
    await equal(ra, rb, 'm.t');
    sites.set({});
    for (const root of [holder, ra, rb]) root.destroy();
  },
  90_000,
);

test('a channel that takes the place of another begins when the other has ended', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await fresh([ra, rb]);
  await ra.query('CREATE TABLE m.t (id INT PRIMARY KEY, n INT); CREATE TABLE m.u LIKE m.t; CREATE TABLE m.w LIKE m.t');
  await ra.query('INSERT INTO m.t VALUES (1,1),(2,2); INSERT INTO m.u VALUES (1,1)');
  await using sites = new Sites({ a, b });
  const replaces = channel(oneWay, ['m.t', 'm.u'], { existing: 'replace' });
  const witness = channel(oneWay, ['m.w']);
  sites.set({ old: replaces, witness });
  sites.start('a');
  sites.start('b');
  await streaming(sites, 'old/a>b', 'witness/a>b');
  await until(
    'all is copied',
    async () => (await dump(rb, 'm.t')).length === 2 && (await dump(rb, 'm.u')).length === 1,
  );
  const holder = await holding(b, 'm.u WHERE id=1');
  await ra.query(
    'BEGIN; UPDATE m.u SET n=2 WHERE id=1; INSERT INTO m.t VALUES (7,7); UPDATE m.t SET n=5 WHERE id=1; COMMIT',
  );
  await waitsForLock(sites, rb);
  await ra.query('DELETE FROM m.t WHERE id=7; UPDATE m.t SET n=6 WHERE id=1; INSERT INTO m.w VALUES (1,1)');
  await until('that was read', async () => (await committed(b, 'm.w')).length === 1);
  sites.set({ young: replaces, witness });
  await sleep(1_000);
  await holder.query('COMMIT');
  await streaming(sites, 'young/a>b');
  await ra.query('INSERT INTO m.t VALUES (9,9)');
  await until('the last row is there', async () => (await committed(b, 'm.t')).includes('[9,9]'));
  await equal(ra, rb, 'm.t');
  await equal(ra, rb, 'm.u');
  sites.set({});
  for (const root of [holder, ra, rb]) root.destroy();
}, 60_000);
