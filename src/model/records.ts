/**
 * The values that live in the state store, as JSON (key layout: `state/keys.ts`).
 *
 * `spec` is written by apply, `status` by the node that owns the target, `nodes` and `owner` under a node's lease.
 */
import type { Stays } from './stays.ts';
import type { Kind, SpecByKind } from './topology.ts';

export const STATE_FORMAT = 1;

export interface MetaRecord {
  readonly format: number;
  /** Random id given by the first apply; a checkpoint row of another lineage is never resumed from. */
  readonly lineage: string;
  /** Number of the last applied change of the topology; counts from 1. */
  readonly serial: number;
  /** Of a state that was imported: is added to revisions of this store, so that they are above those of the store it came from. */
  readonly revisionBase?: number;
  /** Of a state that was imported: generations begin here, above all that were given after it was exported. */
  readonly generationFloor?: number;
}

/** Of an object [bytes as JSON]: it is written at once, and etcd takes 1.5 MiB together with what surrounds it. */
export const SPEC_BYTES_MAX = 1_200_000;

export interface SpecRecord<K extends Kind = Kind> {
  /** Raised by every apply that changes this object; nodes report the one they run. */
  readonly generation: number;
  readonly spec: SpecByKind[K];
  /** Of a channel: what came (again) later than itself. */
  readonly stays?: Stays;
  /** Of a database: since which generation it is another one under the same name, whose pipelines have begun anew. */
  readonly since?: number;
  /** What it is called now, where that is not the name under which it is kept: the one in the key. */
  readonly name?: string;
  /** Of an object that was imported: the revision at which it came into being in the store that it came from. */
  readonly created?: number;
}

/** `status/pipeline/<name>`: written when something changes, not on every row. */
export interface PipelineRecord {
  /** Generation of the channel that the owner of the target runs. */
  readonly observedGeneration: number;
  readonly phase: Phase;
  /** Where the pipeline stood when this was written; the live figure is the node's. */
  readonly position: string | null;
  readonly error: ErrorRecord | null;
  readonly node: string;
  readonly updatedMs: number;
}

export type Phase = 'pending' | 'copying' | 'streaming' | 'paused' | 'stopped' | 'failed';

export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  /** The database that it is about, where it is about one. */
  readonly database?: string | undefined;
  /** The transaction of the source that the target refuses, where the pipeline stands before one (OT5016). */
  readonly transaction?: string | undefined;
}

export interface CopyProgress {
  readonly tablesDone: number;
  readonly tablesTotal: number;
  readonly rowsDone: number;
  /** An estimate from the server's statistics. */
  readonly rowsTotal: number;
  readonly etaMs: number | null;
}

/** The index of recent writes of a pipeline towards the deciding site. */
export interface IndexFigures {
  /** In memory and in the file. */
  readonly entries: number;
  /** Of memory. */
  readonly bytes: number;
  /** Above this the oldest go to a file. */
  readonly limitBytes: number;
  /** Of the file; 0: there is none. */
  readonly fileBytes: number;
  /** The opposite pipeline: what its target has seen leaves the index. */
  readonly waitsFor: string;
  /** As far as it has seen the log of the deciding site, by what has come back from it. */
  readonly since: string;
}

/** What a pipeline that does not write would have written to one table. */
export interface DryCounts {
  readonly insert: number;
  readonly update: number;
  readonly delete: number;
}

/** What one window of a pipeline is like. */
export interface WindowFigures {
  /** Rows that it writes. */
  readonly rows: number;
  /** From its first statement at the target until it is committed. */
  readonly ms: number;
}

/** Live figures of one pipeline, as the owner of its target measures them. */
export interface PipelineFigures {
  readonly phase: Phase;
  readonly observedGeneration: number;
  /** Age of the newest beat of the source that is applied; null before the first. */
  readonly lagMs: number | null;
  readonly position: string | null;
  readonly rowsApplied: number;
  readonly rowsPerSecond: number;
  /** The same by what was done, of what was; nodes of earlier versions do not tell. */
  readonly perSecond?: Readonly<Record<string, number>> | undefined;
  /** The mean of the newest windows that wrote rows; null before the first, nodes of earlier versions do not tell. */
  readonly window?: WindowFigures | null | undefined;
  /** Conflicts decided against this pipeline's changes since the node started. */
  readonly conflicts: number;
  /** The same by table at the target, most first, of the twenty that have most; nodes of earlier versions do not tell. */
  readonly conflictTables?: Readonly<Record<string, number>> | undefined;
  /** Conflicts of this pipeline's changes that wait for a person; nodes of earlier versions do not tell. */
  readonly open?: number | undefined;
  /** Changes of this pipeline that are set aside in `otter.dead_letter`; nodes of earlier versions do not tell. */
  readonly deadLetters?: number | undefined;
  /** Rows that were not as the log said they should be, put right and counted. */
  readonly drift: number;
  readonly copy: CopyProgress | null;
  readonly error: ErrorRecord | null;
  /** What it waits for, in words; null when it does not. */
  readonly waiting: string | null;
  /** With `dry_run`: what would have been written, by table at the target, of the fifty with most; absent without. */
  readonly dry?: Readonly<Record<string, DryCounts>> | undefined;
  /** Null where there is none; nodes of earlier versions do not tell. */
  readonly index?: IndexFigures | null | undefined;
}

/** Live figures of one flow of files, as the side of its target measures them. */
export interface FileFlowFigures {
  readonly phase: Phase;
  readonly observedGeneration: number;
  /** Known of and not here yet. */
  readonly backlogFiles: number;
  readonly backlogBytes: number;
  /** Since the node took the side over. */
  readonly filesDone: number;
  readonly bytesDone: number;
  /** That came over the link for them: less where blocks or whole files were here already. */
  readonly bytesReceived: number;
  /** Over the last five seconds. */
  readonly bytesPerSecond: number;
  readonly conflicts: number;
  /** Links, devices and names at the target's root that otter does not touch. */
  readonly refused: number;
  /** Files that could not be brought, and are tried again. */
  readonly failures: number;
  /** Files that rows name and that the source does not have, looked for again; nodes of earlier versions do not tell. */
  readonly missing?: number | undefined;
  readonly error: ErrorRecord | null;
  /** What it waits for, in words; null when it does not. */
  readonly waiting: string | null;
}

/** `nodes/<name>`, under the node's lease; renewed with fresh figures every three seconds or so, at once when there is news. */
export interface NodeRecord {
  /** Random id of the running process: tells a restarted node, or a second one under the same name, from this one. */
  readonly instance: string;
  readonly region: string;
  readonly advertise: string;
  readonly version: string;
  readonly startedMs: number;
  readonly pid: number;
  readonly host: string;
  /** Databases it owns. */
  readonly databases: readonly string[];
  /** Of those that have several endpoints, the one in use; nodes of earlier versions do not tell. */
  readonly endpoints?: Readonly<Record<string, string>> | undefined;
  /** The newest serial of which nothing is left to be done here, 0 before the first; nodes of earlier versions do not tell. */
  readonly settledSerial?: number | undefined;
  readonly rssBytes: number;
  /** Percent of one core that its process takes; null in its first second, nodes of earlier versions do not tell. */
  readonly cpuPercent?: number | null | undefined;
  /** Why it can own nothing, or null. */
  readonly error: ErrorRecord | null;
  /** What is wrong and holds no row up, or null; nodes of earlier versions do not tell. */
  readonly warning?: ErrorRecord | null | undefined;
  readonly pipelines: Readonly<Record<string, PipelineFigures>>;
  /** Sides of file sets that it serves; nodes of earlier versions serve none, and do not tell. */
  readonly sides?: readonly string[] | undefined;
  /** Flows of files into those, by their names. */
  readonly files?: Readonly<Record<string, FileFlowFigures>> | undefined;
  readonly updatedMs: number;
}

/** The name of an object, and that under which it is kept. */
export interface KeptName {
  readonly kind: Kind;
  /** The name in the key of its record. */
  readonly kept: string;
  readonly shown: string;
}

/** What a node answers on its own port: what it would write to the state store, and what it knows of the desired state. */
export interface NodeAnswer {
  readonly topology: string;
  readonly node: string;
  readonly record: NodeRecord;
  /** Of the applied topology, as last seen. */
  readonly serial: number;
  /** Of the channels, as last seen. */
  readonly generations: Readonly<Record<string, number>>;
  /** Objects that have another name now than the one under which they are kept; nodes of earlier versions do not tell. */
  readonly names?: readonly KeptName[] | undefined;
}

/** `verified/<channel>/<database>`: how a channel's tables at that database were last compared by themselves (`verify: { every }`). */
export interface VerifiedRecord {
  readonly node: string;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly tables: number;
  /** Of these, those that were not compared, or not to their end. */
  readonly skipped: number;
  readonly rows: number;
  /** Rows that differ. */
  readonly differing: number;
  /** Rows that were written too often to tell. */
  readonly busy: number;
  /** Why it did not come to its end, or null. */
  readonly error: ErrorRecord | null;
}

/** `owner/<database>`, or `owner/<side of a file set>`, under the owner's lease. */
export interface OwnerRecord {
  readonly node: string;
  /** `instance` of the node's record. */
  readonly instance: string;
  readonly advertise: string;
}

/** `status/database/<name>`: the database left the topology and was given up; gone when somebody owns it again. */
export interface DepartureRecord {
  readonly node: string;
  /** Why otter's own tables could not be removed there; null: they are. */
  readonly error: ErrorRecord | null;
}

/** `lock`, under the lease of who applies. */
export interface LockRecord {
  readonly holder: string;
  readonly host: string;
  readonly pid: number;
  readonly since: string;
  readonly operation: string;
}

/** `history/<serial>`. What was changed stands in the plan, which the run keeps. */
export interface HistoryRecord {
  readonly serial: number;
  readonly at: string;
  /** The user of the system. */
  readonly by: string;
  /** The person, as git knows them: `Ann <ann@example.org>`; earlier versions do not tell. */
  readonly author?: string | null;
  readonly host?: string;
  /** HEAD of the repository that the topology's folder lies in. */
  readonly commit: string | null;
  /** Whether the folder had changes that are not in that commit; null without a repository. */
  readonly dirty?: boolean | null;
  readonly planDigest: string;
  readonly summary: { readonly add: number; readonly change: number; readonly destroy: number };
  readonly addresses: readonly string[];
  /** Rules that it broke and was let pass; absent where there were none. */
  readonly waived?: readonly WaivedRecord[];
  /** What kind of command it was; earlier versions do not tell. */
  readonly operation?: string;
  /** The journal of it, `runs/RUN/`; earlier versions do not tell. */
  readonly run?: string;
}

/** A rule that a plan broke, until when it was let pass, and why. */
export interface WaivedRecord {
  readonly code: string;
  /** Of a rule of the topology: its name. */
  readonly rule: string | null;
  readonly address: string;
  readonly until: string;
  readonly reason: string;
}

/** `runs/<run>/plan/<part>`: a piece of the plan that the run carries out, written before or with its first change. */
export interface PlanPartRecord {
  /** `gzip`: of the text of the whole plan, in base64. */
  readonly encoding: 'text' | 'gzip';
  readonly part: number;
  readonly parts: number;
  readonly text: string;
}

/** `runs/<run>/<batch>`: is there exactly when the changes of this batch are written. */
export interface BatchRecord {
  readonly serial: number;
  readonly by: string;
  readonly at: string;
  readonly plan_digest: string;
  /** Counts from 1. */
  readonly batch: number;
  readonly batches: number;
  readonly addresses: readonly string[];
  /** Of an imported journal: its place among the others, below that of everything written here. */
  readonly order?: number;
}

/** `runs/<run>/<batch>/<n>`: one change, in the same transaction. */
export interface ChangeRecord {
  readonly address: string;
  readonly actions: readonly string[];
  /** Its address before, where it has got another name. */
  readonly moved_from?: string;
  /** Null: it was removed. */
  readonly generation: number | null;
}

/** `pause/<kind>/<name>`: a channel or pipeline that somebody has paused, beside what is declared. */
export interface PauseRecord {
  readonly by: string;
  readonly host: string;
  readonly at: string;
  readonly reason: string | null;
  /** When it goes on by itself; absent: when somebody resumes it. */
  readonly until?: string;
  /** A restart stops it, and lets it go on as soon as it has stopped; a pause that somebody wants meanwhile takes its place. */
  readonly restarts?: true;
}

/** `place/<database>`: the node that somebody wants to own a database, beside what is declared. */
export interface PlaceRecord {
  readonly node: string;
  readonly by: string;
  readonly host: string;
  readonly at: string;
  readonly reason: string | null;
}

/** `skip/<pipeline>`: the one transaction that a pipeline is to pass over, until it has. */
export interface SkipRecord {
  /** Its id in the log of the source. */
  readonly transaction: string;
  readonly by: string;
  readonly host: string;
  readonly at: string;
  readonly reason: string | null;
}

/** `move/<pipeline>`: where a pipeline that rests is to stand, until it does. */
export interface MoveRecord {
  /** Where it stood when that was wanted; null: it had not begun. */
  readonly from: string | null;
  readonly to: string;
  /** Of its channel then; of another generation it means nothing any more. */
  readonly generation: number;
  readonly by: string;
  readonly host: string;
  readonly at: string;
  readonly reason: string | null;
}

/** `audit/<time>-<id>`: a command that changes something. */
export interface AuditRecord {
  readonly at: string;
  readonly by: string;
  readonly author: string | null;
  readonly host: string;
  readonly pid: number;
  /** Of otter. */
  readonly version: string;
  readonly command: string;
  /** What it was about: a serial and addresses, a pipeline, whose lock. */
  readonly what: string;
  readonly commit: string | null;
  /** `begun`: it was cut before it could say how it ended. */
  readonly result: 'begun' | 'done' | 'failed' | 'cancelled';
  /** Why not, as a code. */
  readonly code: string | null;
  readonly serial: number | null;
  readonly planDigest: string | null;
}
