/** Reads an Otter 4 manager's own database: its tables of configuration, whole, in one session that writes nothing. */
import { OtterError } from '../model/error.ts';
import { MANAGER_TABLES, type ManagerRow, type ManagerRows, type ManagerTable } from '../model/importing.ts';
import type { Session } from './connection.ts';
import type { DatabaseServer } from './database-server.ts';
import { qualified, quoteText } from './sql.ts';

/** Where the manager's own scripts put it. */
const SCHEMA = 'otter';

/** Without these it is none. */
const NEEDED: readonly ManagerTable[] = ['CHANNEL', 'PIPELINE', 'DATA_MEDIA', 'DATA_MEDIA_PAIR', 'DATA_MEDIA_SOURCE'];

/** @throws OtterError OT4001, OT4003, OT7013 */
export async function readManagerTables(
  server: DatabaseServer,
  schema: string | null,
  signal: AbortSignal,
): Promise<ManagerRows> {
  await using session = await server.connect({ signal });
  const names = await tableNames(session, schema ?? SCHEMA, signal);
  const missing = NEEDED.filter((table) => !names.has(table));
  if (missing.length > 0) {
    throw new OtterError('OT7013', `the schema ${schema ?? SCHEMA} has no table ${missing.join(', ')}`, {
      where: session.where,
      hint: "Name the manager's schema in the address: otter import --otter4 mysql://user@host:3306/otter",
    });
  }
  // Of one moment, as long as they are InnoDB.
  await session.run('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY', { signal });
  const found = {} as Record<ManagerTable, readonly ManagerRow[]>;
  for (const table of MANAGER_TABLES) {
    const name = names.get(table);
    const rows =
      name === undefined
        ? []
        : await session.rows<ManagerRow>(`SELECT * FROM ${qualified({ schema: schema ?? SCHEMA, name })}`, { signal });
    found[table] = rows.map(inCapitals);
  }
  return found;
}

/** By their names in capitals: servers that fold names have small ones. */
async function tableNames(session: Session, schema: string, signal: AbortSignal): Promise<Map<string, string>> {
  const rows = await session.rows<{ name: string }>(
    `SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${quoteText(schema)}`,
    { signal },
  );
  return new Map(rows.map(({ name }) => [name.toUpperCase(), name]));
}

function inCapitals(row: ManagerRow): ManagerRow {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toUpperCase(), value]));
}
