/**
 * Connections through oracledb in thin mode, which needs no Oracle client on the machine.
 *
 * Texts and bytes are bound by length: what is longer than a VARCHAR2 goes as LONG, which Oracle takes straight into a CLOB
 * or BLOB column of an INSERT or UPDATE (SecureFiles and Large Objects Developer's Guide, "Data Interface for LOBs"), and
 * into nothing else.
 */
import oracledb, { type BindDefinition, type DriverConnection } from 'oracledb';
import { type Bind, type BindKind, type Connection, type Login, SESSION_SETTINGS } from './connection.ts';

/** By which triggers can tell: SYS_CONTEXT('USERENV', 'CLIENT_IDENTIFIER'). */
const CLIENT_IDENTIFIER = 'otter_apply';

/** Sizes are rounded up to powers of two, so that a statement is not parsed anew for every length. */
const BIND_BYTES_MIN = 32;
const MAX_BIND_BYTES = 1 << 30;

/** @throws errors of the driver */
export async function openOracle(login: Login): Promise<Connection> {
  const { endpoint, user, password, tls, timeoutMs } = login;
  const protocol = tls === null ? 'tcp' : 'tcps';
  const seconds = Math.ceil(timeoutMs / 1000);
  const opening = oracledb.getConnection({
    user,
    password,
    connectString: `${protocol}://${endpoint}`,
    // The one until it is reached, the other until its listener answers.
    transportConnectTimeout: seconds,
    connectTimeout: seconds,
    ...(tls === null || tls.pem === '' ? {} : { walletContent: tls.pem }),
  });
  const driver = await inTime(opening, timeoutMs);
  try {
    driver.module = 'otter';
    driver.clientId = CLIENT_IDENTIFIER;
    const settings = Object.entries(SESSION_SETTINGS).map(([name, value]) => `${name}='${value}'`);
    await driver.execute(`ALTER SESSION SET ${settings.join(' ')}`, [], {});
    return new DriverSession(driver);
  } catch (error) {
    await driver.close({ drop: true }).catch(() => undefined);
    throw error;
  }
}

/** Of the login the driver watches no time; one that comes too late is let go. */
async function inTime(opening: Promise<DriverConnection>, timeoutMs: number): Promise<DriverConnection> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = setTimeout(() => {
    reject(Object.assign(new Error(`the server did not answer within ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' }));
    void opening.then((driver) => driver.close({ drop: true })).catch(() => undefined);
  }, timeoutMs);
  try {
    return await Promise.race([opening, promise]);
  } finally {
    clearTimeout(late);
  }
}

class DriverSession implements Connection {
  readonly #driver: DriverConnection;
  #alive = true;

  constructor(driver: DriverConnection) {
    this.#driver = driver;
  }

  get alive(): boolean {
    return this.#alive && this.#driver.isHealthy();
  }

  async rows(sql: string, binds: readonly Bind[] = []): Promise<readonly (readonly (string | null)[])[]> {
    const result = await this.#driver.execute(sql, [...binds], {
      outFormat: oracledb.OUT_FORMAT_ARRAY,
      fetchTypeHandler: () => ({ type: oracledb.DB_TYPE_VARCHAR }),
    });
    return (result.rows ?? []).map((row) => row.map((value) => (value === null ? null : String(value))));
  }

  async run(sql: string, binds: readonly Bind[] = []): Promise<number> {
    return (await this.#driver.execute(sql, [...binds], {})).rowsAffected ?? 0;
  }

  async runMany(
    sql: string,
    kinds: readonly BindKind[],
    rows: readonly (readonly Bind[])[],
  ): Promise<readonly number[]> {
    const bindDefs = kinds.map((kind, index) => bindDefinition(kind, rows, index));
    const result = await this.#driver.executeMany(sql, rows, { bindDefs, dmlRowCounts: true });
    return result.dmlRowCounts ?? [];
  }

  commit(): Promise<void> {
    return this.#driver.commit();
  }

  rollback(): Promise<void> {
    return this.#driver.rollback();
  }

  destroy(): void {
    if (!this.#alive) return;
    this.#alive = false;
    // Nobody waits for it: the server may not answer, and rolls back when it sees that the line is gone.
    void this.#driver.close({ drop: true }).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }
}

/** How the binds of one column are sent: by the longest of them. */
export function bindDefinition(kind: BindKind, rows: readonly (readonly Bind[])[], index: number): BindDefinition {
  if (kind === 'double') return { type: oracledb.DB_TYPE_BINARY_DOUBLE };
  if (kind === 'float') return { type: oracledb.DB_TYPE_BINARY_FLOAT };
  let most = 1;
  for (const row of rows) {
    const value = row[index];
    if (typeof value === 'string') most = Math.max(most, Buffer.byteLength(value));
    else if (Buffer.isBuffer(value)) most = Math.max(most, value.length);
  }
  let maxSize = BIND_BYTES_MIN;
  while (maxSize < most) maxSize *= 2;
  // Above 2000 a power of two would be taken for what is too long for a VARCHAR2 (4000) or a RAW.
  if (most <= 4000 && maxSize > 2000) maxSize = 4000;
  return {
    type: kind === 'text' ? oracledb.DB_TYPE_VARCHAR : oracledb.DB_TYPE_RAW,
    maxSize: Math.min(maxSize, MAX_BIND_BYTES),
  };
}
