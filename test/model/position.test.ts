/** Positions against a model that is too simple to be wrong: the set of all transactions that are part of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, covers, coversGtid, formatPosition, type Position, parsePosition } from '../../src/model/position.ts';

const UUIDS = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '00000000-0000-0000-0000-00000000000f'];
const SOURCES = UUIDS.flatMap((uuid) => ['', ':a', ':tag_2'].map((tag) => `${uuid}${tag}`));
const NUMBERS = Array.from({ length: 12 }, (_, i) => i + 1);
const ALL = SOURCES.flatMap((source) => NUMBERS.map((number) => `${source}:${number}`));

const advanced = (from: string, gtids: readonly string[]): Position =>
  gtids.reduce((position, gtid) => advance(position, gtid), parsePosition(from));

describe('GTID sets of several servers with tags, with gaps', () => {
  const gtid = fc
    .tuple(fc.constantFrom(...SOURCES), fc.constantFrom(...NUMBERS))
    .map(([source, number]) => `${source}:${number}`);
  const gtids = fc.array(gtid, { maxLength: 60 });

  test('hold what was added, in any order, and nothing else; also when written and read', () => {
    fc.assert(
      fc.property(gtids, (added) => {
        const position = advanced('mysql:', added);
        const held = new Set(added);
        for (const each of ALL) expect(coversGtid(position, each)).toBe(held.has(each));
        expect(parsePosition(formatPosition(position))).toEqual(position);
      }),
    );
  });

  test('one covers another when it holds all of it', () => {
    fc.assert(
      fc.property(gtids, gtids, fc.boolean(), (one, other, more) => {
        const outer = more ? [...one, ...other] : one;
        const held = new Set(outer);
        expect(covers(advanced('mysql:', outer), advanced('mysql:', other))).toBe(
          other.every((each) => held.has(each)),
        );
      }),
    );
  });

  test('are read as servers write them: spaces, capitals, tags after numbers, intervals that touch', () => {
    const [one, other] = UUIDS as [string, string];
    const text = `mysql:${one.toUpperCase()}:1-3:5 : 4:TAG_2:7-9:1,\n ${other}:a:2`;
    expect(formatPosition(parsePosition(text))).toBe(`mysql:${other}:a:2,${one}:1-5,${one}:tag_2:1:7-9`);
    for (const bad of ['mysql:x:1', `mysql:${one}`, `mysql:${one}:1-`, `mysql:${one}:9tag:1`, 'pg:1', ''])
      expect(() => parsePosition(bad), bad).toThrow(expect.objectContaining({ code: 'OT4002' }));
  });
});

describe('positions of several MariaDB domains', () => {
  // In one domain numbers only grow, whichever server gives them.
  const log = fc.array(
    fc.tuple(fc.constantFrom(0, 1, 7), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  );
  const written = (steps: readonly (readonly [number, number, number])[]): string[] => {
    const last = new Map<number, number>();
    return steps.map(([domain, server, step]) => {
      const sequence = (last.get(domain) ?? 0) + step;
      last.set(domain, sequence);
      return `${domain}-${server}-${sequence}`;
    });
  };

  test('hold a log up to any place in it, and nothing behind', () => {
    fc.assert(
      fc.property(log, fc.nat(100), (steps, cut) => {
        const gtids = written(steps);
        const at = cut % (gtids.length + 1);
        const position = advanced('mariadb:', gtids.slice(0, at));
        for (const [index, each] of gtids.entries()) expect(coversGtid(position, each), each).toBe(index < at);
        expect(parsePosition(formatPosition(position))).toEqual(position);
        for (let other = 0; other <= gtids.length; other += 1)
          expect(covers(position, advanced('mariadb:', gtids.slice(0, other)))).toBe(other <= at);
      }),
    );
  });
});

describe('positions by file and offset', () => {
  const UUID = UUIDS[0]!;
  const at = (file: number, offset: number, made: number | null = 100 + file, server = UUID): Position =>
    parsePosition(`file:binlog.${String(file).padStart(6, '0')}:${offset}@${server}${made === null ? '' : `#${made}`}`);

  test('are in the order of the log, also beyond six digits', () => {
    const place = fc.tuple(
      fc.constantFrom(1, 2, 9, 10, 999_999, 1_000_000),
      fc.constantFrom(4, 99, 100, 5_000_000_000),
    );
    fc.assert(
      fc.property(place, place, ([file, offset], [otherFile, otherOffset]) => {
        const reaches = file > otherFile || (file === otherFile && offset >= otherOffset);
        expect(covers(at(file, offset), at(otherFile, otherOffset))).toBe(reaches);
        const gtid = `binlog.${String(otherFile).padStart(6, '0')}:${otherOffset}`;
        expect(coversGtid(at(file, offset), gtid)).toBe(reaches);
        expect(coversGtid(advance(at(file, offset), gtid), gtid)).toBe(true);
        expect(parsePosition(formatPosition(at(file, offset)))).toEqual(at(file, offset));
      }),
    );
  });

  test('of another server, another name, or from before the log was reset cover nothing', () => {
    const later = at(5, 1000);
    expect(covers(later, at(5, 10))).toBe(true);
    expect(covers(later, at(5, 10, 105, UUIDS[1]))).toBe(false);
    expect(covers(later, at(5, 10, 104))).toBe(false);
    // Made later, under a lower number.
    expect(covers(later, at(1, 10, 200))).toBe(false);
    expect(covers(later, parsePosition(`file:log.000001:4@${UUID}#101`))).toBe(false);
    expect(coversGtid(later, 'log.000001:4')).toBe(false);
    // When its file was made is not known: it is sure of itself only.
    expect(covers(at(5, 1000, null), at(5, 10))).toBe(false);
    expect(covers(at(5, 1000, null), at(5, 1000, null))).toBe(true);
  });

  test('families have nothing to do with each other', () => {
    const families = [at(1, 4), parsePosition(`mysql:${UUID}:1-5`), parsePosition('mariadb:0-1-5')];
    for (const one of families) for (const other of families) expect(covers(one, other)).toBe(one === other);
  });
});
