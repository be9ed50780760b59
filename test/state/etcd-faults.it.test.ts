/** What goes wrong between otter and etcd: cut connections, a server that restarts, one that does not answer. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { EtcdServer } from '../../src/lab/servers.ts';
import { startEtcd } from '../../src/lab/servers.ts';
import { openStore } from '../../src/state/open.ts';
import { Follower, put, WAIT } from './contract.ts';

let etcd: EtcdServer;
beforeAll(async () => {
  etcd = await startEtcd();
});
afterAll(async () => {
  await etcd[Symbol.asyncDispose]();
});

/** Passes bytes on, and cuts every connection after so many bytes of answers. */
class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  cuts = 0;
  budget = Number.POSITIVE_INFINITY;

  constructor(port: number) {
    this.#server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      let passed = 0;
      for (const socket of [near, far]) {
        this.#sockets.add(socket);
        socket
          .on('error', () => undefined)
          .on('close', () => {
            near.destroy();
            far.destroy();
            this.#sockets.delete(socket);
          });
      }
      near.on('data', (data) => far.write(data));
      far.on('data', (data) => {
        near.write(data);
        passed += data.length;
        if (passed < this.budget) return;
        this.cuts += 1;
        near.destroy();
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

test('a replay of 4,000 events over connections that are cut again and again arrives whole, in order, once', async () => {
  await using direct = openStore(etcd.url);
  const from = (await direct.list('/cut/')).revision;
  const value = 'v'.repeat(500);
  for (let n = 0; n < 4000; n += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => put(direct, `/cut/${n + i}`, value)));
  }
  const expected = (await direct.list('/cut/')).entries.map((e) => e.revision).sort((a, b) => a - b);
  const proxy = new CuttingProxy(etcd.port);
  proxy.budget = 700_000;
  const store = openStore(`etcd://127.0.0.1:${await proxy.listen()}`);
  const follower = new Follower(store, '/cut/', from);
  await vi.waitFor(() => expect(follower.events.length).toBeGreaterThanOrEqual(4000), {
    timeout: 60_000,
    interval: 50,
  });
  expect(follower.events.map((event) => (event.kind === 'put' ? event.entry.revision : -1))).toEqual(expected);
  expect(proxy.cuts).toBeGreaterThan(1);
  await follower.stop();
  await store[Symbol.asyncDispose]();
  await proxy.close();
});

test('a server that is killed and comes back: the watch goes on, the lease holds', async () => {
  await using store = openStore(etcd.url);
  const lease = await store.lease(30_000);
  await store.commit({ conditions: [], puts: [{ key: '/back/held', value: '1', lease }], deletes: [] });
  const follower = new Follower(store, '/back/', (await store.list('/back/')).revision);
  await put(store, '/back/1', 'a');
  await vi.waitFor(() => expect(follower.seen).toEqual(['/back/1=a']), WAIT);
  await etcd.restart();
  await vi.waitFor(async () => put(store, '/back/2', 'b'), WAIT);
  await vi.waitFor(() => expect(follower.seen.at(-1)).toBe('/back/2=b'), WAIT);
  expect(follower.batches.every((batch) => !batch.reset)).toBe(true);
  expect(lease.lost.aborted).toBe(false);
  await follower.stop();
  await lease.revoke();
});

test('a server that does not answer: calls end with an error, a lease is lost in time, and all is well afterwards', async () => {
  await using store = openStore(etcd.url);
  const lease = await store.lease(2000);
  const follower = new Follower(store, '/frozen/', (await store.list('/frozen/')).revision);
  await etcd.freeze();
  try {
    const [listing, writing] = await Promise.allSettled([store.list('/frozen/'), put(store, '/frozen/maybe', '1')]);
    for (const call of [listing, writing]) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'OT3001', retry: 'backoff' } });
    }
    expect(lease.lost.aborted).toBe(true);
  } finally {
    etcd.thaw();
  }
  await vi.waitFor(async () => put(store, '/frozen/after', '2'), WAIT);
  await vi.waitFor(() => expect(follower.seen.at(-1)).toBe('/frozen/after=2'), WAIT);
  await follower.stop();
});

test('of several endpoints one that is away is passed over', async () => {
  await using store = openStore(`etcd://127.0.0.1:1,127.0.0.1:${etcd.port}`);
  await store.list('/ends/');
  await put(store, '/ends/1', 'a');
  expect((await store.list('/ends/')).entries.map((e) => e.value)).toEqual(['a']);
});
