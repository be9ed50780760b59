import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KINDS } from '../../src/model/topology.ts';
import * as keys from '../../src/state/keys.ts';

const name = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('shop/hz>ca', '', '/', '%2F', 'a%', '..', '日本/→'),
);
const kind = fc.constantFrom(...KINDS);
const statusKind = fc.constantFrom(...KINDS, 'pipeline' as const);

describe('keys', () => {
  test('are as the design lays them out', () => {
    expect(keys.metaKey('shop')).toBe('/otter/shop/meta');
    expect(keys.specKey('shop', 'database', 'hz')).toBe('/otter/shop/spec/database/hz');
    expect(keys.statusKey('shop', 'pipeline', 'shop/hz>ca')).toBe('/otter/shop/status/pipeline/shop%2Fhz%3Eca');
    expect(keys.nodeKey('shop', 'hz-1')).toBe('/otter/shop/nodes/hz-1');
    expect(keys.ownerKey('shop', 'hz')).toBe('/otter/shop/owner/hz');
    expect(keys.lockKey('shop')).toBe('/otter/shop/lock');
    expect(keys.runKey('shop', '7-ab', 'wave', '1')).toBe('/otter/shop/runs/7-ab/wave/1');
    expect(keys.historyKey('shop', 12)).toBe('/otter/shop/history/12');
  });

  test('parse inverts every key', () => {
    fc.assert(
      fc.property(
        name,
        name,
        kind,
        statusKind,
        fc.array(name, { minLength: 1 }),
        fc.integer({ min: 1 }),
        (topology, n, k, s, path, serial) => {
          expect(keys.parseKey(keys.metaKey(topology))).toEqual({ at: 'meta', topology });
          expect(keys.parseKey(keys.lockKey(topology))).toEqual({ at: 'lock', topology });
          expect(keys.parseKey(keys.specKey(topology, k, n))).toEqual({ at: 'spec', topology, kind: k, name: n });
          expect(keys.parseKey(keys.statusKey(topology, s, n))).toEqual({ at: 'status', topology, kind: s, name: n });
          expect(keys.parseKey(keys.nodeKey(topology, n))).toEqual({ at: 'node', topology, name: n });
          expect(keys.parseKey(keys.placeKey(topology, n))).toEqual({ at: 'place', topology, database: n });
          expect(keys.parseKey(keys.ownerKey(topology, n))).toEqual({ at: 'owner', topology, database: n });
          expect(keys.parseKey(keys.runKey(topology, n, ...path))).toEqual({ at: 'run', topology, id: n, path });
          expect(keys.parseKey(keys.moveKey(topology, n))).toEqual({ at: 'move', topology, pipeline: n });
          const verified = { at: 'verified', topology, channel: n, database: s };
          expect(keys.parseKey(keys.verifiedKey(topology, n, s))).toEqual(verified);
          expect(keys.parseKey(keys.checkKey(topology, n))).toEqual({ at: 'check', topology, set: n });
          const checked = { at: 'checked', topology, set: n, region: s };
          expect(keys.parseKey(keys.checkedKey(topology, n, s))).toEqual(checked);
          expect(keys.parseKey(keys.skipKey(topology, n))).toEqual({ at: 'skip', topology, pipeline: n });
          expect(keys.parseKey(keys.historyKey(topology, serial))).toEqual({ at: 'history', topology, serial });
        },
      ),
    );
  });

  test('two names never share a key, and a topology never sees another’s keys', () => {
    fc.assert(
      fc.property(name, name, kind, (a, b, k) => {
        fc.pre(a !== b);
        expect(keys.specKey('t', k, a)).not.toBe(keys.specKey('t', k, b));
        expect(keys.specKey(a, k, 'n').startsWith(keys.topologyPrefix(b))).toBe(false);
        expect(keys.specKey(a, k, b).startsWith(keys.specPrefix(a, k))).toBe(true);
      }),
    );
  });

  test('anything else parses to null, or to what prints the same key', () => {
    const odd = [
      '',
      '/',
      '/otter',
      '/otter/',
      '/otter/t',
      '/otter/t/',
      '/otter/t/spec/nothing/x',
      '/otter/t/spec/node',
      '/otter/t/nodes/%2f',
      '/otter/t/nodes/a b',
      '/otter/t/nodes/%',
      '/otter/t/history/01',
      '/otter/t/history/x',
      '/otter/t/meta/x',
      '/else/t/meta',
    ];
    for (const key of odd) expect(keys.parseKey(key), key).toBeNull();
    fc.assert(fc.property(fc.string(), (tail) => void keys.parseKey(`/otter/${tail}`)));
  });
});
