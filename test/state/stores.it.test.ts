/** The contract on a real etcd; the other two keepings are in `stores.test.ts`. */

import { randomUUID } from 'node:crypto';
import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll } from 'vitest';
import { startProxy, type TcpProxy } from '../../src/lab/proxy.ts';
import type { EtcdServer } from '../../src/lab/servers.ts';
import { startEtcd } from '../../src/lab/servers.ts';
import type { Commit, Lease, StateStore, WatchBatch } from '../../src/model/ports.ts';
import { openStore } from '../../src/state/open.ts';
import { LONG } from '../project/long.ts';
import { describeStateStore, type Keeping } from './contract.ts';

let etcd: EtcdServer;
let slow: TcpProxy;
beforeAll(async () => {
  etcd = await startEtcd();
  slow = await startProxy({ target: { host: '127.0.0.1', port: etcd.port } });
  slow.delay(10);
});
afterAll(async () => {
  await slow[Symbol.asyncDispose]();
  await etcd[Symbol.asyncDispose]();
});

describeStateStore('etcd', async () => keepingAt(() => etcd.url));
// The same again, slowly: part of the long run.
if (LONG) describeStateStore('etcd, 20 ms away', async () => keepingAt(() => `etcd://127.0.0.1:${slow.port}`));

function keepingAt(url: () => string): Keeping {
  const room = `/room-${randomUUID()}`;
  return {
    open: async () => withinRoom(openStore(url()), room),
    forgetHistory: async (store) => {
      const { revision } = await store.list('/');
      const client = new Etcd3({ hosts: etcd.url.replace('etcd:', 'http:') });
      await client.kv.compact({ revision, physical: true });
      client.close();
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** One server serves all tests: each sees only its own part of it. */
function withinRoom(store: StateStore, room: string): StateStore {
  const there = (key: string): string => room + key;
  const here = (key: string): string => key.slice(room.length);
  return {
    url: store.url,
    list: async (prefix, options) => {
      const { revision, entries } = await store.list(there(prefix), options);
      return { revision, entries: entries.map((entry) => ({ ...entry, key: here(entry.key) })) };
    },
    commit: async ({ conditions, puts, deletes }: Commit) => {
      const result = await store.commit({
        conditions: conditions.map((c) => ({ ...c, key: there(c.key) })),
        puts: puts.map((p) => ({ ...p, key: there(p.key) })),
        deletes: deletes.map(there),
      });
      return result.ok ? result : { ok: false, moved: result.moved.map(here) };
    },
    watch: (prefix, fromRevision, signal) => translated(store.watch(there(prefix), fromRevision, signal), here),
    lease: async (ttlMs): Promise<Lease> => store.lease(ttlMs),
    [Symbol.asyncDispose]: async () => store[Symbol.asyncDispose](),
  };
}

async function* translated(
  batches: AsyncIterable<WatchBatch>,
  here: (key: string) => string,
): AsyncIterable<WatchBatch> {
  for await (const batch of batches) {
    yield {
      ...batch,
      events: batch.events.map((event) =>
        event.kind === 'put'
          ? { kind: 'put', entry: { ...event.entry, key: here(event.entry.key) } }
          : { kind: 'delete', key: here(event.key) },
      ),
    };
  }
}
