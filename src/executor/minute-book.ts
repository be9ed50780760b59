/**
 * Minutes out of what a node looks at every second: counters that only go up, told at the end of each minute, and lags in between. Pure.
 *
 * Rule: a counter that has become smaller began anew, so all of it is new. What was counted before this book was opened belongs to nobody's
 * minute.
 */
import type { LoadMeasures, SiteMeasures } from '../model/measures.ts';
import { type Counts, type MinuteRecord, NO_COUNTS, type Observed } from '../model/minutes.ts';
import type { PipelineFigures } from '../model/records.ts';

export const MINUTE_MS = 60_000;

const UNSEEN: Observed = { looks: 0, failing: 0, lagLooks: 0, lagSumMs: 0, lagMaxMs: 0 };

export class MinuteBook {
  readonly #observed = new Map<string, Observed>();
  /** What was counted in all when the last minute ended. */
  readonly #counted = new Map<string, Counts>();

  look(pipelines: Readonly<Record<string, PipelineFigures>>): void {
    for (const [name, { lagMs, error, phase }] of Object.entries(pipelines)) {
      if (phase === 'paused') continue;
      const { looks, failing, lagLooks, lagSumMs, lagMaxMs } = this.#observed.get(name) ?? UNSEEN;
      this.#observed.set(name, {
        looks: looks + 1,
        failing: failing + (error === null ? 0 : 1),
        lagLooks: lagLooks + (lagMs === null ? 0 : 1),
        lagSumMs: lagSumMs + (lagMs ?? 0),
        lagMaxMs: Math.max(lagMaxMs, lagMs ?? 0),
      });
    }
  }

  /** The minute that began at `at` is over, or the node ends. */
  close(at: number, sites: Readonly<Record<string, SiteMeasures>>): readonly MinuteRecord[] {
    const loads = new Map(Object.values(sites).flatMap(({ into }) => Object.entries(into)));
    const counted = new Map([...loads].map(([name, load]) => [name, countsOf(load)]));
    const names = new Set([...this.#observed.keys(), ...counted.keys()]);
    const minutes = [...names].map((pipeline): MinuteRecord => {
      const now = counted.get(pipeline);
      const counts = now === undefined ? NO_COUNTS : since(this.#counted.get(pipeline) ?? NO_COUNTS, now);
      return { at, pipeline, ...counts, ...(this.#observed.get(pipeline) ?? UNSEEN) };
    });
    this.#observed.clear();
    for (const name of this.#counted.keys()) if (!counted.has(name)) this.#counted.delete(name);
    for (const [name, counts] of counted) this.#counted.set(name, counts);
    return minutes;
  }
}

function countsOf(load: LoadMeasures): Counts {
  const { insert, update, delete: gone, copy, resync, answer } = load.rows;
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  return {
    inserts: insert,
    updates: update,
    deletes: gone,
    others: copy + resync + answer,
    bytes: sum(Object.values(load.bytes)),
    transactions: load.transactions,
    conflicts: sum(Object.values(load.conflicts)),
    windows: sum(load.windowRows.counts),
    loadMs: load.loadSeconds * 1000,
    idleMs: load.idleSeconds * 1000,
    stallMs: load.stallSeconds * 1000,
  };
}

/** What came about between the two. */
function since(before: Counts, now: Counts): Counts {
  const keys = Object.keys(NO_COUNTS) as (keyof Counts)[];
  if (keys.some((key) => now[key] < before[key])) return now;
  return Object.fromEntries(keys.map((key) => [key, now[key] - before[key]])) as unknown as Counts;
}
