import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Image, TouchKind } from '../../src/model/row.ts';
import { WRITE_BYTES } from '../../src/replication/conflict/key-log.ts';
import { placeable, stableWhileCopying } from '../../src/replication/conflict/mesh/copied.ts';
import { decideMesh } from '../../src/replication/conflict/mesh/decide.ts';
import { firstOpposed, passedThrough } from '../../src/replication/conflict/mesh/detect.ts';
import { Registers } from '../../src/replication/conflict/mesh/registers.ts';
import {
  type PeerPoint,
  reach,
  type StableClocks,
  stableClocks,
} from '../../src/replication/conflict/mesh/stability.ts';
import { appliedTouches, type MeshClaim, touches } from '../../src/replication/conflict/mesh/touches.ts';
import { later } from '../../src/replication/conflict/mesh/version.ts';
import type { LoadChange } from '../../src/replication/window.ts';
import { openKeyFile } from '../../src/state/key-file.ts';
import { LogFold, type LogPoint } from './mesh/log-fold.ts';
import { decideNaively } from './mesh/naive.ts';
import { digest } from './mesh/site.ts';
import { ITEM, KEYS, loadOf, NOTE } from './simulator/schema.ts';

const ITEMS = loadOf(ITEM);
const NOTES = loadOf(NOTE);
const SITES = ['a', 'b', 'c'] as const;

const row = (id: string, code: string | null = null, amount = '0'): Image => [id, code, null, '1', amount];
function change(before: Image | null, after: Image | null, table = ITEMS): LoadChange {
  const kind = before === null ? 'insert' : after === null ? 'delete' : 'update';
  return { kind, table, before, after, fkChecks: true };
}
const claim = (clock: number, before: Image | null, after: Image | null, seen = 0): MeshClaim => ({
  clock,
  seen,
  change: change(before, after),
});
const rowLock = (id: string): string => KEYS.row(ITEM, row(id));
const codeLock = (code: string): string => KEYS.uniques(ITEM, row('0', code))[0]!;

/** Writes as a site's reader notes them. */
type Noted = readonly [site: string, clock: number, before: Image | null, after: Image | null];

function registers(...writes: readonly Noted[]): Registers {
  const made = new Registers({ sites: SITES, digest });
  for (const [site, clock, before, after] of writes)
    for (const { kind, lock } of touches(KEYS, ITEM, before, after)) made.note({ site, clock }, kind, digest(lock));
  return made;
}

/** At site `a`, of changes of `b`. */
function decided(claims: readonly MeshClaim[], present: readonly Image[], known = registers()) {
  const rows = present.map((image) => ({ table: ITEMS, image }));
  const verdict = decideMesh({ own: 'a', source: 'b', claims, present: rows, keys: KEYS, registers: known });
  const brief = verdict.writes.map((write) => [write.kind, 'rows' in write ? write.rows : []] as const);
  return { ...verdict, brief };
}

describe('versions', () => {
  test('are in one order: no two are later than each other, and of two different ones one is', () => {
    const version = fc.record({ clock: fc.nat(3), site: fc.constantFrom(...SITES) });
    fc.assert(
      fc.property(version, version, version, (one, two, three) => {
        const same = one.clock === two.clock && one.site === two.site;
        expect(Number(later(one, two)) + Number(later(two, one))).toBe(same ? 0 : 1);
        if (later(one, two) && later(two, three)) expect(later(one, three)).toBe(true);
      }),
    );
  });
});

describe('the clock of a log', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('user' as const), time: fc.nat(9_000_000_000) }),
    fc.record({ kind: fc.constant('beat' as const), time: fc.nat(9_000_000_000) }),
    fc.record({ kind: fc.constant('applied' as const), time: fc.nat(9_000_000_000) }),
  );
  type Step = { readonly kind: 'user' | 'beat' | 'applied'; readonly time: number };
  const start = { clock: 1_000, seen: {} };
  function run(fold: LogFold, steps: readonly Step[]): (number | null)[] {
    return steps.map(({ kind, time }) => {
      if (kind === 'user') return fold.user(time);
      if (kind === 'beat') fold.beat(time);
      else fold.applied('b', { position: String(time), clock: time });
      return null;
    });
  }

  test('rises with every transaction of users, above all that stands before it', () => {
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const fold = new LogFold(start);
        for (const each of steps) {
          const { clock } = fold.state;
          const [made] = run(fold, [each]);
          if (made !== null) expect(made).toBeGreaterThan(clock);
          expect(fold.state.clock).toBeGreaterThanOrEqual(clock);
          if (each.kind === 'user') expect(fold.state.clock - clock).toBeLessThanOrEqual(86_400_000_000);
        }
      }),
    );
  });

  test('is the same whether a log is read through or again from any state of it', () => {
    fc.assert(
      fc.property(fc.array(step), fc.nat(), (steps, at) => {
        const cut = steps.length === 0 ? 0 : at % steps.length;
        const through = new LogFold(start);
        const clocks = run(through, steps);
        const first = new LogFold(start);
        run(first, steps.slice(0, cut));
        const again = new LogFold(first.state);
        expect(run(again, steps.slice(cut))).toEqual(clocks.slice(cut));
        expect(again.state).toEqual(through.state);
      }),
    );
  });

  test('takes what users say of the time with a limit, heartbeats without', () => {
    const far = 50 * 86_400_000_000;
    const fold = new LogFold(start);
    expect(fold.user(far)).toBe(1_000 + 86_400_000_000);
    fold.beat(far);
    expect(fold.state.clock).toBe(far);
  });
});

describe('what a change touches', () => {
  test('a put claims all unique values of its row, also those it leaves alone; what is given up is not touched', () => {
    expect(touches(KEYS, ITEM, row('1', "'a'"), row('1', "'b'"))).toEqual([
      { kind: 'claim', lock: codeLock("'b'") },
      { kind: 'put', lock: rowLock('1') },
    ]);
    expect(touches(KEYS, ITEM, row('1', "'a'"), row('1', "'a'", '5')).map(({ kind }) => kind)).toEqual([
      'claim',
      'put',
    ]);
    expect(touches(KEYS, ITEM, row('1', "'a'"), null)).toEqual([{ kind: 'delete', lock: rowLock('1') }]);
  });

  test('a key change is a delete and a put; one that the server does not see is none', () => {
    expect(touches(KEYS, ITEM, row('1'), row('2')).map(({ kind, lock }) => [kind, lock])).toEqual([
      ['delete', rowLock('1')],
      ['put', rowLock('2')],
    ]);
    expect(touches(KEYS, NOTE, ["'x'", '1'], ["'X'", '1']).map(({ kind }) => kind)).toEqual(['put']);
  });

  test('the record of a window has each transaction with the last that it did to each key', () => {
    const record = appliedTouches(
      [claim(5, null, row('1', "'a'")), claim(5, row('1', "'a'"), null), claim(6, null, row('1'))],
      KEYS,
      digest,
    );
    expect(record.map(({ clock, touched }) => [clock, [...touched]])).toEqual([
      [
        5,
        [
          [digest(codeLock("'a'")), 'claim'],
          [digest(rowLock('1')), 'delete'],
        ],
      ],
      [6, [[digest(rowLock('1')), 'put']]],
    ]);
  });
});

describe('registers', () => {
  const LOCKS = ['p', 'q', 'r'] as const;
  interface Line {
    readonly site: string;
    readonly clock: number;
    readonly lock: string;
    readonly kind: TouchKind;
  }
  /** The log of `a`, and what is stable there in the middle of it and at its end, as checkpoint rows would have it. */
  const history = fc
    .record({
      writes: fc.array(
        fc.record({
          site: fc.constantFrom(...SITES),
          rise: fc.integer({ min: 1, max: 3 }),
          lock: fc.constantFrom(...LOCKS),
          kind: fc.constantFrom<TouchKind>('put', 'delete'),
        }),
        { maxLength: 30 },
      ),
      cut: fc.nat(30),
      seen: fc.tuple(fc.nat(60), fc.nat(60)),
    })
    .map(({ writes, cut, seen }) => {
      const clocks = { a: 1, b: 1, c: 1 };
      const stable = (): StableClocks => {
        const peer = (clock: number, at: number): PeerPoint => {
          const until = Math.min(at, clock, clocks.a);
          return { clock, seen: { position: String(until), clock: until } };
        };
        return stableClocks(
          'a',
          new Map([
            ['b', peer(clocks.b, seen[0])],
            ['c', peer(clocks.c, seen[1])],
          ]),
        );
      };
      let middle = stable();
      const lines: Line[] = [];
      for (const { site, rise, lock, kind } of writes) {
        clocks[site] = (site === 'a' ? Math.max(clocks.a, clocks.b, clocks.c) : clocks[site]) + rise;
        lines.push({ site, clock: clocks[site], lock, kind });
        if (lines.length === cut) middle = stable();
      }
      return { lines, cut, middle, end: stable() };
    });
  const noteAll = (made: Registers, lines: readonly Line[]): void => {
    for (const { site, clock, kind, lock } of lines) made.note({ site, clock }, kind, digest(lock));
  };
  const fresh = (): Registers => new Registers({ sites: SITES, digest });
  /** Of each site so many writes find room in memory. */
  const spilling = (writes: number): Registers => {
    const spill = { limitBytes: 2 ** 30, open: () => openKeyFile(tmpdir()) };
    return new Registers({ sites: SITES, digest, room: { limitBytes: writes * WRITE_BYTES * SITES.length, spill } });
  };
  const state = (made: Registers) => [LOCKS.map((lock) => made.last(lock)), made.size, [...made.entries()].length];

  test('have of each key the latest write that is not stable', () => {
    fc.assert(
      fc.property(history, ({ lines, end }) => {
        const made = fresh();
        noteAll(made, lines);
        made.evict(end);
        for (const lock of LOCKS) {
          const of = lines.filter((line) => line.lock === lock);
          const last = of.reduce<Line | null>((most, line) => (most !== null && later(most, line) ? most : line), null);
          const stays = last !== null && last.clock > end[last.site]!;
          expect(made.last(lock)).toEqual(stays ? { site: last.site, clock: last.clock, kind: last.kind } : null);
        }
      }),
    );
  });

  test('are the same when they let go in between, when the log is noted late, and when it is noted twice', () => {
    fc.assert(
      fc.property(history, ({ lines, cut, middle, end }) => {
        const [kept, late, rebuilt, twice] = [fresh(), fresh(), fresh(), fresh()];
        noteAll(kept, lines.slice(0, cut));
        kept.evict(middle);
        noteAll(kept, lines.slice(cut));
        kept.evict(end);
        noteAll(late, lines);
        late.evict(end);
        rebuilt.evict(end);
        noteAll(rebuilt, lines);
        noteAll(twice, lines);
        twice.evict(end);
        noteAll(twice, lines);
        for (const made of [late, rebuilt, twice]) expect(state(made)).toEqual(state(kept));
      }),
    );
  });

  test('answer alike when most of them are on the disk, let go of them there, and leave nothing behind', () => {
    fc.assert(
      fc.property(history, fc.nat(2), ({ lines, cut, middle, end }, writes) => {
        const [kept, spilled] = [fresh(), spilling(writes)];
        for (const made of [kept, spilled]) {
          noteAll(made, lines.slice(0, cut));
          made.evict(middle);
          noteAll(made, lines.slice(cut));
        }
        expect(state(spilled)).toEqual(state(kept));
        expect(spilled.bytes).toBeLessThanOrEqual(writes * WRITE_BYTES * SITES.length);
        for (const made of [kept, spilled]) made.evict(end);
        expect(state(spilled)).toEqual(state(kept));
        spilled.clear();
        expect([spilled.size, spilled.fileBytes]).toEqual([0, 0]);
      }),
      { numRuns: 50 },
    );
  });

  test('refuse a site that is none of theirs', () => {
    expect(() => fresh().note({ site: 'z', clock: 1 }, 'put', digest('p'))).toThrow('no site');
  });
});

describe('what is stable', () => {
  const point = (clock: number): LogPoint => ({ position: String(clock), clock });

  test('of two sites what was applied is stable at once, own writes when they are seen', () => {
    const peers = new Map([['b', { clock: 9, seen: point(4) }]]);
    expect(stableClocks('a', peers)).toEqual({ a: 4, b: Number.POSITIVE_INFINITY });
  });

  test("what one peer wrote waits for the others' clocks, own writes for what all have seen", () => {
    const peers = new Map([
      ['b', { clock: 9, seen: point(4) }],
      ['c', { clock: 6, seen: point(5) }],
      ['d', { clock: 8, seen: point(3) }],
    ]);
    expect(stableClocks('a', peers)).toEqual({ a: 3, b: 6, c: 8, d: 6 });
    expect(reach(peers)).toEqual(point(3));
  });
});

describe('whether a window may stay as it was written', () => {
  const sites = { own: 'a', source: 'b' };
  const opposed = (claims: readonly MeshClaim[], known: Registers) => firstOpposed(claims, sites, KEYS, known);

  test('not against a later write from anywhere, nor over an own one that it had not seen', () => {
    const put = claim(5, row('1'), row('1', null, '7'));
    expect(opposed([put], registers(['c', 6, null, row('1')]))?.write).toEqual({ site: 'c', clock: 6, kind: 'put' });
    expect(opposed([put], registers(['c', 4, null, row('1')]))).toBeNull();
    expect(opposed([put], registers(['a', 4, null, row('1')]))?.lock).toBe(rowLock('1'));
    expect(opposed([claim(5, row('1'), row('1', null, '7'), 4)], registers(['a', 4, null, row('1')]))).toBeNull();
  });

  test('not against a later claim of a unique value that it puts; what it gives up does not matter', () => {
    const known = registers(['c', 9, null, row('2', "'a'")]);
    expect(opposed([claim(5, null, row('1', "'a'"))], known)?.lock).toBe(codeLock("'a'"));
    expect(opposed([claim(5, row('1', "'a'"), row('1', "'b'"))], known)).toBeNull();
  });

  test('not if rows pass through a key or a value, which nothing then locks', () => {
    const passes = (...changes: readonly LoadChange[]) => passedThrough(changes, KEYS);
    expect(passes(change(null, row('1', "'a'")), change(row('1', "'a'"), row('1', "'b'")))).toBe(codeLock("'a'"));
    expect(passes(change(null, row('1')), change(row('1'), null))).toBe(rowLock('1'));
    expect(passes(change(row('1'), row('2')), change(row('2'), row('3')))).toBe(rowLock('2'));
    expect(passes(change(null, row('1', "'a'")), change(row('1', "'a'"), row('1', "'A'", '3')))).toBeNull();
    expect(passes(change(row('1', "'a'"), null), change(null, row('2', "'a'")))).toBeNull();
    expect(passes(change(null, ["'x'", '0'], NOTES), change(["'x'", '0'], null, NOTES))).not.toBeNull();
  });

  test('not if a row keeps a value that another has claimed since', () => {
    const passes = (...changes: readonly LoadChange[]) => passedThrough(changes, KEYS);
    const claims = [change(null, row('3', "'d'")), change(row('2', "'d'"), row('2', "'d'", '2'))];
    expect(passes(...claims, change(row('2', "'d'", '2'), row('2', "'c'")))).toBe(codeLock("'d'"));
    expect(passes(claims[1]!, change(row('2', "'d'", '2'), row('2', "'c'")), claims[0]!)).toBeNull();
  });

  test('not if a key is spelled in two ways', () => {
    const passes = (...changes: readonly LoadChange[]) => passedThrough(changes, KEYS);
    const renamed = change(["'x'", '1'], ["'X'", '2'], NOTES);
    expect(passes(renamed, change(["'x'", '0'], null, NOTES))).toBe(KEYS.row(NOTE, ["'x'", '0']));
    expect(passes(change(["'x'", '1'], ["'x'", '2'], NOTES), change(["'x'", '0'], null, NOTES))).toBeNull();
  });
});

describe('the decision', () => {
  test('the later write of a key stays, also against a delete', () => {
    const known = registers(['c', 6, row('1'), null]);
    expect(decided([claim(5, null, row('1'))], [], known)).toMatchObject({ brief: [], refused: 1 });
    expect(decided([claim(7, null, row('1'))], [], known).brief).toEqual([['insert', [row('1')]]]);
    expect(decided([claim(5, row('1'), null)], [row('1')], registers(['c', 6, null, row('1')])).brief).toEqual([]);
  });

  test('of equal clocks the greater name is later, and the later change of one transaction', () => {
    const after = claim(5, null, row('1', null, '2'));
    expect(decided([after], [], registers(['c', 5, null, row('1')])).refused).toBe(1);
    expect(decided([claim(5, null, row('1')), after], []).brief).toEqual([['insert', [row('1', null, '2')]]]);
    expect(
      decideMesh({
        own: 'a',
        source: 'c',
        claims: [after],
        present: [],
        keys: KEYS,
        registers: registers(['b', 5, null, row('1')]),
      }).refused,
    ).toBe(0);
  });

  test('a later claim takes the value from the row that has it, whose key stays what it was', () => {
    const verdict = decided(
      [claim(7, null, row('2', "'a'"))],
      [row('1', "'A'")],
      registers(['a', 6, null, row('1', "'A'")]),
    );
    expect(verdict.brief).toEqual([
      ['delete', [row('1', "'A'")]],
      ['insert', [row('2', "'a'")]],
    ]);
    expect(verdict.losses).toMatchObject([{ row: rowLock('1'), clock: 6, kind: 'put', reason: 'unique value' }]);
  });

  test('a put that lost a value does not show, though nobody has the value any more', () => {
    const known = registers(['c', 8, null, row('3', "'a'")], ['c', 9, row('3', "'a'"), null]);
    expect(decided([claim(7, row('2'), row('2', "'a'"))], [row('2')], known)).toMatchObject({
      brief: [['delete', [row('2')]]],
      hidden: 1,
      refused: 0,
    });
  });

  test('a put that lost its key has claimed its values all the same', () => {
    const known = registers(['c', 8, row('2'), null]);
    const verdict = decided([claim(7, null, row('2', "'a'"))], [row('1', "'a'")], known);
    expect(verdict).toMatchObject({ brief: [['delete', [row('1', "'a'")]]], refused: 1, losses: [] });
  });

  test('values move between rows of one window as they did at the source', () => {
    const [one, two] = [row('1', "'a'"), row('2', "'b'")];
    const swap = [claim(5, one, row('1')), claim(5, two, row('2', "'a'")), claim(5, row('1'), row('1', "'b'"))];
    expect(decided(swap, [one, two]).brief).toEqual([
      ['delete', [one, two]],
      ['insert', [row('1', "'b'"), row('2', "'a'")]],
    ]);
  });

  test('columns that do not travel stay with the row, also when its key changes', () => {
    const table = { ...ITEMS, extras: [{ ...ITEM.columns[4]!, name: 'mine' }] };
    const present = [{ table, image: [...row('1'), '42'] }];
    const moved: MeshClaim = { clock: 5, seen: 0, change: change(row('1'), row('2'), table) };
    const { writes } = decideMesh({
      own: 'a',
      source: 'b',
      claims: [moved],
      present,
      keys: KEYS,
      registers: registers(),
    });
    expect(writes.map((write) => 'rows' in write && write.rows)).toEqual([
      [[...row('1'), '42']],
      [[...row('2'), '42']],
    ]);
  });

  test('an own write is lost once: when a change that had not seen it takes its row', () => {
    const known = registers(['a', 6, null, row('1')]);
    const twice = [claim(7, row('1'), row('1', null, '1')), claim(8, row('1', null, '1'), null)];
    expect(decided(twice, [row('1')], known).losses).toMatchObject([{ clock: 6, reason: 'same row', image: row('1') }]);
    expect(decided([claim(7, row('1'), null, 6)], [row('1')], known).losses).toEqual([]);
    expect(decided([claim(5, row('1'), null)], [row('1')], known).losses).toEqual([]);
    expect(decided([claim(7, row('1'), null)], [], known).losses).toEqual([]);
  });

  test('an own delete is lost to a put, and not to another delete', () => {
    const known = registers(['a', 6, row('1'), null]);
    expect(decided([claim(7, null, row('1'))], [], known).losses).toMatchObject([{ kind: 'delete', image: null }]);
    expect(decided([claim(7, row('1'), null)], [], known).losses).toEqual([]);
    const around = [claim(7, row('1'), null), claim(8, null, row('1'))];
    expect(decided(around, [], known).losses).toEqual([]);
  });

  test('it is what the plain rule says', () => {
    const image = fc
      .tuple(fc.constantFrom('1', '2', '3'), fc.constantFrom("'a'", "'b'", null), fc.constantFrom('0', '1'))
      .map(([id, code, amount]) => row(id, code, amount));
    const noted = fc.tuple(fc.constantFrom('a', 'c'), fc.integer({ min: 1, max: 9 }), image, fc.boolean());
    const asked = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.nat(9), fc.option(image), fc.option(image));
    fc.assert(
      fc.property(
        fc.array(image, { maxLength: 3 }),
        fc.array(noted, { maxLength: 6 }),
        fc.array(asked, { maxLength: 6 }),
        (there, writes, changes) => {
          const present = there.filter(
            (one, at) =>
              !there.slice(0, at).some((other) => other[0] === one[0] || (one[1] !== null && other[1] === one[1])),
          );
          const known = registers(
            ...writes
              .toSorted(([, a], [, b]) => a - b)
              .map(([site, clock, at, gone]): Noted => [site, clock, gone ? at : null, gone ? null : at]),
          );
          let clock = 3;
          const claims = changes.flatMap(([rise, seen, before, after]) => {
            clock += rise;
            return before === null && after === null ? [] : [claim(clock, before, after, seen)];
          });
          const input = {
            own: 'a',
            source: 'b',
            claims,
            present: present.map((each) => ({ table: ITEMS, image: each })),
            keys: KEYS,
            registers: known,
          };
          const outcome = (list: ReturnType<typeof decideMesh>['writes']) => {
            const rows = new Set(present.map((each) => each.join()));
            for (const write of list) {
              if (write.kind === 'delete') for (const each of write.rows) rows.delete(each.join());
              if (write.kind === 'insert') for (const each of write.rows) rows.add(each.join());
            }
            return [...rows].sort();
          };
          const [made, plain] = [decideMesh(input), decideNaively(input, () => false)];
          expect(outcome(made.writes)).toEqual(outcome(plain.writes));
          expect(made.losses).toEqual(plain.losses);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a copied row', () => {
  const point = (clock: number): LogPoint => ({ position: String(clock), clock });
  const placed = (rows: readonly Image[], present: readonly Image[], known = registers()) =>
    placeable(ITEMS, rows, {
      present: present.map((image) => ({ table: ITEMS, image })),
      keys: KEYS,
      registers: known,
    });
  const copied = row('1', "'x'");

  test('takes no place that is taken, neither a key nor a value', () => {
    expect(placed([copied, row('2')], [])).toEqual([copied, row('2')]);
    expect(placed([copied, row('2')], [row('1', null, '9')])).toEqual([row('2')]);
    expect(placed([copied, row('2')], [row('3', "'X'")])).toEqual([row('2')]);
  });

  test('is not placed where a register tells of a write, whoever made it', () => {
    expect(placed([copied], [], registers(['c', 8, copied, null]))).toEqual([]);
    expect(placed([copied], [], registers(['a', 6, row('1'), null]))).toEqual([]);
    expect(placed([copied], [], registers(['c', 8, null, row('4', "'x'")]))).toEqual([]);
    expect(placed([copied], [], registers(['c', 8, null, row('4', "'y'")]))).toEqual([copied]);
  });

  test('needs what the first site has not seen to stay, and nothing of what it wrote', () => {
    expect(stableWhileCopying({ a: 9, b: 6, c: 8 }, 'b', { a: point(5) })).toEqual({ a: 5, b: 6, c: 0 });
  });
});
