/** What is no longer kept is needed by nothing that is: two stores live the same life, one forgets, and whatever both still have is the same. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyPlan, readApplied } from '../../src/executor/apply.ts';
import { readRuns } from '../../src/executor/journal.ts';
import { appliedAt, movesBack, planOf, readPast } from '../../src/executor/past.ts';
import { tidied } from '../../src/executor/pruning.ts';
import { cutRun } from '../../src/executor/resume.ts';
import { messageOf } from '../../src/model/error.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { HistorySpec, Move, Topology } from '../../src/model/topology.ts';
import { appliedTopology } from '../../src/planner/applied-topology.ts';
import { auditPrefix, lockKey, runsPrefix } from '../../src/state/keys.ts';
import { acquireLock } from '../../src/state/lock.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { ANN, applying, loaded, planned, SHOP } from '../planner/world.ts';

const shop = loaded(SHOP).topology;
const channel = shop.channel['shop']!;
const KEPT: HistorySpec = { serials: 3, audit: 4 };

interface Step {
  /** Names of channels, each the `shop` of the example but for its order of tables. */
  readonly channels: readonly string[];
  readonly moved: readonly Move[];
  /** Go back this many serials in place of all that. */
  readonly back: number | null;
  /** The apply is cut after so many of its steps, and then gone on with, or not. */
  readonly cut: number | null;
  readonly resume: boolean;
}

const name = fc.constantFrom('c1', 'c2', 'c3');
const seldom = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(2) });
const step: fc.Arbitrary<Step> = fc.record({
  channels: fc.uniqueArray(name, { minLength: 1, maxLength: 3 }),
  moved: fc.array(
    fc.tuple(name, name).map(([from, to]) => ({ from: `channel.${from}`, to: `channel.${to}` })),
    { maxLength: 1 },
  ),
  back: seldom,
  cut: seldom,
  resume: fc.boolean(),
});

/** One life of a store; `forgets`: with what is kept bounded. */
class Life {
  readonly store: StateStore = memoryStore();
  readonly #forgets: boolean;
  #ids = 0;

  constructor(forgets: boolean) {
    this.#forgets = forgets;
  }

  /** What came of it, in words. */
  async live({ channels, moved, back, cut, resume }: Step, nth: number): Promise<string> {
    try {
      const desired = back === null ? this.#desired(channels, moved, nth) : await this.#past(back);
      const plan = await planned(this.store, desired);
      const leave = new AbortController();
      let written = 0;
      await applyPlan({
        store: this.store,
        plan,
        author: ANN,
        lockTimeoutMs: 0,
        signal: leave.signal,
        now: () => 1_767_225_600_000 + nth,
        newId: () => `id-${++this.#ids}`,
        stepChangesMax: 1,
        onEvent: ({ type }) => {
          if (type === 'step_written' && written++ === cut) leave.abort();
        },
      });
      return 'done';
    } catch (error) {
      if (!resume) return messageOf(error);
      return this.#resumed().then(
        () => 'resumed',
        (other: unknown) => messageOf(other),
      );
    }
  }

  #desired(channels: readonly string[], moved: readonly Move[], nth: number): Topology {
    const ddl = (['stop', 'ignore'] as const)[nth % 2]!;
    return {
      ...shop,
      channel: Object.fromEntries(channels.map((one) => [one, { ...channel, ddl }])),
      moved,
      // The other one has a policy as well, so that both write the same.
      policy: { history: { ...(this.#forgets ? KEPT : { serials: 1000, audit: 1000 }) } },
    };
  }

  async #past(back: number): Promise<Topology> {
    const past = await readPast(this.store, 't');
    const serial = (past.history.at(-1 - back) ?? past.history[0])?.serial;
    if (serial === undefined) return this.#desired([], [], 0);
    const { policy, ...topology } = appliedTopology(appliedAt(past, serial));
    return { ...topology, policy: { ...policy, ...this.#desired([], [], 0).policy }, moved: movesBack(past, serial) };
  }

  async #resumed(): Promise<void> {
    const { plan } = await cutRun(this.store, 't');
    await applying(this.store, plan, { resume: true, stepChangesMax: 1 });
  }

  /** All that can be asked of a serial. */
  async told(serial: number): Promise<unknown> {
    const past = await readPast(this.store, 't');
    const specs = appliedAt(past, serial).specs.flatMap(({ kind, name: of, spec }) =>
      kind === 'policy' ? [] : [[kind, of, spec]],
    );
    const changes = planOf(past, serial)?.changes.map(({ address, actions }) => [address, actions]);
    return { specs, changes, moves: movesBack(past, serial) };
  }

  async serials(): Promise<readonly number[]> {
    return (await readPast(this.store, 't')).history.map(({ serial }) => serial);
  }

  async cut(): Promise<unknown> {
    return cutRun(this.store, 't').then(
      ({ plan, batches }) => [plan.serial, batches.length],
      (error: unknown) => messageOf(error),
    );
  }
}

test('whatever is kept says what it would say had nothing been taken away', async () => {
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 14 }), async (steps) => {
      const [all, some] = [new Life(false), new Life(true)];
      for (const [nth, one] of steps.entries()) {
        expect(await some.live(one, nth)).toBe(await all.live(one, nth));
        expect(await some.cut()).toEqual(await all.cut());
      }
      const kept = await some.serials();
      const ever = await all.serials();
      taken += ever.length - kept.length;
      expect(kept).toEqual(ever.slice(ever.length - kept.length));
      // Who leaves has no time for it.
      expect(kept.length).toBeLessThanOrEqual(KEPT.serials + steps.filter(({ cut }) => cut !== null).length);
      for (const serial of kept) expect(await some.told(serial)).toEqual(await all.told(serial));
      expect((await some.store.list(auditPrefix('t'))).entries.length).toBeLessThanOrEqual(KEPT.audit + steps.length);
    }),
    { numRuns: 12 },
  );
  expect(taken).toBeGreaterThan(20);
});

test('what is kept is bounded, a run that wrote nothing goes, and whoever lost the lock takes nothing away', async () => {
  await using store = memoryStore();
  const of = (nth: number): Topology => ({
    ...shop,
    channel: { shop: { ...channel, ddl: (['stop', 'ignore'] as const)[nth % 2]! } },
    policy: { history: { ...KEPT } },
  });
  const orphan = `${runsPrefix('t', '1-orphan')}plan/0`;
  await store.commit({ conditions: [], puts: [{ key: orphan, value: '{}' }], deletes: [] });
  const notes: string[] = [];
  for (let nth = 0; nth < 12; nth++) {
    await applying(store, await planned(store, of(nth)), {
      now: () => 1_767_225_600_000 + nth,
      onEvent: (event) => {
        if (event.type === 'note') notes.push(event.message);
      },
    });
  }
  const past = await readPast(store, 't');
  expect(past.history.map(({ serial }) => serial)).toEqual([10, 11, 12]);
  expect((await readRuns(store, 't')).map(({ batches }) => batches[0]?.record.serial)).toEqual([10, 11, 12]);
  expect((await store.list(auditPrefix('t'))).entries).toHaveLength(KEPT.audit);
  expect((await store.list(orphan)).entries).toEqual([]);
  expect(notes.at(-1)).toBe('what is oldest is no longer kept: 1 serial, 1 entry of the audit');
  const signal = new AbortController().signal;
  await store.commit({ conditions: [], puts: [{ key: orphan, value: '{}' }], deletes: [] });
  const record = { holder: 'ann', host: 'h', pid: 1, since: '', operation: 'apply' };
  const lock = await acquireLock(store, lockKey('t'), record, 9_000, signal);
  if ('heldBy' in lock) throw new Error();
  // As `otter lock break` does.
  await store.commit({ conditions: [], puts: [], deletes: [lockKey('t')] });
  expect(await tidied({ store, topology: 't', lock, serial: 12, signal })).toBeNull();
  expect((await store.list(orphan)).entries).toHaveLength(1);
  expect(() => appliedAt(past, 9)).toThrow('there is no serial 9');
  // Nothing else was taken.
  expect((await readApplied(store, 't')).applied.specs).toHaveLength(8);
});
