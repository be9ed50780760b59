/**
 * The target side of a MySQL or MariaDB server: otter's own tables, claims, table creation, sessions that load.
 *
 * Rule kept: whoever claims a pipeline raises its epoch in the checkpoint row first, which waits for the transaction of
 * any earlier owner and fences it, and only then reads where the pipeline stands. So the outcome of a commit whose
 * connection broke is never guessed: claiming again tells.
 */

import type { ConflictShare, NamedImage, OpenConflict } from '../model/conflict.ts';
import type { LoggedLetter } from '../model/dead-letter.ts';
import { Lane } from '../model/lane.ts';
import {
  type BegunTable,
  type Checkpoint,
  type CopyState,
  type LanesRecord,
  type LoadSession,
  type LogOrigin,
  NotCarriedError,
  OWN_STATEMENT,
  type PendingChange,
  type Place,
  type RecordedTable,
  type TableStep,
  type TargetPort,
} from '../model/load.ts';
import type { SourcePort } from '../model/ports.ts';
import type { ResyncProgress, ResyncRequest } from '../model/resync.ts';
import type { AnnouncedTable, Definition, TableShape } from '../model/row.ts';
import { seenText } from '../model/seen.ts';
import { carryOut, definitionsOf, leavesNoTrace, statementOf, tablesOf } from './change-tables.ts';
import { pruneConflicts } from './conflict-log.ts';
import { stillOpen } from './conflict-rows.ts';
import type { Session } from './connection.ts';
import { makeTable } from './create-table.ts';
import { type LetterRow, letterOf, lettersBehind } from './dead-letter-rows.ts';
import { openLine } from './loading-line.ts';
import { createOtterTables, hasLineage, OTTER_TABLES } from './otter-tables.ts';
import { OwnRecords } from './own-records.ts';
import { MysqlSession } from './session.ts';
import { Scales } from './sort-keys.ts';
import { qualified, quoteName, quoteText } from './sql.ts';
import { unguardedTriggers } from './triggers.ts';

/** Records of conflicts. */
const PRUNED_AT_ONCE = 1000;

export interface TargetOptions {
  /** Opens a session that takes several statements at once. */
  readonly connect: () => Promise<Session>;
  /** Schema of otter's own tables. */
  readonly schema: string;
  readonly lineage: string;
  readonly source: SourcePort;
  readonly now: () => number;
}

export class MysqlTarget implements TargetPort, AsyncDisposable {
  readonly #options: TargetOptions;
  readonly #records: OwnRecords;
  readonly #scales = new Scales();
  /** For everything but loading. */
  readonly #control: Lane<Session>;
  /** A high watermark waits for the loader, which waits for the reader, which asks for sort keys: never on one line. */
  readonly #marks: Lane<Session>;
  readonly #sorting: Lane<Session>;
  readonly #pulse: Lane<Session>;

  constructor(options: TargetOptions) {
    this.#options = options;
    this.#records = new OwnRecords(options.schema, options.lineage);
    this.#control = new Lane(options.connect);
    this.#marks = new Lane(options.connect);
    this.#sorting = new Lane(options.connect);
    this.#pulse = new Lane(options.connect);
  }

  async prepare(): Promise<void> {
    await this.#control.run(async (connection) => {
      const missing = await rows(
        connection,
        `SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema=${quoteText(this.#options.schema)}
         AND table_name IN (${OTTER_TABLES.map(quoteText).join(',')})`,
      );
      if (Number(missing[0]!['n']) === OTTER_TABLES.length) return;
      for (const sql of createOtterTables(this.#options.schema)) await connection.query(OWN_STATEMENT + sql);
    });
  }

  async answers(): Promise<void> {
    await this.#pulse.run((connection) => connection.query('DO 1'));
  }

  async claim(pipeline: string, ownerRevision: number, born: number): Promise<Checkpoint | null> {
    const claimed = await this.#control.run(async (connection) =>
      this.#records.claim(connection, pipeline, ownerRevision),
    );
    if (claimed === null) return null;
    if (claimed.born === born) return claimed.checkpoint;
    await this.forget(pipeline);
    return null;
  }

  async createCheckpoint(pipeline: string, checkpoint: Checkpoint, born: number): Promise<void> {
    const sql = this.#records.checkpointInsert(pipeline, checkpoint, born);
    await this.#control.run((connection) => connection.query(sql));
  }

  async lanes(pipeline: string): Promise<LanesRecord | null> {
    return this.#control.run(async (connection) => this.#records.lanes(connection, pipeline));
  }

  async copies(pipeline: string): Promise<readonly CopyState[]> {
    return this.#control.run(async (connection) => this.#records.copies(connection, pipeline));
  }

  shape(schema: string, table: string): Promise<TableShape | null> {
    return this.#options.source.shapeWithChildren(schema, table);
  }

  async createTable(
    announced: AnnouncedTable,
    as: { schema: string; name: string },
    rename: Readonly<Record<string, string>>,
    twoWay: boolean,
  ): Promise<readonly string[]> {
    return this.#control.run((connection) => makeTable(connection, { announced, as, rename, twoWay }));
  }

  async family(): Promise<'mariadb' | 'mysql'> {
    return (await this.#options.source.facts()).family;
  }

  async folds(): Promise<boolean> {
    return (await this.#options.source.facts()).folds === true;
  }

  async making(pipeline: string): Promise<Readonly<Record<string, Definition>>> {
    return this.#control.run(async (connection) => this.#records.making(connection, pipeline));
  }

  async keepDefinition(pipeline: string, table: string, definition: Definition): Promise<void> {
    await this.#control.run(async (connection) =>
      this.#records.keepDefinition(connection, pipeline, table, definition),
    );
  }

  async cameHere(pipeline: string, table: string): Promise<boolean> {
    return this.#control.run(async (connection) => this.#records.cameHere(connection, pipeline, table));
  }

  async beginTable(pipeline: string, table: string, begun: BegunTable): Promise<void> {
    await this.#control.run(async (connection) => this.#records.beginTable(connection, pipeline, table, begun));
  }

  async begunTables(pipeline: string): Promise<Readonly<Record<string, BegunTable>>> {
    return this.#control.run(async (connection) => this.#records.begunTables(connection, pipeline));
  }

  async pendingChange(pipeline: string): Promise<PendingChange | null> {
    return this.#control.run(async (connection) => this.#records.change(connection, pipeline));
  }

  async lookAhead(steps: readonly TableStep[]): Promise<PendingChange['before']> {
    return this.#control.run(async (connection) => {
      const before = await definitionsOf(connection, steps.flatMap(tablesOf));
      for (const step of steps) {
        if (leavesNoTrace(step, before)) throw new NotCarriedError('tables of one definition change places');
        await statementOf(connection, step, before);
      }
      return before;
    });
  }

  async changeTables(
    pipeline: string,
    { epoch, gtid, steps, before }: Parameters<TargetPort['changeTables']>[1],
    signal: AbortSignal,
  ): Promise<void> {
    const epochQuery = `SELECT epoch FROM ${this.#records.table('checkpoint')} WHERE ${this.#records.of(pipeline)} AND lane=0`;
    // A change may take hours, for which nobody else should wait.
    const session = await this.#options.connect();
    const leave = (): void => session.destroy();
    signal.addEventListener('abort', leave, { once: true });
    try {
      signal.throwIfAborted();
      const { lineage } = this.#options;
      await carryOut(session, { pipeline, lineage, gtid, epochQuery, epoch, steps, before });
    } finally {
      signal.removeEventListener('abort', leave);
      session.destroy();
    }
  }

  async sharesTable(pipeline: string, table: string, target: string): Promise<boolean> {
    return this.#control.run(async (connection) => this.#records.sharesTable(connection, pipeline, table, target));
  }

  async hasRows(schema: string, table: string): Promise<boolean> {
    return this.#control.run(async (connection) => {
      const found = await rows(connection, `SELECT 1 AS one FROM ${qualified({ schema, name: table })} LIMIT 1`);
      return found.length > 0;
    });
  }

  async unguardedTriggers(schema: string, table: string): Promise<readonly string[]> {
    return this.#control.run((connection) => unguardedTriggers(connection, schema, table));
  }

  async firstPosition(site: string): Promise<LogOrigin> {
    await this.beat(site);
    return this.#control.run(async (connection) => {
      await connection.query('START TRANSACTION');
      try {
        // While these rows are locked no window can commit here, so what they say is what the log's end has seen.
        const found = await rows(
          connection,
          `SELECT pipeline,lane,position,clock FROM ${this.#records.table('checkpoint')} WHERE ${this.#records.topology} FOR UPDATE`,
        );
        // Lanes may be further on, each with its share alone.
        const inbound = found.filter(({ lane }) => Number(lane) === 0);
        const { position } = await this.#options.source.logEnd();
        return {
          position,
          // No user's write is older here than what was applied.
          clock: inbound.reduce((most, row) => Math.max(most, Number(row['clock'])), this.#options.now() * 1000),
          seen: Object.fromEntries(inbound.map((row) => [String(row['pipeline']), seenOf(row)])),
        };
      } finally {
        await connection.query('ROLLBACK');
      }
    });
  }

  async origin(site: string): Promise<LogOrigin> {
    const found = await this.recordedOrigin(site);
    if (found !== null) return found;
    // Several may ask at once, and clocks that begin at two places are never the same: the first that is written down counts.
    const first = await this.firstPosition(site);
    await this.#control.run((connection) => connection.query(this.#records.originInsert(site, first)));
    return (await this.recordedOrigin(site)) ?? first;
  }

  recordedOrigin(name: string): Promise<LogOrigin | null> {
    return this.#control.run((connection) => this.#records.origin(connection, name));
  }

  async moveOrigin(name: string, origin: LogOrigin): Promise<void> {
    await this.#control.run((connection) => connection.query(this.#records.originUpsert(name, origin)));
  }

  async session(pipeline: string, lane = 0, turn = 1): Promise<LoadSession> {
    const { source, connect } = this.#options;
    return new MysqlSession({
      ...(await openLine(connect)),
      records: this.#records,
      pipeline,
      lane,
      turn,
      logEnd: async () => (await source.logEnd()).point,
      logPosition: async () => (await source.logEnd()).position,
    });
  }

  async beat(site: string): Promise<void> {
    await this.#control.run((connection) =>
      connection.query(
        `INSERT INTO ${this.#records.table('heartbeat')} (lineage,site,beat,sent_ms) VALUES (${quoteText(this.#options.lineage)},${quoteText(site)},1,${this.#options.now()})
         ON DUPLICATE KEY UPDATE beat=beat+1,sent_ms=VALUES(sent_ms)`,
      ),
    );
  }

  async watermark(
    pipeline: string,
    { chunk, level, keys, between }: Parameters<TargetPort['watermark']>[1],
  ): Promise<void> {
    const write =
      `INSERT INTO ${this.#records.table('watermark')} (lineage,pipeline,chunk,kind,row_keys)` +
      ` VALUES (${[this.#options.lineage, pipeline, chunk, level, JSON.stringify(keys)].map(quoteText).join(',')})` +
      ' ON DUPLICATE KEY UPDATE chunk=VALUES(chunk),kind=VALUES(kind),row_keys=VALUES(row_keys)';
    await this.#marks.run(async (connection) => {
      if (between === null) return connection.query(write);
      // Every transaction of that pipeline holds its checkpoint row from its beginning to its commit.
      const lock = `SELECT seq FROM ${this.#records.table('checkpoint')} WHERE ${this.#records.of(between)} FOR UPDATE`;
      return connection.query(`START TRANSACTION; ${lock}; ${write}; COMMIT`);
    });
  }

  async sortKeys(collation: string, literals: readonly string[]): Promise<readonly string[]> {
    if (literals.length === 0) return [];
    return this.#sorting.run(async (connection) => this.#scales.sortKeys(connection, collation, literals));
  }

  async known(pipeline: string): Promise<Readonly<Record<string, RecordedTable>>> {
    return this.#control.run(async (connection) => this.#records.tables(connection, pipeline));
  }

  async shared(pipeline: string, table: string, { target }: Place): Promise<boolean> {
    return this.#control.run(async (connection) => this.#records.shared(connection, pipeline, table, target));
  }

  async forgetTables(pipeline: string, tables: readonly string[]): Promise<void> {
    if (tables.length === 0) return;
    await this.#control.run(async (connection) => this.#records.forgetTables(connection, pipeline, tables));
  }

  async recordedConflicts(): ReturnType<TargetPort['recordedConflicts']> {
    // Of a long log it takes a while, for which beats should not wait; marks may.
    const found = await this.#marks.run((connection) =>
      rows(
        connection,
        `SELECT DISTINCT channel,table_schema,table_name FROM ${this.#records.table('conflict')} WHERE ${this.#records.topology}`,
      ),
    );
    return found.map((row) => ({
      channel: String(row['channel']),
      schema: String(row['table_schema']),
      name: String(row['table_name']),
    }));
  }

  async openConflicts(pipeline: string): Promise<readonly OpenConflict[]> {
    const found = await this.#control.run((connection) =>
      rows(
        connection,
        `SELECT id,table_schema,table_name,row_key FROM ${this.#records.table('conflict')} WHERE ${this.#records.of(pipeline)} AND state='open' ORDER BY id`,
      ),
    );
    return found.map((row) => ({
      id: Number(row['id']),
      table: { schema: String(row['table_schema']), name: String(row['table_name']) },
      key: JSON.parse(String(row['row_key'])) as NamedImage,
    }));
  }

  async stillOpen(ids: readonly number[]): Promise<readonly number[]> {
    // Whoever closes them holds their locks for a moment, for which beats should not wait.
    return this.#marks.run((connection) => stillOpen(connection, this.#records.table('conflict'), ids));
  }

  async letters(pipeline: string, behind: number, limit: number): Promise<readonly LoggedLetter[]> {
    const sql = lettersBehind(this.#records.table('dead_letter'), this.#records.of(pipeline), behind, limit);
    return (await this.#control.run((connection) => connection.rows<LetterRow>(sql))).map(letterOf);
  }

  async pruneConflicts(share: ConflictShare): Promise<boolean> {
    const where = { table: this.#records.table('conflict'), topology: this.#records.topology };
    const bounds = { nowMs: this.#options.now(), batch: PRUNED_AT_ONCE };
    return this.#marks.run(async (connection) => (await pruneConflicts(connection, where, share, bounds)) > 0);
  }

  async pruneSkips(): Promise<boolean> {
    const sql = `DELETE FROM ${this.#records.table('skip')} ORDER BY id LIMIT ${PRUNED_AT_ONCE}`;
    return this.#marks.run(async (connection) => {
      let pruned = 0;
      for (const each of [sql, ...this.#records.pruneResyncs(PRUNED_AT_ONCE)])
        pruned += (await connection.run(each)).affectedRows;
      return pruned > 0;
    });
  }

  async openResyncs(pipeline: string): Promise<readonly ResyncRequest[]> {
    return this.#marks.run(async (connection) => this.#records.openResyncs(connection, pipeline));
  }

  async resyncProgress(pipeline: string, request: number, progress: ResyncProgress): Promise<void> {
    await this.#marks.run((connection) => connection.query(this.#records.resyncProgress(pipeline, request, progress)));
  }

  async pipelines(): Promise<readonly string[]> {
    return this.#control.run(async (connection) => this.#records.pipelines(connection));
  }

  async forget(pipeline: string): Promise<void> {
    await this.#control.run(async (connection) => this.#records.forget(connection, pipeline));
  }

  async removeAll(): Promise<void> {
    await this.#control.run(async (connection) => {
      for (const table of OTTER_TABLES.filter(hasLineage)) {
        await connection.query(`DELETE FROM ${this.#records.table(table)} WHERE ${this.#records.topology}`);
      }
      const [others] = await rows(
        connection,
        `SELECT (SELECT COUNT(*) FROM ${this.#records.table('checkpoint')}) + (SELECT COUNT(*) FROM ${this.#records.table('heartbeat')}) AS n`,
      );
      if (Number(others!['n']) > 0) return;
      for (const table of OTTER_TABLES) await connection.query(`DROP TABLE IF EXISTS ${this.#records.table(table)}`);
      const [left] = await rows(
        connection,
        `SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema=${quoteText(this.#options.schema)}`,
      );
      // A schema that somebody put tables of their own into stays.
      if (Number(left!['n']) === 0)
        await connection.query(`DROP DATABASE IF EXISTS ${quoteName(this.#options.schema)}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const lanes = [this.#control, this.#marks, this.#sorting, this.#pulse];
    await Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  }
}

type Row = Readonly<Record<string, unknown>>;

function seenOf(row: Row): string {
  return seenText({ position: String(row['position']), clock: Number(row['clock']) });
}

async function rows(connection: Session, sql: string): Promise<Row[]> {
  return connection.rows<Row>(sql);
}
