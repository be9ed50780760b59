/**
 * What becomes of a file when another side tells of it: pure.
 *
 * A file has a *version*: which changes of which sides went into it (`clock`), and which of them made it what it is (`dot`). A
 * content is known to whoever's clock has its dot. Rules: what knows the other's content replaces it; where neither knows the other's,
 * both were written at once and the rule of the set says which stays, the same at every side, while the other is kept beside it; where
 * both know the other's, both were decided before, differently, and the rule decides again. One way, what was written where files only go
 * to gives way, whatever it knows. So sides that have heard the same end the same. (`test/files/version.test.ts` runs random histories of several sides.)
 */
import type { Dot, FileContent, FileState, FileVersion } from '../model/file-link.ts';
import { endsOf, type FileSetSpec } from '../model/files.ts';

export type FileRule = {
  /** Rows name the files: one that is gone here is wanted again. */
  readonly named?: boolean;
} & Decision;

type Decision =
  /** What comes stays, whatever is written in the region that it comes to. */
  | { readonly kind: 'incoming'; readonly here: string }
  /** Regions, most preferred first. */
  | { readonly kind: 'site-priority'; readonly priority: readonly string[] }
  | { readonly kind: 'last-write-wins' };

export type Merge =
  /** Nothing here changes. */
  | { readonly kind: 'nothing' }
  /** The content here stays, and what is known of the other side's is more than before. */
  | { readonly kind: 'noted'; readonly state: FileState }
  /** It becomes this. `beside`: what is here is nobody else's, and is kept under another name. */
  | { readonly kind: 'take'; readonly state: FileState; readonly beside: boolean; readonly contested: boolean };

/** @param here the region that decides */
export function ruleOf(spec: FileSetSpec, here: string): FileRule {
  const named = spec.follow !== undefined;
  if (spec.between === undefined) return { kind: 'incoming', here, named };
  if (spec.conflict?.policy === 'last-write-wins') return { kind: 'last-write-wins', named };
  return { kind: 'site-priority', priority: spec.conflict?.priority ?? endsOf(spec).from, named };
}

/** The version of a file that was changed here. */
export function changed(before: FileVersion | null, actor: string): FileVersion {
  const count = (before?.clock[actor] ?? 0) + 1;
  return { clock: { ...before?.clock, [actor]: count }, dot: { actor, count } };
}

/** @param local null: nothing was ever known of the file here */
export function merge(local: FileState | null, incoming: FileState, rule: FileRule): Merge {
  // What was never here need not be known to be gone.
  if (local === null)
    return incoming.content === null
      ? { kind: 'noted', state: incoming }
      : { kind: 'take', state: incoming, beside: false, contested: false };
  const clock = joined(local.version.clock, incoming.version.clock);
  const same = isSame(local.content, incoming.content);
  const knowsIncoming = knows(local.version, incoming.version.dot);
  const knowsLocal = knows(incoming.version, local.version.dot);
  const sameDot = isSameDot(local.version.dot, incoming.version.dot);
  const takes =
    givesWay(local, incoming, rule) || (knowsIncoming === knowsLocal ? wins(incoming, local, rule) : knowsLocal);
  const state = takes
    ? { content: incoming.content, version: { clock, dot: incoming.version.dot } }
    : { content: local.content, version: { clock, dot: local.version.dot } };
  if (same && sameDot) return noted(local, state);
  // Who has lost hears of it and keeps what he had beside: had he been noted here, it would seem that it was known.
  if (!takes) return knowsIncoming ? noted(local, state) : { kind: 'nothing' };
  const contested = !knowsLocal && local.content?.hash !== incoming.content?.hash;
  return { kind: 'take', state, beside: contested && local.content !== null, contested };
}

/** Whatever is known of the other's: what is here counts for nothing against a file. */
function givesWay(local: FileState, incoming: FileState, rule: FileRule): boolean {
  if (incoming.content === null) return false;
  if (rule.named === true && local.content === null) return true;
  return rule.kind === 'incoming' && regionOf(local.version.dot) === rule.here;
}

function noted(local: FileState, state: FileState): Merge {
  const known = isSameClock(state.version.clock, local.version.clock);
  return known && isSameDot(state.version.dot, local.version.dot) ? { kind: 'nothing' } : { kind: 'noted', state };
}

/** A total order of what can stand under one name. A file that is there wins over one that is gone, whatever the rule. */
function wins(one: FileState, other: FileState, rule: FileRule): boolean {
  if (one.content === null || other.content === null) {
    if (one.content !== null || other.content !== null) return one.content !== null;
    return compareDots(one.version.dot, other.version.dot) > 0;
  }
  if (rule.kind === 'incoming') return true;
  if (rule.kind === 'site-priority') {
    const rank = ({ version }: FileState): number => {
      const at = rule.priority.indexOf(regionOf(version.dot));
      return at < 0 ? rule.priority.length : at;
    };
    if (rank(one) !== rank(other)) return rank(one) < rank(other);
  }
  const { mtimeUs: oneUs, hash: oneHash } = one.content;
  const { mtimeUs: otherUs, hash: otherHash } = other.content;
  if (oneUs !== otherUs) return oneUs > otherUs;
  if (oneHash !== otherHash) return oneHash > otherHash;
  return compareDots(one.version.dot, other.version.dot) > 0;
}

/** The region of the side that made the change. */
export function regionOf({ actor }: Dot): string {
  return actor.slice(0, actor.lastIndexOf('.'));
}

function knows({ clock }: FileVersion, { actor, count }: Dot): boolean {
  return (clock[actor] ?? 0) >= count;
}

function joined(one: FileVersion['clock'], other: FileVersion['clock']): FileVersion['clock'] {
  const both: Record<string, number> = { ...one };
  for (const [actor, count] of Object.entries(other)) both[actor] = Math.max(both[actor] ?? 0, count);
  return both;
}

function isSameClock(one: FileVersion['clock'], other: FileVersion['clock']): boolean {
  const actors = Object.keys(one);
  return actors.length === Object.keys(other).length && actors.every((actor) => one[actor] === other[actor]);
}

function isSameDot(one: Dot, other: Dot): boolean {
  return one.actor === other.actor && one.count === other.count;
}

function compareDots(one: Dot, other: Dot): number {
  if (one.actor !== other.actor) return one.actor > other.actor ? 1 : -1;
  return one.count - other.count;
}

/** In everything that is kept the same. */
export function isSame(one: FileContent | null, other: FileContent | null): boolean {
  if (one === null || other === null) return one === other;
  return one.hash === other.hash && one.mtimeUs === other.mtimeUs && one.mode === other.mode;
}
