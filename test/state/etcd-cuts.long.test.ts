/** A line to etcd that breaks at random moments, stands still, or loses an answer: nothing is missed, doubled or hangs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { startProxy, type TcpProxy } from '../../src/lab/proxy.ts';
import { seededRandom } from '../../src/lab/random.ts';
import { type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import { OtterError } from '../../src/model/error.ts';
import type { StateStore } from '../../src/model/ports.ts';
import { openStore } from '../../src/state/open.ts';
import { Follower, put, WAIT } from './contract.ts';

let etcd: EtcdServer;
let proxy: TcpProxy;
/** Through the proxy. */
let store: StateStore;
let direct: StateStore;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});
beforeEach(async () => {
  proxy = await startProxy({ target: { host: '127.0.0.1', port: etcd.port } });
  store = openStore(`etcd://127.0.0.1:${proxy.port}`);
  direct = openStore(etcd.url);
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await direct[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

test('cut at random moments: every acknowledged commit is there once, the watch tells each write once, lists are whole', async () => {
  const seed = Date.now() % 100_000;
  const chance = seededRandom(seed);
  const from = (await direct.list('/rand/')).revision;
  const follower = new Follower(store, '/rand/', from);
  const lease = await store.lease(20_000);
  await store.commit({ conditions: [], puts: [{ key: '/rand/lease', value: '1', lease }], deletes: [] });
  const over = new AbortController();
  const acknowledged = new Map<string, number>();
  const outcomes = { known: 0, unknown: 0, listed: 0 };
  const writers = [0, 1, 2, 3].map(async (writer) => {
    for (let n = 0; !over.signal.aborted; n += 1) {
      const key = `/rand/${writer}-${n}`;
      try {
        // Under a condition, so that a write that was repeated behind our back would be seen as moved.
        const result = await store.commit({
          conditions: [{ key, revision: null }],
          puts: [{ key, value: 'v'.repeat(2000) }],
          deletes: [],
        });
        expect(result.ok).toBe(true);
        if (result.ok) acknowledged.set(key, result.revision);
        outcomes.known += 1;
      } catch (error) {
        if (!(error instanceof OtterError)) throw error;
        expect(error).toMatchObject({ code: 'OT3001', retry: 'backoff' });
        outcomes.unknown += 1;
        await sleep(5);
      }
    }
  });
  const lister = (async (): Promise<void> => {
    while (!over.signal.aborted) {
      const before = acknowledged.size;
      const known = [...acknowledged.keys()].slice(0, before);
      try {
        const there = new Set((await store.list('/rand/')).entries.map(({ key }) => key));
        expect(known.filter((key) => !there.has(key))).toEqual([]);
        outcomes.listed += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'OT3001' });
      }
      await sleep(20);
    }
  })();
  for (let n = 0; n < 40; n += 1) {
    await sleep(20 + chance.next() * 150);
    await proxy.cut();
    await sleep(chance.next() * 60);
    await proxy.heal();
  }
  over.abort();
  await Promise.all([...writers, lister]);
  const expected = (await direct.list('/rand/')).entries;
  await vi.waitFor(() => expect(follower.events.length).toBeGreaterThanOrEqual(expected.length), WAIT);
  await sleep(200);
  const told = follower.events.map((event) => (event.kind === 'put' ? event.entry.revision : -1));
  expect(told, `seed ${seed}`).toEqual(expected.map(({ revision }) => revision).sort((a, b) => a - b));
  for (const [key, revision] of acknowledged) expect(expected.find((e) => e.key === key)?.revision).toBe(revision);
  expect(follower.batches.every(({ reset }) => !reset)).toBe(true);
  expect(lease.lost.aborted, `seed ${seed}`).toBe(false);
  expect(outcomes.known).toBeGreaterThan(100);
  expect(outcomes.unknown).toBeGreaterThan(0);
  expect(outcomes.listed).toBeGreaterThan(5);
  await follower.stop();
}, 60_000);

test('half-open: a line on which nothing passes ends calls in time, loses the lease in time, and is left for a new one', async () => {
  const lease = await store.lease(3000);
  await store.commit({ conditions: [], puts: [{ key: '/half/held', value: '1', lease }], deletes: [] });
  const follower = new Follower(store, '/half/', (await store.list('/half/')).revision);
  proxy.freeze();
  const began = performance.now();
  const calls = await Promise.allSettled([store.list('/half/'), store.lease(3000)]);
  expect(performance.now() - began).toBeLessThan(9000);
  for (const call of calls) expect(call).toMatchObject({ status: 'rejected', reason: { code: 'OT3001' } });
  expect(lease.lost.aborted).toBe(true);
  // The store gives the key up too, and the watcher hears that although it happened while the line stood still.
  await vi.waitFor(async () => expect((await direct.list('/half/')).entries).toEqual([]), WAIT);
  await put(direct, '/half/meanwhile', '1');
  await proxy.cut();
  await proxy.heal();
  await vi.waitFor(() => expect(follower.seen).toEqual(['-/half/held', '/half/meanwhile=1']), WAIT);
  await follower.stop();
}, 40_000);

test('half-open for good: without an ending of the old connection a new one is made', async () => {
  await put(direct, '/dead/0', '1');
  const follower = new Follower(store, '/dead/', (await store.list('/dead/')).revision);
  await put(direct, '/dead/1', '1');
  await vi.waitFor(() => expect(follower.seen).toHaveLength(1), WAIT);
  // What the connection carries is lost in silence, as behind a firewall that forgot it; new ones pass.
  proxy.forget();
  await put(direct, '/dead/2', '1');
  await vi.waitFor(() => expect(follower.seen).toEqual(['/dead/1=1', '/dead/2=1']), { timeout: 30_000, interval: 50 });
  await store.list('/dead/');
  await follower.stop();
}, 60_000);

test('frozen for longer than a lease and thawed: the lease was given up before, a late renewal does not revive it', async () => {
  const lease = await store.lease(2000);
  await store.commit({ conditions: [], puts: [{ key: '/thaw/held', value: '1', lease }], deletes: [] });
  const follower = new Follower(direct, '/thaw/', (await direct.list('/thaw/')).revision);
  await etcd.freeze();
  try {
    await vi.waitFor(() => expect(lease.lost.aborted).toBe(true), { timeout: 2500, interval: 10 });
    await sleep(3000);
  } finally {
    etcd.thaw();
  }
  await vi.waitFor(() => expect(follower.seen).toEqual(['-/thaw/held']), WAIT);
  await expect(
    store.commit({ conditions: [], puts: [{ key: '/thaw/late', value: '1', lease }], deletes: [] }),
  ).rejects.toMatchObject({ code: expect.stringMatching(/OT300[14]/) });
  await follower.stop();
}, 40_000);

test('killed and started again under load: what was acknowledged is kept, each write is told once', async () => {
  const follower = new Follower(store, '/killed/', (await direct.list('/killed/')).revision);
  const over = new AbortController();
  const acknowledged: string[] = [];
  const writing = (async (): Promise<void> => {
    for (let n = 0; !over.signal.aborted; n += 1) {
      const key = `/killed/${n}`;
      const done = await put(store, key, 'x').catch(() => null);
      if (done === null) await sleep(10);
      else acknowledged.push(key);
    }
  })();
  for (let n = 0; n < 3; n += 1) {
    await sleep(300);
    await etcd.kill();
    await etcd.restart();
    const before = acknowledged.length;
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(before + 10), WAIT);
  }
  over.abort();
  await writing;
  const expected = (await direct.list('/killed/')).entries;
  await vi.waitFor(() => expect(follower.events.length).toBeGreaterThanOrEqual(expected.length), WAIT);
  const told = follower.events.map((event) => (event.kind === 'put' ? event.entry.revision : -1));
  expect(told).toEqual(expected.map(({ revision }) => revision).sort((a, b) => a - b));
  const there = new Set(expected.map(({ key }) => key));
  expect(acknowledged.filter((key) => !there.has(key))).toEqual([]);
  await follower.stop();
}, 60_000);
