/** What otter's own rows and other people's statements in a log mean. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Image, RowChange } from '../../src/model/row.ts';
import { answerInserts, versionInserts } from '../../src/mysql/answers.ts';
import { textLiteral } from '../../src/mysql/literal.ts';
import { quoteText } from '../../src/mysql/sql.ts';
import { literalText, OtterRows } from '../../src/replication/origin.ts';
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

const rows = new OtterRows('l');

function row(name: string, values: Record<string, string | null>, kind: 'insert' | 'update' = 'insert'): RowChange {
  const table = shape({ schema: 'otter', name, columns: Object.keys(values).map((each) => column(each)) });
  const after: Image = Object.values(values).map((value) => (value === null ? null : quoteText(value)));
  return kind === 'insert'
    ? { kind, table, after, fkChecks: true }
    : { kind, table, before: after, after, fkChecks: true };
}

test('rows of otter, by table', () => {
  const own = { lineage: 'l', pipeline: 'shop/a>b' };
  const mark = { kind: 'mark', pipeline: 'shop/a>b', lane: 0, position: 'mariadb:0-1-7', clock: 9 };
  expect(rows.read(row('checkpoint', { ...own, position: 'mariadb:0-1-7', clock: '9' }, 'update'))).toEqual(mark);
  expect(rows.read(row('heartbeat', { lineage: 'l', site: 'a', sent_ms: '17' }, 'update'))).toEqual({
    kind: 'beat',
    site: 'a',
    sentMs: 17,
  });
  const definition = { ...own, source_table: 's.t', created_by: "CREATE TABLE `t` ('it')", position: 'mariadb:0-1-7' };
  const kept = { kind: 'definition', pipeline: 'shop/a>b', table: 's.t' };
  expect(rows.read(row('definition', definition, 'update'))).toEqual({
    ...kept,
    definition: { create: "CREATE TABLE `t` ('it')", position: 'mariadb:0-1-7' },
  });
  const { table, after: before } = row('definition', definition) as Extract<RowChange, { kind: 'insert' }>;
  expect(rows.read({ kind: 'delete', table, before, fkChecks: true })).toEqual({ ...kept, definition: null });
  expect(new OtterRows('other').read({ kind: 'delete', table, before, fkChecks: true })).toBeNull();
  const watermark = { ...own, chunk: 'c', kind: 'high', row_keys: '["k\\u0027"]' };
  expect(rows.read(row('watermark', watermark))).toEqual({
    kind: 'watermark',
    pipeline: 'shop/a>b',
    chunk: 'c',
    level: 'high',
    keys: ["k'"],
  });
  const answer = {
    ...own,
    table_schema: 's',
    table_name: 't',
    row_key: '["\'x\'"]',
    image: null,
    more: '0',
    lock_keys: '[]',
  };
  expect(rows.read(row('answer', answer))).toEqual({
    kind: 'answer',
    pipeline: 'shop/a>b',
    schema: 's',
    table: 't',
    key: ["'x'"],
    image: null,
    locks: [],
    lost: null,
    won: new Set(),
  });
  const parts = '{"locks":["k"],"lost":["a"],"won":null}';
  expect(rows.read(row('answer', { ...answer, lock_keys: parts }))).toMatchObject({
    locks: ['k'],
    lost: new Set(['a']),
    won: null,
  });
});

test('versions come as they were written, however many rows they take', () => {
  const version = fc.record({
    locks: fc.array(text, { maxLength: 3 }),
    stamp: fc.record({ order: fc.oneof(fc.integer(), fc.constant(Number.NEGATIVE_INFINITY)), clock: fc.nat() }),
    columns: fc.option(fc.array(text, { maxLength: 2 })),
  });
  fc.assert(
    fc.property(fc.array(version, { maxLength: 6 }), fc.integer({ min: 16, max: 4_000 }), (versions, packet) => {
      const own = { lineage: 'l', pipeline: 'p' };
      const read = [...versionInserts('otter.version', own, versions, packet)].flatMap((sql) => {
        const [, , json] = tuplesOf(sql, 3)[0]!;
        const told = rows.read(row('version', { ...own, versions: literalText(json!) }));
        return told?.kind === 'version' ? told.versions : [];
      });
      expect(read).toEqual(versions);
    }),
  );
});

test('rows of another topology, deletions and tables that say nothing are nobody’s', () => {
  const mark = row('checkpoint', { lineage: 'other', pipeline: 'p', position: 'x' });
  expect(rows.read(mark)).toBeNull();
  expect(rows.read({ kind: 'delete', table: mark.table, before: [], fkChecks: true })).toBeNull();
  expect(rows.read(row('copy', { lineage: 'l' }))).toBeNull();
});

const names = fc.option(fc.array(text, { maxLength: 2 }).map((list) => new Set(list)));

test('an answer comes as it was written, however many rows its image takes', () => {
  const one = fc.record({
    key: fc.array(text, { minLength: 1, maxLength: 2 }),
    image: fc.option(fc.array(fc.option(text), { maxLength: 4 })),
    locks: fc.array(text, { maxLength: 2 }),
    lost: names,
    won: names,
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 4 }), fc.integer({ min: 16, max: 2_000 }), (answers, packet) => {
      const table = shape({ schema: 's', name: 't' });
      const given = answers.map((answer) => ({ ...answer, pipeline: 'p', table }));
      const columns = 'lineage,pipeline,table_schema,table_name,row_key,image,more,lock_keys'.split(',');
      const read = [...answerInserts('otter.answer', { lineage: 'l', pipeline: 'p' }, given, packet)].flatMap((sql) =>
        tuplesOf(sql).flatMap((values) => {
          const row: RowChange = {
            kind: 'insert',
            table: shape({ schema: 'otter', name: 'answer', columns: columns.map((each) => column(each)) }),
            after: values.map((value) => (value === 'NULL' ? null : value)),
            fkChecks: true,
          };
          const told = rows.read(row);
          return told === null || told.kind === 'piece' ? [] : [told];
        }),
      );
      expect(read).toEqual(
        answers.map((answer) => ({ kind: 'answer', pipeline: 'p', schema: 's', table: 't', ...answer })),
      );
    }),
  );
});

/** The values of an INSERT as literals. */
function tuplesOf(sql: string, columns = 8): string[][] {
  const values = [...sql.slice(sql.indexOf(' VALUES ')).matchAll(/'(?:[^'\\]|\\[\s\S])*'|NULL|\d+/g)].map(
    ([value]) => value,
  );
  return Array.from({ length: values.length / columns }, (_, i) => values.slice(i * columns, (i + 1) * columns));
}
