/**
 * What the dashboard knows, outside React: the newest status, whether the state store answers, a bounded history per
 * pipeline for sparklines, what has changed since it began, what was asked for beside the status, and the notes of whoever
 * tells a story. A pure reducer, and a shell that people subscribe to.
 */
import type { StatusReport } from '../model/status.ts';
import type { Loaded } from './desk.ts';
import { allPipelines } from './figures.ts';
import { type Happening, happenings } from './happenings.ts';
import { printable } from './text.ts';

/** What a source of the dashboard yields. */
export type DashboardItem =
  | StatusReport
  /** The state store does not answer; the text says why. The next report says that it does again. */
  | { readonly away: string }
  /** A line of a story, for demos. */
  | { readonly note: string }
  /** Something that was asked for, under the key of who asked; or why it could not be had. */
  | { readonly asked: string; readonly answer: Loaded | { readonly failed: string } };

export interface History {
  /** One sample a second, newest last; null where nothing was measured. */
  readonly lagMs: readonly (number | null)[];
  readonly rowsPerSecond: readonly (number | null)[];
}

/** What was asked for last, and what became of it: what there was before stays while it cannot be had. */
export interface Answer {
  readonly loaded: Loaded | null;
  readonly failed: string | null;
  readonly atMs: number;
}

export interface DashboardState {
  readonly report: StatusReport | null;
  readonly away: { readonly reason: string; readonly sinceMs: number } | null;
  readonly histories: ReadonlyMap<string, History>;
  readonly notes: readonly { readonly atMs: number; readonly text: string }[];
  /** What changed since the dashboard began, the newest last. */
  readonly happened: readonly Happening[];
  readonly answers: ReadonlyMap<string, Answer>;
  /** The second, since 1970, that the last sample of the histories belongs to. */
  readonly second: number | null;
}

export const HISTORY_SAMPLES = 120;
export const NOTES_MAX = 100;
export const HAPPENED_MAX = 500;
/** Of places that a person has been to. */
const ANSWERS_MAX = 32;
const BRIDGED_SECONDS = 3;
const EMPTY_HISTORY: History = { lagMs: [], rowsPerSecond: [] };

export const EMPTY_STATE: DashboardState = {
  report: null,
  away: null,
  histories: new Map(),
  notes: [],
  happened: [],
  answers: new Map(),
  second: null,
};

export function reduce(state: DashboardState, item: DashboardItem, nowMs: number): DashboardState {
  if ('note' in item) {
    const notes = [...state.notes, { atMs: nowMs, text: printable(item.note) }].slice(-NOTES_MAX);
    return { ...state, notes };
  }
  if ('asked' in item) return { ...state, answers: answered(state, item, nowMs) };
  if ('away' in item) {
    const away = { reason: printable(item.away), sinceMs: state.away?.sinceMs ?? nowMs };
    return { ...state, away, happened: happened(state, state.report, away.reason, nowMs) };
  }
  const { store_away: store } = item;
  const away = store === null ? null : { reason: printable(store.message), sinceMs: state.away?.sinceMs ?? nowMs };
  const second = Math.floor(nowMs / 1000);
  return {
    ...state,
    report: item,
    away,
    second,
    histories: sampled(state, item, second),
    happened: happened(state, item, away?.reason ?? null, nowMs),
  };
}

function answered(
  state: DashboardState,
  { asked, answer }: Extract<DashboardItem, { asked: string }>,
  nowMs: number,
): ReadonlyMap<string, Answer> {
  const answers = new Map(state.answers);
  const before = answers.get(asked)?.loaded ?? null;
  answers.delete(asked);
  if ('failed' in answer) answers.set(asked, { loaded: before, failed: printable(answer.failed), atMs: nowMs });
  else answers.set(asked, { loaded: answer, failed: null, atMs: nowMs });
  for (const key of [...answers.keys()].slice(0, Math.max(0, answers.size - ANSWERS_MAX))) answers.delete(key);
  return answers;
}

function happened(
  state: DashboardState,
  report: StatusReport | null,
  away: string | null,
  nowMs: number,
): readonly Happening[] {
  const news = happenings(state, { report, away }, nowMs);
  return news.length === 0 ? state.happened : [...state.happened, ...news].slice(-HAPPENED_MAX);
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

/** Of a large topology a report comes every third second, and they drift: so long is bridged with the value before it, a longer silence is a gap. */
function appended(
  samples: readonly (number | null)[],
  value: number | null,
  ahead: number,
): readonly (number | null)[] {
  if (samples.length === 0) return [value];
  const kept = ahead === 0 ? samples.slice(0, -1) : samples;
  const missed = Math.min(Math.max(0, ahead - 1), HISTORY_SAMPLES);
  const filler = missed <= BRIDGED_SECONDS ? (samples.at(-1) ?? null) : null;
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
