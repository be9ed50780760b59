/** Live figures of one pipeline into this site: counted as windows commit, read once a second. */
import type { CopyState } from '../model/load.ts';
import { type ByOperation, OPERATIONS } from '../model/measures.ts';
import type { CopyProgress, DryCounts, ErrorRecord, Phase, PipelineFigures, WindowFigures } from '../model/records.ts';
import type { Applied } from './load.ts';
import { LoadMeter } from './meters.ts';

const RATE_WINDOW_MS = 5_000;
/** Figures are told every second: of more tables than this, those with the most conflicts. */
const CONFLICT_TABLES_MAX = 20;
const DRY_TABLES_MAX = 50;
/** What a window is like is said of so many of the newest. */
const WINDOWS = 20;

export class Figures {
  readonly #now: () => number;
  /** What durations are measured by: clocks are set while we run. */
  readonly #elapsed: () => number;
  /** What of it is only for metrics and history. */
  readonly meter = new LoadMeter();
  phase: Phase = 'pending';
  observedGeneration = 0;
  position: string | null = null;
  error: ErrorRecord | null = null;
  waiting: string | null = null;
  #rows = 0;
  #conflicts = 0;
  readonly #conflictTables = new Map<string, number>();
  #drift = 0;
  /** Null while nothing is only counted. */
  #dry: Map<string, DryCounts> | null = null;
  #beat: { readonly atMs: number; readonly lagMs: number } | null = null;
  #samples: { at: number; rows: number; by: ByOperation }[] = [];
  #windows: WindowFigures[] = [];
  #copy: { progress: CopyProgress; since: number; from: number } | null = null;

  /** @param elapsed milliseconds since some moment */
  constructor(now: () => number, elapsed = () => performance.now()) {
    this.#now = now;
    this.#elapsed = elapsed;
  }

  applied({ rows, conflicts, conflictTables, outcomes, drift, dry }: Applied): void {
    if (outcomes !== undefined) this.meter.decided(outcomes);
    if (dry !== undefined) this.#addDry(dry);
    for (const [table, count] of conflictTables ?? [])
      this.#conflictTables.set(table, (this.#conflictTables.get(table) ?? 0) + count);
    this.#rows += rows;
    this.#conflicts += conflicts;
    this.#drift += drift;
  }

  /** A window is begun at the target; what is returned is called when it is committed. */
  window(): (rows: number) => void {
    const begun = this.#elapsed();
    return (rows) => {
      if (rows > 0) this.#windows = [...this.#windows.slice(1 - WINDOWS), { rows, ms: this.#elapsed() - begun }];
    };
  }

  beat(sentMs: number): void {
    this.#beat = { atMs: this.#elapsed(), lagMs: Math.max(0, this.#now() - sentMs) };
  }

  copies(states: readonly CopyState[], copying: boolean): void {
    if (!copying) {
      this.#copy = null;
      return;
    }
    const rowsDone = states.reduce((sum, state) => sum + state.rowsDone, 0);
    const rowsTotal = states.reduce(
      (sum, state) => sum + (state.done ? state.rowsDone : Math.max(state.rowsDone, state.rowsEstimate)),
      0,
    );
    const { since, from } = this.#copy ?? { since: this.#elapsed(), from: rowsDone };
    const elapsed = this.#elapsed() - since;
    const etaMs =
      rowsDone > from && elapsed > 500 ? Math.round(((rowsTotal - rowsDone) * elapsed) / (rowsDone - from)) : null;
    const progress = {
      tablesDone: states.filter(({ done }) => done).length,
      tablesTotal: states.length,
      rowsDone,
      rowsTotal,
      etaMs,
    };
    this.#copy = { progress, since, from };
  }

  read(): PipelineFigures {
    const [rowsPerSecond, perSecond] = this.#rates();
    return {
      phase: this.phase,
      observedGeneration: this.observedGeneration,
      lagMs: this.#lagMs(),
      position: this.position,
      rowsApplied: this.#rows,
      rowsPerSecond,
      perSecond,
      window: this.#window(),
      conflicts: this.#conflicts,
      conflictTables: this.#worst(),
      drift: this.#drift,
      ...(this.#dry === null ? {} : { dry: mostOf(this.#dry) }),
      copy: this.#progress(),
      error: this.error,
      waiting: this.waiting,
    };
  }

  #window(): WindowFigures | null {
    if (this.#windows.length === 0) return null;
    const mean = (of: (one: WindowFigures) => number): number =>
      this.#windows.reduce((sum, one) => sum + of(one), 0) / this.#windows.length;
    return { rows: Math.round(mean(({ rows }) => rows)), ms: Math.round(mean(({ ms }) => ms)) };
  }

  #addDry(counts: ReadonlyMap<string, DryCounts>): void {
    this.#dry ??= new Map();
    for (const [table, more] of counts) {
      const { insert, update, delete: gone } = this.#dry.get(table) ?? { insert: 0, update: 0, delete: 0 };
      this.#dry.set(table, {
        insert: insert + more.insert,
        update: update + more.update,
        delete: gone + more.delete,
      });
    }
  }

  #worst(): Readonly<Record<string, number>> {
    const counts = [...this.#conflictTables].sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1));
    return Object.fromEntries(counts.slice(0, CONFLICT_TABLES_MAX));
  }

  /** Tables that were announced are no copy yet, and one that stands still has no end in sight. */
  #progress(): CopyProgress | null {
    if (this.#copy === null || this.phase !== 'copying') return null;
    const { progress } = this.#copy;
    return this.error === null ? progress : { ...progress, etaMs: null };
  }

  /** The lag of the newest beat when it was applied; when beats stay away, its age. */
  #lagMs(): number | null {
    if (this.#beat === null) return null;
    const age = Math.round(this.#beat.lagMs + this.#elapsed() - this.#beat.atMs);
    return age > this.#beat.lagMs + 2_500 ? age : this.#beat.lagMs;
  }

  /** Of all rows, and by what was done. */
  #rates(): [number, Readonly<Record<string, number>>] {
    const at = this.#elapsed();
    const by = this.meter.rows;
    this.#samples.push({ at, rows: this.#rows, by });
    while (this.#samples.length > 2 && this.#samples[1]!.at <= at - RATE_WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0]!;
    const perSecond = (count: number): number => (at > first.at ? Math.round((count * 1000) / (at - first.at)) : 0);
    const each = OPERATIONS.map((operation) => [operation, perSecond(by[operation] - first.by[operation])] as const);
    return [perSecond(this.#rows - first.rows), Object.fromEntries(each.filter(([, rate]) => rate > 0))];
  }
}

function mostOf(dry: ReadonlyMap<string, DryCounts>): Readonly<Record<string, DryCounts>> {
  const all = ({ insert, update, delete: gone }: DryCounts): number => insert + update + gone;
  const most = [...dry].sort(([one, a], [other, b]) => all(b) - all(a) || (one < other ? -1 : 1));
  return Object.fromEntries(most.slice(0, DRY_TABLES_MAX));
}
