/**
 * What tables were like at a place of the log, also where the server has changed them again since.
 *
 * Rule kept: what the server says now is taken for that of a place only when no statement between there and the end of the
 * log, as it was after the server was asked, names the table; else it is found out from the definition before, step by
 * step (`scratch.ts`), or is not known.
 */
import { OtterError } from '../model/error.ts';
import type { PastTable, PlainStatement, ReadLogOptions, Statement, StatementTable } from '../model/ports.ts';
import { coversGtid, parsePosition } from '../model/position.ts';
import { type Definition, tableName } from '../model/row.ts';
import type { Session } from './connection.ts';
import { withoutCounter } from './create-parts.ts';
import { definitionStep } from './definition-step.ts';
import { serverErrorNumber } from './driver-error.ts';
import { columnsSaid, likeSaid, SaidWords } from './said-words.ts';
import { type Catalog, hiddenColumns } from './schema.ts';
import { NotRepeated, Scratch } from './scratch.ts';
import { settled } from './settled.ts';
import { qualified, quoteText } from './sql.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** A definition that the log has come to. */
export interface Defining extends PlainStatement {
  readonly gtid: string;
  readonly said: string;
}

export interface HistoryOptions {
  /** Takes several statements at once. */
  readonly session: () => Promise<Session>;
  readonly catalog: Catalog;
  /** Schema of otter's own tables. */
  readonly ownSchema: string;
}

type Effect = ReadLogOptions['definitions']['effect'];

const NO_SUCH_TABLE = 1146;

export class History {
  readonly #options: HistoryOptions;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /**
   * Tables as they were at a place of the log. `present` are all that are there now, `ahead` the statements since, from after
   * they were asked for.
   */
  async at(
    present: ReadonlyMap<string, PastTable>,
    kept: Readonly<Record<string, Definition | null>>,
    ahead: readonly Statement[],
    effect: Effect,
  ): Promise<{
    readonly tables: Map<string, PastTable>;
    readonly unknown: readonly string[];
    readonly later: ReadonlyMap<string, Definition>;
  }> {
    const past = new Map<string, PastTable>();
    const unknown: string[] = [];
    const later = new Map<string, Definition>();
    const touched = new Touched(ahead, effect);
    for (const [name, table] of present) if (!touched.has(table.shape)) past.set(name, table);
    for (const [name, definition] of Object.entries(kept)) {
      // Otherwise it is not there any more, without a word about it in the log.
      if (past.has(name) || !touched.hasNamed(name)) continue;
      const table = definition === null ? null : named(name, present, definition.create);
      const held = definition === null ? null : parsePosition(definition.position);
      const late = held !== null && table !== null && touched.of(table).some(({ gtid }) => coversGtid(held, gtid));
      const found = table === null || late ? null : await this.#printed(definition!.create, table);
      if (late) later.set(name, definition!);
      else if (found === null) unknown.push(name);
      else past.set(name, found);
    }
    return { tables: past, unknown, later };
  }

  /** Definitions of these tables as they are now. */
  async present(tables: readonly Named[]): Promise<Map<string, PastTable>> {
    const session = await this.#options.session();
    const found = new Map<string, PastTable>();
    for (const [schema, group] of Map.groupBy(tables, (table) => table.schema)) {
      const names = group.map(({ name }) => name);
      const printed = new Map<string, string | null>();
      for (const name of names) printed.set(name, await settled(session, { schema, name }));
      const shapes = await this.#options.catalog.load(session, schema, names);
      for (const shape of shapes.values()) {
        const create = printed.get(shape.name) ?? (await printedNow(session, shape));
        if (create !== null) found.set(tableName(shape), { shape, create: withoutCounter(create) });
      }
    }
    return found;
  }

  /** Default character sets of their schemas as they are now, as options of a table, by schema. */
  async charsets(tables: readonly Named[]): Promise<Map<string, string>> {
    const session = await this.#options.session();
    const schemas = [...new Set(tables.map(({ schema }) => schema))];
    if (schemas.length === 0) return new Map();
    const rows = await session.rows<{ name: string; charset: string; collation: string }>(
      `SELECT SCHEMA_NAME AS name, DEFAULT_CHARACTER_SET_NAME AS charset, DEFAULT_COLLATION_NAME AS collation
       FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN (${schemas.map(quoteText).join(', ')})`,
    );
    return new Map(
      rows.map(({ name, charset, collation }) => [name, ` DEFAULT CHARACTER SET ${charset} COLLATE ${collation}`]),
    );
  }

  /**
   * @param past as tables were before the statement
   * @param ahead the statements behind it, from after `present` and `charsets` were asked
   */
  async behind(
    statement: Defining,
    tables: readonly Named[],
    past: ReadonlyMap<string, PastTable>,
    {
      present,
      charsets,
      ahead,
      effect,
      later,
    }: {
      present: ReadonlyMap<string, PastTable>;
      charsets: ReadonlyMap<string, string>;
      ahead: readonly Statement[];
      effect: Effect;
      later: ReadonlyMap<string, Definition>;
    },
  ): Promise<StatementTable[]> {
    const touched = new Touched(ahead, effect);
    const { floats } = columnsSaid(statement.said);
    const found: StatementTable[] = [];
    for (const table of tables) {
      const before = past.get(tableName(table)) ?? null;
      const now = present.get(tableName(table)) ?? null;
      if (!touched.has(table) && !touched.hasParentOf(now)) {
        found.push(became(table, before, now, floats));
        continue;
      }
      const known = await this.#takenDown(statement, table, later, touched);
      if (known !== null) {
        found.push(became(table, before, known, floats));
        continue;
      }
      const charset = ahead.some((next) => remakesSchema(next, table)) ? null : (charsets.get(table.schema) ?? null);
      const after = await this.#repeated(statement, table, past, { effect, charset }).catch((error: unknown) => {
        if (error instanceof NotRepeated) return error;
        throw error;
      });
      found.push(
        after instanceof NotRepeated
          ? { ...table, before, after: null, doubt: unknown(table, statement, after) }
          : became(table, before, after, floats),
      );
    }
    return found;
  }

  /** What was taken down of the table between this statement and the next one that names it. */
  async #takenDown(
    { gtid }: Defining,
    table: Named,
    later: ReadonlyMap<string, Definition>,
    touched: Touched,
  ): Promise<PastTable | null> {
    const definition = later.get(tableName(table));
    if (definition === undefined) return null;
    const held = parsePosition(definition.position);
    if (!coversGtid(held, gtid) || touched.of(table).some((next) => coversGtid(held, next.gtid))) return null;
    return this.#printed(definition.create, table);
  }

  async #repeated(
    statement: Defining,
    table: Named,
    past: ReadonlyMap<string, PastTable>,
    { effect, charset }: { effect: Effect; charset: string | null },
  ): Promise<PastTable | null> {
    const does = effect(statement);
    const words = new SaidWords(statement.said);
    const before = past.get(tableName(table));
    if (does === null) throw new NotRepeated('it is of another kind');
    if (does.kind === 'drops-schema' || words.behind(0, 'DROP', 'TABLE') >= 0 || words.behind(0, 'DROP', 'TABLES') >= 0)
      return null;
    if (does.kind === 'creates') return this.#created(statement, table, past, charset);
    if (does.made.length > 0) {
      const from = does.made.findLastIndex((one) => same(one, table));
      // Several names in turn are followed one by one.
      const was = from < 0 ? null : origin(does.tables, does.made, from, past);
      if (from < 0) return null;
      if (was === null) throw new NotRepeated('the table that gets its name is not known');
      if (words.behind(0, 'RENAME') >= 0) return this.#adopted(renamed(was, table));
      return this.#adopted(renamed(await this.#scratch((scratch) => scratch.changed(was, statement.said)), table));
    }
    if (before === undefined) throw new NotRepeated('its definition before is not known');
    if (words.behind(0, 'TRUNCATE') >= 0) return before;
    if (does.tables.length !== 1) throw new NotRepeated('it is about several tables');
    return this.#scratch((scratch) => scratch.changed(before, statement.said));
  }

  async #created(
    statement: Defining,
    table: Named,
    past: ReadonlyMap<string, PastTable>,
    charset: string | null,
  ): Promise<PastTable> {
    const before = past.get(tableName(table));
    // Only where it may have been there; else that the statement is in the log says that it was not.
    if (before !== undefined && new SaidWords(statement.said).has('EXISTS')) return before;
    const like = likeSaid(statement.said);
    if (like === null) return this.#scratch((scratch) => scratch.created(statement.said, table, charset));
    const found = past.get(tableName({ schema: like.schema ?? statement.schema, name: like.name }));
    if (found === undefined) throw new NotRepeated('the table that it is like is not known');
    return this.#scratch((scratch) => scratch.alike(found, table));
  }

  async #printed(create: string, table: Named): Promise<PastTable | null> {
    return this.#scratch((scratch) => scratch.printed(create, table)).catch((error: unknown) => {
      if (error instanceof NotRepeated) return null;
      throw error;
    });
  }

  /** Equal shapes are one object. */
  #adopted({ shape, create }: PastTable): PastTable {
    return { shape: this.#options.catalog.adopt(shape), create };
  }

  async #scratch(work: (scratch: Scratch) => Promise<PastTable>): Promise<PastTable> {
    return this.#adopted(await work(new Scratch(await this.#options.session(), this.#options.ownSchema)));
  }
}

/** What statements name, whatever the case of its letters. */
class Touched {
  readonly #byTable = new Map<string, Statement[]>();
  readonly #bySchema = new Map<string, Statement[]>();

  constructor(statements: readonly Statement[], effect: Effect) {
    for (const statement of statements) {
      const does = effect(statement);
      if (does === null) continue;
      if (does.kind === 'drops-schema') push(this.#bySchema, does.schema.toLowerCase(), statement);
      else {
        const tables = does.kind === 'creates' ? does.tables : [...does.tables, ...does.made];
        for (const table of tables) push(this.#byTable, tableName(table).toLowerCase(), statement);
      }
    }
  }

  has(table: Named): boolean {
    return this.of(table).length > 0;
  }

  /** The definition of a table tells the names that its parents have now. */
  hasParentOf(table: PastTable | null): boolean {
    const keys = table?.shape.foreignKeys ?? [];
    return keys.some(({ parentSchema, parentTable }) => this.has({ schema: parentSchema, name: parentTable }));
  }

  /** By `schema.table`. */
  hasNamed(name: string): boolean {
    const lower = name.toLowerCase();
    return this.#byTable.has(lower) || [...this.#bySchema.keys()].some((schema) => lower.startsWith(`${schema}.`));
  }

  of(table: Named): readonly Statement[] {
    return [
      ...(this.#byTable.get(tableName(table).toLowerCase()) ?? []),
      ...(this.#bySchema.get(table.schema.toLowerCase()) ?? []),
    ];
  }
}

/** Whether it may give the schema another character set; one without a name is about the session's own. */
function remakesSchema({ plain, schema }: PlainStatement, table: Named): boolean {
  if (!/^[\s(;]*(ALTER|CREATE)\b[^('`]*\b(DATABASE|SCHEMA)\b/i.test(plain)) return false;
  const names = plain.toLowerCase().includes(table.schema.toLowerCase());
  return names || schema.toLowerCase() === table.schema.toLowerCase() || /[`"]/.test(table.schema);
}

function push(into: Map<string, Statement[]>, key: string, statement: Statement): void {
  const list = into.get(key);
  if (list === undefined) into.set(key, [statement]);
  else list.push(statement);
}

async function printedNow(session: Session, table: Named): Promise<string | null> {
  try {
    const [row] = await session.rows<Record<string, string>>(`SHOW CREATE TABLE ${qualified(table)}`);
    const text = row?.['Create Table'];
    return text ?? null;
  } catch (error) {
    // Dropped since it was listed; the statement that did so is ahead.
    if (serverErrorNumber(error) === NO_SUCH_TABLE) return null;
    throw error;
  }
}

function became(
  table: Named,
  before: PastTable | null,
  after: PastTable | null,
  floats: Readonly<Record<string, number>>,
): StatementTable {
  const known = { ...table, before, after, doubt: null };
  return before === null || after === null ? known : { ...known, between: definitionStep(before, after, floats) };
}

/** The name of a kept definition, of which the schema is what stands before the table that it makes. */
function named(name: string, present: ReadonlyMap<string, PastTable>, create: string): Named | null {
  const there = present.get(name);
  if (there !== undefined) return { schema: there.shape.schema, name: there.shape.name };
  const table = /^CREATE TABLE `((?:[^`]|``)+)`/.exec(create)?.[1]?.replaceAll('``', '`');
  if (table === undefined || !name.endsWith(`.${table}`)) return null;
  return { schema: name.slice(0, -table.length - 1), name: table };
}

/** What stood under the old name when its turn came. */
function origin(
  tables: readonly Named[],
  made: readonly Named[],
  at: number,
  past: ReadonlyMap<string, PastTable>,
): PastTable | null {
  let name = tables[at]!;
  for (let index = at - 1; index >= 0; index -= 1) if (same(made[index]!, name)) name = tables[index]!;
  return past.get(tableName(name)) ?? null;
}

function same(one: Named, other: Named): boolean {
  return one.schema === other.schema && one.name === other.name;
}

/** What servers name by the table gets its new name too. */
function renamed({ shape, create }: PastTable, { schema, name }: Named): PastTable {
  const text = (of: string): string => of.replaceAll('`', '``');
  const own = (constraint: string): string =>
    ['_ibfk_', '_chk_'].reduce(
      (found, suffix) => (found.startsWith(shape.name + suffix) ? name + found.slice(shape.name.length) : found),
      constraint,
    );
  const foreignKeys = shape.foreignKeys.map((key) => ({ ...key, name: own(key.name) }));
  const moved = { ...shape, schema, name, foreignKeys };
  hiddenColumns.set(moved, hiddenColumns.get(shape) ?? 0);
  const said = create
    .replace(/^CREATE TABLE `(?:[^`]|``)+`/, () => `CREATE TABLE \`${text(name)}\``)
    .replace(/^( +CONSTRAINT `)((?:[^`]|``)+)`/gm, (_, begin: string, constraint: string) => {
      return `${begin}${text(own(constraint.replaceAll('``', '`')))}\``;
    });
  return { shape: moved, create: said };
}

function unknown(table: Named, { gtid }: Defining, why: NotRepeated): OtterError {
  const name = tableName(table);
  return new OtterError(
    'OT4030',
    `what transaction ${gtid} made of ${name} cannot be told any more, since ${name} was changed again behind it: ${why.message}`,
    {
      where: { table: name },
      hint: 'copy the table again (`otter explain OT4030` says how)',
      cause: why.cause,
    },
  );
}
