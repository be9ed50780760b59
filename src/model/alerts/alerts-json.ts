/** What `otter alerts --json` prints. docs/reference/alerts-json.md is written from it. */
import type { About, NoticeKind } from './records.ts';

/** `otter alerts --json`. */
export interface AlertsJson {
  readonly topology: string;
  /** The node that judges; null: none does, which is right only without alerts. */
  readonly judge: string | null;
  readonly alerts: readonly AlertJson[];
  readonly receivers: readonly ReceiverJson[];
  readonly silences: readonly SilenceJson[];
}

export interface AlertJson {
  readonly name: string;
  /** What it watches, as an address. */
  readonly on: string;
  readonly when: string;
  /** `quiet`, `pending` (it holds, not yet as long as `for` says), `firing`, or `over` (while the end is still to be told). */
  readonly state: 'quiet' | 'pending' | 'firing' | 'over';
  /** Since when it holds, or null; the times below are of the same incident. */
  readonly since: string | null;
  readonly fired: string | null;
  readonly ended: string | null;
  /** What it holds for, as of the newest notice. */
  readonly about: readonly About[];
  /** The newest; null before the first. */
  readonly notice: { readonly number: number; readonly kind: NoticeKind; readonly at: string } | null;
  /** How telling each receiver went. */
  readonly told: readonly ToldJson[];
  /** Until when nobody is told; null: they are. */
  readonly silenced: SilenceJson | null;
  /** What is done by itself; null: nothing. */
  readonly does: {
    readonly what: 'resume' | 'restart';
    /** Within the last 24 hours. */
    readonly done: number;
    readonly limit: number;
  } | null;
  /** Incidents that are over, the newest first, at most ten. */
  readonly past: readonly PastJson[];
}

export interface ToldJson {
  readonly receiver: string;
  /** Number of the newest notice that it took; 0: none. */
  readonly number: number;
  readonly at: string | null;
  /** Why it could not be told the newest; null: it was, or has not been tried. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** When it is tried again; null: it need not be. */
  readonly again: string | null;
}

export interface PastJson {
  readonly incident: string;
  readonly since: string;
  readonly fired: string;
  readonly ended: string;
  readonly about: readonly About[];
  /** How many there were; 0: it was silenced. */
  readonly notices: number;
  /** How often something was done by itself. */
  readonly actions: number;
}

export interface ReceiverJson {
  readonly name: string;
  /** `webhook`, `slack`, `email` or `command`. */
  readonly kind: string;
  /** Of the newest notice that it did not take; null: none is known. */
  readonly error: { readonly alert: string; readonly code: string; readonly message: string } | null;
}

export interface SilenceJson {
  /** An alert, or what alerts watch. */
  readonly address: string;
  readonly until: string;
  /** `user@host`. */
  readonly by: string;
  readonly why: string;
}

/** `otter alerts test NAME --json`. */
export interface TrialJson {
  /** Which node sent. */
  readonly node: string | null;
  readonly receivers: readonly {
    readonly name: string;
    /** Null: it took the notice. */
    readonly error: { readonly code: string; readonly message: string } | null;
  }[];
}

/** `otter alerts silence ADDRESS --json` and `unsilence`. */
export interface SilencedJson {
  readonly address: string;
  /** False: it was so already. */
  readonly changed: boolean;
  /** Null: nobody keeps it silent any more. */
  readonly until: string | null;
}
