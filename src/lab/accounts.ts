/** Accounts on the lab's database servers, and whether a server answers to them. */
import { randomBytes, randomInt } from 'node:crypto';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import {
  LOG_PRIVILEGES,
  MAKE_PRIVILEGES,
  OWN_PRIVILEGES,
  READ_PRIVILEGES,
  WRITE_PRIVILEGES,
} from '../model/privileges.ts';

export interface Account {
  readonly user: string;
  readonly password: string;
}

type Family = 'mariadb' | 'mysql';

const TABLES = new Set([...READ_PRIVILEGES, ...WRITE_PRIVILEGES, ...MAKE_PRIVILEGES, ...OWN_PRIVILEGES]);

/**
 * What the `otter` account is granted: what docs/databases.md says, and no more. The rights on tables are granted on
 * everything, since the lab does not know the schemas; elsewhere they belong on the replicated schemas and on `otter` alone.
 */
function otterPrivileges(family: Family): string {
  return [...LOG_PRIVILEGES[family].map(([name]) => name), ...TABLES].join(', ');
}

export function newAccount(user: string): Account {
  return { user, password: randomBytes(9).toString('hex') };
}

/** Unique enough among all servers that could ever be connected to each other. */
export function newServerId(): number {
  return randomInt(1_000, 2 ** 31);
}

/** Statements, one a line and none of them logged, that make the accounts what they should be, whatever they were. */
export function accountStatements(family: Family, root: Account, otter: Account): readonly string[] {
  return [
    'SET sql_log_bin = 0',
    // A new data directory lets root in without a password, and accounts of one host go before those of any.
    ...['127.0.0.1', '::1'].map((host) => `DROP USER IF EXISTS 'root'@'${host}'`),
    `ALTER USER 'root'@'localhost' IDENTIFIED BY '${root.password}'`,
    ...statementsFor(root, 'ALL PRIVILEGES', ' WITH GRANT OPTION'),
    ...otterStatements(family, otter),
    'SET sql_log_bin = 1',
  ];
}

function otterStatements(family: Family, otter: Account): readonly string[] {
  return statementsFor(otter, otterPrivileges(family), '');
}

function statementsFor(account: Account, privileges: string, option: string): readonly string[] {
  const name = `'${account.user}'@'%'`;
  return [
    `CREATE USER IF NOT EXISTS ${name} IDENTIFIED BY '${account.password}'`,
    `ALTER USER ${name} IDENTIFIED BY '${account.password}'`,
    `GRANT ${privileges} ON *.* TO ${name}${option}`,
  ];
}

export interface Door {
  readonly host: string;
  readonly port: number;
}

export async function connect(door: Door, account: Account): Promise<Connection> {
  return createConnection({
    host: door.host,
    port: door.port,
    user: account.user,
    password: account.password,
    connectTimeout: 5_000,
  });
}

/** Whether a server that keeps its socket at `socket` answers at the door; any failure is a no. */
export async function answersAs(socket: string, door: Door, account: Account): Promise<boolean> {
  try {
    const connection = await connect(door, account);
    try {
      const [rows] = await connection.query('SELECT @@socket AS socket');
      return Array.isArray(rows) && (rows[0] as { readonly socket?: unknown } | undefined)?.socket === socket;
    } finally {
      connection.destroy();
    }
  } catch {
    return false;
  }
}

/** Makes the `otter` account on a server that was given by address. */
export async function openExternal(family: Family, door: Door, root: Account, otter: Account): Promise<string> {
  const connection = await connect(door, root);
  try {
    for (const statement of otterStatements(family, otter)) await connection.query(statement);
    const [rows] = await connection.query('SELECT VERSION() AS version');
    return String((rows as RowDataPacket[])[0]?.['version']);
  } finally {
    await connection.end();
  }
}
