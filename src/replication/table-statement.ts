/**
 * What a statement of the log does to tables, as far as a reader must know: which it makes, and which it changes or takes
 * away without a row in the log.
 *
 * Rule kept: a statement
 * of a kind that is not known here counts as one that changes every table it names; passing over it could lose rows.
 */

import type { PlainStatement, TableStatement } from '../model/ports.ts';
import { type NamedTable, WordReader } from './sql-words.ts';

/** Verbs that change neither the structure nor the rows of a table. */
const HARMLESS = new Set([
  ...['ANALYZE', 'OPTIMIZE', 'REPAIR', 'CHECK', 'CHECKSUM', 'FLUSH', 'GRANT', 'REVOKE', 'SET', 'INSTALL', 'UNINSTALL'],
  ...[
    'CACHE',
    'LOCK',
    'UNLOCK',
    'START',
    'STOP',
    'RESET',
    'CHANGE',
    'PURGE',
    'USE',
    'SHOW',
    'BINLOG',
    'SHUTDOWN',
    'KILL',
  ],
]);

/** Null when the statement changes no table (grants, users, views, routines …). */
export function tableStatement({ plain, schema }: PlainStatement): TableStatement | null {
  const reader = new WordReader(plain, schema);
  if (reader.take('SET', 'STATEMENT')) reader.skipTo('FOR');
  const verb = reader.next();
  switch (verb) {
    case 'CREATE': {
      const replaces = reader.take('OR', 'REPLACE');
      if (reader.take('TABLE')) {
        reader.take('IF', 'NOT', 'EXISTS');
        const tables = [reader.name()];
        return replaces ? alters(tables) : { kind: 'creates', tables };
      }
      return onIndex(reader);
    }
    case 'ALTER':
      while (reader.take('ONLINE') || reader.take('OFFLINE') || reader.take('IGNORE'));
      return reader.take('TABLE') ? altered(reader) : null;
    case 'TRUNCATE':
      reader.take('TABLE');
      return alters([reader.name()]);
    case 'DROP':
      if (reader.take('TABLE') || reader.take('TABLES')) return alters(list(reader));
      if (reader.take('DATABASE') || reader.take('SCHEMA')) {
        reader.take('IF', 'EXISTS');
        return { kind: 'drops-schema', schema: reader.name().name };
      }
      return onIndex(reader);
    case 'RENAME':
      return reader.take('TABLE') || reader.take('TABLES') ? renamed(reader) : null;
    case '':
      return null;
    default:
      return HARMLESS.has(verb) ? null : alters(reader.everyName());
  }
}

/** Whether the statement may take rows away, and leave their table. */
export function takesRows({ plain, schema }: PlainStatement): boolean {
  const reader = new WordReader(plain, schema);
  if (reader.take('SET', 'STATEMENT')) reader.skipTo('FOR');
  if (reader.take('TRUNCATE') || reader.take('CREATE', 'OR', 'REPLACE', 'TABLE')) return true;
  if (!reader.take('ALTER')) return false;
  for (; !reader.ended; reader.next())
    if (['TRUNCATE', 'DROP', 'EXCHANGE'].some((verb) => reader.at(verb)) && reader.at('PARTITION', 1)) return true;
  return false;
}

function alters(tables: readonly NamedTable[], made: readonly NamedTable[] = []): TableStatement {
  return { kind: 'alters', tables, made };
}

/** `… INDEX name … ON table`; whatever else is made or dropped is no table. */
function onIndex(reader: WordReader): TableStatement | null {
  while (reader.take('UNIQUE') || reader.take('FULLTEXT') || reader.take('SPATIAL') || reader.take('ONLINE'));
  if (!reader.take('INDEX')) return null;
  reader.skipTo('ON');
  return alters([reader.name()]);
}

function altered(reader: WordReader): TableStatement {
  reader.take('IF', 'EXISTS');
  const tables = [reader.name()];
  const made: NamedTable[] = [];
  for (; !reader.ended; reader.next()) {
    if (reader.take('RENAME')) {
      if (['COLUMN', 'INDEX', 'KEY', 'CONSTRAINT'].some((what) => reader.at(what))) continue;
      while (reader.take('TO') || reader.take('AS') || reader.take('='));
      made.push(reader.name());
    } else if (reader.take('TO', 'TABLE')) made.push(reader.name());
    else if (reader.take('WITH', 'TABLE') || reader.take('CONVERT', 'TABLE')) tables.push(reader.name());
  }
  return alters(tables, made);
}

function list(reader: WordReader): NamedTable[] {
  reader.take('IF', 'EXISTS');
  const tables = [reader.name()];
  while (reader.take(',')) tables.push(reader.name());
  return tables;
}

function renamed(reader: WordReader): TableStatement {
  reader.take('IF', 'EXISTS');
  const tables: NamedTable[] = [];
  const made: NamedTable[] = [];
  do {
    tables.push(reader.name());
    reader.skipTo('TO');
    made.push(reader.name());
  } while (reader.take(','));
  return alters(tables, made);
}
