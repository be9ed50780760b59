/**
 * What the spoke had seen of the serialiser before each of its changes.
 *
 * Rule kept: every change is judged by its own token, the one of its own transaction; never by the window's.
 */
import { type Position, parsePosition } from '../../model/position.ts';
import type { Seen } from '../../model/row.ts';
import { readSeen } from '../../model/seen.ts';
import type { LoadChange } from '../window.ts';

/** A position in the serialiser's log, or null: nothing seen yet. */
export type Token = Position | null;

/** A change of the spoke that asks to be taken. */
export interface Claim {
  readonly change: LoadChange;
  readonly token: Token;
  /** Commit time of its transaction by the spoke's server, microseconds since 1970. */
  readonly clock: number;
  /** The transaction in the spoke's log, for the conflict log; nothing is decided by it. */
  readonly gtid?: string;
}

/** Reads tokens out of `seen`: many transactions in a row bear the same one, which is parsed once. */
export class Tokens {
  readonly #pipeline: string;
  #text: string | undefined;
  #token: Token = null;

  /** `pipeline`: the one from the serialiser to the spoke, whose position in `seen` is the token. */
  constructor(pipeline: string) {
    this.#pipeline = pipeline;
  }

  of(seen: Seen): Token {
    const text = seen[this.#pipeline];
    if (text !== this.#text) {
      this.#token = text === undefined ? null : parsePosition(readSeen(text).position);
      this.#text = text;
    }
    return this.#token;
  }
}
