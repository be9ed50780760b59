/** Folded tables mean exactly the tables that were folded; what is written is read back as it was. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress } from '../../src/import/address.ts';
import { draftOf, withFindings } from '../../src/import/databases.ts';
import { fold } from '../../src/import/fold.ts';
import { Names } from '../../src/import/names.ts';
import { write } from '../../src/import/write.ts';
import type { LiveFinding } from '../../src/inspect/finding.ts';
import { OtterError } from '../../src/model/error.ts';
import { matches } from '../../src/model/table-pattern.ts';
import { NAME_PATTERN } from '../../src/model/topology.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { report } from '../inspect/world.ts';
import { oddText } from './odd-text.ts';

const name = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('item_', 'item', 'a-', 'log2_', 'x y'),
      fc.nat(12),
      fc.constantFrom(0, 2, 3),
      fc.constantFrom('', '_h'),
    )
    .map(([prefix, n, width, suffix]) => `${prefix}${String(n).padStart(width, '0')}${suffix}`),
  fc.stringMatching(/^[\w$`. ]{1,6}$/),
);
const tables = fc.uniqueArray(fc.record({ schema: fc.constantFrom('shop', 'we ird'), name }), {
  selector: (one) => `${one.schema}.${one.name}`,
  maxLength: 60,
});

test('each table is meant by one pattern, and no pattern means any other table', () => {
  fc.assert(
    fc.property(tables, tables, (some, others) => {
      const folded = fold(some);
      expect(folded.flatMap((one) => one.tables)).toHaveLength(some.length);
      const among = new Set(some.map((one) => `${one.schema}.${one.name}`));
      for (const table of [...some, ...others]) {
        const meaning = folded.filter(({ pattern }) => matches(pattern, table.schema, table.name));
        const wanted = among.has(`${table.schema}.${table.name}`) ? 1 : 0;
        expect(meaning, JSON.stringify([table, folded.map(({ pattern }) => pattern)])).toHaveLength(wanted);
      }
    }),
    { numRuns: 300 },
  );
});

test('a thousand tables are few lines', () => {
  const shards = Array.from({ length: 1000 }, (_, i) => ({ schema: 'shop', name: `order_item_${i}` }));
  const padded = Array.from({ length: 100 }, (_, i) => ({ schema: 'shop', name: `day_${String(i).padStart(2, '0')}` }));
  const patterns = (list: typeof shards): string[] => fold(list).map(({ pattern }) => pattern);
  expect(patterns([...padded, ...shards].reverse())).toEqual(['shop.day_[00-99]', 'shop.order_item_[0-999]']);
  expect(patterns(shards.filter((_, i) => i !== 500))).toEqual([
    'shop.order_item_[0-499]',
    'shop.order_item_[501-999]',
  ]);
});

test('names fit, and none is given twice', () => {
  fc.assert(
    fc.property(fc.array(oddText(20), { maxLength: 8 }), (texts) => {
      const names = new Names();
      const made = texts.map((text) => names.make(text, 'db'));
      expect(new Set(made).size).toBe(texts.length);
      expect(made.filter((one) => !NAME_PATTERN.test(one))).toEqual([]);
    }),
  );
});

test('addresses', () => {
  expect(parseAddress('--db', 'hz=mysql://otter@10.0.0.1/shop')).toEqual({
    name: 'hz',
    address: { host: '10.0.0.1', port: 3306, user: 'otter', schema: 'shop' },
  });
  expect(parseAddress('--db', 'mysql://o%40x@[::1]:3307/').address).toEqual({
    host: '::1',
    port: 3307,
    user: 'o@x',
    schema: null,
  });
  for (const text of ['', 'mysql://10.0.0.1', 'http://a@b', 'mysql://a:geheim@b/', 'x']) {
    const failed = (): unknown => parseAddress('--db', text);
    expect(failed, text).toThrow(OtterError);
    expect(failed).not.toThrow(/geheim/);
  }
});

const at = (i: number) => ({ address: 'channel.main', path: ['tables', i] });
const finding = (
  i: number,
  code: LiveFinding['code'],
  severity: LiveFinding['severity'],
  summary: string,
): LiveFinding => ({
  code,
  severity,
  summary,
  detail: 'Do it.',
  at: at(i),
});

test('what would be refused is left out, warnings of folded tables are said once', () => {
  const names = ['item_0', 'item_1', 'item_2', 'nokey', 'orders'];
  const of = (schema: string): { schema: string; name: string }[] => names.map((one) => ({ schema, name: one }));
  const databases = ['a', 'b'].map((db) => ({
    name: db,
    address: { host: db, port: 3306, user: 'otter', schema: null },
    report: report(db, {
      tables: [...of('shop'), { schema: 'otter', name: 'checkpoint' }, { schema: 'retl', name: 'xdual' }],
    }),
  }));
  const draft = draftOf(databases, { name: 'shop', oneWay: false });
  const found = withFindings(draft, [
    finding(0, 'OT4060', 'warning', 'item_0 compares otherwise'),
    finding(1, 'OT4060', 'warning', 'item_1 compares otherwise'),
    finding(3, 'OT5022', 'error', 'nokey has no key'),
    finding(4, 'OT5013', 'error', 'orders has rows'),
  ]);
  const { text } = write(found);
  const { topology } = loadTexts([{ path: 'x.yaml', text }]);
  expect(topology?.channel['main']?.tables.map(({ from }) => from)).toEqual(['shop.item_[0-2]', 'shop.orders']);
  expect(text).toContain('# otter: item_0 compares otherwise (OT4060). Do it. (and 1 more like it)');
  expect(text).toMatch(/# otter: left out: nokey has no key \(OT5022\)\. Do it\.\n\s+# - shop\.nokey/);
  expect(text).toContain('Decide: 1 table has rows already');
  expect(text).not.toMatch(/otter\.checkpoint|retl/);
});

test('with one database the channel is a comment that can be taken in', () => {
  const address = { host: 'a', port: 3306, user: 'otter', schema: null };
  const draft = draftOf([{ name: 'a', address, report: report('a', { tables: [{ schema: 's', name: 't' }] }) }], {
    name: 'x',
    oneWay: false,
  });
  const { text } = write(withFindings(draft, []));
  expect(loadTexts([{ path: 'x.yaml', text }]).topology?.channel).toEqual({});
  expect(text).toMatch(/# main:\n {2}# {3}.*\n[\s\S]*# {5}- s\.t/);
});

test('texts come back as they were, whatever they are', () => {
  fc.assert(
    fc.property(oddText(30), (text) => {
      const item = { name: 'r', fields: { description: text }, notes: [text] };
      const nothing = { nodes: [], databases: [], channels: [], leftOut: [], notify: [], alerts: [] };
      const { text: yaml } = write({ name: 'x', notes: [text], regions: [item], ...nothing });
      const { topology, diagnostics } = loadTexts([{ path: 'x.yaml', text: yaml }]);
      expect(topology, `${yaml}${JSON.stringify(diagnostics)}`).not.toBeNull();
      // Half a sign is no text that YAML could hold.
      if (text.isWellFormed()) expect(topology!.region['r']!.description).toBe(text);
    }),
    { numRuns: 400 },
  );
});
