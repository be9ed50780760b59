/**
 * Reads what `otter validate --live` wants to know of a server, over one session that writes nothing.
 *
 * Rule kept: a server that stops answering ends the inspection, so nobody waits for it for ever.
 */
import { OtterError } from '../model/error.ts';
import type { LiveDatabase, LiveTable, ServerReport, TableName } from '../model/inspection.ts';
import { type TableShape, tableName } from '../model/row.ts';
import type { Session } from './connection.ts';
import type { DatabaseServer } from './database-server.ts';
import { readAccount } from './grants.ts';
import { globalVariables, unfitSettings } from './preflight.ts';
import { Catalog, listTables, tableSizes } from './schema.ts';
import { atLeast, readFacts, type ServerKind } from './server-facts.ts';
import { printedExpression, settingsOf } from './session-words.ts';
import { qualified, quoteText } from './sql.ts';
import { requireExactTypes } from './table-map.ts';
import { unguardedTriggers } from './triggers.ts';

export interface InspectOptions {
  /** Schema of otter's own tables there. */
  readonly schema: string;
  readonly signal: AbortSignal;
  /** For each step: reaching it, its report, its tables [60 s]. */
  readonly timeoutMs?: number | undefined;
}

/** Tables of one question; more of them are asked for as the whole schema. */
const NAMED_TABLES_MAX = 50;
const CLOCK_READINGS = 3;

/** @throws OtterError OT4001, OT4003, OT4004, OT4005, OT4008 */
export async function inspectServer(server: DatabaseServer, options: InspectOptions): Promise<LiveDatabase> {
  const { schema } = options;
  const step = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => inTime(server, options, work);
  const session = await step((signal) => server.connect({ multipleStatements: true, signal }));
  const asking = <T>(work: () => Promise<T>): Promise<T> =>
    step(async (signal) => {
      const end = (): void => session.destroy();
      signal.addEventListener('abort', end, { once: true });
      try {
        return await work();
      } finally {
        signal.removeEventListener('abort', end);
      }
    });
  return {
    report: () => asking(() => report(session, schema, server.endpoint)),
    tables: (names) => asking(() => tables(session, names)),
    sizes: () => asking(() => tableSizes(session)),
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** @throws OtterError OT4004 when it takes longer than the time; an abort as it was given. */
export async function inTime<T>(
  { name, endpoint }: DatabaseServer,
  { signal, timeoutMs = 60_000 }: InspectOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    return await work(AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new OtterError('OT4004', `the server did not answer within ${timeoutMs / 1000} s`, {
      where: { database: name, endpoint },
      cause: error,
    });
  }
}

async function report(session: Session, schema: string, endpoint: string): Promise<ServerReport> {
  const facts = await readFacts(session);
  const values = await globalVariables(session, [
    'binlog_expire_logs_seconds',
    'binlog_expire_logs_auto_purge',
    'expire_logs_days',
    'binlog_row_metadata',
    'max_allowed_packet',
    'auto_increment_increment',
    'auto_increment_offset',
    'read_only',
  ]);
  return {
    endpoint,
    facts,
    unfit: await unfitSettings(session, facts),
    account: await readAccount(session),
    tables: await listTables(session),
    logSeconds: logSeconds(values),
    rowMetadata: values.get('binlog_row_metadata') ?? null,
    packetBytes: Number(values.get('max_allowed_packet')),
    autoIncrement: {
      increment: Number(values.get('auto_increment_increment') ?? 1),
      offset: Number(values.get('auto_increment_offset') ?? 1),
    },
    readOnly: !/^(OFF|0)$/i.test(values.get('read_only') ?? 'OFF'),
    clock: await readClock(session),
    begun: await readBegun(session, schema),
  };
}

/** Null: for ever. Older servers know days only; on some both are there and say the same. */
function logSeconds(values: ReadonlyMap<string, string>): number | null {
  if (/^(OFF|0)$/i.test(values.get('binlog_expire_logs_auto_purge') ?? 'ON')) return null;
  const seconds = Number(values.get('binlog_expire_logs_seconds') ?? 0);
  const kept = seconds > 0 ? seconds : Number(values.get('expire_logs_days') ?? 0) * 86_400;
  return kept > 0 ? kept : null;
}

/** Of several readings the one that was answered soonest; the answer is taken to be from halfway. */
async function readClock(session: Session): Promise<ServerReport['clock']> {
  let best: ServerReport['clock'] = { aheadMs: 0, offMs: Number.POSITIVE_INFINITY };
  for (let reading = 0; reading < CLOCK_READINGS; reading += 1) {
    const asked = Date.now();
    const [row] = await session.rows<{ now: string }>('SELECT UTC_TIMESTAMP(6) AS now');
    const answered = Date.now();
    const offMs = (answered - asked) / 2;
    const there = Date.parse(`${row!.now.slice(0, 23).replace(' ', 'T')}Z`);
    if (offMs < best.offMs) best = { aheadMs: there - (asked + offMs), offMs };
  }
  return best;
}

/** Nothing where otter's tables are not there yet, or may not be read: then privileges are the finding. */
async function readBegun(session: Session, schema: string): Promise<ServerReport['begun']> {
  const found = await session.rows<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ${quoteText(schema)} AND TABLE_NAME IN ('copy', 'structure')`,
  );
  if (found.length === 0) return [];
  const parts = found.map(
    ({ name }) => `SELECT pipeline, source_table AS \`table\` FROM ${qualified({ schema, name })}`,
  );
  return orWithoutPrivilege(session.rows<{ pipeline: string; table: string }>(parts.join(' UNION ')), []);
}

async function tables(session: Session, names: readonly TableName[]): Promise<ReadonlyMap<string, LiveTable>> {
  const catalog = new Catalog({ children: false });
  const kind = await readFacts(session);
  const { folds } = kind;
  const found = new Map<string, LiveTable>();
  for (const [schema, group] of Map.groupBy(names, (name) => name.schema)) {
    const wanted = Map.groupBy(group, ({ name }) => (folds ? name.toLowerCase() : name));
    const few = wanted.size <= NAMED_TABLES_MAX ? [...wanted.keys()] : null;
    const shapes = [...(await catalog.load(session, schema, few)).values()].filter(({ name }) => wanted.has(name));
    const counting = await autoIncrementTables(session, schema);
    const filled = await filledTables(session, shapes);
    const checks = await swayingChecks(session, kind, schema, shapes);
    for (const shape of shapes) {
      const table: LiveTable = {
        shape,
        inexact: inexact(shape),
        autoIncrement: counting.has(shape.name),
        unguardedTriggers: shape.triggers.length === 0 ? [] : await unguardedTriggers(session, schema, shape.name),
        hasRows: filled?.has(shape) ?? null,
        swayingChecks: checks.get(shape.name) ?? [],
      };
      // By the letters in which it was asked for.
      for (const name of wanted.get(shape.name)!) found.set(tableName(name), table);
    }
  }
  return found;
}

interface CheckRow {
  readonly tableName: string;
  readonly name: string;
  readonly clause: string;
}

/** By table. MySQL has checks since 8.0.16. */
async function swayingChecks(
  session: Session,
  { family, release }: ServerKind,
  schema: string,
  shapes: readonly TableShape[],
): Promise<ReadonlyMap<string, NonNullable<LiveTable['swayingChecks']>>> {
  if (family === 'mysql' && !atLeast(release, 8, 0)) return new Map();
  const of = quoteText(schema);
  const sql =
    family === 'mariadb'
      ? `SELECT TABLE_NAME AS tableName, CONSTRAINT_NAME AS name, CHECK_CLAUSE AS clause FROM information_schema.CHECK_CONSTRAINTS
         WHERE CONSTRAINT_SCHEMA = ${of}`
      : `SELECT t.TABLE_NAME AS tableName, c.CONSTRAINT_NAME AS name, c.CHECK_CLAUSE AS clause
         FROM information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t
         ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME
         WHERE c.CONSTRAINT_SCHEMA = ${of} AND t.ENFORCED = 'YES'`;
  const rows = Map.groupBy(await session.rows<CheckRow>(sql), ({ tableName: table }) => table);
  return new Map(
    shapes.map(({ name: table, columns }) => [
      table,
      (rows.get(table) ?? []).flatMap(({ name, clause }) => {
        const settings = settingsOf({ expression: printedExpression(clause, family), type: null }, columns);
        return settings.length === 0 ? [] : [{ name, settings }];
      }),
    ]),
  );
}

async function autoIncrementTables(session: Session, schema: string): Promise<ReadonlySet<string>> {
  const rows = await session.rows<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.COLUMNS
     WHERE TABLE_SCHEMA = ${quoteText(schema)} AND EXTRA LIKE '%auto_increment%'`,
  );
  return new Set(rows.map(({ name }) => name));
}

async function filledTables(session: Session, shapes: readonly TableShape[]): Promise<ReadonlySet<TableShape> | null> {
  const filled = new Set<TableShape>();
  for (let start = 0; start < shapes.length; start += NAMED_TABLES_MAX) {
    const some = shapes.slice(start, start + NAMED_TABLES_MAX);
    const asked = some.map((shape, index) => `EXISTS (SELECT 1 FROM ${qualified(shape)}) AS t${index}`);
    const rows = await orWithoutPrivilege(
      session.rows<Record<string, number>>(`SELECT ${asked.join(', ')}`),
      null as Record<string, number>[] | null,
    );
    if (rows === null) return null;
    for (const [index, shape] of some.entries()) if (Number(rows[0]![`t${index}`]) === 1) filled.add(shape);
  }
  return filled;
}

function inexact(shape: TableShape): OtterError | null {
  try {
    requireExactTypes(shape);
    return null;
  } catch (error) {
    if (error instanceof OtterError) return error;
    throw error;
  }
}

async function orWithoutPrivilege<T>(work: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof OtterError && error.code === 'OT4022') return otherwise;
    throw error;
  }
}
