/**
 * A topology as the schema lets it be written.
 *
 * Made from schema/topology.schema.json: OTTER_UPDATE=1 npx vitest run test/topology/reference.test.ts
 */

/** Databases in different places that are kept the same, declared. One topology is one YAML file, or a directory of them that is merged. */
export interface WrittenTopology {
  /** Address of this schema, for editors that read it from here instead of the `# yaml-language-server:` line. */
  readonly $schema?: string;
  /** Version of the topology language. */
  readonly version: 1;
  /** Name of the topology: its prefix in the state store. Renaming it makes another topology. */
  readonly name: string;
  /** More files or directories to merge, relative to this file. */
  readonly include?: string | readonly string[];
  /** Variables, used as `${var.NAME}` in any text. Values come from, in this order: `--var NAME=VALUE`, `--var-file`, `OTTER_VAR_NAME` in the environment, `default`. */
  readonly vars?: Readonly<Record<string, WrittenVariable | null>> | null;
  /** Places. Databases and nodes stand in a region; nodes of different regions talk over a link. */
  readonly regions?: Readonly<Record<string, WrittenRegion | null>> | null;
  /** Worker processes (`otter node NAME`). A node serves the databases of its own region. */
  readonly nodes?: Readonly<Record<string, WrittenNode>> | null;
  /** Database servers that take part. */
  readonly databases?: Readonly<Record<string, WrittenDatabase>> | null;
  /** What is kept the same between which databases. */
  readonly channels?: Readonly<Record<string, WrittenChannel>> | null;
  /** File sets: files kept the same between regions. */
  readonly files?: Readonly<Record<string, WrittenFileSet>> | null;
  /** Conditions to tell someone about. */
  readonly alerts?: Readonly<Record<string, WrittenAlert>> | null;
  /** Receivers of alerts. */
  readonly notify?: Readonly<Record<string, WrittenReceiver>> | null;
  /** How grave findings are, by their code; and rules of your own that every plan is held against, by their name. */
  readonly rules?: Readonly<Record<string, string | WrittenRule>> | null;
  readonly guards?: WrittenGuards | null;
  readonly history?: WrittenHistory | null;
  /** Channels and databases that have a new name, so that a plan renames them and their positions stay. An entry does nothing once it is applied, and may stay. */
  readonly moved?: readonly WrittenMove[] | null;
  readonly link?: WrittenLink | null;
}

/** A variable. */
export interface WrittenVariable {
  /** Value when none is given; without it a value is demanded. It cannot refer to other variables. */
  readonly default?: string | number | boolean;
  /** What it is for. Default: none. */
  readonly description?: string;
}

/** A reference to a secret: the name of an environment variable, or a file. The node that needs it resolves it; it is never stored. */
export interface WrittenSecret {
  /** Environment variable of the node that holds the secret. Default: none; `file` in its place. */
  readonly env?: string;
  /** File at the node that holds the secret; a line end at its end does not count. Default: none; `env` in its place. */
  readonly file?: string;
}

/** Certificates for encrypted connections; `{}` demands encryption with the system's authorities. */
export interface WrittenTls {
  /** File with the authorities that are trusted. Default: the system's. */
  readonly ca?: string;
  /** File with the certificate that is shown. Default: none is shown. */
  readonly cert?: string;
  /** File with the key of `cert`. Default: none. */
  readonly key?: string;
}

/** A region. */
export interface WrittenRegion {
  /** A few words for people. */
  readonly description?: string;
}

/** A worker process. */
export interface WrittenNode {
  /** The region it stands in. */
  readonly region: string;
  /** `host:port` it listens on for the other nodes. */
  readonly listen: string;
  /** `host:port` under which the other nodes reach it. Default: the same as `listen`. */
  readonly advertise?: string;
  /** `host:port` of its metrics and health over plain HTTP, which tell figures and never rows; or `off`. Default: on 127.0.0.1, one thousand above the port of `listen`. */
  readonly http?: string;
}

/** A database server. It is read and written by one node of its region at a time. */
export interface WrittenDatabase {
  /** The region it stands in; the region needs a node. */
  readonly region: string;
  /** What kind of server it is. `oracle` only as a target. */
  readonly engine: 'mysql' | 'mariadb' | 'oracle';
  /** `host:port` of the primary and of replicas that may take its place, in order of preference: where that is gone or read-only, one that takes writes and has everything that was read takes over. Oracle: `host:port/SERVICE`. */
  readonly endpoints: readonly string[];
  /** User that otter connects as. */
  readonly user: string;
  /** Where the password is found; never the password itself. */
  readonly password: WrittenSecret;
  /** Encryption of the connection. Default: none. */
  readonly tls?: WrittenTls;
  /** Schema for otter's own tables. */
  readonly schema?: string;
  /** A plan that destroys this is refused. */
  readonly protect?: boolean;
  /** How busy its server may be: while it is busier, pipelines into it write more slowly, and never stop. Default: it is not asked. */
  readonly throttle?: {
    /** Statements that run there at the same time, as the server counts them (`Threads_running`), otter's own among them. Default: any number. */
    readonly threads_running?: number;
    /** How far its other `endpoints` may be behind that replicate from it. Default: any time. */
    readonly replica_lag?: string;
  };
}

/** Keeps tables of two or more databases the same: two-way with `between`, one-way with `from` and `to`. */
export interface WrittenChannel {
  /** Two-way: the databases, which all take writes. The first is where existing rows are copied from. */
  readonly between?: readonly string[];
  /** One-way: the source, or several to merge. */
  readonly from?: string | readonly string[];
  /** One-way: the target, or several to fan out to. */
  readonly to?: string | readonly string[];
  /** With three or more databases: `star` sends everything through the first, `mesh` joins each pair directly. Default: `star` with `site-priority`, `mesh` with `last-write-wins`. */
  readonly shape?: 'star' | 'mesh';
  /** Two-way: what happens when a row is written in two places at once. */
  readonly conflict?: WrittenConflict;
  /** Whether rows that exist when a table joins are copied first. */
  readonly initial?: 'copy' | 'none';
  /** What happens to a target table that has rows before the copy: refuse to start, keep its rows, merge by key, or replace them. */
  readonly existing?: 'refuse' | 'keep' | 'merge' | 'replace';
  /** What happens when a table is altered at the source: stop with a message, carry the change over, or go on without it. */
  readonly ddl?: 'replicate' | 'ignore' | 'stop';
  /** What happens with a row that cannot be written: stop there, or set it aside and go on. */
  readonly on_error?: 'stop' | 'park';
  /** How rows are written at the target. */
  readonly apply?: {
    /** Writers side by side, one-way and with `atomic: false`. */
    readonly lanes?: number;
    /** Whether a source transaction becomes visible at the target as a whole. */
    readonly atomic?: boolean;
  };
  /** Where pipelines of several channels share the link between two nodes, those of the channel with more go first. Those with less always keep a part: one byte of eight. */
  readonly priority?: number;
  /** What the pipelines of this channel out of one database may carry together, in rows, or in bytes of their values before they are compressed. Default: no limit. */
  readonly rate?: string;
  /** One-way: weights of source tables, by name or pattern. What is written together is written in their order, 0 where none is given; tables that foreign keys bind come last, in the order of the log. Default: none. */
  readonly order?: Readonly<Record<string, number>>;
  /** One-way: everything but the writes; `otter status` counts what would have been written. The channel begins anew when it is taken out. */
  readonly dry_run?: boolean;
  /** Its databases are compared by themselves, every so often, as by `otter verify`; `otter status` says how it ended. The node that owns a target does it, and needs to reach the sources too, with their passwords. Default: never. */
  readonly verify?: {
    /** How often, from the beginning of one comparison to that of the next. */
    readonly every: string;
    /** It reads no faster than this. Default: no limit. */
    readonly rate?: string;
  };
  /** What loses together in a conflict: the single row, or its whole transaction. */
  readonly scope?: 'row' | 'transaction';
  /** Whether the channel runs. A channel that does not run keeps its positions. */
  readonly enabled?: boolean;
  /** One-way: reference to the key of masks that hash. Another key gives other values: copy the tables anew. Default: none. */
  readonly mask_key?: WrittenSecret;
  /** The tables. More exact entries win over wildcards. */
  readonly tables: readonly (string | WrittenTable)[];
}

/** A table entry: `schema.table`, or a map with more about it. A part may hold `*` and `?` or a numbered range `[0-31]` (`[00-31]` keeps the zeros); `/regex/` is matched with the whole `schema.table`; odd names stand in backquotes. */
export interface WrittenTable {
  /** The table at the source; in a two-way channel at the first database. */
  readonly from: string;
  /** The table at the target; in a two-way channel at every other database. Default: the same as `from`. */
  readonly to?: string;
  readonly columns?: WrittenColumns;
  /** One-way: only rows for which this expression holds. A row that leaves the filter is deleted at the target, one that enters it is inserted. Default: all rows. */
  readonly where?: string;
  /** One-way: an ES module beside the topology, self-contained and of at most 64 KiB, whose default export is a function from a row to a row, a list of rows, or null. Default: none. */
  readonly process?: string;
  /** One-way: changed rows travel as their source has them now, not as the log has them. */
  readonly reread?: boolean;
  /** Two-way: overrides the channel's rule for this table; what it does not say is as the channel says. */
  readonly conflict?: WrittenConflict;
  /** One-way: weight of this table, in place of the channel's `order`. Default: as the channel says. */
  readonly order?: number;
}

/** Which columns travel, and under which names. Columns are named as in `from`. */
export interface WrittenColumns {
  /** Only these columns. Default: all. */
  readonly only?: readonly string[];
  /** All columns but these. */
  readonly omit?: readonly string[];
  /** Column at the source: column at the target. */
  readonly rename?: Readonly<Record<string, string>>;
  /** One-way. Column at the target: expression over the source's row that gives its value; constant texts in single quotes. Default: none. */
  readonly set?: Readonly<Record<string, string | number | boolean | null>>;
  /** One-way. Column: how its value is made unreadable; `hash` needs the channel's `mask_key`. Default: none. */
  readonly mask?: Readonly<Record<string, 'null' | 'hash' | 'redact'>>;
}

/** What happens when a row is written in two places before either has seen the other's write. */
export interface WrittenConflict {
  /** `site-priority`: the preferred site decides. `last-write-wins`: the later write wins. `manual`: the local row stays, the other waits for a person. */
  readonly policy?: 'site-priority' | 'last-write-wins' | 'manual';
  /** Every database of the channel, the preferred one first. Default: the order of `between`. */
  readonly priority?: readonly string[];
  /** Column whose value stands in for the time of a write, under `last-write-wins`: a number, a date or a time. `null`: none does. */
  readonly by?: string | null;
  /** What counts as the same thing being written: the row, or each column. */
  readonly merge?: 'row' | 'column';
  /** Under `merge: column`: columns that only make sense together. */
  readonly groups?: readonly (readonly string[])[];
  /** Number columns whose concurrent changes add up. */
  readonly counters?: readonly string[];
  /** What the conflict log holds of rows: all, only their keys, or nothing, so that conflicts are counted and not recorded. */
  readonly log?: 'full' | 'keys' | 'none';
  /** What of the conflict log is kept. A table entry with its own bounds is kept apart from the rest of its channel. */
  readonly keep?: {
    /** Records older than this are removed. */
    readonly days?: number;
    /** Of more records than this, in each database, the oldest are removed. */
    readonly count?: number;
  };
}

/** Files kept the same between regions: those that replicated rows name (`follow`), or a directory tree (`watch`). */
export interface WrittenFileSet {
  /** Both ways: the regions. Default: none; `from` and `to` in its place. */
  readonly between?: readonly string[];
  /** One way: the region the files come from. */
  readonly from?: string | readonly string[];
  /** One way: the region the files go to. */
  readonly to?: string | readonly string[];
  /** The directory in each region. */
  readonly roots: Readonly<Record<string, string>>;
  /** Files that replicated rows name. */
  readonly follow?: {
    /** The channel that carries the rows. */
    readonly channel: string;
    /** The table, as the channel's entry names it. */
    readonly table: string;
    /** Path below the root, or several; `{column}` stands for a column's value, `{column[]}` for each of a list (JSON, or parted by commas). NULL names no file. */
    readonly path: string | readonly string[];
  };
  /** Patterns of paths below the root. Default: none; `follow` in its place. */
  readonly watch?: readonly string[];
  /** Patterns of paths that are left out. */
  readonly exclude?: readonly string[];
  /** Whether a file arrives before the row that names it, or after. */
  readonly order?: 'file-first' | 'row-first';
  /** When a row names a file that is not there: go on, wait for it, or stop. */
  readonly missing?: 'continue' | 'wait' | 'stop';
  /** Whether files that disappear are kept elsewhere or removed there too. */
  readonly delete?: 'keep' | 'mirror';
  /** What happens when a file is written in two regions at once; `priority` names regions. */
  readonly conflict?: WrittenConflict;
  /** A module that finds the files of a row. Default: none. */
  readonly resolver?: string;
  /** Limit of the transfer. Default: no limit. */
  readonly bandwidth?: string;
}

/** A condition to tell someone about. */
export interface WrittenAlert {
  /** The channel it watches. Default: none. */
  readonly channel?: string;
  /** The database it watches. Default: none. */
  readonly database?: string;
  /** The node it watches. Default: none. */
  readonly node?: string;
  /** The file set it watches. Default: none. */
  readonly files?: string;
  /** The condition; see `docs/alerts.md`. */
  readonly when: string;
  /** How long it must hold. */
  readonly for?: string;
  /** Times of day at which it counts. Default: always. */
  readonly between?: readonly string[];
  /** Time zone of `between`, by its IANA name. Default: UTC. */
  readonly zone?: string;
  /** Tell again after this time while it holds. Default: once. */
  readonly repeat?: string;
  /** The receivers. */
  readonly notify?: readonly string[];
  /** What otter tries by itself, of a channel: let what is paused go on, or stop it and let it go on. Default: nothing. */
  readonly do?: 'resume' | 'restart';
  /** How often that is done within 24 hours. Default: 3. */
  readonly limit?: number;
}

/** A receiver of alerts: exactly one of these. */
export interface WrittenReceiver {
  /** Address that is posted to, as a reference. Default: none. */
  readonly webhook?: WrittenSecret;
  /** Address of a Slack webhook, as a reference. Default: none. */
  readonly slack?: WrittenSecret;
  /** Mail. */
  readonly email?: {
    /** Who gets it. */
    readonly to: string | readonly string[];
    /** Who it comes from. Default: `otter@` and the name of the machine. */
    readonly from?: string;
    /** `host:port` of the mail server; with port 465 the connection is encrypted from the beginning, else as soon as the server offers it. Default: the machine's own. */
    readonly server?: string;
    /** Name of the login at the mail server. Default: none. */
    readonly user?: string;
    /** Password of the login, as a reference. Default: none. */
    readonly password?: WrittenSecret;
  };
  /** A program that is run on the node, with its arguments as a list; no shell reads them. Default: none. */
  readonly command?: string | readonly string[];
}

/** Limits that no plan may cross. They are applied with the rest, and a plan is held against those that are applied as well as those it brings. */
export interface WrittenGuards {
  /** No more objects than this are destroyed or replaced at once: a number, or a part of what is applied. What is named with `--allow-destroy` is not counted. Default: no limit. */
  readonly max_destroy?: number | string;
  /** No more objects than this are changed, replaced or destroyed at once: a number, or a part of what is applied. Default: no limit. */
  readonly max_change?: number | string;
  /** No more of the running pipelines than this end, begin anew or pause at once: a number, or a part of them. Default: no limit. */
  readonly max_pipelines?: number | string;
  /** No more rows than this are copied by one plan. Where it is not known how many, a plan is refused too: `--live` asks the databases. Default: no limit. */
  readonly max_copy_rows?: number;
  /** Refuse every change but that of `guards`, `rules` and `history`. */
  readonly freeze?: boolean;
}

/** How much of what was applied is kept in the state store. What is older goes with a later apply: one cannot go back to it any more. */
export interface WrittenHistory {
  /** The last applied changes, with their plans: for `history`, `show`, `diff` and `rollback`. */
  readonly serials?: number;
  /** The last entries of the audit. */
  readonly audit?: number;
}

/** How grave a finding is; or a rule of your own, with `when` and `message`. */
export interface WrittenRule {
  /** An `error` refuses the plan. Default: of a rule of your own `error`, of a finding its own. */
  readonly severity?: 'error' | 'warning' | 'off';
  /** A condition over one object of the plan, in the language of `where`; what it holds for breaks the rule. Default: none; the rule says how grave a finding is. */
  readonly when?: string;
  /** `change`: every change of the plan is looked at. `state`: every object that the plan makes or changes, as it will be. */
  readonly on?: 'change' | 'state';
  /** What is wrong then, and what to do. Default: none; a rule with `when` needs it. */
  readonly message?: string;
  /** Objects that may break it for a while. Default: none. */
  readonly waive?: readonly WrittenWaiver[];
}

/** An object that may break a rule until a day. */
export interface WrittenWaiver {
  /** Its address. */
  readonly for: string;
  /** The last day, in UTC. */
  readonly until: string;
  /** Why; every plan shows it. */
  readonly reason: string;
}

/** An object that has a new name. */
export interface WrittenMove {
  /** Its old address. */
  readonly from: string;
  /** Its new address. */
  readonly to: string;
}

/** Encrypted, with a certificate on both sides. Each node (and who asks them for a status) has files of its own at these paths, PEM. */
export interface WrittenLinkTls {
  /** Authorities that peers' certificates must come from. */
  readonly ca: string;
  /** Certificate of the node, for the host that it advertises. */
  readonly cert: string;
  /** Key of `cert`. */
  readonly key: string;
}

/** How nodes know each other, and whoever asks them: certificates, or a token that all of them share. Without it their ports answer anybody. */
export interface WrittenLink {
  readonly tls?: WrittenLinkTls;
  /** A token that all nodes know, 16 characters or more, as a reference: for development, since it does not encrypt. */
  readonly token?: WrittenSecret;
}
