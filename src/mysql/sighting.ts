/** How a server is, as far as it matters for whether it may be used: read-only, a replica, and what it has executed. */
import { OtterError } from '../model/error.ts';
import type { Session } from './connection.ts';
import { readExecuted } from './executed.ts';
import { globalVariables } from './preflight.ts';
import { atLeast, readFacts, type ServerKind } from './server-facts.ts';
import type { Sighting } from './taking-over.ts';

export async function sight(session: Session): Promise<Extract<Sighting, { kind: 'answers' }>> {
  const kind = await readFacts(session);
  const settings = await globalVariables(session, ['read_only', 'super_read_only']);
  return {
    kind: 'answers',
    readOnly: [...settings.values()].some((value) => !/^(OFF|0)$/i.test(value)),
    replicates: await replicates(session, kind),
    has: await readExecuted(session, kind),
  };
}

/** Whether it applies what another server wrote. MariaDB tells everybody that it does; MySQL only who may ask. */
async function replicates(session: Session, { family, release }: ServerKind): Promise<boolean | 'unseen'> {
  if (family === 'mariadb')
    return (await session.rows("SHOW GLOBAL STATUS WHERE Variable_name = 'Slaves_running' AND Value > 0")).length > 0;
  try {
    const channels = await session.rows<Record<string, string>>(
      atLeast(release, 8, 1) ? 'SHOW REPLICA STATUS' : 'SHOW SLAVE STATUS',
    );
    return channels.some((channel) => (channel['Replica_SQL_Running'] ?? channel['Slave_SQL_Running']) === 'Yes');
  } catch (error) {
    if (error instanceof OtterError && error.code === 'OT4022') return 'unseen';
    throw error;
  }
}
