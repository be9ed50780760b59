import { expect, test } from 'vitest';
import { compileChannel } from '../../src/model/pipeline.ts';
import type { ConflictSpec, TableSpec } from '../../src/model/topology.ts';
import { conflictShares } from '../../src/replication/conflict/keeping.ts';
import { channel } from '../site/harness.ts';

const SITE: ConflictSpec = {
  policy: 'site-priority',
  priority: ['a', 'b'],
  by: null,
  merge: 'row',
  groups: [],
  counters: [],
};
const columns = { only: null, omit: [], rename: {} };

function pipelines(
  conflict: ConflictSpec,
  tables: readonly Omit<TableSpec, 'columns'>[],
): ReturnType<typeof compileChannel> {
  const spec = channel({ kind: 'two-way', between: ['a', 'b'] }, [], { conflict });
  return compileChannel('shop', { ...spec, tables: tables.map((table) => ({ ...table, columns })) });
}

test('a channel is kept as a whole, whatever its entries say of other things', () => {
  const found = ['t', 'u'].map((name) => ({ channel: 'shop', schema: 's', name }));
  const tables = [
    { from: 's.t', to: null, conflict: { ...SITE, log: 'keys' as const } },
    { from: 's.u', to: null, conflict: null },
  ];
  expect(conflictShares(found, pipelines(SITE, tables))).toEqual([
    { channel: 'shop', keep: { days: 30, count: 100_000 }, tables: null },
  ]);
});

test('entries with bounds of their own are kept apart, by the names that their tables have here', () => {
  const own = { days: 1, count: 2 };
  const all = pipelines({ ...SITE, keep: { days: 9, count: 9 } }, [
    { from: 's.log_*', to: 'r.old_*', conflict: { ...SITE, keep: own } },
    { from: 's.t', to: 'r.t', conflict: null },
  ]);
  const found = (schema: string, ...names: string[]): { channel: string; schema: string; name: string }[] =>
    names.map((name) => ({ channel: 'shop', schema, name }));
  const out = (site: string): typeof all => all.filter(({ source }) => source === site);
  const shares = (schema: string, [first, second, third]: readonly string[]): unknown => [
    {
      channel: 'shop',
      keep: own,
      tables: [
        { schema, name: first },
        { schema, name: third },
      ],
    },
    { channel: 'shop', keep: { days: 9, count: 9 }, tables: [{ schema, name: second }] },
  ];
  expect(conflictShares(found('s', 'log_1', 't', 'log_2'), out('a'))).toEqual(shares('s', ['log_1', 't', 'log_2']));
  expect(conflictShares(found('r', 'old_1', 't', 'old_2'), out('b'))).toEqual(shares('r', ['old_1', 't', 'old_2']));
});

test('what left is kept as is usual', () => {
  const one = [{ from: 's.t', to: null, conflict: null }];
  const found = [
    { channel: 'gone', schema: 's', name: 't' },
    { channel: 'shop', schema: 's', name: 'left' },
  ];
  expect(conflictShares(found, pipelines({ ...SITE, keep: { days: 5, count: 5 } }, one))).toEqual([
    { channel: 'gone', keep: { days: 30, count: 100_000 }, tables: null },
    { channel: 'shop', keep: { days: 5, count: 5 }, tables: null },
  ]);
});
