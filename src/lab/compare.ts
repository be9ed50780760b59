/**
 * Compares tables of two servers row by row, in the order of their primary keys, streaming: whether they are equal, and if
 * not, how many rows differ and the first of them. It compares the servers' own texts of values byte by byte, and shows none.
 *
 * For demos and tests, when nobody writes: it takes no locks, and rows on their way would count as different.
 */
import type { Readable } from 'node:stream';
import mysql, { type Connection, type RowDataPacket } from 'mysql2';
import { OtterError } from '../model/error.ts';
import type { Account, Door } from './accounts.ts';

export interface Side extends Door {
  readonly account: Account;
}

export interface RowDifference {
  /** Values of the primary key's columns, as text. */
  readonly key: readonly string[];
  readonly kind: 'only in a' | 'only in b' | 'different';
  /** Names of the columns that differ; empty when a row is missing. */
  readonly columns: readonly string[];
}

export interface TableComparison {
  readonly table: string;
  readonly rowsA: number;
  readonly rowsB: number;
  readonly onlyA: number;
  readonly onlyB: number;
  readonly different: number;
  readonly first: readonly RowDifference[];
}

export interface Comparison {
  readonly equal: boolean;
  /** Of both sides the larger, over all tables. */
  readonly rows: number;
  readonly tables: readonly TableComparison[];
}

export interface CompareOptions {
  /** How many differences are told of each table. */
  readonly firstMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const FIRST_MAX = 10;
const STREAM_ROWS = 500;
const CONNECT_TIMEOUT_MS = 5_000;

/** @throws OtterError OT7111 when a table has no primary key, or not the same columns at both sides. */
export async function compareDatabases(
  a: Side,
  b: Side,
  tables: readonly string[],
  options: CompareOptions = {},
): Promise<Comparison> {
  await using left = await Reader.open(a);
  await using right = await Reader.open(b);
  const compared: TableComparison[] = [];
  for (const table of tables) {
    options.signal?.throwIfAborted();
    const [shape, other] = [await left.shape(table), await right.shape(table)];
    if (
      JSON.stringify(shape.columns) !== JSON.stringify(other.columns) ||
      JSON.stringify(shape.key) !== JSON.stringify(other.key)
    ) {
      throw new OtterError('OT7111', `table ${table} does not have the same columns and primary key on both servers`);
    }
    compared.push(await compareTable(table, shape, left, right, options));
  }
  return {
    equal: compared.every(({ onlyA, onlyB, different }) => onlyA + onlyB + different === 0),
    rows: compared.reduce((sum, { rowsA, rowsB }) => sum + Math.max(rowsA, rowsB), 0),
    tables: compared,
  };
}

async function compareTable(
  table: string,
  shape: Shape,
  left: Reader,
  right: Reader,
  options: CompareOptions,
): Promise<TableComparison> {
  const counts = { rowsA: 0, rowsB: 0, onlyA: 0, onlyB: 0, different: 0 };
  const first: RowDifference[] = [];
  const note = (row: Row, kind: RowDifference['kind'], columns: readonly string[]): void => {
    if (first.length < (options.firstMax ?? FIRST_MAX))
      first.push({ key: shape.key.map((at) => text(row[at])), kind, columns });
  };
  const rowsA = left.rows(table, shape);
  const rowsB = right.rows(table, shape);
  try {
    let a = await rowsA.next();
    let b = await rowsB.next();
    while (a.done !== true || b.done !== true) {
      options.signal?.throwIfAborted();
      const order = a.done === true ? 1 : b.done === true ? -1 : compareKeys(a.value, b.value, shape);
      if (order <= 0) counts.rowsA++;
      if (order >= 0) counts.rowsB++;
      if (order < 0) {
        counts.onlyA++;
        note(a.value!, 'only in a', []);
      } else if (order > 0) {
        counts.onlyB++;
        note(b.value!, 'only in b', []);
      } else {
        const columns = shape.columns.filter((_, at) => !same(a.value![at], b.value![at])).map(({ name }) => name);
        if (columns.length > 0) {
          counts.different++;
          note(a.value!, 'different', columns);
        }
      }
      if (order <= 0) a = await rowsA.next();
      if (order >= 0) b = await rowsB.next();
    }
  } finally {
    await rowsA.return(undefined);
    await rowsB.return(undefined);
  }
  return { table, ...counts, first };
}

// ---------------------------------------------------------------- rows

/** Values as the server writes them, columns in order, then the key's columns once more as they are sorted. */
type Row = readonly (Buffer | null)[];

interface Shape {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Indexes into `columns`. */
  readonly key: readonly number[];
}

const INTEGERS: ReadonlySet<string> = new Set(['tinyint', 'smallint', 'mediumint', 'int', 'bigint']);

function isInteger(shape: Shape, column: number): boolean {
  return INTEGERS.has(shape.columns[column]!.type);
}

/** Both servers sort these alike, whatever their collations: numbers as numbers, anything else by its bytes in hexadecimal. */
function sortExpression(shape: Shape, column: number): string {
  const name = quoted(shape.columns[column]!.name);
  return isInteger(shape, column) ? name : `HEX(CONCAT(${name}, ''))`;
}

function compareKeys(a: Row, b: Row, shape: Shape): number {
  for (const [place, column] of shape.key.entries()) {
    const at = shape.columns.length + place;
    const [left, right] = [text(a[at]), text(b[at])];
    if (left === right) continue;
    if (isInteger(shape, column)) return BigInt(left) < BigInt(right) ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}

function same(a: Buffer | null | undefined, b: Buffer | null | undefined): boolean {
  if (a == null || b == null) return a == null && b == null;
  return a.equals(b);
}

function text(value: Buffer | null | undefined): string {
  return value == null ? 'NULL' : value.toString('utf8');
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

class Reader implements AsyncDisposable {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  static async open(side: Side): Promise<Reader> {
    const { host, port, account } = side;
    const { user, password } = account;
    const connection = mysql.createConnection({ host, port, user, password, connectTimeout: CONNECT_TIMEOUT_MS });
    // What breaks it also fails the query that runs; unheard, it would end the process.
    connection.on('error', () => undefined);
    const reader = new Reader(connection);
    try {
      await connection.promise().query("SET NAMES utf8mb4, time_zone = '+00:00'");
      return reader;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async shape(table: string): Promise<Shape> {
    const [schema, name] = table.split('.');
    const [columns] = await this.#connection.promise().query<RowDataPacket[]>(
      `SELECT column_name AS name, data_type AS type FROM information_schema.columns
       WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position`,
      [schema, name],
    );
    const [key] = await this.#connection.promise().query<RowDataPacket[]>(
      `SELECT column_name AS name FROM information_schema.statistics
       WHERE table_schema = ? AND table_name = ? AND index_name = 'PRIMARY' ORDER BY seq_in_index`,
      [schema, name],
    );
    if (key.length === 0) throw new OtterError('OT7111', `table ${table} is not there, or has no primary key`);
    const names = columns.map((column) => String(column['name']));
    return {
      columns: columns.map((column) => ({ name: String(column['name']), type: String(column['type']).toLowerCase() })),
      key: key.map((column) => names.indexOf(String(column['name']))),
    };
  }

  async *rows(table: string, shape: Shape): AsyncGenerator<Row, undefined> {
    const sorted = shape.key.map((column) => sortExpression(shape, column));
    const columns = [...shape.columns.map(({ name }) => quoted(name)), ...sorted];
    const sql = `SELECT ${columns.join(', ')} FROM ${table.split('.').map(quoted).join('.')} ORDER BY ${sorted.join(', ')}`;
    // Pauses the socket while nobody reads.
    const stream: Readable = this.#connection
      .query({ sql, rowsAsArray: true, typeCast: (field) => field.buffer() })
      .stream({ highWaterMark: STREAM_ROWS });
    for await (const row of stream) yield row as Row;
    return undefined;
  }

  // A result that was left half read makes a polite end impossible.
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.destroy();
    await Promise.resolve();
  }
}
