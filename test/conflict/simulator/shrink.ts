/**
 * The shortest history that still breaks something: as few spokes, channels and steps as one seed allows. Every step draws
 * by itself, so the rest of a history goes on much as before when one of them is left out.
 */
import { type HistoryOptions, runHistory } from './world.ts';

export type Shrunk = HistoryOptions & { readonly steps: number; readonly without: ReadonlySet<number> };

/** Null when the history breaks nothing; what the shortest breaks may be another promise. `runHistory` replays it. */
export function shrink(options: HistoryOptions): Shrunk | null {
  const whole = runHistory(options);
  if (whole.violation === null) return null;
  for (const spokes of [1, 2, 3, 4]) {
    for (const channels of [1, 2]) {
      const small = { ...options, spokes, channels };
      const { violation, steps } = runHistory(small);
      if (violation !== null) return shorter(small, steps);
    }
  }
  return shorter(options, whole.steps);
}

/** How many of the steps are left. */
export function lengthOf({ steps, without }: Shrunk): number {
  return steps - without.size;
}

function shorter(options: HistoryOptions, broke: number): Shrunk {
  const breaks = (steps: number, without: ReadonlySet<number> = new Set()): boolean =>
    runHistory({ ...options, steps, without }).violation !== null;
  // A step is counted when it is done, and the last may be the one that shows it.
  let steps = 0;
  while (steps < broke + 1 && !breaks(steps)) steps += 1;
  const without = new Set<number>();
  for (let size = 1 << Math.floor(Math.log2(Math.max(1, steps))); size >= 1; size = size > 1 ? size >> 1 : 0)
    for (let from = 0; from < steps; from += size)
      leaveOut(from, Math.min(from + size, steps), without, (some) => breaks(steps, some));
  // What was needed may be needed no more, now that others are gone.
  for (let before = -1; before !== without.size; ) {
    before = without.size;
    for (let step = 0; step < steps; step += 1) leaveOut(step, step + 1, without, (some) => breaks(steps, some));
  }
  return { ...options, steps, without };
}

function leaveOut(
  from: number,
  to: number,
  without: Set<number>,
  breaks: (without: ReadonlySet<number>) => boolean,
): void {
  const some = Array.from({ length: to - from }, (_, index) => from + index).filter((step) => !without.has(step));
  if (some.length === 0 || !breaks(new Set([...without, ...some]))) return;
  for (const step of some) without.add(step);
}
