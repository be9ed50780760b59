/** Seeded chance: the same seed gives the same history. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2654435761 + 0x9e3779b9) >>> 0;
  }

  /** From here on as if it were new: what came before has no say. */
  restart(seed: number, step: number): void {
    this.#state = (seed * 2654435761 + (step + 1) * 0x85ebca6b) >>> 0;
  }

  /** Mulberry32. */
  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** From 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.#next() * count);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  weighted<T>(choices: readonly (readonly [weight: number, value: T])[]): T {
    let sum = 0;
    for (let i = 0; i < choices.length; i += 1) sum += choices[i]![0];
    let at = this.#next() * sum;
    for (let i = 0; i < choices.length; i += 1) {
      at -= choices[i]![0];
      if (at < 0) return choices[i]![1];
    }
    return choices.at(-1)![1];
  }
}
