/** Triggers of a table that would act on replicated rows too. */
import type { Session } from './connection.ts';
import { quoteText } from './sql.ts';

/** Those whose body does not ask `@otter_apply`, which otter's sessions set. */
export async function unguardedTriggers(session: Session, schema: string, table: string): Promise<readonly string[]> {
  const found = await session.rows<{ name: string; body: string | null }>(
    `SELECT trigger_name AS name, action_statement AS body FROM information_schema.triggers
     WHERE event_object_schema=${quoteText(schema)} AND event_object_table=${quoteText(table)} ORDER BY trigger_name`,
  );
  return found.filter(({ body }) => !/@`?otter_apply\b/i.test(String(body))).map(({ name }) => name);
}
