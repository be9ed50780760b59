/** A fan-out to three while one target is down for half a minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import { channel, count, equal, rootOf, Sites, servers, streaming, until } from './harness.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;
let lab: Record<(typeof NAMES)[number], DatabaseServer>;

beforeAll(async () => {
  const all = await servers(NAMES.length);
  lab = Object.fromEntries(NAMES.map((name, i) => [name, all[i]!])) as typeof lab;
});
afterAll(async () => {
  await Promise.all(Object.values(lab ?? {}).map((server) => server[Symbol.asyncDispose]()));
});

test.each(['killed', 'frozen'] as const)(
  'one target is %s for half a minute: the others keep up, and it catches up',
  async (how) => {
    const [a, b, c] = await Promise.all([rootOf(lab.a), rootOf(lab.b), rootOf(lab.c)]);
    for (const name of NAMES) {
      const root = await rootOf(lab[name]);
      await root.query('DROP DATABASE IF EXISTS otter; DROP DATABASE IF EXISTS s');
      await root.end();
    }
    await a.query('CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY, v INT); INSERT INTO s.t VALUES (0, 0)');
    await using sites = new Sites(lab);
    sites.set({ fan: channel({ kind: 'one-way', from: ['a'], to: ['b', 'c', 'd'] }, ['s.t']) });
    for (const name of NAMES) sites.start(name);
    await streaming(sites, 'fan/a>b', 'fan/a>c', 'fan/a>d');
    if (how === 'killed') await lab.d.kill();
    else await lab.d.freeze();
    let n = 0;
    for (const end = Date.now() + 30_000; Date.now() < end; ) {
      n += 1;
      await a.query(`INSERT INTO s.t VALUES (${n}, 0); UPDATE s.t SET v = v + 1 WHERE id = ${Math.floor(n / 2)}`);
      if (n % 1_000 === 0) {
        for (const root of [b, c]) await until('the others keep up', async () => (await count(root, 's.t')) > n);
      }
      await sleep(1);
    }
    expect(n).toBeGreaterThan(1_000);
    if (how === 'killed') await lab.d.restart();
    else lab.d.thaw();
    const d = await rootOf(lab.d);
    await until('it has caught up', async () => (await count(d, 's.t')) === n + 1, 120_000);
    for (const root of [b, c, d]) await equal(a, root, 's.t');
    await streaming(sites, 'fan/a>b', 'fan/a>c', 'fan/a>d');
    for (const root of [a, b, c, d]) root.destroy();
  },
  300_000,
);
