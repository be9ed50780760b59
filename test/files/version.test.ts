/** Random histories of sides that change the same file and tell each other: pure. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sound } from '../../src/files/sound.ts';
import { changed, type FileRule, merge } from '../../src/files/version.ts';
import type { FileState } from '../../src/model/file-link.ts';

const SIDES = ['a', 'b', 'c'] as const;

type Step =
  | { readonly kind: 'write'; readonly side: number; readonly text: number; readonly mtimeUs: number }
  | { readonly kind: 'remove'; readonly side: number }
  | { readonly kind: 'tell'; readonly from: number; readonly to: number };

const side = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    side,
    text: fc.nat({ max: 4 }),
    mtimeUs: fc.nat({ max: 5 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), side }),
  fc.record({ kind: fc.constant('tell' as const), from: side, to: side }),
);
const rule: fc.Arbitrary<FileRule> = fc.constantFrom(
  { kind: 'site-priority', priority: ['b', 'a', 'c'] },
  { kind: 'last-write-wins' },
);

class World {
  readonly states: (FileState | null)[] = [null, null, null];
  /** Contents that stand beside, by anyone. */
  readonly beside = new Set<string>();
  readonly #rule: FileRule;

  constructor(wanted: FileRule) {
    this.#rule = wanted;
  }

  run(one: Step): void {
    if (one.kind === 'tell') return void this.tell(one.from, one.to);
    const before = this.states[one.side]!;
    if (one.kind === 'remove' && (before?.content ?? null) === null) return;
    const content = one.kind === 'remove' ? null : { size: 1, mtimeUs: one.mtimeUs, mode: 0o644, hash: `h${one.text}` };
    this.states[one.side] = { content, version: changed(before?.version ?? null, `${SIDES[one.side]}.1`) };
  }

  tell(from: number, to: number): boolean {
    const incoming = this.states[from]!;
    if (from === to || incoming === null) return false;
    const merged = merge(this.states[to]!, incoming, this.#rule);
    if (merged.kind === 'nothing') return false;
    if (merged.kind === 'take' && merged.beside) this.beside.add(this.states[to]!.content!.hash);
    this.states[to] = merged.state;
    return true;
  }

  /** Until nobody has news, or much longer than that can take. */
  settle(): boolean {
    for (let round = 0; round < 50; round += 1) {
      let news = false;
      for (const from of [0, 1, 2]) for (const to of [0, 1, 2]) news = this.tell(from, to) || news;
      if (!news) return true;
    }
    return false;
  }
}

test('sides that have told each other everything have the same, and are done telling', () => {
  fc.assert(
    fc.property(rule, fc.array(step, { maxLength: 40 }), (wanted, steps) => {
      const world = new World(wanted);
      for (const one of steps) world.run(one);
      expect(world.settle()).toBe(true);
      const [first, ...others] = world.states.map((state) => state?.content ?? null);
      for (const other of others) expect(other).toEqual(first);
    }),
    { numRuns: 2_000 },
  );
});

test('what somebody wrote last anywhere stands under the name or beside it', () => {
  fc.assert(
    fc.property(rule, fc.array(step, { maxLength: 30 }), (wanted, steps) => {
      const world = new World(wanted);
      // Every content only once: who removes one removes it also where another has written the same.
      for (const [text, one] of steps.entries()) world.run({ ...one, text } as Step);
      // Whatever is at a side and known to nobody else when all is told must not vanish.
      const own = world.states.flatMap((state, at) => {
        if (state?.content == null) return [];
        const { actor, count } = state.version.dot;
        const known = world.states.some((other, i) => i !== at && (other?.version.clock[actor] ?? 0) >= count);
        return known ? [] : [state.content.hash];
      });
      world.settle();
      const left = new Set([...world.beside, ...world.states.map((state) => state?.content?.hash)]);
      for (const hash of own) expect(left).toContain(hash);
    }),
    { numRuns: 2_000 },
  );
});

test('one way, what comes stays, and what is only here is kept beside', () => {
  const local: FileState = {
    content: { size: 1, mtimeUs: 9, mode: 0o644, hash: 'mine' },
    version: changed(null, 'b.1'),
  };
  const incoming: FileState = {
    content: { size: 1, mtimeUs: 1, mode: 0o644, hash: 'theirs' },
    version: changed(null, 'a.1'),
  };
  expect(merge(local, incoming, { kind: 'incoming', here: 'b' })).toMatchObject({
    kind: 'take',
    beside: true,
    contested: true,
  });
  const equal = { ...incoming, content: { ...incoming.content!, hash: 'mine' } };
  expect(merge(local, equal, { kind: 'incoming', here: 'b' })).toMatchObject({
    kind: 'take',
    beside: false,
    contested: false,
  });
});

test('what another side tells is looked at before it becomes names and permissions', () => {
  const content = { size: 1, mtimeUs: 1, mode: 0o4755, hash: 'a'.repeat(64) };
  const good = { path: 'x', seq: 1, content, version: changed(null, 'hz.0a') };
  expect(sound(good).content?.mode).toBe(0o755);
  const bad = [
    { ...good, content: { ...content, hash: '../../etc/passwd' } },
    { ...good, content: { ...content, size: -1 } },
    { ...good, content: { ...content, mtimeUs: Number.NaN } },
    { ...good, version: changed(null, '../../x.1') },
    { ...good, seq: 1.5 },
  ];
  for (const one of bad) expect(() => sound(one)).toThrow(expect.objectContaining({ code: 'OT8013' }));
});
