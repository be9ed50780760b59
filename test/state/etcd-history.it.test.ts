/** History that is compacted away under whoever still reads it: nothing is missed. */
import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startProxy } from '../../src/lab/proxy.ts';
import { type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import { openStore } from '../../src/state/open.ts';
import { Follower, put, remove, WAIT } from './contract.ts';

let etcd: EtcdServer;
let raw: Etcd3;
beforeAll(async () => {
  etcd = await startEtcd();
  raw = new Etcd3({ hosts: `http://127.0.0.1:${etcd.port}` });
});
afterAll(async () => {
  raw.close();
  await etcd[Symbol.asyncDispose]();
});

async function compact(): Promise<void> {
  const { header } = await raw.kv.range({ key: Buffer.from('/') });
  await raw.kv.compact({ revision: header.revision, physical: true });
}

test('a watcher that is cut off while history goes away is reset to the present, and follows on', async () => {
  await using proxy = await startProxy({ target: { host: '127.0.0.1', port: etcd.port } });
  await using direct = openStore(etcd.url);
  await using store = openStore(`etcd://127.0.0.1:${proxy.port}`);
  await put(direct, '/behind/left', 'goes');
  const follower = new Follower(store, '/behind/', (await store.list('/behind/')).revision - 1);
  await vi.waitFor(() => expect(follower.seen).toEqual(['/behind/left=goes']), WAIT);
  await proxy.cut();
  await remove(direct, '/behind/left');
  for (let n = 0; n < 200; n += 1) await put(direct, `/behind/${n % 50}`, `${n}`);
  await compact();
  await proxy.heal();
  await vi.waitFor(() => expect(follower.batches.some(({ reset }) => reset)).toBe(true), WAIT);
  await put(direct, '/behind/after', 'comes');
  await vi.waitFor(() => expect(follower.state['/behind/after']).toBe('comes'), WAIT);
  const now = (await direct.list('/behind/')).entries.map(({ key, value }) => [key, value]);
  expect(follower.state).toEqual(Object.fromEntries(now));
  // The reset tells the present once, and what comes after it once.
  expect(follower.batches.filter(({ reset }) => reset)).toHaveLength(1);
  expect(follower.seen.filter((seen) => seen === '/behind/after=comes')).toHaveLength(1);
  await follower.stop();
});

test('a list that is read page by page while history goes away comes whole, at one revision', async () => {
  await using direct = openStore(etcd.url);
  for (let n = 0; n < 400; n += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => put(direct, `/paged/${n + i}`, 'first')));
  }
  await using proxy = await startProxy({ target: { host: '127.0.0.1', port: etcd.port } });
  proxy.delay(20);
  await using store = openStore(`etcd://127.0.0.1:${proxy.port}`);
  const refused = vi.fn();
  const listing = store.list('/paged/');
  for (let n = 0; n < 3; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 70));
    // All keys at once: a list that mixed revisions would show it.
    const puts = Array.from({ length: 100 }, (_, i) => ({ key: `/paged/${i}`, value: `round ${n}` }));
    await direct.commit({ conditions: [], puts, deletes: [] });
    await compact();
    refused();
  }
  const { entries } = await listing;
  expect(refused).toHaveBeenCalledTimes(3);
  expect(entries).toHaveLength(400);
  const firstHundred = entries.filter(({ key }) => Number(key.slice('/paged/'.length)) < 100);
  expect(new Set(firstHundred.map(({ value }) => value)).size).toBe(1);
});
