/** The incremental position says the same as the whole one, whatever the order of transactions. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { advance, coversGtid, formatPosition, parsePosition } from '../../src/model/position.ts';
import { type FileTrack, type Gtid, trackPosition } from '../../src/mysql/track.ts';

const UUIDS = ['3e11fa47-71ca-11e1-9e33-c80aa9429562', '00000000-0000-0000-0000-00000000000f'];
const mariaGtid = fc
  .tuple(fc.constantFrom(0, 1, 2, 10), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 1e6 }))
  .map((parts) => parts.join('-'));
const mysqlGtid = fc
  .tuple(fc.constantFrom(...UUIDS), fc.constantFrom('', ':a', ':tag_2'), fc.integer({ min: 1, max: 30 }))
  .map(([uuid, tag, number]) => `${uuid}${tag}:${number}`);

const filePlace = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 4, max: 1e6 }))
  .map(([file, offset]) => `binlog.00000${file}:${offset}`);

/** With the parts that the log tells of it. */
function named(gtid: string): Gtid {
  const at = Math.max(gtid.lastIndexOf('-'), gtid.lastIndexOf(':')) + 1;
  return { gtid, origin: gtid.slice(0, at), number: Number(gtid.slice(at)) };
}

describe('trackPosition', () => {
  test.each([
    ['mariadb:', mariaGtid],
    ['mariadb:0-1-5,7-1-9', mariaGtid],
    ['mysql:', mysqlGtid],
    [`mysql:${UUIDS[0]}:1-5:9:a:1-3,${UUIDS[1]}:2`, mysqlGtid],
    [`file:binlog.000003:4@${UUIDS[0]}#99`, filePlace],
  ])('from %s', (from, gtid) => {
    fc.assert(
      fc.property(fc.array(gtid, { maxLength: 40 }), (gtids) => {
        const track = trackPosition(from);
        let position = parsePosition(from);
        expect(parsePosition(track.text)).toEqual(position);
        for (const each of gtids) {
          expect(track.passed(named(each))).toBe(coversGtid(position, each));
          position = advance(position, each);
          const text = track.pass(named(each));
          expect(text).toBe(track.text);
          expect(formatPosition(parsePosition(text))).toBe(formatPosition(position));
        }
      }),
    );
  });

  test('parts are in the order in which whole positions are printed', () => {
    const track = trackPosition('mariadb:10-1-5');
    track.pass(named('2-1-1'));
    expect(track.pass(named('0-1-1'))).toBe(formatPosition(parsePosition('mariadb:0-1-1,2-1-1,10-1-5')));
  });

  test('a file that is entered says when it was made, and must be the one that was begun', () => {
    const track = trackPosition(`file:binlog.000003:4@${UUIDS[0]}#99`) as FileTrack;
    track.enter('binlog.000003', 99);
    track.enter('binlog.000004', 120);
    expect(track.pass(named('binlog.000004:500'))).toBe(`file:binlog.000004:500@${UUIDS[0]}#120`);
    expect(() => track.enter('binlog.000004', 121)).toThrow(expect.objectContaining({ code: 'OT4020' }));
  });
});
