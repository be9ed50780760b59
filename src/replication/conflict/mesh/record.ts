/** What is kept of own writes that were lost in a mesh: one record for each, at the site whose users made it. */
import type { ConflictKind, ConflictLogLevel, ConflictRecord } from '../../../model/conflict.ts';
import type { LoadTable } from '../../../model/load.ts';
import type { LockKeys } from '../keys.ts';
import { imagesOf, namedKey } from '../record.ts';
import type { Loss } from './decide.ts';

export interface MeshRecordContext {
  readonly channel: string;
  readonly pipeline: string;
  readonly keys: LockKeys;
  readonly levelOf: (table: LoadTable) => ConflictLogLevel;
  readonly nowMs: number;
}

export function meshRecords(losses: readonly Loss[], context: MeshRecordContext): ConflictRecord[] {
  return losses.flatMap((loss) => {
    const { claim, image, clock } = loss;
    const { table, before, after } = claim.change;
    const level = context.levelOf(table);
    if (level === 'none') return [];
    return [
      {
        channel: context.channel,
        pipeline: context.pipeline,
        table: { schema: table.target.schema, name: table.target.name },
        key: namedKey(table, keyImage(loss, context.keys)),
        kind: kindOf(loss),
        winner: 'incoming',
        rule: 'last-write-wins: was later',
        ...imagesOf(table, level, after, image, before),
        incomingGtid: claim.gtid ?? null,
        incomingMs: Math.floor(claim.clock / 1000),
        localGtid: null,
        incomingClock: String(claim.clock),
        localClock: String(clock),
        token: null,
        decidedMs: context.nowMs,
      },
    ];
  });
}

/** An image that bears the key of the row that both wrote; where they met in a unique value, of the incoming one. */
function keyImage({ claim, row, reason }: Loss, keys: LockKeys): readonly (string | null)[] {
  const { table, before, after } = claim.change;
  const old = before !== null && keys.row(table, before) === row;
  return reason === 'same row' && old ? before : (after ?? before)!;
}

/** The write here is known by what came of it: a row that the incoming change had seen is an update. */
function kindOf({ claim, kind, reason }: Loss): ConflictKind {
  if (reason === 'unique value') return 'unique';
  const { before } = claim.change;
  return `${claim.change.kind}/${kind === 'delete' ? 'delete' : before === null ? 'insert' : 'update'}`;
}
