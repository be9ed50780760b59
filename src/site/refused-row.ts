/**
 * A row that the target refuses, in words: which one, where it comes from, what the server says, and what has the pipeline go on.
 *
 * Rule kept: a transaction is offered to be passed over only where that can be done. A row that is copied, or sent again, is read
 * anew at every attempt, so mending it at its source is enough.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type Delivery, type TableShape, tableName } from '../model/row.ts';
import type { Refusal } from './setting-aside.ts';

/** @param deliveries of one transaction of the source, or one other delivery */
export function refusedRow(
  deliveries: readonly Delivery[],
  error: Refusal,
  { name, target, role }: PipelineSpec,
): OtterError {
  const cause = error instanceof OtterError ? error : error.cause;
  const row = error instanceof OtterError ? null : error.row;
  const { kind, gtid: transaction, position } = deliveries.at(-1)!;
  const tables = row?.table ?? namesOf(deliveries).join(', ');
  const key = row?.key ?? null;
  const what =
    tables === '' ? 'what otter records there' : key === null ? `a row of ${tables}` : `the row ${key} of ${tables}`;
  const from =
    kind === 'chunk' ? 'it is copied' : kind === 'resync' ? 'it is sent again' : `transaction ${transaction}`;
  return new OtterError('OT5016', `${target} refuses ${what} (${from}): ${messageOf(cause)}`, {
    where: {
      pipeline: name,
      ...(kind === 'changes' ? { transaction } : {}),
      position,
      tables,
      ...(key === null ? {} : { row: key }),
    },
    hint: howOn(kind, role === 'one-way' ? name.replace('>', ':') : null),
    cause,
  });
}

/** @param skips what is typed for the pipeline, where it may pass a transaction over */
function howOn(kind: Delivery['kind'], skips: string | null): string {
  if (kind === 'chunk' || kind === 'resync')
    return 'Mend the cause at the target, or the row at its source; the pipeline stands before it and tries again by itself.';
  const hint = 'Mend the cause at the target; the pipeline stands before this transaction and tries again by itself.';
  return kind !== 'changes' || skips === null ? hint : `${hint} To give the whole transaction up: otter skip ${skips}`;
}

function namesOf(deliveries: readonly Delivery[]): string[] {
  const joining = deliveries.flatMap((delivery) => (delivery.kind === 'table' ? [delivery.announced.table] : []));
  return [...new Set([...shapesOf(deliveries), ...joining].map(tableName))];
}

/** Tables of the source whose rows are in the deliveries. */
export function shapesOf(deliveries: readonly Delivery[]): Set<TableShape> {
  const shapes = new Set<TableShape>();
  for (const delivery of deliveries) {
    if (delivery.kind === 'changes') for (const { table } of delivery.changes) shapes.add(table);
    else if (delivery.kind === 'chunk') shapes.add(delivery.chunk.table);
    else if (delivery.kind === 'resync') shapes.add(delivery.table);
    else if (delivery.kind === 'answers') for (const { table } of delivery.answers) shapes.add(table);
  }
  return shapes;
}
