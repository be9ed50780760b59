/**
 * `CREATE TABLE` as a source prints it, and as a target takes it.
 *
 * A table made at the target has the columns, keys and defaults of the source's. Servers of the two families print some
 * of that in a way that the other does not read; it is translated where the meaning stays, else the server's own words
 * say what it does not take. A collation that is missing at the target gives way to its nearest relative.
 */
import { OtterError } from '../model/error.ts';
import { DRAFT_PREFIX, OWN_STATEMENT } from '../model/load.ts';
import { type AnnouncedTable, type TableShape, tableName } from '../model/row.ts';
import type { Session } from './connection.ts';
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
  const [head = '', ...rest] = text.split('\n');
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
  const tail = rest
    .slice(tailAt)
    .join('\n')
    .replace(/ (DATA|INDEX) DIRECTORY='(?:[^'\\]|\\.|'')*'/g, '');
  const start = head.replace(/^CREATE TABLE `(?:[^`]|``)+`/, () => `CREATE TABLE ${qualified(table)}`);
  return `${start}\n${body.join(',\n')}\n${tail}`;
}

export interface NewTable {
  readonly announced: AnnouncedTable;
  readonly as: { readonly schema: string; readonly name: string };
  readonly rename: Readonly<Record<string, string>>;
  /** Its keys must compare as they do at the source. */
  readonly twoWay: boolean;
}

/**
 * The session takes several statements at once.
 * @throws OtterError OT5029 when the server does not take the table, OT5014 when it would compare keys in another way
 */
export async function makeTable(connection: Session, table: NewTable): Promise<void> {
  const { announced, as, rename } = table;
  const body = await bodyFor(connection, table);
  const opening = [
    `${OWN_STATEMENT}CREATE DATABASE IF NOT EXISTS ${quoteName(as.schema)}`,
    'SET foreign_key_checks=0',
    `${OWN_STATEMENT}USE ${quoteName(as.schema)}`,
  ];
  const create = async (name: NewTable['as']): Promise<void> => {
    await connection.query(`${OWN_STATEMENT}CREATE TABLE ${qualified(name)}${body}`).catch((error: unknown) => {
      throw error instanceof OtterError && error.code === 'OT4006' ? notMade(as, error) : error;
    });
  };
  if (isWhole(table)) {
    await connection.query(opening.join(';\n'));
    await create(as);
    await connection.query('SET foreign_key_checks=1');
    return;
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
    return rename[name] === undefined ? [] : [`RENAME COLUMN ${quoteName(name)} TO ${quoteName(rename[name])}`];
  });
  if (alters.length > 0) await connection.query(`${OWN_STATEMENT}ALTER TABLE ${qualified(draft)} ${alters.join(', ')}`);
  await connection.query(
    `${OWN_STATEMENT}RENAME TABLE ${qualified(draft)} TO ${qualified(as)};\nSET foreign_key_checks=1`,
  );
}

/** Whether all of its columns travel under their own names, so that there is nothing to alter before it may be seen. */
function isWhole({ announced, rename }: NewTable): boolean {
  const printed = announced.create.match(/^ +`/gm)?.length ?? 0;
  return printed === announced.table.columns.length && Object.keys(rename).length === 0;
}

interface Dialect {
  readonly family: 'mariadb' | 'mysql';
  /** The collations that the server knows. */
  readonly known: ReadonlySet<string>;
}

/** A server does not become another one while a session lasts. */
const dialects = new WeakMap<Session, Dialect>();

async function dialectOf(connection: Session): Promise<Dialect> {
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

async function bodyFor(connection: Session, { announced, as, twoWay }: NewTable): Promise<string> {
  const { family, known } = await dialectOf(connection);
  const { table } = announced;
  const compared = new Set([table.primaryKey, ...table.uniques.map(({ columns }) => columns)].flat());
  const strange = table.columns.find(
    ({ collation }, index) => collation !== null && compared.has(index) && !known.has(collation),
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
  return translated(announced.create, family, known);
}

/**
 * What follows the name in a CREATE TABLE, as a server of the family takes it.
 * @param known collations of that server
 */
export function translated(create: string, family: 'mariadb' | 'mysql', known: ReadonlySet<string>): string {
  const body = create
    .replace(/^CREATE TABLE\s+(IF NOT EXISTS\s+)?(`(?:[^`]|``)+`\.)?`(?:[^`]|``)+`/i, '')
    .replace(/\bENGINE=(MyISAM|Aria|MEMORY|CSV|ARCHIVE)\b( PAGE_CHECKSUM=\d| TRANSACTIONAL=\d)*/i, 'ENGINE=InnoDB')
    .replace(NAMED_OR_QUOTED, (text, _quoted, equals: string | undefined, collation: string | undefined) =>
      collation === undefined || known.has(collation) ? text : `COLLATE${equals}${relative(collation, known)}`,
    );
  return family === 'mysql' ? body.split('\n').map(withMysqlDefault).join('\n') : body;
}

/** Texts and names are passed over. */
const NAMED_OR_QUOTED = /('(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`)|\bCOLLATE([ =])(\w+)/g;

/** By https://jira.mariadb.org/browse/MDEV-20912, which gives MySQL's names to these in MariaDB 11.4.5 and later. */
const RELATIVES: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^utf8mb4_0900_bin$/, ['utf8mb4_nopad_bin']],
  [/^utf8mb4_0900_(a[is]_c[is])$/, ['utf8mb4_uca1400_nopad_$1', 'utf8mb4_unicode_520_nopad_ci']],
  [/^utf8mb4_nopad_bin$/, ['utf8mb4_0900_bin']],
  [/^utf8mb4_uca1400_nopad_(a[is]_c[is])$/, ['utf8mb4_0900_$1']],
  [/^utf8mb4_uca1400_ai_ci$/, ['utf8mb4_unicode_520_ci']],
  [/^utf8mb4_uca1400_(a[is]_c[is])$/, ['utf8mb4_0900_$1']],
  [/^utf8mb3_uca1400_ai_ci$/, ['utf8mb3_unicode_520_ci']],
  [/^(\w+)_nopad_(\w+)$/, ['$1_$2']],
];

function relative(collation: string, known: ReadonlySet<string>): string {
  for (const [pattern, names] of RELATIVES) {
    if (!pattern.test(collation)) continue;
    const found = names.map((name) => collation.replace(pattern, name)).find((name) => known.has(name));
    if (found !== undefined) return found;
  }
  return collation;
}

/** MySQL wants defaults that are expressions in brackets, and those of long types always. */
function withMysqlDefault(line: string): string {
  const column = /^(\s*`(?:[^`]|``)+` )(.*)$/.exec(line);
  if (column === null) return line;
  const [, name, rest] = column;
  const long = /^((tiny|medium|long)?(text|blob)|json)\b/i.test(rest!);
  return `${name}${rest!.replace(DEFAULT, (text, _quoted, literal: string | undefined, call: string | undefined) => {
    if (literal !== undefined) return long ? `DEFAULT (${literal})` : text;
    return call === undefined || /^current_timestamp\(/i.test(call) ? text : `DEFAULT (${call})`;
  })}`;
}

/** Other texts are passed over. */
const DEFAULT = /(?<!DEFAULT )('(?:[^'\\]|\\.|'')*')|\bDEFAULT (?:('(?:[^'\\]|\\.|'')*')|(\w+\([^()]*\)))/g;

function notMade(as: NewTable['as'], error: OtterError): OtterError {
  return new OtterError('OT5029', `${tableName(as)} cannot be made like the source's: ${error.message}`, {
    where: { ...error.where, table: tableName(as) },
    hint: 'Make it there yourself, with columns and keys that take the same values; the pipeline goes on by itself.',
    cause: error,
    retry: 'backoff',
  });
}
