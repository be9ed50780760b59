/**
 * Deliveries as they arrive, through windows, to who applies them: while a window is being applied the next is gathered, and
 * made ready when it is as large as a window may be.
 *
 * Rules kept: windows are applied one after the other in their order, though the end of one may overlap with the next; one that waits for nobody is applied at once, however
 * small; what had arrived when the stream broke is applied before that is told, or whoever begins anew might never get past
 * it; and no more is taken from the stream than one window under way and one that is gathered.
 */
import { LARGE_BYTES } from '../model/forget-rows.ts';
import type { Delivery } from '../model/row.ts';
import type { Feed, Window } from './feed.ts';

export interface PumpStages {
  /** What of the work can be done beforehand, while the window before is under way; must not change anything. */
  readonly ready: (window: Window) => void;
  readonly apply: (window: Window) => Promise<void>;
  /** What `apply` has left unfinished: the next window may be applied meanwhile. */
  readonly unfinished?: () => Promise<void> | null;
}

/** Settles when the stream has ended and all of it is applied, or it was aborted. @throws whatever a stage or the stream throws */
export async function pump(
  deliveries: AsyncIterable<readonly Delivery[]>,
  feed: Feed,
  { ready, apply, unfinished = () => null }: PumpStages,
  signal: AbortSignal,
): Promise<void> {
  const batches = deliveries[Symbol.asyncIterator]();
  let arriving: Promise<IteratorResult<readonly Delivery[]>> | null = null;
  let applying: Promise<null> | null = null;
  let ahead: Window | null = null;
  let ended = false;
  const failures: unknown[] = [];
  const next = (): Promise<IteratorResult<readonly Delivery[]>> =>
    batches.next().catch((error: unknown) => {
      failures.push(error);
      return { done: true, value: undefined };
    });
  /** Of the window under way. */
  let heavy = false;
  try {
    while (!signal.aborted) {
      if (applying === null) {
        const window: Window | null = ahead ?? feed.next();
        ahead = null;
        if (window === null && (failures.length > 0 || ended)) await unfinished();
        if (window === null && failures.length > 0) throw failures[0];
        if (window === null && ended) return;
        if (window !== null) {
          heavy = window.deliveries.some(({ bytes }) => bytes > LARGE_BYTES);
          applying = handled(apply(window).then(() => null));
        }
      } else if (ahead === null && feed.full) {
        ahead = feed.next();
        if (ahead !== null) ready(ahead);
      }
      // Rows of megabytes come one at a time.
      if (!ended && ahead === null && !(heavy && applying !== null)) arriving ??= next();
      const finishing = applying === null ? (unfinished()?.then(() => 'finished' as const) ?? null) : null;
      const first: IteratorResult<readonly Delivery[]> | 'finished' | null = await Promise.race(
        [applying, arriving, finishing].filter((each) => each !== null),
      );
      if (first === 'finished') continue;
      if (first === null) applying = null;
      else {
        arriving = null;
        if (first.done === true) ended = true;
        else feed.push(first.value);
      }
    }
  } finally {
    await applying?.catch(() => undefined);
    await unfinished()?.catch(() => undefined);
    // It answers when what was asked for last has come, which is when the stream is let go of.
    if (batches.return !== undefined) void handled(batches.return());
  }
}

/** Whoever waits for it learns of its failure; who does not, need not. */
function handled<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}
