/** What a webhook is posted, and a command has in OTTER_NOTICE. docs/reference/alerts-json.md is written from it. */
import type { NoticeKind } from './records.ts';

/** A notice. Keys are only added; `version` is raised when one changes its meaning. */
export interface Notice {
  readonly version: 1;
  readonly topology: string;
  /** Name of the alert. */
  readonly alert: string;
  /** `firing`, `repeat`, `recovered` or `test`. */
  readonly kind: NoticeKind;
  /** The same for all notices of one incident. */
  readonly incident: string;
  /** Of the notice, from 1; a notice that comes twice has the same incident and number. */
  readonly number: number;
  /** One sentence. */
  readonly summary: string;
  /** What it watches, as an address: `channel.shop`. */
  readonly on: string;
  /** The condition, as written. */
  readonly when: string;
  /** What it holds for, and of a recovery what it held for. No value of a row is in it. */
  readonly about: readonly { readonly name: string; readonly says: string }[];
  /** Since when the condition held. */
  readonly since: string;
  /** When that had lasted as long as `for`. */
  readonly fired: string;
  /** When it was over; null while it is not. */
  readonly ended: string | null;
  /** When this notice came about. */
  readonly at: string;
  /** What otter has done by itself about this incident: `restart`; null when the alert has no `do`. */
  readonly action: 'resume' | 'restart' | null;
  /** How often. */
  readonly actions: number;
  /** Who sends it. */
  readonly node: string;
}
