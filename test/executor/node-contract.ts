/** What nodes do on any keeping of the state store; registered for each. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readDepartures } from '../../src/executor/applied.ts';
import { readAudit } from '../../src/executor/audit.ts';
import { OtterError } from '../../src/model/error.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { DatabaseSpec } from '../../src/model/topology.ts';
import * as keys from '../../src/state/keys.ts';
import { apply, Cluster, channel, database, node, nodeRecord, owners, PAIR, statuses, T, until } from './cluster.ts';

export interface StoreRoom extends AsyncDisposable {
  /** A handle as another process would have it. */
  open(): Promise<StateStore>;
}

export function describeNodes(name: string, start: () => Promise<StoreRoom>): void {
  describe(`nodes on ${name}`, () => {
    let room: StoreRoom;
    let store: StateStore;
    let cluster: Cluster;
    const handles: StateStore[] = [];

    beforeEach(async () => {
      room = await start();
      cluster = new Cluster();
      store = await handle();
    });

    afterEach(async () => {
      await cluster[Symbol.asyncDispose]();
      for (const each of handles.splice(0)) await each[Symbol.asyncDispose]();
      await room[Symbol.asyncDispose]();
    });

    async function handle(): Promise<StateStore> {
      const opened = await room.open();
      handles.push(opened);
      return opened;
    }

    const PAIR_RUNS = ['ca@ca-1', 'hz@hz-1'];

    test('started before the first apply they wait, then own, run and report what they should', async () => {
      const hz = cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(hz.logged.some((line) => line.includes('node starting'))).toBe(true));
      expect(await nodeRecord(store, 'hz-1')).toBeNull();
      await apply(store, PAIR);
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      await until(async () => expect(await owners(store)).toEqual({ ca: 'ca-1', hz: 'hz-1' }));
      await until(async () =>
        expect(await statuses(store)).toMatchObject({
          'shop/ca>hz': { node: 'hz-1', phase: 'streaming', observedGeneration: 1 },
          'shop/hz>ca': { node: 'ca-1', phase: 'streaming', observedGeneration: 1 },
        }),
      );
      await until(async () =>
        expect(await nodeRecord(store, 'hz-1')).toMatchObject({
          region: 'hangzhou',
          advertise: 'hz-1:7400',
          databases: ['hz'],
          pipelines: { 'shop/ca>hz': { lagMs: 1 } },
        }),
      );
      expect(cluster.sites.of('hz').spec).toMatchObject({
        lineage: 'l-1',
        name: 'hz',
        pipelines: [
          { generation: 1, spec: { name: 'shop/hz>ca' } },
          { generation: 1, spec: { name: 'shop/ca>hz' } },
        ],
      });
      expect(hz.wirings).toHaveLength(1);
      expect(hz.services('hz')).not.toBeNull();
      expect(hz.services('ca')).toBeNull();
      await until(() => expect(hz.wirings[0]!.addressOf('ca')).toMatchObject({ node: 'ca-1', advertise: 'ca-1:7400' }));
    });

    test('a changed address is listened on, told to peers, and disturbs no site', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      const ca = cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      await apply(store, [node('hz-1', 'hangzhou', 'moved:1')]);
      await until(() => expect(ca.wirings[0]!.addressOf('hz')).toMatchObject({ node: 'hz-1', advertise: 'moved:1' }));
      await until(() => expect(hz.wirings.map((wiring) => wiring.advertise)).toEqual(['hz-1:7400', 'moved:1']));
      await until(async () => expect(await nodeRecord(store, 'hz-1')).toMatchObject({ advertise: 'moved:1' }));
      expect(hz.linksOpen()).toBe(1);
      expect(cluster.sites.all).toHaveLength(2);
      expect(cluster.sites.of('hz').updates).toBe(0);
    });

    test('a changed link is taken up, and disturbs no site', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      const link = { token: { env: 'T' } };
      await apply(store, [node('hz-1', 'hangzhou', 'hz-1:7400', link)]);
      await until(() => expect(hz.wirings.map((wiring) => wiring.link)).toEqual([null, link]));
      await until(() => expect(hz.linksOpen()).toBe(1));
      expect(cluster.sites.all).toHaveLength(2);
    });

    test('a link whose credentials a node has not: it goes on as before, says so, and takes it up when it can', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      let there = false;
      cluster.connecting = ({ link }) => {
        if (link !== null && !there) throw new OtterError('OT6011', 'no file');
      };
      await apply(store, [node('hz-1', 'hangzhou', 'hz-1:7400', { token: { env: 'T' } })]);
      await until(async () => expect(await nodeRecord(store, 'hz-1')).toMatchObject({ error: { code: 'OT6011' } }));
      expect(hz.linksOpen()).toBe(1);
      expect(cluster.sites.where).toEqual(PAIR_RUNS);
      there = true;
      await until(async () => expect(await nodeRecord(store, 'hz-1')).toMatchObject({ error: null }));
      expect(hz.linksOpen()).toBe(1);
    });

    test('a changed channel is an update of the sites it concerns, nothing is stopped', async () => {
      const other = [database('hz2', 'hangzhou'), database('ca2', 'california'), channel('other', ['hz2', 'ca2'])];
      await apply(store, [...PAIR, ...other]);
      cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(['ca2@ca-1', 'ca@ca-1', 'hz2@hz-1', 'hz@hz-1']));
      await apply(store, [channel('shop', ['hz', 'ca'], ['shop.orders', 'shop.items'])]);
      await until(() => {
        for (const name of ['hz', 'ca']) {
          const site = cluster.sites.of(name);
          expect(site.spec.pipelines.map((each) => [each.generation, each.spec.tables.length])).toEqual([
            [2, 2],
            [2, 2],
          ]);
        }
      });
      await until(async () => expect((await statuses(store))['shop/hz>ca']).toMatchObject({ observedGeneration: 2 }));
      expect(cluster.sites.of('hz2').updates).toBe(0);
      expect(cluster.sites.all).toHaveLength(4);
    });

    test('a node tells which serial it has carried out: not before its sites are as that one wants them', async () => {
      await apply(store, PAIR);
      const { revision } = await store.list(keys.topologyPrefix(T));
      const news = store.watch(keys.nodeKey(T, 'hz-1'), revision, AbortSignal.timeout(20_000))[Symbol.asyncIterator]();
      const first = news.next();
      cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      // Of what it has just registered for it has done nothing yet.
      const [event] = (await first).done === true ? [] : (await first).value.events;
      expect(event).toMatchObject({ entry: { value: expect.stringContaining('"settledSerial":0') } });
      await news.return?.();
      const settled = async (serial: number): Promise<void> =>
        until(async () => {
          for (const name of ['hz-1', 'ca-1'])
            expect(await nodeRecord(store, name)).toMatchObject({ settledSerial: serial });
        });
      await settled(1);
      expect(cluster.sites.where).toEqual(PAIR_RUNS);
      const elsewhere = { ...(database('hz', 'hangzhou').spec as DatabaseSpec), endpoints: ['127.0.0.1:3307'] };
      await apply(store, [{ kind: 'database', name: 'hz', spec: elsewhere }]);
      await settled(2);
      expect(cluster.sites.of('hz').spec.database.endpoints).toEqual(['127.0.0.1:3307']);
      // What concerns no site is carried out as well.
      await apply(store, [{ kind: 'region', name: 'hangzhou', spec: { description: 'the lake' } }]);
      await settled(3);
      expect(cluster.sites.all).toHaveLength(3);
    });

    test('converged, nothing is done again: no site is touched, and only beats are written', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(async () => expect(Object.keys(await statuses(store))).toHaveLength(2));
      const quiet = async (): Promise<unknown> => ({
        owners: (await store.list(keys.ownersPrefix(T))).entries,
        status: (await store.list(keys.statusPrefix(T))).entries,
        sites: cluster.sites.all.map((site) => ({ ...site, spec: JSON.stringify(site.spec) })),
      });
      const before = await quiet();
      const beat = (await nodeRecord(store, 'hz-1'))!.updatedMs;
      // A dozen beats with several comparisons of everything in between.
      await until(async () => expect((await nodeRecord(store, 'hz-1'))!.updatedMs).toBeGreaterThan(beat + 1000));
      expect(await quiet()).toEqual(before);
      expect(hz.wirings).toHaveLength(1);
    });

    test('a channel that left is an update, its records go; a database that left is retired and given up', async () => {
      await apply(store, PAIR);
      cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(async () => expect(Object.keys(await statuses(store))).toHaveLength(2));
      await apply(store, [], [{ kind: 'channel', name: 'shop' }]);
      await until(() => expect(cluster.sites.running.map((site) => site.spec.pipelines)).toEqual([[], []]));
      await until(async () => expect(await statuses(store)).toEqual({}));
      await apply(store, [], [{ kind: 'database', name: 'ca' }]);
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      expect(cluster.sites.all.find((site) => site.database === 'ca')?.ending).toBe('retired');
      await until(async () => expect(await owners(store)).toEqual({ hz: 'hz-1' }));
    });

    test('who destroys learns what was removed: a node goes only after that, and writes down how it went', async () => {
      await apply(store, PAIR);
      cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(async () => expect(await owners(store)).toEqual({ hz: 'hz-1', ca: 'ca-1' }));
      const removed = Promise.withResolvers<void>();
      cluster.sites.retiring = async (name) => {
        if (name === 'ca') throw new OtterError('OT4001', 'the server is away');
        await removed.promise;
      };
      await apply(store, [], PAIR);
      await until(async () => expect(await nodeRecord(store, 'ca-1')).toBeNull());
      // Some beats of the other, which is still at it.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await owners(store)).toEqual({ hz: 'hz-1' });
      expect(await nodeRecord(store, 'hz-1')).not.toBeNull();
      removed.resolve();
      await until(async () => expect(await nodeRecord(store, 'hz-1')).toBeNull());
      expect(await readDepartures(store, T)).toEqual({
        ca: { node: 'ca-1', error: { code: 'OT4001', message: 'the server is away', hint: null } },
        hz: { node: 'hz-1', error: null },
      });
      await apply(store, PAIR);
      await until(async () => expect(await owners(store)).toEqual({ hz: 'hz-1', ca: 'ca-1' }));
      expect(await readDepartures(store, T)).toEqual({});
    });

    test('everything destroyed in one commit: sites are retired and nothing is left but who lives', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(async () => expect(Object.keys(await statuses(store))).toHaveLength(2));
      const { entries } = await store.list(keys.specPrefix(T));
      await store.commit({
        conditions: [],
        puts: [],
        deletes: [...entries.map((entry) => entry.key), keys.metaKey(T)],
      });
      await until(() => expect(cluster.sites.all.map((site) => site.ending)).toEqual(['retired', 'retired']));
      await until(async () => expect((await store.list(keys.topologyPrefix(T))).entries).toEqual([]));
      await until(() => expect(hz.linksOpen()).toBe(0));
      await apply(store, PAIR);
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      expect(hz.logged.filter((line) => line.startsWith('error'))).toEqual([]);
    });

    test('a node killed and restarted under its name goes on without waiting out its old lease, under a higher epoch', async () => {
      await apply(store, PAIR);
      const dying = await handle();
      const first = cluster.start('hz-1', dying);
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      const epoch = cluster.sites.of('hz').ownerRevision;
      await cluster.kill(first, dying);
      expect((await owners(store))['hz']).toBe('hz-1');
      const restarted = performance.now();
      cluster.start('hz-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      // The lease is a minute long: whatever the machine's load, this was not waiting.
      expect(performance.now() - restarted).toBeLessThan(20_000);
      expect(cluster.sites.of('hz').ownerRevision).toBeGreaterThan(epoch);
      expect(cluster.sites.of('ca').updates).toBe(0);
    });

    test('a second process under a living name takes over, and the first stops with an error that says so', async () => {
      await apply(store, PAIR);
      const first = cluster.start('hz-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      const second = cluster.start('hz-1', await handle());
      await expect(first.done).rejects.toThrow(expect.objectContaining({ code: 'OT3010' }));
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      expect(second.services('hz')).not.toBeNull();
      expect(cluster.sites.all).toHaveLength(2);
    });

    test('two nodes of a region share its databases; one that ends leaves them to the other, one that comes takes none', async () => {
      const names = Array.from({ length: 8 }, (_, n) => `db${n}`);
      const one = cluster.start('hz-1', await handle());
      cluster.start('hz-2', await handle());
      await apply(store, [
        node('hz-1', 'hangzhou'),
        node('hz-2', 'hangzhou'),
        ...names.map((each) => database(each, 'hangzhou')),
      ]);
      await until(() => expect(cluster.sites.running).toHaveLength(8));
      const shared = Object.values(await owners(store));
      expect(new Set(shared)).toEqual(new Set(['hz-1', 'hz-2']));
      await one.stop();
      await until(() => expect(cluster.sites.where).toEqual(names.map((each) => `${each}@hz-2`)));
      const moved = cluster.sites.all.length;
      cluster.start('hz-1', await handle());
      await until(async () => expect(await nodeRecord(store, 'hz-1')).not.toBeNull());
      await apply(store, [database('db8', 'hangzhou'), database('db9', 'hangzhou')]);
      await until(() => expect(cluster.sites.running).toHaveLength(10));
      expect(cluster.sites.all).toHaveLength(moved + 2);
    });

    test('a database that somebody moves goes to that node, comes back to it, and runs elsewhere while it is away', async () => {
      await apply(store, [...PAIR, node('hz-2', 'hangzhou')]);
      const first = cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      const second = cluster.start('hz-2', await handle());
      await until(async () => expect(await nodeRecord(store, 'hz-2')).not.toBeNull());
      const key = keys.placeKey(T, 'hz');
      const value = JSON.stringify({ node: 'hz-2', by: 'ann', host: 'h', at: '', reason: null });
      await store.commit({ conditions: [], puts: [{ key, value }], deletes: [] });
      await until(() => expect(cluster.sites.where).toEqual(['ca@ca-1', 'hz@hz-2']));
      await second.stop();
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      cluster.start('hz-2', await handle());
      await until(() => expect(cluster.sites.where).toEqual(['ca@ca-1', 'hz@hz-2']));
      await store.commit({ conditions: [], puts: [], deletes: [key] });
      expect(first.logged.some((line) => line.includes('somebody wants it at node hz-2'))).toBe(true);
    });

    test('a pause that has its time ends by itself, in the audit', async () => {
      await apply(store, PAIR);
      cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      const enabled = () => cluster.sites.of('ca').spec.pipelines.map(({ spec }) => [spec.name, spec.enabled]);
      const pause = { by: 'ann', host: 'h', at: '', reason: null };
      const [shop, one] = [keys.pauseKey(T, 'channel', 'shop'), keys.pauseKey(T, 'pipeline', 'shop/hz>ca')];
      const put = (key: string, until_: string) =>
        store.commit({
          conditions: [],
          puts: [{ key, value: JSON.stringify({ ...pause, until: until_ }) }],
          deletes: [],
        });
      await put(shop, new Date(Date.now() + 3_600_000).toISOString());
      await put(one, new Date(Date.now() + 3_600_000).toISOString());
      await until(() => expect(enabled()).toContainEqual(['shop/hz>ca', false]));
      await put(shop, new Date(Date.now() - 1).toISOString());
      await until(() =>
        expect(enabled()).toEqual(
          expect.arrayContaining([
            ['shop/hz>ca', false],
            ['shop/ca>hz', true],
          ]),
        ),
      );
      await put(one, new Date(Date.now() - 1).toISOString());
      await until(() => expect(enabled()).toContainEqual(['shop/hz>ca', true]));
      const audit = (await readAudit(store, T)).map(({ command, what, by }) => [command, what, by.slice(0, 5)]);
      expect(audit).toEqual([
        ['resume', 'channel.shop', 'node '],
        ['resume', 'pipeline.shop/hz>ca', 'node '],
      ]);
    });

    test('a node that dies for good: when its lease has run out another of the region takes over', async () => {
      await apply(store, [...PAIR, node('hz-2', 'hangzhou')]);
      const dying = await handle();
      const first = cluster.start('hz-1', dying, { leaseTtlMs: 2000 });
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      cluster.start('hz-2', await handle());
      await until(async () => expect(await nodeRecord(store, 'hz-2')).not.toBeNull());
      await cluster.kill(first, dying);
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-2']));
    });

    test('a node that leaves the topology, or moves to another region, gives up what it has', async () => {
      await apply(store, [...PAIR, node('hz-2', 'hangzhou')]);
      cluster.start('hz-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      cluster.start('hz-2', await handle());
      await until(async () => expect(await nodeRecord(store, 'hz-2')).not.toBeNull());
      await apply(store, [], [{ kind: 'node', name: 'hz-1' }]);
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-2']));
      await until(async () => expect(await nodeRecord(store, 'hz-1')).toBeNull());
      await apply(store, [node('hz-2', 'california')]);
      await until(() => expect(cluster.sites.where).toEqual(['ca@hz-2']));
      expect(cluster.sites.all.map((site) => site.ending)).toEqual(['stopped', 'stopped', null]);
    });

    test('a node that missed everything ends where one that saw everything is', async () => {
      const early = cluster.start('ca-1', await handle());
      await apply(store, PAIR.slice(0, 3));
      for (let n = 0; n < 20; n += 1) {
        await apply(store, [
          channel('shop', ['hz', 'ca'], [`shop.t${n}`]),
          database('ca', 'california'),
          database('x', 'california'),
        ]);
        await apply(store, [database('hz', 'hangzhou')], [{ kind: 'database', name: 'x' }]);
      }
      await apply(store, [node('hz-1', 'california'), node('ca-1', 'california')]);
      await apply(store, [node('hz-1', 'hangzhou')]);
      cluster.start('hz-1', await handle());
      await until(() => {
        expect(cluster.sites.where).toEqual(PAIR_RUNS);
        const [a, b] = [cluster.sites.of('ca').spec, cluster.sites.of('hz').spec];
        expect(a.pipelines).toEqual(b.pipelines);
        expect(a.pipelines.map((each) => [each.generation, each.spec.tables[0]?.from])).toEqual([
          [20, 'shop.t19'],
          [20, 'shop.t19'],
        ]);
      });
      expect(early.logged.filter((line) => line.startsWith('error'))).toEqual([]);
    });

    test('a record of a newer otter stops nothing and begins nothing', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      await store.commit({
        conditions: [],
        puts: [{ key: keys.specKey(T, 'channel', 'shop'), value: '"new"' }],
        deletes: [],
      });
      await until(() => expect(hz.logged.join('\n')).toContain('OT3007'));
      const ca = cluster.start('ca-1', await handle());
      await until(() => expect(ca.logged.join('\n')).toContain('OT3007'));
      expect(cluster.sites.where).toEqual(['hz@hz-1']);
      await apply(store, [database('ca', 'california')]);
      await store.commit({ conditions: [], puts: [], deletes: [keys.specKey(T, 'channel', 'shop')] });
      await apply(store, [channel('shop', ['hz', 'ca'])]);
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
    });

    test('what somebody paused rests, the other direction runs on, no apply undoes it, and it goes on where it was', async () => {
      await apply(store, PAIR);
      cluster.start('hz-1', await handle());
      cluster.start('ca-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(PAIR_RUNS));
      const rests = (): Record<string, boolean> =>
        Object.fromEntries(cluster.sites.of('hz').spec.pipelines.map(({ spec }) => [spec.name, !spec.enabled]));
      const born = cluster.sites.of('hz').spec.pipelines.map((one) => one.born);
      const pause = { key: keys.pauseKey(T, 'pipeline', 'shop/hz>ca'), value: '{"by":"ann"}' };
      await store.commit({ conditions: [], puts: [pause], deletes: [] });
      await until(() => expect(rests()).toEqual({ 'shop/hz>ca': true, 'shop/ca>hz': false }));
      await apply(store, [channel('shop', ['hz', 'ca'], ['shop.orders', 'shop.stock'])]);
      await until(() => expect(cluster.sites.of('hz').spec.pipelines[0]!.spec.tables).toHaveLength(2));
      expect(rests()).toEqual({ 'shop/hz>ca': true, 'shop/ca>hz': false });
      const all = { key: keys.pauseKey(T, 'channel', 'shop'), value: '{"by":"ann"}' };
      await store.commit({ conditions: [], puts: [all], deletes: [pause.key] });
      await until(() => expect(rests()).toEqual({ 'shop/hz>ca': true, 'shop/ca>hz': true }));
      await store.commit({ conditions: [], puts: [], deletes: [all.key] });
      await until(() => expect(rests()).toEqual({ 'shop/hz>ca': false, 'shop/ca>hz': false }));
      expect(cluster.sites.of('hz').spec.pipelines.map((one) => one.born)).toEqual(born);
      expect(cluster.sites.all).toHaveLength(2);
    });

    test('an imported channel is the one that it was in the store it came from', async () => {
      await apply(store, PAIR);
      cluster.start('hz-1', await handle());
      await until(() => expect(cluster.sites.where).toContain('hz@hz-1'));
      const [entry] = (await store.list(keys.specKey(T, 'channel', 'shop'))).entries;
      const record = { ...(JSON.parse(entry!.value) as object), created: 7_000_123 };
      await store.commit({ conditions: [], puts: [{ key: entry!.key, value: JSON.stringify(record) }], deletes: [] });
      await until(() => expect(cluster.sites.of('hz').spec.pipelines[0]!.born).toBe(7_000_123));
    });

    test('stopping in good order leaves nothing held', async () => {
      await apply(store, PAIR);
      const hz = cluster.start('hz-1', await handle());
      await until(() => expect(cluster.sites.where).toEqual(['hz@hz-1']));
      await hz.stop();
      await expect(hz.done).resolves.toBeUndefined();
      expect(cluster.sites.all.map((site) => site.ending)).toEqual(['stopped']);
      expect(await owners(store)).toEqual({});
      expect(await nodeRecord(store, 'hz-1')).toBeNull();
    });

    test('what changes fast is not written into the status; what matters is', async () => {
      await apply(store, PAIR);
      cluster.start('hz-1', await handle());
      await until(async () => expect(Object.keys(await statuses(store))).toEqual(['shop/ca>hz']));
      const key = keys.statusKey(T, 'pipeline', 'shop/ca>hz');
      const revision = async (): Promise<number> => (await store.list(key)).entries[0]!.revision;
      const before = await revision();
      const site = cluster.sites.of('hz');
      site.figures = { lagMs: 7, position: 'mariadb:0-1-99', rowsApplied: 5 };
      await until(async () =>
        expect((await nodeRecord(store, 'hz-1'))?.pipelines['shop/ca>hz']).toMatchObject({ lagMs: 7 }),
      );
      expect(await revision()).toBe(before);
      site.figures = { phase: 'failed', error: { code: 'OT5001', message: 'no', hint: null } };
      await until(async () =>
        expect(await statuses(store)).toMatchObject({ 'shop/ca>hz': { phase: 'failed', error: { code: 'OT5001' } } }),
      );
    });
  });
}
