/**
 * What makes one definition of a table into another, as the actions of an ALTER TABLE.
 *
 * A change travels as the two definitions that it lies between, as the source prints them, so that nothing hangs on how
 * somebody wrote it. Three things only the statement says: which column got another name, which was dropped and made
 * anew, and what a default is of which its server prints too few digits. Rule kept: columns come to stand in the source's order, those that only the target has stay between them; and what
 * would fill rows that are there with values of the moment is not carried.
 */
import { NotCarriedError as NotCarried } from '../model/load.ts';
import { charsetIn, withCharset } from './column-charset.ts';
import { type CreateParts, type Part, partsOf } from './create-parts.ts';
import { endOf, keyOf, linesOf, nameAt, rewritten, skipSpaces, wordsOf } from './create-words.ts';
import { blurredDefault } from './printed-defaults.ts';
import { blurredMembers } from './printed-members.ts';
import { quoteName } from './sql.ts';

export interface Alteration {
  /** Definitions in the words of the target. */
  readonly before: string;
  readonly after: string;
  /** What the target has now, whose keys may not be the source's. */
  readonly present: string;
  /** Columns by their names before to those after, at the source. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Columns that were dropped, also where one of the same name was made by the same statement. */
  readonly dropped: ReadonlySet<string>;
  /** What the statement says of defaults of new columns, by their names at the source. */
  readonly floats: ReadonlyMap<string, number>;
  /** Generated columns, by their names after, whose stored values hang on the session that makes them. */
  readonly swaying: ReadonlySet<string>;
  /** Its name at the target; null: it does not travel. Of generated columns nobody asks: they are there as they are. */
  readonly columnAt: (column: string) => string | null;
}

/**
 * Columns that begin to number their rows, by the names that they have at the target before: rows that have NULL there, or 0,
 * then get numbers of their server's choice.
 */
export function numbered(change: Omit<Alteration, 'present' | 'swaying' | 'floats'>): readonly string[] {
  const [before, after] = [read(change.before), read(change.after)];
  const counts = (parts: CreateParts, name: string): boolean =>
    parts.columns.some(
      (part) => part.name === name && wordsOf(part.line).some((word) => keyOf(word) === 'AUTO_INCREMENT'),
    );
  return before.columns.flatMap(({ name }) => {
    const there = change.columnAt(name);
    const now = change.renamed.get(name) ?? name;
    if (there === null || change.dropped.has(name) || counts(before, name) || !counts(after, now)) return [];
    return [there];
  });
}

/** In their order; none: nothing of it is the target's matter. @throws NotCarried */
export function alterActions(change: Alteration): readonly string[] {
  const [before, after, present] = [change.before, change.after, change.present].map(read) as [
    CreateParts,
    CreateParts,
    CreateParts,
  ];
  if (before.partitions !== after.partitions) throw new NotCarried('it changes partitions');
  const columns = new Columns(before, after, change);
  return [
    ...constraints('DROP FOREIGN KEY', before.foreignKeys, after.foreignKeys, present.foreignKeys, columns),
    ...constraints('DROP CONSTRAINT', before.checks, after.checks, present.checks, columns),
    ...droppedKeys(before, after, present, columns),
    ...columns.actions(),
    ...added(before.keys, after.keys, present.keys, columns),
    ...added(before.checks, after.checks, present.checks, columns),
    ...added(before.foreignKeys, after.foreignKeys, present.foreignKeys, columns),
    ...options(before, after),
  ];
}

function read(create: string): CreateParts {
  const parts = partsOf(create);
  if (parts === null) throw new NotCarried('its definition has a part that is not known here');
  return parts;
}

class Columns {
  readonly #before: ReadonlyMap<string, string>;
  readonly #options: CreateParts['options'];
  readonly #after: CreateParts;
  readonly #change: Alteration;
  /** Names after to names before, of columns that stay. */
  readonly #origin = new Map<string, string>();
  readonly #generated: ReadonlySet<string>;
  /** Names before to names after. */
  readonly #became = new Map<string, string>();

  constructor(before: CreateParts, after: CreateParts, change: Alteration) {
    this.#before = new Map(before.columns.map(({ name, line }) => [name, line]));
    this.#options = before.options;
    this.#after = after;
    this.#change = change;
    this.#generated = new Set(
      [...before.columns, ...after.columns].flatMap(({ name, line }) => (isGenerated(line) ? [name] : [])),
    );
    const names = new Set(after.columns.map(({ name }) => name));
    for (const { name } of before.columns) {
      const now = change.renamed.get(name) ?? name;
      if (change.dropped.has(name) || !names.has(now)) continue;
      this.#origin.set(now, name);
      this.#became.set(name, now);
    }
  }

  /** A line with the names that columns have afterwards at the target. @throws NotCarried */
  there(line: string, old: boolean): string {
    return rewrittenNames(line, (name) => {
      const now = old ? (this.#became.get(name) ?? name) : name;
      const known = this.#before.has(name) || this.#after.columns.some((column) => column.name === name);
      if (!known) return null;
      const target = this.#at(now);
      if (target === null) throw new NotCarried(`it names column ${now}, which does not travel`);
      return target;
    });
  }

  #at(name: string): string | null {
    return this.#generated.has(name) ? name : this.#change.columnAt(name);
  }

  /** Whether a line means only columns that travel. */
  travels(line: string): boolean {
    try {
      this.there(line, false);
      return true;
    } catch (error) {
      if (error instanceof NotCarried) return false;
      throw error;
    }
  }

  actions(): string[] {
    const columnAt = (name: string): string | null => this.#at(name);
    const gone = [...this.#before.keys()].filter((name) => !this.#became.has(name) && columnAt(name) !== null);
    const stays = this.#inPlace();
    let previous: string | null = null;
    const taken = new Map<string, string>();
    for (const { name } of this.#after.columns) {
      const target = columnAt(name)?.toLowerCase();
      if (target === undefined) continue;
      const other = taken.get(target);
      if (other !== undefined) throw new NotCarried(`columns ${other} and ${name} would both be ${target} there`);
      taken.set(target, name);
    }
    const placed = this.#after.columns.flatMap(({ name, line }): string[] => {
      const target = columnAt(name);
      const origin = this.#origin.get(name);
      const was = origin === undefined ? null : columnAt(origin);
      if (origin !== undefined && (was === null) !== (target === null))
        throw new NotCarried(`column ${origin} becomes ${name}, and only one of the two travels`);
      if (target === null) return [];
      const place: string = previous === null ? ' FIRST' : ` AFTER ${quoteName(previous)}`;
      previous = target;
      // The table that it comes to may have another one.
      const own = origin === undefined ? withCharset(line, this.#after.options) : null;
      const now = own ?? this.#withNewCharset(this.#before.get(origin!)!, line);
      const said = this.there(now, false);
      const requireMembers = (): void => {
        const blurred = blurredMembers(line, this.#after.options);
        if (blurred !== null) throw new NotCarried(`column ${name} ${blurred}`);
      };
      if (origin === undefined || was === null) {
        requireMembers();
        requireConstant(name, line);
        this.#requireSteady(name, line, line);
        const blurred = blurredDefault(line, this.#change.floats.get(name));
        if (blurred !== null) throw new NotCarried(`the new column ${name} has a default ${blurred}`);
        return [`ADD COLUMN ${said}${place}`];
      }
      const same = this.there(this.#before.get(origin)!, true) === said;
      if (!same) this.#requireSteady(name, this.#before.get(origin)!, line);
      if (!same || !stays.has(name)) requireMembers();
      if (!stays.has(name)) return [`CHANGE COLUMN ${quoteName(was)} ${said}${place}`];
      if (!same) return [`CHANGE COLUMN ${quoteName(was)} ${said}`];
      return was === target ? [] : [`RENAME COLUMN ${quoteName(was)} TO ${quoteName(target)}`];
    });
    return [...gone.map((name) => `DROP COLUMN ${quoteName(columnAt(name)!)}`), ...placed];
  }

  /** The line afterwards; with the character set of the table, where it has that and had another. */
  #withNewCharset(before: string, after: string): string {
    const whole = withCharset(after, this.#after.options);
    return charsetIn(withCharset(before, this.#options)) === charsetIn(whole) ? after : whole;
  }

  /** What each server reckons for rows that are there is the same. @throws NotCarried */
  #requireSteady(name: string, before: string, after: string): void {
    if (isGenerated(before) !== isGenerated(after))
      throw new NotCarried(`column ${name} is generated on one side of the change only`);
    if (this.#change.swaying.has(name))
      throw new NotCarried(`the values of generated column ${name} hang on settings of the session that makes them`);
  }

  /** As many columns as possible that need not move: the longest run of them that is in the same order before and after. */
  #inPlace(): ReadonlySet<string> {
    const rank = new Map([...this.#before.keys()].map((name, index) => [name, index]));
    const order = this.#after.columns.flatMap(({ name }) => {
      const origin = this.#origin.get(name);
      return origin === undefined ? [] : [{ name, rank: rank.get(origin)! }];
    });
    const best: { length: number; previous: number }[] = [];
    let last = -1;
    for (const [index, { rank: here }] of order.entries()) {
      best[index] = { length: 1, previous: -1 };
      for (let earlier = 0; earlier < index; earlier += 1)
        if (order[earlier]!.rank < here && best[earlier]!.length >= best[index]!.length)
          best[index] = { length: best[earlier]!.length + 1, previous: earlier };
      if (last < 0 || best[index]!.length > best[last]!.length) last = index;
    }
    const stays = new Set<string>();
    for (let at = last; at >= 0; at = best[at]!.previous) stays.add(order[at]!.name);
    return stays;
  }
}

function isGenerated(line: string): boolean {
  const words = wordsOf(line);
  return words.some((word, at) => keyOf(word) === 'AS' && words[skipSpaces(words, at + 1)] === '(');
}

/**
 * Names of columns, where a line has them: the first of a column's own line, and what stands in brackets. Behind REFERENCES
 * they are another table's.
 */
function rewrittenNames(line: string, to: (name: string) => string | null): string {
  let depth = 0;
  let elsewhere = false;
  return wordsOf(line)
    .map((word, index) => {
      if (word === '(') depth += 1;
      if (word === ')') depth -= 1;
      if (keyOf(word) === 'REFERENCES') elsewhere = true;
      if (!word.startsWith('`') || elsewhere || (depth === 0 && index > 0)) return word;
      const name = to(word.slice(1, -1).replaceAll('``', '`'));
      return name === null ? word : quoteName(name);
    })
    .join('');
}

/** A text or number, or one in brackets, and then no sign that something is reckoned with it. */
const LITERAL = String.raw`(_\w+\s*)?(N|X|B)?'([^'\\]|\\.|'')*'|0x[0-9a-f]+|-?(\d+(\.\d*)?|\.\d+)(E[-+]?\d+)?|NULL|TRUE|FALSE`;
const CONSTANT = new RegExp(String.raw`^(${LITERAL}|\((${LITERAL})\))(?=\s+[\w/]|\s*$)`, 'is');

/** Rows that are there get it from the target's own server, at another moment. @throws NotCarried */
function requireConstant(name: string, line: string): void {
  if (constantDefault(line) !== null) return;
  throw new NotCarried(
    wordsOf(line).some((word) => keyOf(word) === 'AUTO_INCREMENT')
      ? `the new column ${name} numbers the rows that are there`
      : `the new column ${name} has a default that each server would reckon for itself`,
  );
}

/** The literal that a column's line has for its default; undefined: it has none; null: its values are reckoned. */
export function constantDefault(line: string): string | null | undefined {
  const words = wordsOf(line);
  const has = (key: string): number => words.findIndex((word) => keyOf(word) === key);
  if (has('AUTO_INCREMENT') >= 0) return null;
  const at = has('DEFAULT');
  if (at < 0) return undefined;
  const value = CONSTANT.exec(words.slice(skipSpaces(words, at + 1)).join(''))?.[1];
  return value === undefined ? null : value.replace(/^\((.*)\)$/s, '$1');
}

const lineOf = (parts: readonly Part[], name: string): string | undefined =>
  parts.find((part) => part.name === name)?.line;

/** Whether it is the same afterwards, columns that got other names aside. */
function kept(before: string, after: string | undefined, columns: Columns): boolean {
  if (after === undefined) return false;
  return before === after || (columns.travels(after) && columns.there(before, true) === columns.there(after, false));
}

/** Whether the target has it as it will be: a foreign key follows by itself when its parent, or a column of that, gets another name. */
function isThere(name: string, after: readonly Part[], present: readonly Part[], columns: Columns): boolean {
  const line = lineOf(after, name);
  return line !== undefined && columns.travels(line) && lineOf(present, name) === columns.there(line, false);
}

function constraints(
  verb: string,
  before: readonly Part[],
  after: readonly Part[],
  present: readonly Part[],
  columns: Columns,
): string[] {
  return before.flatMap(({ name, line }) =>
    kept(line, lineOf(after, name), columns) ||
    lineOf(present, name) === undefined ||
    isThere(name, after, present, columns)
      ? []
      : [`${verb} ${quoteName(name)}`],
  );
}

function droppedKeys(before: CreateParts, after: CreateParts, present: CreateParts, columns: Columns): string[] {
  return before.keys.flatMap(({ name, line }) => {
    if (kept(line, lineOf(after.keys, name), columns) || lineOf(present.keys, name) === undefined) return [];
    if (isThere(name, after.keys, present.keys, columns)) return [];
    return [name === 'PRIMARY' ? 'DROP PRIMARY KEY' : `DROP KEY ${quoteName(name)}`];
  });
}

/** A key or constraint of the target's own that has the name is the server's to refuse. */
function added(before: readonly Part[], after: readonly Part[], present: readonly Part[], columns: Columns): string[] {
  return after.flatMap(({ name, line }) => {
    const was = lineOf(before, name);
    if (!columns.travels(line) || (was !== undefined && kept(was, line, columns))) return [];
    if (isThere(name, after, present, columns)) return [];
    return [`ADD ${columns.there(line, false)}`];
  });
}

/** Engines that have the rows themselves. */
const KEEPING_ROWS = new Set(['INNODB', 'MYISAM', 'ARIA', 'ROCKSDB', 'MEMORY', 'NDBCLUSTER', 'TOKUDB']);

/** What of the options means something to rows or people; how the server keeps the table is its own matter. */
function options(before: CreateParts, after: CreateParts): string[] {
  const differs = (name: string): boolean => before.options.get(name) !== after.options.get(name);
  const found: string[] = [];
  const engine = after.options.get('ENGINE')?.toUpperCase() ?? '';
  if (differs('ENGINE') && !KEEPING_ROWS.has(engine)) throw new NotCarried(`it gives the rows to engine ${engine}`);
  const [charset, collation] = [after.options.get('DEFAULT CHARSET'), after.options.get('COLLATE')];
  if ((differs('DEFAULT CHARSET') || differs('COLLATE')) && charset !== undefined)
    found.push(`DEFAULT CHARACTER SET ${charset}${collation === undefined ? '' : ` COLLATE ${collation}`}`);
  if (differs('COMMENT')) found.push(`COMMENT=${after.options.get('COMMENT') ?? "''"}`);
  return found;
}

/** What a server prints of a table, with the schema of parents in the same one. */
export function withSchemas(create: string, schema: string): string {
  return withReferences(create, (words, at) =>
    words[at + 1] === '.' ? null : { to: `${quoteName(schema)}.${words[at]!}`, next: at + 1 },
  );
}

/** Parents of foreign keys as the target calls them. @param create as `createStatement` returns it */
export function withParents(create: string, parentAt: (parent: string) => string): string {
  return withReferences(create, (words, at) =>
    words[at + 1] === '.' ? { to: parentAt(words.slice(at, at + 3).join('')), next: at + 3 } : null,
  );
}

/** @param change what stands for the name of a parent that begins at a word, and where the line goes on */
function withReferences(
  create: string,
  change: (words: readonly string[], at: number) => { readonly to: string; readonly next: number } | null,
): string {
  return linesOf(create)
    .map((line) => {
      const words = wordsOf(line.trimStart());
      if (endOf(words, 0, 'CONSTRAINT') < 0) return line;
      return rewritten(words, (at) => {
        if (keyOf(words[at]) !== 'REFERENCES') return null;
        const parent = skipSpaces(words, at + 1);
        const changed = nameAt(words, parent) === null ? null : change(words, parent);
        return changed === null ? null : { to: `REFERENCES ${changed.to}`, next: changed.next };
      });
    })
    .join('\n');
}
