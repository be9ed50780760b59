import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Stays, stayOf, staysAfter } from '../../src/model/stays.ts';
import { matches } from '../../src/model/table-pattern.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { channel } from '../site/harness.ts';

const oneWay = (tables: readonly string[]): ChannelSpec => channel({ kind: 'one-way', from: ['a'], to: ['b'] }, tables);
const NAMES = ['a', 'b', 'aa', 'ab', 'ba', 'a_1', 'a_2', 'b_1'];
const PATTERNS = [
  ...NAMES.map((name) => `s.${name}`),
  's.*',
  's.a*',
  's.*b',
  's.?',
  's.a_[1-2]',
  '/s\\.b.*/',
  '/.*_1/',
];

test('a table has been there since it came last, however it is named', () => {
  const tables = fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(tables, fc.array(tables, { maxLength: 5 }), (first, later) => {
      const named = (spec: ChannelSpec, name: string): boolean =>
        spec.tables.some(({ from }) => matches(from, 's', name));
      let spec = oneWay(first);
      let stays: Stays = {};
      const since = new Map(NAMES.filter((name) => named(spec, name)).map((name) => [name, 0]));
      for (const [i, next] of later.entries()) {
        const generation = i + 2;
        const after = oneWay(next);
        stays = staysAfter('c', { spec, stays }, after, generation, 0);
        spec = after;
        for (const name of NAMES) {
          if (!named(spec, name)) since.delete(name);
          else if (!since.has(name)) since.set(name, generation);
        }
        for (const [name, at] of since) expect([name, stayOf(stays.tables ?? [], 's', name)]).toEqual([name, at]);
      }
    }),
  );
});

test('a pipeline has been there since its database came last', () => {
  const star = (...between: string[]): ChannelSpec => channel({ kind: 'two-way', between }, ['s.t']);
  let stays = staysAfter('c', { spec: star('a', 'b', 'c'), stays: {} }, star('a', 'b'), 5, 0);
  expect(stays).toEqual({});
  stays = staysAfter('c', { spec: star('a', 'b'), stays }, star('a', 'b', 'c'), 7, 0);
  expect(stays).toEqual({ pipelines: { 'c/a>c': 7, 'c/c>a': 7 } });
  stays = staysAfter('c', { spec: star('a', 'b', 'c'), stays }, star('a', 'c', 'b'), 8, 0);
  expect(stays).toEqual({ pipelines: { 'c/a>c': 7, 'c/c>a': 7 } });
});

test('ten thousand names are no burden, and what never changed takes no room', () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `s.t${i}`);
  const left = [{ since: 3, entries: ['s.t0'] }];
  expect(staysAfter('c', { spec: oneWay(names), stays: {} }, oneWay(names.slice(1)), 3, 0)).toEqual({ left });
  const later = { spec: oneWay(names.slice(1)), stays: { left } };
  expect(staysAfter('c', later, oneWay(names.slice(1)), 4, 2)).toEqual({ left });
  expect(staysAfter('c', later, oneWay(names.slice(1)), 4, 3)).toEqual({});
  const { tables } = staysAfter('c', { spec: oneWay(names.slice(1)), stays: {} }, oneWay(names), 4, 0);
  expect(tables).toEqual([{ all: ['s.t0'], since: 4 }]);
});
