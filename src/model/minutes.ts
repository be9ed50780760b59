/**
 * What pipelines did, minute by minute, as the node keeps it that owned their target; and the question for it.
 *
 * Several minutes added up have the same shape: sums, and of the lag the largest and what its mean is made of.
 */
export interface Counts {
  readonly inserts: number;
  readonly updates: number;
  readonly deletes: number;
  /** Existing rows that were copied, rows sent again, and answers. */
  readonly others: number;
  /** Rough size in memory of all of these. */
  readonly bytes: number;
  readonly transactions: number;
  readonly conflicts: number;
  readonly windows: number;
  readonly loadMs: number;
  readonly idleMs: number;
  readonly stallMs: number;
}

export interface Observed {
  /** Seconds for which it was looked at: a look about every second stands for the time since the one before. */
  readonly looks: number;
  /** Those of them in which it could not go on. */
  readonly failing: number;
  /** Those in which it had a lag, the sum of it, and the largest. */
  readonly lagLooks: number;
  readonly lagSumMs: number;
  readonly lagMaxMs: number;
}

export type Minute = Counts & Observed;

export interface MinuteRecord extends Minute {
  /** When it began, milliseconds since 1970. */
  readonly at: number;
  /** By the name under which it is kept. */
  readonly pipeline: string;
}

export interface MinutesQuery {
  /** Under the names by which they are kept. */
  readonly channel: string;
  /** Only this one; null: all of the channel. */
  readonly pipeline: string | null;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Minutes are added up in steps of so many milliseconds, counted from 1970. */
  readonly stepMs: number;
}

/** What a node answers. */
export interface MinutesAnswer {
  readonly node: string;
  /** `at` is where the step begins. */
  readonly minutes: readonly MinuteRecord[];
}

/** Where a node keeps its minutes. */
export interface MinuteStore {
  /** How long minutes are worth keeping there, in milliseconds. */
  readonly keepMs: number;
  /** What is there of the same minute already is added to. */
  add(minutes: readonly MinuteRecord[]): void;
  /** A pipeline at a time, and other work in between: a week of many takes seconds. */
  read(query: MinutesQuery): Promise<readonly MinuteRecord[]>;
  /** Forgets what is older. */
  prune(before: number): void;
  close(): void;
}

export const NO_COUNTS: Counts = {
  inserts: 0,
  updates: 0,
  deletes: 0,
  others: 0,
  bytes: 0,
  transactions: 0,
  conflicts: 0,
  windows: 0,
  loadMs: 0,
  idleMs: 0,
  stallMs: 0,
};

export function addMinutes(one: Minute, other: Minute): Minute {
  return {
    inserts: one.inserts + other.inserts,
    updates: one.updates + other.updates,
    deletes: one.deletes + other.deletes,
    others: one.others + other.others,
    bytes: one.bytes + other.bytes,
    transactions: one.transactions + other.transactions,
    conflicts: one.conflicts + other.conflicts,
    windows: one.windows + other.windows,
    loadMs: one.loadMs + other.loadMs,
    idleMs: one.idleMs + other.idleMs,
    stallMs: one.stallMs + other.stallMs,
    looks: one.looks + other.looks,
    failing: one.failing + other.failing,
    lagLooks: one.lagLooks + other.lagLooks,
    lagSumMs: one.lagSumMs + other.lagSumMs,
    lagMaxMs: Math.max(one.lagMaxMs, other.lagMaxMs),
  };
}
