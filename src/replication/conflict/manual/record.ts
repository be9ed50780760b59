/**
 * What is kept of a parked change: all that is needed to take it up later, so its rows are whole, whatever the table's
 * `conflict.log` says; that counts from when it is closed.
 */
import type { ConflictKind, ConflictLogLevel, ConflictRecord } from '../../../model/conflict.ts';
import type { LoadTable } from '../../../model/load.ts';
import type { Image } from '../../../model/row.ts';
import { imagesOf, named, namedKey } from '../record.ts';
import type { ManualVerdict, Parked } from './decide.ts';

export interface ManualRecordContext {
  readonly channel: string;
  readonly pipeline: string;
  readonly levelOf: (table: LoadTable) => ConflictLogLevel;
  readonly nowMs: number;
}

export function parkedRecord(parked: Parked, { channel, pipeline, nowMs }: ManualRecordContext): ConflictRecord {
  const { claim, change, reason, present, write } = parked;
  const { table, before, after } = change;
  const whole = (image: Image | null): ConflictRecord['incoming'] => (image === null ? null : named(table, image));
  return {
    ...common(claim, table, { channel, pipeline, nowMs }),
    key: namedKey(table, (after ?? before)!),
    kind: kindOf(parked),
    winner: 'local',
    rule: `manual: ${reason}`,
    images: 'full',
    incoming: whole(after),
    local: whole(present),
    base: whole(before),
    localClock: write === null ? null : String(write.clock),
  };
}

/** Decided for good: they gave way to a resolution of this site. None of tables that keep no log. */
export function outdoneRecords(outdone: ManualVerdict['outdone'], context: ManualRecordContext): ConflictRecord[] {
  return outdone.flatMap(({ claim, present }) => {
    const { table, before, after } = claim.change;
    const level = context.levelOf(table);
    if (level === 'none') return [];
    return [
      {
        ...common(claim, table, context),
        key: namedKey(table, (after ?? before)!),
        kind: `${after === null ? 'delete' : 'update'}/${present === null ? 'delete' : 'update'}`,
        winner: 'local',
        rule: 'manual: resolved here too',
        ...imagesOf(table, level, after, present, null),
        localClock: null,
      },
    ];
  });
}

function common(
  { clock, gtid }: Parked['claim'],
  { target }: LoadTable,
  { channel, pipeline, nowMs }: Pick<ManualRecordContext, 'channel' | 'pipeline' | 'nowMs'>,
): Pick<
  ConflictRecord,
  | 'channel'
  | 'pipeline'
  | 'table'
  | 'incomingGtid'
  | 'incomingMs'
  | 'incomingClock'
  | 'localGtid'
  | 'token'
  | 'decidedMs'
> {
  return {
    channel,
    pipeline,
    table: { schema: target.schema, name: target.name },
    incomingGtid: gtid ?? null,
    incomingMs: Math.floor(clock / 1000),
    incomingClock: String(clock),
    localGtid: null,
    token: null,
    decidedMs: nowMs,
  };
}

/** What was done here is told from what came of it, as in `conflict/record.ts`. */
function kindOf({ change, present, unique }: Parked): ConflictKind {
  if (unique) return 'unique';
  return `${change.kind}/${present === null ? 'delete' : change.before === null ? 'insert' : 'update'}`;
}
