import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Share, Turns } from '../../src/link/turns.ts';
import { BYTES_MIN, Window } from '../../src/link/window.ts';

const PIECE = 16 << 10;

/** Bytes of each, all waiting all the while, or those that `waits` says. */
function served(
  priorities: readonly number[],
  rounds: number,
  waits: (round: number, who: number) => boolean = () => true,
): number[] {
  const turns = new Turns();
  const shares = priorities.map((priority): Share => ({ priority, had: 0 }));
  const bytes = priorities.map(() => 0);
  let before: Share[] = [];
  for (let round = 0; round < rounds; round++) {
    const waiting = shares.filter((_, who) => waits(round, who));
    for (const share of waiting) if (!before.includes(share)) turns.comes(share);
    before = waiting;
    if (waiting.length === 0) continue;
    const next = turns.next(waiting, PIECE);
    turns.had(next, PIECE, waiting);
    bytes[shares.indexOf(next)]! += PIECE;
  }
  return bytes;
}

const parts = (bytes: readonly number[]): number[] => {
  const all = bytes.reduce((sum, one) => sum + one, 0);
  return bytes.map((one) => one / all);
};

describe('turns', () => {
  it('of one priority are even', () => {
    for (const part of parts(served([0, 0, 0], 3000))) expect(part).toBeCloseTo(1 / 3, 2);
  });

  it('go to the higher priority first, and an eighth to those below, whatever the numbers', () => {
    for (const [high, low] of [
      [1, 0],
      [100, -5],
    ] as const) {
      const [first, second] = parts(served([high, low], 8000));
      expect(first).toBeCloseTo(7 / 8, 2);
      expect(second).toBeCloseTo(1 / 8, 2);
    }
    const [top, mid, a, b] = parts(served([2, 1, 0, 0], 64_000));
    expect(top).toBeCloseTo(7 / 8, 2);
    expect(mid).toBeCloseTo(7 / 64, 2);
    expect(a).toBeCloseTo(1 / 128, 2);
    expect(b).toBeCloseTo(1 / 128, 2);
  });

  it('are all for who is there alone', () => {
    expect(parts(served([5, 0], 1000, (_, who) => who === 1))).toEqual([0, 1]);
  });

  it('save nothing up: who comes late has its share from then on', () => {
    const early = 1000;
    const late = served([0, 0], 3000, (round, who) => who === 0 || round >= early);
    expect(late[1]! / PIECE).toBeCloseTo(1000, -2);
    const below = served([1, 0], 3000, (round, who) => who === 0 || round >= early);
    expect(below[1]! / PIECE).toBeLessThan(2000 / 8 + 10);
  });

  it('leave nobody out who waits, whoever else comes and goes', () => {
    const others = fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(others, fc.infiniteStream(fc.boolean()), (priorities, coins) => {
        const waits = (_: number, who: number): boolean => who === 0 || coins.next().value!;
        expect(served([-1, ...priorities], 8 ** 3 * 8, waits)[0]).toBeGreaterThan(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe('what may be under way', () => {
  /** A line of so many bytes a millisecond, so long, with everything that the window lets out on it. */
  function line(
    window: Window,
    rate: number,
    emptyMs: number,
    fromMs: number,
    forMs: number,
  ): { readonly queueMs: number; readonly used: number } {
    let queueMs = 0;
    let used = 0;
    let steps = 0;
    for (let now = fromMs; now < fromMs + forMs; now += 5, steps++) {
      const standing = Math.max(0, window.bytes / rate - emptyMs);
      queueMs = standing;
      used += Math.min(1, window.bytes / (rate * Math.max(emptyMs, 1)));
      window.pressed();
      window.sample(now - emptyMs - standing, now);
    }
    return { queueMs, used: used / steps };
  }

  it.each([
    ['a slow line nearby', 1250, 0.3],
    ['a slow line across an ocean', 1250, 200],
    ['a fast line across an ocean', 100_000, 200],
    ['a fast line nearby', 400_000, 0.2],
  ])('fills %s, and lets little stand on it', (_, rate, emptyMs) => {
    const window = new Window();
    // The way was seen empty.
    window.sample(-emptyMs, 0);
    line(window, rate, emptyMs, 1, 8_000);
    const { queueMs, used } = line(window, rate, emptyMs, 8_001, 5_000);
    expect(used).toBeGreaterThan(0.99);
    expect(queueMs).toBeLessThan(Math.max(130, BYTES_MIN / rate + 1));
  });

  it('goes on when the way becomes longer', () => {
    const window = new Window();
    window.sample(-1, 0);
    line(window, 10_000, 1, 1, 5_000);
    line(window, 10_000, 300, 5_001, 60_000);
    expect(line(window, 10_000, 300, 65_001, 5_000).used).toBeGreaterThan(0.9);
  });

  it('does not grow while nobody waits for it', () => {
    const window = new Window();
    const before = window.bytes;
    for (let now = 0; now < 10_000; now += 5) window.sample(now - 1, now);
    expect(window.bytes).toBe(before);
  });

  it('is not taken in by single round trips that were late', () => {
    const window = new Window();
    for (let now = 0; now < 10_000; now += 5) {
      window.pressed();
      window.sample(now - (now % 3 === 0 ? 1 : 400), now);
    }
    expect(window.bytes).toBeGreaterThan(1 << 20);
  });
});
