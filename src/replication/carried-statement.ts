/**
 * Whether all that a statement does to a table can be told by the table's definitions before and after it.
 *
 * Rule kept: what takes rows away, or puts others in, without a word in either definition is not carried, and neither is an
 * action that is not known here.
 */
import type { PlainStatement } from '../model/ports.ts';
import { WordReader } from './sql-words.ts';

/** Actions of ALTER TABLE by their first word: all they do stands in the definition, or they do nothing that rows show. */
const TOLD = new Set([
  ...['ADD', 'DROP', 'MODIFY', 'CHANGE', 'RENAME', 'ALTER', 'CONVERT', 'ORDER', 'DEFAULT', 'CHARACTER', 'CHARSET'],
  ...['COLLATE', 'COMMENT', 'ENGINE', 'AUTO_INCREMENT', 'ROW_FORMAT', 'KEY_BLOCK_SIZE', 'MAX_ROWS', 'MIN_ROWS'],
  ...['AVG_ROW_LENGTH', 'STATS_PERSISTENT', 'STATS_AUTO_RECALC', 'STATS_SAMPLE_PAGES', 'CHECKSUM', 'PACK_KEYS'],
  ...['DELAY_KEY_WRITE', 'ALGORITHM', 'LOCK', 'FORCE', 'WAIT', 'NOWAIT', 'ENABLE', 'DISABLE', 'COMPRESSION'],
  ...['ENCRYPTION', 'ENCRYPTED', 'ENCRYPTION_KEY_ID', 'PAGE_COMPRESSED', 'PAGE_COMPRESSION_LEVEL', 'TRANSACTIONAL'],
]);

/** Second words of an action that make it one on parts of the table. */
const PARTS = new Set(['PARTITION', 'PARTITIONS', 'TABLE', 'SYSTEM', 'PERIOD']);

/** `ALTER TABLE`, `CREATE INDEX`, ...; no names and nothing else that somebody wrote. */
export function firstWords(plain: string): string {
  const words = plain.toUpperCase().match(/[A-Z]+/g) ?? [];
  const [verb = ''] = words;
  if (verb === 'TRUNCATE') return 'TRUNCATE TABLE';
  const kind = words.slice(1, 5).find((word) => ['TABLE', 'TABLES', 'INDEX', 'DATABASE', 'SCHEMA'].includes(word));
  if (kind === 'TABLES') return `${verb} TABLE`;
  return kind === undefined || !/^(ALTER|CREATE|DROP|RENAME)$/.test(verb) ? 'a statement' : `${verb} ${kind}`;
}

/** Of an ALTER TABLE, or what makes or drops an index. Null: nothing. */
export function untold({ plain, schema }: PlainStatement): string | null {
  const reader = new WordReader(plain, schema);
  if (!reader.take('ALTER')) return null;
  for (;;) {
    // Of two rows that a new key takes for one it drops one, and does not say which.
    if (reader.at('IGNORE')) return 'ALTER IGNORE may drop rows without a word in the log';
    if (!reader.take('ONLINE') && !reader.take('OFFLINE')) break;
  }
  if (!reader.take('TABLE')) return 'it is of a kind that is not carried';
  reader.take('IF', 'EXISTS');
  reader.name();
  // MariaDB: how long to wait for a lock stands before the first action, without a comma.
  if (!reader.take('NOWAIT') && reader.take('WAIT')) reader.next();
  while (!reader.ended) {
    const [verb = '', what = ''] = reader.part();
    if (verb === 'PARTITION' || PARTS.has(what)) return 'it is about partitions or versions of rows';
    if (!TOLD.has(verb)) return 'it has an action that is not carried';
  }
  return null;
}
