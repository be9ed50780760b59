/** What `otter verify --json` prints. docs/reference/verify-json.md is written from it. */
import type { ComparedFrom, Difference } from './comparing.ts';

export interface VerifyJson {
  /** `1.0`. */
  readonly format_version: string;
  readonly topology: string;
  /** UTC, ISO 8601. Of a run that went on with an earlier one, when that began. */
  readonly started: string;
  /** UTC, ISO 8601. */
  readonly ended: string;
  /** Whether every row that was compared is the same, be it by now; rows that were other at every look say nothing. */
  readonly equal: boolean;
  /** Whether nothing was left out: no table, no row. */
  readonly complete: boolean;
  readonly rows: number;
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  readonly repaired: number;
  readonly busy: number;
  /** In the order of their channels. */
  readonly tables: readonly VerifiedTableJson[];
}

/** What `otter verify files.X --json` prints. */
export interface FilesVerifyJson {
  /** `1.0`. */
  readonly format_version: string;
  readonly topology: string;
  readonly set: string;
  /** Whether nothing differs, be it by now. */
  readonly equal: boolean;
  /** Whether all of it was compared. */
  readonly complete: boolean;
  readonly flows: readonly VerifiedFlowJson[];
  /** Regions into which not all was compared. */
  readonly errors: readonly { readonly region: string; readonly code: string; readonly message: string }[];
}

/** One direction of a file set. */
export interface VerifiedFlowJson {
  readonly name: string;
  /** That compared it, and whose log names files. */
  readonly node: string;
  /** That the source has, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  readonly missing: number;
  /** Other contents, time or permissions. */
  readonly different: number;
  /** Only at the target, one-way: left alone. */
  readonly extra: number;
  /** Of those that differ: bytes that changed on disk though nobody wrote them. */
  readonly damaged: number;
  readonly damaged_at_source: number;
  /** Written too often to tell. */
  readonly busy: number;
  readonly repaired: number;
}

/** A table of a target. */
export interface VerifiedTableJson {
  /** The first that brings rows into it. */
  readonly channel: string;
  /** Database that it is in. */
  readonly target: string;
  /** `schema.table` there. */
  readonly table: string;
  /** Tables that are compared with it: `pipeline`, and `table` at its source. */
  readonly sources: readonly ComparedFrom[];
  /** Of the sources. */
  readonly rows: number;
  /** Rows that the target should have and has not. */
  readonly missing: number;
  /** Rows that it has and should not. */
  readonly extra: number;
  /** Rows that are other there. */
  readonly different: number;
  /** Of these the rows that were the same when they had been sent again (`--repair`). */
  readonly repaired: number;
  /** Why some were not sent again, or null. */
  readonly unrepaired: string | null;
  /** Rows that were written between any two looks. */
  readonly busy: number;
  /** Why it was not compared, or not to its end, or null. */
  readonly skipped: string | null;
  /** Why rows that only the target has were not looked for, or null. */
  readonly unlooked: string | null;
  /** The first of the differences (`--limit`): `kind` is `missing`, `extra` or `different`, `key` the primary key at the target, columns to SQL literals. */
  readonly differences: readonly Difference[];
}
