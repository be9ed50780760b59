/**
 * Otter's own tables in a database: what they are and how they are made.
 *
 * `checkpoint` one row per pipeline into this database (position, loop mark and causality token in one, see
 * docs/architecture.md); `heartbeat` one row per site; `watermark` one row per copying pipeline out of this database;
 * `answer` always empty: rows pass through it to reach the log; `copy` how far the copy of each table has come;
 * `structure` what columns the source's rows had at the checkpoint, and since when a table counts.
 */
import { quoteName } from './sql.ts';

export const OTTER_TABLES = ['checkpoint', 'heartbeat', 'watermark', 'answer', 'copy', 'structure'] as const;

export function createOtterTables(schema: string): string[] {
  const s = quoteName(schema);
  const options = 'ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin';
  return [
    `CREATE DATABASE IF NOT EXISTS ${s}`,
    `CREATE TABLE IF NOT EXISTS ${s}.checkpoint (
      lineage VARCHAR(64) NOT NULL, pipeline VARCHAR(200) NOT NULL, lane INT NOT NULL DEFAULT 0,
      seq BIGINT UNSIGNED NOT NULL, position MEDIUMTEXT NOT NULL, clock BIGINT UNSIGNED NOT NULL DEFAULT 0,
      seen MEDIUMTEXT NOT NULL, epoch BIGINT UNSIGNED NOT NULL, born BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (lineage, pipeline, lane)) ${options}`,
    `CREATE TABLE IF NOT EXISTS ${s}.heartbeat (
      lineage VARCHAR(64) NOT NULL, site VARCHAR(64) NOT NULL, beat BIGINT UNSIGNED NOT NULL,
      sent_ms BIGINT UNSIGNED NOT NULL, PRIMARY KEY (lineage, site)) ${options}`,
    `CREATE TABLE IF NOT EXISTS ${s}.watermark (
      lineage VARCHAR(64) NOT NULL, pipeline VARCHAR(200) NOT NULL, chunk VARCHAR(64) NOT NULL, kind VARCHAR(8) NOT NULL,
      row_keys LONGTEXT NOT NULL, PRIMARY KEY (lineage, pipeline)) ${options}`,
    `CREATE TABLE IF NOT EXISTS ${s}.answer (
      id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT, lineage VARCHAR(64) NOT NULL, pipeline VARCHAR(200) NOT NULL,
      table_schema VARCHAR(64) NOT NULL, table_name VARCHAR(64) NOT NULL, row_key LONGTEXT NOT NULL,
      image LONGTEXT NULL, lock_keys LONGTEXT NOT NULL, PRIMARY KEY (id)) ${options}`,
    `CREATE TABLE IF NOT EXISTS ${s}.copy (
      lineage VARCHAR(64) NOT NULL, pipeline VARCHAR(200) NOT NULL, source_table VARCHAR(130) NOT NULL,
      row_cursor LONGTEXT NULL, done TINYINT NOT NULL, rows_done BIGINT UNSIGNED NOT NULL,
      rows_estimate BIGINT UNSIGNED NOT NULL, target_table VARCHAR(130) NOT NULL, stay BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (lineage, pipeline, source_table)) ${options}`,
    `CREATE TABLE IF NOT EXISTS ${s}.structure (
      lineage VARCHAR(64) NOT NULL, pipeline VARCHAR(200) NOT NULL, source_table VARCHAR(130) NOT NULL,
      digest VARCHAR(64) NOT NULL, since MEDIUMTEXT NULL, target_table VARCHAR(130) NOT NULL, stay BIGINT UNSIGNED NOT NULL,
      PRIMARY KEY (lineage, pipeline, source_table)) ${options}`,
  ];
}
