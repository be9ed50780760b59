/**
 * Otter's own tables in a database: what they are and how they are made. Their columns are explained to people in
 * `docs/reference/tables.md`, which a test writes from here, and in the comments that the server shows.
 */
import { quoteName, quoteText } from './sql.ts';

export const OTTER_TABLES = [
  'checkpoint',
  'heartbeat',
  'watermark',
  'answer',
  'version',
  'origin',
  'copy',
  'structure',
  'definition',
  'making',
  'division',
  'change',
  'conflict',
  'dead_letter',
  'skip',
  'resync',
  'resynced',
] as const;

export interface OwnTable {
  readonly is: string;
  readonly columns: Readonly<Record<string, readonly [type: string, is: string]>>;
  readonly key: readonly string[];
  readonly indexes?: Readonly<Record<string, readonly string[]>>;
}

const LINEAGE = ['VARCHAR(64) NOT NULL', 'of the topology: a random id that its first apply gave it'] as const;
const PIPELINE = ['VARCHAR(200) NOT NULL', 'name of the pipeline, channel/source>target'] as const;
const SOURCE_TABLE = ['VARCHAR(130) NOT NULL', 'schema.table at the source'] as const;
const TARGET_TABLE = ['VARCHAR(130) NOT NULL', 'schema.table here that it goes into'] as const;
const STAY = [
  'BIGINT UNSIGNED NOT NULL',
  'generation of the channel in which the table came into it; 0: with it',
] as const;

export const OWN_TABLES: Readonly<Record<(typeof OTTER_TABLES)[number], OwnTable>> = {
  checkpoint: {
    is: 'one row for each pipeline into this database, and for each lane of it; moves in the same transaction as the rows',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      lane: [
        'INT NOT NULL DEFAULT 0',
        '0: of the pipeline; above: of one of its lanes, for its share of the rows; below: of sessions that write it in turn',
      ],
      seq: ['BIGINT UNSIGNED NOT NULL', 'windows applied'],
      position: ['MEDIUMTEXT NOT NULL', 'place in the log of the source up to which all is applied'],
      clock: [
        'BIGINT UNSIGNED NOT NULL DEFAULT 0',
        "of the source's log at that position, microseconds since 1970; 0: not known",
      ],
      seen: ['MEDIUMTEXT NOT NULL', 'JSON: what the source had applied of others at that position, by pipeline'],
      epoch: ['BIGINT UNSIGNED NOT NULL', 'raised by whoever takes the pipeline over; fences who had it before'],
      born: ['BIGINT UNSIGNED NOT NULL', 'tells this stay of the pipeline in the topology from earlier ones'],
    },
    key: ['lineage', 'pipeline', 'lane'],
  },
  heartbeat: {
    is: 'one row for this database, written about once a second while somebody reads its log',
    columns: {
      lineage: LINEAGE,
      site: ['VARCHAR(64) NOT NULL', 'name of the database in the topology'],
      beat: ['BIGINT UNSIGNED NOT NULL', 'counts'],
      sent_ms: ['BIGINT UNSIGNED NOT NULL', "time by the node's clock, ms since 1970"],
    },
    key: ['lineage', 'site'],
  },
  watermark: {
    is: 'one row for each pipeline that copies existing rows out of this database; marks a place in the log',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      chunk: ['VARCHAR(64) NOT NULL', 'which run of rows'],
      kind: ['VARCHAR(8) NOT NULL', 'low: before they are read, high: after'],
      row_keys: ['LONGTEXT NOT NULL', 'JSON: keys and unique values of the rows, two-way'],
    },
    key: ['lineage', 'pipeline'],
  },
  answer: {
    is: 'always empty: what answers a refused change is inserted and deleted again, to be in the log',
    columns: {
      id: ['BIGINT UNSIGNED NOT NULL AUTO_INCREMENT', 'no more than a key'],
      lineage: LINEAGE,
      pipeline: PIPELINE,
      table_schema: ['VARCHAR(64) NOT NULL', 'of the row'],
      table_name: ['VARCHAR(64) NOT NULL', 'of the row'],
      row_key: ['LONGTEXT NOT NULL', 'JSON: its key'],
      image: ['LONGTEXT NULL', 'JSON: the row as it stays here; NULL: there is none'],
      more: ['TINYINT NOT NULL', '1: the image goes on in the next row'],
      lock_keys: ['LONGTEXT NOT NULL', 'JSON: keys and unique values that are settled by it, and in which columns'],
    },
    key: ['id'],
  },
  version: {
    is: 'always empty: when rows were written where they come from is inserted and deleted again, to be in the log',
    columns: {
      id: ['BIGINT UNSIGNED NOT NULL AUTO_INCREMENT', 'no more than a key'],
      lineage: LINEAGE,
      pipeline: PIPELINE,
      versions: ['LONGTEXT NOT NULL', 'JSON: keys and unique values, value of `by`, commit time, columns'],
    },
    key: ['id'],
  },
  origin: {
    is: 'where pipelines of meshes out of this database may begin: one row for the database, one for each time it came into a mesh',
    columns: {
      lineage: LINEAGE,
      site: [
        'VARCHAR(64) NOT NULL',
        'name of the database in the topology, or what says which mesh and since which generation',
      ],
      position: ['MEDIUMTEXT NOT NULL', 'place in the log of this database'],
      clock: ['BIGINT UNSIGNED NOT NULL', 'of the log at that position, microseconds since 1970'],
      seen: ['MEDIUMTEXT NOT NULL', 'JSON: what this database had applied of others at that position, by pipeline'],
    },
    key: ['lineage', 'site'],
  },
  copy: {
    is: 'how far the copy of each table into this database has come',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      source_table: SOURCE_TABLE,
      row_cursor: ['LONGTEXT NULL', 'JSON: last key that was copied; NULL at the beginning and at the end'],
      done: ['TINYINT NOT NULL', '1: all of it is here'],
      rows_done: ['BIGINT UNSIGNED NOT NULL', 'rows read so far'],
      rows_estimate: ['BIGINT UNSIGNED NOT NULL', "rows there are, by the source's statistics"],
      target_table: TARGET_TABLE,
      stay: STAY,
    },
    key: ['lineage', 'pipeline', 'source_table'],
  },
  structure: {
    is: 'what columns the rows of each table had at the checkpoint, and since when the table counts',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      source_table: SOURCE_TABLE,
      digest: ['VARCHAR(64) NOT NULL', 'of its columns'],
      since: [
        'MEDIUMTEXT NULL',
        'two-way: place in the log of this database before which what was written to the table is carried nowhere; `made` before it, or alone: the table had just been made at the source',
      ],
      target_table: TARGET_TABLE,
      stay: STAY,
    },
    key: ['lineage', 'pipeline', 'source_table'],
  },
  definition: {
    is: 'how each table of a channel that carries changes of tables was printed, so that logs can be read again; two-way also those here, as far as the other site has seen them',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      source_table: SOURCE_TABLE,
      created_by: ['LONGTEXT NOT NULL', 'CREATE TABLE of the source'],
      position: ['MEDIUMTEXT NOT NULL', 'place in the log of the source where it was so'],
    },
    key: ['lineage', 'pipeline', 'source_table'],
  },
  making: {
    is: 'tables that a two-way pipeline has begun to make here and not recorded yet: whatever such a table holds was written to it since',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      source_table: SOURCE_TABLE,
      since: [
        'MEDIUMTEXT NOT NULL',
        'place in the log of this database before the table was made, when there was none of its name',
      ],
      target_table: TARGET_TABLE,
      stay: STAY,
    },
    key: ['lineage', 'pipeline', 'source_table'],
  },
  division: {
    is: 'how the rows of a pipeline are divided between its lanes (`apply.lanes`); empty without lanes',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      shares: [
        'LONGTEXT NOT NULL',
        'JSON: the number of lanes, and by source table the columns of its key, or its lane',
      ],
    },
    key: ['lineage', 'pipeline'],
  },
  change: {
    is: 'a change of tables that a pipeline is making here; empty when none is under way',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      gtid: ['VARCHAR(160) NOT NULL', 'its transaction in the log of the source'],
      tables_before: ['LONGTEXT NOT NULL', 'JSON: CREATE TABLE of each table here before it; null: there was none'],
    },
    key: ['lineage', 'pipeline'],
  },
  conflict: {
    is: 'the conflict log: what was decided here between two writes; nothing but people reads it, and nothing of it travels',
    columns: {
      id: ['BIGINT UNSIGNED NOT NULL AUTO_INCREMENT', 'number of the record; `otter conflicts show DATABASE:ID`'],
      lineage: LINEAGE,
      pipeline: ['VARCHAR(200) NOT NULL', 'that brought the incoming change, channel/source>target'],
      channel: ['VARCHAR(64) NOT NULL', 'of the pipeline'],
      state: ["VARCHAR(8) NOT NULL DEFAULT 'decided'", 'decided; open: a person must decide; resolved: a person has'],
      table_schema: ['VARCHAR(64) NOT NULL', 'of the row, here'],
      table_name: ['VARCHAR(64) NOT NULL', 'of the row, here'],
      row_key: ['LONGTEXT NOT NULL', 'JSON: its primary key, columns to SQL literals; of unique: of the incoming row'],
      kind: ['VARCHAR(16) NOT NULL', 'incoming/local, each insert, update or delete; or unique: two rows, one value'],
      winner: ['VARCHAR(8) NOT NULL', 'incoming, local, merged or none'],
      decided_by: ['VARCHAR(120) NOT NULL', 'policy: reason'],
      images: ['VARCHAR(8) NOT NULL', 'full; cut: long values are cut; none: not kept'],
      incoming: ['LONGTEXT NULL', 'JSON: what the change wanted, columns to SQL literals; NULL: no row'],
      present: ['LONGTEXT NULL', 'JSON: the row here when it was decided; NULL: none'],
      base: ['LONGTEXT NULL', 'JSON: what the change started from; NULL: no row'],
      incoming_gtid: ['VARCHAR(160) NULL', "the change's transaction in the log of the source"],
      incoming_ms: ['BIGINT UNSIGNED NULL', 'when that was committed, ms since 1970'],
      local_gtid: ['VARCHAR(160) NULL', 'the write here that the change had not seen, in the log of this database'],
      incoming_clock: ['BIGINT UNSIGNED NULL', 'version of the change; NULL where the policy has none'],
      local_clock: ['BIGINT UNSIGNED NULL', 'version of the row here'],
      token: ['MEDIUMTEXT NULL', 'place in the log of this database up to which the source had seen it'],
      decided_ms: ['BIGINT UNSIGNED NOT NULL', "when it was decided or parked, by the node's clock, ms since 1970"],
      resolved_ms: ['BIGINT UNSIGNED NULL', 'when a person decided it, ms since 1970'],
      resolved_by: ['VARCHAR(160) NULL', 'who did, or at which database'],
    },
    key: ['id'],
    // All that is asked when it is shortened, so that rows are not read for it.
    indexes: {
      kept: ['lineage', 'channel', 'decided_ms', 'state', 'table_schema', 'table_name'],
      waiting: ['state', 'lineage', 'pipeline', 'table_schema', 'table_name'],
    },
  },
  dead_letter: {
    is: 'changes that this database refused and that were set aside (`on_error: park`), and what waits behind them, in order; `otter deadletter`',
    columns: {
      id: ['BIGINT UNSIGNED NOT NULL AUTO_INCREMENT', 'number of the letter; `otter deadletter show DATABASE:ID`'],
      lineage: LINEAGE,
      pipeline: PIPELINE,
      channel: ['VARCHAR(64) NOT NULL', 'of the pipeline'],
      source_table: SOURCE_TABLE,
      table_schema: ['VARCHAR(64) NOT NULL', 'of the row, here'],
      table_name: ['VARCHAR(64) NOT NULL', 'of the row, here'],
      kind: ['VARCHAR(8) NOT NULL', 'insert, update or delete; of a row that was copied: insert'],
      row_key: ['LONGTEXT NOT NULL', 'JSON: its primary key, columns to SQL literals'],
      row_before: ['LONGTEXT NULL', 'JSON: the row before the change, columns to SQL literals; NULL: no row'],
      row_after: ['LONGTEXT NULL', 'JSON: the row after it; NULL: no row'],
      checks: ['VARCHAR(8) NOT NULL', 'how foreign keys are checked: on, off, or off-here, for this change alone'],
      gtid: ['VARCHAR(160) NOT NULL', "the change's transaction in the log of the source"],
      position: ['MEDIUMTEXT NOT NULL', 'place in the log of the source behind it'],
      error: [
        'TEXT NULL',
        'what the server said, without values; NULL: it was not tried, because it waits behind others',
      ],
      behind: ['LONGTEXT NOT NULL', 'JSON: numbers of the letters that it waits behind'],
      parked_ms: ['BIGINT UNSIGNED NOT NULL', "when it was set aside, by the node's clock, ms since 1970"],
    },
    key: ['id'],
    indexes: { waiting: ['lineage', 'pipeline', 'source_table'] },
  },
  skip: {
    is: 'for your own use: a transaction that inserts a row here is not carried anywhere; its rows are removed within some minutes',
    columns: {
      id: ['BIGINT UNSIGNED NOT NULL AUTO_INCREMENT', 'no more than a key'],
      at: ['TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)', 'when'],
    },
    key: ['id'],
  },
  resync: {
    is: 'for your own use: a row here has rows of this database sent again, in their place in the log; requests are removed after a day',
    columns: {
      id: ['BIGINT UNSIGNED NOT NULL AUTO_INCREMENT', 'number of the request'],
      at: ['TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)', 'when'],
      table_name: ['VARCHAR(130) NOT NULL', 'schema.table here'],
      where_sql: [
        'TEXT NULL',
        'only rows for which this condition holds, as in a topology; NULL, without row_keys: all rows',
      ],
      row_keys: [
        'LONGTEXT NULL',
        'JSON: primary keys, each a list of SQL literals, [["42"]]; a row that is not there is deleted at the targets',
      ],
      pipeline: ['VARCHAR(200) NULL', 'only by this pipeline, channel/source>target; NULL: by all that have the table'],
      lineage: ['VARCHAR(64) NULL', 'only for this topology; NULL: for all'],
    },
    key: ['id'],
  },
  resynced: {
    is: 'how far each pipeline out of this database has come with what was asked for in `resync`',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      request: ['BIGINT UNSIGNED NOT NULL', 'id in resync'],
      state: ['VARCHAR(8) NOT NULL', 'running; done: all of it is written at the target; refused'],
      rows_sent: ['BIGINT UNSIGNED NOT NULL', 'rows, and keys of rows that are not there'],
      said: ['VARCHAR(1000) NULL', 'why it is refused'],
    },
    key: ['lineage', 'pipeline', 'request'],
  },
};

/** Whether its rows belong to one topology each. */
export function hasLineage(name: (typeof OTTER_TABLES)[number]): boolean {
  return Object.hasOwn(OWN_TABLES[name].columns, 'lineage');
}

export function createOtterTables(schema: string): string[] {
  const s = quoteName(schema);
  const tables = OTTER_TABLES.map((name) => {
    const { is, columns, key, indexes = {} }: OwnTable = OWN_TABLES[name];
    const lines = Object.entries(columns).map(
      ([column, [type, meaning]]) => `${quoteName(column)} ${type} COMMENT ${quoteText(meaning)}`,
    );
    const keys = [
      `PRIMARY KEY (${key.join(', ')})`,
      ...Object.entries(indexes).map(([index, of]) => `KEY ${quoteName(index)} (${of.join(', ')})`),
    ];
    return `CREATE TABLE IF NOT EXISTS ${s}.${quoteName(name)} (${[...lines, ...keys].join(', ')})
      ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT=${quoteText(is)}`;
  });
  return [`CREATE DATABASE IF NOT EXISTS ${s}`, ...tables];
}
