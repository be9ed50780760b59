/**
 * What one pipeline has set aside at its target, known in memory so that asking costs nothing where nothing is.
 *
 * Rule kept: everything that is in `otter.dead_letter` of the pipeline is known here. People settle letters without asking who
 * owns the database, so what is known may be gone already: whoever sets aside behind one asks the database again, within its
 * window, which no settling falls into.
 */
import type { NamedImage } from '../model/conflict.ts';
import type { LoggedLetter } from '../model/dead-letter.ts';
import type { LoadSession, LoadTable, TargetPort } from '../model/load.ts';
import { sameShape, type TableShape, tableName, type Value } from '../model/row.ts';
import { comparedColumns, Parked, type Touch, touchOf, valuesOf } from '../replication/parking.ts';
import type { LoadChange } from '../replication/window.ts';
import { SortKeys } from './sort-keys.ts';

/** Rows may be long. */
const READ_AT_ONCE = 100;

export class DeadLetters {
  readonly #target: Pick<TargetPort, 'letters' | 'shape' | 'sortKeys'>;
  readonly #pipeline: string;
  readonly #sortKeys: SortKeys;
  #parked = new Parked();
  /** Tables of letters as they were looked at; null: there was none. */
  #shapes = new Map<string, TableShape | null>();
  /** Tables whose changes may have to wait: those with letters, and those that letters refer to. */
  #concerned = new Set<string>();
  /** Tables of letters as the source calls them. */
  #sources = new Set<string>();

  constructor(target: TargetPort, pipeline: string) {
    this.#target = target;
    this.#pipeline = pipeline;
    this.#sortKeys = new SortKeys(target);
  }

  get size(): number {
    return this.#parked.size;
  }

  /** Whether there are letters of a table of the source, as far as is known. */
  has(table: string): boolean {
    return this.size > 0 && this.#sources.has(table);
  }

  /** As the database has it. Nobody sets anything aside meanwhile. */
  async load(): Promise<void> {
    this.#parked = new Parked();
    this.#shapes = new Map();
    this.#concerned = new Set();
    this.#sources = new Set();
    for (let behind = 0; ; ) {
      const page = await this.#target.letters(this.#pipeline, behind, READ_AT_ONCE);
      for (const letter of page) await this.#know(letter);
      if (page.length < READ_AT_ONCE) return;
      behind = page.at(-1)!.id;
    }
  }

  /** What was settled since is forgotten. Between two windows. */
  async refresh(session: LoadSession): Promise<void> {
    if (this.size === 0) return;
    const left = new Set(await session.lettersLeft(this.#parked.ids));
    for (const id of this.#parked.ids) if (!left.has(id)) this.#parked.drop(id);
  }

  /** On return it can be told at once what these changes touch. What a table is like may have changed: then all is read again. */
  async ready(changes: readonly LoadChange[]): Promise<void> {
    const tables = new Set(changes.map(({ table }) => table));
    const other = ({ target }: LoadTable): boolean => {
      const known = this.#shapes.get(tableName(target));
      return known !== undefined && (known === null || !sameShape(known, target));
    };
    if ([...tables].some(other)) await this.load();
    for (const table of tables) {
      const rows = changes.flatMap((change) => (change.table === table ? imagesOf(change) : []));
      await this.#learn(table.target, rows);
    }
  }

  /** After `ready`. */
  touch({ table, before, after }: LoadChange): Touch {
    const rows = {
      before: before === null ? null : valuesOf(table, before),
      after: after === null ? null : valuesOf(table, after),
    };
    const names = table.columns.map(({ name }) => name);
    return touchOf(table.target, rows, names, this.#sortKeys.fold);
  }

  /** Whether any of the changes must wait, as far as is known. */
  async hold(changes: readonly LoadChange[]): Promise<boolean> {
    const concerned = changes.filter(({ table }) => this.#concerns(table));
    if (concerned.length === 0) return false;
    await this.ready(concerned);
    return concerned.some((change) => this.#parked.before(this.touch(change)).length > 0);
  }

  /** Numbers of the letters that a change must wait behind; within a window that has moved the checkpoint. */
  async before(touch: Touch, session: LoadSession): Promise<readonly number[]> {
    for (;;) {
      const known = this.#parked.before(touch);
      const left = new Set(await session.lettersLeft(known));
      if (left.size === known.length) return known;
      for (const id of known) if (!left.has(id)) this.#parked.drop(id);
    }
  }

  /** It was set aside, and that is committed. */
  add(id: number, { source, target }: LoadTable, touch: Touch): void {
    this.#parked.add(id, touch);
    this.#sources.add(tableName(source));
    this.#shapes.set(tableName(target), target);
    this.#concern(target);
  }

  #concerns({ target }: LoadTable): boolean {
    const named = (name: string): boolean => this.#concerned.has(name);
    return named(tableName(target)) || parentsOf(target).some(named);
  }

  #concern(table: TableShape): void {
    for (const name of [tableName(table), ...parentsOf(table)]) this.#concerned.add(name);
  }

  async #know({ id, table, sourceTable, before, after }: LoggedLetter): Promise<void> {
    this.#sources.add(sourceTable);
    const name = tableName(table);
    let shape = this.#shapes.get(name);
    if (shape === undefined) {
      shape = await this.#target.shape(table.schema, table.name);
      this.#shapes.set(name, shape);
    }
    // What comes of a table that is gone stops its pipeline.
    if (shape === null) return this.#parked.add(id, { writes: [], moves: [], reads: [] });
    this.#concern(shape);
    const rows = [before, after].flatMap((row) => (row === null ? [] : [namedValues(row)]));
    await this.#learn(shape, rows);
    const images = { before: before && namedValues(before), after: after && namedValues(after) };
    this.#parked.add(id, touchOf(shape, images, Object.keys(after ?? before!), this.#sortKeys.fold));
  }

  async #learn(table: TableShape, rows: readonly ((name: string) => Value | undefined)[]): Promise<void> {
    const texts = comparedColumns(table).map((column) => ({
      collation: column.collation!,
      values: rows.flatMap((row) => row(column.name) ?? []),
    }));
    for (let asked = this.#sortKeys.learn(texts); asked !== null; asked = this.#sortKeys.learn(texts)) await asked;
  }
}

function namedValues(row: NamedImage): (name: string) => Value | undefined {
  return (name) => (Object.hasOwn(row, name) ? row[name] : undefined);
}

function imagesOf({ table, before, after }: LoadChange): ((name: string) => Value | undefined)[] {
  return [before, after].flatMap((image) => (image === null ? [] : [valuesOf(table, image)]));
}

function parentsOf({ foreignKeys }: TableShape): string[] {
  return foreignKeys.map(({ parentSchema, parentTable }) => `${parentSchema}.${parentTable}`);
}
