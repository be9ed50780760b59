/**
 * Otter's own tables in a database: what they are and how they are made. Their columns are explained to people in
 * `docs/reference/tables.md`, which a test writes from here, and in the comments that the server shows.
 */
import { quoteName, quoteText } from './sql.ts';

export const OTTER_TABLES = ['checkpoint', 'heartbeat', 'watermark', 'answer', 'version', 'copy', 'structure'] as const;

export interface OwnTable {
  readonly is: string;
  readonly columns: Readonly<Record<string, readonly [type: string, is: string]>>;
  readonly key: readonly string[];
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
    is: 'one row for each pipeline into this database; moves in the same transaction as the rows',
    columns: {
      lineage: LINEAGE,
      pipeline: PIPELINE,
      lane: ['INT NOT NULL DEFAULT 0', 'always 0'],
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
        'two-way: place in the log of this database before which what was written to the table is carried nowhere',
      ],
      target_table: TARGET_TABLE,
      stay: STAY,
    },
    key: ['lineage', 'pipeline', 'source_table'],
  },
};

export function createOtterTables(schema: string): string[] {
  const s = quoteName(schema);
  const tables = OTTER_TABLES.map((name) => {
    const { is, columns, key } = OWN_TABLES[name];
    const lines = Object.entries(columns).map(
      ([column, [type, meaning]]) => `${quoteName(column)} ${type} COMMENT ${quoteText(meaning)}`,
    );
    return `CREATE TABLE IF NOT EXISTS ${s}.${name} (${[...lines, `PRIMARY KEY (${key.join(', ')})`].join(', ')})
      ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin COMMENT=${quoteText(is)}`;
  });
  return [`CREATE DATABASE IF NOT EXISTS ${s}`, ...tables];
}
