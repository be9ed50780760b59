/** Whatever way a window is written, the target ends with the rows that the source had at the window's end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoadTable } from '../../src/model/load.ts';
import type { Image } from '../../src/model/row.ts';
import { keyText } from '../../src/replication/load-table.ts';
import { weightOf } from '../../src/replication/weights.ts';
import {
  type LoadChange,
  mergeable,
  movedKeys,
  oneWayWrites,
  placingWrites,
  replacedRows,
} from '../../src/replication/window.ts';
import { column, load, ModelTable, shape } from './model.ts';

const PLAIN = shape();
const TEXT_KEY = shape({
  columns: [
    column('id', 'varchar(9)', { collation: 'utf8mb4_general_ci', charset: 'utf8mb4' }),
    column('u'),
    column('v'),
  ],
});
const UNIQUE = shape({ uniques: [{ name: 'u', columns: [1] }] });

interface Step {
  readonly op: number;
  readonly id: number;
  readonly to: number;
  readonly u: number | null;
  readonly v: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  op: fc.integer({ min: 0, max: 3 }),
  id: fc.integer({ min: 0, max: 5 }),
  to: fc.integer({ min: 0, max: 5 }),
  u: fc.option(fc.integer({ min: 0, max: 4 })),
  v: fc.integer({ min: 0, max: 9 }),
});
const history = fc.tuple(fc.array(step, { maxLength: 8 }), fc.array(step, { maxLength: 25 }));

/** Ids as the column spells them: with text keys 0/1, 2/3, 4/5 are two spellings of one key. */
function id(table: LoadTable, number: number): string {
  if (table.target.columns[0]!.collation === null) return String(number);
  const letter = 'abc'[number >> 1]!;
  return `'${number % 2 === 0 ? letter : letter.toUpperCase()}'`;
}

/** Runs what the source's constraints allow, and returns what its log says of it. */
function run(table: LoadTable, source: ModelTable, steps: readonly Step[]): LoadChange[] {
  const changes: LoadChange[] = [];
  const same = (row: Image, key: string): boolean =>
    table.target.columns[0]!.collation === null ? row[0] === key : row[0]!.toLowerCase() === key.toLowerCase();
  for (const { op, id: number, to, u, v } of steps) {
    const key = id(table, number);
    const before = source.rows.find((row) => same(row, key)) ?? null;
    const after: Image | null =
      op === 0
        ? [key, u === null ? null : String(u), String(v)]
        : before === null || op === 1
          ? null
          : op === 2
            ? [before[0]!, u === null ? null : String(u), String(v)]
            : [id(table, to), before[1]!, String(v)];
    const kind = op === 0 ? 'insert' : op === 1 ? 'delete' : 'update';
    if (kind === 'insert' ? before !== null : before === null) continue;
    const change: LoadChange = { kind, table, before, after, fkChecks: true };
    const held = [...source.rows];
    try {
      if (kind === 'insert') source.insert(after!);
      else if (kind === 'delete') source.rows = source.rows.filter((row) => row !== before);
      else source.apply([{ kind: 'update', table, before: before!, after: after! }]);
    } catch {
      source.rows = held;
      continue;
    }
    changes.push(change);
  }
  return changes;
}

const sorted = (rows: readonly Image[]): string[] => rows.map((row) => JSON.stringify(row)).sort();

describe.each([
  ['a plain table', PLAIN],
  ['a text key that folds case', TEXT_KEY],
  ['a unique key besides', UNIQUE],
])('%s', (_, table) => {
  test('one-way writes give the rows of the source', () => {
    fc.assert(
      fc.property(history, fc.boolean(), ([first, steps], fkChecks) => {
        const loaded = load(table);
        const source = new ModelTable(table);
        run(loaded, source, first);
        const target = new ModelTable(table, source.rows);
        const changes = run(loaded, source, steps);
        target.apply(oneWayWrites(changes, { fkChecks, copying: false, childrenCopied: () => true }));
        expect(sorted(target.rows)).toEqual(sorted(source.rows));
      }),
    );
  });

  test('placing gives every key of the window its last image, whatever rows were in the way', () => {
    fc.assert(
      fc.property(history, fc.array(step, { maxLength: 8 }), ([first, steps], strangers) => {
        const loaded = load(table);
        const source = new ModelTable(table);
        run(loaded, source, first);
        const changes = run(loaded, source, steps);
        const target = new ModelTable(table);
        run(loaded, target, strangers);
        target.apply(placingWrites(changes, true));
        const touched = new Set(
          changes.flatMap(({ before, after }) =>
            [before, after].flatMap((image) => (image === null ? [] : [keyText(image, [0]).toLowerCase()])),
          ),
        );
        const among = (rows: readonly Image[]): string[] =>
          sorted(rows.filter((row) => touched.has(row[0]!.toLowerCase())));
        expect(among(target.rows)).toEqual(among(source.rows));
      }),
    );
  });
});

test('rows that are placed anew keep the columns that do not travel', () => {
  const wide = shape({ columns: [...UNIQUE.columns, column('note')], uniques: UNIQUE.uniques });
  fc.assert(
    fc.property(history, ([first, steps]) => {
      const loaded = load(UNIQUE, wide);
      const source = new ModelTable(UNIQUE);
      run(load(UNIQUE), source, first);
      const target = new ModelTable(
        wide,
        source.rows.map((row) => [...row, `'of ${row[0]!}'`]),
      );
      const kept = new Map(target.rows.map((row) => [row[0]!, row[3]!]));
      const changes = run(load(UNIQUE), source, steps).map((change) => ({ ...change, table: loaded }));
      const asked = new Set(replacedRows(changes).flatMap(([, rows]) => rows.map((row) => row[0]!)));
      target.apply(
        placingWrites(changes, true, (_, row) =>
          asked.has(row[0]!) && kept.has(row[0]!) ? [kept.get(row[0]!)!] : null,
        ),
      );
      for (const row of target.rows) if (kept.has(row[0]!)) expect(row[3]).toBe(kept.get(row[0]!));
      expect(sorted(target.rows.map((row) => row.slice(0, 3)))).toEqual(sorted(source.rows));
    }),
  );
});

test('columns that do not travel follow a row whose key changes, and no other', () => {
  const table = load(shape({}), shape({ columns: [...shape({}).columns, column('note')] }));
  const at = (key: string): Image => [
    key,
    ...shape({})
      .columns.slice(1)
      .map(() => "'v'"),
  ];
  const change = (kind: LoadChange['kind'], before: string | null, after: string | null): LoadChange => ({
    kind,
    table,
    before: before === null ? null : at(before),
    after: after === null ? null : at(after),
    fkChecks: true,
  });
  const steps = [change('update', '1', '2'), change('update', '2', '3'), change('insert', null, '1')];
  expect(movedKeys(table, steps)).toEqual(new Map([['3', '1']]));
  expect(movedKeys(table, [...steps, change('delete', '3', null), change('insert', null, '3')])).toEqual(new Map());
  expect(replacedRows(steps)).toEqual([[table, [at('1'), at('2')]]]);
  const writes = placingWrites(steps, true, (_, row) => (row[0] === '3' ? ["'note'"] : null));
  expect(writes.map(({ kind }) => kind)).toEqual(['delete', 'upsert', 'upsert']);
  expect(writes[2]).toMatchObject({ rows: [[...at('3'), "'note'"]] });
});

test('tables that others point to are merged only when nobody checks', () => {
  const parent = load(shape({ referencedBy: ['shop.child'] }));
  expect(mergeable(parent, true)).toBe(false);
  expect(mergeable(parent, false)).toBe(true);
  expect(mergeable(load(shape({ triggers: ['tr'] })), false)).toBe(false);
  expect(mergeable(load(shape({ primaryKey: [] })), false)).toBe(false);
});

test('tables that nothing binds are written by their weights, each in the order of its log; what keys bind comes last', () => {
  const named = (name: string, weight: number | undefined, more = {}): LoadTable => {
    const table = load(shape({ name, ...more }));
    return weight === undefined ? table : { ...table, weight };
  };
  const key = { name: 'k', columns: [1], parentSchema: 'shop', parentTable: 'p', parentColumns: ['id'] };
  const foreignKeys = [{ ...key, onDelete: 'RESTRICT', onUpdate: 'RESTRICT' }];
  const tables = [
    named('heavy', 9),
    named('none', undefined),
    named('bound', -5, { foreignKeys }),
    named('light', -1, { uniques: [{ name: 'u', columns: [1] }] }),
  ];
  const changes = [1, 2].flatMap((key) =>
    tables.map((table): LoadChange => {
      return { kind: 'insert', table, before: null, after: [String(key), '0', '0'], fkChecks: true };
    }),
  );
  const names = (fkChecks: boolean): string[] =>
    oneWayWrites(changes, { fkChecks, copying: false, childrenCopied: () => false }).flatMap((write) =>
      'rows' in write ? [`${write.table.source.name} ${write.rows.map(([first]) => first).join()}`] : [],
    );
  expect(names(true)).toEqual(['light 1,2', 'none 1,2', 'heavy 1,2', 'bound 1,2']);
  // Where the server checks none, none binds.
  expect(names(false)).toEqual(['bound 1,2', 'light 1,2', 'none 1,2', 'heavy 1,2']);
});

test('a weight is the entry’s, else that of the most exact pattern', () => {
  const channel = { order: { 'shop.*': 1, 'shop.t': 2, 'shop.t_[0-9]': 3 } };
  const of = (name: string, order?: number): number =>
    weightOf(channel, order === undefined ? {} : { order }, shape({ name }));
  expect([of('t'), of('t_5'), of('x'), of('t', 0)]).toEqual([2, 3, 1, 0]);
  expect(weightOf({}, {}, shape())).toBe(0);
});

test('while rows are copied, a parent that is deleted is put there first so that its children go too', () => {
  const parent = load(shape({ referencedBy: ['shop.child'] }));
  const before = ['1', null, '0'];
  const change: LoadChange = { kind: 'delete', table: parent, before, after: null, fkChecks: true };
  const kinds = oneWayWrites([change], { fkChecks: true, copying: true, childrenCopied: () => true }).map((write) =>
    write.kind === 'fk-checks' ? write.on : write.kind,
  );
  expect(kinds).toEqual([false, 'ensure', true, 'delete']);
  // Where no child is copied yet nothing needs to go too, and its own parents may not be there either.
  const early = oneWayWrites([change], { fkChecks: true, copying: true, childrenCopied: () => false });
  expect(early.map((write) => (write.kind === 'fk-checks' ? write.on : write.kind))).toEqual([false, 'delete', true]);
});
