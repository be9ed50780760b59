/**
 * PostgreSQL with orafce in the place of an Oracle database: a labelled adapter, no Oracle. The statements are those that
 * otter sends to an Oracle; each way in which they are rewritten is named below, and so is what is made beforehand in the
 * schema `stand_in`: the functions and the views of the dictionary that orafce does not have.
 */
import { Client, type QueryArrayResult } from 'pg';
import type { Bind, BindKind, Connection, Login } from '../../src/oracle/connection.ts';
import { STAND_IN_DICTIONARY } from './stand-in-dictionary.ts';

interface Rewriting {
  readonly name: string;
  readonly why: string;
  readonly sql?: (sql: string, kinds: readonly BindKind[]) => string;
  readonly bind?: (value: Bind) => Bind;
}

const QUOTED = `'(?:[^']|'')*'|"[^"]*"`;

/** Replaces what stands outside quotes. */
function outside(sql: string, pattern: string, by: (...groups: string[]) => string): string {
  return sql.replace(
    new RegExp(`(${QUOTED})|${pattern}`, 'g'),
    (whole: string, quoted: string | undefined, ...groups) =>
      quoted === undefined ? by(...(groups as string[])) : whole,
  );
}

const BIND_TYPES: Readonly<Record<BindKind, string>> = {
  text: 'text',
  bytes: 'bytea',
  double: 'float8',
  float: 'float4',
};

export const REWRITINGS: readonly Rewriting[] = [
  {
    name: 'binds',
    why: 'PostgreSQL numbers them $1, and does not learn their types from the client',
    sql: (sql, kinds) =>
      outside(sql, ':(\\d+)', (number) => `$${number}::${BIND_TYPES[kinds[Number(number) - 1] ?? 'text']}`),
  },
  {
    name: 'alias in SET',
    why: 'PostgreSQL takes no alias before a column that is set',
    sql: (sql) =>
      sql.replace(/ UPDATE SET (.*?) WHEN NOT MATCHED/s, (_, set: string) => {
        return ` UPDATE SET ${set.replace(/(^|,)t\.(?=")/g, '$1')} WHEN NOT MATCHED`;
      }),
  },
  {
    name: 'ROWID',
    why: 'of which PostgreSQL has another word',
    sql: (sql) => outside(sql, '\\bROWID\\b', () => 'ctid'),
  },
  {
    name: 'FOR UPDATE WAIT',
    why: 'PostgreSQL knows NOWAIT only; the session has a lock_timeout',
    sql: (sql) => outside(sql, '\\bFOR UPDATE WAIT \\d+', () => 'FOR UPDATE'),
  },
  {
    name: 'types of columns',
    why: 'orafce has varchar2 and date; of the others PostgreSQL has another name, and no length of bytes',
    sql: (sql) =>
      /^CREATE TABLE/.test(sql)
        ? sql.replace(COLUMN, (_, name: string, type: string) => `${name} ${typeOf(name, type)}`)
        : sql,
  },
  {
    name: 'NUL in texts',
    why: 'PostgreSQL has none, and an Oracle keeps it; U+2400 stands for it',
    bind: (value) => (typeof value === 'string' ? value.replaceAll('\0', '\u2400') : value),
  },
  {
    name: 'arrays of binds',
    why: 'PostgreSQL has none: the statement is sent once for each row',
  },
  {
    name: 'definitions',
    why: 'an Oracle commits before and after each, which the adapter does for it',
  },
  {
    name: 'errors',
    why: 'numbers of ORA- are made of SQLSTATE',
  },
];

const COLUMN =
  /("[^"]+") ((?:NUMBER|N?VARCHAR2|RAW|N?CLOB|BLOB|DATE|BINARY_FLOAT|BINARY_DOUBLE|TIMESTAMP|INTERVAL DAY)(?:\([^)]*\))?(?: TO SECOND\(\d\)| WITH (?:LOCAL )?TIME ZONE)?)/g;

function typeOf(name: string, type: string): string {
  const numbers = /\(([^)]*)\)/.exec(type)?.[1] ?? '';
  const base = type.replace(/\([^)]*\)/g, '');
  switch (base) {
    case 'NUMBER':
      return numbers === '' ? 'numeric' : `numeric(${numbers.replace('*', '38')})`;
    case 'VARCHAR2':
      return numbers.endsWith(' CHAR')
        ? `varchar(${numbers.slice(0, -5)})`
        : `oracle.varchar2(${Number.parseInt(numbers, 10)})`;
    case 'NVARCHAR2':
      return `varchar(${numbers})`;
    case 'CLOB':
    case 'NCLOB':
      return 'text';
    case 'BLOB':
      return 'bytea';
    case 'RAW':
      return `bytea CONSTRAINT "too_long_${name.slice(1, -1)}" CHECK (octet_length(${name}) <= ${numbers})`;
    case 'BINARY_FLOAT':
      return 'float4';
    case 'BINARY_DOUBLE':
      return 'float8';
    case 'DATE':
      return 'oracle.date';
    case 'INTERVAL DAY TO SECOND':
      return 'interval(6)';
    default: {
      const digits = Math.min(6, Number(/TIMESTAMP\((\d)\)/.exec(type)?.[1] ?? 6));
      return /ZONE$/.test(type) ? `timestamptz(${digits})` : `timestamp(${digits})`;
    }
  }
}

/** Numbers of `ORA-`, by SQLSTATE. */
const ERRORS: Readonly<Record<string, number>> = {
  ...{ '23505': 1, '23502': 1400, '23503': 2291, '23514': 12899, '22001': 12899, '22003': 1438, '22008': 1847 },
  ...{ '42P01': 942, '42501': 1031, '42P07': 955, '40P01': 60, '55P03': 30006, '57P01': 28, '57P03': 1033 },
  ...{ '28P01': 1017, '28000': 1017, '3D000': 12514 },
};

function asOracle(error: unknown): unknown {
  const { code, message } = error as { readonly code?: string; readonly message: string };
  const number = ERRORS[code ?? ''];
  if (number !== undefined)
    return Object.assign(new Error(`ORA-${String(number).padStart(5, '0')}: ${message}`), { errorNum: number });
  // The line is gone, which the client says in words only.
  if (/connection|terminat/i.test(message) && !/^\d/.test(code ?? ''))
    return Object.assign(new Error(`NJS-500: ${message}`), { code: code === 'ECONNREFUSED' ? 'NJS-511' : 'NJS-500' });
  return error;
}

/** Opens it as `driver.ts` opens an Oracle: `host:port/DATABASE`. */
export async function openStandIn({ endpoint, user, timeoutMs }: Login): Promise<Connection> {
  const [, host, port, database] = /^(.*):(\d+)\/(.+)$/.exec(endpoint)!;
  const client = new Client({
    ...{ host: host!, port: Number(port), database: database!, user, connectionTimeoutMillis: timeoutMs },
    types: { getTypeParser: () => (text: string) => text },
  });
  const session = new StandIn(client);
  try {
    await client.connect();
    await client.query(
      "SET search_path = stand_in, oracle, public, pg_catalog; SET TimeZone = 'UTC'; SET lock_timeout = '30s'; SET extra_float_digits = 1; SET IntervalStyle = 'postgres'",
    );
    return session;
  } catch (error) {
    throw asOracle(error);
  }
}

class StandIn implements Connection {
  readonly #client: Client;
  #alive = true;
  #began = false;

  constructor(client: Client) {
    this.#client = client;
    client.on('error', () => {
      this.#alive = false;
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  async rows(sql: string, binds: readonly Bind[] = []): Promise<readonly (readonly (string | null)[])[]> {
    return (await this.#ask(sql, binds.map(kindOf), binds)).rows;
  }

  async run(sql: string, binds: readonly Bind[] = []): Promise<number> {
    return (await this.#ask(sql, binds.map(kindOf), binds)).rowCount ?? 0;
  }

  /** One after another: PostgreSQL has no arrays of binds. */
  async runMany(
    sql: string,
    kinds: readonly BindKind[],
    rows: readonly (readonly Bind[])[],
  ): Promise<readonly number[]> {
    const counts: number[] = [];
    for (const row of rows) counts.push((await this.#ask(sql, kinds, row)).rowCount ?? 0);
    return counts;
  }

  commit(): Promise<void> {
    return this.#end('COMMIT');
  }

  rollback(): Promise<void> {
    return this.#end('ROLLBACK');
  }

  destroy(): void {
    this.#alive = false;
    (this.#client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy();
  }

  async #ask(
    sql: string,
    kinds: readonly BindKind[],
    binds: readonly Bind[],
  ): Promise<QueryArrayResult<(string | null)[]>> {
    const text = REWRITINGS.reduce((rewritten, { sql: rewrite }) => rewrite?.(rewritten, kinds) ?? rewritten, sql);
    try {
      // A definition commits what was before it, and itself.
      if (/^(CREATE|DROP|ALTER|GRANT|COMMENT)\b/.test(sql)) {
        await this.#end('COMMIT');
        const result = await this.#client.query({ text, rowMode: 'array' });
        for (const [, name, type] of /^CREATE TABLE/.test(sql) ? sql.matchAll(COLUMN) : [])
          await this.#client.query('SELECT stand_in.declare($1, $2, $3)', [
            sql.split(' (')[0]!.slice(13),
            name!.slice(1, -1),
            type,
          ]);
        return result as unknown as QueryArrayResult<(string | null)[]>;
      }
      if (!this.#began) await this.#client.query('BEGIN');
      this.#began = true;
      return await this.#client.query({
        text,
        values: binds.map((value) => REWRITINGS.reduce((bound, { bind }) => bind?.(bound) ?? bound, value)),
        rowMode: 'array',
      });
    } catch (error) {
      throw asOracle(error);
    }
  }

  async #end(how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (!this.#began) return;
    this.#began = false;
    try {
      await this.#client.query(how);
    } catch (error) {
      throw asOracle(error);
    }
  }
}

function kindOf(bind: Bind): BindKind {
  return Buffer.isBuffer(bind) ? 'bytes' : typeof bind === 'number' ? 'double' : 'text';
}

/** Makes the database, and the schemas that are users in an Oracle. */
export async function prepareStandIn(port: number, schemas: readonly string[]): Promise<string> {
  const admin = new Client({ host: '127.0.0.1', port, database: 'postgres', user: 'postgres' });
  await admin.connect();
  await admin.query('CREATE DATABASE "ORA"');
  await admin.end();
  const own = new Client({ host: '127.0.0.1', port, database: 'ORA', user: 'postgres' });
  await own.connect();
  await own.query('SET client_min_messages = warning; CREATE EXTENSION orafce');
  await own.query(STAND_IN_DICTIONARY);
  for (const schema of schemas) await own.query(`CREATE SCHEMA "${schema}"`);
  await own.end();
  return `127.0.0.1:${port}/ORA`;
}
