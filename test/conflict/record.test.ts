import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ConflictLogLevel, ConflictRecord } from '../../src/model/conflict.ts';
import type { LoadTable } from '../../src/model/load.ts';
import { type ConflictRule, SITE_PRIORITY } from '../../src/model/pipeline.ts';
import { parsePosition } from '../../src/model/position.ts';
import type { Image } from '../../src/model/row.ts';
import { bounded } from '../../src/replication/conflict/bounded.ts';
import { decide } from '../../src/replication/conflict/decide.ts';
import { type EntryKind, RecentWrites } from '../../src/replication/conflict/recent.ts';
import { conflictRecords } from '../../src/replication/conflict/record.ts';
import type { Claim } from '../../src/replication/conflict/tokens.ts';
import type { LoadChange } from '../../src/replication/window.ts';
import { sha256 } from '../../src/site/serialiser-index.ts';
import { ITEM, KEYS, loadOf } from './simulator/schema.ts';

const ITEMS = loadOf(ITEM);

const row = (id: string, code: string | null = null, amount = '0'): Image => [id, code, null, '1', amount];

function change(before: Image | null, after: Image | null, table: LoadTable = ITEMS): LoadChange {
  const kind = before === null ? 'insert' : after === null ? 'delete' : 'update';
  return { kind, table, before, after, fkChecks: true };
}

let commits = 0;
function claim(before: Image | null, after: Image | null, seen = 0, table = ITEMS): Claim {
  commits += 1;
  const own = { gtid: `0-2-${commits}`, clock: (1000 + commits) * 1000 };
  return { change: change(before, after, table), token: parsePosition(`mariadb:0-1-${seen}`), ...own };
}

/** Writes of the serialiser: what was there before, and after. */
type Written = readonly [before: Image | null, after: Image | null, kind?: EntryKind, clock?: number];

function recorded(
  claims: readonly Claim[],
  present: readonly Image[],
  written: readonly Written[],
  { level = 'full' as ConflictLogLevel, table = ITEMS, rule = SITE_PRIORITY } = {},
): ConflictRecord[] {
  const recent = new RecentWrites({ from: parsePosition('mariadb:0-1-0'), limitBytes: 1 << 20, digest: sha256 });
  for (const [index, [before, after, kind = 'local', clock = 0]] of written.entries()) {
    const names = ITEM.columns.map(({ name }) => name);
    const changed =
      before === null || after === null ? null : new Set(names.filter((_, at) => before[at] !== after[at]));
    const noted = { stamp: { order: clock, clock }, columns: rule.merge === 'column' ? changed : null, all: true };
    recent.note(`0-1-${index + 1}`, kind, KEYS.touched(ITEM, before, after), noted);
  }
  const locked = present.map((image) => ({ table, image }));
  const verdict = decide({ pipeline: 'shop/p>s', claims, present: locked, keys: KEYS, recent, ruleOf: () => rule });
  return conflictRecords(claims, verdict, {
    channel: 'shop',
    pipeline: 'shop/p>s',
    keys: KEYS,
    present: locked,
    levelOf: () => level,
    policyOf: () => rule.policy,
    nowMs: 7,
  });
}

const kinds = (records: readonly ConflictRecord[]): string[] => records.map(({ kind }) => kind);

describe('what the two did', () => {
  const old = row('1', null, '5');
  const here = row('1', null, '6');
  const there = row('1', null, '7');
  test.each([
    ['insert/insert', [null, there], [here], [null, here]],
    ['insert/delete', [null, there], [], [here, null]],
    ['update/update', [old, there], [here], [old, here]],
    ['update/delete', [old, there], [], [old, null]],
    ['delete/update', [old, null], [here], [old, here]],
    ['delete/delete', [old, null], [], [old, null]],
    // The new key of a row is one that somebody made here meanwhile.
    ['update/insert', [old, row('2')], [old, row('2', null, '9')], [null, row('2', null, '9')]],
    ['unique', [null, row('2', "'x'")], [row('1', "'x'")], [null, row('1', "'x'")]],
    // The value was given away here; its holder is gone.
    ['unique', [null, row('2', "'x'")], [], [row('1', "'x'"), null]],
    ['unique', [row('2', "'x'"), row('2', "'y'")], [row('1', "'y'"), row('2', "'x'")], [row('1'), row('1', "'y'")]],
  ] as const)('%s', (kind, [before, after], present, written) => {
    expect(kinds(recorded([claim(before, after)], present, [written]))).toEqual([kind]);
  });

  test('what builds on a refused change is told by what the other site had before that one', () => {
    const made = [claim(null, there), claim(there, row('1', null, '8')), claim(row('1', null, '8'), null)];
    expect(kinds(recorded(made, [here], [[null, here]]))).toEqual(['insert/insert', 'update/insert', 'delete/insert']);
    const changed = [claim(old, null), claim(null, there)];
    expect(kinds(recorded(changed, [here], [[old, here]]))).toEqual(['delete/update', 'insert/update']);
  });
});

test('a record says what stood in the way, and between what it was decided', () => {
  const [old, here, there] = [row('1', null, '5'), row('1', null, '6'), row('1', null, '7')];
  const one = claim(old, there, 0);
  expect(recorded([one], [here], [[old, here]])).toEqual([
    {
      channel: 'shop',
      pipeline: 'shop/p>s',
      table: { schema: ITEM.schema, name: ITEM.name },
      key: { id: '1' },
      kind: 'update/update',
      winner: 'local',
      rule: 'site-priority: recent write',
      images: 'full',
      incoming: named(there),
      local: named(here),
      base: named(old),
      incomingGtid: one.gtid,
      incomingMs: Math.floor(one.clock / 1000),
      localGtid: '0-1-1',
      incomingClock: null,
      localClock: null,
      token: 'mariadb:0-1-0',
      decidedMs: 7,
    },
  ]);
});

test('of a collision of two rows the local one is the one that has the value, under its own key', () => {
  const holder = row('1', "'x'");
  for (const written of [[[null, holder]], []] as Written[][]) {
    const [record] = recorded([claim(null, row('2', "'x'"))], [holder], written);
    expect(record).toMatchObject({ kind: 'unique', key: { id: '2' }, local: named(holder) });
  }
  // A row that wants a key that another has is told by that key.
  const [moved] = recorded([claim(row('1'), row('2'))], [row('1'), row('2', null, '9')], []);
  expect(moved).toMatchObject({ key: { id: '2' }, local: named(row('2', null, '9')), base: named(row('1')) });
});

test('the reason says whose write stood in the way', () => {
  const rules = (kind: EntryKind): string[] =>
    recorded(
      [claim(row('1'), row('1', null, '2')), claim(row('1', null, '2'), null)],
      [row('1')],
      [[null, row('1'), kind]],
    ).map(({ rule }) => rule);
  expect(rules('local')).toEqual(['site-priority: recent write', 'site-priority: refused before']);
  expect(rules('answer')[0]).toBe('site-priority: answered before');
  expect(rules('chunk')[0]).toBe('site-priority: being copied');
  const [duplicate] = recorded([claim(null, row('1'))], [row('1')], []);
  expect(duplicate).toMatchObject({ rule: 'site-priority: duplicate', localGtid: null, kind: 'insert/insert' });
});

describe('when the later write wins', () => {
  const LATER: ConflictRule = { ...SITE_PRIORITY, policy: 'last-write-wins' };
  const rule = { rule: LATER };
  const [old, here, there] = [row('1', null, '5'), row('1', null, '6'), row('1', null, '7')];

  test('the row here is kept when it lost, and the change when that did', () => {
    const one = claim(old, there);
    const lost = recorded([one], [here], [[old, here, 'local', one.clock - 1]], rule);
    expect(lost).toMatchObject([
      { kind: 'update/update', winner: 'incoming', rule: 'last-write-wins: was later', localGtid: '0-1-1' },
    ]);
    expect(lost[0]).toMatchObject({ local: named(here), incoming: named(there), base: named(old) });
    expect([lost[0]!.incomingClock, lost[0]!.localClock]).toEqual([String(one.clock), String(one.clock - 1)]);
    const won = recorded([one], [here], [[old, here, 'local', one.clock + 1]], rule);
    expect(won).toMatchObject([{ winner: 'local', rule: 'last-write-wins: was earlier', local: named(here) }]);
    expect(recorded([one], [], [[old, null, 'local', 1]], rule)).toMatchObject([
      { kind: 'update/delete', winner: 'incoming', local: null, incoming: named(there) },
    ]);
  });

  test('so is each row that gave way to it, for a value or for its key', () => {
    const [holder, code] = [row('2', "'x'"), row('1', "'x'")];
    const one = claim(old, code);
    const evicted = recorded([one], [old, holder], [[null, holder, 'local', 1]], rule);
    expect(evicted).toMatchObject([{ kind: 'unique', winner: 'incoming', local: named(holder), key: { id: '1' } }]);
    const moved = recorded(
      [claim(old, row('2'))],
      [old, row('2', null, '9')],
      [[null, row('2', null, '9'), 'local', 1]],
      rule,
    );
    expect(moved).toMatchObject([{ kind: 'update/insert', key: { id: '2' }, local: named(row('2', null, '9')) }]);
    // Both its own row and another.
    const two = recorded(
      [claim(old, code)],
      [here, holder],
      [
        [old, here, 'local', 1],
        [null, holder, 'local', 1],
      ],
      rule,
    );
    expect(two.map(({ kind, local }) => [kind, local])).toEqual([
      ['update/update', named(here)],
      ['unique', named(holder)],
    ]);
  });

  test('once, also where the key is a column like others', () => {
    const taken = row('2', null, '9');
    const moved = recorded([claim(old, row('2'))], [old, taken], [[null, taken, 'local', 1]], {
      rule: { ...LATER, merge: 'column' },
    });
    expect(moved).toMatchObject([{ kind: 'update/insert', key: { id: '2' }, local: named(taken) }]);
    expect(moved).toHaveLength(1);
  });

  test('a row that had gone before the key was taken lost nothing to that', () => {
    const taken = row('2', "'x'");
    const [gives, moves] = [claim(row('3'), row('3', "'x'")), claim(old, row('2'))];
    const records = recorded(
      [gives, moves],
      [old, taken, row('3')],
      [
        [null, taken, 'local', 1],
        [row('1', null, '1'), old, 'local', 2],
      ],
      rule,
    );
    expect(records.filter(({ local }) => local?.['id'] === '2')).toMatchObject([{ kind: 'unique' }]);
  });

  test('numbers that add up take nothing from a row that was made here, or is being copied', () => {
    const counting = { rule: { ...LATER, counters: ['amount'] } };
    for (const kind of ['local', 'chunk'] as const)
      expect(recorded([claim(old, there)], [here], [[null, here, kind, 1]], counting)).toEqual([]);
  });

  test('x → a → x here lost something too', () => {
    const written: Written[] = [
      [old, here, 'local', 1],
      [here, old, 'local', 2],
    ];
    expect(recorded([claim(old, there)], [old], written, rule)).toMatchObject([
      { kind: 'update/update', winner: 'incoming', local: named(old) },
    ]);
  });
});

test('a row that is made of both is said to be, and columns that do not meet are no conflict', () => {
  const rule: ConflictRule = { ...SITE_PRIORITY, merge: 'column' };
  const old = row('1', "'a'", '5');
  const here = row('1', "'a'", '6');
  const written: Written[] = [[old, here]];
  expect(recorded([claim(old, row('1', "'b'", '5'))], [here], written, { rule })).toEqual([]);
  expect(recorded([claim(old, row('1', "'b'", '7'))], [here], written, { rule })).toMatchObject([
    {
      kind: 'update/update',
      winner: 'merged',
      rule: 'site-priority: by column',
      local: named(here),
      localGtid: '0-1-1',
    },
  ]);
});

test('rows that are not to be kept are not, and of what is not to be recorded there is nothing', () => {
  const secret = row('1', null, '4711');
  const rows = (level: ConflictLogLevel): ConflictRecord[] =>
    recorded([claim(row('1'), secret)], [row('1', null, '4712')], [[row('1'), row('1', null, '4712')]], { level });
  expect(rows('none')).toEqual([]);
  expect(rows('keys')).toMatchObject([{ images: 'none', incoming: null, local: null, base: null, key: { id: '1' } }]);
  expect(JSON.stringify(rows('keys'))).not.toContain('471');
  expect(JSON.stringify(rows('full'))).toContain('4711');
});

test('columns that do not travel are told of rows that are here', () => {
  const note = { name: 'note', type: 'int(11)', charset: null, collation: null, nullable: true, generated: false };
  const table: LoadTable = { ...ITEMS, extras: [note] };
  const [record] = recorded(
    [claim(row('1'), row('1', null, '7'), 0, table)],
    [[...row('1', null, '6'), '42']],
    [[row('1'), row('1', null, '6')]],
    { table },
  );
  expect(record!.local).toEqual({ ...named(row('1', null, '6')), note: '42' });
  expect(record!.incoming).toEqual(named(row('1', null, '7')));
});

test('one record for each refusal, whatever the window holds', () => {
  const id = fc.integer({ min: 1, max: 3 }).map(String);
  const image = fc.tuple(id, fc.constantFrom(null, "'x'", "'y'")).map(([key, code]) => row(key, code));
  const writes = fc.array(
    fc.tuple(fc.option(image), fc.option(image)).filter(([a, b]) => a !== null || b !== null),
    {
      maxLength: 8,
    },
  );
  fc.assert(
    fc.property(writes, writes, (theirs, ours) => {
      const records = recorded(
        theirs.map(([before, after]) => claim(before, after)),
        [],
        ours,
      );
      expect(new Set(records.map(({ incomingGtid }) => incomingGtid)).size).toBe(records.length);
      for (const { kind, incoming, base, local } of records) {
        if (kind === 'unique') continue;
        const [incomingDid, localDid] = kind.split('/');
        expect(incomingDid).toBe(base === null ? 'insert' : incoming === null ? 'delete' : 'update');
        expect(localDid === 'delete').toBe(local === null);
      }
    }),
  );
});

describe('bounded rows', () => {
  const images = fc.dictionary(fc.string(), fc.option(fc.string({ unit: 'binary', maxLength: 40 })), { maxKeys: 8 });

  test('what fits stays whole; what does not is cut to the bound, and short values stay', () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 0, max: 120 }), (image, max) => {
        const { image: out, cut } = bounded(image, max);
        const lengthOf = (one: Readonly<Record<string, string | null>>): number =>
          Object.values(one).reduce((sum, value) => sum + (value?.length ?? 0), 0);
        expect(cut).toBe(lengthOf(image) > max);
        expect(Object.keys(out)).toEqual(Object.keys(image));
        const starts = Object.entries(out).map(([name, value]) => {
          if (value === image[name]) return value?.length ?? 0;
          const [, start, length] = /^([\s\S]*)… \((\d+) characters\)$/.exec(value!)!;
          expect(image[name]!.startsWith(start!)).toBe(true);
          expect(Number(length)).toBe(image[name]!.length);
          expect(start!.isWellFormed() || !image[name]!.isWellFormed()).toBe(true);
          return start!.length;
        });
        expect(starts.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(max);
        // Nothing that stayed is longer than what was cut was left.
        const whole = Object.entries(out).flatMap(([name, value]) =>
          value === image[name] ? [value?.length ?? 0] : [],
        );
        const kept = starts.filter((_, index) => Object.values(out)[index] !== Object.values(image)[index]);
        if (kept.length > 0) expect(Math.max(0, ...whole)).toBeLessThanOrEqual(Math.min(...kept) + 1);
      }),
    );
  });

  test('names of columns are anything', () => {
    const { image } = bounded(
      JSON.parse(`{"__proto__":"'${'x'.repeat(20)}'","constructor":"1"}`) as Record<string, string>,
      10,
    );
    expect(Object.keys(image)).toEqual(['__proto__', 'constructor']);
    expect(image['constructor']).toBe('1');
  });
});

function named(image: Image): Record<string, string | null> {
  return Object.fromEntries(ITEM.columns.map(({ name }, index) => [name, image[index] ?? null]));
}
