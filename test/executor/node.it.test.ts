/** Nodes on a real etcd, and what they do when it does not answer, restarts empty-handed or forgets its history. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { expect, test } from 'vitest';
import { startEtcd } from '../../src/lab/servers.ts';
import { STATE_FORMAT } from '../../src/model/records.ts';
import * as keys from '../../src/state/keys.ts';
import { openStore } from '../../src/state/open.ts';
import { LONG } from '../project/long.ts';
import { apply, Cluster, channel, nodeRecord, owners, PAIR, T, until } from './cluster.ts';
import { describeNodes } from './node-contract.ts';

describeNodes('etcd', async () => {
  const etcd = await startEtcd();
  return {
    open: async () => openStore(etcd.url),
    [Symbol.asyncDispose]: async () => etcd[Symbol.asyncDispose](),
  };
});

test.runIf(LONG)(
  'etcd away for longer than every lease: sites run on as they are, and all is as it was when it is back',
  async () => {
    await using etcd = await startEtcd();
    await using store = openStore(etcd.url);
    await using one = openStore(etcd.url);
    await using two = openStore(etcd.url);
    await using cluster = new Cluster();
    await apply(store, PAIR);
    const hz = cluster.start('hz-1', one, { leaseTtlMs: 2000 });
    cluster.start('ca-1', two, { leaseTtlMs: 2000 });
    await until(() => expect(cluster.sites.where).toEqual(['ca@ca-1', 'hz@hz-1']));
    const before = cluster.sites.running;

    await etcd.freeze();
    await until(() => expect(hz.logged.join('\n')).toContain('state store away'));
    await new Promise((resolve) => setTimeout(resolve, 6000));
    expect(cluster.sites.running).toEqual(before);
    expect(hz.services('hz')).not.toBeNull();
    expect(hz.wirings[0]!.addressOf('ca')).toMatchObject({ node: 'ca-1' });
    etcd.thaw();

    await until(async () => expect(await owners(store)).toEqual({ ca: 'ca-1', hz: 'hz-1' }));
    await until(() => expect(hz.logged.join('\n')).toContain('state store back'));
    await apply(store, [channel('shop', ['hz', 'ca'], ['shop.items'])]);
    await until(() => expect(cluster.sites.running.map((site) => site.spec.pipelines[0]?.generation)).toEqual([2, 2]));
    // The same sites all the while: nobody else owned the databases in between.
    expect(cluster.sites.all).toEqual(before);
    expect(hz.logged.filter((line) => line.includes('state store away'))).toHaveLength(1);
  },
);

test('a node cut off from a store where another took over: it stops as soon as it sees the newer owner', async () => {
  await using etcd = await startEtcd();
  await using store = openStore(etcd.url);
  const cutOff = openStore(etcd.url);
  await using cluster = new Cluster();
  await apply(store, PAIR);
  cluster.start('hz-1', cutOff, { leaseTtlMs: 2000 });
  await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
  const first = cluster.sites.of('hz');
  // Another process takes the database behind the node's back, and is gone again.
  const lease = await store.lease(5000);
  const key = keys.ownerKey(T, 'hz');
  const record = { node: 'hz-9', instance: 'other', advertise: 'x:1' };
  await store.commit({ conditions: [], puts: [{ key, value: JSON.stringify(record), lease }], deletes: [] });
  await until(() => expect(first.ending).toBe('stopped'));
  expect(cluster.sites.running).toEqual([]);
  await lease.revoke();
  await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
  expect(cluster.sites.of('hz').ownerRevision).toBeGreaterThan(first.ownerRevision);
  await cluster[Symbol.asyncDispose]();
  await cutOff[Symbol.asyncDispose]();
});

test('history compacted while etcd was away: nodes see the present state and go on', async () => {
  await using etcd = await startEtcd();
  await using store = openStore(etcd.url);
  await using one = openStore(etcd.url);
  await using cluster = new Cluster();
  await apply(store, PAIR);
  const hz = cluster.start('hz-1', one, { leaseTtlMs: 60_000 });
  await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
  const site = cluster.sites.of('hz');
  await etcd.kill();
  await until(() => expect(hz.logged.join('\n')).toContain('state store away'));
  await etcd.restart();
  await until(async () => apply(store, [channel('shop', ['hz', 'ca'], ['shop.items'])]));
  const client = new Etcd3({ hosts: etcd.url.replace('etcd:', 'http:') });
  await client.kv.compact({ revision: (await store.list('/')).revision, physical: true });
  client.close();
  await until(() => expect(site.spec.pipelines[0]?.generation).toBeGreaterThan(1));
  await until(async () => expect(await nodeRecord(store, 'hz-1')).not.toBeNull());
  expect(cluster.sites.all).toEqual([site]);
});

test('a store that comes back empty stops nothing; what is applied to it then, under a new lineage, is started anew', async () => {
  const datadir = await mkdtemp(join(tmpdir(), 'otter-etcd-'));
  await using etcd = await startEtcd({ datadir });
  await using store = openStore(etcd.url);
  await using one = openStore(etcd.url);
  await using cluster = new Cluster();
  for (let n = 0; n < 20; n += 1) await apply(store, PAIR);
  const hz = cluster.start('hz-1', one, { leaseTtlMs: 2000 });
  await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
  const site = cluster.sites.of('hz');
  const { revision } = await store.list('/');
  await etcd.kill();
  await until(() => expect(hz.logged.join('\n')).toContain('state store away'));
  await rm(datadir, { recursive: true });
  await mkdir(datadir);
  await etcd.restart();
  await until(async () => expect((await store.list('/')).revision).toBeLessThan(revision));
  // Long enough for the node to have seen it, by what it did before in less.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  expect(site.ending).toBeNull();
  expect(hz.linksOpen()).toBe(1);
  const meta = { format: STATE_FORMAT, lineage: 'l-2', serial: 0 };
  await store.commit({ conditions: [], puts: [{ key: keys.metaKey(T), value: JSON.stringify(meta) }], deletes: [] });
  await apply(store, PAIR);
  await until(() => expect(site.ending).toBe('stopped'));
  await until(() => expect(cluster.sites.of('hz').spec.lineage).toBe('l-2'));
  await hz.stop();
  await rm(datadir, { recursive: true });
});
