/**
 * What the spoke is told of the rows that a window contested, each as the transaction leaves it.
 *
 * Rule kept: an answer is an entry of the index, for the row, for the unique values that were in dispute, and for those of
 * the row it shows; until the spoke has seen it, what it writes there is contested too, and answered again.
 */
import type { LoadTable } from '../../model/load.ts';
import type { Image, LoggedAnswer } from '../../model/row.ts';
import type { LockKeys } from './keys.ts';
import type { Rows } from './rows.ts';
import type { Columns, Settlement } from './settle.ts';

interface Asked {
  readonly table: LoadTable;
  readonly key: Image;
  readonly locks: Set<string>;
  lost: Columns;
  won: Columns;
}

const NO_COLUMNS: ReadonlySet<string> = new Set();

export class Answers {
  readonly #keys: LockKeys;
  readonly #asked = new Map<string, Asked>();

  constructor(keys: LockKeys) {
    this.#keys = keys;
  }

  /** Rows of these images are to be told; `locks` are what was in dispute. */
  add(
    table: LoadTable,
    images: readonly (Image | null)[],
    locks: readonly string[],
    { lost, won }: Pick<Settlement, 'lost' | 'won'>,
  ): void {
    for (const image of images) {
      if (image === null) continue;
      const row = this.#keys.row(table, image);
      let asked = this.#asked.get(row);
      if (asked === undefined) {
        asked = { table, key: image, locks: new Set([row]), lost: NO_COLUMNS, won: NO_COLUMNS };
        this.#asked.set(row, asked);
      }
      for (const lock of locks) asked.locks.add(lock);
      asked.lost = both(asked.lost, lost);
      asked.won = both(asked.won, won);
    }
  }

  plans(pipeline: string, rows: Rows): LoggedAnswer[] {
    return [...this.#asked.values()].map(({ table, key, locks, lost, won }) => {
      const image = rows.at(table, key);
      if (image !== null) for (const lock of this.#keys.uniques(table, image)) locks.add(lock);
      return {
        pipeline,
        table: table.target,
        key: table.key.map((index) => key[index]!),
        image: image === null ? null : fullImage(table, image),
        locks: [...locks],
        lost,
        won,
      };
    });
  }
}

/** A row in the order of the table's own columns. Generated ones are the server's business and stay null. */
export function fullImage(table: LoadTable, image: Image): Image {
  const at = new Map([...table.columns, ...table.extras].map(({ name }, index) => [name, index]));
  return table.target.columns.map(({ name }) => {
    const index = at.get(name);
    if (index === undefined) return null;
    // A row that is new has no extras yet.
    return (index < image.length ? image[index] : table.fills?.[name]) ?? null;
  });
}

function both(one: Columns, other: Columns): Columns {
  return one === null || other === null ? null : new Set([...one, ...other]);
}
