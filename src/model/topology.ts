/**
 * What a person declared, resolved: variables filled in, defaults applied, shorthand spelled out.
 *
 * These are the values that `spec/<kind>/<name>` keys of the state store hold as JSON, so they are plain data with
 * every default present. Secrets are references; they are resolved by the node that needs them.
 */
import type { ConflictKeep, ConflictLogLevel } from './conflict.ts';
import type { FileSetSpec } from './files.ts';

export type Engine = 'mysql' | 'mariadb' | 'oracle';
export type SecretRef = { readonly env: string } | { readonly file: string };

export interface RegionSpec {
  readonly description: string;
}

export interface NodeSpec {
  readonly region: string;
  /** host:port the node listens on for its peers. */
  readonly listen: string;
  /** host:port under which peers reach it. */
  readonly advertise: string;
  /** host:port of metrics and health, or `off`; absent: see `ops-address.ts`. */
  readonly http?: string;
  /** The topology's `link`, which all of its nodes have; absent: links are open to whoever reaches them. */
  readonly link?: LinkSpec;
}

/** How nodes know each other: files of certificates that each node has, PEM; or a secret that all of them share. */
export type LinkSpec =
  | { readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } }
  | { readonly token: SecretRef };

export interface DatabaseSpec {
  readonly region: string;
  readonly engine: Engine;
  /** host:port, in order of preference. */
  readonly endpoints: readonly string[];
  readonly user: string;
  readonly password: SecretRef;
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  /** Schema that holds otter's own tables. */
  readonly schema: string;
  readonly protect: boolean;
  /** How busy its server may be before it is written more slowly; absent: that is not asked. */
  readonly throttle?: ThrottleSpec;
}

/** As it is written; at least one of them. */
export interface ThrottleSpec {
  readonly threads_running?: number;
  /** A duration: `5s`. */
  readonly replica_lag?: string;
}

/** An object that has a new name, by addresses. */
export interface Move {
  readonly from: string;
  readonly to: string;
}

export type ConflictPolicy = 'site-priority' | 'last-write-wins' | 'manual';

export interface ConflictSpec {
  readonly policy: ConflictPolicy;
  /** Databases, most preferred first. */
  readonly priority: readonly string[];
  readonly by: string | null;
  readonly merge: 'row' | 'column';
  readonly groups: readonly (readonly string[])[];
  readonly counters: readonly string[];
  /** What the conflict log holds of rows. Absent in what an earlier version applied, as `keep` is: the default. */
  readonly log?: ConflictLogLevel;
  readonly keep?: ConflictKeep;
}

export interface ColumnSpec {
  /** Only these source columns, or null for all. */
  readonly only: readonly string[] | null;
  readonly omit: readonly string[];
  /** Source column name to target column name. */
  readonly rename: Readonly<Record<string, string>>;
}

export const MASK_KINDS = ['null', 'hash', 'redact'] as const;
export type MaskKind = (typeof MASK_KINDS)[number];

/** A module that rows go through. */
export interface ProcessorRef {
  /** As the topology names it. */
  readonly module: string;
  /** SHA-256 of its text, hexadecimal; see `ChannelSpec.processors`. */
  readonly digest: string;
}

/** Expressions are texts as `expression-parser.ts` reads them. */
export interface RowSpec {
  /** Only rows for which it holds travel. */
  readonly where?: string;
  /** Target column name to the expression that gives its value. */
  readonly set?: Readonly<Record<string, string>>;
  /** Source column name to how its value is made unreadable. */
  readonly mask?: Readonly<Record<string, MaskKind>>;
  readonly process?: ProcessorRef;
  /** Changed rows are read from their source again. */
  readonly reread?: true;
}

/**
 * A table entry of a channel. `from` and `to` are `schema.table` texts in which the table part may be a name, a
 * wildcard (`log_*`), a numbered shard range (`item_[0-31]`) or `/regex/`; see `replication/names.ts`.
 * In a two-way channel `from` is the name in the first database and `to` in every other.
 */
export interface TableSpec {
  readonly from: string;
  /** Null: the same name as at the source. */
  readonly to: string | null;
  readonly columns: ColumnSpec;
  /** Overrides the channel's; null: the channel's. */
  readonly conflict: ConflictSpec | null;
  /** What is made of its rows on their way; absent when they travel as they are. */
  readonly rows?: RowSpec;
  /** Weight of its tables in a window, see `ChannelSpec.order`; absent: the channel's. */
  readonly order?: number;
}

export type Direction =
  | { readonly kind: 'two-way'; readonly between: readonly string[] }
  | { readonly kind: 'one-way'; readonly from: readonly string[]; readonly to: readonly string[] };

export interface ChannelSpec {
  readonly direction: Direction;
  /** Null in a one-way channel. */
  readonly conflict: ConflictSpec | null;
  /** Each pair of databases directly, and every site decides; absent: the first one does. */
  readonly shape?: 'mesh';
  readonly initial: 'copy' | 'none';
  readonly existing: 'refuse' | 'keep' | 'merge' | 'replace';
  readonly ddl: 'replicate' | 'ignore' | 'stop';
  readonly onError: 'stop' | 'park';
  readonly apply: { readonly lanes: number; readonly atomic: boolean };
  readonly enabled: boolean;
  /** Where pipelines share a link, those of more go first; absent: 0. */
  readonly priority?: number;
  /** What its pipelines out of one database may carry together, as written (`5MB/s`, see `rate.ts`); absent: no limit. */
  readonly rate?: string;
  /** Its databases are compared so often by themselves, no faster than `rate`; absent: never. */
  readonly verify?: { readonly every: string; readonly rate?: string };
  /** Weights by patterns of source tables: what weighs less is written first. */
  readonly order?: Readonly<Record<string, number>>;
  /** Everything but the writes; absent: it writes. */
  readonly dryRun?: true;
  readonly tables: readonly TableSpec[];
  /** Where the key of masks that hash is found; absent when none is given. */
  readonly maskKey?: SecretRef;
  /** Texts of the modules that its tables name, by digest: nodes have nothing but the state store. */
  readonly processors?: Readonly<Record<string, string>>;
  /** Keys that parse and validate but are not built yet and do not change rows, kept so that a plan can show them. */
  readonly inert: Readonly<Record<string, unknown>>;
}

/** A condition to tell someone about: exactly one of `channel`, `database`, `node` and `files` says what it watches. */
export type AlertSpec = {
  readonly channel?: string;
  readonly database?: string;
  readonly node?: string;
  readonly files?: string;
  /** As `alerts/condition.ts` reads it. */
  readonly when: string;
  /** Duration, like those below, as written: `30s`. */
  readonly for: string;
  /** Times of day; absent: always. */
  readonly between?: readonly string[];
  /** IANA name of the time zone of `between`; absent: UTC. */
  readonly zone?: string;
  readonly repeat?: string;
  readonly notify: readonly string[];
  readonly do?: 'resume' | 'restart';
  /** How often that is done within 24 hours; absent: 3. */
  readonly limit?: number;
};

/** Who is told: one of these. */
export type ReceiverSpec =
  | { readonly webhook: SecretRef }
  | { readonly slack: SecretRef }
  | { readonly email: EmailSpec }
  | { readonly command: string | readonly string[] };

export type EmailSpec = {
  readonly to: string | readonly string[];
  /** Absent: `otter@` and the host's name. */
  readonly from?: string;
  /** host:port; absent: `localhost:25`. */
  readonly server?: string;
  /** With a password: the login at the server. */
  readonly user?: string;
  readonly password?: SecretRef;
};

/** Anything declared that nodes do nothing with (guards, rules, history): kept whole, compared as JSON. */
export type InertSpec = Readonly<Record<string, unknown>>;

export interface SpecByKind {
  readonly region: RegionSpec;
  readonly node: NodeSpec;
  readonly database: DatabaseSpec;
  readonly channel: ChannelSpec;
  readonly files: FileSetSpec;
  readonly alert: AlertSpec;
  readonly notify: ReceiverSpec;
  /** `guards` and `rules`, what plans are held against; and `history`, how much is kept of what was applied. */
  readonly policy: InertSpec;
}

export type Kind = keyof SpecByKind;
export const KINDS = [
  'region',
  'node',
  'database',
  'channel',
  'files',
  'notify',
  'alert',
  'policy',
] as const satisfies Kind[];

/** The whole, in one value. Object keys are names; their order means nothing. */
export type Topology = {
  readonly name: string;
  /** Objects that have a new name; absent when there are none. */
  readonly moved?: readonly Move[];
} & { readonly [K in Kind]: Readonly<Record<string, SpecByKind[K]>> };

/** What is left when everything is destroyed; a name makes it a topology. */
export const NOTHING_DECLARED = {
  region: {},
  node: {},
  database: {},
  channel: {},
  files: {},
  notify: {},
  alert: {},
  policy: {},
} as const satisfies Omit<Topology, 'name'>;

/** Names of topologies, regions, nodes, databases, channels, file sets and alerts. */
export const NAME_PATTERN = /^[a-z][a-z0-9_-]{0,62}$/;

/** `policy.history`: how many of the last serials, and of the entries of the audit, are kept. */
export interface HistorySpec {
  readonly serials: number;
  readonly audit: number;
}

export const HISTORY_KEPT: HistorySpec = { serials: 500, audit: 10_000 };
