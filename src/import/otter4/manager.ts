/**
 * What an Otter 4 manager keeps, as objects.
 *
 * Rule: passwords are kept apart (`Login`), so that nothing that is written or printed can hold one by mistake.
 */

export interface Manager {
  readonly channels: readonly Channel[];
  readonly pipelines: readonly Pipeline[];
  readonly pairs: readonly Pair[];
  readonly media: ReadonlyMap<number, Media>;
  readonly sources: readonly Source[];
  readonly canals: ReadonlyMap<string, Canal>;
  readonly nodes: readonly ManagerNode[];
  readonly alarms: readonly Alarm[];
  readonly matrices: ReadonlyMap<string, Matrix>;
  readonly system: SystemParameters;
  /** What was not understood. */
  readonly problems: readonly string[];
}

export interface Channel {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly consistency: string;
  readonly mode: string;
  readonly remedy: boolean;
}

export interface Pipeline {
  readonly id: number;
  readonly channel: number;
  readonly name: string;
  readonly home: boolean;
  readonly ddlSync: boolean;
  readonly dryRun: boolean;
  /** Name of its canal. */
  readonly destination: string;
  readonly clientId: number;
  readonly channelInfo: string;
  /** Skip switches that are on, by their names in Otter 4. */
  readonly skips: readonly string[];
  readonly useExternalIp: boolean;
  /** Nodes by where they work: ids. */
  readonly select: readonly number[];
  readonly load: readonly number[];
}

/** Code that rows or files go through; null: none. */
export interface Extension {
  readonly kind: 'class' | 'source';
  /** Name of the class; empty where only its text is known. */
  readonly name: string;
}

export interface Pair {
  readonly id: number;
  readonly pipeline: number;
  readonly source: number;
  readonly target: number;
  readonly weight: number;
  readonly filter: Extension | null;
  readonly resolver: Extension | null;
  readonly mode: 'include' | 'exclude';
  /** Source column and target column. */
  readonly columns: readonly (readonly [string, string])[];
  readonly groups: number;
}

export interface Media {
  readonly id: number;
  readonly namespace: string;
  readonly name: string;
  readonly source: number;
}

export interface Source {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly url: string;
  readonly user: string;
  readonly encode: string;
  readonly login: Login;
}

/** A password that the manager keeps in clear; a function, so that it is in no JSON and no message. */
export type Login = () => string;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Canal {
  readonly name: string;
  readonly sourcing: string;
  /** Master, then standbys; each the servers that are merged into one stream. */
  readonly addresses: readonly (readonly Address[])[];
  readonly user: string;
  readonly login: Login;
  readonly positions: readonly CanalPosition[];
  readonly gtid: boolean;
  readonly blackFilter: string;
  readonly haMode: string;
  readonly mediaGroup: string;
  readonly tsdb: boolean;
  readonly rds: boolean;
}

/** Where a canal begins, or stands. */
export interface CanalPosition {
  readonly file: string | null;
  readonly offset: number | null;
  readonly gtid: string | null;
  /** Milliseconds. */
  readonly timestamp: number | null;
}

export interface ManagerNode {
  readonly id: number;
  readonly name: string;
  readonly ip: string;
  readonly externalIp: string;
  /** Name of its ZooKeeper cluster; empty when it has none. */
  readonly cluster: string;
}

export interface Alarm {
  readonly pipeline: number;
  readonly monitor: string;
  /** Before `@`. */
  readonly value: string;
  /** After `@`, as written. */
  readonly times: string;
  readonly receiver: string;
  readonly status: string;
  readonly intervalSeconds: number;
  readonly recovers: boolean;
}

export interface Matrix {
  readonly master: string;
  readonly slave: string;
}

export interface SystemParameters {
  readonly receivers: ReadonlyMap<string, readonly string[]>;
  readonly schema: string;
}
