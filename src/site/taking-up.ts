/** What a target has on record of a pipeline, looked up before it is taken up: copies, structures, and what others have begun. */
import type { CopyState, LogOrigin, Place, RecordedTable, TargetPort } from '../model/load.ts';
import { samePlace } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { coversGtid, parsePosition } from '../model/position.ts';
import { seenText } from '../model/seen.ts';
import { leavingNamed, placeNamed } from '../replication/places.ts';

export interface OnRecord {
  readonly copies: readonly CopyState[];
  readonly known: Readonly<Record<string, RecordedTable>>;
  /** Tables that left, or went elsewhere, while nobody looked. */
  readonly left: readonly string[];
}

/** @param settled generation of the channel up to which tables that left are not waited for */
export async function onRecord(target: TargetPort, spec: PipelineSpec, settled: number): Promise<OnRecord> {
  const copies = await target.copies(spec.name);
  const known = await target.known(spec.name);
  const stays = (table: string, place: Place): boolean => {
    const now = placeNamed(spec, table);
    return now === null ? leavingNamed(spec, table, place, settled) !== null : samePlace(now, place);
  };
  const left = new Set<string>();
  for (const { table, place, done } of copies)
    if (!stays(table, place) || (spec.initial === 'none' && !done)) left.add(table);
  for (const [table, { place }] of Object.entries(known)) if (!stays(table, place)) left.add(table);
  return { copies, known, left: [...left] };
}

/** What was begun by whoever had the pipeline before. Where nobody follows what tables become it is forgotten. */
export async function beingMade(
  target: TargetPort,
  { name, ddl }: PipelineSpec,
): Promise<Awaited<ReturnType<TargetPort['making']>>> {
  const making = await target.making(name);
  if (ddl === 'replicate' || Object.keys(making).length === 0) return making;
  await target.forgetTables(name, Object.keys(making));
  return {};
}

/** Tables here that a change beyond this position was begun on, by whoever had the pipeline before. */
export async function beingChanged(target: TargetPort, pipeline: string, position: string): Promise<readonly string[]> {
  const pending = await target.pendingChange(pipeline);
  if (pending === null || coversGtid(parsePosition(position), pending.gtid)) return [];
  return Object.keys(pending.before);
}

/** What the source has seen of this database before it has applied anything of it; null: nobody asks. */
export async function ownPlace(
  target: TargetPort,
  { role, mesh, target: site }: PipelineSpec,
  origin: () => Promise<LogOrigin>,
): Promise<string | null> {
  if (mesh) return seenText(await origin());
  return role === 'to-serialiser' ? (await target.firstPosition(site)).position : null;
}
