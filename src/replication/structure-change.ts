/**
 * Whether a statement of the log may give a table other columns than it had.
 *
 * Rule kept: what is not known here to keep the columns counts as changing them. A wrong yes costs a copy of the table, a
 * wrong no exchanges its values.
 */
import { type NamedTable, WordReader } from './sql-words.ts';
import { tableStatement } from './table-statement.ts';

/** Actions of ALTER TABLE by their first word that keep the columns, whatever follows. */
const KEEPING = new Set([
  ...['ENGINE', 'AUTO_INCREMENT', 'COMMENT', 'ROW_FORMAT', 'KEY_BLOCK_SIZE', 'MAX_ROWS', 'MIN_ROWS', 'AVG_ROW_LENGTH'],
  ...['STATS_PERSISTENT', 'STATS_AUTO_RECALC', 'STATS_SAMPLE_PAGES', 'CHECKSUM', 'PACK_KEYS', 'DELAY_KEY_WRITE'],
  ...['ALGORITHM', 'LOCK', 'FORCE', 'WAIT', 'NOWAIT', 'ENABLE', 'DISABLE', 'VALIDATE'],
  ...['PARTITION', 'TRUNCATE', 'REORGANIZE', 'COALESCE', 'REBUILD', 'ANALYZE', 'OPTIMIZE', 'REPAIR', 'CHECK', 'REMOVE'],
]);

/** What may be added, dropped or renamed without touching a column. */
const BESIDE = [
  'INDEX',
  'KEY',
  'UNIQUE',
  'FULLTEXT',
  'SPATIAL',
  'PRIMARY',
  'FOREIGN',
  'CONSTRAINT',
  'CHECK',
  'PARTITION',
];

export const definitions = { changes: changesStructure, tables: changedTables } as const;

function changesStructure(
  statement: { readonly schema: string; readonly sql: string },
  table: { readonly schema: string; readonly name: string },
): boolean {
  const effect = tableStatement(statement.sql, statement.schema);
  if (effect === null || effect.kind === 'creates') return false;
  // Some servers keep names in small letters, whatever is written.
  const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();
  if (effect.kind === 'drops-schema') return same(effect.schema, table.schema);
  const touched = [...effect.tables, ...effect.made];
  return (
    touched.some(({ schema, name }) => same(schema, table.schema) && same(name, table.name)) &&
    !keepsColumns(statement.sql)
  );
}

/** Tables that were there before the statement and may have other columns behind it. */
function changedTables(statement: { readonly schema: string; readonly sql: string }): readonly NamedTable[] {
  const effect = tableStatement(statement.sql, statement.schema);
  if (effect?.kind !== 'alters' || keepsColumns(statement.sql)) return [];
  return [...effect.tables, ...effect.made];
}

function keepsColumns(sql: string): boolean {
  const reader = new WordReader(sql, '');
  if (reader.take('SET', 'STATEMENT')) reader.skipTo('FOR');
  switch (reader.next()) {
    // Of an index: a table is not made over when it keeps its name.
    case 'CREATE':
      return !reader.take('OR', 'REPLACE', 'TABLE');
    case 'TRUNCATE':
      return true;
    case 'DROP':
      return !(reader.at('TABLE') || reader.at('TABLES'));
    case 'ALTER':
      return alterKeeps(reader);
    default:
      return false;
  }
}

function alterKeeps(reader: WordReader): boolean {
  while (reader.take('ONLINE') || reader.take('OFFLINE') || reader.take('IGNORE'));
  if (!reader.take('TABLE')) return false;
  reader.take('IF', 'EXISTS');
  reader.name();
  let keeps = true;
  while (!reader.ended && keeps) {
    keeps = actionKeeps(reader);
    reader.skipToNextPart();
  }
  return keeps;
}

function actionKeeps(reader: WordReader): boolean {
  const verb = reader.next();
  switch (verb) {
    case 'ADD':
    case 'DROP':
      return BESIDE.some((what) => reader.at(what));
    case 'RENAME':
      return reader.at('INDEX') || reader.at('KEY');
    case 'ALTER':
      return reader.at('INDEX') || reader.at('CHECK') || reader.at('CONSTRAINT');
    default:
      return KEEPING.has(verb);
  }
}
