/**
 * What a statement makes of a table, asked of the server that ran it, by doing the same to an empty table of otter's own.
 *
 * A server says only what a table is like now. What it was like between two changes that are both past is found out here.
 * Foreign keys and partitions are left out of the copy and put back into what is said of it: statements about these are not
 * repeated. Rule kept: whatever the server does not take, or is not known to mean the same there, is not known.
 */
import { OtterError } from '../model/error.ts';
import { OWN_STATEMENT } from '../model/load.ts';
import type { PastTable } from '../model/ports.ts';
import { type ForeignKey, type TableShape, tableName } from '../model/row.ts';
import type { Session } from './connection.ts';
import { partsOf, withoutCounter } from './create-parts.ts';
import { linesOf } from './create-words.ts';
import { alterTable, behindWait, SaidWords } from './said-words.ts';
import { Catalog, hiddenColumns } from './schema.ts';
import { qualified, quoteName, quoteText } from './sql.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** A statement that cannot be repeated, with the reason. */
export class NotRepeated extends Error {}

/** Of foreign keys and partitions, in one way or another. */
const LEFT_OUT = ['FOREIGN', 'REFERENCES', 'PARTITION', 'PARTITIONS', 'PARTITIONING', 'EXCHANGE', 'SELECT'];

let made = 0;

export class Scratch {
  readonly #session: Session;
  readonly #table: Named;
  readonly #catalog = new Catalog({ children: false });

  /** @param session takes several statements at once @param schema of otter's own tables */
  constructor(session: Session, schema: string) {
    made += 1;
    this.#session = session;
    this.#table = { schema, name: `_otter_past_${process.pid}_${made}` };
  }

  /** A definition that was printed, as a table. @throws NotRepeated */
  async printed(create: string, as: Named): Promise<PastTable> {
    return this.#with(async () => this.#made(create, as, []));
  }

  /** What an ALTER TABLE, or a statement that makes or drops an index, makes of it. @throws NotRepeated */
  async changed(before: PastTable, said: string): Promise<PastTable> {
    const { schema, name } = before.shape;
    return this.#with(async () => {
      await this.#define(before.create, name);
      const sql = onScratch(said, qualified(this.#table));
      if (sql !== null) await this.#run(sql);
      return this.#taken({ schema, name }, before.create, before.shape.foreignKeys, before.shape);
    });
  }

  /** What CREATE TABLE ... LIKE makes of it: no foreign keys. @throws NotRepeated */
  async alike(like: PastTable, as: Named): Promise<PastTable> {
    const { lines, partitions } = cutOf(like.create);
    // Whose names some servers give anew.
    if (lines.some((line) => /^\s*CONSTRAINT /.test(line) && !isForeignKey(line)) || partitions !== '')
      throw new NotRepeated('it is like one with checks or partitions');
    return this.#with(async () => {
      await this.#define(like.create, like.shape.name);
      return this.#taken(as, null, [], null);
    });
  }

  /** What a CREATE TABLE makes in a schema of that default. @throws NotRepeated */
  async created(said: string, as: Named): Promise<PastTable> {
    const words = new SaidWords(said);
    const table = words.behind(0, 'CREATE', 'TABLE');
    if (table < 0 || words.has(...LEFT_OUT, 'LIKE')) throw new NotRepeated('it is no plain CREATE TABLE');
    const exists = words.behind(table, 'IF', 'NOT', 'EXISTS');
    const start = words.find('START', table);
    const body = words.text(words.behindName(exists < 0 ? table : exists), start < 0 ? undefined : start);
    const closing = body.lastIndexOf(')');
    const named = /\b(CHARSET|CHARACTER|COLLATE)\b/i.test(body.slice(closing));
    return this.#with(async () => {
      await this.#run(`CREATE TABLE ${qualified(this.#table)}${body}${named ? '' : await this.#defaults(as.schema)}`);
      return this.#taken(as, null, [], null);
    });
  }

  async #defaults(schema: string): Promise<string> {
    const [row] = await this.#session.rows<{ charset: string; collation: string }>(
      `SELECT DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA WHERE SCHEMA_NAME=${quoteText(schema)}`,
    );
    if (row === undefined) throw new NotRepeated('its schema is gone');
    return ` DEFAULT CHARACTER SET ${row.charset} COLLATE ${row.collation}`;
  }

  async #made(create: string, as: Named, keys: readonly ForeignKey[]): Promise<PastTable> {
    await this.#define(create, as.name);
    return this.#taken(as, create, keys, null);
  }

  async #with(work: () => Promise<PastTable>): Promise<PastTable> {
    await this.#session.run('SET foreign_key_checks=0');
    try {
      return await work();
    } finally {
      await this.#session.run(`${OWN_STATEMENT}DROP TABLE IF EXISTS ${qualified(this.#table)}`).catch(() => undefined);
    }
  }

  async #run(sql: string): Promise<void> {
    await this.#session.run(OWN_STATEMENT + sql).catch((error: unknown) => {
      // A connection that was lost says nothing of the statement.
      if (!(error instanceof OtterError) || error.code !== 'OT4006') throw error;
      throw new NotRepeated('the server does not repeat it on an empty table', { cause: error });
    });
  }

  async #define(create: string, name: string): Promise<void> {
    const { head, lines, tail } = cutOf(create);
    const body = lines
      .filter((line) => !isForeignKey(line))
      .map((line) => this.#checksOf(line, name, this.#table.name));
    await this.#run(`CREATE TABLE ${qualified(this.#table)}${head}\n${body.join(',\n')}\n${tail}`);
  }

  /** Checks without a name are given one by their table's. */
  #checksOf(line: string, from: string, to: string): string {
    const prefix = `CONSTRAINT ${quoteName(`${from}_chk_`).slice(0, -1)}`;
    const at = line.indexOf(prefix);
    return /^\s*CONSTRAINT /.test(line) && at >= 0
      ? line.replace(prefix, () => `CONSTRAINT ${quoteName(`${to}_chk_`).slice(0, -1)}`)
      : line;
  }

  /** As it is now, under the name of the table that it stands for, with what was left out of it. */
  async #taken(
    as: Named,
    original: string | null,
    keys: readonly ForeignKey[],
    before: TableShape | null,
  ): Promise<PastTable> {
    const { schema, name } = this.#table;
    const found = (await this.#catalog.load(this.#session, schema, [name])).get(name);
    const [row] = await this.#session.rows<Record<string, string>>(`SHOW CREATE TABLE ${qualified(this.#table)}`);
    const text = row?.['Create Table'];
    if (found === undefined || text === undefined) throw new NotRepeated('the table is gone');
    const { head, lines, tail } = cutOf(withoutCounter(text));
    const own = lines.map((line) => this.#checksOf(line, name, as.name));
    const left = original === null ? null : cutOf(original);
    const body = [...own, ...(left?.lines.filter(isForeignKey) ?? [])];
    const create = `CREATE TABLE ${quoteName(as.name)}${head}\n${body.join(',\n')}\n${tail}${left?.partitions ?? ''}`;
    if (partsOf(create) === null) throw new NotRepeated('its definition has a part that is not known here');
    const foreignKeys = before === null ? printedKeys(create, as.schema, found) : carriedKeys(keys, before, found);
    const shape: TableShape = { ...found, ...as, foreignKeys, triggers: before?.triggers ?? [] };
    hiddenColumns.set(shape, hiddenColumns.get(found) ?? 0);
    return { shape, create };
  }
}

interface Cut {
  /** Between the name and the first line. */
  readonly head: string;
  readonly lines: readonly string[];
  readonly tail: string;
  readonly partitions: string;
}

function cutOf(create: string): Cut {
  const all = linesOf(create);
  const tailAt = all.findIndex((line) => line.startsWith(')'));
  if (tailAt < 1) throw new NotRepeated('its definition is not known');
  const tail = all.slice(tailAt).join('\n');
  const parted = tail.search(/\s*(\/\*!\d*\s*)?\bPARTITION\s+BY\b/);
  return {
    head: ' (',
    lines: all.slice(1, tailAt).map((line) => line.replace(/,$/, '')),
    tail: parted < 0 ? tail : tail.slice(0, parted),
    partitions: parted < 0 ? '' : tail.slice(parted),
  };
}

function isForeignKey(line: string): boolean {
  return /^\s*CONSTRAINT `(?:[^`]|``)+` FOREIGN KEY /.test(line);
}

/** The same statement on another table; null when there is nothing but another name. @throws NotRepeated */
function onScratch(said: string, scratch: string): string | null {
  const words = new SaidWords(said);
  if (words.has(...LEFT_OUT) || dropsPerhaps(words)) throw new NotRepeated('it is about foreign keys or partitions');
  const table = alterTable(words);
  if (table >= 0) {
    const parts = words
      .parts(behindWait(words, words.behindName(table)))
      .map(([from, to]) => ({ from, text: words.text(from, to).trim() }))
      .filter(({ from, text }) => text !== '' && !renamesTable(words, from));
    return parts.length === 0 ? null : `ALTER TABLE ${scratch} ${parts.map(({ text }) => text).join(', ')}`;
  }
  // As an ALTER TABLE, which needs no other privilege than those above.
  const create = words.behind(0, 'CREATE');
  const drop = words.behind(0, 'DROP');
  const verb = Math.max(create, drop);
  const index =
    verb < 0 ? -1 : words.behind(words.behindAny(verb, ['UNIQUE', 'FULLTEXT', 'SPATIAL', 'ONLINE']), 'INDEX');
  const on = index < 0 ? -1 : words.find('ON', index);
  if (on < 0) throw new NotRepeated('it is of another kind');
  if (create < 0) return `ALTER TABLE ${scratch} DROP INDEX${words.text(index, on)}`;
  const options = ['ALGORITHM', 'LOCK', 'WAIT', 'NOWAIT'].map((key) => words.find(key, on)).filter((at) => at >= 0);
  const kind = words.text(create, on).replace(/\bONLINE\b/i, '');
  return `ALTER TABLE ${scratch} ADD${kind}${words.text(words.behindName(on + 1), Math.min(words.length, ...options))}`;
}

/** Whether it drops a constraint, if there is one: on the copy, which has no foreign keys, it would be passed over. */
function dropsPerhaps(words: SaidWords): boolean {
  return Array.from({ length: words.length }, (_, at) => at).some(
    (at) => words.behind(at, 'DROP', 'CONSTRAINT', 'IF', 'EXISTS') >= 0,
  );
}

function renamesTable(words: SaidWords, from: number): boolean {
  const rename = words.behind(from, 'RENAME');
  return rename >= 0 && !['COLUMN', 'INDEX', 'KEY'].includes(words.key(words.skip(rename)));
}

/** @throws NotRepeated when a column of one has another name now */
function carriedKeys(keys: readonly ForeignKey[], before: TableShape, now: TableShape): readonly ForeignKey[] {
  return keys.map((key) => ({
    ...key,
    columns: key.columns.map((index) => placeOf(now, before.columns[index]!.name)),
  }));
}

function placeOf({ columns }: TableShape, name: string): number {
  const found = columns.findIndex((column) => column.name === name);
  if (found < 0) throw new NotRepeated('a column of a foreign key has another name');
  return found;
}

const NAME = '`(?:[^`]|``)+`';
const LIST = String.raw`\((${NAME}(?:, ?${NAME})*)\)`;
const KEY = new RegExp(
  String.raw`^\s*CONSTRAINT (${NAME}) FOREIGN KEY ${LIST} REFERENCES (?:(${NAME})\.)?(${NAME}) ${LIST}(?: ON DELETE ([A-Z ]+?))?(?: ON UPDATE ([A-Z ]+?))?,?$`,
);

/** Foreign keys as SHOW CREATE TABLE prints them; a rule that is not said is RESTRICT, or NO ACTION, which is the same. */
function printedKeys(create: string, schema: string, shape: TableShape): readonly ForeignKey[] {
  const names = (list: string): string[] =>
    [...list.matchAll(/`((?:[^`]|``)+)`/g)].map(([, name]) => name!.replaceAll('``', '`'));
  return linesOf(create).flatMap((line): ForeignKey[] => {
    if (!isForeignKey(line)) return [];
    const [, name, columns, parentSchema, parentTable, parentColumns, onDelete, onUpdate] = KEY.exec(line) ?? [];
    if (name === undefined) throw new NotRepeated(`a foreign key of ${tableName(shape)} is not known here`);
    return [
      {
        name: names(name)[0]!,
        columns: names(columns!).map((column) => placeOf(shape, column)),
        parentSchema: parentSchema === undefined ? schema : names(parentSchema)[0]!,
        parentTable: names(parentTable!)[0]!,
        parentColumns: names(parentColumns!),
        onDelete: onDelete ?? 'RESTRICT',
        onUpdate: onUpdate ?? 'RESTRICT',
      },
    ];
  });
}
