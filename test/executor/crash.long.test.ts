/** Five thousand applies that die, in memory, and a hundred on etcd; see `crash-world.ts`. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { openStore } from '../../src/state/open.ts';
import { crashRun } from './crash-world.ts';

const IN_MEMORY = 5000;
const ON_ETCD = 100;
const SEED = Number(process.env['OTTER_SEED']);

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

async function runs(count: number, one: (n: number, chance: () => number) => Promise<readonly string[]>) {
  const seen = new Map<string, number>();
  for (let n = 0; n < count; n += 1) {
    const random = seededRandom(SEED + n);
    const events = await one(n, () => random.next()).catch((error: unknown) => {
      throw new Error(`run ${n} of seed ${SEED}`, { cause: error });
    });
    for (const event of events) seen.set(event, (seen.get(event) ?? 0) + 1);
  }
  process.stderr.write(`${count} applies: ${[...seen].map(([event, times]) => `${event} ${times}`).join(', ')}\n`);
  for (const event of ['applied', 'died', 'resumed', 'lock broken', 'late write']) {
    expect([event, (seen.get(event) ?? 0) > 0]).toEqual([event, true]);
  }
}

test(`${IN_MEMORY} in memory`, async () => {
  await runs(IN_MEMORY, async (_, chance) => {
    await using store = memoryStore();
    return (await crashRun(store, 't', chance)).events;
  });
});

test(`${ON_ETCD} on etcd`, async () => {
  await using store = openStore(etcd.url);
  await runs(ON_ETCD, async (n, chance) => (await crashRun(store, `t${n}`, chance)).events);
});
