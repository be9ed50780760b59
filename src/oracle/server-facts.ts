/** What an Oracle database must be to be a target. */
import { OtterError } from '../model/error.ts';
import type { Connection } from './connection.ts';

export interface OracleFacts {
  readonly version: string;
  readonly charset: string;
}

export async function readFacts(connection: Connection): Promise<OracleFacts> {
  // Every account may read it, which is not so of V$INSTANCE.
  const [version] = await connection.rows("SELECT version FROM product_component_version WHERE product LIKE 'Oracle%'");
  const [charset] = await connection.rows(
    "SELECT value FROM nls_database_parameters WHERE parameter='NLS_CHARACTERSET'",
  );
  return { version: version?.[0] ?? '', charset: charset?.[0] ?? '' };
}

/** What is wrong with it, in words; empty: nothing. */
export function unfitness({ version, charset }: OracleFacts): readonly string[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [
    ...(major > 12 || (major === 12 && minor >= 2) ? [] : [`it is Oracle ${version}, and otter writes 12.2 and later`]),
    ...(charset === 'AL32UTF8'
      ? []
      : [`its character set is ${charset}, in which not every text has a place; AL32UTF8 has all`]),
  ];
}

/** @throws OtterError OT4070 */
export async function requireFit(connection: Connection, database: string): Promise<void> {
  const [wrong] = unfitness(await readFacts(connection));
  if (wrong !== undefined) throw new OtterError('OT4070', `${database}: ${wrong}`, { where: { database } });
}
