/**
 * What must wait behind changes that were set aside, so that applying those later gives what their order would have given.
 *
 * A change *writes* the row it is about, by every key and unique value that the row had or gets; it *moves* those that appear or
 * go with it; and it *reads* the rows that its foreign keys name. Two changes may change places when neither writes what the
 * other writes, nor moves what the other reads. Rule kept: a change that may not change places with one that is set aside is set
 * aside too. So those that were applied meanwhile could as well have come before all that wait, and what waits is still in
 * order. (A table without a key has its whole rows for keys.)
 */
import type { LoadTable } from '../model/load.ts';
import type { ColumnShape, Image, TableShape, Value } from '../model/row.ts';
import { tableName } from '../model/row.ts';

/** What a change writes and reads, as texts that are equal exactly where the target would call the values equal. */
export interface Touch {
  readonly writes: readonly string[];
  /** Of these the ones that are not there both before and after. */
  readonly moves: readonly string[];
  readonly reads: readonly string[];
}

/** See `conflict/keys.ts`: texts as the target compares them. */
export type FoldText = (column: ColumnShape, value: string) => string;

/** The value of a column of a row by its name at the target; undefined where it does not travel. */
type ValueOf = (column: string) => Value | undefined;

interface Part {
  readonly prefix: string;
  readonly columns: readonly ColumnShape[];
}

interface Parts {
  readonly own: readonly Part[];
  readonly parents: readonly Part[];
  /** There is no primary key: all that travels is the key. */
  readonly whole: boolean;
}

const partsOf = new WeakMap<TableShape, Parts>();

function parts(table: TableShape): Parts {
  let known = partsOf.get(table);
  if (known === undefined) {
    known = {
      own: [table.primaryKey, ...table.uniques.flatMap(({ columns, partial }) => (partial ? [] : [columns]))].flatMap(
        (columns) => (columns.length === 0 ? [] : [ownPart(table, columns)]),
      ),
      parents: table.foreignKeys.map(({ columns, parentSchema, parentTable, parentColumns }) => {
        const pairs = columns.map((index, at) => ({ column: table.columns[index]!, name: parentColumns[at]! }));
        pairs.sort((a, b) => compare(a.name, b.name));
        const names = pairs.map(({ name }) => name);
        return {
          prefix: prefixOf({ schema: parentSchema, name: parentTable }, names),
          columns: pairs.map(({ column }) => column),
        };
      }),
      whole: table.primaryKey.length === 0,
    };
    partsOf.set(table, known);
  }
  return known;
}

function ownPart(table: TableShape, indexes: readonly number[]): Part {
  const columns = indexes.map((index) => table.columns[index]!).sort((a, b) => compare(a.name, b.name));
  return {
    prefix: prefixOf(
      table,
      columns.map(({ name }) => name),
    ),
    columns,
  };
}

/** Servers know columns in whatever letters. */
function prefixOf(table: { readonly schema: string; readonly name: string }, columns: readonly string[]): string {
  return JSON.stringify([tableName(table), columns.map((name) => name.toLowerCase())]);
}

function compare(a: string, b: string): number {
  const [one, other] = [a.toLowerCase(), b.toLowerCase()];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Columns of which the target must be asked how it compares their texts. */
export function comparedColumns(table: TableShape): ColumnShape[] {
  const { own, parents } = parts(table);
  const all = new Set([...own, ...parents].flatMap(({ columns }) => columns));
  return [...all].filter(({ collation }) => collation !== null);
}

/** @param names of the columns that travel */
export function touchOf(
  table: TableShape,
  { before, after }: { readonly before: ValueOf | null; readonly after: ValueOf | null },
  names: readonly string[],
  fold: FoldText,
): Touch {
  const { own, parents, whole } = parts(table);
  const keysOf = (row: ValueOf | null): Set<string> => {
    const keys = new Set<string>();
    if (row === null) return keys;
    for (const part of own) add(keys, part, row, fold);
    if (whole) keys.add(JSON.stringify([tableName(table), names.map((name) => row(name) ?? null)]));
    return keys;
  };
  const [had, has] = [keysOf(before), keysOf(after)];
  const reads = new Set<string>();
  for (const row of [before, after]) if (row !== null) for (const part of parents) add(reads, part, row, fold);
  const moves = [...had].filter((key) => !has.has(key)).concat([...has].filter((key) => !had.has(key)));
  return { writes: [...new Set([...had, ...has])], moves, reads: [...reads] };
}

function add(into: Set<string>, { prefix, columns }: Part, row: ValueOf, fold: FoldText): void {
  const values: string[] = [];
  for (const column of columns) {
    const value = row(column.name) ?? null;
    // With a NULL in it a key meets nothing; of what does not travel nothing is known.
    if (value === null) return;
    values.push(column.collation === null ? plain(value) : fold(column, value));
  }
  into.add(prefix + JSON.stringify(values));
}

/** A FLOAT or DOUBLE that is zero has two spellings, of which a server makes no difference. */
function plain(value: string): string {
  return value === '-0e0' || value === '-0' ? value.slice(1) : value;
}

/** Values of a loaded image by name. */
export function valuesOf(table: LoadTable, image: Image): ValueOf {
  const at = columnsAt(table);
  return (name) => {
    const index = at.get(name);
    return index === undefined ? undefined : (image[index] ?? null);
  };
}

const placesOf = new WeakMap<LoadTable, ReadonlyMap<string, number>>();

function columnsAt(table: LoadTable): ReadonlyMap<string, number> {
  let known = placesOf.get(table);
  if (known === undefined) {
    known = new Map(table.columns.map(({ name }, index) => [name, index]));
    placesOf.set(table, known);
  }
  return known;
}

/** What is set aside, by what it touches. */
export class Parked {
  readonly #touches = new Map<number, Touch>();
  readonly #by = { writes: new Ids(), moves: new Ids(), reads: new Ids() };

  get size(): number {
    return this.#touches.size;
  }

  get ids(): readonly number[] {
    return [...this.#touches.keys()];
  }

  /** @param id greater than all before it */
  add(id: number, touch: Touch): void {
    this.#touches.set(id, touch);
    for (const kind of KINDS) for (const text of touch[kind]) this.#by[kind].add(text, id);
  }

  drop(id: number): void {
    const touch = this.#touches.get(id);
    if (touch === undefined) return;
    this.#touches.delete(id);
    for (const kind of KINDS) for (const text of touch[kind]) this.#by[kind].drop(text, id);
  }

  /**
   * Those that a change with this touch must wait behind. Of several that wait for each other already, as all do that write the
   * same, only the last.
   */
  before({ writes, moves, reads }: Touch): number[] {
    const found = new Set<number>();
    for (const text of writes) for (const id of this.#by.writes.last(text)) found.add(id);
    for (const text of reads) for (const id of this.#by.moves.last(text)) found.add(id);
    for (const text of moves) for (const id of this.#by.reads.all(text)) found.add(id);
    return [...found].sort((a, b) => a - b);
  }
}

const KINDS = ['writes', 'moves', 'reads'] as const;

/** Numbers by text, each in the order in which they came. */
class Ids {
  readonly #ids = new Map<string, number[]>();

  add(text: string, id: number): void {
    const ids = this.#ids.get(text);
    if (ids === undefined) this.#ids.set(text, [id]);
    else ids.push(id);
  }

  drop(text: string, id: number): void {
    const left = this.all(text).filter((each) => each !== id);
    if (left.length === 0) this.#ids.delete(text);
    else this.#ids.set(text, left);
  }

  all(text: string): readonly number[] {
    return this.#ids.get(text) ?? [];
  }

  last(text: string): readonly number[] {
    return this.all(text).slice(-1);
  }
}
