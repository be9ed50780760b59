/** What `otter import` reads of servers that are not in a topology yet: values as they stand there, and the ports that bring them. */
import type { LiveDatabase } from './inspection.ts';

/** A server as a person names it on the command line. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** The schema that was named, or null. */
  readonly schema: string | null;
}

/** Tables of an Otter 4 manager's database that say what is configured; statistics and logs are left alone. */
export const MANAGER_TABLES = [
  'ALARM_RULE',
  'AUTOKEEPER_CLUSTER',
  'CANAL',
  'CHANNEL',
  'COLUMN_PAIR',
  'COLUMN_PAIR_GROUP',
  'DATA_MATRIX',
  'DATA_MEDIA',
  'DATA_MEDIA_PAIR',
  'DATA_MEDIA_SOURCE',
  'NODE',
  'PIPELINE',
  'PIPELINE_NODE_RELATION',
  'SYSTEM_PARAMETER',
] as const;
export type ManagerTable = (typeof MANAGER_TABLES)[number];

/** A row by the names of its columns, in capitals. */
export type ManagerRow = Readonly<Record<string, string | number | null>>;
export type ManagerRows = Readonly<Record<ManagerTable, readonly ManagerRow[]>>;

/** @throws OtterError OT4001, OT4003, OT7013 when it is not a manager's database */
export type ReadManager = (server: ServerAddress, password: string, signal: AbortSignal) => Promise<ManagerRows>;

/** The log file and offset of a server, and what they are as a position that outlives the file. */
export interface AskedPoint {
  readonly file: string;
  readonly offset: number;
}

export interface FoundPoint {
  readonly family: 'mysql' | 'mariadb';
  /** `mysql:UUID:1-5`, `mariadb:0-1-42`; null: the server has no GTIDs there. */
  readonly gtids: string | null;
}

/** With null asks only what kind of server it is. @throws OtterError */
export type FindPoint = (
  server: ServerAddress,
  password: string,
  point: AskedPoint | null,
  signal: AbortSignal,
) => Promise<FoundPoint>;

/** A server that no topology names. @throws OtterError OT4001, OT4003, OT4005 */
export type ReachServer = (server: ServerAddress, password: string, signal: AbortSignal) => Promise<LiveDatabase>;
