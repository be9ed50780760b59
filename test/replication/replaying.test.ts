/** Ways to write what was set aside; that they end in the same rows is shown by `test/site/parking.test.ts`. */
import { expect, test } from 'vitest';
import type { Write } from '../../src/model/load.ts';
import type { Image } from '../../src/model/row.ts';
import { replays, type Waiting } from '../../src/replication/replaying.ts';
import { load, shape } from './model.ts';

const table = load(shape({ uniques: [{ name: 'u', columns: [1] }] }));
const bare = load(shape({ name: 'bare', primaryKey: [] }));

function change(before: string | null, after: string | null, of = table): Waiting {
  const [from, to] = [before, after].map((row): Image | null => row?.split(',') ?? null);
  const kind = from === null ? 'insert' : to === null ? 'delete' : 'update';
  return { change: { kind, table: of, before: from!, after: to!, fkChecks: true }, checks: 'on' };
}

function said(writes: readonly Write[]): string[] {
  return writes.flatMap((write) => {
    if (write.kind === 'fk-checks') return [];
    if (write.kind === 'update') return [`update ${write.before.join()} ${write.after.join()}`];
    return 'rows' in write ? write.rows.map((row) => `${write.kind} ${row.join()}`) : [write.kind];
  });
}

test('what was mended at the source later is written as it ends', () => {
  const [, netted] = replays([change(null, '1,1,bad'), change('1,1,bad', '1,2,good'), change(null, '2,1,x')]);
  expect(said(netted!)).toEqual(['insert 1,2,good', 'insert 2,1,x']);
});

test('what came and went is not written, and what went from before goes', () => {
  const [, netted] = replays([
    change(null, '1,1,a'),
    change('1,1,a', null),
    change('2,2,a', '2,3,b'),
    change('2,3,b', null),
  ]);
  expect(said(netted!)).toEqual(['delete 2,2,a']);
  expect(replays([change(null, '1,1,a'), change('1,1,a', null)]).map(said)).toEqual([
    ['insert 1,1,a', 'delete 1,1,a'],
    [],
    [],
  ]);
});

test('a key that changes is followed; what was deleted and made again stays two writes', () => {
  const [, moved] = replays([change('1,1,a', '5,1,a'), change('5,1,a', '5,1,b')]);
  expect(said(moved!)).toEqual(['update 1,1,a 5,1,b']);
  expect(replays([change('1,1,a', null), change(null, '1,1,b')]).map(said)).toEqual([['delete 1,1,a', 'insert 1,1,b']]);
});

test('rows without a key are written in their order alone', () => {
  expect(replays([change(null, '1,1,a', bare), change('1,1,a', '1,1,b', bare)]).map(said)).toEqual([
    ['insert 1,1,a', 'update 1,1,a 1,1,b'],
  ]);
});
