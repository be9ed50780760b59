/**
 * What the rooms here ask of a connection to an Oracle database: so little that another server can stand in for it where no
 * Oracle is at hand (`test/oracle/`). `driver.ts` has the real one.
 */

/** What is bound: a text, bytes, or a number for a BINARY_FLOAT or BINARY_DOUBLE; never one for a NUMBER. */
export type Bind = string | number | Buffer | null;

export type BindKind = 'text' | 'bytes' | 'double' | 'float';

export interface Connection extends AsyncDisposable {
  readonly alive: boolean;
  /** Rows of a query, columns in their order, every value as text. Binds are texts. */
  rows(sql: string, binds?: readonly Bind[]): Promise<readonly (readonly (string | null)[])[]>;
  /** A statement without rows; returns how many it changed. A transaction begins by itself and lasts until it is ended. */
  run(sql: string, binds?: readonly Bind[]): Promise<number>;
  /** One statement for each row of binds, in one round trip; returns how many each changed. */
  runMany(sql: string, kinds: readonly BindKind[], rows: readonly (readonly Bind[])[]): Promise<readonly number[]>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** At once, without a word to the server. */
  destroy(): void;
}

export interface Login {
  /** `host:port/SERVICE`. */
  readonly endpoint: string;
  readonly user: string;
  readonly password: string;
  /** Certificates and key as one PEM text, as in an `ewallet.pem`; empty: the machine's own authorities. */
  readonly tls: { readonly pem: string } | null;
  readonly timeoutMs: number;
}

/** Its errors are a driver's own; `errors.ts` reads them. */
export type OpenConnection = (login: Login) => Promise<Connection>;

/** What sessions are set to, so that texts of numbers and times mean the same everywhere. */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  TIME_ZONE: '+00:00',
  NLS_NUMERIC_CHARACTERS: '.,',
  NLS_COMP: 'BINARY',
  NLS_SORT: 'BINARY',
  NLS_DATE_FORMAT: 'SYYYY-MM-DD HH24:MI:SS',
  NLS_TIMESTAMP_FORMAT: 'SYYYY-MM-DD HH24:MI:SS.FF',
  NLS_TIMESTAMP_TZ_FORMAT: 'SYYYY-MM-DD HH24:MI:SS.FF TZH:TZM',
};
