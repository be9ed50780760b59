/**
 * The tables that a pipeline's target has been told of, as its source knows them, and those that it will be told of later.
 *
 * Rule kept: a table counts as told only when the caller says so, in the same breath in which it queues the
 * announcement; whatever is handed on in between must not find it told and not queued.
 *
 * Rule kept: the columns of a table change only at a statement in the log. The log itself does not name columns, so rows
 * are read by the structure that the table has now; when that is not the one which the target last had rows in, and no
 * such statement has come in between, they are rows of before it, and would be read wrong.
 *
 * Rule kept: what was written to a table of the second site before its copy from the first one began is carried nowhere:
 * whoever empties a table to have it copied does not mean the rows of the other site.
 */
import { OtterError } from '../model/error.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { PastTable, SourcePort } from '../model/ports.ts';
import { coversGtid, parsePosition } from '../model/position.ts';
import {
  type AnnouncedTable,
  isBorn,
  type KnownTable,
  type RowChange,
  type TableShape,
  tableName,
} from '../model/row.ts';
import { placeOf } from '../replication/places.ts';
import { isSupposed, plainStructure, structureOf, supposed } from './recorded-structure.ts';
import type { Routes } from './routes.ts';

export interface AnnouncementsOptions {
  readonly spec: () => PipelineSpec;
  /** Of the channel that the spec is of. */
  readonly generation: () => number;
  readonly source: SourcePort;
  /** The tables that the target was told of before. */
  readonly known: Readonly<Record<string, KnownTable>>;
  /** From where on a table counts, as `KnownTable.since` of the pipeline in the other direction; undefined: not yet. */
  readonly since: (table: { readonly schema: string; readonly name: string }) => string | null | undefined;
  readonly routes: Routes;
  /** Whether a table has left, and rows of it are still carried. */
  readonly leaves: (name: string) => boolean;
  /** Whether the table came into being at the target and was made here by the opposite pipeline: nothing is to be copied. */
  readonly cameBack: (table: { readonly schema: string; readonly name: string }) => Promise<boolean>;
}

/** A table as it was at a place of the log. */
export interface KnownAt {
  readonly past: PastTable;
  readonly position: string;
}

const LEFT = -1;

export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #told = new Map<string, TableShape>();
  /** In which stay each was told. */
  readonly #stays = new Map<string, number>();
  /** Tables that were told while rows of another structure may still come, for all that is known: they are told once more then. */
  readonly #doubtful = new Set<string>();
  /** The structure that rows come in, as it is recorded; absent: a statement has changed it, or nothing is known. */
  readonly #structures: Map<string, string>;
  /** Tables that were made while their log was read: all their rows are in it. */
  readonly #born = new Set<string>();
  /** One that was found to be told. */
  #sure: TableShape | null = null;
  #counting = new WeakSet<TableShape>();
  /** Tables that are told when their copy begins, and of which nothing counts before. */
  readonly #held = new Set<string>();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
    const known = Object.entries(options.known);
    this.#structures = new Map(known.map(([name, { structure }]) => [name, structure]));
    for (const [name, { since }] of known) if (isBorn(since)) this.#born.add(name);
  }

  get(name: string): TableShape | undefined {
    return this.#told.get(name);
  }

  /** Whether the target knows nothing of a table of this name. */
  strange(table: { readonly schema: string; readonly name: string }): boolean {
    const name = tableName(table);
    return !this.#told.has(name) && !this.#structures.has(name);
  }

  /**
   * Whether there is no table of this name here that the other site could have too: none was told or has come from there.
   * @param looked all tables that were there have been told
   */
  absent(table: { readonly schema: string; readonly name: string }, looked: boolean): boolean {
    const { spec, since } = this.#options;
    if (!this.strange(table) || (spec().reverse !== null && since(table) !== undefined)) return false;
    // One that was made since would have been told too, if it were there still.
    return looked || this.#born.has(tableName(table));
  }

  get all(): readonly TableShape[] {
    return [...this.#told.values()];
  }

  /** Whatever the case of its letters. */
  ofSchema(schema: string): TableShape[] {
    return [...this.#told.values()].filter((table) => sameLetters(table.schema, schema));
  }

  /** Whatever the case of its letters. */
  named({ schema, name }: { readonly schema: string; readonly name: string }): TableShape[] {
    return this.ofSchema(schema).filter((table) => sameLetters(table.name, name));
  }

  hold(name: string): void {
    this.#held.add(name);
  }

  giveUp(name: string): void {
    this.#held.delete(name);
  }

  holds(name: string): boolean {
    return this.#held.has(name);
  }

  told({ table, structure, stay }: Pick<AnnouncedTable, 'structure' | 'stay'> & { readonly table: TableShape }): void {
    const name = tableName(table);
    this.#sure = null;
    this.#held.delete(name);
    this.#told.set(name, table);
    this.#stays.set(name, stay);
    if (structure !== null) this.#structures.set(name, structure);
    if (structure === null || isSupposed(structure)) this.#doubtful.add(name);
    else this.#doubtful.delete(name);
  }

  /** These tables have just been made. */
  made(tables: readonly { readonly schema: string; readonly name: string }[]): void {
    for (const table of tables) this.#born.add(tableName(table));
  }

  /** The changes that count. */
  counted(changes: readonly RowChange[], gtid: string): readonly RowChange[] {
    const { reverseCopies, joinsLate } = this.#options.spec();
    if (!reverseCopies && !joinsLate && this.#held.size === 0) return changes;
    let early: Set<TableShape> | null = null as Set<TableShape> | null;
    let last: TableShape | null = null;
    for (const { table } of changes) {
      if (table === last) continue;
      last = table;
      if (this.#counts(table, gtid)) continue;
      early ??= new Set();
      early.add(table);
    }
    return early === null ? changes : changes.filter(({ table }) => !early.has(table));
  }

  /** Whether what is done to the table in this transaction counts. */
  countsFor(table: { readonly schema: string; readonly name: string }, gtid: string): boolean {
    const { since } = this.#options;
    if (this.#held.has(tableName(table))) return false;
    if (this.#born.has(tableName(table)) || !this.#joins(table)) return true;
    const from = since(table);
    return from === null || (from !== undefined && !coversGtid(parsePosition(from), gtid));
  }

  /** Whether it counts only from a place in the log on. */
  #joins({ schema, name }: { readonly schema: string; readonly name: string }): boolean {
    const { spec, leaves } = this.#options;
    const { reverseCopies, joinsLate } = spec();
    if (reverseCopies || leaves(tableName({ schema, name }))) return true;
    return joinsLate && (placeOf(spec(), schema, name)?.stay ?? 0) > 0;
  }

  /** A statement has changed these tables: what comes now is in the structure they have now. */
  changed(tables: readonly { readonly schema: string; readonly name: string }[]): void {
    this.#sure = null;
    for (const table of tables) {
      this.#structures.delete(tableName(table));
      this.#doubtful.add(tableName(table));
    }
  }

  /** Forgets tables that the pipeline has no more, or that have left and come back, and returns their names. */
  forgetLeft(): readonly string[] {
    const { leaves } = this.#options;
    const spec = this.#options.spec();
    const left = [...this.#told].filter(
      ([told, { schema, name }]) => !leaves(told) && placeOf(spec, schema, name)?.stay !== this.#stays.get(told),
    );
    const counting = [...this.#told.values()].filter((table) => leaves(tableName(table)) && this.#counting.has(table));
    this.#counting = new WeakSet(counting);
    for (const [name] of left) this.#forget(name);
    return left.map(([name]) => name);
  }

  /** Tables of these changes that travel and were not told, or not in this shape. */
  missing(changes: readonly RowChange[]): TableShape[] {
    let news: TableShape[] | null = null;
    let last: TableShape | null = null;
    for (const { table } of changes) {
      if (table === last) continue;
      last = table;
      if (this.#options.routes.of(table) === null || this.#isTold(table) || news?.includes(table)) continue;
      news ??= [];
      news.push(table);
    }
    return news ?? [];
  }

  /**
   * What to tell, `null` when this shape was told; `copies`: existing rows are to be copied. Null: it does not travel.
   * @param rows whether rows in this shape come next
   * @throws OtterError OT4030 when those rows are older than it
   */
  async of(
    table: TableShape,
    rows: boolean,
    known: KnownAt | null = null,
  ): Promise<{ announced: AnnouncedTable | null; copies: boolean } | null> {
    const { spec, generation, source, routes, cameBack, leaves } = this.#options;
    const route = routes.of(table);
    if (route === null) return null;
    const leaving = leaves(tableName(table));
    const copies = !leaving && spec().initial === 'copy' && !(await cameBack(table));
    const present = structureOf(table);
    if (this.#isTold(table)) {
      this.#structures.set(tableName(table), present);
      return { announced: null, copies };
    }
    const recorded = this.#structures.get(tableName(table));
    const fits = recorded === undefined || plainStructure(recorded) === present;
    if (rows && !fits) throw changedSince(table, spec().source);
    const create = known === null ? await source.createStatements(table, this.#keeps) : this.created(known.past);
    const rowsEstimate = await source.estimateRows(table.schema, table.name);
    const sure = rows || recorded === present || spec().role !== 'one-way' || spec().ddl === 'replicate';
    const structure = fits ? (sure ? present : supposed(present)) : null;
    // Of one that leaves nothing is recorded any more, whatever its stay was.
    const stay = placeOf(spec(), table.schema, table.name)?.stay ?? this.#stays.get(tableName(table)) ?? LEFT;
    const definition = known === null ? {} : { definition: { create: known.past.create, position: known.position } };
    const common = { table: route.shape, create, copies, rowsEstimate, ...definition };
    return { announced: { ...common, structure, stay, generation: generation(), later: false, complete: 0 }, copies };
  }

  /** How the table was made, for a target. */
  created(past: PastTable): string {
    return this.#options.source.createStatementOf(past, this.#keeps);
  }

  readonly #keeps = (schema: string, name: string): boolean => this.#options.routes.ruleOf(schema, name) !== null;

  /** The table is gone, or goes on under another name. */
  drop(name: string): void {
    this.#forget(name);
    this.#held.delete(name);
  }

  #forget(name: string): void {
    this.#sure = null;
    this.#stays.delete(name);
    this.#told.delete(name);
    this.#structures.delete(name);
    this.#born.delete(name);
    this.#doubtful.delete(name);
  }

  /** Once a table counts it does until it leaves: what is read comes in the order of the log. */
  #counts(table: TableShape, gtid: string): boolean {
    if (this.#held.has(tableName(table))) return false;
    if (this.#counting.has(table)) return true;
    if (this.#options.routes.of(table) !== null && !this.countsFor(table, gtid)) return false;
    this.#counting.add(table);
    return true;
  }

  /** Asked of every transaction, nearly always of the same table: its name is not put together each time. */
  #isTold(table: TableShape): boolean {
    if (table === this.#sure) return true;
    const name = tableName(table);
    const told = this.#told.get(name) === table && !this.#doubtful.has(name);
    if (told) this.#sure = table;
    return told;
  }
}

function changedSince(table: TableShape, source: string): OtterError {
  const name = tableName(table);
  return new OtterError(
    'OT4030',
    `the structure of ${name} at ${source} was changed after rows that are still to be read`,
    {
      where: { table: name },
      hint: 'The log does not say what their columns were. Copy the table again: `otter explain OT4030` says how.',
    },
  );
}

function sameLetters(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}
