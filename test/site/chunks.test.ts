/** How many chunks of a copy may be on their way. */
import { expect, test } from 'vitest';
import type { RowChange, TableShape } from '../../src/model/row.ts';
import { Chunks } from '../../src/site/chunks.ts';
import { movesChildren, PendingChunk } from '../../src/site/pending-chunk.ts';

const keys = { primaryKey: [0], uniques: [], foreignKeys: [], referencedBy: [], triggers: [] };
const column = { name: 'id', type: 'int', charset: null, collation: null, nullable: false, generated: false };
const table: TableShape = { schema: 'shop', name: 't', columns: [column], engine: 'InnoDB', ...keys };

let number = 0;

/** A chunk with so many rows of that many bytes passes both its watermarks; returns where. */
function send(chunks: Chunks, bytes: number, count: number): string {
  const pending = new PendingChunk(table, new Map());
  const rows = Array.from({ length: count }, () => ['x'.repeat(bytes)]);
  pending.chunk = { table, rows, cursor: null, rowsDone: 1, rowsEstimate: 1 };
  chunks.pending = pending;
  number += 2;
  chunks.watermark(pending.id, 'low', `mariadb:0-1-${number - 1}`);
  chunks.watermark(pending.id, 'high', `mariadb:0-1-${number}`);
  return `mariadb:0-1-${number}`;
}

function started(): Chunks {
  return new Chunks({
    routeOf: (shape) => ({
      shape,
      picks: null,
      keeps: null,
      makes: null,
      processes: null,
      bounded: null,
      rereads: false,
    }),
  });
}

/** Whether another chunk may be read. */
async function room(chunks: Chunks): Promise<boolean> {
  const given = new AbortController();
  const found = chunks.whenRoom(given.signal).then(() => !given.signal.aborted);
  await new Promise(setImmediate);
  given.abort();
  return found;
}

test.each([
  ['small ones', 1, 10_000, 4],
  ['large ones', 3 << 20, 1, 2],
  ['one that is larger than all that may be', 30 << 20, 1, 1],
])('%s wait until the target has applied what went before', async (_, bytes, count, most) => {
  const chunks = started();
  const sent: string[] = [];
  while (await room(chunks)) sent.push(send(chunks, bytes, count));
  expect(sent).toHaveLength(most);
  const before = Number(sent[0]!.split('-').at(-1)) - 1;
  chunks.applied(`mariadb:0-1-${before}`);
  expect(await room(chunks)).toBe(false);
  const given = chunks.whenRoom(new AbortController().signal);
  chunks.applied(sent[0]!);
  await given;
  send(chunks, bytes, count);
  expect(await room(chunks)).toBe(false);
  chunks.applied(`mariadb:0-1-${number + 10}`);
  expect(await room(chunks)).toBe(true);
});

test('a parent moves its children when what they refer to changes, and by nothing else', () => {
  const email = { ...column, name: 'email' };
  const parent = { ...table, name: 'parent', columns: [column, email], uniques: [{ name: 'e', columns: [1] }] };
  const parents = new Map([['shop.parent', new Set(['id'])]]);
  const update = (before: string[], after: string[]): RowChange => ({
    kind: 'update',
    table: parent,
    before,
    after,
    fkChecks: true,
  });
  expect(movesChildren(update(['1', 'a'], ['2', 'a']), parents)).toBe(true);
  expect(movesChildren(update(['1', 'a'], ['1', 'b']), parents)).toBe(false);
  expect(movesChildren({ ...update(['1', 'a'], ['2', 'a']), table }, parents)).toBe(false);
});
