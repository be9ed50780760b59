/** Deciding an open conflict: what a person chose, and what it does to the database where the conflict waits. */
import type { LoggedConflict, NamedImage } from './conflict.ts';
import type { PipelineSpec } from './pipeline.ts';
import type { DatabaseSpec } from './topology.ts';

/** The row as it is to be: one of the record's, the one that is here, or one that somebody wrote down. */
export type Take = 'incoming' | 'local' | 'base' | { readonly row: Readonly<Record<string, unknown>> };

export interface ResolutionPlan {
  readonly conflict: LoggedConflict;
  /** Records that it closes: all that are open of the row. */
  readonly closes: readonly number[];
  /** The row here; null: none. */
  readonly now: NamedImage | null;
  /** What it will be. */
  readonly chosen: NamedImage | null;
  /** Keys of other rows here that have a unique value of the chosen one, and will be deleted. */
  readonly removes: readonly NamedImage[];
}

/** A database where conflicts wait. */
export interface ConflictResolver extends AsyncDisposable {
  /** What would be done. Changes nothing. @throws OtterError OT7010, OT7011 */
  plan(conflict: LoggedConflict, take: Take): Promise<ResolutionPlan>;
  /** Does it, in one transaction. @throws OtterError OT7012 when it would be something else by now */
  write(plan: ResolutionPlan, take: Take, by: ResolvedBy): Promise<void>;
}

export interface ResolvedBy {
  /** user@host. */
  readonly who: string;
  readonly nowMs: number;
  /** The pipeline by which it travels: its tables say what is kept of the rows. */
  readonly towards: PipelineSpec;
}

/** `lineage` is that of the record's topology. @throws OtterError as `ReachDatabase` does */
export type ReachConflictResolver = (
  name: string,
  spec: DatabaseSpec,
  lineage: string,
  signal: AbortSignal,
) => Promise<ConflictResolver>;
