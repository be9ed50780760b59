/** Two nodes on one store, a real webhook: who judges, what arrives, and what becomes of it when nodes die. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Notice } from '../../src/model/alerts/notice.ts';
import type { AlertRecord, SilenceRecord, TrialRecord, WatchRecord } from '../../src/model/alerts/records.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { AuditRecord, PauseRecord } from '../../src/model/records.ts';
import type { AlertSpec } from '../../src/model/topology.ts';
import { tell } from '../../src/notify/receivers.ts';
import * as keys from '../../src/state/keys.ts';
import { MemoryState, memoryStore } from '../../src/state/memory.ts';
import { Hook } from '../notify/hook.ts';
import { apply, Cluster, nodeRecord, PAIR, type Spec, T, type TestNode, until } from './cluster.ts';

let state: MemoryState;
let store: StateStore;
let cluster: Cluster;
let hook: Hook<Notice>;
let skippedMs = 0;
const handles: StateStore[] = [];

beforeEach(async () => {
  state = new MemoryState();
  store = handle();
  hook = await Hook.start();
  cluster = new Cluster();
  skippedMs = 0;
  cluster.now = () => Date.now() + skippedMs;
  const env = { OPS: hook.url, NOWHERE: 'http://127.0.0.1:9/' };
  cluster.telling = (receiver, notice, signal) => {
    const resolve = (reference: { env?: string }): string => env[reference.env as 'OPS'];
    return tell(receiver, notice, { resolve: resolve as never, env: {}, version: '1.0.0' }, signal);
  };
});

afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await hook[Symbol.asyncDispose]();
  for (const each of handles.splice(0)) await each[Symbol.asyncDispose]();
});

function handle(): StateStore {
  const opened = memoryStore(state);
  handles.push(opened);
  return opened;
}

function alert(more: Partial<AlertSpec> = {}, name = 'shop-lag'): Spec[] {
  const spec: AlertSpec = { channel: 'shop', when: 'lag > 30s', for: '0s', notify: ['ops'], ...more };
  return [
    { kind: 'notify', name: 'ops', spec: { webhook: { env: 'OPS' } } },
    { kind: 'notify', name: 'lost', spec: { webhook: { env: 'NOWHERE' } } },
    { kind: 'alert', name, spec },
  ];
}

async function at<R>(key: string): Promise<R | null> {
  const entry = (await store.list(key)).entries.find((one) => one.key === key);
  return entry === undefined ? null : (JSON.parse(entry.value) as R);
}

const watcher = async (): Promise<string | undefined> => (await at<WatchRecord>(keys.watchKey(T)))?.node;
const record = (name = 'shop-lag'): Promise<AlertRecord | null> => at<AlertRecord>(keys.alertKey(T, name));
const kinds = (): string[] => hook.bodies.map(({ kind, number }) => `${kind} ${number}`);

/** Both nodes run, and an alert is applied. */
async function pair(more: Partial<AlertSpec> = {}): Promise<Record<'hz' | 'ca', { node: TestNode; own: StateStore }>> {
  await apply(store, [...PAIR, ...alert(more)]);
  const [hz, ca] = [handle(), handle()];
  const timing = { leaseTtlMs: 1500 };
  const nodes = {
    hz: { node: cluster.start('hz-1', hz, timing), own: hz },
    ca: { node: cluster.start('ca-1', ca, timing), own: ca },
  };
  await until(() => expect(cluster.sites.where).toEqual(['ca@ca-1', 'hz@hz-1']));
  await until(async () => expect(await watcher()).toBeDefined());
  return nodes;
}

/** The pipeline into `ca` is so late, and its node has said so. */
async function lags(ms: number): Promise<void> {
  const site = cluster.sites.of('ca');
  site.figures = { lagMs: ms };
  await until(async () => expect((await nodeRecord(store, site.node))?.pipelines['shop/hz>ca']?.lagMs).toBe(ms));
}

/** Nodes have looked since, and written what they would. */
async function settled(): Promise<void> {
  const id = `settled-${Math.random()}`;
  const trial: TrialRecord = {
    alert: null,
    receivers: [],
    by: '',
    at: new Date(cluster.now()).toISOString(),
    result: null,
    node: null,
  };
  for (let n = 0; n < 2; n += 1) {
    const key = keys.trialKey(T, `${id}-${n}`);
    await store.commit({ conditions: [], puts: [{ key, value: JSON.stringify(trial) }], deletes: [] });
    await until(async () => expect((await at<TrialRecord>(key))?.result).toEqual({}));
    await store.commit({ conditions: [], puts: [], deletes: [key] });
  }
}

test('an outage: one notice, repeated, and one when it is over, though two nodes see it', async () => {
  await pair({ repeat: '10m' });
  await lags(45_000);
  await until(() => expect(kinds()).toEqual(['firing 1']));
  const [{ body, headers, path }] = hook.posted as [(typeof hook.posted)[0]];
  expect(path).toBe('/hooks/s3cret');
  expect(headers['idempotency-key']).toBe(`${body.incident}/1`);
  expect(body).toMatchObject({
    ...{ version: 1, topology: 'shop', alert: 'shop-lag', kind: 'firing', on: 'channel.shop', when: 'lag > 30s' },
    about: [{ name: 'shop/hz>ca', says: 'lag 45s' }],
    ended: null,
  });
  await settled();
  const { revision } = await store.list(keys.alertKey(T, 'shop-lag'));
  skippedMs += 600_000;
  await until(() => expect(kinds()).toEqual(['firing 1', 'repeat 2']));
  await lags(10);
  await settled();
  skippedMs += 10_000;
  await until(() => expect(kinds()).toEqual(['firing 1', 'repeat 2', 'recovered 3']));
  expect(new Set(hook.bodies.map(({ incident }) => incident)).size).toBe(1);
  await until(async () => expect(await record()).toMatchObject({ incident: null, past: [{ notices: 3 }] }));
  expect(revision).toBeGreaterThan(0);
});

test('at rest nothing of alerts is written', async () => {
  await pair();
  await settled();
  const seen = async (): Promise<unknown> =>
    (await store.list(keys.topologyPrefix(T))).entries.filter(({ key }) => /\/(?:watch|alert|silence|trial)/.test(key));
  const before = await seen();
  await settled();
  expect(await seen()).toEqual(before);
  expect(await record()).toBeNull();
});

test('the node that judges is killed: another goes on with the incident, and tells nothing again', async () => {
  const nodes = await pair();
  await lags(45_000);
  await until(async () => expect((await record())?.incident?.told['ops']?.number).toBe(1));
  const first = await watcher();
  const { node, own } = first === 'hz-1' ? nodes.hz : nodes.ca;
  const reading = cluster.sites.of('ca').node === first ? 'hz' : 'ca';
  await cluster.kill(node, own);
  await until(async () => expect(await watcher()).toBe(first === 'hz-1' ? 'ca-1' : 'hz-1'));
  if (reading === 'ca') await lags(45_000);
  await settled();
  expect(kinds()).toEqual(['firing 1']);
  expect((await record())?.incident).toMatchObject({ endedMs: null, notice: { number: 1 } });
});

test('it is killed between writing a notice down and sending it: another sends it', async () => {
  const nodes = await pair();
  const telling = cluster.telling;
  let asked = 0;
  let die = (): void => undefined;
  // As if it died with the request.
  cluster.telling = async () => {
    asked += 1;
    return new Promise<void>((resolve) => {
      die = resolve;
    });
  };
  await lags(45_000);
  await until(() => expect(asked).toBe(1));
  const first = await watcher();
  expect((await record())?.incident).toMatchObject({ notice: { number: 1 }, told: {} });
  cluster.telling = telling;
  const { own } = first === 'hz-1' ? nodes.hz : nodes.ca;
  own.commit = () => Promise.reject(new Error('dead'));
  own.list = () => Promise.reject(new Error('dead'));
  await own[Symbol.asyncDispose]();
  await until(() => expect(kinds()).toEqual(['firing 1']));
  await until(async () => expect((await record())?.incident?.told['ops']?.number).toBe(1));
  die();
});

test('a receiver that cannot be told holds up no other, and is on record', async () => {
  await pair({ notify: ['lost', 'ops'] });
  await lags(45_000);
  await until(() => expect(kinds()).toEqual(['firing 1']));
  await until(async () =>
    expect((await record())?.incident?.told['lost']).toMatchObject({ number: 0, error: { code: 'OT8151' } }),
  );
  expect(JSON.stringify(await record())).not.toContain('127.0.0.1:9');
});

test('answers of receivers that come while another is being written down are not lost: nobody is told twice', async () => {
  const told: Record<string, number> = {};
  const slow = Promise.withResolvers<void>();
  cluster.telling = async (receiver) => {
    const name = (receiver as { webhook: { env: string } }).webhook.env;
    told[name] = (told[name] ?? 0) + 1;
    if (name === 'NOWHERE') await slow.promise;
  };
  const nodes = await pair({ notify: ['ops', 'lost'] });
  for (const { own } of Object.values(nodes)) {
    const commit = own.commit.bind(own);
    own.commit = async (transaction) => {
      const put = transaction.puts.find(({ key }) => key === keys.alertKey(T, 'shop-lag'));
      if (put !== undefined && 'ops' in ((JSON.parse(put.value) as AlertRecord).incident?.told ?? {})) {
        slow.resolve();
        // What the answer leads to has been done when timers come next.
        await new Promise((resolve) => setImmediate(resolve));
      }
      return commit(transaction);
    };
  }
  await lags(45_000);
  await until(async () =>
    expect((await record())?.incident?.told).toMatchObject({ ops: { number: 1 }, lost: { number: 1 } }),
  );
  await settled();
  expect(told).toEqual({ OPS: 1, NOWHERE: 1 });
});

test('a receiver that was not told is not tried while the alert is silenced, and is afterwards', async () => {
  let answers = 0;
  hook.answer = (response) => {
    answers += 1;
    response.statusCode = answers === 1 ? 500 : 200;
    response.end();
  };
  await pair();
  await lags(45_000);
  await until(async () => expect((await record())?.incident?.told['ops']?.failures).toBe(1));
  const silence: SilenceRecord = { untilMs: cluster.now() + 60_000, by: 'ann', host: 'h', at: '', why: 'works' };
  const put = { key: keys.silenceKey(T, 'channel.shop'), value: JSON.stringify(silence) };
  await store.commit({ conditions: [], puts: [put], deletes: [] });
  await settled();
  skippedMs += 30_000;
  await settled();
  expect(kinds()).toEqual(['firing 1']);
  skippedMs += 31_000;
  await until(() => expect(kinds()).toEqual(['firing 1', 'firing 1']));
});

test('a node that is stopped in good order writes down what it has sent', async () => {
  const nodes = await pair();
  let answer = (): void => undefined;
  hook.answer = (response) => {
    answer = () => response.end('ok');
  };
  await lags(45_000);
  await until(() => expect(kinds()).toEqual(['firing 1']));
  const { node } = (await watcher()) === 'hz-1' ? nodes.hz : nodes.ca;
  const stopping = node.stop();
  answer();
  await stopping;
  expect((await record())?.incident?.told['ops']?.number).toBe(1);
});

test('an alert that is changed or taken away counts at once, without a restart', async () => {
  await pair({ when: 'lag > 10m' });
  await lags(45_000);
  await settled();
  expect(kinds()).toEqual([]);
  await apply(store, alert({ when: 'lag > 40s' }));
  await until(() => expect(kinds()).toEqual(['firing 1']));
  await apply(store, [], [{ kind: 'alert', name: 'shop-lag' }]);
  await until(async () => expect([await record(), await watcher()]).toEqual([null, undefined]));
});

test('while it is silenced nobody is told; what still holds then is', async () => {
  await pair();
  const silence: SilenceRecord = { untilMs: Date.now() + 60_000, by: 'ann', host: 'h', at: '', why: 'works' };
  const key = keys.silenceKey(T, 'channel.shop');
  await store.commit({ conditions: [], puts: [{ key, value: JSON.stringify(silence) }], deletes: [] });
  await lags(45_000);
  await until(async () => expect((await record())?.incident?.firedMs).toBeGreaterThan(0));
  await settled();
  expect(kinds()).toEqual([]);
  skippedMs += 61_000;
  await until(() => expect(kinds()).toEqual(['firing 1']));
  await until(async () => expect(await at(key)).toBeNull());
});

test('`do: restart` pauses and resumes the pipeline that is late, once, and is in the audit', async () => {
  await pair({ do: 'restart' });
  const before = cluster.sites.of('ca').updates;
  await lags(45_000);
  await until(() => expect(kinds()).toEqual(['firing 1']));
  // The fake takes the pause up as a site would.
  await until(() => expect(cluster.sites.of('ca').spec.pipelines.some(({ spec }) => !spec.enabled)).toBe(true));
  const resting = cluster.sites.of('ca').spec.pipelines.filter(({ spec }) => !spec.enabled);
  expect(resting.map(({ spec }) => spec.name)).toEqual(['shop/hz>ca']);
  cluster.sites.of('ca').figures = { lagMs: null, phase: 'paused' };
  await until(() => expect(cluster.sites.of('ca').spec.pipelines.every(({ spec }) => spec.enabled)).toBe(true));
  await lags(45_000);
  await until(async () => expect((await record())?.incident).toMatchObject({ action: null, actions: 1 }));
  await settled();
  expect(cluster.sites.of('ca').updates - before).toBe(2);
  expect(kinds()).toEqual(['firing 1']);
  const audit = (await store.list(keys.auditPrefix(T))).entries.map(({ value }) => JSON.parse(value) as AuditRecord);
  expect(audit.map(({ by, command, what }) => [by, command, what])).toEqual([
    ['otter', 'alert shop-lag: restart', 'pipeline.shop/hz>ca'],
    ['otter', 'alert shop-lag: restart', 'pipeline.shop/hz>ca'],
  ]);
});

test('`do: resume` lets go on what somebody has paused; `do: restart` leaves it alone', async () => {
  await pair({ when: 'phase = paused', do: 'restart' });
  const pause: PauseRecord = { by: 'ann', host: 'h', at: '', reason: null };
  const key = keys.pauseKey(T, 'channel', 'shop');
  await store.commit({ conditions: [], puts: [{ key, value: JSON.stringify(pause) }], deletes: [] });
  await until(async () => expect((await record())?.incident).toMatchObject({ action: null, actions: 1 }));
  expect(await at(key)).toEqual(pause);
  await apply(store, alert({ when: 'phase = paused', do: 'resume' }));
  skippedMs += 61_000;
  await until(async () => expect(await at(key)).toBeNull());
});

test('records that are not understood stop neither alerts nor sites', async () => {
  await pair();
  const key = keys.alertKey(T, 'shop-lag');
  await store.commit({ conditions: [], puts: [{ key, value: 'x' }], deletes: [] });
  await apply(store, PAIR);
  await until(() => expect(cluster.sites.of('ca').spec.pipelines[0]?.generation).toBe(2));
});
