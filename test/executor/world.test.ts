/** What a node has seen is the same however it was told. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { World } from '../../src/executor/world.ts';
import type { Entry, WatchBatch, WatchEvent } from '../../src/model/ports.ts';
import * as keys from '../../src/state/keys.ts';
import { channel, database, node, PAIR, T } from './cluster.ts';

const put = (key: string, value: unknown, revision: number): WatchEvent => ({
  kind: 'put',
  entry: { key, value: JSON.stringify(value), revision, created: revision },
});
const batch = (revision: number, events: readonly WatchEvent[], reset = false): WatchBatch => ({
  revision,
  reset,
  events,
});
const META = { format: 1, lineage: 'l-1', serial: 1 };

/** Writes to a store, one revision each. */
const KEYS = [
  keys.metaKey(T),
  ...PAIR.map(({ kind, name }) => keys.specKey(T, kind, name)),
  keys.nodeKey(T, 'hz-1'),
  keys.ownerKey(T, 'hz'),
  keys.statusKey(T, 'pipeline', 'shop/hz>ca'),
];
const VALUES = (key: string, n: number): unknown => {
  const parsed = keys.parseKey(key)!;
  if (parsed.at === 'meta') return { ...META, serial: n };
  if (parsed.at === 'spec')
    return { generation: n, spec: PAIR.find(({ name, kind }) => name === parsed.name && kind === parsed.kind)!.spec };
  return { node: `n${n}`, instance: `i${n % 2}`, advertise: 'a:1' };
};
const history = fc
  .array(fc.record({ key: fc.constantFrom(...KEYS), gone: fc.boolean() }), { maxLength: 40 })
  .map((writes) =>
    writes.map(
      ({ key, gone }, at): WatchEvent => (gone ? { kind: 'delete', key } : put(key, VALUES(key, at + 1), at + 1)),
    ),
  );

function view(world: World): unknown {
  return {
    meta: world.meta,
    channel: world.spec('channel', 'shop'),
    sites: ['hz', 'ca'].map((name) => world.siteSpec(name)),
    nodes: world.livingNodes(),
    owner: world.owner('hz'),
    owned: world.ownedDatabases(),
  };
}

/** The history in batches of the given sizes. */
function told(world: World, events: readonly WatchEvent[], sizes: readonly number[]): World {
  world.apply(batch(0, [], true));
  let at = 0;
  for (let n = 0; at < events.length; n += 1) {
    const size = sizes[n % sizes.length] ?? 1;
    const part = events.slice(at, at + size);
    at += part.length;
    world.apply(batch(at, part));
  }
  return world;
}

function present(events: readonly WatchEvent[]): Entry[] {
  const entries = new Map<string, Entry>();
  for (const event of events) {
    if (event.kind === 'put') entries.set(event.entry.key, event.entry);
    else entries.delete(event.key);
  }
  return [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

describe('what was told', () => {
  test('in any batches, or all at once, or anew after news were lost, is the same', () => {
    fc.assert(
      fc.property(
        history,
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
        fc.nat(),
        (events, sizes, lost) => {
          const expected = view(told(new World(T, 'i0'), events, [1]));
          expect(view(told(new World(T, 'i0'), events, sizes))).toEqual(expected);
          const snapshot = batch(
            events.length,
            present(events).map((entry) => ({ kind: 'put', entry })),
            true,
          );
          const missed = new World(T, 'i0');
          missed.apply(snapshot);
          expect(view(missed)).toEqual(expected);
          const again = told(new World(T, 'i0'), events.slice(0, lost % (events.length + 1)), sizes);
          again.apply(snapshot);
          expect(view(again)).toEqual(expected);
          // Told twice is told once.
          again.apply(snapshot);
          expect(view(again)).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('of own writes, before or after the watch tells of them, is the same', () => {
    fc.assert(
      fc.property(history, fc.nat(), fc.nat(), (events, which, early) => {
        const puts = events.filter((event) => event.kind === 'put');
        fc.pre(puts.length > 0);
        const own = puts[which % puts.length]!.entry;
        const world = new World(T, 'i0');
        world.apply(batch(0, [], true));
        const from = Math.max(0, own.revision - 1 - (early % 5));
        for (const [at, event] of events.entries()) {
          if (at === from) world.wrote(own);
          world.apply(batch(at + 1, [event]));
        }
        expect(view(world)).toEqual(view(told(new World(T, 'i0'), events, [1])));
      }),
      { numRuns: 500 },
    );
  });

  test('another owner is remembered, also when it came and went, also unseen', () => {
    const owner = keys.ownerKey(T, 'hz');
    const theirs = { node: 'hz-2', instance: 'two', advertise: 'x:1' };
    const ours = { node: 'hz-1', instance: 'one', advertise: 'x:1' };
    const spec = put(keys.specKey(T, 'database', 'hz'), { generation: 1, spec: database('hz', 'h').spec }, 1);
    const world = new World(T, 'one');
    world.apply(batch(2, [spec, put(owner, ours, 2)], true));
    expect(world.foreignRevision('hz')).toBe(0);
    world.apply(batch(4, [put(owner, theirs, 3), { kind: 'delete', key: owner }]));
    expect(world.foreignRevision('hz')).toBe(3);
    world.apply(batch(5, [put(owner, ours, 5)]));
    world.apply(batch(6, [spec, put(owner, ours, 5)], true));
    expect(world.foreignRevision('hz')).toBe(3);
    world.apply(batch(7, [{ kind: 'delete', key: owner }]));
    expect(world.foreignRevision('hz')).toBe(3);
    world.apply(batch(90, [spec], true));
    expect(world.foreignRevision('hz')).toBe(90);
  });

  test('of another store, whose revisions begin anew, replaces everything', () => {
    const key = keys.specKey(T, 'database', 'hz');
    const world = new World(T, 'one');
    world.apply(
      batch(
        900,
        [put(key, { generation: 7, spec: database('hz', 'h').spec }, 800), put(keys.metaKey(T), META, 700)],
        true,
      ),
    );
    world.apply(batch(910, [put(keys.ownerKey(T, 'hz'), { node: 'x', instance: 'two', advertise: '' }, 910)]));
    world.apply(batch(12, [put(key, { generation: 1, spec: database('hz', 'h').spec }, 11)], true));
    expect(world.spec('database', 'hz')).toMatchObject({ revision: 11, record: { generation: 1 } });
    expect(world.meta).toBeNull();
    expect(world.owner('hz')).toBeNull();
    expect(world.foreignRevision('hz')).toBe(0);
    expect(world.wasDeleted('hz')).toBe(false);
  });

  test('a beat of a living node is no change, its coming and going is', () => {
    const key = keys.nodeKey(T, 'hz-1');
    const world = new World(T, 'one');
    expect(world.apply(batch(1, [], true))).toBe('change');
    expect(world.apply(batch(2, [put(key, { n: 1 }, 2)]))).toBe('change');
    expect(world.apply(batch(3, [put(key, { n: 2 }, 3)]))).toBe('beat');
    expect(world.apply(batch(4, [{ kind: 'delete', key }]))).toBe('change');
    expect(world.apply(batch(5, [put(keys.statusKey(T, 'pipeline', 'a/b>c'), { n: 1 }, 5)]))).toBe('nothing');
    expect(
      world.apply(batch(6, [put(keys.specKey(T, 'node', 'hz-1'), { generation: 1, spec: node('hz-1', 'h').spec }, 6)])),
    ).toBe('change');
  });

  test('what is not understood is a fault until it is gone or understood, and keeps what was there', () => {
    const key = keys.specKey(T, 'channel', 'shop');
    const world = new World(T, 'one');
    world.apply(batch(1, [put(key, { generation: 1, spec: channel('shop', ['a', 'b']).spec }, 1)], true));
    for (const value of ['{', '"x"', 'null', '{"generation":1}', '{"generation":"1","spec":{}}']) {
      world.apply(batch(2, [{ kind: 'put', entry: { key, value, revision: 2, created: 1 } }]));
      expect(world.fault).toMatchObject({ code: 'OT3007', summary: expect.stringContaining(key) });
      expect(world.spec('channel', 'shop')?.record.generation).toBe(1);
    }
    world.apply(batch(3, [{ kind: 'delete', key }]));
    expect(world.fault).toBeNull();
    world.apply(batch(4, [put(keys.metaKey(T), { ...META, format: 99 }, 4)]));
    expect(world.fault).toMatchObject({ code: 'OT3007' });
    world.apply(batch(5, [put(keys.metaKey(T), META, 5)]));
    expect(world.fault).toBeNull();
  });
});

test('a pipeline is run only when both its databases are there', () => {
  const world = new World(T, 'one');
  const specs = PAIR.filter(({ name }) => name !== 'ca');
  const events = specs.map(({ kind, name, spec }, n) =>
    put(keys.specKey(T, kind, name), { generation: 1, spec }, n + 1),
  );
  world.apply(batch(9, [put(keys.metaKey(T), META, 9), ...events], true));
  expect(world.siteSpec('hz')?.pipelines).toEqual([]);
  const ca = PAIR.find(({ kind, name }) => kind === 'database' && name === 'ca')!;
  world.apply(batch(10, [put(keys.specKey(T, 'database', 'ca'), { generation: 1, spec: ca.spec }, 10)]));
  expect(world.siteSpec('hz')?.pipelines.map((each) => each.spec.name)).toEqual(['shop/hz>ca', 'shop/ca>hz']);
  expect(world.siteSpec('none')).toBeNull();
});

test('what somebody wants of a pipeline counts for it alone, a move only while it rests and its channel is as it was', () => {
  const [skip, move, pause] = [
    keys.skipKey(T, 'shop/hz>ca'),
    keys.moveKey(T, 'shop/hz>ca'),
    keys.pauseKey(T, 'channel', 'shop'),
  ];
  const specs = PAIR.map(({ kind, name, spec }) => put(keys.specKey(T, kind, name), { generation: 3, spec }, 1));
  const wanted = (...events: readonly WatchEvent[]): unknown => {
    const world = new World(T, 'i0');
    world.apply(batch(9, [put(keys.metaKey(T), META, 1), ...specs, ...events], true));
    return world.siteSpec('ca')!.pipelines.map(({ spec }) => [spec.name, spec.skip, spec.move]);
  };
  const moved = { from: 'mariadb:0-1-5', to: 'mariadb:0-1-9' };
  const asked = [put(skip, { transaction: '0-1-7' }, 2), put(move, { ...moved, generation: 3 }, 2)];
  expect(wanted(...asked)).toEqual([
    ['shop/hz>ca', '0-1-7', undefined],
    ['shop/ca>hz', undefined, undefined],
  ]);
  expect(wanted(...asked, put(pause, {}, 3))).toEqual([
    ['shop/hz>ca', '0-1-7', moved],
    ['shop/ca>hz', undefined, undefined],
  ]);
  expect(wanted(put(move, { ...moved, generation: 2 }, 2), put(pause, {}, 3))).toMatchObject([
    ['shop/hz>ca', undefined, undefined],
    ['shop/ca>hz', undefined, undefined],
  ]);
});
