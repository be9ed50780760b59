/** The status of a topology as one value: what `otter status --json` prints and the dashboard draws. Names are snake_case because it is a contract with scripts. */
import type { CopyProgress, DryCounts, IndexFigures, Phase } from './records.ts';

export interface StatusReport {
  readonly topology: string;
  /** Number of the last applied change. */
  readonly serial: number;
  /** Time of the report. */
  readonly at: string;
  /** How the whole stands, in plain words. */
  readonly summary: string;
  readonly regions: readonly RegionStatus[];
  readonly nodes: readonly NodeStatus[];
  readonly channels: readonly ChannelStatus[];
  readonly files: readonly FilesStatus[];
  /** Who applies right now, or null. */
  readonly applying: string | null;
  /** Why the state store told nothing; the figures are then the nodes' own, asked at their ports. Null when it told. */
  readonly store_away: { readonly code: string; readonly message: string } | null;
  /** What `otter alerts` says more of; absent where nodes are asked in the store's place. */
  readonly alerts?: AlertsStatus | undefined;
}

export interface AlertsStatus {
  readonly firing: readonly FiringStatus[];
  /** Receivers that could not be told the newest notice. */
  readonly receivers: readonly DeafStatus[];
}

export interface FiringStatus {
  readonly alert: string;
  /** Since when its condition holds. */
  readonly since: string;
  /** What it holds for, as of the newest notice. */
  readonly about: readonly { readonly name: string; readonly says: string }[];
}

export interface DeafStatus {
  readonly receiver: string;
  /** See `otter explain CODE`. */
  readonly code: string;
  readonly message: string;
}

export interface RegionStatus {
  readonly name: string;
  readonly databases: readonly string[];
}

export interface NodeStatus {
  readonly name: string;
  readonly region: string;
  readonly alive: boolean;
  /** Those it owns. */
  readonly databases: readonly string[];
  /** host:port in use, of those that have several endpoints. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Sides of file sets that it serves: `files.SET@REGION`. */
  readonly sides: readonly string[];
  readonly rss_bytes: number | null;
  /** Percent of one core that its process takes; with `otter up` all nodes are one process. */
  readonly cpu_percent: number | null;
  /** When its record under its lease was written last. */
  readonly reported: string | null;
  /** The machine it runs on, and where other nodes reach it. */
  readonly host: string | null;
  readonly address: string | null;
  readonly started: string | null;
  readonly version: string | null;
  /** Why it can own nothing, or null. */
  readonly error: ErrorStatus | null;
  /** What is wrong at it and holds no row up, or null. */
  readonly warning: ErrorStatus | null;
}

export interface ChannelStatus {
  readonly name: string;
  /** Every pipeline runs the applied generation and streams. */
  readonly ready: boolean;
  /** Raised by every apply that changes the channel. */
  readonly generation: number;
  readonly pipelines: readonly PipelineStatus[];
  /** With `verify: { every }`: how its tables were last compared; null without. */
  readonly verify: VerifyStatus | null;
}

export interface VerifyStatus {
  /** As the topology says it. */
  readonly every: string;
  /** Each database that is compared: two-way all but the site that decides. */
  readonly databases: readonly {
    readonly database: string;
    /** Null: it was not compared yet. */
    readonly last: VerifiedStatus | null;
  }[];
}

export interface VerifiedStatus {
  readonly started: string;
  readonly ended: string;
  readonly tables: number;
  /** Of these, those that were not compared, or not to their end; `otter verify` says why. */
  readonly skipped: number;
  readonly rows: number;
  /** Rows that differ. */
  readonly differing: number;
  /** Rows that were written too often to tell. */
  readonly busy: number;
  /** Why it did not come to its end, or null. */
  readonly error: ErrorStatus | null;
}

export interface PipelineStatus {
  /** `channel/source>target`. */
  readonly name: string;
  readonly source: string;
  readonly target: string;
  /** How it stands, in plain words: one sentence that begins with its name. */
  readonly summary: string;
  /** `pending`, `copying`, `streaming`, `paused`, `stopped` or `failed`. */
  readonly phase: Phase;
  /**
   * Age of the newest heartbeat of the source when it was applied, and when heartbeats stay away, its age now; null
   * before the first, and while the node is silent.
   */
  readonly lag_ms: number | null;
  /** The source's log as far as it is applied. */
  readonly position: string | null;
  /** Since the pipeline began at its node: since the node started or took its target over, or a pause ended. */
  readonly rows_applied: number;
  /** Over the last five seconds. */
  readonly rows_per_second: number;
  /** The same by what was done (`insert`, `update`, `delete`, `copy`, `resync`, `answer`), of what was. */
  readonly per_second: Readonly<Record<string, number>>;
  /** The mean of the last twenty windows that wrote rows, null before the first. */
  readonly window: WindowStatus | null;
  /** Conflicts that were decided, or are waiting, since the pipeline began at its node, whoever won. */
  readonly conflicts: number;
  /** The same by table at the target, most first, of the twenty that have most. */
  readonly conflict_tables: Readonly<Record<string, number>>;
  /** Conflicts that wait for a person. */
  readonly open_conflicts: number;
  /** Changes that are set aside at the target: `otter deadletter`. */
  readonly dead_letters: number;
  /** Rows that were not as the log said, put right. */
  readonly drift: number;
  /** With `dry_run`: what would have been written, by table at the target, of the fifty with most; null without. */
  readonly dry_run: Readonly<Record<string, DryCounts>> | null;
  /** The channel's generation that the node runs. */
  readonly observed_generation: number;
  /** The node that owns the target, or null. */
  readonly node: string | null;
  /** Only in `copying`, else null. */
  readonly copy: CopyStatus | null;
  readonly error: ErrorStatus | null;
  /** What it waits for, in words, or null. */
  readonly waiting: string | null;
  /** When somebody paused it with `otter pause`, else null; nodes that are asked in the store's place do not tell. */
  readonly paused?: PausedStatus | null;
  /** Recent writes of the deciding site, which this pipeline's changes are judged by; null of the other pipelines. */
  readonly index: IndexStatus | null;
}

export interface WindowStatus {
  /** Rows that it writes. */
  readonly rows: number;
  /** Milliseconds at the target, from its first statement until it is committed. */
  readonly ms: number;
}

/** Who paused a pipeline, or its channel, with `otter pause`. */
export interface PausedStatus {
  /** `user@host`. */
  readonly by: string;
  readonly at: string;
  readonly reason: string | null;
  /** When it goes on by itself, or null. */
  readonly until: string | null;
}

export interface IndexStatus {
  /** Keys and unique values written there that the other site may not have seen. */
  readonly entries: number;
  /** Of memory that they take. */
  readonly bytes: number;
  /** Above this the oldest go to a file. */
  readonly limit_bytes: number;
  /** Of the file; 0 when there is none. */
  readonly file_bytes: number;
  /** The pipeline to the other site: what it has brought there, and is known of here, leaves the index. */
  readonly waits_for: string;
  /** The position in the deciding site's log that the other site has seen, as far as it is known here. */
  readonly since: string;
}

export interface CopyStatus {
  readonly tables_done: number;
  readonly tables_total: number;
  readonly rows_done: number;
  /** An estimate from the server's statistics; 0 when nothing is known. */
  readonly rows_total: number;
  /** Milliseconds to go, or null. */
  readonly eta_ms: number | null;
}

export interface ErrorStatus {
  /** See `otter explain CODE`. */
  readonly code: string;
  readonly message: string;
  /** What to do, or null. */
  readonly hint: string | null;
  /** The database that it is about, where it is about one. */
  readonly database?: string | undefined;
  /** The transaction of the source that the target refuses, where the pipeline stands before one: `otter skip` names it. */
  readonly transaction?: string | undefined;
}

/** What `otter status --tables --json` prints: the entries of the applied channels, and which tables each means. */
export interface TablesReport {
  readonly topology: string;
  /** Number of the last applied change. */
  readonly serial: number;
  readonly channels: readonly ChannelTables[];
  /** Databases that did not answer, and why. */
  readonly away: readonly DatabaseAway[];
}

export interface ChannelTables {
  readonly name: string;
  /** In the order of the topology. */
  readonly entries: readonly MatchedEntry[];
}

export interface MatchedEntry {
  readonly from: string;
  /** The same as `from` where nothing else is said. */
  readonly to: string;
  /** Those that no more exact entry means. */
  readonly tables: readonly MatchedTable[];
}

export interface MatchedTable {
  /** That has it. */
  readonly database: string;
  /** `schema.table` there. */
  readonly table: string;
  /** `schema.table` where it goes. */
  readonly target: string;
}

export interface DatabaseAway {
  readonly database: string;
  readonly code: string;
  readonly message: string;
}

export interface FilesStatus {
  readonly name: string;
  /** Every flow runs the applied generation, has nothing left to bring, and nothing that failed. */
  readonly ready: boolean;
  readonly generation: number;
  readonly flows: readonly FileFlowStatus[];
}

export interface FileFlowStatus {
  /** `files.set/source>target`. */
  readonly name: string;
  /** Region. */
  readonly source: string;
  readonly target: string;
  /** The node that serves the target's side, or null. */
  readonly node: string | null;
  /** `copying`: there is something left to bring. */
  readonly phase: Phase;
  /** Files that are known of and not here yet, and their bytes. */
  readonly backlog_files: number;
  readonly backlog_bytes: number;
  /** Since the node took the side over. */
  readonly files_done: number;
  readonly bytes_done: number;
  /** That came over the link for them: less where something of them was here already. */
  readonly bytes_received: number;
  /** Over the last five seconds. */
  readonly bytes_per_second: number;
  /** Files that were kept beside another, since the node took the side over. */
  readonly conflicts: number;
  /** Links, devices and what cannot be read at the target's root: left alone. */
  readonly refused: number;
  /** Files that could not be brought, and are tried again. */
  readonly failures: number;
  /** Files that rows name and that the source does not have; they are looked for again. */
  readonly missing: number;
  /** The set's generation that the node runs. */
  readonly observed_generation: number;
  readonly error: ErrorStatus | null;
  /** What it waits for, in words, or null. */
  readonly waiting: string | null;
}

export function copyStatus(copy: CopyProgress | null): PipelineStatus['copy'] {
  return copy === null
    ? null
    : {
        tables_done: copy.tablesDone,
        tables_total: copy.tablesTotal,
        rows_done: copy.rowsDone,
        rows_total: copy.rowsTotal,
        eta_ms: copy.etaMs,
      };
}

export function indexStatus(index: IndexFigures | null | undefined): IndexStatus | null {
  if (index === null || index === undefined) return null;
  const { entries, bytes, limitBytes, fileBytes, waitsFor, since } = index;
  return { entries, bytes, limit_bytes: limitBytes, file_bytes: fileBytes, waits_for: waitsFor, since };
}
