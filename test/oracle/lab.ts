/** The Oracle that tests write: the one that `OTTER_TEST_ORACLE` names, else PostgreSQL in its place. */
import { startPostgres } from '../../src/lab/postgres.ts';
import type { OpenConnection } from '../../src/oracle/connection.ts';
import { OracleServer } from '../../src/oracle/database-server.ts';
import { openStandIn, prepareStandIn } from './stand-in.ts';

export interface OracleLab extends AsyncDisposable {
  /** What it is, for the names of tests. */
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  readonly open: OpenConnection | undefined;
  /** Of otter's own tables, and of the tables that are written. */
  readonly own: string;
  readonly schema: string;
  readonly server: () => OracleServer;
  /** A statement in Oracle's words, committed. */
  readonly sql: (statement: string) => Promise<void>;
  readonly rows: (query: string) => Promise<readonly (readonly (string | null)[])[]>;
  /** SIGKILL, and it comes back; null: it is not ours to kill. */
  readonly kill: (() => Promise<void>) | null;
}

/** `user/password@host:port/service`; the user's own schema is written. Null: none is named. */
export function realOracle(): { user: string; password: string; endpoint: string } | null {
  const text = process.env['OTTER_TEST_ORACLE'] ?? '';
  if (text === '') return null;
  const [, user, password, host, port, service] = /^([^/]+)\/(.*)@([^@:/]+)(?::(\d+))?\/([^/]+)$/.exec(text) ?? [];
  if (user === undefined) throw new Error('OTTER_TEST_ORACLE is user/password@host:port/service');
  return { user, password: password!, endpoint: `${host}:${port ?? 1521}/${service}` };
}

export async function openRealOracle(): Promise<OracleLab> {
  const { user, password, endpoint } = realOracle()!;
  const schema = user.toUpperCase();
  return lab({
    user,
    password,
    endpoint,
    open: undefined,
    own: schema,
    schema,
    kill: null,
    end: async () => undefined,
  });
}

export async function openStandInLab(): Promise<OracleLab> {
  const server = await startPostgres();
  const endpoint = await prepareStandIn(server.port, ['OTTER', 'DW']);
  return lab({
    ...{ user: server.user, password: 'x', endpoint, open: openStandIn, own: 'OTTER', schema: 'DW' },
    kill: async () => {
      await server.kill();
      await server.restart();
    },
    end: async () => server[Symbol.asyncDispose](),
  });
}

function lab({
  end,
  ...parts
}: Omit<OracleLab, 'server' | 'sql' | 'rows' | typeof Symbol.asyncDispose> & { end: () => Promise<void> }): OracleLab {
  const { endpoint, user, password, open } = parts;
  const server = (): OracleServer =>
    new OracleServer({ name: 'dw', spec: { endpoints: [endpoint], user, tls: null }, password, open });
  return {
    ...parts,
    server,
    sql: async (statement) => {
      await using connection = await server().connect();
      await connection.run(statement);
      await connection.commit();
    },
    rows: async (query) => {
      await using connection = await server().connect();
      return await connection.rows(query);
    },
    [Symbol.asyncDispose]: end,
  };
}
