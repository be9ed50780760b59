/**
 * One connection that writes one pipeline into a MySQL or MariaDB database.
 *
 * Rule kept: every transaction moves the checkpoint row, by compare-and-set on `seq` and `epoch`, so it either moves the pipeline
 * exactly one window on or changes nothing. It does so first, and holds the row until its commit. Only where the window before is
 * being committed meanwhile it does so last, and first moves a row of its own in the same table: the first row marks it in the log
 * as otter's, and fences it.
 */
import type { ResultSetHeader } from 'mysql2';
import { OtterError } from '../model/error.ts';
import {
  type Checkpoint,
  type Isolation,
  type LoadSession,
  type LoadTable,
  NeedsCare,
  type RefusedRow,
  RowRefused,
  type Write,
  type WriteCounts,
  type WrittenAhead,
} from '../model/load.ts';
import type { LogPoint } from '../model/position.ts';
import { type Image, tableName } from '../model/row.ts';
import { CHECKS_BACK } from './bulk.ts';
import { LENIENT_SQL_MODE, SQL_MODE } from './database-server.ts';
import { serverErrorNumber } from './driver-error.ts';
import { differing } from './held.ts';
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
import { type Recording, RecordingSession } from './recording-session.ts';
import { RAW_ROWS, selectList, spelledKeys, toImages } from './select.ts';
import { send, told } from './sending.ts';
import { keyCondition, qualified, rowByRow, type Statement } from './sql.ts';
import { bentBy } from './warnings.ts';

/** Names of savepoints. */
const MARK = 'otter_row';
const LOAD_MARK = 'otter_load';
/** Where rows to be replaced were not there, or no others than came, the next may be so too, and the load was for nothing. */
const REST_WINDOWS = 50;

export interface SessionOptions extends Recording {
  /** Whether the server takes LOAD DATA LOCAL. */
  readonly takesLines: boolean;
  readonly pipeline: string;
  /** Whose checkpoint row it moves; 0: the pipeline's. */
  readonly lane: number;
  /** Of two that write the pipeline in turn, which this is: 1 or 2. */
  readonly turn: number;
  readonly logEnd: () => Promise<LogPoint>;
  readonly logPosition: () => Promise<string>;
}

export class MysqlSession extends RecordingSession implements LoadSession {
  readonly #options: SessionOptions;
  protected readonly recording: Recording;
  careful = false;
  rowByRow = false;
  #lenient = false;
  /** Whether many rows go as lines. */
  #lines: boolean;
  /** So many windows more those that replace others do not. */
  #rest = 0;
  /** What the session was told last of checks, mode and isolation; null: that is not known, or writes may have changed it. */
  #settings: string | null = null;
  /** Epoch of the checkpoint for which it has a row of its own turns. */
  #turnsIn: number | null = null;
  /** Not more than once: what is left of it is taken. */
  #prepared: { readonly writes: readonly Write[]; readonly made: Packet } | null = null;
  /** The row that is written now, when row by row. */
  #row: RefusedRow | null = null;

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    this.recording = options;
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
    const results = await this.#send([...this.#opening(isolation, fkChecks), this.#move(from, to)]);
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
    if (this.#rest > 0) this.#rest -= 1;
    return forOnePacket(this.#statements(writes), this.#options.packetBytesMax);
  }

  async apply(...window: Parameters<LoadSession['begin']>): Promise<WriteCounts> {
    const [isolation, fkChecks, from, to, writes] = window;
    if (this.careful || this.rowByRow) return this.#stepByStep(window);
    const made = this.#madeOf(writes);
    const { taken, whole } = made;
    if (!whole) {
      const counts = await this.#writeInParts(window, made);
      await this.commit();
      return counts;
    }
    try {
      return await this.#sendWhole([...this.#opening(isolation, fkChecks), this.#move(from, to), MET], taken, [
        'COMMIT',
      ]);
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

  async applyAhead(behind: boolean, ...window: Parameters<LoadSession['begin']>): Promise<WrittenAhead | null> {
    const [isolation, fkChecks, from, to, writes] = window;
    if (this.careful || this.rowByRow) return null;
    const made = this.#madeOf(writes);
    if (!made.whole) {
      const counts = await this.#writeInParts(window, made);
      return { ...counts, committed: this.commit() };
    }
    const last = behind && writes.every(findsWhatIsLocked);
    if (last) await this.#takeTurns(from);
    const opening = this.#opening(isolation, fkChecks);
    const move = [this.#move(from, to), MET];
    const counts = last
      ? await this.#sendWhole([...opening, this.#turn(to), MET], made.taken, move)
      : await this.#sendWhole([...opening, ...move], made.taken, []);
    return { ...counts, committed: this.commit() };
  }

  async #takeTurns(at: Checkpoint): Promise<void> {
    const { records, pipeline, turn } = this.#options;
    if (this.#turnsIn === at.epoch) return;
    // Else it would wait for the window before.
    await this.#send([
      'SET SESSION TRANSACTION ISOLATION LEVEL read committed',
      records.turnInsert(pipeline, at, turn),
    ]);
    this.#settings = null;
    this.#turnsIn = at.epoch;
  }

  /** More than goes into a packet, or something that has to be looked at. Not committed. */
  async #writeInParts(window: Parameters<LoadSession['begin']>, { taken, rest }: Packet): Promise<Counts> {
    const [isolation, fkChecks, from, to] = window;
    const counts = { missing: 0, absent: 0 };
    await this.begin(isolation, fkChecks, from, to, []);
    await this.#writeAll(chained(taken, rest), counts);
    await this.#setLenient(false);
    return counts;
  }

  /** Statements that make up a transaction, or all of it but its commit, in one packet. */
  async #sendWhole(before: readonly string[], taken: readonly Statement[], behind: readonly string[]): Promise<Counts> {
    const counts = { missing: 0, absent: 0 };
    this.#row = null;
    const asked = taken.map((statement) => [statement.sql, ...askedBehind(statement)]);
    if (taken.some(({ sets }) => sets)) this.#settings = null;
    const results = await this.#send([...before, ...asked.flat(), ...behind], linesOf(taken)).catch(
      (error: unknown) => {
        const replaces = taken.some(({ counts: counted, rows }) => counted !== undefined && counted > rows);
        if (replaces && serverErrorNumber(error) === NOT_MET) this.#rest = REST_WINDOWS;
        throw error;
      },
    );
    let at = before.length;
    for (const [index, statement] of taken.entries()) {
      count(statement, results[at]!, counts);
      at += asked[index]!.length;
    }
    return counts;
  }

  /** What was prepared of them, else it is made now. */
  #madeOf(writes: readonly Write[]): Packet {
    const prepared = this.#prepared?.writes === writes ? this.#prepared.made : null;
    this.#prepared = null;
    return prepared ?? this.#made(writes);
  }

  #statements(writes: readonly Write[]): Generator<Statement, void> {
    const lines = !this.#lines || this.careful || this.rowByRow ? 'none' : this.#rest > 0 ? 'new' : 'all';
    return statementsOf(writes, this.#options.packetBytesMax, lines);
  }

  async #stepByStep(window: Parameters<LoadSession['begin']>): Promise<WriteCounts> {
    const counts = await this.begin(...window);
    await this.commit();
    return counts;
  }

  /** What begins every transaction. Settings are told when they are others, or a transaction has failed half-way. */
  #opening(isolation: Isolation, fkChecks: boolean): string[] {
    const settings = [
      `SET foreign_key_checks=${fkChecks ? 1 : 0},sql_mode='${SQL_MODE}'`,
      `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`,
    ];
    const news = settings.join() === this.#settings ? [] : settings;
    this.#settings = settings.join();
    this.#lenient = false;
    return [...news, 'START TRANSACTION'];
  }

  #move(from: Checkpoint, to: Checkpoint): string {
    const { records, pipeline, lane } = this.#options;
    return records.checkpointMove(pipeline, from, to, lane);
  }

  #turn(to: Checkpoint): string {
    const { records, pipeline, turn } = this.#options;
    return records.turnMove(pipeline, to, turn);
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
      if (statement.instead !== undefined) {
        await flush();
        await this.#replace(statement, statement.instead, counts);
        continue;
      }
      const alone = this.careful || isWatched(statement) || (batch.length > 0 && isWatched(batch[0]!));
      if (alone || chars + statement.sql.length > most) await flush();
      batch.push(statement);
      chars += statement.sql.length;
    }
    await flush();
  }

  /** Of rows that are not all there, or are so already, nothing but the load is taken back: a large transaction need not come again. */
  async #replace(load: Statement, instead: () => Iterable<Statement>, counts: Counts): Promise<void> {
    await this.#setLenient(false);
    try {
      await this.#send([`SAVEPOINT ${LOAD_MARK}`, load.sql, ...askedBehind(load)], linesOf([load]));
    } catch (error) {
      if (serverErrorNumber(error) !== NOT_MET) throw error;
      this.#rest = REST_WINDOWS;
      await this.#send([`ROLLBACK TO SAVEPOINT ${LOAD_MARK}`, CHECKS_BACK]);
      await this.#writeAll(instead(), counts);
    }
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

  async mark(): Promise<void> {
    await this.#send([`SAVEPOINT ${MARK}`]);
  }

  async undo(): Promise<void> {
    await this.#send([`ROLLBACK TO SAVEPOINT ${MARK}`]);
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

  protected tell(sqls: readonly string[]): Promise<ResultSetHeader[]> {
    return this.#send(sqls);
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

/**
 * Whether it waits for rows that another transaction is about to commit, and finds them as they are then. An UPDATE by anything
 * but a whole key does not: it looks at a locked row as it was committed last, and passes over what does not fit or was not there
 * (MySQL manual, "Transaction Isolation Levels", READ COMMITTED: a semi-consistent read). Nor does whatever a trigger reads.
 */
function findsWhatIsLocked(write: Write): boolean {
  if (write.kind === 'fk-checks') return true;
  const { key, target } = write.table;
  return write.kind !== 'clear' && key.length > 0 && target.triggers.length === 0;
}

/** What was taken already, and then the rest. */
function* chained(taken: readonly Statement[], rest: Iterable<Statement>): Generator<Statement, void> {
  yield* taken;
  yield* rest;
}
