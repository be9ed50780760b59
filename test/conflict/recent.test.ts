import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { KeyStore } from '../../src/model/key-store.ts';
import { advance, parsePosition } from '../../src/model/position.ts';
import { KeyLog } from '../../src/replication/conflict/key-log.ts';
import { type EntryKind, RecentWrites } from '../../src/replication/conflict/recent.ts';
import { sha256 } from '../../src/site/serialiser-index.ts';
import { openKeyFile } from '../../src/state/key-file.ts';

const START = parsePosition('mariadb:0-1-0');
const at = (sequence: number) => parsePosition(`mariadb:0-1-${sequence}`);

const LOCKS: readonly string[] = ['a', 'b', 'c', 'd', 'e'];

interface Noted {
  readonly kind: EntryKind;
  readonly locks: readonly string[];
}

const history = fc.array(
  fc.record({
    kind: fc.constantFrom<EntryKind>('local', 'answer', 'chunk'),
    locks: fc.array(fc.constantFrom(...LOCKS), { maxLength: 3 }),
  }),
  { maxLength: 30 },
);

function noteFrom(index: RecentWrites, log: readonly Noted[], from: number): void {
  for (let n = from; n < log.length; n += 1) index.note(`0-1-${n + 1}`, log[n]!.kind, log[n]!.locks);
}

const opened = new Set<KeyStore>();
afterEach(() => {
  for (const file of opened) file.close();
});

function open(): KeyStore {
  const file = openKeyFile(tmpdir());
  opened.add(file);
  const close = file.close.bind(file);
  return Object.assign(file, {
    close: () => {
      opened.delete(file);
      close();
    },
  });
}

/** Everything in memory, and two entries there and the rest in a file. */
const ROOMS = [
  ['in memory', { limitBytes: 1 << 20 }],
  ['in memory and a file', { limitBytes: 200, spill: { open, limitBytes: 1 << 30 } }],
] as const;

const state = (index: RecentWrites) => ({ entries: [...index.entries()], size: index.size });

function same(one: ReadonlySet<string> | null, other: ReadonlySet<string> | null): boolean {
  return one === other || (one !== null && other !== null && [...one].join() === [...other].join());
}

describe.each(ROOMS)('the index of recent writes %s', (_, room) => {
  const fresh = (from = START) => new RecentWrites({ from, digest: sha256, ...room });

  test('says of every key the last write that the token does not cover', () => {
    fc.assert(
      fc.property(history, fc.nat(30), (log, token) => {
        const index = fresh();
        noteFrom(index, log, 0);
        for (const lock of LOCKS) {
          const last = log.findLastIndex(({ locks }) => locks.includes(lock)) + 1;
          const expected = last > token ? { gtid: `0-1-${last}`, kind: log[last - 1]!.kind } : null;
          const found = index.uncovered(lock, at(token));
          expect(found && { gtid: found.gtid, kind: found.kind }).toEqual(expected);
        }
      }),
    );
  });

  test('rebuilt from where the spoke stands it is the same as kept and evicted', () => {
    fc.assert(
      fc.property(history, fc.nat(30), (log, seen) => {
        const token = Math.min(seen, log.length);
        const kept = fresh();
        noteFrom(kept, log, 0);
        kept.evict(at(token));
        const rebuilt = fresh(at(token));
        noteFrom(rebuilt, log, token);
        expect(state(rebuilt)).toEqual(state(kept));
      }),
    );
  });

  test('evicting changes no answer for the token and all later ones', () => {
    fc.assert(
      fc.property(history, fc.nat(30), fc.nat(10), (log, seen, more) => {
        const [kept, evicted] = [fresh(), fresh()];
        noteFrom(kept, log, 0);
        noteFrom(evicted, log, 0);
        evicted.evict(at(seen));
        for (const lock of LOCKS) {
          expect(evicted.uncovered(lock, at(seen + more))).toEqual(kept.uncovered(lock, at(seen + more)));
        }
      }),
    );
  });

  test('reading the log again from anywhere changes nothing', () => {
    fc.assert(
      fc.property(history, fc.nat(30), fc.nat(30), (log, seen, back) => {
        const index = fresh();
        noteFrom(index, log, 0);
        index.evict(at(seen));
        const before = state(index);
        noteFrom(index, log, Math.min(back, log.length));
        expect(state(index)).toEqual(before);
      }),
    );
  });

  test('a transaction in parts is noted whole, also when it comes again from its beginning', () => {
    const index = fresh();
    index.note('0-1-1', 'local', ['a']);
    index.note('0-1-1', 'local', ['b']);
    index.note('0-1-1', 'local', ['a']);
    index.note('0-1-1', 'local', ['b']);
    index.note('0-1-1', 'local', ['c']);
    expect(index.size).toBe(3);
    for (const lock of ['a', 'b', 'c']) expect(index.uncovered(lock, null)).not.toBeNull();
  });

  test('a token of nothing covers nothing, and evicts nothing', () => {
    const index = fresh();
    index.note('0-1-1', 'answer', ['a']);
    expect(index.evict(null)).toBe(0);
    expect(index.uncovered('a', null)).toMatchObject({ gtid: '0-1-1', kind: 'answer' });
  });

  test('a hot key takes the room of one', () => {
    const index = fresh();
    index.note('0-1-1', 'local', ['hot']);
    const { bytes } = index;
    for (let sequence = 2; sequence < 1_000; sequence += 1) index.note(`0-1-${sequence}`, 'local', ['hot']);
    expect(index.bytes).toBe(bytes);
    expect(index.uncovered('hot', at(998))).toMatchObject({ gtid: '0-1-999', kind: 'local' });
  });

  test('where more than the last write matters, of what was written lately nothing that can matter is left out', () => {
    const columns = fc.constantFrom(null, new Set(['a']), new Set(['b']));
    const write = fc.record({ lock: fc.constantFrom('x', 'y'), columns, order: fc.nat(5), clock: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(write, { maxLength: 30 }), fc.nat(30), fc.nat(30), (log, token, evicted) => {
        const index = fresh();
        for (const [n, { lock, columns, order, clock }] of log.entries())
          index.note(`0-1-${n + 1}`, 'local', [lock], { stamp: { order, clock }, columns, all: true });
        const seen = Math.max(token, Math.min(evicted, token));
        index.evict(at(Math.min(evicted, seen)));
        for (const lock of ['x', 'y']) {
          const found = index.allUncovered(lock, at(seen));
          for (const set of [null, new Set(['a']), new Set(['b'])]) {
            const unseen = log.filter((each, n) => n >= seen && each.lock === lock && same(each.columns, set));
            const latest = (list: readonly { order: number; clock: number }[]) =>
              list.reduce((most, { order, clock }) => Math.max(most, order * 10 + clock), -1);
            const kept = found.flatMap((entry) => (same(entry.columns, set) ? [entry.stamp] : []));
            expect(latest(kept)).toBe(latest(unseen));
          }
          const numbers = found.map(({ gtid }) => Number(gtid.slice(4)));
          expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
        }
      }),
    );
  });

  test('GTID sets and tags of MySQL', () => {
    const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
    const start = parsePosition(`mysql:${uuid}:1-10`);
    const index = fresh(start);
    index.note(`${uuid}:10`, 'local', ['before']);
    index.note(`${uuid}:11`, 'local', ['a']);
    index.note(`${uuid}:otter:1`, 'answer', ['b']);
    index.note(`${uuid}:12`, 'local', ['c']);
    index.note(`${uuid}:11`, 'local', ['a again']);
    expect([...index.entries()].map(({ gtid }) => gtid)).toEqual([`${uuid}:11`, `${uuid}:otter:1`, `${uuid}:12`]);
    for (const lock of ['before', 'a again']) expect(index.uncovered(lock, null)).toBeNull();
    const token = advance(start, `${uuid}:11`);
    expect(index.uncovered('a', token)).toBeNull();
    expect(index.uncovered('b', token)).not.toBeNull();
    expect(index.evict(advance(token, `${uuid}:otter:1`))).toBe(2);
    expect(index.size).toBe(1);
  });
});

test('thousands of keys, written again and dropped in any order, are the same as in a map', () => {
  const operation = fc.record({ from: fc.nat(3_000), count: fc.nat(3_000), drop: fc.nat(2_000) });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
      const log = new KeyLog(sha256);
      const model = new Map<string, number>();
      let number = 0;
      for (const { from, count, drop } of operations) {
        for (let key = from; key < from + count; key += 1) {
          number += 1;
          log.put(`key ${key}`, { origin: key, what: 0, number, order: 0, clock: 0 });
          model.delete(`key ${key}`);
          model.set(`key ${key}`, number);
        }
        for (const key of [...model.keys()].slice(0, drop)) {
          log.dropOldest();
          model.delete(key);
        }
        expect([...log].map((write) => write.number)).toEqual([...model.values()]);
        expect(log.size).toBe(model.size);
        for (let key = 0; key < 6_000; key += 97) {
          expect(log.get(`key ${key}`)?.number).toBe(model.get(`key ${key}`));
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('is full by bytes, and empty again when everything is seen', () => {
  const index = new RecentWrites({ from: START, limitBytes: 2_000, digest: sha256 });
  let sequence = 0;
  while (!index.full) index.note(`0-1-${++sequence}`, 'local', [`key ${sequence}`]);
  expect(index.bytes).toBeGreaterThanOrEqual(2_000);
  expect(index.evict(at(sequence))).toBe(sequence);
  expect(index).toMatchObject({ size: 0, bytes: 0, full: false });
});

test('with a file it is full by what of that is in use, and keeps no more in memory than it may', () => {
  const spill = { open: () => openKeyFile(tmpdir()), limitBytes: 400_000 };
  const index = new RecentWrites({ from: START, limitBytes: 2_000, digest: sha256, spill });
  let sequence = 0;
  while (!index.full) {
    sequence += 1;
    index.note(`0-1-${sequence}`, 'local', [`key ${sequence}`]);
    expect(index.bytes).toBeLessThanOrEqual(2_000);
  }
  expect(index.fileBytes).toBeGreaterThanOrEqual(400_000);
  expect(index.size).toBe(sequence);
  index.evict(at(Math.round(sequence / 2)));
  const last = sequence + 100;
  while (sequence < last) {
    sequence += 1;
    index.note(`0-1-${sequence}`, 'local', [`key ${sequence}`]);
  }
  expect(index.full).toBe(false);
  expect(index.evict(at(sequence))).toBeGreaterThan(0);
  expect(index).toMatchObject({ size: 0, bytes: 0, fileBytes: 0, full: false });
});

test('of a large file no more leaves at once than takes about a second; the rest leaves the next time', () => {
  const spill = { open: () => openKeyFile(tmpdir()), limitBytes: 1 << 30 };
  const index = new RecentWrites({ from: START, limitBytes: 100_000, digest: sha256, spill });
  const locks = Array.from({ length: 200_000 }, (_, i) => `key ${i}`);
  index.note('0-1-1', 'local', locks);
  const first = index.evict(at(1));
  expect(first).toBeLessThan(200_000);
  expect(index.uncovered('key 199999', at(1))).toBeNull();
  expect(index.uncovered('key 199999', at(0))).not.toBeNull();
  let gone = first;
  for (let more = first; more > 0; gone += more) more = index.evict(at(1));
  expect(gone).toBe(200_000);
  expect(index.fileBytes).toBe(0);
});
