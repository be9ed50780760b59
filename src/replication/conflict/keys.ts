/**
 * What two writes can collide in: a row's primary key, and each value of each unique key. Both become texts, *lock
 * keys*, that are equal exactly when the serialiser's server would call the keys equal.
 *
 * Rule kept: the text of a key depends on nothing but the table's name at the serialiser, the key's name and its
 * values, so the log's reader (rows of a `TableShape`) and the loader (rows of a `LoadTable`) come to the same text,
 * and a text that was written into the log still means the same after a restart. A unique key with a NULL in it
 * collides with nothing and has no text.
 */
import type { LoadTable } from '../../model/load.ts';
import type { ColumnShape, Image, TableShape } from '../../model/row.ts';

/**
 * A text of a column as the server compares it: equal texts for values that its collation calls equal, different ones
 * for all others. Coarser than the server would make two rows one, finer would miss a collision.
 */
export type Fold = (column: ColumnShape, value: string) => string;

/** How the lock keys of one table are spelled. */
interface Spelling {
  readonly columns: readonly ColumnShape[];
  readonly row: Part;
  readonly uniques: readonly Part[];
}

interface Part {
  readonly prefix: string;
  readonly columns: readonly number[];
}

export class LockKeys {
  readonly #fold: Fold | null;
  readonly #spellings = new WeakMap<TableShape | LoadTable, Spelling>();

  constructor(fold?: Fold) {
    this.#fold = fold ?? null;
  }

  /** The lock key of a row's primary key. */
  row(table: TableShape | LoadTable, image: Image): string {
    const { row, columns } = this.#spelling(table);
    return this.#text(row, columns, image)!;
  }

  /** The lock keys of a row's unique values. */
  uniques(table: TableShape | LoadTable, image: Image): string[] {
    const locks: string[] = [];
    this.#addUniques(this.#spelling(table), image, locks);
    return locks;
  }

  /** Everything a change from `before` to `after` touches: old and new key, old and new unique values, each once. */
  touched(table: TableShape | LoadTable, before: Image | null, after: Image | null): string[] {
    const spelling = this.#spelling(table);
    const locks: string[] = [];
    for (const image of [before, after]) {
      if (image === null) continue;
      const row = this.#text(spelling.row, spelling.columns, image)!;
      if (!locks.includes(row)) locks.push(row);
      this.#addUniques(spelling, image, locks);
    }
    return locks;
  }

  #addUniques({ uniques, columns }: Spelling, image: Image, locks: string[]): void {
    for (const unique of uniques) {
      const text = this.#text(unique, columns, image);
      if (text !== null && !locks.includes(text)) locks.push(text);
    }
  }

  /** Values are preceded by their lengths, so that no two lists of values run together to one text. */
  #text(part: Part, columns: readonly ColumnShape[], image: Image): string | null {
    let text = part.prefix;
    for (const index of part.columns) {
      const value = image[index] ?? null;
      if (value === null) return null;
      const column = columns[index]!;
      const folded = this.#fold !== null && column.collation !== null ? this.#fold(column, value) : plain(value);
      text += `${folded.length}:${folded}`;
    }
    return text;
  }

  #spelling(table: TableShape | LoadTable): Spelling {
    let spelling = this.#spellings.get(table);
    if (spelling === undefined) {
      spelling = spell(table);
      this.#spellings.set(table, spelling);
    }
    return spelling;
  }
}

/** A FLOAT or DOUBLE that is zero has two spellings, of which a server makes no difference. */
function plain(value: string): string {
  return value === '-0e0' || value === '-0' ? value.slice(1) : value;
}

function spell(table: TableShape | LoadTable): Spelling {
  const loaded = 'target' in table;
  const { schema, name } = loaded ? table.target : table;
  const prefix = `${schema.length}:${schema}${name.length}:${name}`;
  return {
    columns: table.columns,
    row: { prefix: `${prefix}p`, columns: loaded ? table.key : table.primaryKey },
    uniques: table.uniques.map((unique) => ({
      prefix: `${prefix}u${unique.name.length}:${unique.name}`,
      columns: unique.columns,
    })),
  };
}
