/**
 * What no earlier write can oppose any more, and how far back in this site's log its registers reach.
 *
 * Rules kept: what a peer sends is later than the clock in its checkpoint row *committed here*, whether or not it has
 * seen what that clock has passed. So a write from elsewhere is stable when the clocks of all peers but its own site have
 * passed it; of two sites it is so at once. A write of this site's own stays until all have seen it, which raises their
 * clocks too: it is to be noted as lost if somebody overwrites it unseen.
 */
import type { SeenPlace } from '../../../model/seen.ts';

/** Of each site, this one among them, the clock up to which its writes are stable; infinite where nobody is left to ask. */
export type StableClocks = Readonly<Record<string, number>>;

/** What the checkpoint row of the pipeline from a peer says. */
export interface PeerPoint {
  /** Of the peer's own log, at the position applied here. */
  readonly clock: number;
  /** How much of this site's log the peer had applied by then. */
  readonly seen: SeenPlace;
}

export function stableClocks(own: string, peers: ReadonlyMap<string, PeerPoint>): StableClocks {
  const stable: Record<string, number> = { [own]: Number.POSITIVE_INFINITY };
  for (const [peer, { seen }] of peers) {
    stable[own] = Math.min(stable[own]!, seen.clock);
    const others = [...peers].filter(([other]) => other !== peer);
    stable[peer] = others.reduce((least, [, { clock }]) => Math.min(least, clock), Number.POSITIVE_INFINITY);
  }
  return stable;
}

/**
 * The place in this site's log before which everything is stable: from here registers can be filled from the log alone.
 * A peer that has seen this log so far has a clock that is no lower than this log's there, and so has passed what was
 * applied before it too, whoever wrote it.
 *
 * There must be a peer.
 */
export function reach(peers: ReadonlyMap<string, PeerPoint>): SeenPlace {
  return [...peers.values()].map(({ seen }) => seen).reduce((least, seen) => (seen.clock < least.clock ? seen : least));
}
