import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoadTable } from '../../src/model/load.ts';
import { parsePosition } from '../../src/model/position.ts';
import type { Image } from '../../src/model/row.ts';
import { type DecideInput, decide } from '../../src/replication/conflict/decide.ts';
import { firstConflict } from '../../src/replication/conflict/detect.ts';
import { footprint } from '../../src/replication/conflict/footprint.ts';
import { optimisticWrites } from '../../src/replication/conflict/optimistic.ts';
import { RecentWrites } from '../../src/replication/conflict/recent.ts';
import { type Claim, Tokens } from '../../src/replication/conflict/tokens.ts';
import type { LoadChange } from '../../src/replication/window.ts';
import { sha256 } from '../../src/site/serialiser-index.ts';
import { Database } from './simulator/database.ts';
import { ITEM, KEYS, loadOf, NOTE } from './simulator/schema.ts';
import { Duplicate, Transaction } from './simulator/transaction.ts';

const ITEMS = loadOf(ITEM);
const NOTES = loadOf(NOTE);

const row = (id: string, code: string | null = null, amount = '0'): Image => [id, code, null, '1', amount];
const put = (after: Image, table = ITEMS): LoadChange => ({
  kind: 'insert',
  table,
  before: null,
  after,
  fkChecks: true,
});
const set = (before: Image, after: Image, table = ITEMS): LoadChange => ({
  kind: 'update',
  table,
  before,
  after,
  fkChecks: true,
});
const drop = (before: Image, table = ITEMS): LoadChange => ({
  kind: 'delete',
  table,
  before,
  after: null,
  fkChecks: true,
});
/** A change whose token is position `seen` of the serialiser's log. */
const claim = (change: LoadChange, seen = 0): Claim => ({
  change,
  token: parsePosition(`mariadb:0-1-${seen}`),
  clock: 0,
});

function index(
  ...writes: readonly (readonly [sequence: number, before: Image | null, after: Image | null])[]
): RecentWrites {
  const recent = new RecentWrites({ from: parsePosition('mariadb:0-1-0'), limitBytes: 1 << 20, digest: sha256 });
  for (const [sequence, before, after] of writes)
    recent.note(`0-1-${sequence}`, 'local', KEYS.touched(ITEM, before, after));
  return recent;
}

function decided(
  claims: readonly Claim[],
  present: readonly Image[],
  recent = index(),
  more: Partial<DecideInput> = {},
) {
  return decide({
    pipeline: 'shop/p>s',
    claims,
    present: present.map((image) => ({ table: ITEMS, image })),
    keys: KEYS,
    recent,
    ...more,
  });
}

describe('deciding a window', () => {
  test('a change that had seen the last write is taken, whatever the row looked like in between', () => {
    const { writes, refused, answers, drift } = decided(
      [claim(set(row('1', "'a'"), row('1', "'b'")), 5)],
      [row('1', "'a'")],
      index([5, row('1', "'x'"), row('1', "'a'")]),
    );
    expect({ refused, answers, drift }).toEqual({ refused: [], answers: [], drift: [] });
    expect(writes).toEqual([
      { kind: 'delete', table: ITEMS, rows: [row('1', "'a'")] },
      { kind: 'insert', table: ITEMS, rows: [row('1', "'b'")] },
    ]);
  });

  test('x → a → x here is a conflict although the row looks untouched', () => {
    const recent = index([1, row('1', "'x'"), row('1', "'a'")], [2, row('1', "'a'"), row('1', "'x'")]);
    const { writes, refused, answers } = decided(
      [claim(set(row('1', "'x'"), row('1', "'b'")), 1)],
      [row('1', "'x'")],
      recent,
    );
    expect(writes).toEqual([]);
    expect(refused).toMatchObject([
      { reason: 'recent write', entry: { gtid: '0-1-2', kind: 'local' }, present: row('1', "'x'") },
    ]);
    expect(answers).toMatchObject([{ pipeline: 'shop/p>s', key: ['1'], image: row('1', "'x'") }]);
  });

  test('a unique value that somebody wrote counts as much as a key', () => {
    const { refused, answers } = decided([claim(put(row('2', "'a'")))], [], index([1, row('1', "'A'"), null]));
    expect(refused).toMatchObject([{ reason: 'recent write' }]);
    expect(answers).toMatchObject([{ key: ['2'], image: null }]);
  });

  test('the answer shows the row as the transaction leaves it', () => {
    const claims = [claim(set(row('1'), row('1', null, '7'))), claim(set(row('1', null, '7'), row('1', "'a'", '7')))];
    const { refused, answers, writes } = decided(claims, [row('1')], index([1, row('9', "'a'"), null]));
    expect(refused).toHaveLength(1);
    expect(answers).toMatchObject([{ key: ['1'], image: row('1', null, '7') }]);
    expect(writes.at(-1)).toMatchObject({ kind: 'insert', rows: [row('1', null, '7')] });
  });

  test('a refused key and its values stay refused until the window ends', () => {
    const claims = [
      claim(put(row('1', "'a'"))),
      claim(drop(row('1', "'a'")), 9),
      claim(put(row('2', "'a'")), 9),
      claim(put(row('3', "'c'")), 9),
    ];
    const { refused, writes } = decided(claims, [], index([1, null, row('1', "'z'")], [2, row('1', "'z'"), null]));
    expect(refused.map(({ reason }) => reason)).toEqual(['recent write', 'refused before', 'refused before']);
    expect(writes).toEqual([{ kind: 'insert', table: ITEMS, rows: [row('3', "'c'")] }]);
  });

  test('also across the pieces of one transaction', () => {
    const first = decided([claim(put(row('1', "'a'")))], [], index([1, row('1'), null]));
    const second = decided([claim(put(row('2', "'a'")), 9)], [], index(), { settled: first.settled });
    expect(second.refused).toMatchObject([{ reason: 'refused before' }]);
    expect(decided([claim(put(row('2', "'a'")), 9)], []).refused).toEqual([]);
  });

  test('a refused key change is answered for both keys', () => {
    const { answers } = decided(
      [claim(set(row('1', "'a'"), row('2', "'a'")))],
      [row('1', "'a'")],
      index([1, row('2'), null]),
    );
    expect(answers.map(({ key, image }) => [key[0], image])).toEqual([
      ['1', row('1', "'a'")],
      ['2', null],
    ]);
  });

  test.each([
    ['of a primary key', put(row('1')), [row('1', "'z'")]],
    ['of a unique value', put(row('2', "'z'")), [row('1', "'Z'")]],
    ['by an update', set(row('2'), row('2', "'z'")), [row('1', "'Z'"), row('2')]],
    ['by a key change', set(row('2'), row('1')), [row('1', "'Z'"), row('2')]],
  ] as const)('a duplicate %s that no entry explains is a refusal', (_, change, present) => {
    const { refused, writes } = decided([claim(change)], present);
    expect(refused).toMatchObject([{ reason: 'duplicate', holder: present[0] }]);
    expect(writes).toEqual([]);
  });

  test('values may be swapped within a window', () => {
    const [one, two] = [row('1', "'a'"), row('2', "'b'")];
    const claims = [claim(set(one, row('1'))), claim(set(two, row('2', "'a'"))), claim(set(row('1'), row('1', "'b'")))];
    const { refused, writes } = decided(claims, [one, two]);
    expect(refused).toEqual([]);
    expect(writes).toEqual([
      { kind: 'delete', table: ITEMS, rows: [one, two] },
      { kind: 'insert', table: ITEMS, rows: [row('1', "'b'"), row('2', "'a'")] },
    ]);
  });

  test('rows that are not as they should be are put right and reported', () => {
    const claims = [
      claim(set(row('1'), row('1', "'a'"))),
      claim(drop(row('2'))),
      claim(set(row('3'), row('3', null, '5'))),
    ];
    const { drift, writes } = decided(claims, [row('3', null, '4')]);
    expect(drift.map(({ what }) => what)).toEqual(['missing', 'missing', 'different']);
    expect(writes).toEqual([
      { kind: 'delete', table: ITEMS, rows: [row('3', null, '4')] },
      { kind: 'insert', table: ITEMS, rows: [row('3', null, '5'), row('1', "'a'")] },
    ]);
  });

  test('a row that ends as it was is not written', () => {
    const { writes } = decided(
      [claim(set(row('1'), row('1', "'a'"))), claim(set(row('1', "'a'"), row('1')))],
      [row('1')],
    );
    expect(writes).toEqual([]);
  });

  test('columns that do not travel stay with their row, and come last in the answer only if the table has them last', () => {
    const table: LoadTable = {
      ...ITEMS,
      columns: ITEM.columns.filter((_, at) => at !== 2),
      uniques: [{ name: 'code', columns: [1] }],
      extras: [ITEM.columns[2]!],
      cuts: false,
    };
    const kept: Image = ['1', "'a'", '1', '0', '7'];
    const input = { pipeline: 'p', keys: KEYS, recent: index(), present: [{ table, image: kept }] };
    const taken = decide({ ...input, claims: [claim(set(['1', "'a'", '1', '0'], ['1', "'b'", '1', '0'], table))] });
    const insert = taken.writes[1]!;
    expect(insert).toMatchObject({ kind: 'insert', rows: [['1', "'b'", '1', '0', '7']] });
    expect(insert.kind === 'insert' && insert.table.columns.map(({ name }) => name)).toEqual([
      'id',
      'code',
      'slot',
      'amount',
      'shelf',
    ]);
    const refused = decide({
      ...input,
      recent: index([1, row('1'), null]),
      claims: [claim(drop(['1', "'a'", '1', '0'], table))],
    });
    expect(refused.answers).toMatchObject([{ image: ['1', "'a'", '7', '1', '0'] }]);
  });
});

describe('the fast path', () => {
  test('every change is asked about with its own token', () => {
    const recent = index([3, row('1'), null]);
    const seen = claim(set(row('1'), row('1', "'a'")), 3);
    const unseen = claim(set(row('1', "'a'"), row('1', "'b'")), 2);
    expect(firstConflict([seen], KEYS, recent)).toBeNull();
    expect(firstConflict([seen, unseen], KEYS, recent)).toMatchObject({ claim: unseen, entry: { gtid: '0-1-3' } });
    expect(firstConflict([{ ...unseen, token: null }], KEYS, index())).toBeNull();
  });

  test('rows of a table with unique values are deleted before any is inserted; others are updated in place', () => {
    expect(
      optimisticWrites([set(row('1', "'a'"), row('1')), set(row('2', "'b'"), row('2', "'a'")), drop(row('3'))]),
    ).toEqual([
      { kind: 'delete', table: ITEMS, rows: [row('1'), row('2', "'a'"), row('3')] },
      { kind: 'insert', table: ITEMS, rows: [row('1'), row('2', "'a'")] },
    ]);
    expect(
      optimisticWrites([set(["'x'", '1'], ["'x'", '2'], NOTES), put(["'y'", '1'], NOTES), drop(["'z'", '0'], NOTES)]),
    ).toEqual([
      { kind: 'delete', table: NOTES, rows: [["'z'", '0']] },
      { kind: 'insert', table: NOTES, rows: [["'y'", '1']] },
      { kind: 'upsert', table: NOTES, rows: [["'x'", '2']] },
    ]);
  });

  test('it leaves what the slow path leaves, when nothing is in the way', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(4)), { minLength: 1, maxLength: 12 }),
        (operations) => {
          const before = [row('0', "'a'"), row('1', "'b'")];
          const claims = randomChanges(before, operations);
          const fast = stored(before);
          const transaction = new Transaction(fast, null);
          expect(transaction.run(optimisticWrites(claims.map(({ change }) => change)))).toEqual({
            missing: 0,
            absent: 0,
          });
          transaction.commit();
          const slow = stored(before);
          const verdict = decided(claims, before);
          expect(verdict).toMatchObject({ refused: [], answers: [], drift: [] });
          const decidedWrites = new Transaction(slow, null);
          decidedWrites.run(verdict.writes);
          decidedWrites.commit();
          expect(slow.dump()).toEqual(fast.dump());
        },
      ),
    );
  });
});

test('the footprint is every key and value, old and new, once', () => {
  const requests = footprint([set(row('1', "'a'"), row('1', "'b'")), put(row('2')), drop(["'x'", '1'], NOTES)]);
  expect(
    requests.map(({ table, columns, rows }) => [
      table.target.name,
      columns,
      rows.map((image) => columns.map((at) => image[at])),
    ]),
  ).toEqual([
    ['item', [0], [['1'], ['2']]],
    ['item', [1], [["'a'"], ["'b'"]]],
    ['note', [0], [["'x'"]]],
  ]);
});

test('tokens are read per pipeline; one that is not there covers nothing', () => {
  const tokens = new Tokens('shop/s>p');
  expect(tokens.of({ 'other/s>p': 'mariadb:0-1-9' })).toBeNull();
  const first = tokens.of({ 'shop/s>p': 'mariadb:0-1-5' });
  expect(first).toEqual(parsePosition('mariadb:0-1-5'));
  expect(tokens.of({ 'shop/s>p': 'mariadb:0-1-5', more: 'mariadb:0-3-1' })).toBe(first);
  expect(tokens.of({ 'shop/s>p': 'mariadb:0-1-6' })).toEqual(parsePosition('mariadb:0-1-6'));
});

function stored(rows: readonly Image[]): Database {
  const database = new Database('s', 1);
  const transaction = new Transaction(database, null);
  for (const image of rows) transaction.insert(ITEM, image);
  transaction.commit();
  return database;
}

/** Changes that a database with these rows would log. */
function randomChanges(rows: readonly Image[], operations: readonly (readonly [number, number, number])[]): Claim[] {
  const transaction = new Transaction(stored(rows), null);
  for (const [id, code, what] of operations) {
    const key = row(`${id}`);
    const next = row(`${code}`, ["'a'", "'b'", "'c'", null][code]!, `${what}`);
    try {
      if (what === 0) transaction.delete(ITEM, key);
      else if (what === 1) transaction.insert(ITEM, next);
      else transaction.update(ITEM, key, what === 2 ? next : next.with(0, `${id}`));
    } catch (error) {
      if (!(error instanceof Duplicate)) throw error;
    }
  }
  return transaction.changes.map((change) =>
    claim({
      kind: change.kind,
      table: ITEMS,
      before: change.kind === 'insert' ? null : change.before,
      after: change.kind === 'delete' ? null : change.after,
      fkChecks: true,
    }),
  );
}
