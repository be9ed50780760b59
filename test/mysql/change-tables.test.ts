/** Moves of tables, one after another as they are meant at once; and whether a change has been made. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { carriedMark, readCarriedMark } from '../../src/model/load.ts';
import { inTurn, isMade, leavesNoTrace } from '../../src/mysql/change-tables.ts';

const named = (name: string) => ({ schema: 's', name });

test('every move finds its name free, and all tables are where they were meant to be', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  fc.assert(
    fc.property(fc.shuffledSubarray([...names, 'f', 'g'], { minLength: 5, maxLength: 5 }), (to) => {
      const moves = names.map((from, at) => ({ from: named(from), to: named(to[at]!) }));
      const there = new Map(names.map((name) => [name, name]));
      for (const { from, to: next } of inTurn(moves.filter(({ from, to: next }) => from.name !== next.name))) {
        expect(there.has(next.name)).toBe(false);
        there.set(next.name, there.get(from.name)!);
        there.delete(from.name);
      }
      expect([...there].map(([at, was]) => `${was}>${at}`).sort()).toEqual(
        names.map((from, at) => `${from}>${to[at]}`),
      );
    }),
  );
});

test('a change has been made when a table is not what it was', () => {
  const drop = { kind: 'drop', table: named('a') } as const;
  expect(isMade(drop, { 's.a': 'x' }, { 's.a': 'x' })).toBe(false);
  expect(isMade(drop, { 's.a': 'x' }, { 's.a': null })).toBe(true);
  const move = { kind: 'rename', moves: [{ from: named('a'), to: named('b') }] } as const;
  expect(isMade(move, { 's.a': 'x', 's.b': null }, { 's.a': 'x', 's.b': null })).toBe(false);
  expect(isMade(move, { 's.a': 'x', 's.b': null }, { 's.a': null, 's.b': 'x' })).toBe(true);
  expect(isMade({ kind: 'empty', table: named('a') }, { 's.a': 'x' }, { 's.a': 'y' })).toBe(false);
});

test('a change says in the log whose it is, and what it repeats', () => {
  const text = fc.string({ minLength: 1, maxLength: 64 });
  const gtid = fc.constantFrom('0-1-7', '3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:12');
  fc.assert(
    fc.property(text, gtid, (lineage, id) => {
      const mark = carriedMark(lineage, 'shop/hz>ca', id);
      expect(mark.indexOf('*/')).toBe(mark.length - 3);
      expect(readCarriedMark(lineage, `${mark}ALTER TABLE t`)).toEqual({ pipeline: 'shop/hz>ca', gtid: id });
      expect(readCarriedMark(`${lineage}x`, `${mark}ALTER TABLE t`)).toBeNull();
    }),
  );
  for (const sql of ['ALTER TABLE t', '/* otter */ ALTER TABLE t', '/* otter a b */ ALTER TABLE t'])
    expect(readCarriedMark('l', sql)).toBeNull();
});

test('two of one definition that change places leave no trace', () => {
  const swap = {
    kind: 'rename',
    moves: [
      { from: named('a'), to: named('b') },
      { from: named('b'), to: named('a') },
    ],
  } as const;
  expect(leavesNoTrace(swap, { 's.a': 'CREATE TABLE `a` (x)', 's.b': 'CREATE TABLE `b` (x)' })).toBe(true);
  expect(leavesNoTrace(swap, { 's.a': 'CREATE TABLE `a` (x)', 's.b': 'CREATE TABLE `b` (y)' })).toBe(false);
});
