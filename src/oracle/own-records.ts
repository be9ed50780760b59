/**
 * Otter's own tables in an Oracle database, and what they say of its pipelines: those that the target of one-way channels
 * needs. Their columns mean what `docs/reference/tables.md` says of the same names.
 *
 * An empty text is NULL to Oracle, so a place that may be empty is kept as JSON.
 */
import type { Checkpoint, CopyState, Place, RecordedTable } from '../model/load.ts';
import type { Seen } from '../model/row.ts';
import type { Bind, BindKind, Connection } from './connection.ts';
import { qualified, quoteName } from './names.ts';

export const ORACLE_TABLES = ['CHECKPOINT', 'COPY', 'STRUCTURE'] as const;

type OwnTable = (typeof ORACLE_TABLES)[number];

const LINEAGE = 'VARCHAR2(64 CHAR) NOT NULL';
const PIPELINE = 'VARCHAR2(200 CHAR) NOT NULL';
const TABLE = 'VARCHAR2(400 CHAR) NOT NULL';

const COLUMNS: Readonly<Record<OwnTable, Readonly<Record<string, string>>>> = {
  CHECKPOINT: {
    LINEAGE,
    PIPELINE,
    LANE: 'NUMBER(10) NOT NULL',
    SEQ: 'NUMBER(19) NOT NULL',
    POSITION: 'CLOB',
    CLOCK: 'NUMBER(20) NOT NULL',
    SEEN: 'CLOB',
    EPOCH: 'NUMBER(19) NOT NULL',
    BORN: 'NUMBER(19) NOT NULL',
  },
  COPY: {
    LINEAGE,
    PIPELINE,
    SOURCE_TABLE: TABLE,
    ROW_CURSOR: 'CLOB',
    DONE: 'NUMBER(1) NOT NULL',
    ROWS_DONE: 'NUMBER(19) NOT NULL',
    ROWS_ESTIMATE: 'NUMBER(19) NOT NULL',
    TARGET_TABLE: TABLE,
    STAY: 'NUMBER(19) NOT NULL',
  },
  STRUCTURE: {
    LINEAGE,
    PIPELINE,
    SOURCE_TABLE: TABLE,
    DIGEST: 'VARCHAR2(64 CHAR) NOT NULL',
    SINCE: 'CLOB',
    TARGET_TABLE: TABLE,
    STAY: 'NUMBER(19) NOT NULL',
  },
};

const KEYS: Readonly<Record<OwnTable, readonly string[]>> = {
  CHECKPOINT: ['LINEAGE', 'PIPELINE', 'LANE'],
  COPY: ['LINEAGE', 'PIPELINE', 'SOURCE_TABLE'],
  STRUCTURE: ['LINEAGE', 'PIPELINE', 'SOURCE_TABLE'],
};

/** A source table of a pipeline, and where it goes by the name that the topology gives. */
export interface Sharer {
  readonly pipeline: string;
  readonly source: string;
  readonly target: string;
}

/** How long a claim waits for the transaction of whoever had the pipeline, in seconds. */
const CLAIM_WAIT_S = 30;

export class OwnRecords {
  readonly schema: string;
  readonly lineage: string;

  /** @param schema as Oracle has it */
  constructor(schema: string, lineage: string) {
    this.schema = schema;
    this.lineage = lineage;
  }

  table(name: OwnTable): string {
    return qualified({ schema: this.schema, name });
  }

  create(name: OwnTable): string {
    const columns = Object.entries(COLUMNS[name]).map(([column, type]) => `${quoteName(column)} ${type}`);
    const key = KEYS[name].map(quoteName).join(',');
    return `CREATE TABLE ${this.table(name)} (${columns.join(', ')}, PRIMARY KEY (${key}))`;
  }

  /** Fences whoever claimed it before; `born`: see `DesiredPipeline`. Null: there is none. */
  async claim(
    connection: Connection,
    pipeline: string,
    ownerRevision: number,
  ): Promise<{ readonly checkpoint: Checkpoint; readonly born: number } | null> {
    const table = this.table('CHECKPOINT');
    const where = '"LINEAGE"=:1 AND "PIPELINE"=:2 AND "LANE"=0';
    const [row] = await connection.rows(
      `SELECT "SEQ","EPOCH","POSITION","CLOCK","SEEN","BORN" FROM ${table} WHERE ${where} FOR UPDATE WAIT ${CLAIM_WAIT_S}`,
      [this.lineage, pipeline],
    );
    if (row === undefined) {
      await connection.rollback();
      return null;
    }
    const [seq, before, position, clock, seen, born] = row;
    const epoch = Math.max(Number(before) + 1, ownerRevision);
    await connection.run(
      `UPDATE ${table} SET "EPOCH"=TO_NUMBER(:1) WHERE "LINEAGE"=:2 AND "PIPELINE"=:3 AND "LANE"=0`,
      [String(epoch), this.lineage, pipeline],
    );
    await connection.commit();
    const checkpoint = {
      seq: Number(seq),
      epoch,
      position: position ?? '',
      clock: Number(clock),
      seen: JSON.parse(seen ?? '{}') as Seen,
    };
    return { checkpoint, born: Number(born) };
  }

  /** Whether the checkpoint was where `from` says; it is where `to` says then, and locked until the transaction ends. */
  async move(connection: Connection, pipeline: string, from: Checkpoint, to: Checkpoint): Promise<boolean> {
    const sql =
      `UPDATE ${this.table('CHECKPOINT')} SET "SEQ"=TO_NUMBER(:1),"POSITION"=:2,"CLOCK"=TO_NUMBER(:3),"SEEN"=:4` +
      ' WHERE "LINEAGE"=:5 AND "PIPELINE"=:6 AND "LANE"=0 AND "SEQ"=TO_NUMBER(:7) AND "EPOCH"=TO_NUMBER(:8)';
    const { seq, epoch } = from;
    const binds = [to.seq, to.position, to.clock, JSON.stringify(to.seen), this.lineage, pipeline, seq, epoch];
    const [changed] = await connection.runMany(sql, texts(binds.length), [binds.map(String)]);
    return changed === 1;
  }

  async createCheckpoint(
    connection: Connection,
    pipeline: string,
    { seq, epoch, position, clock, seen }: Checkpoint,
    born: number,
  ): Promise<void> {
    const whole = JSON.stringify(seen);
    const values = { LINEAGE: this.lineage, PIPELINE: pipeline, LANE: 0, SEQ: seq, POSITION: position, CLOCK: clock };
    await this.#insert(connection, 'CHECKPOINT', [{ ...values, SEEN: whole, EPOCH: epoch, BORN: born }]);
    await connection.commit();
  }

  async copies(connection: Connection, pipeline: string): Promise<readonly CopyState[]> {
    const found = await this.#of(connection, 'COPY', pipeline, [
      ...['SOURCE_TABLE', 'ROW_CURSOR', 'DONE', 'ROWS_DONE', 'ROWS_ESTIMATE', 'TARGET_TABLE', 'STAY'],
    ]);
    return found.map(([table, cursor, done, rows, estimate, target, stay]) => ({
      table: table!,
      place: { target: target!, stay: Number(stay) },
      cursor: cursor === null ? null : JSON.parse(cursor!),
      done: done === '1',
      rowsDone: Number(rows),
      rowsEstimate: Number(estimate),
    }));
  }

  async recordCopies(connection: Connection, pipeline: string, states: readonly CopyState[]): Promise<void> {
    const rows = states.map(({ table, place, cursor, done, rowsDone, rowsEstimate }) => ({
      ...{ LINEAGE: this.lineage, PIPELINE: pipeline, SOURCE_TABLE: table },
      ROW_CURSOR: cursor === null ? null : JSON.stringify(cursor),
      ...{ DONE: done ? 1 : 0, ROWS_DONE: rowsDone, ROWS_ESTIMATE: rowsEstimate },
      ...{ TARGET_TABLE: place.target, STAY: place.stay },
    }));
    await this.#upsert(connection, 'COPY', rows, null);
  }

  async tables(connection: Connection, pipeline: string): Promise<Readonly<Record<string, RecordedTable>>> {
    const columns = ['SOURCE_TABLE', 'DIGEST', 'SINCE', 'TARGET_TABLE', 'STAY'];
    const found = await this.#of(connection, 'STRUCTURE', pipeline, columns);
    return Object.fromEntries(
      found.map(([table, digest, since, target, stay]): [string, RecordedTable] => {
        const place: Place = { target: target!, stay: Number(stay) };
        return [table!, { structure: digest!, since: JSON.parse(since ?? 'null'), place }];
      }),
    );
  }

  /** Since when one counts is kept when it was recorded before. */
  async recordTables(
    connection: Connection,
    pipeline: string,
    known: Readonly<Record<string, RecordedTable>>,
  ): Promise<void> {
    const rows = Object.entries(known).map(([table, { structure, since, place }]) => ({
      ...{ LINEAGE: this.lineage, PIPELINE: pipeline, SOURCE_TABLE: table, DIGEST: structure },
      SINCE: since === null ? null : JSON.stringify(since),
      ...{ TARGET_TABLE: place.target, STAY: place.stay },
    }));
    await this.#upsert(connection, 'STRUCTURE', rows, ['DIGEST']);
  }

  /** What goes into a table of this name, in whatever capitals, but this pipeline's table. */
  async sharers(connection: Connection, pipeline: string, table: string, target: string): Promise<readonly Sharer[]> {
    const found = await connection.rows(
      `SELECT "PIPELINE","SOURCE_TABLE","TARGET_TABLE" FROM ${this.table('COPY')} WHERE "LINEAGE"=:1 AND UPPER("TARGET_TABLE")=UPPER(:2) AND NOT ("PIPELINE"=:3 AND "SOURCE_TABLE"=:4)`,
      [this.lineage, target, pipeline, table],
    );
    return found.map(([by, source, named]) => ({ pipeline: by!, source: source!, target: named! }));
  }

  async forgetTables(connection: Connection, pipeline: string, tables: readonly string[]): Promise<void> {
    const rows = tables.map((table) => [this.lineage, pipeline, table]);
    for (const name of ['COPY', 'STRUCTURE'] as const) {
      const sql = `DELETE FROM ${this.table(name)} WHERE "LINEAGE"=:1 AND "PIPELINE"=:2 AND "SOURCE_TABLE"=:3`;
      await connection.runMany(sql, texts(3), rows);
    }
    await connection.commit();
  }

  async pipelines(connection: Connection): Promise<readonly string[]> {
    const sql = `SELECT DISTINCT "PIPELINE" FROM ${this.table('CHECKPOINT')} WHERE "LINEAGE"=:1`;
    return (await connection.rows(sql, [this.lineage])).map(([name]) => name!);
  }

  async forget(connection: Connection, pipeline: string): Promise<void> {
    for (const name of ORACLE_TABLES)
      await connection.run(`DELETE FROM ${this.table(name)} WHERE "LINEAGE"=:1 AND "PIPELINE"=:2`, [
        this.lineage,
        pipeline,
      ]);
    await connection.commit();
  }

  /** Of this topology; and the tables, when it was the last. */
  async removeAll(connection: Connection): Promise<void> {
    for (const name of ORACLE_TABLES)
      await connection.run(`DELETE FROM ${this.table(name)} WHERE "LINEAGE"=:1`, [this.lineage]);
    await connection.commit();
    const others = await connection.rows(`SELECT COUNT(*) FROM ${this.table('CHECKPOINT')}`);
    await connection.rollback();
    if (Number(others[0]![0]) > 0) return;
    for (const name of ORACLE_TABLES) await connection.run(`DROP TABLE ${this.table(name)}`);
  }

  async #of(
    connection: Connection,
    name: OwnTable,
    pipeline: string,
    columns: readonly string[],
  ): ReturnType<Connection['rows']> {
    const sql = `SELECT ${columns.map(quoteName).join(',')} FROM ${this.table(name)} WHERE "LINEAGE"=:1 AND "PIPELINE"=:2`;
    return connection.rows(sql, [this.lineage, pipeline]);
  }

  async #insert(connection: Connection, name: OwnTable, rows: readonly Values[]): Promise<void> {
    const columns = Object.keys(COLUMNS[name]);
    const values = columns.map((column, index) => bound(name, column, index + 1));
    const sql = `INSERT INTO ${this.table(name)} (${columns.map(quoteName).join(',')}) VALUES (${values.join(',')})`;
    await connection.runMany(
      sql,
      texts(columns.length),
      rows.map((row) => columns.map((column) => text(row[column]))),
    );
  }

  /** @param changed columns that are changed where there is a row; null: all */
  async #upsert(
    connection: Connection,
    name: OwnTable,
    rows: readonly Values[],
    changed: readonly string[] | null,
  ): Promise<void> {
    if (rows.length === 0) return;
    const key = KEYS[name];
    const set = changed ?? Object.keys(COLUMNS[name]).filter((column) => !key.includes(column));
    const all = [...set, ...key];
    const assigned = all.map((column, index) => `${quoteName(column)}=${bound(name, column, index + 1)}`);
    const sql = `UPDATE ${this.table(name)} SET ${assigned.slice(0, set.length).join(',')} WHERE ${assigned.slice(set.length).join(' AND ')}`;
    const counts = await connection.runMany(
      sql,
      texts(all.length),
      rows.map((row) => all.map((column) => text(row[column]))),
    );
    const missing = rows.filter((_, index) => counts[index] === 0);
    if (missing.length > 0) await this.#insert(connection, name, missing);
  }
}

type Values = Readonly<Record<string, string | number | null>>;

function texts(count: number): BindKind[] {
  return Array.from({ length: count }, () => 'text');
}

function text(value: string | number | null | undefined): Bind {
  return value === null || value === undefined ? null : String(value);
}

function bound(name: OwnTable, column: string, number: number): string {
  return COLUMNS[name][column]!.startsWith('NUMBER') ? `TO_NUMBER(:${number})` : `:${number}`;
}
