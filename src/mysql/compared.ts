/** A MySQL or MariaDB server as `otter verify` reads it: no locks, short statements, sessions that nobody else waits for. */
import type { Checksum, ComparedDatabase, Doubt, KeyRange } from '../model/comparing.ts';
import type { LoadTable } from '../model/load.ts';
import type { ServerFacts, SourcePort } from '../model/ports.ts';
import type { ResyncProgress, ResyncRequest } from '../model/resync.ts';
import { type Image, rowBytes, type TableShape } from '../model/row.ts';
import { checksumQuery } from './checksum.ts';
import { KeptSession, type Session } from './connection.ts';
import type { DatabaseServer } from './database-server.ts';
import { holds } from './held.ts';
import { imageReader, keyRange, RAW_ROWS, selectList, toImages } from './select.ts';
import { mysqlSource } from './source.ts';
import { keyCondition, qualified, quoteName, quoteText } from './sql.ts';
import { requireExactTypes } from './table-map.ts';

/** Keys, or rows that are asked about, of one statement. */
const KEYS_AT_ONCE = 500;
const DOUBTS_AT_ONCE = 100;

export class ComparedServer implements ComparedDatabase {
  readonly #source: SourcePort & AsyncDisposable;
  readonly #schema: string;
  /** What walks through a table and what is looked up meanwhile are one after the other anyway. */
  readonly #rows: KeptSession;

  /** @param schema of otter's own tables */
  constructor(server: DatabaseServer, schema: string) {
    this.#source = mysqlSource({ server, ownSchema: schema });
    this.#schema = schema;
    this.#rows = new KeptSession(() => server.connect());
  }

  facts(): Promise<ServerFacts> {
    return this.#source.facts();
  }

  tables(): ReturnType<ComparedDatabase['tables']> {
    return this.#source.tables();
  }

  async shape(schema: string, name: string): Promise<TableShape | null> {
    const shape = await this.#source.shape(schema, name);
    if (shape !== null) requireExactTypes(shape);
    return shape;
  }

  async rows(
    table: TableShape,
    columns: readonly number[],
    range: KeyRange,
    limit: number,
    bytesMax: number,
  ): Promise<readonly Image[]> {
    const shown = columns.map((index) => table.columns[index]!);
    const read = imageReader(shown);
    const rows: Image[] = [];
    let bytes = 0;
    const sql = `SELECT ${selectList(shown)} ${this.#inOrder(table, range)} LIMIT ${limit}`;
    await (await this.#rows.get()).each(sql, RAW_ROWS, (row) => {
      const image = read(row);
      rows.push(image);
      bytes += rowBytes(image);
      return bytes < bytesMax || rows.length === limit;
    });
    return rows;
  }

  async find(
    table: TableShape,
    columns: readonly number[],
    by: readonly number[],
    values: readonly Image[],
  ): Promise<readonly Image[]> {
    const shown = columns.map((index) => table.columns[index]!);
    const key = { columns: by.map((index) => table.columns[index]!) };
    const all = by.map((_, index) => index);
    const found: Image[] = [];
    for (let start = 0; start < values.length; start += KEYS_AT_ONCE) {
      const where = keyCondition(key, all, values.slice(start, start + KEYS_AT_ONCE));
      const sql = `SELECT ${selectList(shown)} FROM ${qualified(table)} WHERE ${where}`;
      found.push(...toImages(shown, (await this.#query(sql, RAW_ROWS)) as unknown[][]));
    }
    return found;
  }

  async bound(table: TableShape, range: KeyRange, rows: number): Promise<Image | null> {
    const key = table.primaryKey.map((index) => table.columns[index]!);
    const sql = `SELECT ${selectList(key)} ${this.#inOrder(table, range)} LIMIT 1 OFFSET ${rows - 1}`;
    return toImages(key, (await this.#query(sql, RAW_ROWS)) as unknown[][])[0] ?? null;
  }

  async checksum(table: TableShape, columns: readonly number[], range: KeyRange, sized: boolean): Promise<Checksum> {
    const found = await this.#query(checksumQuery(table, columns, range, sized), { rowsAsArray: true });
    const [count, digested, sum, bytes] = (found as (string | number | null)[][])[0]!;
    const rows = Number(count);
    return { rows, sum: Number(digested) === rows ? String(sum) : null, bytes: Number(bytes ?? 0) };
  }

  async unequal(table: LoadTable, doubts: readonly Doubt[]): Promise<readonly boolean[]> {
    const unequal = doubts.map(() => true);
    for (let start = 0; start < doubts.length; start += DOUBTS_AT_ONCE) {
      const asked = doubts.slice(start, start + DOUBTS_AT_ONCE).map(({ row, columns }, index) => {
        const equal = columns.map((at) => `COALESCE(${holds(table.columns[at]!, row[at] ?? 'NULL')},0)`).join(' AND ');
        return `SELECT ${start + index},${equal} FROM ${qualified(table.target)} WHERE ${keyCondition(table, table.key, [row])}`;
      });
      const answers = (await this.#query(asked.join(' UNION ALL '), { rowsAsArray: true })) as (string | number)[][];
      for (const [index, equal] of answers) unequal[Number(index)] = Number(equal) !== 1;
    }
    return unequal;
  }

  async logEnd(): Promise<string> {
    return (await this.#source.logEnd()).position;
  }

  async checkpoints(lineage: string): Promise<ReadonlyMap<string, string>> {
    const found = await this.#own<{ pipeline: string; position: string }>(
      `SELECT pipeline,position FROM ${this.#table('checkpoint')} WHERE lineage=${quoteText(lineage)} AND lane=0`,
    );
    return new Map(found.map(({ pipeline, position }) => [pipeline, position]));
  }

  async askResync(lineage: string, { pipeline, table, keys, where }: Omit<ResyncRequest, 'id'>): Promise<number> {
    const values = [lineage, pipeline, table, keys, where].map((text) => (text === null ? 'NULL' : quoteText(text)));
    const session = await this.#rows.get();
    const into = `${this.#table('resync')} (lineage,pipeline,table_name,row_keys,where_sql)`;
    return (await session.run(`INSERT INTO ${into} VALUES (${values.join(',')})`)).insertId;
  }

  async resynced(lineage: string, pipeline: string, request: number): Promise<ResyncProgress | null> {
    const [found] = await this.#own<{
      state: ResyncProgress['state'];
      rows_sent: string | number;
      said: string | null;
    }>(
      `SELECT state,rows_sent,said FROM ${this.#table('resynced')} WHERE lineage=${quoteText(lineage)} AND pipeline=${quoteText(pipeline)} AND request=${request}`,
    );
    return found === undefined ? null : { state: found.state, rows: Number(found.rows_sent), said: found.said };
  }

  async copying(lineage: string, pipeline: string): Promise<ReadonlySet<string>> {
    const found = await this.#own<{ source_table: string }>(
      `SELECT source_table FROM ${this.#table('copy')} WHERE lineage=${quoteText(lineage)} AND pipeline=${quoteText(pipeline)} AND done=0`,
    );
    return new Set(found.map(({ source_table: table }) => table));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#source[Symbol.asyncDispose](), this.#rows[Symbol.asyncDispose]()]);
  }

  #inOrder(table: TableShape, range: KeyRange): string {
    const where = keyRange(table, range);
    const key = table.primaryKey.map((index) => quoteName(table.columns[index]!.name)).join(', ');
    return `FROM ${qualified(table)} FORCE INDEX (PRIMARY)${where === null ? '' : ` WHERE ${where}`} ORDER BY ${key}`;
  }

  #table(name: string): string {
    return qualified({ schema: this.#schema, name });
  }

  async #own<T extends object>(sql: string): Promise<T[]> {
    return (await this.#rows.get()).rows<T>(sql);
  }

  async #query(sql: string, driver: object): Promise<unknown> {
    const session: Session = await this.#rows.get();
    return session.query(sql, { driver });
  }
}
