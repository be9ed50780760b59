/**
 * One connection that writes one pipeline into an Oracle database.
 *
 * Rule kept: the checkpoint row is the first that a transaction changes, by compare-and-set on `SEQ` and `EPOCH`. Oracle
 * writes read committed, and an UPDATE that waited for another transaction looks at the row anew, so a transaction either
 * moves the pipeline exactly one window on or changes nothing.
 */
import { OtterError, UnreachableError } from '../model/error.ts';
import {
  type Checkpoint,
  type CopyState,
  DuplicateKey,
  type Isolation,
  type LoadSession,
  type LoadTable,
  NeedsCare,
  type RecordedTable,
  type RefusedRow,
  RowRefused,
  type Write,
  type WriteCounts,
} from '../model/load.ts';
import { type Image, tableName } from '../model/row.ts';
import type { Bind, Connection } from './connection.ts';
import { isDuplicate } from './errors.ts';
import { noChanges, noLanes, noLetters, onlyATarget } from './one-way.ts';
import type { OwnRecords } from './own-records.ts';
import { type Statement, TableStatements } from './statements.ts';

/** Of one array of binds. */
const ROWS_MAX = 1000;
const BYTES_MAX = 4 << 20;

export interface SessionOptions {
  readonly connection: Connection;
  readonly records: OwnRecords;
  readonly pipeline: string;
}

interface Counts {
  missing: number;
  absent: number;
}

type UpdateWrite = Extract<Write, { kind: 'update' }>;

export class OracleSession implements LoadSession {
  readonly #options: SessionOptions;
  readonly #tables = new WeakMap<LoadTable, TableStatements>();
  careful = false;
  rowByRow = false;
  /** The row that is written now, when row by row. */
  #row: RefusedRow | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Foreign keys are none here that are checked (`oracle-fit.ts`), and nobody else reads what a window has half written. */
  async begin(
    _isolation: Isolation,
    _fkChecks: boolean,
    from: Checkpoint,
    to: Checkpoint,
    writes: readonly Write[],
  ): Promise<WriteCounts> {
    const { connection, records, pipeline } = this.#options;
    this.#row = null;
    if (!(await records.move(connection, pipeline, from, to))) {
      throw new OtterError(
        'OT5001',
        `the checkpoint of ${pipeline} is not where this node left it; another owner writes it`,
        { where: { pipeline, seq: from.seq, epoch: from.epoch }, retry: 'backoff' },
      );
    }
    return this.write(writes);
  }

  /** Binds are made of rows as they are sent. */
  prepare(): void {}

  async apply(...whole: Parameters<LoadSession['begin']>): Promise<WriteCounts> {
    const counts = await this.begin(...whole);
    await this.commit();
    return counts;
  }

  async applyAhead(): Promise<null> {
    return null;
  }

  async write(writes: readonly Write[]): Promise<WriteCounts> {
    const counts = { missing: 0, absent: 0 };
    for (let at = 0; at < writes.length; ) {
      const write = writes[at]!;
      if (write.kind !== 'update') {
        await this.#one(write, counts);
        at += 1;
        continue;
      }
      const run = updatesFrom(writes, at, this.careful || this.rowByRow ? 1 : ROWS_MAX);
      at += run.length;
      await this.#update(run, counts, at === writes.length);
    }
    this.#row = null;
    return counts;
  }

  async #one(write: Exclude<Write, { kind: 'update' }>, counts: Counts): Promise<void> {
    switch (write.kind) {
      case 'fk-checks':
        return;
      case 'clear':
        await this.#tell(() => this.#options.connection.run(this.#of(write.table).clear));
        return;
      case 'insert':
        await this.#many(write.table, this.#of(write.table).insert(), write.rows);
        return;
      case 'delete': {
        const found = await this.#many(write.table, this.#of(write.table).delete(), write.rows);
        counts.absent += found.filter((each) => each === 0).length;
        return;
      }
      case 'upsert':
        await this.#upsert(write.table, write.rows, counts);
        return;
      case 'put':
        await this.#upsert(write.table, write.rows, { missing: 0, absent: 0 });
        return;
      case 'ensure':
        await this.#ensure(write.table, write.rows);
        return;
      case 'evict':
        // Two-way channels alone evict by other keys.
        if (write.unique.columns !== write.table.key) return onlyATarget();
        await this.#many(write.table, this.#of(write.table).delete(), write.rows);
        return;
      default:
        throw new UnreachableError(write satisfies never);
    }
  }

  async #upsert(table: LoadTable, rows: readonly Image[], counts: Counts): Promise<void> {
    const statements = this.#of(table);
    const found = await this.#many(table, statements.update(statements.others), rows);
    const missing = rows.filter((_, index) => found[index] === 0);
    counts.missing += missing.length;
    if (missing.length === 0) return;
    await this.#many(table, statements.hasLobs ? statements.insert() : statements.merge(true), missing);
  }

  async #ensure(table: LoadTable, rows: readonly Image[]): Promise<void> {
    const statements = this.#of(table);
    if (!statements.hasLobs) await this.#many(table, statements.merge(false), rows);
    else {
      const there = new Set(await this.lock(table, table.key, rows));
      await this.#many(
        table,
        statements.insert(),
        rows.filter((row) => !there.has(row)),
      );
    }
  }

  async #update(run: readonly UpdateWrite[], counts: Counts, last: boolean): Promise<void> {
    const { table } = run[0]!;
    const statements = this.#of(table);
    const statement = statements.update(changed(run[0]!));
    const binds = run.map(({ before, after }) => statements.bind(statement, after, before));
    const found = await this.#send(table, statement, binds, run[0]!.before);
    const missing = run.filter((_, index) => found[index] === 0);
    if (missing.length === 0) return;
    if (run.length > 1 || !last) {
      if (!this.careful && !this.rowByRow) throw new NeedsCare();
    }
    counts.missing += missing.length;
    await this.#many(
      table,
      statements.insert(),
      missing.map(({ after }) => after),
    );
  }

  /** Rows changed by each. */
  async #many(table: LoadTable, statement: Statement, rows: readonly Image[]): Promise<readonly number[]> {
    const statements = this.#of(table);
    const most = this.rowByRow ? 1 : ROWS_MAX;
    const counts: number[] = [];
    let batch: Bind[][] = [];
    let bytes = 0;
    for (const [index, row] of rows.entries()) {
      const binds = statements.bind(statement, row);
      batch.push(binds);
      for (const value of binds) bytes += typeof value === 'number' ? 8 : (value?.length ?? 0);
      if (batch.length < most && bytes < BYTES_MAX && index < rows.length - 1) continue;
      counts.push(...(await this.#send(table, statement, batch, row)));
      batch = [];
      bytes = 0;
    }
    return counts;
  }

  /** @param row named when it is refused, where it is the only one */
  async #send(
    table: LoadTable,
    { sql, kinds }: Statement,
    binds: readonly (readonly Bind[])[],
    row: Image,
  ): Promise<readonly number[]> {
    if (this.rowByRow) this.#row = { table: tableName(table.target), key: this.#of(table).keyOf(row) };
    return this.#tell(() => this.#options.connection.runMany(sql, kinds, binds));
  }

  /** What the server refuses, as the loader knows it. */
  async #tell<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (isDuplicate(error)) {
        const duplicate = new DuplicateKey(error);
        duplicate.row = this.#row;
        throw duplicate;
      }
      if (this.#row !== null && error instanceof OtterError && error.code === 'OT4006')
        throw new RowRefused(error, this.#row);
      throw error;
    }
  }

  /** Of those that are there the rows as they were given: keys compare exactly here, so they are the same. */
  async lock(table: LoadTable, columns: readonly number[], rows: readonly Image[]): Promise<readonly Image[]> {
    if (columns !== table.key) return onlyATarget();
    const statements = this.#of(table);
    const look = statements.look();
    const found: Image[] = [];
    for (const row of rows) {
      const there = await this.#options.connection.rows(look.sql, statements.bind(look, row));
      if (there.length > 0) found.push(row);
    }
    return found;
  }

  async spelled(_table: LoadTable, rows: readonly Image[]): Promise<readonly Image[]> {
    return rows;
  }

  recordCopies(pipeline: string, states: readonly CopyState[]): Promise<void> {
    return this.#options.records.recordCopies(this.#options.connection, pipeline, states);
  }

  readonly recordLanes = noLanes;
  readonly recordChange = noChanges;
  readonly tablesMade = noChanges;
  readonly keepDefinitions = noChanges;
  readonly forgetTables = noChanges;

  recordTables(pipeline: string, known: Readonly<Record<string, RecordedTable>>): Promise<void> {
    return this.#options.records.recordTables(this.#options.connection, pipeline, known);
  }

  async commit(): Promise<void> {
    await this.#options.connection.commit();
  }

  async rollback(): Promise<void> {
    await this.#options.connection.rollback();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.connection.destroy();
  }

  readonly differing = onlyATarget;
  readonly answer = onlyATarget;
  readonly tellVersions = onlyATarget;
  readonly tellTouches = onlyATarget;
  readonly recordConflicts = onlyATarget;
  readonly parkConflict = onlyATarget;
  readonly stillOpen = onlyATarget;
  readonly closeConflicts = onlyATarget;
  readonly mark = noLetters;
  readonly undo = noLetters;
  readonly park = noLetters;
  readonly lettersLeft = noLetters;
  readonly removeLetters = noLetters;
  readonly lockWhole = onlyATarget;
  readonly logPosition = onlyATarget;
  readonly logEnd = onlyATarget;
  readonly beginOwn = onlyATarget;
  readonly tellResolution = onlyATarget;

  #of(table: LoadTable): TableStatements {
    let known = this.#tables.get(table);
    if (known === undefined) {
      known = new TableStatements(table);
      this.#tables.set(table, known);
    }
    return known;
  }
}

/** As many updates of one table and of the same columns as follow each other. */
function updatesFrom(writes: readonly Write[], start: number, most: number): UpdateWrite[] {
  const first = writes[start] as UpdateWrite;
  const columns = changed(first).join();
  const run = [first];
  for (let at = start + 1; at < writes.length && run.length < most; at += 1) {
    const next = writes[at]!;
    if (next.kind !== 'update' || next.table !== first.table || changed(next).join() !== columns) break;
    run.push(next);
  }
  return run;
}

function changed({ before, after }: UpdateWrite): number[] {
  return after.flatMap((value, index) => (value === before[index] ? [] : [index]));
}
