/** No loops: what otter writes makes otter write nothing more than one position update a heartbeat. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { pair, rootOf, Sites, until } from './harness.ts';
import { idle, logOf, twoWay } from './idle.ts';

let a: DatabaseServer;
let b: DatabaseServer;

beforeAll(async () => {
  [a, b] = await pair();
});
afterAll(async () => {
  await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
});

test('idle, and one write, for a few seconds', async () => {
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await using sites = new Sites({ a, b });
  await twoWay(sites, ra);
  await idle([ra, rb], 4_000);

  const [beforeA, beforeB] = await Promise.all([logOf(ra), logOf(rb)]);
  await rb.query("INSERT INTO shop.t VALUES (2, 'one')");
  await until('it is there', async () => ((await ra.query('SELECT id FROM shop.t'))[0] as unknown[]).length === 2);
  await until('two more beats have passed', async () => {
    const beats = (await logOf(ra, beforeA)).filter((table) => table === 'otter.checkpoint').length;
    return beats > 4;
  });
  expect((await logOf(ra, beforeA)).filter((table) => table === 'shop.t')).toHaveLength(1);
  expect((await logOf(rb, beforeB)).filter((table) => table === 'shop.t')).toHaveLength(1);
  await Promise.all([ra.end(), rb.end()]);
}, 60_000);
