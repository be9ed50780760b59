/**
 * `CREATE TABLE` as a source prints it, and as a target takes it.
 *
 * A table made at the target has the columns, keys and defaults of the source's. Servers of the two families print some
 * of that in a way that the other does not read; it is translated where the meaning stays (`create-translation.ts`), else
 * the server's own words say what it does not take.
 */

import { OtterError } from '../model/error.ts';
import { DRAFT_PREFIX, OWN_STATEMENT } from '../model/load.ts';
import { nameNow } from '../model/renamed.ts';
import { type AnnouncedTable, type TableShape, tableName } from '../model/row.ts';
import type { Session } from './connection.ts';
import { partsOf } from './create-parts.ts';
import { type Family, partAt, type Translated, translated } from './create-translation.ts';
import { endOf, linesOf, rewritten, skipSpaces, wordsOf } from './create-words.ts';
import { blurredMembers } from './printed-members.ts';
import { readFacts } from './server-facts.ts';
import { qualified, quoteName, quoteText } from './sql.ts';

/**
 * `CREATE TABLE` with its full name, without triggers, without places on the server's disks, and without foreign keys to
 * tables that `keeps` denies.
 */
export async function createStatement(
  session: Session,
  table: TableShape,
  keeps: (schema: string, table: string) => boolean,
): Promise<string> {
  const [row] = await session.rows<Record<string, string>>(`SHOW CREATE TABLE ${qualified(table)}`);
  const text = row?.['Create Table'] ?? '';
  return rewriteCreate(text, table, keeps);
}

/** @param text what SHOW CREATE TABLE prints: one line per column, key and constraint. */
export function rewriteCreate(
  text: string,
  table: TableShape,
  keeps: (schema: string, table: string) => boolean,
): string {
  const [head = '', ...rest] = linesOf(text);
  const tailAt = rest.findLastIndex((line) => line.startsWith(')'));
  const dropped = new Set(
    table.foreignKeys.filter((fk) => !keeps(fk.parentSchema, fk.parentTable)).map((fk) => fk.name),
  );
  const qualify = new Map(table.foreignKeys.map((fk) => [fk.name, fk]));
  const body = rest.slice(0, tailAt).flatMap((line) => {
    const name = /^\s*CONSTRAINT `((?:[^`]|``)+)` FOREIGN KEY /.exec(line)?.[1]?.replaceAll('``', '`');
    if (name === undefined) return [line.replace(/,$/, '')];
    if (dropped.has(name)) return [];
    const fk = qualify.get(name);
    if (fk === undefined) return [line.replace(/,$/, '')];
    const parent = qualified({ schema: fk.parentSchema, name: fk.parentTable });
    return [
      line.replace(/,$/, '').replace(/ REFERENCES (`(?:[^`]|``)+`\.)?`(?:[^`]|``)+`/, () => ` REFERENCES ${parent}`),
    ];
  });
  const tail = anywhere(rest.slice(tailAt).join('\n'));
  const start = head.replace(/^CREATE TABLE `(?:[^`]|``)+`/, () => `CREATE TABLE ${qualified(table)}`);
  return `${start}\n${body.join(',\n')}\n${tail}`;
}

/** What follows the closing bracket, without places on the server's disks. */
function anywhere(tail: string): string {
  const words = wordsOf(tail);
  return rewritten(words, (at) => {
    const place = Math.max(endOf(words, at, 'DATA', 'DIRECTORY', '='), endOf(words, at, 'INDEX', 'DIRECTORY', '='));
    // With the space before it.
    return place < 0 || !/^\s/.test(words[at]!) ? null : { to: '', next: skipSpaces(words, place) + 1 };
  });
}

export interface NewTable {
  readonly announced: AnnouncedTable;
  readonly as: { readonly schema: string; readonly name: string };
  readonly rename: Readonly<Record<string, string>>;
  /** Its keys must compare as they do at the source. */
  readonly twoWay: boolean;
}

/**
 * The session takes several statements at once. Returns what had to be left out, for people.
 * @throws OtterError OT5029 when the server does not take the table, OT5014 when it would compare keys in another way
 */
export async function makeTable(connection: Session, table: NewTable): Promise<readonly string[]> {
  const { announced, as, rename } = table;
  requireMembers(table);
  const { body, without } = await bodyFor(connection, table);
  const opening = [
    `${OWN_STATEMENT}CREATE DATABASE IF NOT EXISTS ${quoteName(as.schema)}`,
    'SET foreign_key_checks=0',
    `${OWN_STATEMENT}USE ${quoteName(as.schema)}`,
  ];
  const create = async (name: NewTable['as']): Promise<void> => {
    await connection.query(`${OWN_STATEMENT}CREATE TABLE ${qualified(name)}${body}`).catch((error: unknown) => {
      throw error instanceof OtterError && error.code === 'OT4006' ? notMade(as, error, body) : error;
    });
  };
  if (isWhole(table)) {
    await connection.query(opening.join(';\n'));
    await create(as);
    await connection.query('SET foreign_key_checks=1');
    return without;
  }
  const draft = { schema: as.schema, name: `${DRAFT_PREFIX}${as.name}`.slice(0, 64) };
  const left = `SELECT 1 AS one FROM information_schema.tables WHERE table_schema=${quoteText(draft.schema)} AND table_name=${quoteText(draft.name)}`;
  const found = (await connection.sets([...opening, left].join(';\n'))).at(-1)!;
  if (found.length > 0) await connection.query(`${OWN_STATEMENT}DROP TABLE ${qualified(draft)}`);
  await create(draft);
  const made = await connection.rows<{ c: string; g: string | null }>(
    `SELECT column_name AS c, generation_expression AS g FROM information_schema.columns WHERE table_schema=${quoteText(draft.schema)} AND table_name=${quoteText(draft.name)}`,
  );
  const columns = new Set(announced.table.columns.map(({ name }) => name));
  const alters = made.flatMap(({ c: name, g }) => {
    if (!columns.has(name) && (g === null || g === '')) return [`DROP COLUMN ${quoteName(name)}`];
    const now = nameNow(rename, name);
    return now === name ? [] : [`RENAME COLUMN ${quoteName(name)} TO ${quoteName(now)}`];
  });
  if (alters.length > 0) await connection.query(`${OWN_STATEMENT}ALTER TABLE ${qualified(draft)} ${alters.join(', ')}`);
  await connection.query(
    `${OWN_STATEMENT}RENAME TABLE ${qualified(draft)} TO ${qualified(as)};\nSET foreign_key_checks=1`,
  );
  return without;
}

/** Whether all of its columns travel under their own names, so that there is nothing to alter before it may be seen. */
function isWhole({ announced, rename }: NewTable): boolean {
  const printed = linesOf(announced.create).filter((line) => /^ +`/.test(line)).length;
  return printed === announced.table.columns.length && Object.keys(rename).length === 0;
}

/** @throws OtterError OT5029 */
function requireMembers({ announced: { create, table }, as }: NewTable): void {
  const parts = partsOf(create);
  for (const { name, line } of parts?.columns ?? []) {
    const blurred = table.columns.some((column) => column.name === name) ? blurredMembers(line, parts!.options) : null;
    if (blurred === null) continue;
    throw new OtterError('OT5029', `${tableName(as)} cannot be made like the source's: column ${name} ${blurred}`, {
      where: { table: tableName(as) },
      hint: 'Make it there yourself, with the same members in their order; the pipeline goes on by itself.',
      retry: 'backoff',
    });
  }
}

interface Dialect {
  readonly family: Family;
  /** The collations that the server knows. */
  readonly known: ReadonlySet<string>;
}

/** A server does not become another one while a session lasts. */
const dialects = new WeakMap<Session, Dialect>();

export async function dialectOf(connection: Session): Promise<Dialect> {
  const before = dialects.get(connection);
  if (before !== undefined) return before;
  const { family } = await readFacts(connection);
  const listed = await connection.rows<{ name: string | null }>(
    'SELECT COLLATION_NAME AS name FROM information_schema.COLLATIONS',
  );
  // MariaDB lists the newer ones without their character set.
  const known = new Set(listed.flatMap(({ name }) => (name === null ? [] : [name, `utf8mb4_${name}`])));
  const dialect = { family, known };
  dialects.set(connection, dialect);
  return dialect;
}

async function bodyFor(connection: Session, { announced, as, twoWay }: NewTable): Promise<Translated> {
  const dialect = await dialectOf(connection);
  const { table } = announced;
  const compared = new Set([table.primaryKey, ...table.uniques.map(({ columns }) => columns)].flat());
  const strange = table.columns.find(
    ({ collation }, index) => collation !== null && compared.has(index) && !dialect.known.has(collation),
  );
  if (twoWay && strange !== undefined) {
    throw new OtterError(
      'OT5014',
      `${tableName(as)} cannot be two-way: key column ${strange.name} has the collation ${strange.collation}, which the other server does not know`,
      {
        where: { table: tableName(as) },
        hint: 'Give it one that both servers have (utf8mb4_unicode_520_ci, utf8mb4_general_ci, utf8mb4_bin), or replicate the table one-way.',
      },
    );
  }
  return translated(announced.create, dialect.family, dialect.known);
}

function notMade(as: NewTable['as'], error: OtterError, body: string): OtterError {
  const line = /\bat line (\d+)/.exec(error.message)?.[1];
  const part = line === undefined ? null : partAt(body, Number(line));
  const which = part === null ? '' : ` (${part})`;
  return new OtterError('OT5029', `${tableName(as)} cannot be made like the source's${which}: ${error.message}`, {
    where: { ...error.where, table: tableName(as) },
    hint: 'Make it there yourself, with columns and keys that take the same values; the pipeline goes on by itself.',
    cause: error,
    retry: 'backoff',
  });
}
