/**
 * What otter's account must be allowed on a database server, and whether it is. The one list: a node's own look at its
 * server, `otter validate --live`, the lab's accounts and docs/databases.md go by it.
 */
import type { ServerFacts } from './ports.ts';

type Family = ServerFacts['family'];

/** Granted on `*.*`, for a source: to be sent the log, and to ask where it ends. The first name is the one to type. */
export const LOG_PRIVILEGES: Readonly<Record<Family, readonly (readonly string[])[]>> = {
  mariadb: [
    ['REPLICATION SLAVE', 'REPLICATION REPLICA'],
    ['BINLOG MONITOR', 'REPLICATION CLIENT'],
  ],
  mysql: [
    ['REPLICATION SLAVE', 'REPLICATION REPLICA'],
    ['REPLICATION CLIENT', 'SUPER'],
  ],
};

/** On the schemas of a source's tables; without `TRIGGER` their foreign keys and triggers exist unseen. */
export const READ_PRIVILEGES = ['SELECT', 'TRIGGER'] as const;

/** On the schemas of a target's tables; the other site of a two-way channel is a source too. */
export const WRITE_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;

/** There too, where tables are to be made: a draft is created, altered and renamed; its foreign keys are `REFERENCES`. */
export const MAKE_PRIVILEGES = ['CREATE', 'ALTER', 'DROP', 'REFERENCES'] as const;

/** On the schema of otter's own tables, in every database. */
export const OWN_PRIVILEGES = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP'] as const;

export interface Grant {
  readonly privileges: readonly string[];
  /** As the server keeps it, with `%` and `_` for any; null: everywhere. */
  readonly schema: string | null;
  /** Null: all tables of the schema. */
  readonly table: string | null;
}

export interface Account {
  /** As a GRANT names it: `'otter'@'%'`. */
  readonly name: string;
  readonly grants: readonly Grant[];
  /** It has roles; what they grant is not listed, so it is believed. */
  readonly roles: boolean;
}

/** Null: everything. */
export interface GrantPlace {
  readonly schema: string | null;
  readonly table?: string | undefined;
}

/** The privileges among these that the account lacks there. */
export function lacking<P extends string>(account: Account, wanted: readonly P[], place: GrantPlace): readonly P[] {
  if (account.roles) return [];
  const there = account.grants.filter((grant) => covers(grant, place));
  return wanted.filter((privilege) => !there.some((grant) => holds(grant, privilege)));
}

/** What the account lacks to follow the log, as it is typed. */
export function lackingForLog(account: Account, family: Family): readonly string[] {
  return LOG_PRIVILEGES[family].flatMap((names) =>
    lacking(account, names, { schema: null }).length < names.length || account.roles ? [] : [names[0]!],
  );
}

/** Anywhere at all. */
export function hasSomewhere(account: Account, privilege: string): boolean {
  return account.roles || account.grants.some((grant) => holds(grant, privilege));
}

function holds({ privileges }: Grant, privilege: string): boolean {
  return privileges.includes('ALL PRIVILEGES') || privileges.includes(privilege);
}

function covers(grant: Grant, { schema, table }: GrantPlace): boolean {
  if (grant.schema === null) return true;
  if (schema === null || !like(grant.schema, schema)) return false;
  return grant.table === null || grant.table === table;
}

/** `%` and `_` stand for any text and any character, unless a backslash is before them. */
function like(pattern: string, text: string): boolean {
  if (pattern === text) return true;
  const literal = (part: string): string => part.replace(/[\\^$.*+?()[\]{}|]/, '\\$&');
  const expression = pattern.replace(/\\([%_\\])|([%_])|[^\\%_]|\\/g, (part, escaped?: string, any?: string) =>
    any === undefined ? literal(escaped ?? part) : any === '%' ? '.*' : '.',
  );
  return new RegExp(`^${expression}$`, 'su').test(text);
}
