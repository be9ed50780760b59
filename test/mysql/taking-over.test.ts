/** Which endpoint is used, for whatever each of them says; and what of a position a server lacks. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import { parsePosition } from '../../src/model/position.ts';
import { type Executed, hasAllOf, isStranger, missing } from '../../src/mysql/executed.ts';
import { choose, type Sighting } from '../../src/mysql/taking-over.ts';

const UUID = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '4e11fa47-71ca-11e1-9e33-c80aa9429562'] as const;

const mysqlHas = (set: string): Executed => {
  const position = parsePosition(`mysql:${set}`);
  if (position.family !== 'mysql') throw new Error('not a set');
  return { family: 'mysql', set: position, server: UUID[0] };
};
const mariaHas = (last: Record<string, number>): Executed => ({
  family: 'mariadb',
  last: new Map(Object.entries(last)),
});

/** Sets of one server's transactions as lists of their numbers, and the same as text. */
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 20 });
const asSet = (list: readonly number[]): string => (list.length === 0 ? '' : `${UUID[0]}:${list.join(':')}`);

test('what a MySQL server lacks is what is in the position and not in its set', () => {
  fc.assert(
    fc.property(numbers, numbers, (read, has) => {
      const lacks = read.filter((number) => !has.includes(number)).sort((a, b) => a - b);
      const said = missing(mysqlHas(asSet(has)), parsePosition(`mysql:${asSet(read)}`));
      const expected = missing(mysqlHas(''), parsePosition(`mysql:${asSet(lacks)}`));
      expect(said).toBe(expected);
      expect(said === null).toBe(lacks.length === 0);
    }),
  );
});

test('a MariaDB server that has passed the number by transactions of another server lacks the one that was read', () => {
  const read = parsePosition('mariadb:0-1-105');
  expect(missing(mariaHas({ '0-1': 105 }), read)).toBeNull();
  expect(missing(mariaHas({ '0-1': 200, '0-2': 300 }), read)).toBeNull();
  expect(missing(mariaHas({ '0-1': 100, '0-2': 110 }), read)).toBe('0-1-105');
  expect(missing(mariaHas({}), read)).toBe('0-1-105');
  expect(isStranger(mariaHas({ '0-2': 110 }), read)).toBe(true);
  expect(isStranger(mariaHas({ '0-1': 100, '0-2': 110 }), read)).toBe(false);
});

test('a place by file and offset is on its own server only', () => {
  const at = (server: string) => parsePosition(`file:binlog.000003:4711@${server}`);
  expect(missing(mysqlHas(''), at(UUID[0]))).toBeNull();
  expect(missing(mysqlHas(''), at(UUID[1]))).toContain(UUID[1]);
});

const gone: Sighting = { kind: 'gone', error: new OtterError('OT4001', 'hz: refused', { retry: 'backoff' }) };
const refuses: Sighting = { kind: 'refuses', error: new OtterError('OT4003', 'hz: no such user') };
const sighting: fc.Arbitrary<Sighting> = fc.oneof(
  fc.constant(gone),
  fc.constant(refuses),
  fc.record({
    kind: fc.constant('answers' as const),
    readOnly: fc.boolean(),
    replicates: fc.constantFrom(true, false, 'unseen' as const),
    has: numbers.map((list) => mysqlHas(asSet(list))),
  }),
);

test('whoever takes over takes writes, follows nobody, and has all that was read; whoever is at work stays', () => {
  let moved = 0;
  fc.assert(
    fc.property(
      fc.array(sighting, { minLength: 1, maxLength: 4 }),
      fc.nat(3),
      fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 1 }),
      (sightings, at, list) => {
        const used = at % sightings.length;
        const read = [`mysql:${asSet(list)}`];
        const endpoints = sightings.map((_, index) => `h${index}:3306`);
        const { index, error } = choose({ name: 'hz', endpoints, sightings, used, read, had: null });
        expect((index === null) !== (error === null)).toBe(true);
        const own = sightings[used]!;
        if (own.kind === 'refuses' || (own.kind === 'answers' && !own.readOnly)) expect(index).toBe(used);
        else if (index !== null) {
          moved += 1;
          const taken = sightings[index]!;
          expect(index).not.toBe(used);
          expect(taken).toMatchObject({ kind: 'answers', readOnly: false, replicates: false });
          if (taken.kind === 'answers') expect(missing(taken.has, parsePosition(read[0]!))).toBeNull();
        }
      },
    ),
    { numRuns: 2_000 },
  );
  expect(moved).toBeGreaterThan(20);
});

test('at the beginning, of several that take writes the one that has everything is used, or none', () => {
  fc.assert(
    fc.property(fc.array(numbers, { minLength: 2, maxLength: 3 }), (sets) => {
      const sightings = sets.map((list): Sighting => {
        return { kind: 'answers', readOnly: false, replicates: false, has: mysqlHas(asSet(list)) };
      });
      const endpoints = sets.map((_, index) => `h${index}:3306`);
      const { index, error } = choose({ name: 'hz', endpoints, sightings, used: null, read: [], had: null });
      const whole = sets.findIndex((one) => sets.every((other) => other.every((number) => one.includes(number))));
      expect(index).toBe(whole < 0 ? null : whole);
      expect(error?.code ?? null).toBe(whole < 0 ? 'OT4081' : null);
      if (index !== null)
        expect(sets.every((list) => hasAllOf(mysqlHas(asSet(sets[index]!)), mysqlHas(asSet(list))))).toBe(true);
    }),
  );
});

test('at the beginning a preferred endpoint that does not let us in is told, since it may be the primary', () => {
  const fit: Sighting = { kind: 'answers', readOnly: false, replicates: false, has: mysqlHas('') };
  const ask = (...sightings: Sighting[]) =>
    choose({ name: 'hz', endpoints: ['h0:1', 'h1:1'], sightings, used: null, read: [], had: null });
  expect(ask(refuses, fit)).toMatchObject({ index: null, error: { code: 'OT4003' } });
  expect(ask(fit, refuses)).toEqual({ index: 0, error: null });
  expect(ask(gone, fit)).toEqual({ index: 1, error: null });
  // A source may be a replica itself; what stands behind it in the list must not be.
  expect(ask({ ...fit, replicates: true }, gone)).toEqual({ index: 0, error: null });
  expect(ask(gone, { ...fit, replicates: true })).toMatchObject({
    index: null,
    error: { code: 'OT4001', message: expect.stringContaining('h1:1: it still replicates from another server') },
  });
});

test('a server that has nothing of the one in use is no replica of it, also where nothing was read', () => {
  const other: Sighting = {
    kind: 'answers',
    readOnly: false,
    replicates: false,
    has: mysqlHas(`${UUID[1]}:1-9`),
  };
  const ask = (had: string) =>
    choose({
      name: 'hz',
      endpoints: ['h0:1', 'h1:1'],
      sightings: [gone, other],
      used: 0,
      read: [],
      had: mysqlHas(had),
    });
  expect(ask(`${UUID[0]}:1-5`)).toMatchObject({
    index: null,
    error: { code: 'OT4001', message: expect.stringContaining('h1:1: it has nothing of the log of the one in use') },
  });
  // A target of which it is behind may have lost what it likes.
  expect(ask(`${UUID[0]}:1-5,${UUID[1]}:1-20`)).toEqual({ index: 1, error: null });
  expect(ask('')).toEqual({ index: 1, error: null });
});
