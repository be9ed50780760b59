/** Replication between two servers of a lab, as whoever runs them sets it up, and what is done to it when one takes over. */
import type { StartOptions } from '../../src/lab/database.ts';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import type { Session } from '../../src/mysql/connection.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import type { Family } from './context.ts';

/** On a machine that does a hundred other things. */
const CATCH_UP_S = 180;

export interface Member extends AsyncDisposable {
  readonly lab: LabServer;
  /** As root, several statements at once. */
  readonly root: (sql: string) => Promise<void>;
  readonly rows: (sql: string) => Promise<Record<string, string>[]>;
}

/** A primary and its replica, which is read-only; both with the `otter` account of the first. */
export async function replicated(
  family: Family,
  options: StartOptions = {},
): Promise<{ primary: Member; replica: Member }> {
  const start = family === 'mariadb' ? startMariaDb : startMySql;
  const [primary, replica] = (await Promise.all([start(options), start(options)])).map(member) as [Member, Member];
  const { user, password } = primary.lab.otter;
  const quiet = (sql: string): string => `SET sql_log_bin=0; ${sql}; SET sql_log_bin=1`;
  await replica.root(quiet(`DROP USER '${replica.lab.otter.user}'@'%'`));
  // Who has all rights may write what is read-only.
  const grants = await primary.rows(`SHOW GRANTS FOR '${user}'@'%'`);
  const rights = grants.map((grant) => Object.values(grant)[0]).join('; ');
  await replica.root(quiet(`CREATE USER '${user}'@'%' IDENTIFIED BY '${password}'; ${rights}`));
  await follow(replica, primary);
  return { primary, replica };
}

function member(lab: LabServer): Member {
  const { host, port, root } = lab;
  const server = new DatabaseServer({
    name: 'root',
    spec: { endpoints: [`${host}:${port}`], user: root.user, tls: null },
    password: root.password,
  });
  const with_ = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    await using session = await server.connect({ multipleStatements: true });
    return await work(session);
  };
  return {
    lab,
    root: (sql) => with_(async (session) => void (await session.query(sql))),
    rows: (sql) => with_(async (session) => session.rows<Record<string, string>>(sql)),
    [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
  };
}

/** It becomes a read-only replica of the other. */
export async function follow({ lab, root }: Member, { lab: source }: Member): Promise<void> {
  const { user, password } = source.root;
  await root(
    lab.family === 'mariadb'
      ? `SET GLOBAL read_only=ON; CHANGE MASTER TO MASTER_HOST='${source.host}', MASTER_PORT=${source.port}, MASTER_USER='${user}', MASTER_PASSWORD='${password}', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=current_pos; START SLAVE`
      : `SET GLOBAL super_read_only=ON; CHANGE REPLICATION SOURCE TO SOURCE_HOST='${source.host}', SOURCE_PORT=${source.port}, SOURCE_USER='${user}', SOURCE_PASSWORD='${password}', SOURCE_CONNECT_RETRY=1, SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA`,
  );
}

/** It follows nobody any more and takes writes. */
export async function promote({ lab, root }: Member): Promise<void> {
  await root(
    lab.family === 'mariadb'
      ? 'STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only=OFF'
      : 'STOP REPLICA; RESET REPLICA ALL; SET GLOBAL super_read_only=OFF; SET GLOBAL read_only=OFF',
  );
}

export async function demote({ lab, root }: Member): Promise<void> {
  await root(`SET GLOBAL ${lab.family === 'mariadb' ? 'read_only' : 'super_read_only'}=ON`);
}

/** Waits until it has everything that the other has now. @throws Error when it does not get there */
export async function caughtUp(member: Member, source: Member): Promise<void> {
  const maria = member.lab.family === 'mariadb';
  const [at] = await source.rows(`SELECT @@GLOBAL.${maria ? 'gtid_binlog_pos' : 'gtid_executed'} AS gtids`);
  const gtids = at!['gtids']!.replace(/\s+/g, '');
  const wait = maria ? 'MASTER_GTID_WAIT' : 'WAIT_FOR_EXECUTED_GTID_SET';
  const [answer] = await member.rows(`SELECT ${wait}('${gtids}', ${CATCH_UP_S}) AS late`);
  if (Number(answer!['late']) === 0) return;
  const [status] = await member.rows(maria ? 'SHOW SLAVE STATUS' : 'SHOW REPLICA STATUS');
  throw new Error(`the replica did not come to ${gtids}: ${JSON.stringify(status)}`);
}
