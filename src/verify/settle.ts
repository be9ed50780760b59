/** Candidates are looked at again until it is known what is wrong with each: see `replication/looks.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DifferenceKind } from '../model/comparing.ts';
import { type Look, Looked } from '../replication/looks.ts';
import { type Candidate, type ComparedGroup, look } from './rows.ts';

export interface Settled {
  readonly differences: readonly (Candidate & { readonly kind: DifferenceKind })[];
  readonly busy: number;
}

export interface SettleOptions {
  /** Settles when all that was on its way when it was called has arrived. */
  readonly passed: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Quick looks in one, at moments that are in step with nothing. */
const SAMPLES = 3;
const BETWEEN_MS = 20;

/** @throws what `passed` does */
export async function settle(
  group: ComparedGroup,
  candidates: readonly Candidate[],
  { passed, signal }: SettleOptions,
): Promise<Settled> {
  const differences: (Candidate & { readonly kind: DifferenceKind })[] = [];
  let busy = 0;
  let open = candidates.map((candidate) => ({ candidate, looked: new Looked() }));
  for (;;) {
    const samples: (readonly (Look | null)[])[] = [];
    for (let sample = 0; sample < SAMPLES && open.length > 0; sample += 1) {
      if (sample > 0) await sleep(BETWEEN_MS * (0.5 + Math.random()), undefined, { signal });
      samples.push(
        await look(
          group,
          open.map(({ candidate }) => candidate),
        ),
      );
    }
    open = open.filter(({ candidate, looked }, at) => {
      const verdict = looked.note(samples.map((each) => each[at]!));
      if (verdict === 'busy') busy += 1;
      else if (verdict !== 'again' && verdict !== 'same') differences.push({ ...candidate, kind: verdict });
      return verdict === 'again';
    });
    if (open.length === 0) return { differences, busy };
    await passed();
  }
}
