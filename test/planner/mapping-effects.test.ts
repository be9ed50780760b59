/** What a plan says of rows when a filter, a mask, a module, `dry_run` or the number of writers changes. */
import { expect, test } from 'vitest';
import { pipelineName } from '../../src/model/pipeline.ts';
import { staysAfter } from '../../src/model/stays.ts';
import type { ChannelSpec, RowSpec, Topology } from '../../src/model/topology.ts';
import { channelEffects } from '../../src/planner/channel-effects.ts';
import { channel } from '../site/harness.ts';
import { NOTHING } from './world.ts';

const regions: Topology = NOTHING;

const spec = (rows: RowSpec, more: Partial<ChannelSpec> = {}): ChannelSpec => {
  const plain = channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.t']);
  return { ...plain, tables: plain.tables.map((table) => ({ ...table, rows })), ...more };
};
const effects = (before: ChannelSpec | null, after: ChannelSpec): string[] =>
  channelEffects('c', before, after, regions).map(({ risk, text }) => `${risk}: ${text}`);

test.each<[string, RowSpec, RowSpec, RegExp]>([
  ['filter', { where: 'a' }, { where: 'b' }, /^medium: rows of shop\.t that the new filter leaves out stay/],
  ['computed value', { set: { a: '1' } }, { set: { a: '2' } }, /^medium: rows of shop\.t that travelled already/],
  ['mask', { mask: { a: 'null' } }, {}, /^high: values of shop\.t that travelled already stay as they were masked/],
  [
    'module',
    { process: { module: 'm', digest: 'x' } },
    { process: { module: 'm', digest: 'y' } },
    /^medium: rows of shop\.t that travelled already stay as the module made them/,
  ],
])('another %s', (_, before, after, expected) => {
  expect(effects(spec(before), spec(after)).filter((text) => expected.test(text))).toHaveLength(1);
  expect(effects(spec(before), spec(before))).toEqual([]);
});

test('how fast and how soon a channel carries is said, and changes nothing else', () => {
  const plain = spec({});
  expect(effects(plain, { ...plain, rate: '5MB/s' })).toEqual([
    'low: carries at most 5MB/s out of each database from now on',
  ]);
  expect(effects({ ...plain, rate: '5MB/s' }, plain)).toEqual(['low: carries as much as it can from now on']);
  expect(effects(plain, { ...plain, priority: 2 })).toEqual([
    'low: shares links with other channels by the new priority from now on',
  ]);
});

test('a dry run copies and makes nothing; what follows it begins anew', () => {
  const [plain, dry] = [spec({}), spec({}, { dryRun: true })];
  expect(effects(null, dry)).toEqual(['low: pipelines are created that write nothing and only count: c/a>b']);
  expect(effects(plain, dry).join()).toContain('high: nothing is written any more');
  expect(effects(dry, plain).join()).toContain('begin anew, and write: existing rows are copied');
  const name = pipelineName('c', 'a', 'b');
  const born = (before: ChannelSpec, after: ChannelSpec): number | undefined =>
    staysAfter('c', { spec: before, stays: {} }, after, 7, 0).pipelines?.[name];
  expect([born(plain, plain), born(dry, dry), born(dry, plain), born(plain, dry)]).toEqual([
    undefined,
    undefined,
    7,
    7,
  ]);
});

test('several writers: transactions become visible in parts', () => {
  const lanes = (count: number) => spec({}, { apply: { lanes: count, atomic: false } });
  const pause = 'low: pipelines pause for a moment: c/a>b';
  const parts = 'medium: transactions of the source become visible in parts';
  expect(effects(lanes(1), lanes(4))).toEqual([pause, parts]);
  expect(effects(lanes(4), lanes(2))).toEqual([pause]);
  expect(effects(lanes(2), lanes(1))).toEqual([pause]);
});
