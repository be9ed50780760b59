/**
 * One connection that writes one pipeline into a MySQL or MariaDB database.
 *
 * Rule kept: the checkpoint row is the first row that a transaction writes, by compare-and-set on `seq` and `epoch`, so
 * a transaction either moves the pipeline exactly one window on or changes nothing.
 */
import type { ResultSetHeader } from 'mysql2';
import type { ClosedConflicts, ConflictRecord } from '../model/conflict.ts';
import type { DeadLetter } from '../model/dead-letter.ts';
import { OtterError } from '../model/error.ts';
import {
  type Checkpoint,
  type CopyState,
  type Isolation,
  type LoadSession,
  type LoadTable,
  NeedsCare,
  type PendingChange,
  type RecordedTable,
  type RefusedRow,
  RowRefused,
  type Write,
  type WriteCounts,
} from '../model/load.ts';
import type { LogPoint } from '../model/position.ts';
import {
  type AppliedTouches,
  type Definition,
  type Image,
  type LoggedAnswer,
  tableName,
  type Version,
} from '../model/row.ts';
import { answerInserts, resolutionInsert, touchInserts, versionInserts } from './answers.ts';
import { closeConflicts, conflictInserts, stillOpen } from './conflict-rows.ts';
import type { Session } from './connection.ts';
import { LENIENT_SQL_MODE, SQL_MODE } from './database-server.ts';
import { letterInsert, lettersDelete, lettersLeft } from './dead-letter-rows.ts';
import { serverErrorNumber } from './driver-error.ts';
import { differing } from './held.ts';
import type { OwnRecords } from './own-records.ts';
import {
  askedBehind,
  type Counts,
  count,
  forOnePacket,
  isLoaded,
  isWatched,
  type Lines,
  linesOf,
  MET,
  NOT_MET,
  type Packet,
  packetChars,
  statementsOf,
} from './packets.ts';
import { RAW_ROWS, selectList, spelledKeys, toImages } from './select.ts';
import { send, told } from './sending.ts';
import { keyCondition, qualified, rowByRow, type Statement } from './sql.ts';
import { bentBy } from './warnings.ts';

/** Name of a savepoint. */
const MARK = 'otter_row';

export interface SessionOptions {
  readonly connection: Session;
  /** `max_allowed_packet` of the server. */
  readonly packetBytesMax: number;
  /** Whether the server takes LOAD DATA LOCAL. */
  readonly takesLines: boolean;
  readonly records: OwnRecords;
  readonly pipeline: string;
  /** Whose checkpoint row it moves; 0: the pipeline's. */
  readonly lane: number;
  readonly logEnd: () => Promise<LogPoint>;
  readonly logPosition: () => Promise<string>;
}

export class MysqlSession implements LoadSession {
  readonly #options: SessionOptions;
  careful = false;
  rowByRow = false;
  #lenient = false;
  /** Whether many rows go as lines. */
  #lines: boolean;
  /** What the session was told last of checks, mode and isolation; null: that is not known, or writes may have changed it. */
  #settings: string | null = null;
  /** Not more than once: what is left of it is taken. */
  #prepared: { readonly writes: readonly Write[]; readonly made: Packet } | null = null;
  /** The row that is written now, when row by row. */
  #row: RefusedRow | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#lines = options.takesLines;
  }

  async begin(
    isolation: Isolation,
    fkChecks: boolean,
    from: Checkpoint,
    to: Checkpoint,
    writes: readonly Write[],
  ): Promise<WriteCounts> {
    const { pipeline } = this.#options;
    this.#row = null;
    const results = await this.#send(this.#head(isolation, fkChecks, from, to));
    if (results.at(-1)!.affectedRows !== 1) {
      throw new OtterError(
        'OT5001',
        `the checkpoint of ${pipeline} is not where this node left it; another owner writes it`,
        {
          where: { pipeline, seq: from.seq, epoch: from.epoch },
          retry: 'backoff',
        },
      );
    }
    return this.write(writes);
  }

  prepare(writes: readonly Write[]): void {
    this.#prepared = { writes, made: this.#made(writes) };
  }

  #made(writes: readonly Write[]): Packet {
    return forOnePacket(this.#statements(writes), this.#options.packetBytesMax);
  }

  async apply(...window: Parameters<LoadSession['begin']>): Promise<WriteCounts> {
    const [isolation, fkChecks, from, to, writes] = window;
    if (this.careful || this.rowByRow) return this.#stepByStep(window);
    const prepared = this.#prepared?.writes === writes ? this.#prepared.made : null;
    this.#prepared = null;
    const { rest, taken, whole } = prepared ?? this.#made(writes);
    const counts = { missing: 0, absent: 0 };
    if (!whole) {
      await this.begin(isolation, fkChecks, from, to, []);
      await this.#writeAll(chained(taken, rest), counts);
      await this.#setLenient(false);
      await this.commit();
      return counts;
    }
    this.#row = null;
    const head = [...this.#head(isolation, fkChecks, from, to), MET];
    const asked = taken.map((statement) => {
      const behind = askedBehind(statement);
      return behind === null ? [statement.sql] : [statement.sql, behind];
    });
    if (taken.some(({ sets }) => sets)) this.#settings = null;
    try {
      const results = await this.#send([...head, ...asked.flat(), 'COMMIT'], linesOf(taken));
      let at = head.length;
      for (const [index, statement] of taken.entries()) {
        count(statement, results[at]!, counts);
        at += asked[index]!.length;
      }
      return counts;
    } catch (error) {
      const unmet = serverErrorNumber(error) === NOT_MET;
      const loads = taken.some(({ expects }) => expects === 'loaded');
      // Not everything that speaks for a server knows what loading is.
      const refused = loads && error instanceof OtterError && error.code === 'OT4006';
      if (!unmet && !refused) throw error;
      await this.rollback();
      try {
        if (loads) this.#lines = false;
        // So it is known what was not met, and what to do about it.
        return await this.#stepByStep(window);
      } finally {
        if (unmet) this.#lines = this.#options.takesLines;
      }
    }
  }

  #statements(writes: readonly Write[]): Generator<Statement, void> {
    return statementsOf(writes, this.#options.packetBytesMax, this.#lines && !this.careful && !this.rowByRow);
  }

  async #stepByStep(window: Parameters<LoadSession['begin']>): Promise<WriteCounts> {
    const counts = await this.begin(...window);
    await this.commit();
    return counts;
  }

  /** What begins every transaction. Settings are told when they are others, or a transaction has failed half-way. */
  #head(isolation: Isolation, fkChecks: boolean, from: Checkpoint, to: Checkpoint): string[] {
    const { records, pipeline, lane } = this.#options;
    const settings = [
      `SET foreign_key_checks=${fkChecks ? 1 : 0},sql_mode='${SQL_MODE}'`,
      `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`,
    ];
    const news = settings.join() === this.#settings ? [] : settings;
    this.#settings = settings.join();
    this.#lenient = false;
    return [...news, 'START TRANSACTION', records.checkpointMove(pipeline, from, to, lane)];
  }

  async write(writes: readonly Write[]): Promise<WriteCounts> {
    const counts = { missing: 0, absent: 0 };
    if (!this.rowByRow) await this.#writeAll(this.#statements(writes), counts);
    else {
      for (const each of writes) {
        for (const { write, key } of rowByRow(each)) {
          this.#row = write.kind === 'fk-checks' ? null : { table: tableName(write.table.target), key };
          await this.#writeAll(this.#statements([write]), counts);
        }
      }
      this.#row = null;
    }
    await this.#setLenient(false);
    return counts;
  }

  async #writeAll(all: Iterable<Statement>, counts: Counts): Promise<void> {
    let batch: Statement[] = [];
    let chars = 0;
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      const results = await this.#run(batch);
      for (const [index, statement] of batch.entries())
        await this.#settle(statement, results[index]!, index === batch.length - 1, counts);
      batch = [];
      chars = 0;
    };
    const most = packetChars(this.#options.packetBytesMax);
    for (const statement of all) {
      const alone = this.careful || isWatched(statement) || (batch.length > 0 && isWatched(batch[0]!));
      if (alone || chars + statement.sql.length > most) await flush();
      batch.push(statement);
      chars += statement.sql.length;
    }
    await flush();
  }

  /** Several strict statements, or one whose warnings are looked at. */
  async #run(batch: readonly Statement[]): Promise<ResultSetHeader[]> {
    const { zeros = 0 } = batch[0]!;
    await this.#setLenient(zeros > 0);
    if (batch.some(({ sets }) => sets)) this.#settings = null;
    const results = await this.#send(
      batch.map(({ sql }) => sql),
      linesOf(batch),
    );
    if (isWatched(batch[0]!)) await this.#checkWarnings(results[0]!, zeros);
    return results;
  }

  async #checkWarnings({ warningStatus }: ResultSetHeader, zeros: number): Promise<void> {
    const worst = await bentBy(this.#options.connection, warningStatus, zeros);
    if (worst !== null) throw new RowRefused(new Error(worst), this.#row, true);
  }

  async #setLenient(lenient: boolean): Promise<void> {
    if (this.#lenient === lenient) return;
    await this.#send([`SET sql_mode='${lenient ? LENIENT_SQL_MODE : SQL_MODE}'`]);
    this.#lenient = lenient;
  }

  async #settle(statement: Statement, result: ResultSetHeader, last: boolean, counts: Counts): Promise<void> {
    count(statement, result, counts);
    if (statement.expects === 'loaded' && !isLoaded(statement, result)) throw new NeedsCare();
    if (statement.expects !== 'updated' || result.affectedRows > 0) return;
    if (!last) throw new NeedsCare();
    counts.missing += 1;
    const { otherwise, otherwiseZeros = 0, cuts = false } = statement;
    await this.#run([{ sql: otherwise!(), rows: 1, expects: 'anything', zeros: otherwiseZeros, cuts }]);
  }

  async lock(table: LoadTable, columns: readonly number[], rows: readonly Image[]): Promise<readonly Image[]> {
    if (rows.length === 0) return [];
    const shown = [...table.columns, ...table.extras];
    const found: Image[] = [];
    for (let start = 0; start < rows.length; start += 1000) {
      const result = await this.#options.connection.query(
        `SELECT ${selectList(shown)} FROM ${qualified(table.target)} WHERE ${keyCondition(table, columns, rows.slice(start, start + 1000))} FOR UPDATE`,
        { driver: RAW_ROWS },
      );
      found.push(...toImages(shown, result as unknown[][]));
    }
    return found;
  }

  async spelled(table: LoadTable, rows: readonly Image[]): Promise<readonly Image[]> {
    return spelledKeys(this.#options.connection, table, rows);
  }

  async differing(table: LoadTable, row: Image, columns: readonly number[]): Promise<readonly number[]> {
    return differing(this.#options.connection, table, row, columns);
  }

  async answer(pipeline: string, answers: readonly LoggedAnswer[]): Promise<void> {
    if (answers.length > 0) await this.#log('answer', pipeline, answers, answerInserts);
  }

  async tellVersions(pipeline: string, versions: readonly Version[]): Promise<void> {
    if (versions.length > 0) await this.#log('version', pipeline, versions, versionInserts);
  }

  async tellTouches(pipeline: string, touches: readonly AppliedTouches[]): Promise<void> {
    if (touches.length > 0) await this.#log('version', pipeline, touches, touchInserts);
  }

  async #log<T>(
    name: 'answer' | 'version',
    pipeline: string,
    what: readonly T[],
    inserts: (
      into: string,
      by: { lineage: string; pipeline: string },
      what: readonly T[],
      most: number,
    ) => Iterable<string>,
  ): Promise<void> {
    const { records, packetBytesMax } = this.#options;
    const into = records.table(name);
    for (const sql of inserts(into, { lineage: records.lineage, pipeline }, what, packetBytesMax))
      await this.#send([sql]);
    // The insert is in the log for this site's reader; the row itself has done its work.
    await this.#send([`DELETE FROM ${into} WHERE ${records.of(pipeline)}`]);
  }

  async recordConflicts(records: readonly ConflictRecord[]): Promise<void> {
    const own = this.#options.records;
    const inserts = conflictInserts(own.table('conflict'), own.lineage, records, this.#options.packetBytesMax);
    for (const sql of inserts) await this.#send([sql]);
  }

  async parkConflict(record: ConflictRecord): Promise<number> {
    const own = this.#options.records;
    const [insert] = conflictInserts(own.table('conflict'), own.lineage, [record], 0, 'open');
    const [result] = await this.#send([insert!]);
    return result!.insertId;
  }

  async stillOpen(ids: readonly number[]): Promise<readonly number[]> {
    return stillOpen(this.#options.connection, this.#options.records.table('conflict'), ids);
  }

  async closeConflicts(closed: ClosedConflicts): Promise<void> {
    if (closed.ids.length > 0) await this.#send([closeConflicts(this.#options.records.table('conflict'), closed)]);
  }

  async mark(): Promise<void> {
    await this.#send([`SAVEPOINT ${MARK}`]);
  }

  async undo(): Promise<void> {
    await this.#send([`ROLLBACK TO SAVEPOINT ${MARK}`]);
  }

  async park(letter: DeadLetter): Promise<number> {
    const { records } = this.#options;
    const [result] = await this.#send([letterInsert(records.table('dead_letter'), records.lineage, letter)]);
    return result!.insertId;
  }

  async lettersLeft(ids: readonly number[]): Promise<readonly number[]> {
    return lettersLeft(this.#options.connection, this.#options.records.table('dead_letter'), ids);
  }

  async removeLetters(ids: readonly number[]): Promise<void> {
    if (ids.length > 0) await this.#send([lettersDelete(this.#options.records.table('dead_letter'), ids)]);
  }

  async beginOwn(between: string): Promise<void> {
    const { records } = this.#options;
    this.#row = null;
    this.#settings = null;
    await this.#send([
      `SET foreign_key_checks=0,sql_mode='${SQL_MODE}'`,
      'SET TRANSACTION ISOLATION LEVEL repeatable read',
      'START TRANSACTION',
      // Every window holds this row from its beginning to its commit.
      `SELECT seq FROM ${records.table('checkpoint')} WHERE ${records.of(between)} FOR UPDATE`,
    ]);
    this.#lenient = false;
  }

  async tellResolution(pipeline: string): Promise<void> {
    const { records } = this.#options;
    await this.#send([resolutionInsert(records.table('answer'), { lineage: records.lineage, pipeline })]);
  }

  async recordCopies(pipeline: string, states: readonly CopyState[]): Promise<void> {
    if (states.length > 0) await this.#send([this.#options.records.copiesUpsert(pipeline, states)]);
  }

  async recordTables(pipeline: string, known: Readonly<Record<string, RecordedTable>>): Promise<void> {
    if (Object.keys(known).length === 0) return;
    const { records } = this.#options;
    await this.#send([records.tablesUpsert(pipeline, known)]);
    for (const sql of records.definitionsUpsert(pipeline, known)) await this.#send([sql]);
  }

  async tablesMade(pipeline: string, tables: readonly string[]): Promise<void> {
    if (tables.length > 0) await this.#send([this.#options.records.tablesMade(pipeline, tables)]);
  }

  async recordChange(pipeline: string, change: PendingChange | null): Promise<void> {
    await this.#send([this.#options.records.changeRecord(pipeline, change)]);
  }

  async keepDefinitions(pipeline: string, definitions: Readonly<Record<string, Definition | null>>): Promise<void> {
    for (const sql of this.#options.records.definitionsKeep(pipeline, definitions)) await this.#send([sql]);
  }

  async recordLanes(pipeline: string, lanes: { count: number; division: string } | null): Promise<void> {
    await this.#send(this.#options.records.lanesRecord(pipeline, lanes));
  }

  async forgetTables(pipeline: string, tables: readonly string[]): Promise<void> {
    if (tables.length > 0) await this.#send(this.#options.records.tablesDelete(pipeline, tables));
  }

  async lockWhole(table: LoadTable): Promise<boolean> {
    const found = await this.#options.connection.rows(
      `SELECT 1 AS one FROM ${qualified(table.target)} LIMIT 1 FOR UPDATE`,
    );
    return found.length > 0;
  }

  logPosition(): Promise<string> {
    return this.#options.logPosition();
  }

  logEnd(): Promise<LogPoint> {
    return this.#options.logEnd();
  }

  async commit(): Promise<void> {
    await this.#send(['COMMIT']);
  }

  async rollback(): Promise<void> {
    await this.#send(['ROLLBACK']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.connection.destroy();
  }

  /** @param lines of the statements among them that load, in their order */
  async #send(sqls: readonly string[], lines: Lines[] = []): Promise<ResultSetHeader[]> {
    const { connection, packetBytesMax } = this.#options;
    try {
      return await send(connection, packetBytesMax, sqls, lines);
    } catch (error) {
      this.#settings = null;
      throw told(error, this.#row);
    }
  }
}

/** What was taken already, and then the rest. */
function* chained(taken: readonly Statement[], rest: Iterable<Statement>): Generator<Statement, void> {
  yield* taken;
  yield* rest;
}
