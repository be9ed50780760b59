/** What a reader says of otter's own transactions in a log that is made up. */
import { expect, test } from 'vitest';
import type { Logger, LogItem, SourcePort } from '../../src/model/ports.ts';
import type { TableShape } from '../../src/model/row.ts';
import { ReaderMeter } from '../../src/site/meters.ts';
import { type LogListener, LogReader, type ReadPart } from '../../src/site/reader.ts';
import { column, shape } from '../replication/model.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const CHECKPOINT: TableShape = shape({
  ...{ schema: 'otter', name: 'checkpoint' },
  columns: ['lineage', 'pipeline', 'lane', 'position', 'clock'].map((name) => column(name)),
});

/** A transaction that moves the checkpoint row of a lane. */
function moved(number: number, lane: number, position: string): LogItem {
  const after = ["'l'", "'shop/x>a'", String(lane), `'${position}'`, '5'];
  const before = ["'l'", "'shop/x>a'", String(lane), "'mariadb:'", '4'];
  return {
    ...{ kind: 'rows', gtid: `0-1-${number}`, position: `mariadb:0-1-${number}`, commitUs: number, passed: [] },
    ...{ first: true, last: true, bytes: 1 },
    changes: [{ kind: 'update', table: CHECKPOINT, fkChecks: true, before, after }],
  };
}

/** A reader of these items, and what it has handed on when that is all of them. */
async function read(items: readonly LogItem[]): Promise<readonly ReadPart[]> {
  const parts: ReadPart[] = [];
  const source = {
    facts: async () => ({ family: 'mariadb' }),
    async *readLog({ signal }: { signal: AbortSignal }) {
      yield { items, point: { file: 'log.000001', offset: 4 } };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  } as unknown as SourcePort;
  const listener = {
    part: (part: ReadPart) => {
      parts.push(part);
    },
    ahead: () => null,
    failed: (error: unknown) => expect(error).toBeNull(),
  } as unknown as LogListener;
  const reader = new LogReader({ position: 'mariadb:', clock: 0 }, listener, {
    ...{ source, schema: 'otter', lineage: 'l', logger: quiet, meter: new ReaderMeter() },
    ...{ wants: () => true, keeps: () => null, between: async () => undefined },
  });
  await expect.poll(() => parts.length).toBe(items.length);
  await reader.stop();
  return parts;
}

test('a transaction of a lane is marked as one of its pipeline, whose place is what all lanes have come to', async () => {
  const parts = await read([moved(1, 0, 'mariadb:0-9-1'), moved(2, 3, 'mariadb:0-9-7'), moved(3, 0, 'mariadb:0-9-4')]);
  expect(parts.map(({ mark }) => mark)).toEqual(['shop/x>a', 'shop/x>a', 'shop/x>a']);
  const [first, second, third] = parts.map(({ seenBehind }) => seenBehind['shop/x>a']);
  expect(first).toContain('0-9-1');
  expect(second).toBe(first);
  expect(third).toContain('0-9-4');
});

test('rows of many megabytes are handed on and not held', async () => {
  const table = shape({ schema: 'shop', name: 't', columns: [column('id')] });
  const [large, small] = [16 << 20, 100].map((bytes, number): LogItem & { readonly kind: 'rows' } => ({
    ...{ kind: 'rows', gtid: `0-1-${number}`, position: `mariadb:0-1-${number}`, commitUs: number, passed: [] },
    ...{ first: true, last: true, bytes },
    changes: [{ kind: 'insert', table, fkChecks: true, after: [String(number)] }],
  })) as [LogItem & { readonly kind: 'rows' }, LogItem & { readonly kind: 'rows' }];
  const parts = await read([large, small]);
  expect(parts.map(({ changes }) => changes.length)).toEqual([1, 1]);
  expect([large, small].map(({ changes }) => changes.length)).toEqual([0, 1]);
});
