/** etcd killed and restored at random moments of an apply: it ends as documented, the next one completes it, the journal stays right. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startProxy } from '../../src/lab/proxy.ts';
import { seededRandom } from '../../src/lab/random.ts';
import { type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { HistoryRecord, MetaRecord } from '../../src/model/records.ts';
import { openStore } from '../../src/state/open.ts';
import { Otter } from '../e2e/otter.ts';

const REGIONS = 3000;

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

function topology(name: string): string {
  const regions = Array.from({ length: REGIONS }, (_, n) => `  r${n}: {}`).join('\n');
  return `version: 1\nname: ${name}\nregions:\n${regions}\n`;
}

/** Every region is there once, in exactly one journal entry, and what was applied is in the history once. */
async function checkRight(store: StateStore, name: string, serial: number): Promise<void> {
  const under = async (prefix: string) => (await store.list(`/otter/${name}/${prefix}`)).entries;
  expect(await under('spec/region/')).toHaveLength(REGIONS);
  const journal = (await under('runs/')).map(({ value }) => JSON.parse(value) as { address?: string });
  const addresses = journal.flatMap(({ address }) => (address === undefined ? [] : [address]));
  expect(addresses).toHaveLength(REGIONS);
  expect(new Set(addresses).size).toBe(REGIONS);
  const history = (await under('history/')).map(({ value }) => JSON.parse(value) as HistoryRecord);
  expect(history.map((record) => record.serial)).toEqual([serial]);
  const [meta] = await under('meta');
  expect(JSON.parse(meta!.value) as MetaRecord).toMatchObject({ serial });
}

test('killed and restored at a random moment, several times: exit 0, 1, 6 or 7, then a second apply completes it', async () => {
  const seed = Date.now() % 100_000;
  const chance = seededRandom(seed);
  await using otter = await Otter.in({ OTTER_STATE: etcd.url });
  await using store = openStore(etcd.url);
  const ends: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const name = `killed-${round}`;
    await otter.write(topology(name));
    const applying = otter.run('apply', '--auto-approve', '--no-wait');
    // From the lock on: before, there is little to break.
    const until = performance.now() + 20_000;
    for (;;) {
      if ((await store.list(`/otter/${name}/lock`)).entries.length > 0) break;
      expect(performance.now(), 'the apply never took its lock').toBeLessThan(until);
      await sleep(5);
    }
    await sleep(chance.next() * 700);
    await etcd.kill();
    await sleep(chance.next() * (round % 2 === 0 ? 300 : 3000));
    await etcd.restart();
    const { code, err } = await applying;
    ends.push(code);
    expect([0, 1, 6, 7], `seed ${seed}: ${err}`).toContain(code);
    expect(err).not.toMatch(/OT9001|\n\s+at /);
    const next = await otter.run('apply', '--auto-approve', '--no-wait', '--lock-timeout', '60s');
    expect(next, `seed ${seed}: ${next.err}`).toMatchObject({ code: 0 });
    expect((await otter.run('plan', '--detailed-exitcode')).code).toBe(0);
    await checkRight(store, name, 1);
  }
  process.stderr.write(`applies that lost etcd ended with ${ends.join(', ')}\n`);
}, 240_000);

test('cut again and again: answers that are lost are looked up, nothing is written twice, and the apply goes on to its end', async () => {
  await using proxy = await startProxy({ target: { host: '127.0.0.1', port: etcd.port } });
  proxy.delay(4);
  await using otter = await Otter.in({ OTTER_STATE: `etcd://127.0.0.1:${proxy.port}` });
  await using store = openStore(etcd.url);
  await otter.write(topology('cut'));
  let over = false;
  const ending = otter.run('apply', '--auto-approve', '--no-wait').finally(() => {
    over = true;
  });
  let cuts = 0;
  while (!over) {
    const written = (await store.list('/otter/cut/runs/')).entries.length;
    if (written > 0 && cuts < 6) {
      await proxy.cut();
      await sleep(60);
      await proxy.heal();
      cuts += 1;
    }
    await sleep(47);
  }
  const { code, err } = await ending;
  expect([0, 7], err).toContain(code);
  expect(cuts).toBeGreaterThan(0);
  if (code === 7) {
    const next = await otter.run('apply', '--auto-approve', '--no-wait', '--lock-timeout', '60s');
    expect(next, next.err).toMatchObject({ code: 0 });
  }
  await checkRight(store, 'cut', 1);
}, 120_000);
