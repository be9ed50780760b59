/**
 * Whether what the log says of a table can be seen.
 *
 * MySQL hands a statement on to whoever reads its log before it commits it, and its information_schema, which takes no lock,
 * tells for that moment what was before: a table that was made is not there, one that was altered has its old columns.
 * SHOW CREATE TABLE takes the lock on the name that the statement holds until it is over. Rule kept: who asks what a table is
 * like behind a statement of the log asks for this first.
 */
import type { Session } from './connection.ts';
import { serverErrorNumber } from './driver-error.ts';
import { qualified } from './sql.ts';

/**
 * Waits for it.
 * @returns how the table is made, as the server prints it; null where there is none, or none that this user sees
 */
export async function settled(
  session: Session,
  table: { readonly schema: string; readonly name: string },
): Promise<string | null> {
  try {
    const [row] = await session.rows<Record<string, string>>(`SHOW CREATE TABLE ${qualified(table)}`);
    return row?.['Create Table'] ?? null;
  } catch (error) {
    // Whatever the server answers, it answers behind the lock; a connection that was lost says nothing.
    if (serverErrorNumber(error) === null) throw error;
    return null;
  }
}
