/** Tables that go from one channel to another, or come back: only when nothing is on its way any more. */
import { expect, test } from 'vitest';
import { readApplied } from '../../src/executor/apply.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { PipelineRecord } from '../../src/model/records.ts';
import { guard } from '../../src/planner/guard.ts';
import type { Refusal } from '../../src/planner/refusal.ts';
import { statusKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { BASE } from '../topology/example.ts';
import { applying, type Loaded, loaded, planned } from './world.ts';

const two = (one: string, other: string | null, initial = 'none'): Loaded =>
  loaded(`${BASE}channels:
  one: { between: [hz, ca], initial: none, tables: [${one}] }
${other === null ? '' : `  two: { between: [hz, ca], initial: ${initial}, tables: [${other}] }\n`}`);

async function refusals(store: StateStore, desired: Loaded): Promise<readonly Refusal[]> {
  const { applied, live } = await readApplied(store, 't');
  const plan = await planned(store, desired);
  return guard(plan, { desired: desired.topology, applied, live, unbuilt: [], allowDestroy: [] });
}

async function report(store: StateStore, pipelines: Readonly<Record<string, Partial<PipelineRecord>>>): Promise<void> {
  const usual = { phase: 'streaming', position: null, error: null, node: 'n', updatedMs: 0 } as const;
  const puts = Object.entries(pipelines).map(([name, record]) => ({
    key: statusKey('t', 'pipeline', name),
    value: JSON.stringify({ ...usual, observedGeneration: 1, ...record } satisfies PipelineRecord),
  }));
  await store.commit({ conditions: [], puts, deletes: [] });
}

const ONE = ['one/hz>ca', 'one/ca>hz'] as const;
const at = (observedGeneration: number): Record<string, Partial<PipelineRecord>> =>
  Object.fromEntries(ONE.map((name) => [name, { observedGeneration }]));

test.each([
  ['by name', 's.t, s.u', 's.u', 's.t, s.v', 's.t', 'none'],
  ['by a pattern', 's.*', 's.u', '"s.t*"', 's.t*', 'none'],
  ['copied anew', 's.t, s.u', 's.u', 's.t, s.v', 's.t', 'copy'],
] as const)(
  'in two steps, the second when the first has been carried out: %s',
  async (_, all, less, into, named, more) => {
    await using store = memoryStore();
    await applying(store, await planned(store, two(all, null)));
    // No node has run it yet: nothing can be on its way.
    expect(await refusals(store, two(less, into, more))).toEqual([]);
    await report(store, at(1));
    const [refused] = await refusals(store, two(less, into, more));
    expect(refused).toMatchObject({ code: 'OT2006' });
    expect(refused!.message).toBe(
      `${named} would go from channel one to channel two in one step, with rows of it on their way`,
    );
    await applying(store, await planned(store, two(less, null)));
    for (const behind of [
      at(1),
      { ...at(2), 'one/ca>hz': { observedGeneration: 1 } },
      { ...at(2), 'one/hz>ca': { observedGeneration: 2, phase: 'failed' as const } },
    ]) {
      await report(store, behind);
      const [late] = await refusals(store, two(less, into, more));
      expect(late).toMatchObject({ code: 'OT2006', message: expect.stringContaining('has left channel one') });
    }
    // Other tables may join meanwhile.
    expect(await refusals(store, two(less, 's.v', more))).toEqual(all === 's.*' ? expect.anything() : []);
    await report(store, at(2));
    expect(await refusals(store, two(less, into, more))).toEqual([]);
  },
);

test.each(['none', 'copy'])(
  'it comes back to the channel it left when nothing is on its way: initial: %s',
  async (initial) => {
    const two = (one: string, _: null): Loaded =>
      loaded(`${BASE}channels:\n  one: { between: [hz, ca], initial: ${initial}, tables: [${one}] }\n`);
    await using store = memoryStore();
    await applying(store, await planned(store, two('s.t, s.u', null)));
    await report(store, at(1));
    await applying(store, await planned(store, two('s.u', null)));
    expect(await refusals(store, two('s.t, s.u', null))).toMatchObject([{ code: 'OT2006' }]);
    await report(store, at(2));
    expect(await refusals(store, two('s.t, s.u', null))).toEqual([]);
    // What was settled once is not kept for ever.
    await applying(store, await planned(store, two('s.t, s.u', null)));
    const { applied } = await readApplied(store, 't');
    expect(applied.specs.find(({ name }) => name === 'one')?.stays?.left).toBeUndefined();
  },
);

test('pipelines of a channel that was removed are waited for while a living node still runs them', async () => {
  await using store = memoryStore();
  await applying(store, await planned(store, two('s.t', null)));
  await report(store, at(1));
  const gone = loaded(`${BASE}channels:\n  other: { between: [hz, ca], tables: [s.o] }\n`);
  await applying(store, await planned(store, gone));
  const next = loaded(`${BASE}channels:\n  other: { between: [hz, ca], tables: [s.o, s.t] }\n`);
  expect(await refusals(store, next)).toEqual([]);
});

test('one-way: a table goes to another channel in two steps, and others may share its target meanwhile', async () => {
  const ways = (one: string | null, other: string | null, more = 'existing: merge'): Loaded =>
    loaded(
      `${BASE}channels:\n${[
        ['one', one],
        ['two', other],
      ]
        .flatMap(([name, tables]) =>
          tables === null ? [] : [`  ${name}: { from: hz, to: ca, ${more}, tables: [${tables}] }\n`],
        )
        .join('')}`,
    );
  await using store = memoryStore();
  await applying(store, await planned(store, ways('s.t, s.u', 's.w')));
  await report(store, { 'one/hz>ca': {} });
  expect(await refusals(store, ways('s.u', 's.w, s.t'))).toMatchObject([
    { code: 'OT2006', hint: expect.stringContaining('Take it out') },
  ]);
  // It stays where it is and gets rows of another table too.
  expect(await refusals(store, ways('s.t, s.u', 's.w, { from: s.v, to: s.t }'))).toEqual([]);
  // A whole channel under another name copies anew; where rows that are there count too, what was on its way would be missing.
  expect(await refusals(store, ways(null, 's.w, s.t, s.u', 'existing: replace'))).toEqual([]);
  expect(await refusals(store, ways(null, 's.w, s.t, s.u'))).toMatchObject([{ code: 'OT2006' }]);
  await applying(store, await planned(store, ways('s.u', 's.w')));
  expect(await refusals(store, ways('s.u', 's.w, s.t'))).toMatchObject([{ code: 'OT2006' }]);
  expect(await refusals(store, ways('s.u, s.t', 's.w'))).toMatchObject([{ code: 'OT2006' }]);
  await report(store, { 'one/hz>ca': { observedGeneration: 2 } });
  expect(await refusals(store, ways('s.u', 's.w, s.t'))).toEqual([]);
});

test('who decides conflicts does not change in a running channel', async () => {
  const with_ = (policy: string): Loaded =>
    loaded(`${BASE}channels:
  one: { between: [hz, ca], initial: none, tables: [s.t], conflict: { policy: ${policy} } }
`);
  for (const [was, is] of [
    ['site-priority', 'manual'],
    ['manual', 'last-write-wins'],
  ] as const) {
    await using store = memoryStore();
    await applying(store, await planned(store, with_(was)));
    expect((await refusals(store, with_(is))).map(({ code }) => code)).toEqual(['OT2007']);
  }
  await using store = memoryStore();
  await applying(store, await planned(store, with_('site-priority')));
  expect(await refusals(store, with_('last-write-wins'))).toEqual([]);
});
