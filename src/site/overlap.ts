/**
 * Two sessions of one loader, in turn: while one commits a window the other writes the next.
 *
 * Rule kept: windows become durable in their order, since each moves the checkpoint from where the one before has put it, and
 * waits for that. Whatever is no window of this kind is done when all before it are durable.
 */
import type { LoadSession } from '../model/load.ts';
import type { Window, WindowLimits } from './feed.ts';

/** So much that a round trip more does not count. */
const MUCH: WindowLimits = { rows: 500, bytes: 256 << 10 };

export interface OverlapOptions {
  readonly first: LoadSession;
  readonly open: () => Promise<LoadSession>;
  /** Told once, when there can be no second. */
  readonly alone: (error: unknown) => void;
  readonly much?: WindowLimits;
}

export class Overlap implements AsyncDisposable {
  readonly #options: OverlapOptions;
  /** The first where no second can be had: its windows wait for each other then, in their order too. */
  #second: LoadSession | null = null;
  #opening: Promise<LoadSession> | null = null;
  /** What writes the next window; null: the second, which is being opened. */
  #turn: LoadSession | null;
  #committing: Promise<void> | null = null;

  constructor(options: OverlapOptions) {
    this.#options = options;
    this.#turn = options.first;
  }

  /** Whether it is rows of whole transactions and nothing else, and enough of them. */
  takes({ deliveries, opens, closes }: Window): boolean {
    if (!opens || !closes) return false;
    const { much = MUCH } = this.#options;
    let rows = 0;
    let bytes = 0;
    for (const delivery of deliveries) {
      if (delivery.kind !== 'changes') return false;
      rows += delivery.changes.length;
      bytes += delivery.bytes;
    }
    return rows >= much.rows || bytes >= much.bytes;
  }

  /** While something is being committed. It fails when that does, and from then on. */
  get committing(): Promise<void> | null {
    return this.#committing;
  }

  /** What will write the next window, if that is known already. */
  get next(): LoadSession | null {
    return this.#turn;
  }

  /** What writes a window now; `behind`: the one before is still being committed. */
  async turn(): Promise<{ readonly session: LoadSession; readonly behind: boolean }> {
    const session = this.#turn ?? (await this.#opening!);
    return { session, behind: this.#committing !== null };
  }

  /** A window is all written by `session`. @param done when it is durable, and all before it */
  written(session: LoadSession, committed: Promise<void>, done: () => void): void {
    const before = this.#committing;
    const committing: Promise<void> = Promise.all([before, committed]).then(() => {
      done();
      if (this.#committing === committing) this.#committing = null;
    });
    // There is always somebody who waits for it, and is told; just not at once.
    committing.catch(() => undefined);
    this.#committing = committing;
    if (session !== this.#options.first) this.#turn = this.#options.first;
    else {
      this.#turn = this.#second;
      this.#opening ??= this.#open();
    }
  }

  async #open(): Promise<LoadSession> {
    const { first, open, alone } = this.#options;
    this.#second = await open().catch((error: unknown) => {
      alone(error);
      return first;
    });
    this.#turn ??= this.#second;
    return this.#second;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const second = await this.#opening;
    if (second !== this.#options.first) await second?.[Symbol.asyncDispose]();
  }
}
