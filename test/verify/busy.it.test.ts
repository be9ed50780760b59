/** Tables that are written all the while: no row is said to differ, and a difference among them is found. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { LONG } from '../project/long.ts';
import { channel, numbers, pair, rootOf, Sites, streaming } from '../site/harness.ts';
import { linesOf, verified } from './verifier.ts';

let servers: { a: DatabaseServer; b: DatabaseServer };
let ra: Connection;
let rb: Connection;

beforeAll(async () => {
  const [a, b] = await pair();
  servers = { a, b };
  [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
});
afterAll(async () => {
  for (const root of [ra, rb]) await root?.end();
  for (const server of Object.values(servers ?? {})) await server[Symbol.asyncDispose]();
});

/** Writes to a few hot rows, values that come back, and rows that come and go, until it is told to stop. */
async function writing(server: DatabaseServer, table: string, step: number, until: AbortSignal): Promise<number> {
  const root = await rootOf(server);
  let count = 0;
  while (!until.aborted) {
    count += 1;
    const id = 10_000 + 2 * (count % 50) + step;
    await root.query(
      `UPDATE ${table} SET n = 1 - n WHERE id = ${1 + step}; UPDATE ${table} SET n = n + 1 WHERE id = ${11 + step + 2 * (count % 40)};
       DELETE FROM ${table} WHERE id = ${id}; INSERT INTO ${table} VALUES (${id}, ${count})`,
    );
  }
  await root.end();
  return count;
}

// The other way round is tried in the long run.
test.each(LONG ? (['one-way', 'two-way'] as const) : (['one-way'] as const))(
  '%s',
  async (kind) => {
    const table = `${kind === 'one-way' ? 'one' : 'two'}.t`;
    const name = table.split('.')[0]!;
    await ra.query(
      `CREATE DATABASE ${name}; CREATE TABLE ${table} (id INT PRIMARY KEY, n INT); INSERT INTO ${table} SELECT seq, 0 FROM ${numbers(1, 3000)}`,
    );
    await using sites = new Sites(servers);
    const direction =
      kind === 'one-way'
        ? ({ kind, from: ['a'], to: ['b'] } as const)
        : ({ kind: 'two-way', between: ['a', 'b'] } as const);
    const channels = { [name]: channel(direction, [table]) };
    sites.set(channels);
    for (const site of ['a', 'b']) sites.start(site);
    await streaming(sites, `${name}/a>b`, ...(kind === 'one-way' ? [] : [`${name}/b>a`]));
    const stop = new AbortController();
    const writers = [writing(servers.a, table, 0, stop.signal)];
    if (kind === 'two-way') writers.push(writing(servers.b, table, 1, stop.signal));
    try {
      // Whatever is written meanwhile is late, to whoever does not wait for it.
      await rb.query(`BEGIN; SELECT * FROM ${table} FOR UPDATE`);
      let waited = false;
      const waits = (): void => {
        if (!waited) void rb.query('COMMIT');
        waited = true;
      };
      expect(linesOf(await verified(servers, channels, { waits }))).toEqual([]);
      expect(waited).toBe(true);
      await rb.query(`BEGIN; INSERT INTO otter.skip VALUES (); UPDATE ${table} SET n = -5 WHERE id = 2500; COMMIT`);
      expect(linesOf(await verified(servers, channels))).toEqual([`${table} different 2500`]);
    } finally {
      stop.abort();
      await rb.query('ROLLBACK');
      for (const count of await Promise.all(writers)) expect(count).toBeGreaterThan(5);
    }
  },
  120_000,
);
