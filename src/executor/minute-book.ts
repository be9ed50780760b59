/**
 * Minutes out of what a node looks at every second: counters that only go up, and lags. Pure.
 *
 * Rule: a counter that has become smaller began anew, so all of it is new. Counters are read at every look and not only when a minute
 * ends, since those of a pipeline that rests, begins anew or goes to another node are gone by then.
 */
import type { LoadMeasures, SiteMeasures } from '../model/measures.ts';
import { type Counts, type MinuteRecord, NO_COUNTS, type Observed } from '../model/minutes.ts';
import type { PipelineFigures } from '../model/records.ts';

export const MINUTE_MS = 60_000;

const UNSEEN: Observed = { looks: 0, failing: 0, lagLooks: 0, lagSumMs: 0, lagMaxMs: 0 };

export class MinuteBook {
  readonly #observed = new Map<string, Observed>();
  /** What was counted in all at the last look. */
  readonly #counted = new Map<string, Counts>();
  /** What came about in the minute at hand. */
  readonly #came = new Map<string, Counts>();

  /** @param seconds since the look before, for which this one stands */
  look(
    pipelines: Readonly<Record<string, PipelineFigures>>,
    sites: Readonly<Record<string, SiteMeasures>>,
    seconds = 1,
  ): void {
    this.#count(sites);
    for (const [name, { lagMs, error, phase }] of Object.entries(pipelines)) {
      if (phase === 'paused') continue;
      const { looks, failing, lagLooks, lagSumMs, lagMaxMs } = this.#observed.get(name) ?? UNSEEN;
      this.#observed.set(name, {
        looks: looks + seconds,
        failing: failing + (error === null ? 0 : seconds),
        lagLooks: lagLooks + (lagMs === null ? 0 : seconds),
        lagSumMs: lagSumMs + (lagMs ?? 0) * seconds,
        lagMaxMs: Math.max(lagMaxMs, lagMs ?? 0),
      });
    }
  }

  /** The minute that began at `at` is over, or the node ends. */
  close(at: number, sites: Readonly<Record<string, SiteMeasures>>): readonly MinuteRecord[] {
    this.#count(sites);
    const names = new Set([...this.#observed.keys(), ...this.#came.keys()]);
    const minutes = [...names].map(
      (pipeline): MinuteRecord => ({
        ...{ at, pipeline },
        ...(this.#came.get(pipeline) ?? NO_COUNTS),
        ...(this.#observed.get(pipeline) ?? UNSEEN),
      }),
    );
    this.#observed.clear();
    this.#came.clear();
    return minutes;
  }

  #count(sites: Readonly<Record<string, SiteMeasures>>): void {
    const loads = new Map(Object.values(sites).flatMap(({ into }) => Object.entries(into)));
    for (const name of this.#counted.keys()) if (!loads.has(name)) this.#counted.delete(name);
    for (const [name, load] of loads) {
      const now = countsOf(load);
      const came = since(this.#counted.get(name) ?? NO_COUNTS, now);
      this.#came.set(
        name,
        combined(this.#came.get(name) ?? NO_COUNTS, came, (one, other) => one + other),
      );
      this.#counted.set(name, now);
    }
  }
}

const COUNTED = Object.keys(NO_COUNTS) as (keyof Counts)[];

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
  return COUNTED.some((key) => now[key] < before[key]) ? now : combined(now, before, (one, other) => one - other);
}

function combined(one: Counts, other: Counts, by: (one: number, other: number) => number): Counts {
  return Object.fromEntries(COUNTED.map((key) => [key, by(one[key], other[key])])) as unknown as Counts;
}
