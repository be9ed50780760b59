/** No loops, for a minute, the same one. */
import { test } from 'vitest';
import { channel, pair, rootOf, Sites, servers, streaming } from './harness.ts';
import { idle, twoWay } from './idle.ts';

test.concurrent('an idle two-way channel for a minute', async () => {
  const [a, b] = await pair();
  await using _a = a;
  await using _b = b;
  const [ra, rb] = await Promise.all([rootOf(a), rootOf(b)]);
  await using sites = new Sites({ a, b });
  await twoWay(sites, ra);
  await idle([ra, rb], 60_000);
  await Promise.all([ra.end(), rb.end()]);
}, 120_000);

test.concurrent('an idle star of three for a minute', async () => {
  const three = await servers(3);
  const [hub, one, two] = three;
  const roots = await Promise.all(three.map(async (server) => rootOf(server)));
  try {
    await roots[0]!.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY); INSERT INTO s.t VALUES (1)');
    await using sites = new Sites({ hub: hub!, one: one!, two: two! });
    sites.set({ s: channel({ kind: 'two-way', between: ['hub', 'one', 'two'] }, ['s.t']) });
    for (const name of ['hub', 'one', 'two']) sites.start(name);
    await streaming(sites, 's/hub>one', 's/one>hub', 's/hub>two', 's/two>hub');
    await idle(roots, 60_000);
  } finally {
    for (const root of roots) root.destroy();
    await Promise.all(three.map((server) => server[Symbol.asyncDispose]()));
  }
}, 120_000);
