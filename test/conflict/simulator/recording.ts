/** The records of a decided window by the real rule, or by one that is known to be wrong. */
import type { ConflictRecord } from '../../../src/model/conflict.ts';
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import type { Overruling, Verdict } from '../../../src/replication/conflict/decide.ts';
import { conflictRecords } from '../../../src/replication/conflict/record.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import type { Claim } from '../../../src/replication/conflict/tokens.ts';
import type { Fault } from './faults.ts';
import { KEYS } from './schema.ts';

interface Recording {
  readonly pipeline: string;
  readonly rule: ConflictRule;
  readonly present: readonly LockedRow[];
}

export function recordsOf(
  claims: readonly Claim[],
  verdict: Verdict,
  { pipeline, rule, present }: Recording,
  has: (fault: Fault) => boolean,
): ConflictRecord[] {
  const { refused, overruled } = verdict;
  if (refused.length + overruled.length === 0 && !has('seen writes recorded')) return [];
  const records = conflictRecords(claims, spoiled(claims, verdict, present, has), {
    channel: 'shop',
    pipeline,
    keys: KEYS,
    present,
    levelOf: () => 'full',
    policyOf: () => rule.policy,
    nowMs: 0,
  });
  return records.filter(({ winner }) => winner !== 'merged' || !has('lost columns unrecorded'));
}

function spoiled(
  claims: readonly Claim[],
  { refused, overruled }: Verdict,
  present: readonly LockedRow[],
  has: (fault: Fault) => boolean,
): Pick<Verdict, 'refused' | 'overruled'> {
  if (has('refusals unrecorded')) return { refused: [], overruled };
  if (has('refused before unrecorded'))
    return { refused: refused.filter(({ reason }) => reason !== 'refused before'), overruled };
  if (has('beaten rows unrecorded'))
    return { refused, overruled: overruled.filter(({ beaten, evicted }) => beaten === null || evicted.length > 0) };
  if (has('evicted rows unrecorded'))
    return { refused, overruled: overruled.map((each) => ({ ...each, evicted: [] })) };
  if (has('seen writes recorded')) {
    const decided = new Set([...refused, ...overruled].map(({ claim }) => claim));
    const taken = claims.filter((claim) => claim.change.before !== null && !decided.has(claim));
    return { refused, overruled: [...overruled, ...taken.map((claim) => overruling(claim, present))] };
  }
  if (has('beaten rows recorded again')) {
    const decided = new Set([...refused, ...overruled].map(({ claim }) => claim));
    const beaten = overruled.flatMap((each) => (each.beaten === null ? [] : [rowOf(each.claim)]));
    const next = claims.filter((claim) => !decided.has(claim) && beaten.includes(rowOf(claim)));
    return { refused, overruled: [...overruled, ...next.map((claim) => overruling(claim, present))] };
  }
  return { refused, overruled };
}

function rowOf({ change: { table, before, after } }: Claim): string {
  return KEYS.row(table, before ?? after!);
}

/** As if the change had been taken over the row that was there. */
function overruling(claim: Claim, rows: readonly LockedRow[]): Overruling {
  const row = rows.find(({ table, image }) => KEYS.row(table, image) === rowOf(claim));
  const none = { beaten: null, evicted: [], gaveWay: [], lost: [], against: null };
  return { claim, present: row?.image ?? null, result: claim.change.after, ...none };
}
