/** Comparing the trees of a file set (`otter verify files.X`): what is asked, and what comes of it. */
import type { ErrorRecord } from './records.ts';

export interface FileComparison {
  /** Every file is read whole, at both sides; else what the system tells of it and the hash that is known count. */
  readonly hash: boolean;
  /** What differs is brought again from where it counts. */
  readonly repair: boolean;
}

/** What came of one flow. */
export interface FlowComparison {
  /** That the source has, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** The target does not have them. */
  readonly missing: number;
  /** Other contents, time or permissions. */
  readonly different: number;
  /** Only the target has them, where files go one way; they are left alone. */
  readonly extra: number;
  /** Their bytes have changed on disk though nobody wrote them: here, counted as different too, and at the source. */
  readonly damaged: number;
  readonly damaged_at_source: number;
  /** Written too often to tell. */
  readonly busy: number;
  /** Of those that are missing or different. */
  readonly repaired: number;
}

export const NOTHING_COMPARED: FlowComparison = {
  files: 0,
  bytes: 0,
  missing: 0,
  different: 0,
  extra: 0,
  damaged: 0,
  damaged_at_source: 0,
  busy: 0,
  repaired: 0,
};

/** `check/<set>`: somebody wants a set compared; taken away when that is done, or given up. */
export interface FilesCheckRecord extends FileComparison {
  readonly id: string;
  readonly by: string;
  readonly at: string;
}

/** `checked/<set>/<region>`: how the flows into a region compare. */
export interface FilesCheckedRecord {
  /** Of the check. */
  readonly id: string;
  readonly node: string;
  readonly startedMs: number;
  /** Null: it goes on. */
  readonly endedMs: number | null;
  readonly flows: Readonly<Record<string, FlowComparison>>;
  /** Why it did not come to its end, or null. */
  readonly error: ErrorRecord | null;
}

/** What is left that differs. */
export function leftOf({ missing, different, repaired, damaged_at_source }: FlowComparison): number {
  return missing + different - repaired + damaged_at_source;
}
