/**
 * The fast path's only question, asked when every row is written and locked and the log's reader has passed the log's
 * end: did anybody here write a key or a unique value that the window touches, unseen by the spoke?
 *
 * Rule kept: a change conflicts when its own token does not cover the last entry of something it touches. What the row
 * looks like is never asked: equal values do not mean that nothing happened.
 */
import type { LockKeys } from './keys.ts';
import type { Recent, RecentEntry } from './recent.ts';
import type { Claim } from './tokens.ts';

export interface Conflict {
  readonly claim: Claim;
  readonly lock: string;
  readonly entry: RecentEntry;
}

/** The first conflict of a window, or null: then it may be committed as it is written. */
export function firstConflict(claims: readonly Claim[], keys: LockKeys, recent: Recent): Conflict | null {
  if (recent.size === 0) return null;
  for (const claim of claims) {
    const { table, before, after } = claim.change;
    const found = unseenWrite(keys.touched(table, before, after), claim, recent);
    if (found !== null) return found;
  }
  return null;
}

/** The entry, if any, of one of these lock keys that the claim's token does not cover. */
export function unseenWrite(locks: readonly string[], claim: Claim, recent: Recent): Conflict | null {
  for (const lock of locks) {
    const entry = recent.uncovered(lock, claim.token);
    if (entry !== null) return { claim, lock, entry };
  }
  return null;
}
