/** `otter.conflict` of a server, read by whoever wants to know what was decided; and shortened, by the owner of the database. */
import type { ConflictLogReader, ConflictShare } from '../model/conflict.ts';
import { type ConflictRow, conflictList, conflictOf, conflictOne } from './conflict-rows.ts';
import type { Session } from './connection.ts';
import type { DatabaseServer } from './database-server.ts';
import { type InspectOptions, inTime } from './inspect.ts';
import { qualified, quoteText } from './sql.ts';

const DAY_MS = 86_400_000;

/** @throws OtterError OT4001, OT4003, OT4004, OT4005, OT4008 */
export async function openConflictLog(server: DatabaseServer, options: InspectOptions): Promise<ConflictLogReader> {
  const step = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => inTime(server, options, work);
  const session = await step((signal) => server.connect({ signal }));
  const from = qualified({ schema: options.schema, name: 'conflict' });
  const ask = (sql: string): Promise<ConflictRow[]> =>
    step(async (signal) => {
      const end = (): void => session.destroy();
      signal.addEventListener('abort', end, { once: true });
      try {
        return (await hasLog(session, options.schema)) ? await session.rows<Record<string, string>>(sql) : [];
      } finally {
        signal.removeEventListener('abort', end);
      }
    });
  return {
    list: async (query) => (await ask(conflictList(from, query))).map(conflictOf),
    one: async (id) => (await ask(conflictOne(from, id))).map(conflictOf)[0] ?? null,
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

/** A database that no node owned yet has none. */
async function hasLog(session: Session, schema: string): Promise<boolean> {
  const named = `TABLE_SCHEMA = ${quoteText(schema)} AND TABLE_NAME = 'conflict'`;
  const found = await session.rows(`SELECT 1 AS one FROM information_schema.TABLES WHERE ${named}`);
  return found.length > 0;
}

/**
 * Removes at most `batch` records that are too old, or too many; never one that waits for a person. Returns how many.
 * They are looked up without locks and removed by their numbers, so that nothing that is written meanwhile waits.
 */
export async function pruneConflicts(
  session: Session,
  where: { readonly table: string; readonly topology: string },
  { channel, tables, keep }: ConflictShare,
  { nowMs, batch }: { readonly nowMs: number; readonly batch: number },
): Promise<number> {
  const named = (tables ?? []).map(({ schema, name }) => `(${quoteText(schema)},${quoteText(name)})`).join(',');
  const among = tables === null ? '' : ` AND (table_schema,table_name) IN (${named})`;
  const share = `${where.topology} AND channel=${quoteText(channel)}${among} AND state<>'open'`;
  const old = `decided_ms<${Math.max(0, nowMs - keep.days * DAY_MS)}`;
  const select = `SELECT id FROM ${where.table} WHERE ${share}`;
  let ids = await idsOf(session, `${select} AND ${old} ORDER BY decided_ms LIMIT ${batch}`);
  if (ids.length === 0)
    ids = await idsOf(session, `${select} ORDER BY decided_ms DESC LIMIT ${batch} OFFSET ${keep.count}`);
  if (ids.length > 0) await session.run(`DELETE FROM ${where.table} WHERE id IN (${ids.join(',')})`);
  return ids.length;
}

async function idsOf(session: Session, sql: string): Promise<string[]> {
  return (await session.rows<{ id: string | number }>(sql)).map(({ id }) => String(id));
}
