/**
 * When a transaction was made, comparable at every site of a mesh; and what a site had seen when it made one.
 *
 * Rules kept: a version is given once, by the log of the site whose users wrote the transaction, and travels with it
 * unchanged. What saw a write is later than it. Clocks of one site rise along its log, so a clock also says how much of
 * that log is meant: who has seen clock c of a site has seen all its transactions up to c and none behind.
 */
export interface Version {
  /** Hybrid logical clock, microseconds since 1970; see `log-fold.ts`. */
  readonly clock: number;
  /** The site whose users wrote the transaction. */
  readonly site: string;
}

/** Whether `one` is later than `other`. Of equal clocks the greater name is later: by code units, so everywhere alike. */
export function later(one: Version, other: Version): boolean {
  return one.clock > other.clock || (one.clock === other.clock && one.site > other.site);
}

/**
 * For each other site the clock up to which its transactions had been applied. A site that is not named: nothing. A new
 * object whenever it changes.
 */
export type SeenClocks = Readonly<Record<string, number>>;

export function hasSeen(seen: SeenClocks, { clock, site }: Version): boolean {
  return (seen[site] ?? 0) >= clock;
}
