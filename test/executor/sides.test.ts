/** Sides of file sets as a node sees them: owned like databases, and told to pipelines whose rows name files. */
import { expect, test } from 'vitest';
import { World } from '../../src/executor/world.ts';
import { followedBy, parseSide, sideName } from '../../src/model/files.ts';
import type { WatchBatch, WatchEvent } from '../../src/model/ports.ts';
import * as keys from '../../src/state/keys.ts';
import { PAIR, T } from './cluster.ts';

const put = (key: string, value: unknown, revision: number): WatchEvent => ({
  kind: 'put',
  entry: { key, value: JSON.stringify(value), revision, created: revision },
});
const batch = (revision: number, events: readonly WatchEvent[]): WatchBatch => ({ revision, reset: false, events });
const set = {
  between: ['hangzhou', 'california'],
  roots: { hangzhou: '/a', california: '/b' },
  exclude: [],
  order: 'file-first',
  missing: 'wait',
  delete: 'keep',
} as const;

test('a set has a side in each of its regions, until it leaves', () => {
  const world = new World(T, 'i1');
  const key = keys.specKey(T, 'files', 'images');
  const spec = { ...set, watch: ['**'] };
  world.apply(batch(1, [put(keys.metaKey(T), { format: 1, lineage: 'l', serial: 1 }, 1)]));
  world.apply(batch(2, [put(key, { generation: 7, spec }, 2)]));
  const here = sideName('images', 'hangzhou');
  expect(world.ownable()).toEqual(['files.images@california', here]);
  expect(world.regionOf(here)).toBe('hangzhou');
  expect(world.ownedSpec(here)).toEqual({
    lineage: 'l',
    topology: T,
    name: here,
    set: 'images',
    region: 'hangzhou',
    generation: 7,
    spec,
  });
  world.apply(batch(3, [put(key, { generation: 8, spec: { ...spec, between: ['berlin', 'california'] } }, 3)]));
  expect([world.regionOf(here), world.ownedSpec(here), world.wasDeleted(here)]).toEqual([undefined, null, false]);
  world.apply(batch(4, [{ kind: 'delete', key }]));
  expect([world.ownable(), world.wasDeleted(here)]).toEqual([[], true]);
});

test('pipelines know the sets that follow their channel the way that they go', () => {
  const world = new World(T, 'i1');
  const events = PAIR.map(({ kind, name, spec }, i) =>
    put(keys.specKey(T, kind, name), { generation: 1, spec }, i + 2),
  );
  const follow = { channel: 'shop', table: 'shop.orders', path: '{image}' };
  world.apply(batch(1, [put(keys.metaKey(T), { format: 1, lineage: 'l', serial: 1 }, 1), ...events]));
  const [a, b] = ['hz', 'ca'].map((name) => world.regionOf(name)!);
  const { between: _, ...alone } = set;
  const spec = { ...alone, from: a!, to: b!, roots: { [a!]: '/a', [b!]: '/b' }, follow };
  world.apply(batch(20, [put(keys.specKey(T, 'files', 'images'), { generation: 1, spec }, 20)]));
  const follows = world.siteSpec('ca')!.pipelines.map((one) => [one.spec.source, one.spec.follows?.length ?? 0]);
  expect(follows).toContainEqual(['hz', 1]);
  expect(follows.filter(([source]) => source !== 'hz').every(([, count]) => count === 0)).toBe(true);
  expect(followedBy('other', a!, b!, [['images', spec]])).toEqual([]);
});

test('the name of a side is read as it was written, and no database has one', () => {
  expect(parseSide(sideName('a-b_c', 'd-e'))).toEqual({ set: 'a-b_c', region: 'd-e' });
  for (const name of ['hz', 'files', 'files-x']) expect(parseSide(name)).toBe(null);
});
