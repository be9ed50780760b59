/** What nodes have kept of pipelines, put together: several nodes may have had one after the other. Pure. */
import { addMinutes, type Minute, type MinuteRecord, NO_COUNTS } from '../model/minutes.ts';
import type { PipelineStatsJson, StatsCountsJson } from '../model/stats-json.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEPS_MS = [1, 5, 15, 30]
  .map((minutes) => minutes * MINUTE_MS)
  .concat([1, 3, 6, 12, 24].map((hours) => hours * HOUR_MS));
const LINES_MAX = 30;

const NOTHING: Minute = { ...NO_COUNTS, looks: 0, failing: 0, lagLooks: 0, lagSumMs: 0, lagMaxMs: 0 };

/** The shortest step with which that long a time is few lines. */
export function stepFor(spanMs: number): number {
  return STEPS_MS.find((step) => spanMs / step <= LINES_MAX) ?? STEPS_MS.at(-1)!;
}

/** @param shown what people call a pipeline that is kept under this name */
export function statsOf(
  pipelines: readonly string[],
  answers: readonly (readonly MinuteRecord[])[],
  shown: (pipeline: string) => string,
): PipelineStatsJson[] {
  const found = new Map(pipelines.map((name) => [name, new Map<number, Minute>()]));
  for (const minute of answers.flat()) {
    const steps = found.get(shown(minute.pipeline));
    // One that is not applied any more.
    steps?.set(minute.at, addMinutes(steps.get(minute.at) ?? NOTHING, minute));
  }
  return [...found].map(([pipeline, steps]) => {
    const sorted = [...steps].sort(([a], [b]) => a - b);
    return {
      pipeline,
      total: countsOf([...steps.values()].reduce(addMinutes, NOTHING)),
      steps: sorted.map(([at, minute]) => ({ at: new Date(at).toISOString(), ...countsOf(minute) })),
    };
  });
}

function countsOf(minute: Minute): StatsCountsJson {
  const { inserts, updates, deletes, others, bytes, transactions, conflicts, windows, lagLooks } = minute;
  const seconds = (ms: number): number => Math.round(ms) / 1000;
  return {
    ...{ inserts, updates, deletes, others, bytes: Math.round(bytes), transactions, conflicts, windows },
    lag_mean_ms: lagLooks === 0 ? null : Math.round(minute.lagSumMs / lagLooks),
    lag_max_ms: lagLooks === 0 ? null : Math.round(minute.lagMaxMs),
    load_s: seconds(minute.loadMs),
    idle_s: seconds(minute.idleMs),
    stall_s: seconds(minute.stallMs),
    seen_s: seconds(minute.looks * 1000),
    failing_s: seconds(minute.failing * 1000),
  };
}
