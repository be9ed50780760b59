/** What otter's own rows and other people's statements in a log mean. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Image, RowChange } from '../../src/model/row.ts';
import { textLiteral } from '../../src/mysql/literal.ts';
import { quoteText } from '../../src/mysql/sql.ts';
import { literalText, otterRow } from '../../src/replication/origin.ts';
import { column, shape } from './model.ts';

const text = fc.string({ unit: 'binary', maxLength: 30 }).filter((value) => value.isWellFormed());

test('the text of a literal is the text it was made of', () => {
  fc.assert(
    fc.property(text, (value) => {
      const bytes = Buffer.from(`_${value}_`);
      expect(literalText(textLiteral('utf8mb4')(bytes, 1, bytes.length - 1))).toBe(value);
      expect(literalText(quoteText(value))).toBe(value);
    }),
  );
  expect(literalText('42')).toBe('42');
  expect(literalText("'it''s'")).toBe("it's");
  expect(literalText(null)).toBe('');
});

function row(name: string, values: Record<string, string | null>, kind: 'insert' | 'update' = 'insert'): RowChange {
  const table = shape({ schema: 'otter', name, columns: Object.keys(values).map((each) => column(each)) });
  const after: Image = Object.values(values).map((value) => (value === null ? null : quoteText(value)));
  return kind === 'insert'
    ? { kind, table, after, fkChecks: true }
    : { kind, table, before: after, after, fkChecks: true };
}

test('rows of otter, by table', () => {
  const own = { lineage: 'l', pipeline: 'shop/a>b' };
  const mark = { kind: 'mark', pipeline: 'shop/a>b', position: 'mariadb:0-1-7' };
  expect(otterRow(row('checkpoint', { ...own, position: 'mariadb:0-1-7' }, 'update'), 'l')).toEqual(mark);
  expect(otterRow(row('heartbeat', { lineage: 'l', site: 'a', sent_ms: '17' }, 'update'), 'l')).toEqual({
    kind: 'beat',
    site: 'a',
    sentMs: 17,
  });
  const watermark = { ...own, chunk: 'c', kind: 'high', row_keys: '["k\\u0027"]' };
  expect(otterRow(row('watermark', watermark), 'l')).toEqual({
    kind: 'watermark',
    pipeline: 'shop/a>b',
    chunk: 'c',
    level: 'high',
    keys: ["k'"],
  });
  const answer = { ...own, table_schema: 's', table_name: 't', row_key: '["\'x\'"]', image: null, lock_keys: '[]' };
  expect(otterRow(row('answer', answer), 'l')).toEqual({
    kind: 'answer',
    pipeline: 'shop/a>b',
    schema: 's',
    table: 't',
    key: ["'x'"],
    image: null,
    locks: [],
  });
});

test('rows of another topology, deletions and tables that say nothing are nobody’s', () => {
  const mark = row('checkpoint', { lineage: 'other', pipeline: 'p', position: 'x' });
  expect(otterRow(mark, 'l')).toBeNull();
  expect(otterRow({ kind: 'delete', table: mark.table, before: [], fkChecks: true }, 'l')).toBeNull();
  expect(otterRow(row('copy', { lineage: 'l' }), 'l')).toBeNull();
});
