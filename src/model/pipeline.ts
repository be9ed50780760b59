/**
 * Channels compiled into pipelines: one per direction and target, named `channel/source>target`.
 *
 * Compiling is pure and total, so the planner and every node come to the same pipelines from the same channel spec.
 */

import { type ConflictLog, DEFAULT_CONFLICT_LOG } from './conflict.ts';
import type { FollowedFiles } from './files.ts';
import { nameNow } from './renamed.ts';
import type { ChannelSpec, ConflictSpec, RowSpec, SecretRef, TableSpec } from './topology.ts';

/**
 * What the pipeline is to the conflict rules.
 * - `one-way`: the target has no say.
 * - `from-serialiser`: two-way, from the preferred site; its rows are always placed.
 * - `to-serialiser`: two-way, towards the preferred site, which decides.
 *
 * In a mesh both decide (`PipelineSpec.mesh`), and the role says only which of the two makes missing tables: the first.
 */
export type PipelineRole = 'one-way' | 'from-serialiser' | 'to-serialiser';

/** How conflicts of a table are decided; columns by their names at the site that decides. */
export type ConflictRule = Omit<ConflictSpec, 'priority' | 'log' | 'keep'>;

export const SITE_PRIORITY: ConflictRule = {
  policy: 'site-priority',
  by: null,
  merge: 'row',
  groups: [],
  counters: [],
};

/** A table entry seen from one pipeline: `from` is the name at this pipeline's source. */
export interface TableRule {
  readonly from: string;
  /** Name at this pipeline's target; null: the same. */
  readonly to: string | null;
  /** Source columns that do not travel. */
  readonly omit: readonly string[];
  /** Source columns that travel, or null for all. */
  readonly only: readonly string[] | null;
  /** Source column name to target column name. */
  readonly rename: Readonly<Record<string, string>>;
  readonly conflict: ConflictRule;
  /** One-way: its tables are written after those that weigh less; absent: the channel's `order` says, or 0. */
  readonly order?: number;
  /** One-way: what is made of its rows on their way. */
  readonly rows?: RowSpec;
  /** Where the entry has its own; else the channel's counts. */
  readonly conflictLog?: ConflictLog;
}

/** Whether rows of the source may be none at the target. */
export function leavesOut({ rows }: Pick<TableRule, 'rows'>): boolean {
  return rows?.where !== undefined || rows?.process !== undefined;
}

/** Tables that all these patterns mean, at the first database of the channel, are in it since this generation. */
export interface TableStay {
  readonly all: readonly string[];
  readonly since: number;
}

export type LeftEntry = Pick<TableSpec, 'from' | 'to' | 'columns' | 'rows' | 'order'>;

/** Entries that a channel no longer has, or has otherwise, since this generation; a name alone says it all of most. */
export interface LeftTables {
  readonly since: number;
  readonly entries: readonly (string | LeftEntry)[];
}

/** `LeftTables` seen from one pipeline. */
export interface LeftRules {
  readonly since: number;
  readonly rules: readonly TableRule[];
}

/** What compiling must know of a channel's past. */
export interface ChannelPast {
  readonly tables?: readonly TableStay[];
  readonly left?: readonly LeftTables[];
}

export interface PipelineSpec {
  /** `channel/source>target`. */
  readonly name: string;
  readonly channel: string;
  readonly source: string;
  readonly target: string;
  readonly role: PipelineRole;
  /** Name of the pipeline in the other direction, null when one-way. */
  readonly reverse: string | null;
  /** Of the pipeline into this one's source that says since when its tables count there; null when one-way. */
  readonly joinsBy: string | null;
  /** The pipeline by which existing rows come into this one's target, where it is another; else null. */
  readonly copiedBy: string | null;
  readonly tables: readonly TableRule[];
  /** Since when tables are in the channel, by their names at its first database. */
  readonly stays: readonly TableStay[];
  /** Entries whose tables may still have rows on their way, oldest first. */
  readonly left: readonly LeftRules[];
  /** Whether this pipeline leaves the first database of its channel (or, one-way, any). */
  readonly forward: boolean;
  /** Whether this pipeline copies existing rows (in a two-way channel only the one from the first site does). */
  readonly initial: 'copy' | 'none';
  /** Whether rows are copied into this one's source: then a table counts there only from when it is copied. */
  readonly reverseCopies: boolean;
  /** Two-way: whether the site that decides has others to send to than this pipeline's. */
  readonly star: boolean;
  /** Both sites decide, as all pairs of the channel's sites do, and what came from one is sent to none. */
  readonly mesh: boolean;
  /** In a mesh of two: what meets an unseen write waits for a person; else the later write wins. */
  readonly parks: boolean;
  /** Two-way without copies: a table that joins a running channel counts from when it joined at this pipeline's source. */
  readonly joinsLate: boolean;
  /** What is kept of conflicts, and for how long; null one-way. */
  readonly conflictLog: ConflictLog | null;
  readonly existing: ChannelSpec['existing'];
  readonly ddl: ChannelSpec['ddl'];
  readonly onError: ChannelSpec['onError'];
  readonly enabled: boolean;
  /** A transaction of the source that somebody wants passed over, by its id; absent: none. */
  readonly skip?: string;
  /** While it rests: where somebody wants it to stand, and where it stood then (null: it had not begun); absent: nobody does. */
  readonly move?: { readonly from: string | null; readonly to: string };
  /** Where the key of masks that hash is found. */
  readonly maskKey?: SecretRef;
  /** See `ChannelSpec`. */
  readonly priority?: number;
  readonly rate?: string;
  readonly order?: Readonly<Record<string, number>>;
  readonly dryRun?: true;
  readonly processors?: Readonly<Record<string, string>>;
  /** Sets whose files its rows name; absent: none. */
  readonly follows?: readonly FollowedFiles[];
  /** Writers side by side, each with transactions of its own; absent: one. */
  readonly lanes?: number;
}

/**
 * Whether all rows of a table that is made while its log is read come by the log, and none need be copied: what is copied from
 * a site that decides is its write, for which what others write to those rows at that time is refused.
 */
export function comesByLog({ role, mesh }: Pick<PipelineSpec, 'role' | 'mesh'>): boolean {
  return role === 'from-serialiser' && !mesh;
}

export function pipelineName(channel: string, source: string, target: string): string {
  return `${channel}/${source}>${target}`;
}

/** Of the pipeline in the other direction. */
export function reverseName(pipeline: string): string {
  const [, channel, source, target] = /^(.*)\/(.*)>(.*)$/.exec(pipeline)!;
  return pipelineName(channel!, target!, source!);
}

/** The site whose log is the order of a two-way channel under site-priority. */
export function serialiserOf(conflict: ConflictSpec, between: readonly string[]): string {
  return conflict.priority[0] ?? between[0]!;
}

export function compileChannel(channel: string, spec: ChannelSpec, past: ChannelPast = {}): PipelineSpec[] {
  const { direction } = spec;
  const leftBy = (rule: (entry: LeftEntry) => TableRule): LeftRules[] =>
    (past.left ?? []).map((left) => ({ since: left.since, rules: leftEntries(left).map(rule) }));
  const common = {
    channel,
    stays: past.tables ?? [],
    existing: spec.existing,
    ddl: spec.ddl,
    onError: spec.onError,
    enabled: spec.enabled,
    ...(spec.maskKey === undefined ? {} : { maskKey: spec.maskKey }),
    ...(spec.priority === undefined ? {} : { priority: spec.priority }),
    ...(spec.rate === undefined ? {} : { rate: spec.rate }),
    ...(spec.order === undefined ? {} : { order: spec.order }),
    ...(spec.dryRun === true ? { dryRun: true as const } : {}),
    ...(spec.processors === undefined ? {} : { processors: spec.processors }),
    ...(spec.apply.lanes > 1 && !spec.apply.atomic ? { lanes: spec.apply.lanes } : {}),
  };
  if (direction.kind === 'one-way') {
    return direction.from.flatMap((source) =>
      direction.to.map((target) => ({
        ...common,
        name: pipelineName(channel, source, target),
        source,
        target,
        role: 'one-way' as const,
        reverse: null,
        joinsBy: null,
        copiedBy: null,
        initial: spec.initial,
        reverseCopies: false,
        star: false,
        mesh: false,
        parks: false,
        joinsLate: false,
        conflictLog: null,
        forward: true,
        tables: spec.tables.map((table) => forwardRule(table, SITE_PRIORITY)),
        left: leftBy((entry) => forwardRule(entry, SITE_PRIORITY)),
      })),
    );
  }
  const first = direction.between[0]!;
  const conflictLog = conflictLogOf(spec.conflict);
  const serialiser = spec.conflict === null ? first : serialiserOf(spec.conflict, direction.between);
  const ruled = (entry: LeftEntry, conflict: ConflictSpec | null): ConflictRule =>
    conflict === null ? SITE_PRIORITY : named(conflict, serialiser === first ? {} : entry.columns.rename);
  const ruleAt = (source: string, entry: LeftEntry, conflict: ConflictSpec | null): TableRule =>
    (source === first ? forwardRule : backwardRule)(entry, ruled(entry, conflict));
  const parks = spec.conflict?.policy === 'manual';
  const mesh = spec.shape === 'mesh' || parks;
  return pairs(direction.between, mesh).flatMap(([elder, younger]) =>
    [
      { source: elder, target: younger },
      { source: younger, target: elder },
    ].map(({ source, target }) => ({
      ...common,
      name: pipelineName(channel, source, target),
      source,
      target,
      role: source === (mesh ? elder : serialiser) ? ('from-serialiser' as const) : ('to-serialiser' as const),
      reverse: pipelineName(channel, target, source),
      // Into all but the first site rows are copied from the first one.
      joinsBy: pipelineName(channel, source === first || spec.initial === 'none' ? target : first, source),
      copiedBy:
        spec.initial === 'none' || [source, target].includes(first) ? null : pipelineName(channel, first, target),
      initial: source === first ? spec.initial : ('none' as const),
      reverseCopies: source !== first && spec.initial === 'copy',
      star: direction.between.length > 2 && !mesh,
      mesh,
      parks,
      joinsLate: spec.initial === 'none',
      conflictLog,
      forward: source === first,
      tables: spec.tables.map((table) => ({
        ...ruleAt(source, table, table.conflict ?? spec.conflict),
        ...ownLog(table, conflictLog),
      })),
      left: leftBy((entry) => ruleAt(source, entry, null)),
    })),
  );
}

function conflictLogOf(conflict: ConflictSpec | null): ConflictLog {
  return { log: conflict?.log ?? DEFAULT_CONFLICT_LOG.log, keep: conflict?.keep ?? DEFAULT_CONFLICT_LOG.keep };
}

/** Nothing where the entry says nothing else than its channel. */
function ownLog({ conflict }: TableSpec, { log, keep }: ConflictLog): Pick<TableRule, 'conflictLog'> {
  if (conflict === null) return {};
  const own = conflictLogOf(conflict);
  const same = own.log === log && own.keep.days === keep.days && own.keep.count === keep.count;
  return same ? {} : { conflictLog: own };
}

export function leftEntries({ entries }: LeftTables): readonly LeftEntry[] {
  const columns = { only: null, omit: [], rename: {} };
  return entries.map((entry) => (typeof entry === 'string' ? { from: entry, to: null, columns } : entry));
}

/** Who exchanges rows with whom: in a mesh all with all, else all with the first. Who makes missing tables is named first. */
function pairs(between: readonly string[], mesh: boolean): (readonly [string, string])[] {
  return between.flatMap((elder, i) =>
    i > 0 && !mesh ? [] : between.slice(i + 1).map((younger) => [elder, younger] as const),
  );
}

/** The columns by their names at the other site. */
function named(conflict: ConflictSpec, rename: Readonly<Record<string, string>>): ConflictRule {
  const { policy, by, merge, groups, counters } = conflict;
  const there = (column: string): string => nameNow(rename, column);
  return {
    policy,
    by: by === null ? null : there(by),
    merge,
    groups: groups.map((group) => group.map(there)),
    counters: counters.map(there),
  };
}

function forwardRule(table: LeftEntry, conflict: ConflictRule): TableRule {
  return {
    from: table.from,
    to: table.to,
    omit: table.columns.omit,
    only: table.columns.only,
    rename: table.columns.rename,
    conflict,
    ...(table.order === undefined ? {} : { order: table.order }),
    ...(table.rows === undefined ? {} : { rows: table.rows }),
  };
}

/** The same entry read from the second site: names swapped, columns named as they are there. */
function backwardRule(table: LeftEntry, conflict: ConflictRule): TableRule {
  const { rename } = table.columns;
  const there = (column: string): string => nameNow(rename, column);
  return {
    from: table.to ?? table.from,
    to: table.to === null ? null : table.from,
    omit: table.columns.omit.map(there),
    only: table.columns.only?.map(there) ?? null,
    rename: Object.fromEntries(Object.entries(rename).map(([here, other]) => [other, here])),
    conflict,
  };
}

/** Whether what it writes is compared with its source: two-way that is the direction from the site that decides, or the first one. */
export function isCompared({ role, mesh, forward }: PipelineSpec): boolean {
  return role === 'one-way' || (mesh ? forward : role === 'from-serialiser');
}
