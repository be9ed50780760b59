/** How much of what is counted came within the last minutes or hours: a few points in time for each count that a condition asks. */
import type { Counted, Subject } from './judge.ts';

interface Point {
  readonly atMs: number;
  readonly count: number;
}

/** So many for each time that is looked back. */
const POINTS = 60;

export class Rates {
  readonly #points = new Map<string, Point[]>();
  #used = new Set<string>();

  /** Begins a look; what the last one did not ask is forgotten. */
  begin(): void {
    for (const key of this.#points.keys()) if (!this.#used.has(key)) this.#points.delete(key);
    this.#used = new Set();
  }

  /** Null: not known. */
  within({ name, counts }: Subject, fact: string, perMs: number, nowMs: number): Counted | null {
    const key = `${name}\n${fact}\n${perMs}`;
    this.#used.add(key);
    const points = this.#points.get(key) ?? [];
    this.#points.set(key, points);
    const count = counts[fact] ?? null;
    if (count === null) return null;
    const newest = points.at(-1);
    if (newest === undefined || nowMs - newest.atMs >= perMs / POINTS) points.push({ atMs: nowMs, count });
    // The last of those that are as old as that, or the oldest there is.
    while (points.length > 1 && points[1]!.atMs <= nowMs - perMs) points.shift();
    return { count: count - points[0]!.count, whole: points[0]!.atMs <= nowMs - perMs };
  }
}
