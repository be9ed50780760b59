/** When channels are compared by themselves, by whom, and what is kept of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OwnedSite } from '../../src/executor/owned-sites.ts';
import { dueMs, shareOf, Verifying, type VerifyJob } from '../../src/executor/verifying.ts';
import { World } from '../../src/executor/world.ts';
import { OtterError } from '../../src/model/error.ts';
import type { PipelineFigures, VerifiedRecord } from '../../src/model/records.ts';
import * as keys from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { quiet } from '../site/harness.ts';
import { PAIR, T } from './cluster.ts';

const DAY_MS = 86_400_000;
const LAST: VerifiedRecord = {
  ...{ node: 'ca-1', startedMs: 1_000, endedMs: 9_000, tables: 1, skipped: 0, rows: 5, differing: 0, busy: 0 },
  error: null,
};
const COUNTS = { tables: 2, skipped: 0, rows: 7, differing: 1, busy: 0 };

test('after a day, counted from beginning to beginning; what failed comes again sooner, and the first within minutes, spread', () => {
  expect(dueMs('24h', LAST, 0, 0.5)).toBe(1_000 + DAY_MS);
  expect(dueMs('24h', { ...LAST, error: { code: 'OT4001', message: '', hint: null } }, 0, 0.5)).toBe(9_000 + 600_000);
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 50, maxLength: 50 }), fc.nat(), (names, since) => {
      for (const name of names) {
        const due = dueMs('24h', null, since, shareOf(name));
        expect(due).toBeGreaterThanOrEqual(since);
        expect(due).toBeLessThan(since + 600_000);
      }
    }),
  );
  const shares = Array.from({ length: 100 }, (_, i) => shareOf(`shop${i}/ca`));
  expect(new Set(shares.map((share) => Math.floor(share * 10))).size).toBeGreaterThan(7);
});

/** A topology in a store as a node has seen it; the channel is compared every minute. */
async function rig(verify: (job: VerifyJob, signal: AbortSignal) => Promise<typeof COUNTS>) {
  const store = memoryStore();
  const world = new World(T, 'i-1');
  const value = JSON.stringify;
  const put = async (key: string, record: unknown): Promise<number> => {
    const result = await store.commit({ conditions: [], puts: [{ key, value: value(record) }], deletes: [] });
    if (!result.ok) throw new Error('not written');
    world.wrote({ key, value: value(record), revision: result.revision, created: result.revision });
    return result.revision;
  };
  await put(keys.metaKey(T), { format: 1, lineage: 'l-1', serial: 1 });
  for (const { kind, name, spec } of PAIR)
    await put(keys.specKey(T, kind, name), {
      generation: 1,
      spec: kind === 'channel' ? { ...spec, verify: { every: '1m', rate: '5 rows/s' } } : spec,
    });
  const owner = {
    key: keys.ownerKey(T, 'ca'),
    revision: await put(keys.ownerKey(T, 'ca'), { node: 'ca-1', instance: 'i-1' }),
  };
  let now = 0;
  const verifying = new Verifying({ store, topology: T, node: 'ca-1', world, verify, now: () => now, logger: quiet });
  const site = (phase: PipelineFigures['phase']): OwnedSite => ({
    database: 'ca',
    figures: { 'shop/hz>ca': { phase } as PipelineFigures },
    endpoint: null,
    owner,
  });
  return {
    ...{ store, world, verifying, site, put },
    /** As the node does with every beat. */
    look: (atMs: number, phase: PipelineFigures['phase'] = 'streaming'): void => {
      now = atMs;
      verifying.look([site(phase)]);
    },
    kept: () => world.verified('shop', 'ca'),
    measures: () => verifying.measures([site('streaming')]),
  };
}

test('what is due is compared once, kept, and compared again when its time has come', async () => {
  const jobs: VerifyJob[] = [];
  const { look, verifying, kept, store } = await rig(async (job) => {
    jobs.push(job);
    return COUNTS;
  });
  look(0, 'copying');
  look(0);
  look(60_000, 'paused');
  expect(jobs).toEqual([]);
  look(60_000);
  look(60_001);
  await expect.poll(kept).toMatchObject({ ...COUNTS, node: 'ca-1', startedMs: 60_000, error: null });
  expect(jobs).toMatchObject([{ channel: 'shop', database: 'ca', lineage: 'l-1', rate: '5 rows/s' }]);
  expect(Object.keys(jobs[0]!.databases).sort()).toEqual(['ca', 'hz']);
  look(119_999);
  expect(jobs.length).toBe(1);
  look(120_000);
  expect(jobs.length).toBe(2);
  await verifying.stop();
  const { entries } = await store.list(keys.verifiedPrefix(T));
  expect(entries.map(({ key }) => key)).toEqual([keys.verifiedKey(T, 'shop', 'ca')]);
});

test('how far it is, and what came of the last, is measured', async () => {
  const held = Promise.withResolvers<void>();
  const { look, measures, kept } = await rig(async ({ looked }) => {
    for (const rows of [500, 200]) looked(rows);
    await held.promise;
    return COUNTS;
  });
  const of = { channel: 'shop', database: 'ca' };
  expect(measures()).toEqual([{ ...of, last: null, rows: null }]);
  look(0);
  look(60_000);
  expect(measures()).toEqual([{ ...of, last: null, rows: 700 }]);
  held.resolve();
  await expect.poll(kept).not.toBeNull();
  await expect.poll(measures).toMatchObject([{ ...of, last: COUNTS, rows: null }]);
});

test('why it could not be done is kept', async () => {
  const { look, kept } = await rig(async () => {
    throw new OtterError('OT3020', 'the environment variable HZ_PASSWORD is not set', { hint: 'Set it.' });
  });
  look(0);
  look(60_000);
  await expect.poll(kept).toMatchObject({
    tables: 0,
    error: { code: 'OT3020', message: 'the environment variable HZ_PASSWORD is not set' },
  });
});

test('it is given up with the database, and by a former owner nothing is kept', async () => {
  let aborted = 0;
  const { look, verifying, kept } = await rig(
    (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted += 1;
          reject(new Error('given up'));
        });
      }),
  );
  look(0);
  look(60_000);
  verifying.look([]);
  await verifying.stop();
  expect([aborted, kept()]).toEqual([1, null]);
  const other = await rig(async () => COUNTS);
  await other.put(keys.ownerKey(T, 'ca'), { node: 'ca-2', instance: 'i-2' });
  other.look(0);
  other.look(60_000);
  await other.verifying.stop();
  expect(other.kept()).toBeNull();
});

test('what is kept of a channel that is no longer compared goes', async () => {
  const { look, kept, verifying, put, store } = await rig(async () => COUNTS);
  look(0);
  look(60_000);
  await expect.poll(kept).not.toBeNull();
  await verifying.sweep();
  expect((await store.list(keys.verifiedPrefix(T))).entries.length).toBe(1);
  const spec = PAIR.find(({ kind }) => kind === 'channel')!;
  await put(keys.specKey(T, 'channel', 'shop'), { generation: 2, spec: spec.spec });
  await verifying.sweep();
  expect((await store.list(keys.verifiedPrefix(T))).entries).toEqual([]);
});
