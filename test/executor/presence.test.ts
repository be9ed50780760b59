/** Answers that are lost, and names that are taken. */
import { expect, test } from 'vitest';
import { isDue } from '../../src/executor/pipeline-status.ts';
import { Presence } from '../../src/executor/presence.ts';
import type { CommitResult, StateStore } from '../../src/model/ports.ts';
import type { NodeRecord, PipelineFigures, PipelineRecord } from '../../src/model/records.ts';
import { MemoryState, memoryStore } from '../../src/state/memory.ts';
import { nodeRecord, T } from './cluster.ts';

function presence(
  store: StateStore,
  instance: string,
): { readonly here: Presence; beat: (n: number) => Promise<void> } {
  const here = new Presence({
    store,
    topology: T,
    name: 'hz-1',
    instance,
    leaseTtlMs: 60_000,
    beatMs: 100,
    wrote: () => undefined,
  });
  const record = (n: number): NodeRecord => ({
    instance,
    region: 'h',
    advertise: 'a:1',
    version: '1',
    startedMs: 1,
    pid: 7,
    host: 'here',
    databases: [],
    rssBytes: 1,
    error: null,
    pipelines: {},
    updatedMs: n,
  });
  return { here, beat: async (n) => here.beat(record(n)) };
}

/** The next commit takes place, and its answer is lost. */
function losingOneAnswer(store: StateStore): void {
  const commit = store.commit.bind(store);
  store.commit = async (what): Promise<CommitResult> => {
    store.commit = commit;
    await commit(what);
    throw new Error('connection lost');
  };
}

test('a beat whose answer was lost did arrive: the next ones go on from it', async () => {
  await using store = memoryStore();
  const { here, beat } = presence(store, 'one');
  await beat(1);
  const { registration } = here;
  losingOneAnswer(store);
  await expect(beat(2)).rejects.toThrow('connection lost');
  await beat(3);
  await beat(4);
  expect((await nodeRecord(store, 'hz-1'))?.updatedMs).toBe(4);
  expect(here.registration).toBe(registration);
  await here.leave();
});

test('a registration whose answer was lost is made again, and its first lease is given back', async () => {
  await using store = memoryStore();
  const { here, beat } = presence(store, 'one');
  losingOneAnswer(store);
  await expect(beat(1)).rejects.toThrow('connection lost');
  expect(here.registration).toBeNull();
  expect(await nodeRecord(store, 'hz-1')).toBeNull();
  await beat(2);
  expect(here.registration).not.toBeNull();
  await here.leave();
  expect(await nodeRecord(store, 'hz-1')).toBeNull();
});

test('the later process has the name; the earlier is told whose it is now, and takes nothing with it when it leaves', async () => {
  const state = new MemoryState();
  await using a = memoryStore(state);
  await using b = memoryStore(state);
  const one = presence(a, 'one');
  const two = presence(b, 'two');
  await one.beat(1);
  await two.beat(2);
  await expect(one.beat(3)).rejects.toThrow(
    expect.objectContaining({ code: 'OT3010', message: expect.stringContaining('process 7 on here') }),
  );
  await one.here.leave();
  await two.beat(4);
  expect(await nodeRecord(b, 'hz-1')).toMatchObject({ instance: 'two', updatedMs: 4 });
  await two.here.leave();
});

test('a process that lost its lease registers anew, but not over another that came meanwhile', async () => {
  const state = new MemoryState();
  await using a = memoryStore(state);
  await using b = memoryStore(state);
  const one = presence(a, 'one');
  await one.beat(1);
  const { lease } = one.here.registration!;
  await lease.revoke();
  expect(one.here.registration).toBeNull();
  await one.beat(2);
  expect((await nodeRecord(a, 'hz-1'))?.updatedMs).toBe(2);
  await one.here.registration!.lease.revoke();
  const two = presence(b, 'two');
  await two.beat(3);
  await expect(one.beat(4)).rejects.toThrow(expect.objectContaining({ code: 'OT3010' }));
  await two.here.leave();
});

test('a record is due when what matters changed, or the position moved and a minute passed', () => {
  const written: PipelineRecord = {
    observedGeneration: 1,
    phase: 'streaming',
    position: 'p1',
    error: null,
    node: 'n',
    updatedMs: 1000,
  };
  expect(isDue(written, undefined)).toBe(true);
  expect(isDue({ ...written, updatedMs: 999_000 }, written)).toBe(false);
  expect(isDue({ ...written, position: 'p2', updatedMs: 60_999 }, written)).toBe(false);
  expect(isDue({ ...written, position: 'p2', updatedMs: 61_000 }, written)).toBe(true);
  expect(isDue({ ...written, phase: 'failed' }, written)).toBe(true);
  expect(isDue({ ...written, observedGeneration: 2 }, written)).toBe(true);
  expect(isDue({ ...written, error: { code: 'OT5001', message: '', hint: null } }, written)).toBe(true);
});

test('a node writes its record when there is news, and else with every third beat', async () => {
  const store = memoryStore();
  const here = new Presence({
    ...{ store, topology: T, name: 'hz-1', instance: 'one', leaseTtlMs: 60_000 },
    ...{ beatMs: 100, wrote: () => undefined },
  });
  const figures: PipelineFigures = {
    ...({ phase: 'streaming' } as const),
    ...{ observedGeneration: 1, lagMs: 5, position: 'p1', rowsApplied: 1, rowsPerSecond: 1 },
    ...{ conflicts: 0, drift: 0, copy: null, error: null, waiting: null },
  };
  const record: NodeRecord = {
    ...{ instance: 'one', region: 'h', advertise: 'a:1', version: '1', startedMs: 1, pid: 7, host: 'here' },
    ...{ databases: ['hz'], settledSerial: 1, rssBytes: 1, error: null, pipelines: { p: figures }, updatedMs: 1000 },
  };
  const moved: PipelineFigures = { ...figures, lagMs: 9, position: 'p2', rowsApplied: 7, rowsPerSecond: 3 };
  expect(here.due(record)).toBe(true);
  await here.beat(record);
  expect(here.due({ ...record, updatedMs: 1100 })).toBe(false);
  expect(here.due({ ...record, updatedMs: 1205, rssBytes: 2, pipelines: { p: moved } })).toBe(false);
  expect(here.due({ ...record, updatedMs: 1290 })).toBe(true);
  // A clock that was set back.
  expect(here.due({ ...record, updatedMs: 10 })).toBe(true);
  expect(here.due({ ...record, settledSerial: 2 })).toBe(true);
  expect(here.due({ ...record, databases: [] })).toBe(true);
  expect(here.due({ ...record, pipelines: {} })).toBe(true);
  expect(here.due({ ...record, pipelines: { p: { ...figures, phase: 'failed' } } })).toBe(true);
  expect(here.due({ ...record, pipelines: { p: { ...figures, observedGeneration: 2 } } })).toBe(true);
  expect(here.due({ ...record, pipelines: { p: { ...figures, waiting: 'for somebody' } } })).toBe(true);
  await here.leave();
  expect(here.due(record)).toBe(true);
});
