/**
 * What the state store holds of alerts. All of it but silences and trials is written by one node, which watches for all
 * (`executor/alerting.ts`).
 */

/** `watch`, under the lease of the node that judges the alerts. */
export interface WatchRecord {
  readonly node: string;
  /** `instance` of the node's record. */
  readonly instance: string;
}

/** `alert/<name>`: is there since the alert's condition first held, and written when something is begun, told or over. */
export interface AlertRecord {
  readonly incident: Incident | null;
  /** The newest first. */
  readonly past: readonly PastIncident[];
  /** When something was done by itself, of the last day; the oldest first. */
  readonly done: readonly number[];
}

/** From the moment its condition holds until its end is told. */
export interface Incident {
  /** What a receiver can tell incidents apart by. */
  readonly id: string;
  /** Since when the condition holds. */
  readonly sinceMs: number;
  /** Since when it has held as long as `for` says; null: not yet. */
  readonly firedMs: number | null;
  readonly endedMs: number | null;
  /** What it holds for, as of the newest notice: pipelines, a database, a node. */
  readonly about: readonly About[];
  /** The newest, written before it is sent; null before the first, and while silenced. */
  readonly notice: { readonly number: number; readonly kind: NoticeKind; readonly atMs: number } | null;
  /** By receiver: how telling it went. */
  readonly told: Readonly<Record<string, Told>>;
  /** What is being done by itself; null: nothing at the moment. */
  readonly action: { readonly kind: 'resume' | 'restart'; readonly atMs: number } | null;
  /** How often something was done about this incident. */
  readonly actions: number;
}

export type NoticeKind = 'firing' | 'repeat' | 'recovered' | 'test';

/** One thing that a condition holds for. No value of a row. */
export interface About {
  readonly name: string;
  /** The facts that were asked: `lag 3m 12s`. */
  readonly says: string;
}

export interface Told {
  /** Number of the newest notice that it has taken; 0: none. */
  readonly number: number;
  readonly atMs: number | null;
  /** How often the newest was refused. */
  readonly failures: number;
  /** When it is tried again. */
  readonly nextMs: number;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface PastIncident {
  readonly id: string;
  readonly sinceMs: number;
  readonly firedMs: number;
  readonly endedMs: number;
  readonly about: readonly About[];
  /** How many notices there were, the recovery among them. */
  readonly notices: number;
  readonly actions: number;
}

/** `silence/<address>`: until when nobody is told. */
export interface SilenceRecord {
  readonly untilMs: number;
  readonly by: string;
  readonly host: string;
  readonly at: string;
  readonly why: string;
}

/** `trial/<id>`: a notice that somebody wants sent to see whether it arrives; gone when that was read. */
export interface TrialRecord {
  /** Name of the alert whose words it has, or null. */
  readonly alert: string | null;
  readonly receivers: readonly string[];
  readonly by: string;
  readonly at: string;
  /** By receiver, when it was tried; null before. */
  readonly result: Readonly<Record<string, { readonly code: string; readonly message: string } | null>> | null;
  /** Which node tried. */
  readonly node: string | null;
}
