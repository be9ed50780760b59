/**
 * What the dashboard knows, outside React: the newest status, whether the state store answers, a bounded history per
 * pipeline for sparklines, and the notes of whoever tells a story. A pure reducer, and a shell that people subscribe to.
 */
import type { StatusReport } from '../model/status.ts';
import { allPipelines } from './figures.ts';
import { printable } from './text.ts';

/** What a source of the dashboard yields. */
export type DashboardItem =
  | StatusReport
  /** The state store does not answer; the text says why. The next report says that it does again. */
  | { readonly away: string }
  /** A line of a story, for demos. */
  | { readonly note: string };

export interface History {
  /** One sample a second, newest last; null where nothing was measured. */
  readonly lagMs: readonly (number | null)[];
  readonly rowsPerSecond: readonly (number | null)[];
}

export interface DashboardState {
  readonly report: StatusReport | null;
  readonly away: { readonly reason: string; readonly sinceMs: number } | null;
  readonly histories: ReadonlyMap<string, History>;
  readonly notes: readonly { readonly atMs: number; readonly text: string }[];
  /** The second, since 1970, that the last sample of the histories belongs to. */
  readonly second: number | null;
}

export const HISTORY_SAMPLES = 120;
export const NOTES_MAX = 100;
const EMPTY_HISTORY: History = { lagMs: [], rowsPerSecond: [] };

export const EMPTY_STATE: DashboardState = { report: null, away: null, histories: new Map(), notes: [], second: null };

export function reduce(state: DashboardState, item: DashboardItem, nowMs: number): DashboardState {
  if ('note' in item) {
    const notes = [...state.notes, { atMs: nowMs, text: printable(item.note) }].slice(-NOTES_MAX);
    return { ...state, notes };
  }
  if ('away' in item) {
    return { ...state, away: { reason: printable(item.away), sinceMs: state.away?.sinceMs ?? nowMs } };
  }
  const { store_away: store } = item;
  const away = store === null ? null : { reason: printable(store.message), sinceMs: state.away?.sinceMs ?? nowMs };
  const second = Math.floor(nowMs / 1000);
  return { ...state, report: item, away, second, histories: sampled(state, item, second) };
}

/** Reports that come faster than one a second replace the sample of their second; missing seconds leave gaps. */
function sampled(state: DashboardState, report: StatusReport, second: number): ReadonlyMap<string, History> {
  const ahead = state.second === null ? 1 : Math.max(0, second - state.second);
  const histories = new Map<string, History>();
  for (const pipeline of allPipelines(report)) {
    const history = state.histories.get(pipeline.name) ?? EMPTY_HISTORY;
    histories.set(pipeline.name, {
      lagMs: appended(history.lagMs, pipeline.lag_ms, ahead),
      rowsPerSecond: appended(history.rowsPerSecond, pipeline.rows_per_second, ahead),
    });
  }
  return histories;
}

/** Polls drift: a single missed second is bridged with the value before it, a longer silence is a gap. */
function appended(
  samples: readonly (number | null)[],
  value: number | null,
  ahead: number,
): readonly (number | null)[] {
  if (samples.length === 0) return [value];
  const kept = ahead === 0 ? samples.slice(0, -1) : samples;
  const missed = Math.min(Math.max(0, ahead - 1), HISTORY_SAMPLES);
  const filler = missed === 1 ? (samples.at(-1) ?? null) : null;
  return [...kept, ...new Array<number | null>(missed).fill(filler), value].slice(-HISTORY_SAMPLES);
}

/** The shell: made for `useSyncExternalStore`. */
export class DashboardStore {
  #state = EMPTY_STATE;
  readonly #listeners = new Set<() => void>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly getSnapshot = (): DashboardState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  push(item: DashboardItem): void {
    this.#state = reduce(this.#state, item, this.#now());
    for (const listener of this.#listeners) listener();
  }
}
