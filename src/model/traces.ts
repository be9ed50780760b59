/** The way of single windows through their target, for whoever follows them one by one. Times are milliseconds since 1970, with fractions. */

/** What was done: `wait` for the target to be less busy, for `files` that rows name, `prepare` statements, `load` rows. */
export type TraceStage = 'prepare' | 'wait' | 'files' | 'load';

export interface WindowTrace {
  readonly topology: string;
  readonly channel: string;
  readonly pipeline: string;
  readonly source: string;
  readonly target: string;
  /** Changed, copied and sent again. */
  readonly rows: number;
  /** Rough, in memory. */
  readonly bytes: number;
  readonly transactions: number;
  /** Of its last transaction at the source. */
  readonly gtid: string;
  /** Since its last transaction was committed at the source; null: that is not known. */
  readonly ageMs: number | null;
  readonly stages: readonly { readonly stage: TraceStage; readonly fromMs: number; readonly toMs: number }[];
  /** Why it is applied in another way, or again; null: it is written. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface Traces extends AsyncDisposable {
  /** Returns at once. */
  window(trace: WindowTrace): void;
}
