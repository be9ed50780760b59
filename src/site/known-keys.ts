/**
 * Lock keys of rows at a site, as its server compares them: the sort keys of the texts in them are asked of the server
 * before, for many rows at once.
 */
import type { LoadTable, TargetPort } from '../model/load.ts';
import type { Image, RowChange, TableShape } from '../model/row.ts';
import { LockKeys } from '../replication/conflict/keys.ts';
import { SortKeys } from './sort-keys.ts';

/** A row and the table whose keys it has. */
export interface KeyedRow {
  readonly table: TableShape | LoadTable;
  readonly image: Image;
}

export class KnownKeys {
  readonly keys: LockKeys;
  readonly #sortKeys: SortKeys;
  /** Columns of a table's keys that are texts; most tables have none. */
  readonly #texts = new WeakMap<TableShape | LoadTable, readonly number[]>();

  constructor(target: TargetPort) {
    this.#sortKeys = new SortKeys(target);
    this.keys = new LockKeys(this.#sortKeys.fold);
  }

  /** On return the lock keys of these rows can be made at once; after a pause texts may have been forgotten again. */
  async learnt(rows: readonly KeyedRow[]): Promise<void> {
    for (let asked = this.learn(rows); asked !== null; asked = this.learn(rows)) await asked;
  }

  /** Sort keys of all texts that lock keys of these rows need; null when they are known. */
  learn(rows: readonly KeyedRow[]): Promise<void> | null {
    const compared = rows.filter(({ table }) => this.#textsOf(table).length > 0);
    if (compared.length === 0) return null;
    const texts = [...Map.groupBy(compared, ({ table }) => table)].flatMap(([table, list]) =>
      this.#textsOf(table).map((index) => ({
        collation: table.columns[index]!.collation!,
        values: list.flatMap(({ image }) => image[index] ?? []),
      })),
    );
    return this.#sortKeys.learn(texts);
  }

  #textsOf(table: TableShape | LoadTable): readonly number[] {
    let texts = this.#texts.get(table);
    if (texts === undefined) {
      const key = 'target' in table ? table.key : table.primaryKey;
      const columns = [...new Set([...key, ...table.uniques.flatMap((unique) => unique.columns)])];
      texts = columns.filter((index) => table.columns[index]!.collation !== null);
      this.#texts.set(table, texts);
    }
    return texts;
  }
}

export function rowsOf(changes: readonly RowChange[]): KeyedRow[] {
  return changes.flatMap((change) => {
    const { table } = change;
    const before = change.kind === 'insert' ? [] : [{ table, image: change.before }];
    return change.kind === 'delete' ? before : [...before, { table, image: change.after }];
  });
}
