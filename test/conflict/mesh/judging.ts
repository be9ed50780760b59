/** The decision about a window by the real rules, or by one that is known to be wrong. */
import type { Write } from '../../../src/model/load.ts';
import type { AppliedTouches } from '../../../src/model/row.ts';
import { placeable } from '../../../src/replication/conflict/mesh/copied.ts';
import { decideMesh, type Loss } from '../../../src/replication/conflict/mesh/decide.ts';
import { appliedTouches, type MeshClaim } from '../../../src/replication/conflict/mesh/touches.ts';
import type { LockedRow } from '../../../src/replication/conflict/rows.ts';
import { KEYS, loadOf } from '../simulator/schema.ts';
import type { Fault } from './faults.ts';
import { decideNaively } from './naive.ts';
import { digest } from './site.ts';
import type { MeshLoaderOptions, Window } from './windows.ts';

export interface Decided {
  readonly writes: readonly Write[];
  readonly losses: readonly Loss[];
  readonly record: readonly AppliedTouches[];
}

/** Faults that another implementation of the slow path shows. */
const NAIVE: readonly Fault[] = [
  'claims of refused puts not made',
  'hidden rows shown',
  'holder without an entry stays',
  'losses of seen writes',
  'losses of hidden rows',
  'deletes not lost',
  'losses by unique value forgotten',
  'losses at every site',
  'delete and insert is a delete',
];

export function judge(
  { deliveries }: Window,
  claims: readonly MeshClaim[],
  present: readonly LockedRow[],
  { site, source, oracle, has }: MeshLoaderOptions,
): Decided {
  const { chunk } = deliveries[0]!;
  if (chunk !== null) {
    const table = loadOf(chunk.table);
    const registers = has('copied over registers') ? { size: 0, last: () => null } : site.registers;
    const rows = placeable(table, chunk.rows, { present, keys: KEYS, registers });
    oracle.count('copied', rows.length);
    oracle.count('not copied', chunk.rows.length - rows.length);
    return { writes: [{ kind: 'insert', table, rows }], losses: [], record: [] };
  }
  const input = { own: site.name, source, claims, present, keys: KEYS, registers: site.registers };
  if (NAIVE.some(has)) {
    const { writes, losses, refusedPuts } = decideNaively(input, has);
    const made = claims.filter((claim) => !has('claims of refused puts not made') || !refusedPuts.has(claim));
    return { writes, losses, record: appliedTouches(made, KEYS, digest) };
  }
  const { writes, losses, refused, hidden } = decideMesh(input);
  oracle.count('refused', refused);
  oracle.count('hidden', hidden);
  return { writes, losses, record: appliedTouches(claims, KEYS, digest) };
}
