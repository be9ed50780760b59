/** The decision about one database: a table of cases, and laws that hold in every case. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sight } from '../../src/executor/reconcile.ts';
import { decide } from '../../src/executor/reconcile.ts';
import type { SiteSpec } from '../../src/model/ports.ts';
import { database } from './cluster.ts';

const ME = 'hz-1';
const KEY = '/otter/shop/owner/hz';
const { spec } = database('hz', 'hangzhou');

function desired(lineage = 'l-1'): SiteSpec {
  return { lineage, topology: 'shop', name: 'hz', database: spec as SiteSpec['database'], pipelines: [] };
}

const other = { record: { node: 'hz-2', instance: 'two', advertise: 'b:1' }, revision: 40, created: 1 };
const mine = { record: { node: ME, instance: 'one', advertise: 'a:1' }, revision: 50, created: 1 };
const left = { record: { node: ME, instance: 'zero', advertise: 'a:1' }, revision: 20, created: 1 };
const later = { record: { node: ME, instance: 'three', advertise: 'a:1' }, revision: 60, created: 1 };
const fault = { code: 'OT3007', severity: 'error', summary: 'x', detail: '', range: null, related: [] } as const;

/** Registered, alone, with a free database to run. */
const FREE: Sight = {
  database: 'hz',
  ownerKey: KEY,
  me: { name: ME, instance: 'one', advertise: 'a:1', registered: { lease: 'L', revision: 30 }, settlingMs: 0 },
  meta: { format: 1, lineage: 'l-1', serial: 1 },
  declared: true,
  deleted: false,
  desired: desired(),
  owner: null,
  placement: { loads: { [ME]: 0 }, free: ['hz'] },
  place: null,
  foreignRevision: 0,
  fault: null,
  running: null,
  claim: null,
};
const OWNED: Sight = { ...FREE, owner: mine, claim: { revision: 50, lease: 'L' } };
const RUNS: Sight = { ...OWNED, running: { spec: desired(), ownerRevision: 50 } };
const UNREGISTERED = { ...FREE.me, registered: null };
const GONE = { declared: false, desired: null };

const CASES: readonly (readonly [string, Sight, object])[] = [
  ['free: it is claimed', FREE, { kind: 'claim', condition: { key: KEY, revision: null } }],
  [
    'free, but another node is the one',
    { ...FREE, placement: { loads: { [ME]: 1, other: 0 }, free: ['hz'] } },
    { kind: 'none' },
  ],
  ['free, others may be starting', { ...FREE, me: { ...FREE.me, settlingMs: 90 } }, { kind: 'wait', ms: 90 }],
  ['free, not registered', { ...FREE, me: UNREGISTERED }, { kind: 'none' }],
  ['owned by me: it is started', OWNED, { kind: 'start', ownerRevision: 50 }],
  ['owned and running: settled', RUNS, { kind: 'none' }],
  ['owned by another', { ...FREE, owner: other }, { kind: 'none' }],
  [
    'left behind by an earlier process of my name',
    { ...FREE, owner: left },
    { kind: 'claim', condition: { key: KEY, revision: 20 } },
  ],
  [
    'left behind, others starting: my name, no waiting',
    { ...FREE, owner: left, me: { ...FREE.me, settlingMs: 90 } },
    { kind: 'claim' },
  ],
  ['held by a later process of my name', { ...FREE, owner: later }, { kind: 'none' }],
  [
    'mine, of a write whose answer was lost',
    { ...FREE, owner: mine },
    { kind: 'claim', condition: { key: KEY, revision: 50 } },
  ],
  [
    'mine, under an old lease',
    { ...RUNS, claim: { revision: 50, lease: 'K' } },
    { kind: 'claim', condition: { key: KEY, revision: 50 } },
  ],
  [
    'mine, with an old address',
    { ...RUNS, me: { ...RUNS.me, advertise: 'c:1' } },
    { kind: 'claim', condition: { key: KEY, revision: 50 } },
  ],
  [
    'runs, the record is gone with the lease',
    { ...RUNS, owner: null, placement: { loads: {}, free: ['hz'] } },
    { kind: 'claim', condition: { key: KEY, revision: null } },
  ],
  ['runs, not registered', { ...RUNS, owner: null, me: UNREGISTERED }, { kind: 'none' }],
  [
    'runs, not registered, changed',
    { ...RUNS, owner: null, me: UNREGISTERED, desired: { ...desired(), topology: 'x' } },
    { kind: 'update' },
  ],
  ['runs, a newer owner', { ...RUNS, owner: { ...other, revision: 70 }, foreignRevision: 70 }, { kind: 'stop' }],
  ['runs, a newer owner came and went', { ...RUNS, owner: null, foreignRevision: 70 }, { kind: 'stop' }],
  ['runs, another owner was before', { ...RUNS, foreignRevision: 49 }, { kind: 'none' }],
  [
    'runs, its server has moved',
    { ...RUNS, desired: { ...desired(), database: { ...desired().database, endpoints: ['elsewhere:3306'] } } },
    { kind: 'stop' },
  ],
  ['runs, changed', { ...RUNS, desired: { ...desired(), topology: 'x' } }, { kind: 'update' }],
  [
    'runs, applied anew',
    { ...RUNS, meta: { format: 1, lineage: 'l-2', serial: 1 }, desired: desired('l-2') },
    { kind: 'stop' },
  ],
  [
    'mine, but somebody was there since',
    { ...OWNED, foreignRevision: 60 },
    { kind: 'claim', condition: { key: KEY, revision: 50 } },
  ],
  ['runs, deleted', { ...RUNS, ...GONE, deleted: true }, { kind: 'retire' }],
  ['runs, deleted while news were lost', { ...RUNS, ...GONE }, { kind: 'retire' }],
  ['runs, all deleted', { ...RUNS, ...GONE, deleted: true, meta: null }, { kind: 'retire' }],
  ['runs, the store is empty and nobody saw why', { ...RUNS, ...GONE, meta: null, owner: null }, { kind: 'none' }],
  [
    'runs, not there, and it is another lineage',
    { ...RUNS, ...GONE, meta: { format: 1, lineage: 'l-2', serial: 1 } },
    { kind: 'stop' },
  ],
  ['runs, moved to another region', { ...RUNS, desired: null }, { kind: 'stop' }],
  ['ended, still owned', { ...OWNED, ...GONE }, { kind: 'release', condition: { key: KEY, revision: 50 } }],
  ['ended, owned by another', { ...FREE, ...GONE, owner: other }, { kind: 'none' }],
  [
    'free, and wanted here: at once',
    { ...FREE, place: ME, placement: { loads: { [ME]: 9, other: 0 }, free: ['hz'] } },
    { kind: 'claim' },
  ],
  ['free, and wanted at another', { ...FREE, place: 'hz-2' }, { kind: 'none' }],
  [
    'runs, and wanted at another',
    { ...RUNS, place: 'hz-2' },
    { kind: 'stop', reason: 'somebody wants it at node hz-2' },
  ],
  [
    'stopped, and wanted at another',
    { ...OWNED, place: 'hz-2' },
    { kind: 'release', condition: { key: KEY, revision: 50 } },
  ],
  ['runs where it is wanted', { ...RUNS, place: ME }, { kind: 'none' }],
  ['wanted at another, and nothing may be begun', { ...RUNS, me: UNREGISTERED, place: 'hz-2' }, { kind: 'none' }],
  ['wanted here, owned by another', { ...FREE, owner: other, place: ME }, { kind: 'none' }],
  ['not understood, runs', { ...RUNS, fault, ...GONE, deleted: true }, { kind: 'stuck' }],
  ['not understood, runs, a newer owner', { ...RUNS, fault, foreignRevision: 70 }, { kind: 'stop' }],
  ['not understood, free', { ...FREE, fault }, { kind: 'stuck' }],
];

describe('decide', () => {
  test.each(CASES)('%s', (_, sight, step) => {
    expect(decide(sight)).toMatchObject(step);
  });
});

const sights: fc.Arbitrary<Sight> = fc
  .record({
    database: fc.constant('hz'),
    ownerKey: fc.constant(KEY),
    me: fc.record({
      name: fc.constant(ME),
      instance: fc.constant('one'),
      advertise: fc.constantFrom('a:1', 'c:1'),
      registered: fc.constantFrom(null, { lease: 'L', revision: 30 }),
      settlingMs: fc.constantFrom(0, 90),
    }),
    meta: fc.constantFrom(null, { format: 1, lineage: 'l-1', serial: 1 }, { format: 1, lineage: 'l-2', serial: 1 }),
    declared: fc.boolean(),
    deleted: fc.boolean(),
    desired: fc.constantFrom(null, desired(), desired('l-2'), { ...desired(), topology: 'x' }),
    owner: fc.constantFrom(null, mine, other, left, later),
    placement: fc.record({
      loads: fc.dictionary(fc.constantFrom(ME, 'hz-2', 'hz-3'), fc.nat(3)),
      free: fc.subarray(['hz', 'a', 'z']),
    }),
    place: fc.constantFrom(null, ME, 'hz-2'),
    foreignRevision: fc.constantFrom(0, 40, 60),
    fault: fc.constantFrom(null, fault),
    running: fc.constantFrom(null, { spec: desired(), ownerRevision: 50 }),
    claim: fc.constantFrom(null, { revision: 50, lease: 'L' }, { revision: 50, lease: 'K' }),
  })
  // Something is desired only of what is declared, in the lineage that is there.
  .map((sight) => {
    const there = sight.declared && sight.desired !== null && sight.desired.lineage === sight.meta?.lineage;
    return { ...sight, desired: there ? sight.desired : null, deleted: sight.deleted && !sight.declared };
  });

describe('laws', () => {
  test('nothing starts without owning, and nothing new begins while something is not understood', () => {
    fc.assert(
      fc.property(sights, (sight) => {
        const step = decide(sight);
        if (step.kind === 'start') {
          expect(sight.running).toBeNull();
          expect(sight.owner?.record.instance).toBe('one');
          expect(sight.claim).toEqual({ revision: step.ownerRevision, lease: sight.me.registered?.lease });
        }
        if (sight.fault !== null) expect(['stuck', 'stop']).toContain(step.kind);
      }),
      { numRuns: 3000 },
    );
  });

  test('a site never outlives the sight of a newer owner, and never ends for the store being away', () => {
    fc.assert(
      fc.property(sights, (sight) => {
        const { running } = sight;
        fc.pre(running !== null);
        if (sight.foreignRevision > running!.ownerRevision) expect(decide(sight).kind).toBe('stop');
        const away = {
          ...sight,
          me: UNREGISTERED,
          owner: null,
          foreignRevision: 0,
          declared: true,
          desired: running!.spec,
          fault: null,
        };
        expect(decide({ ...away, meta: FREE.meta })).toEqual({ kind: 'none' });
      }),
      { numRuns: 3000 },
    );
  });

  test('carrying steps out leads to an end, and at the end there is nothing to do', () => {
    fc.assert(
      fc.property(sights, (first) => {
        let sight = first;
        for (let steps = 0; steps < 8; steps += 1) {
          const step = decide(sight);
          if (step.kind === 'none' || step.kind === 'wait' || step.kind === 'stuck') {
            expect(decide(sight)).toEqual(step);
            return;
          }
          sight = carriedOut(sight, steps);
        }
        throw new Error(`no end: ${JSON.stringify(decide(sight))}`);
      }),
      { numRuns: 3000 },
    );
  });
});

/** What the world is like after the step, as the store and the sites would have it. */
function carriedOut(sight: Sight, steps: number): Sight {
  const step = decide(sight);
  const revision = 100 + steps;
  switch (step.kind) {
    case 'claim':
      return {
        ...sight,
        owner: { record: { ...mine.record, advertise: sight.me.advertise }, revision, created: revision },
        claim: { revision, lease: sight.me.registered!.lease },
      };
    case 'release':
      return { ...sight, owner: null, claim: null };
    case 'start':
      return { ...sight, running: { spec: step.spec, ownerRevision: step.ownerRevision } };
    case 'update':
      return { ...sight, running: { spec: step.spec, ownerRevision: sight.running!.ownerRevision } };
    case 'stop':
    case 'retire':
      return { ...sight, running: null };
    case 'none':
    case 'wait':
    case 'stuck':
      return sight;
    default:
      return step satisfies never;
  }
}
