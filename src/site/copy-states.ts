/** How the copies of one pipeline's tables stand at its target, by source table. */
import type { CopyState, LoadTable } from '../model/load.ts';
import { type TableShape, tableName } from '../model/row.ts';

export class CopyStates {
  readonly #states: Map<string, CopyState>;
  readonly #announced = new Set<string>();
  /** Tables that will join when their copy begins. */
  readonly #expected = new Set<string>();
  /** Tables of which rows came by the log, or may have come before this began, though their copies have not begun. */
  readonly #touched: Set<string>;
  #whole: boolean;

  constructor(states: readonly CopyState[]) {
    this.#states = new Map(states.map((state) => [state.table, state]));
    this.#touched = new Set(this.#states.keys());
    this.#whole = this.#allDone();
  }

  get all(): readonly CopyState[] {
    return [...this.#states.values()];
  }

  /** True while existing rows of some table are not all here. */
  get copying(): boolean {
    return !this.#whole || this.#expected.size > 0;
  }

  has(table: string): boolean {
    return this.#states.has(table);
  }

  get(table: string): CopyState | undefined {
    return this.#states.get(table);
  }

  record(state: CopyState): void {
    this.#states.set(state.table, state);
    this.#whole = this.#allDone();
  }

  delete(tables: readonly string[]): void {
    for (const table of tables) this.#states.delete(table);
    this.#whole = this.#allDone();
  }

  expect(table: string, comes: boolean): void {
    if (comes) this.#expected.add(table);
    else this.#expected.delete(table);
  }

  announced(table: string): void {
    this.#announced.add(table);
    this.#expected.delete(table);
  }

  /** Of the tables that are to come, only these still are. */
  keepExpected(stays: (table: string) => boolean): void {
    for (const table of this.#expected) if (!stays(table)) this.#expected.delete(table);
  }

  /** Rows of the table come by the log. */
  touch(table: string): void {
    if (!this.#whole) this.#touched.add(table);
  }

  /** Every table that the source has was announced: drops those that are gone, in whose copies is nothing to come. */
  dropUnannounced(): readonly string[] {
    const gone = this.all.flatMap(({ table, done }) => (done || this.#announced.has(table) ? [] : [table]));
    this.delete(gone);
    return gone;
  }

  /** Whether rows of a table that refers to this one may have been copied; `orTouched`: or have come by the log. */
  childrenCopied(parent: LoadTable, tables: ReadonlyMap<TableShape, LoadTable>, orTouched: boolean): boolean {
    const begun = new Map<string, boolean>();
    for (const [shape, { target }] of tables) {
      const name = tableName(shape);
      const copy = this.#states.get(name);
      const copied = copy === undefined || copy.done || copy.rowsDone > 0 || this.#parentsWhole(shape);
      begun.set(tableName(target), copied || (orTouched && this.#touched.has(name)));
    }
    return parent.target.referencedBy.some((child) => begun.get(child) ?? true);
  }

  /** Then the server can follow each of its rows, whether it was copied or came by the log. */
  #parentsWhole(child: TableShape): boolean {
    return child.foreignKeys.every(({ parentSchema, parentTable }) => {
      const parent = tableName({ schema: parentSchema, name: parentTable });
      return this.#states.get(parent)?.done ?? parent !== tableName(child);
    });
  }

  #allDone(): boolean {
    for (const { done } of this.#states.values()) if (!done) return false;
    return true;
  }
}
