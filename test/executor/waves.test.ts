/** Waves and the gates between them: what may be written at once, and what waits until it runs. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PartlyApplied, readApplied } from '../../src/executor/apply.ts';
import { obstaclesOf } from '../../src/executor/gate.ts';
import { wavesOf } from '../../src/executor/waves.ts';
import { seededRandom } from '../../src/lab/random.ts';
import type { Told } from '../../src/model/apply-event.ts';
import type { StateStore } from '../../src/model/ports.ts';
import type { PipelineFigures } from '../../src/model/records.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { databasesOf, refersTo } from '../../src/planner/references.ts';
import { nodeKey, ownerKey } from '../../src/state/keys.ts';
import { memoryStore } from '../../src/state/memory.ts';
import { applying, loaded, planned } from '../planner/world.ts';
import { randomTopology } from './crash-world.ts';

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

test('after every wave what is there refers to what is there, and channels of one wave share no database', async () => {
  await fc.assert(
    fc.asyncProperty(seeds, seeds, async (one, other) => {
      await using store = memoryStore();
      const [a, b] = [one, other].map((seed) => {
        const random = seededRandom(seed);
        return randomTopology('t', () => random.next());
      });
      await applying(store, await planned(store, a!));
      const plan = await planned(store, b!);
      const present = new Map(
        (await readApplied(store, 't')).applied.specs.map(({ kind, name, spec }) => [
          `${kind}.${name}`,
          { kind, spec },
        ]),
      );
      const waves = wavesOf(plan.changes);
      expect(
        waves
          .flat()
          .map(({ address }) => address)
          .sort(),
      ).toEqual(plan.changes.map(({ address }) => address).sort());
      for (const wave of waves) {
        for (const { address, kind, after } of wave) {
          if (after === null) present.delete(address);
          else present.set(address, { kind, spec: after });
        }
        for (const [address, { kind, spec }] of present)
          for (const needed of refersTo(kind, spec)) expect([address, present.has(needed)]).toEqual([address, true]);
        const living = wave.filter(({ kind, after }) => kind === 'channel' && after !== null);
        const touched = living.flatMap(({ after }) => databasesOf((after as unknown as ChannelSpec).direction));
        expect(new Set(touched).size).toBe(touched.length);
      }
    }),
    { numRuns: 100 },
  );
});

const TEXT = `version: 1
name: t
regions: { r: {} }
nodes: { n: { region: r, listen: "127.0.0.1:7401" } }
databases:
${['a', 'b', 'c', 'd'].map((name) => `  ${name}: { region: r, engine: mysql, endpoints: ["h-${name}:3306"], user: o, password: { env: P } }`).join('\n')}
channels:
  one: { from: a, to: b, tables: [s.x] }
  two: { from: c, to: d, tables: [s.x] }
  three: { from: b, to: c, tables: [s.y] }
`;

test('a channel that takes the old name of another is in no earlier wave than the one that frees it', async () => {
  await using store = memoryStore();
  const head = TEXT.slice(0, TEXT.indexOf('  one:'));
  await applying(
    store,
    await planned(
      store,
      loaded(`${head}  early: { from: a, to: b, tables: [s.x] }\n  old: { from: a, to: c, tables: [s.y] }\n`),
    ),
  );
  const renamed = `  a-first: { from: a, to: b, tables: [s.x] }\n  new: { from: a, to: c, tables: [s.y] }\n  old: { from: c, to: d, tables: [s.z] }\n`;
  const moved = `moved: [{ from: channel.early, to: channel.a-first }, { from: channel.old, to: channel.new }]\n`;
  const plan = await planned(store, loaded(head + renamed + moved));
  const waves = wavesOf(plan.changes).map((wave) => wave.map(({ address }) => address));
  const at = (address: string): number => waves.findIndex((wave) => wave.includes(address));
  expect(at('channel.a-first')).toBeLessThan(at('channel.new'));
  expect(at('channel.old')).toBeGreaterThanOrEqual(at('channel.new'));
});

/** A node that owns everything and reports this of every pipeline, at the generation that is applied. */
async function reports(store: StateStore, figures: Partial<PipelineFigures>): Promise<void> {
  const { applied } = await readApplied(store, 't');
  const pipelines = Object.fromEntries(
    applied.specs.flatMap(({ kind, name, spec, generation }) => {
      if (kind !== 'channel') return [];
      const { direction } = spec as unknown as ChannelSpec;
      if (direction.kind !== 'one-way') return [];
      const pipeline = `${name}/${direction.from[0]!}>${direction.to[0]!}`;
      return [[pipeline, { observedGeneration: generation, phase: 'streaming', lagMs: 1, error: null, ...figures }]];
    }),
  );
  const puts = [
    { key: nodeKey('t', 'n'), value: JSON.stringify({ instance: 'i', databases: [], pipelines }) },
    ...['a', 'b', 'c', 'd'].map((name) => ({
      key: ownerKey('t', name),
      value: JSON.stringify({ node: 'n', instance: 'i', advertise: '' }),
    })),
  ];
  await store.commit({ conditions: [], puts, deletes: [] });
}

test('with a gate an apply goes on when what it wrote runs and lags less; a failure closes it, and it is resumed', async () => {
  await using store = memoryStore();
  const gate = { maxLagMs: 100, timeoutMs: 30_000 };
  const told: Told[] = [];
  const plan = await planned(store, loaded(TEXT));
  const first = applying(store, plan, {
    gate,
    onEvent: (event) => {
      told.push(event);
      if (event.type === 'nodes_waiting')
        void reports(store, { phase: 'failed', error: { code: 'OT5013', message: '', hint: null } });
    },
  });
  const error = await first.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PartlyApplied);
  expect(error).toMatchObject({
    code: 'OT2003',
    message: expect.stringMatching(
      /^8 of 9 changes are applied, then: the next step waits for (one|two)\S+: failed: OT5013/,
    ),
    left: ['channel.three'],
    inDoubt: [],
  });
  expect(told.filter(({ type }) => type === 'step_written')).toMatchObject([
    { addresses: expect.arrayContaining(['database.a', 'node.n']) },
    { addresses: ['channel.one', 'channel.two'] },
  ]);
  await reports(store, {});
  const { serial } = await applying(store, plan, { gate, resume: true });
  expect(serial).toBe(1);
  expect((await planned(store, loaded(TEXT))).changes).toEqual([]);
  // A change of them all: each goes when the one before it runs.
  const next = await planned(store, loaded(TEXT.replaceAll('[s.x]', '[s.x, s.z]')));
  const seen: string[] = [];
  await applying(store, next, {
    gate,
    onEvent: (event) => {
      seen.push(event.type);
      if (event.type === 'nodes_waiting') void reports(store, { lagMs: 100 });
    },
  });
  expect(seen).toEqual(['started', 'step_started', 'step_written']);
});

test.each([
  [{ lagMs: 101 }, 'lags 101 ms, and at most 100 ms are asked for'],
  [{ lagMs: 100 }, null],
  [{ lagMs: null }, 'has not measured its lag yet'],
  [{ phase: 'copying', lagMs: null }, null],
  [{ phase: 'paused', lagMs: null }, null],
  [{ phase: 'pending' }, 'is pending'],
  [{ observedGeneration: 0 }, 'n runs generation 0, not 1'],
  [{ phase: 'failed', error: null }, 'failed: no reason given'],
] as const)('%o: %s', async (figures, why) => {
  await using store = memoryStore();
  await applying(store, await planned(store, loaded(TEXT)));
  await reports(store, figures);
  const { applied, live } = await readApplied(store, 't');
  const found = obstaclesOf(applied, live, ['one'], 100);
  expect(found.map((one) => one.why)).toEqual(why === null ? [] : [why]);
  expect(obstaclesOf(applied, { ...live, owners: {} }, ['one'], 100)).toMatchObject([{ why: 'no node owns b' }]);
});
