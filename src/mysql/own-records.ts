/**
 * What otter's own tables in a database say of its pipelines: checkpoints, copies, structures. The SQL of reading and
 * writing them, for the session that loads and for the control of the target.
 */
import type {
  BegunTable,
  Checkpoint,
  CopyState,
  LanesRecord,
  LogOrigin,
  PendingChange,
  Place,
  RecordedTable,
} from '../model/load.ts';
import type { ResyncProgress, ResyncRequest } from '../model/resync.ts';
import type { Definition, Seen } from '../model/row.ts';
import type { Session } from './connection.ts';
import type { OTTER_TABLES } from './otter-tables.ts';
import { quoteName, quoteText } from './sql.ts';

type Row = Readonly<Record<string, unknown>>;

export class OwnRecords {
  readonly #schema: string;
  readonly lineage: string;

  /** @param lineage of the topology: others may keep their own records in the same tables */
  constructor(schema: string, lineage: string) {
    this.#schema = schema;
    this.lineage = lineage;
  }

  table(name: (typeof OTTER_TABLES)[number]): string {
    return `${quoteName(this.#schema)}.${quoteName(name)}`;
  }

  /** As a condition. */
  get topology(): string {
    return `lineage=${quoteText(this.lineage)}`;
  }

  of(pipeline: string): string {
    return `${this.topology} AND pipeline=${quoteText(pipeline)}`;
  }

  /** Fences whoever claimed it before, in all lanes; `born`: see `DesiredPipeline`. Null: there is none. */
  async claim(
    connection: Session,
    pipeline: string,
    ownerRevision: number,
  ): Promise<{ readonly checkpoint: Checkpoint; readonly born: number } | null> {
    const [table, where] = [this.table('checkpoint'), this.of(pipeline)];
    await connection.run(`UPDATE ${table} SET epoch=GREATEST(epoch+1,${ownerRevision}) WHERE ${where}`);
    const [row] = await connection.rows<Row>(
      `SELECT seq,epoch,position,clock,seen,born FROM ${table} WHERE ${where} AND lane=0`,
    );
    if (row === undefined) return null;
    const checkpoint = {
      seq: Number(row['seq']),
      epoch: Number(row['epoch']),
      position: String(row['position']),
      clock: Number(row['clock']),
      seen: JSON.parse(String(row['seen'])) as Seen,
    };
    return { checkpoint, born: Number(row['born']) };
  }

  /** Changes one row if the checkpoint is where `from` says, else none. */
  checkpointMove(pipeline: string, from: Checkpoint, to: Checkpoint, lane = 0): string {
    const [position, seen] = [to.position, JSON.stringify(to.seen)].map(quoteText);
    return (
      `UPDATE ${this.table('checkpoint')} SET seq=${to.seq},position=${position},clock=${to.clock},seen=${seen}` +
      ` WHERE ${this.of(pipeline)} AND lane=${lane} AND seq=${from.seq} AND epoch=${from.epoch}`
    );
  }

  /**
   * A row of the checkpoint's own table for one of the sessions that write a pipeline in turn. It stands first in transactions that
   * move the checkpoint last, where a reader looks for the mark, and holds up a claim for as long as they are under way.
   */
  turnInsert(pipeline: string, { epoch }: Checkpoint, turn: number): string {
    const table = this.table('checkpoint');
    return `INSERT INTO ${table} (lineage,pipeline,lane,seq,position,clock,seen,epoch,born)
      SELECT lineage,pipeline,${-turn},seq,'',0,'{}',epoch,born FROM ${table} AS level WHERE ${this.of(pipeline)} AND lane=0 AND epoch=${epoch}
      ON DUPLICATE KEY UPDATE epoch=VALUES(epoch)`;
  }

  /** Changes one row if nobody has claimed the pipeline since, else none. */
  turnMove(pipeline: string, { epoch, seq }: Checkpoint, turn: number): string {
    return `UPDATE ${this.table('checkpoint')} SET seq=${seq} WHERE ${this.of(pipeline)} AND lane=${-turn} AND epoch=${epoch}`;
  }

  checkpointInsert(pipeline: string, { seq, epoch, position, clock, seen }: Checkpoint, born: number): string {
    const [lineage, name, at, whole] = [this.lineage, pipeline, position, JSON.stringify(seen)].map(quoteText);
    return `INSERT INTO ${this.table('checkpoint')} (lineage,pipeline,lane,seq,position,clock,seen,epoch,born)
      VALUES (${lineage},${name},0,${seq},${at},${clock},${whole},${epoch},${born})`;
  }

  async lanes(connection: Session, pipeline: string): Promise<LanesRecord | null> {
    const [row] = await connection.rows<Row>(`SELECT shares FROM ${this.table('division')} WHERE ${this.of(pipeline)}`);
    if (row === undefined) return null;
    const lanes = await connection.rows<Row>(
      `SELECT position FROM ${this.table('checkpoint')} WHERE ${this.of(pipeline)} AND lane>0 ORDER BY lane`,
    );
    return { division: String(row['shares']), positions: lanes.map(({ position }) => String(position)) };
  }

  /** For a transaction that has moved the checkpoint, from whose row those of the lanes are made. */
  lanesRecord(pipeline: string, lanes: { readonly count: number; readonly division: string } | null): string[] {
    const [checkpoint, division] = [this.table('checkpoint'), this.table('division')];
    const remove = [
      `DELETE FROM ${checkpoint} WHERE ${this.of(pipeline)} AND lane>0`,
      `DELETE FROM ${division} WHERE ${this.of(pipeline)}`,
    ];
    if (lanes === null) return remove;
    const values = [this.lineage, pipeline, lanes.division].map(quoteText);
    const inserts = Array.from(
      { length: lanes.count },
      (_, index) =>
        `INSERT INTO ${checkpoint} (lineage,pipeline,lane,seq,position,clock,seen,epoch,born)
         SELECT lineage,pipeline,${index + 1},seq,position,clock,'{}',epoch,born FROM ${checkpoint} WHERE ${this.of(pipeline)} AND lane=0`,
    );
    return [...remove, ...inserts, `INSERT INTO ${division} (lineage,pipeline,shares) VALUES (${values.join(',')})`];
  }

  async copies(connection: Session, pipeline: string): Promise<readonly CopyState[]> {
    const found = await connection.rows<Row>(
      `SELECT source_table,row_cursor,done,rows_done,rows_estimate,target_table,stay FROM ${this.table('copy')} WHERE ${this.of(pipeline)}`,
    );
    return found.map((row) => ({
      table: String(row['source_table']),
      place: place(row),
      cursor: row['row_cursor'] === null ? null : JSON.parse(String(row['row_cursor'])),
      done: Number(row['done']) === 1,
      rowsDone: Number(row['rows_done']),
      rowsEstimate: Number(row['rows_estimate']),
    }));
  }

  copiesUpsert(pipeline: string, states: readonly CopyState[]): string {
    const tuples = states.map(
      (state) =>
        `(${[this.lineage, pipeline, state.table].map(quoteText).join(',')},${state.cursor === null ? 'NULL' : quoteText(JSON.stringify(state.cursor))},${state.done ? 1 : 0},${state.rowsDone},${state.rowsEstimate},${quoteText(state.place.target)},${state.place.stay})`,
    );
    return `INSERT INTO ${this.table('copy')} (lineage,pipeline,source_table,row_cursor,done,rows_done,rows_estimate,target_table,stay) VALUES ${tuples.join(',')}
      ON DUPLICATE KEY UPDATE row_cursor=VALUES(row_cursor),done=VALUES(done),rows_done=VALUES(rows_done),rows_estimate=VALUES(rows_estimate),target_table=VALUES(target_table),stay=VALUES(stay)`;
  }

  async tables(connection: Session, pipeline: string): Promise<Readonly<Record<string, RecordedTable>>> {
    const found = await connection.rows<Row>(
      `SELECT source_table,digest,since,target_table,stay FROM ${this.table('structure')} WHERE ${this.of(pipeline)}`,
    );
    const kept = await connection.rows<Row>(
      `SELECT source_table,created_by,position FROM ${this.table('definition')} WHERE ${this.of(pipeline)}`,
    );
    const definitions = new Map(
      kept.map((row) => [
        String(row['source_table']),
        { definition: { create: String(row['created_by']), position: String(row['position']) } },
      ]),
    );
    return Object.fromEntries(
      found.map((row) => {
        const since = row['since'] === null ? null : String(row['since']);
        const table = String(row['source_table']);
        return [table, { structure: String(row['digest']), since, place: place(row), ...definitions.get(table) }];
      }),
    );
  }

  tablesUpsert(pipeline: string, known: Readonly<Record<string, RecordedTable>>): string {
    const tuples = Object.entries(known).map(
      ([
        table,
        {
          structure,
          since,
          place: { target, stay },
        },
      ]) => {
        const values = [this.lineage, pipeline, table, structure].map(quoteText);
        return `(${values.join(',')},${since === null ? 'NULL' : quoteText(since)},${quoteText(target)},${stay})`;
      },
    );
    return `INSERT INTO ${this.table('structure')} (lineage,pipeline,source_table,digest,since,target_table,stay)
      VALUES ${tuples.join(',')} ON DUPLICATE KEY UPDATE digest=VALUES(digest)`;
  }

  /** Tables of which nothing is recorded but how they are made. */
  async making(connection: Session, pipeline: string): Promise<Record<string, Definition>> {
    const found = await connection.rows<Row>(
      `SELECT source_table,created_by,position FROM ${this.table('definition')} d LEFT JOIN ${this.table('structure')} s
        USING (lineage,pipeline,source_table) WHERE ${this.of(pipeline)} AND s.digest IS NULL`,
    );
    return Object.fromEntries(
      found.map((row) => [
        String(row['source_table']),
        { create: String(row['created_by']), position: String(row['position']) },
      ]),
    );
  }

  async beginTable(connection: Session, pipeline: string, table: string, { since, place }: BegunTable): Promise<void> {
    const values = [this.lineage, pipeline, table, since, place.target].map(quoteText);
    await connection.run(
      `REPLACE INTO ${this.table('making')} (lineage,pipeline,source_table,since,target_table,stay) VALUES (${values.join(',')},${place.stay})`,
    );
  }

  async begunTables(connection: Session, pipeline: string): Promise<Record<string, BegunTable>> {
    const found = await connection.rows<Row>(
      `SELECT source_table,since,target_table,stay FROM ${this.table('making')} WHERE ${this.of(pipeline)}`,
    );
    return Object.fromEntries(
      found.map((row) => [String(row['source_table']), { since: String(row['since']), place: place(row) }]),
    );
  }

  /** Whether the copy of a source table into this database has begun, or it is being made here. */
  async cameHere(connection: Session, pipeline: string, table: string): Promise<boolean> {
    const where = `WHERE ${this.of(pipeline)} AND source_table=${quoteText(table)}`;
    const found = await connection.rows(
      `SELECT 1 AS one FROM ${this.table('making')} ${where} UNION ALL SELECT 1 FROM ${this.table('copy')} ${where}`,
    );
    return found.length > 0;
  }

  /** They are made and recorded. */
  tablesMade(pipeline: string, tables: readonly string[]): string {
    const names = tables.map(quoteText).join(',');
    return `DELETE FROM ${this.table('making')} WHERE ${this.of(pipeline)} AND source_table IN (${names})`;
  }

  async keepDefinition(connection: Session, pipeline: string, table: string, definition: Definition): Promise<void> {
    const values = [this.lineage, pipeline, table, definition.create, definition.position].map(quoteText);
    await connection.run(this.#definitionTuples([`(${values.join(',')})`]));
  }

  #definitionTuples(tuples: readonly string[]): string {
    return `INSERT INTO ${this.table('definition')} (lineage,pipeline,source_table,created_by,position) VALUES ${tuples.join(',')}
      ON DUPLICATE KEY UPDATE created_by=VALUES(created_by),position=VALUES(position)`;
  }

  /** What is kept of how these tables are made, and of those without a definition nothing any more. */
  definitionsUpsert(pipeline: string, known: Readonly<Record<string, RecordedTable>>): string[] {
    const of = Object.entries(known).map(([name, { definition }]) => [name, definition ?? null] as const);
    return this.definitionsKeep(pipeline, Object.fromEntries(of));
  }

  definitionsKeep(pipeline: string, definitions: Readonly<Record<string, Definition | null>>): string[] {
    const table = this.table('definition');
    const tuples = Object.entries(definitions).flatMap(([name, definition]) =>
      definition === null
        ? []
        : [`(${[this.lineage, pipeline, name, definition.create, definition.position].map(quoteText).join(',')})`],
    );
    const without = Object.keys(definitions).filter((name) => definitions[name] === null);
    return [
      ...(tuples.length === 0 ? [] : [this.#definitionTuples(tuples)]),
      ...(without.length === 0
        ? []
        : [
            `DELETE FROM ${table} WHERE ${this.of(pipeline)} AND source_table IN (${without.map(quoteText).join(',')})`,
          ]),
    ];
  }

  async change(connection: Session, pipeline: string): Promise<PendingChange | null> {
    const [row] = await connection.rows<Row>(
      `SELECT gtid,tables_before FROM ${this.table('change')} WHERE ${this.of(pipeline)}`,
    );
    if (row === undefined) return null;
    const before = JSON.parse(String(row['tables_before'])) as PendingChange['before'];
    return { gtid: String(row['gtid']), before };
  }

  changeRecord(pipeline: string, change: PendingChange | null): string {
    const table = this.table('change');
    if (change === null) return `DELETE FROM ${table} WHERE ${this.of(pipeline)}`;
    const values = [this.lineage, pipeline, change.gtid, JSON.stringify(change.before)].map(quoteText);
    return `INSERT INTO ${table} (lineage,pipeline,gtid,tables_before) VALUES (${values.join(',')})
      ON DUPLICATE KEY UPDATE gtid=VALUES(gtid),tables_before=VALUES(tables_before)`;
  }

  /** Whether another pipeline or source table has been told to go into the same table. */
  async sharesTable(connection: Session, pipeline: string, table: string, target: string): Promise<boolean> {
    const own = `pipeline=${quoteText(pipeline)} AND source_table=${quoteText(table)}`;
    const found = await connection.rows(
      `SELECT 1 AS one FROM ${this.table('structure')} WHERE ${this.topology} AND target_table=${quoteText(target)} AND NOT (${own}) LIMIT 1`,
    );
    return found.length > 0;
  }

  /** Whether another pipeline or source table goes into the same table. */
  async shared(connection: Session, pipeline: string, table: string, target: string): Promise<boolean> {
    const own = `pipeline=${quoteText(pipeline)} AND source_table=${quoteText(table)}`;
    const found = await connection.rows(
      `SELECT 1 AS one FROM ${this.table('copy')} WHERE ${this.topology} AND target_table=${quoteText(target)} AND NOT (${own}) LIMIT 1`,
    );
    return found.length > 0;
  }

  async forgetTables(connection: Session, pipeline: string, tables: readonly string[]): Promise<void> {
    for (const sql of this.tablesDelete(pipeline, tables)) await connection.run(sql);
  }

  tablesDelete(pipeline: string, tables: readonly string[]): string[] {
    const where = `${this.of(pipeline)} AND source_table IN (${tables.map(quoteText).join(',')})`;
    return (['copy', 'structure', 'definition', 'making', 'dead_letter'] as const).map(
      (table) => `DELETE FROM ${this.table(table)} WHERE ${where}`,
    );
  }

  async origin(connection: Session, site: string): Promise<LogOrigin | null> {
    const [row] = await connection.rows<Row>(
      `SELECT position,clock,seen FROM ${this.table('origin')} WHERE ${this.topology} AND site=${quoteText(site)}`,
    );
    if (row === undefined) return null;
    const seen = JSON.parse(String(row['seen'])) as Seen;
    return { position: String(row['position']), clock: Number(row['clock']), seen };
  }

  /** Only where there is none. */
  originInsert(site: string, { position, clock, seen }: LogOrigin): string {
    const [lineage, name, at, whole] = [this.lineage, site, position, JSON.stringify(seen)].map(quoteText);
    return `INSERT INTO ${this.table('origin')} (lineage,site,position,clock,seen) VALUES (${lineage},${name},${at},${clock},${whole})
      ON DUPLICATE KEY UPDATE site=site`;
  }

  originUpsert(site: string, origin: LogOrigin): string {
    return `${this.originInsert(site, origin)},position=VALUES(position),clock=VALUES(clock),seen=VALUES(seen)`;
  }

  /** Requests that the pipeline has not finished, oldest first. */
  async openResyncs(connection: Session, pipeline: string): Promise<readonly ResyncRequest[]> {
    const done = `SELECT 1 FROM ${this.table('resynced')} AS d WHERE d.lineage=${quoteText(this.lineage)} AND d.pipeline=${quoteText(pipeline)} AND d.request=r.id AND d.state<>'running'`;
    const found = await connection.rows<Row>(
      `SELECT id,pipeline,table_name,row_keys,where_sql FROM ${this.table('resync')} AS r
       WHERE (lineage IS NULL OR ${this.topology}) AND (pipeline IS NULL OR pipeline=${quoteText(pipeline)}) AND NOT EXISTS (${done}) ORDER BY id`,
    );
    const text = (value: unknown): string | null => (value === null ? null : String(value));
    return found.map((row) => ({
      id: Number(row['id']),
      pipeline: text(row['pipeline']),
      table: String(row['table_name']),
      keys: text(row['row_keys']),
      where: text(row['where_sql']),
    }));
  }

  resyncProgress(pipeline: string, request: number, { state, rows, said }: ResyncProgress): string {
    const values = [this.lineage, pipeline].map(quoteText).join(',');
    const words = said === null ? 'NULL' : quoteText(said.slice(0, 1000));
    return `INSERT INTO ${this.table('resynced')} (lineage,pipeline,request,state,rows_sent,said) VALUES (${values},${request},${quoteText(state)},${rows},${words})
      ON DUPLICATE KEY UPDATE state=VALUES(state),rows_sent=VALUES(rows_sent),said=VALUES(said)`;
  }

  /** Requests of a day ago, of whatever topology, and what is told of requests that are no more. */
  pruneResyncs(most: number): string[] {
    const [asked, told] = [this.table('resync'), this.table('resynced')];
    return [
      `DELETE FROM ${asked} WHERE at < NOW(6) - INTERVAL 1 DAY ORDER BY id LIMIT ${most}`,
      `DELETE FROM ${told} WHERE ${this.topology} AND request NOT IN (SELECT id FROM ${asked}) LIMIT ${most}`,
    ];
  }

  async pipelines(connection: Session): Promise<readonly string[]> {
    const found = await connection.rows<Row>(
      `SELECT DISTINCT pipeline FROM ${this.table('checkpoint')} WHERE ${this.topology}`,
    );
    return found.map((row) => String(row['pipeline']));
  }

  async forget(connection: Session, pipeline: string): Promise<void> {
    const tables = [
      ...(['checkpoint', 'division', 'copy', 'structure'] as const),
      ...(['definition', 'making', 'change', 'watermark', 'resynced', 'dead_letter'] as const),
    ];
    for (const table of tables) await connection.run(`DELETE FROM ${this.table(table)} WHERE ${this.of(pipeline)}`);
  }
}

function place(row: Row): Place {
  return { target: String(row['target_table']), stay: Number(row['stay']) };
}
