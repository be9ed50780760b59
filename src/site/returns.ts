/**
 * What stands in the log of a spoke because the serialiser's pipeline was applied there: changes of tables that it made, and
 * what it took down of how the serialiser's tables were made. Both go back to where they came from, the one as what rows
 * are like from here on, the other so that both sites know it for the place that this one has come to.
 */
import type { PipelineSpec } from '../model/pipeline.ts';
import { coversGtid, parsePosition } from '../model/position.ts';
import type { Definition, Seen } from '../model/row.ts';
import { readSeen } from '../model/seen.ts';
import type { ReadPart, StatementAt } from './reader.ts';

/**
 * Whether a change came from the target. Who says so by mistake, because the statement was copied from this log, names a
 * change that this site has recorded as made by then.
 */
export function isReturned({ reverse, role }: PipelineSpec, carried: StatementAt['carried'], seen: Seen): boolean {
  if (carried === null || role !== 'to-serialiser' || carried.pipeline !== reverse) return false;
  const text = seen[reverse];
  return text === undefined || !coversGtid(parsePosition(readSeen(text).position), carried.gtid);
}

/** What the transaction at hand has taken down. */
export class Kept {
  #definitions: Record<string, Definition | null> | null = null;

  /** By table, once the transaction is whole; null: nothing. */
  take({ own, first, last }: ReadPart, { reverse }: PipelineSpec): Readonly<Record<string, Definition | null>> | null {
    if (first) this.#definitions = null;
    for (const row of own)
      if (row.kind === 'definition' && row.pipeline === reverse) {
        this.#definitions ??= {};
        this.#definitions[row.table] = row.definition;
      }
    return last ? this.#definitions : null;
  }
}
