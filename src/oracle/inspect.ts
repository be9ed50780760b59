/**
 * Reads what `otter validate --live` wants to know of an Oracle database, over one connection that writes nothing.
 *
 * Rule kept: a server that stops answering ends the inspection, so nobody waits for it for ever.
 */
import { OtterError } from '../model/error.ts';
import type { LiveDatabase, LiveTable, ServerReport, TableName, UnfitSetting } from '../model/inspection.ts';
import type { Account, Grant } from '../model/privileges.ts';
import { tableName } from '../model/row.ts';
import type { Connection } from './connection.ts';
import type { OracleServer } from './database-server.ts';
import { oracleErrorNumber } from './errors.ts';
import { qualified } from './names.ts';
import { OwnRecords } from './own-records.ts';
import { findSchema, findTable, readShape } from './schema.ts';
import { readFacts, unfitness } from './server-facts.ts';

export interface InspectOptions {
  /** Schema of otter's own tables there. */
  readonly schema: string;
  readonly signal: AbortSignal;
  /** For each step: reaching it, its report, its tables [60 s]. */
  readonly timeoutMs?: number | undefined;
}

/** @throws OtterError OT4001, OT4003, OT4004, OT4005, OT4008 */
export async function inspectOracle(server: OracleServer, options: InspectOptions): Promise<LiveDatabase> {
  const { schema, signal, timeoutMs = 60_000 } = options;
  const inTime = async <T>(connection: Connection | null, work: () => Promise<T>): Promise<T> => {
    const late = AbortSignal.timeout(timeoutMs);
    const end = AbortSignal.any([signal, late]);
    const destroy = (): void => (connection === null ? server.abandon() : connection.destroy());
    end.addEventListener('abort', destroy, { once: true });
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!late.aborted) throw error;
      const { name, endpoint } = server;
      throw new OtterError('OT4004', `the server did not answer within ${timeoutMs / 1000} s`, {
        where: { database: name, endpoint },
        cause: error,
      });
    } finally {
      end.removeEventListener('abort', destroy);
    }
  };
  const connection = await inTime(null, () => server.connect());
  return {
    report: () => inTime(connection, () => ended(connection, report(connection, schema, server))),
    tables: (names) => inTime(connection, () => ended(connection, tables(connection, names))),
    sizes: async () => [],
    [Symbol.asyncDispose]: async () => connection.destroy(),
  };
}

/** No transaction of a mere question stays open. */
async function ended<T>(connection: Connection, work: Promise<T>): Promise<T> {
  const result = await work;
  await connection.rollback();
  return result;
}

async function report(connection: Connection, schema: string, { endpoint }: OracleServer): Promise<ServerReport> {
  const facts = await readFacts(connection);
  const own = await findSchema(connection, schema);
  const account = await readAccount(connection);
  return {
    endpoint,
    facts: { family: 'oracle', version: facts.version, identity: endpoint, logsCascades: true },
    unfit: [
      ...unfitness(facts),
      ...(own === null ? [`it has no user ${schema}, in whose schema otter's own tables would be`] : []),
    ].map(unfit),
    account,
    tables: [],
    ...{ logSeconds: null, rowMetadata: null, packetBytes: Number.POSITIVE_INFINITY, readOnly: false },
    autoIncrement: { increment: 1, offset: 1 },
    // Otter writes no time of this server, so nobody asks for it.
    clock: { aheadMs: 0, offMs: Number.POSITIVE_INFINITY },
    begun: own === null ? [] : await readBegun(connection, own),
  };
}

function unfit(message: string): UnfitSetting {
  const hint = message.includes('own tables')
    ? 'write the name of the database user as its `schema:`, or let an administrator create that user'
    : 'see docs/oracle.md';
  return { for: 'all', message, hint };
}

/** What the session may do, also by roles; and on which tables. */
async function readAccount(connection: Connection): Promise<Account> {
  const [user] = await connection.rows("SELECT SYS_CONTEXT('USERENV','CURRENT_USER') FROM dual");
  const name = user![0]!;
  const everywhere = (await connection.rows('SELECT privilege FROM session_privs')).map(([privilege]) => privilege!);
  const onTables = await connection.rows(
    `SELECT table_schema, table_name, privilege FROM all_tab_privs
     WHERE grantee IN (:1,'PUBLIC') OR grantee IN (SELECT role FROM session_roles)`,
    [name],
  );
  const any = everywhere.flatMap((privilege) => {
    const kind = /^(SELECT|INSERT|UPDATE|DELETE) ANY TABLE$/.exec(privilege)?.[1];
    return kind === undefined ? [privilege] : [privilege, kind];
  });
  const grants: Grant[] = [
    { privileges: any, schema: null, table: null },
    { privileges: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], schema: name, table: null },
    ...onTables.map(([schema, table, privilege]) => ({
      privileges: privilege === 'READ' ? ['SELECT'] : [privilege!],
      schema: schema!,
      table: table!,
    })),
  ];
  return { name: `"${name}"`, grants, roles: false };
}

async function readBegun(connection: Connection, schema: string): Promise<ServerReport['begun']> {
  const records = new OwnRecords(schema, '');
  const found = new Map<string, { pipeline: string; table: string }>();
  for (const name of ['COPY', 'STRUCTURE'] as const) {
    if ((await findTable(connection, { schema, name })) === null) continue;
    const rows = await connection.rows(`SELECT "PIPELINE","SOURCE_TABLE" FROM ${records.table(name)}`);
    for (const [pipeline, table] of rows) found.set(`${pipeline} ${table}`, { pipeline: pipeline!, table: table! });
  }
  return [...found.values()];
}

/** By the names that were asked for, which need not be those that Oracle has. */
async function tables(connection: Connection, names: readonly TableName[]): Promise<ReadonlyMap<string, LiveTable>> {
  const found = new Map<string, LiveTable>();
  for (const name of names) {
    const there = await findTable(connection, name);
    const shape = there === null ? null : await readShape(connection, there);
    if (shape === null) continue;
    found.set(tableName(name), {
      shape,
      inexact: null,
      autoIncrement: false,
      unguardedTriggers: shape.triggers,
      hasRows: await hasRows(connection, shape),
    });
  }
  return found;
}

/** ORA-01031: insufficient privileges; ORA-00942: so insufficient that the table is not even there. */
const NOT_ALLOWED: ReadonlySet<number | null> = new Set([942, 1031]);

async function hasRows(connection: Connection, table: TableName): Promise<boolean | null> {
  try {
    return (await connection.rows(`SELECT 1 FROM ${qualified(table)} FETCH FIRST 1 ROWS ONLY`)).length > 0;
  } catch (error) {
    if (!NOT_ALLOWED.has(oracleErrorNumber(error))) throw error;
    await connection.rollback();
    return null;
  }
}
