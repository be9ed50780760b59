/** The copy of existing rows while both sides write, interrupted and resumed. */

import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, dump, loud, numbers, pair, quiet, rootOf, Sites, until } from './harness.ts';

let a: DatabaseServer;
let b: DatabaseServer;
const log = process.env['LOUD'] ? loud : quiet;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

/** The copy must last long enough to be stopped twice in it. */
const ROWS = LONG ? 200_000 : 60_000;

test('many rows under writes on both sides, stopped in the middle and resumed', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query(
    'CREATE DATABASE big; USE big; CREATE TABLE big.t (id INT PRIMARY KEY, name VARCHAR(50), n INT, UNIQUE KEY (name))',
  );
  await ra.query(`INSERT INTO big.t SELECT seq * 2, CONCAT('name ', seq), seq FROM ${numbers(1, ROWS)}`);
  await using sites = new Sites({ a, b }, log);
  sites.set({ big: channel({ kind: 'two-way', between: ['a', 'b'] }, ['big.t']) });
  sites.start('a');
  sites.start('b');
  let writing = true;
  const writers = (async () => {
    await until(
      'the table is there',
      async () => (await dump(rb, "information_schema.tables WHERE table_schema='big' AND table_name='t'")).length > 0,
    );
    await Promise.all([write(ra, 'a', () => writing), write(rb, 'b', () => writing)]);
  })();
  writers.catch(() => undefined);
  const done = (): number => sites.site('b')?.figures()['big/a>b']?.copy?.rowsDone ?? 0;
  await until('a third is copied', () => done() > ROWS * 0.3);
  await sites.stop('b');
  sites.start('b');
  await until('two thirds are copied', () => done() > ROWS * 0.6);
  await sites.stop('a');
  sites.start('a');
  await until('all is copied', () => sites.site('b').figures()['big/a>b']?.phase === 'streaming', 60_000);
  writing = false;
  await writers;
  await until('equal', async () => (await checksum(ra)) === (await checksum(rb)), 30_000);
  expect(await dump(ra, 'big.t')).toEqual(await dump(rb, 'big.t'));
  await ra.end();
  await rb.end();
}, 120_000);

async function checksum(connection: Connection): Promise<string> {
  const [rows] = await connection.query({ sql: 'CHECKSUM TABLE big.t', rowsAsArray: true });
  return String((rows as unknown[][])[0]![1]);
}

async function write(db: Connection, who: string, going: () => boolean): Promise<void> {
  for (let i = 0; going(); i += 1) {
    const id = Math.floor(Math.random() * (2 * ROWS + 100));
    const sql = [
      `INSERT INTO big.t VALUES (${id}, '${who} ${i}', ${i})`,
      `UPDATE big.t SET n=n+1 WHERE id=${id}`,
      `UPDATE big.t SET name='${who} x ${i}' WHERE id=${id}`,
      `DELETE FROM big.t WHERE id=${id}`,
      `UPDATE big.t SET id=${id + 1} WHERE id=${id}`,
    ][i % 5]!;
    await db.query(sql).catch((error: { errno: number }) => {
      if (![1062, 1213, 1205].includes(error.errno)) throw error;
    });
  }
}

test('no more is read for a target that has not applied what is on its way', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await ra.query('CREATE DATABASE slow; CREATE TABLE slow.t (id INT PRIMARY KEY, n INT)');
  await ra.query(`INSERT INTO slow.t SELECT seq, seq FROM ${numbers(1, 120000)}`);
  await using sites = new Sites({ a, b }, log);
  let chunks = 0;
  let beats = 0;
  let applied: ((position: string) => void) | null = null;
  let newest = '';
  const { open } = sites.link;
  sites.link.open = async (...asked) => {
    const stream = await open(...asked);
    async function* counted() {
      for await (const batch of stream.deliveries) {
        chunks += batch.filter(({ kind }) => kind === 'chunk').length;
        if (chunks > 1) beats += batch.filter(({ kind }) => kind === 'beat').length;
        yield batch;
      }
    }
    // Of the first chunk it is told, and of the others when the test says so.
    const acknowledge = (position: string): void => {
      newest = position;
      if (applied === null) stream.acknowledge(position);
      if (chunks > 0) applied ??= stream.acknowledge.bind(stream);
    };
    return {
      opening: stream.opening,
      deliveries: counted(),
      acknowledge,
      [Symbol.asyncDispose]: async () => stream[Symbol.asyncDispose](),
    };
  };
  sites.set({ slow: channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['slow.t']) });
  sites.start('a');
  sites.start('b');
  await until('time has passed', () => beats > 5);
  // 40,000 rows, most of them 2,000 in a chunk, and the first, of which it was told.
  expect(chunks).toBeLessThanOrEqual(24);
  while (sites.figures()['slow/a>b']?.phase !== 'streaming') {
    applied!(newest);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(await dump(rb, 'slow.t')).toHaveLength(120_000);
  await ra.end();
  await rb.end();
}, 60_000);
