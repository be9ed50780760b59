/**
 * What the dashboard asks for beside the status, and what it may have done: a port, which the command line fills with the
 * code of its own commands. Nothing here holds a row but a conflict that a person opened.
 */
import type { AlertsJson } from '../model/alerts/alerts-json.ts';
import type { ConflictJson, ConflictsJson } from '../model/conflict-json.ts';
import type { AuditRecord } from '../model/records.ts';
import type { StatsJson } from '../model/stats-json.ts';
import type { DatabaseAway, MatchedEntry } from '../model/status.ts';
import { type Place, placeKey } from './places.ts';

/** One apply, destroy or rollback, as the journal and the history have it. The newest first. */
export interface RunSeen {
  readonly id: string;
  readonly serial: number;
  /** `apply`, `destroy`, `rollback`. */
  readonly operation: string;
  /** `running`, `done`; `cut`: it ended before its last step, and `otter apply --resume` goes on with it. */
  readonly state: 'running' | 'done' | 'cut';
  /** Of the newest step; null where it has written none. */
  readonly at: string | null;
  readonly by: string;
  readonly commit: string | null;
  readonly batches: { readonly done: number; readonly total: number };
  readonly summary: { readonly add: number; readonly change: number; readonly destroy: number };
  /** Null where its plan was not kept. */
  readonly changes: readonly RunChange[] | null;
}

export interface RunChange {
  readonly address: string;
  /** `+`, `~`, `-`, `-/+`. */
  readonly symbol: string;
  readonly written: boolean;
  readonly reason: string;
  readonly effects: readonly string[];
}

export interface Past {
  readonly runs: readonly RunSeen[];
  /** The newest first. */
  readonly audit: readonly AuditRecord[];
}

export interface TablesSeen {
  readonly entries: readonly MatchedEntry[];
  readonly away: readonly DatabaseAway[];
}

/** Something that a person wants done. */
export type Deed =
  | { readonly kind: 'pause' | 'resume'; readonly address: string }
  /** Null: all channels. */
  | { readonly kind: 'verify'; readonly channel: string | null }
  | { readonly kind: 'resolve'; readonly id: string; readonly take: Take };

export type Take = 'incoming' | 'local' | 'base';

/** What a deed says while it is done. */
export interface Telling {
  say(text: string): void;
  /** Whether the person has typed `word`. */
  ask(question: string, word: string): Promise<boolean>;
  /** Aborts when the person does not want it any more. */
  readonly signal: AbortSignal;
}

export interface Desk {
  past(signal: AbortSignal): Promise<Past>;
  conflicts(signal: AbortSignal): Promise<ConflictsJson>;
  /** With its rows. */
  conflict(id: string, signal: AbortSignal): Promise<ConflictJson>;
  tables(channel: string, signal: AbortSignal): Promise<TablesSeen>;
  alerts(signal: AbortSignal): Promise<AlertsJson>;
  /** What nodes have kept of a pipeline, of the last day. */
  history(pipeline: string, signal: AbortSignal): Promise<StatsJson>;
  /** As it is applied, in lines. */
  yaml(address: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Without `write` only what changes nothing may be done. */
  readonly write: boolean;
  /** @returns null when it is done, else how it ended. What goes wrong is thrown, and told to the person. */
  perform(deed: Deed, telling: Telling): Promise<string | null>;
}

/** Whether it changes anything. */
export function changes({ kind }: Deed): boolean {
  return kind !== 'verify';
}

/** Everything that may be asked for, by the place that shows it. */
export type Loaded =
  | { readonly kind: 'past'; readonly value: Past }
  | { readonly kind: 'conflicts'; readonly value: ConflictsJson }
  | { readonly kind: 'conflict'; readonly value: ConflictJson }
  | { readonly kind: 'tables'; readonly value: TablesSeen }
  | { readonly kind: 'alerts'; readonly value: AlertsJson }
  | { readonly kind: 'history'; readonly value: StatsJson }
  | { readonly kind: 'yaml'; readonly value: readonly string[] };

const ASKING: ReadonlySet<Place['kind']> = new Set([
  ...(['conflicts', 'conflict', 'tables', 'yaml', 'alerts', 'pipeline'] as const),
]);

/** Under which key the answer that a place shows is kept; null: the status is enough for it. */
export function answerKey(place: Place): string | null {
  const { kind } = place;
  if (kind === 'runs' || kind === 'run' || kind === 'events') return 'past';
  return ASKING.has(kind) ? placeKey(place) : null;
}
