/**
 * Whether a statement of the log may give a table other columns than it had.
 *
 * Rule kept: what is not known here to keep the columns counts as changing them. A wrong yes costs a copy of the table, a
 * wrong no exchanges its values.
 */
import type { PlainStatement } from '../model/ports.ts';
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
const BESIDE = new Set([
  ...['INDEX', 'KEY', 'UNIQUE', 'FULLTEXT', 'SPATIAL', 'PRIMARY', 'FOREIGN', 'CONSTRAINT', 'CHECK', 'PARTITION'],
]);

/**
 * Words of actions on columns, wherever one stands in an action: a second one may follow without a comma in a way that is
 * not known here. NUL stands for what could not be read.
 */
const TOUCHING = new Set([
  'ADD',
  'DROP',
  'MODIFY',
  'CHANGE',
  'COLUMN',
  'CONVERT',
  'RENAME',
  'ORDER',
  'FIRST',
  'AFTER',
  '\0',
]);

export const definitions = { changes: changesStructure, tables: changedTables, effect: tableStatement } as const;

function changesStructure(
  statement: PlainStatement,
  table: { readonly schema: string; readonly name: string },
): boolean {
  const effect = tableStatement(statement);
  if (effect === null || effect.kind === 'creates') return false;
  // Some servers keep names in small letters, whatever is written.
  const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();
  if (effect.kind === 'drops-schema') return same(effect.schema, table.schema);
  const touched = [...effect.tables, ...effect.made];
  return (
    touched.some(({ schema, name }) => same(schema, table.schema) && same(name, table.name)) &&
    !keepsColumns(statement.plain)
  );
}

/** Tables that were there before the statement and may have other columns behind it. */
function changedTables(statement: PlainStatement): readonly NamedTable[] {
  const effect = tableStatement(statement);
  if (effect?.kind !== 'alters' || keepsColumns(statement.plain)) return [];
  return [...effect.tables, ...effect.made];
}

function keepsColumns(plain: string): boolean {
  const reader = new WordReader(plain, '');
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
  // MariaDB: how long to wait for a lock stands before the first action, without a comma.
  if (!reader.take('NOWAIT') && reader.take('WAIT')) reader.next();
  let keeps = true;
  while (!reader.ended && keeps) keeps = actionKeeps(reader.part());
  return keeps;
}

/** @param words of the action, without what stands in brackets */
function actionKeeps([verb = '', what = '', ...rest]: readonly string[]): boolean {
  if (TOUCHING.has(what) || rest.some((word) => TOUCHING.has(word))) return false;
  switch (verb) {
    case 'ADD':
    case 'DROP':
      return BESIDE.has(what);
    case 'RENAME':
      return what === 'INDEX' || what === 'KEY';
    case 'ALTER':
      return what === 'INDEX' || what === 'CHECK' || what === 'CONSTRAINT';
    default:
      return KEEPING.has(verb);
  }
}
