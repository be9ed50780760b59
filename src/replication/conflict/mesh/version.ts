/**
 * When a transaction was made, comparable at every site of a mesh.
 *
 * Rules kept: a version is given once, by the log of the site whose users wrote the transaction, and travels with it
 * unchanged. What saw a write is later than it. Clocks of one site rise along its log, so a clock also says how much of
 * that log is meant: whoever has applied it up to clock c has all its transactions up to c and none behind.
 */
export interface Version {
  /** Hybrid logical clock, microseconds since 1970; see `log-clock.ts`. */
  readonly clock: number;
  /** The site whose users wrote the transaction. */
  readonly site: string;
}

/** Whether `one` is later than `other`. Of equal clocks the greater name is later: by code units, so everywhere alike. */
export function later(one: Version, other: Version): boolean {
  return one.clock > other.clock || (one.clock === other.clock && one.site > other.site);
}
