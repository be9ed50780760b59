/**
 * Which rows of a channel have a conflict here that waits for a person, known in memory so that asking costs nothing.
 *
 * Rule kept: everything that is open in `otter.conflict` is known here. A person closes records without asking who owns the
 * database, so what is known may be closed already: whoever decides asks the database again, within its window, which no decision falls into.
 */
import type { OpenConflict } from '../model/conflict.ts';
import type { TargetPort } from '../model/load.ts';
import type { TableShape } from '../model/row.ts';
import type { KnownKeys } from './known-keys.ts';

export class OpenConflicts {
  readonly #target: TargetPort;
  readonly #known: KnownKeys;
  /** Numbers of records by the lock key of their row. */
  #ids = new Map<string, number[]>();
  #size = 0;

  constructor(target: TargetPort, known: KnownKeys) {
    this.#target = target;
    this.#known = known;
  }

  /** Records. */
  get size(): number {
    return this.#size;
  }

  /** As the database has it. Nobody parks anything meanwhile. */
  async load(pipeline: string): Promise<void> {
    const found = await this.#target.openConflicts(pipeline);
    this.#ids = new Map();
    this.#size = 0;
    const shapes = new Map<string, TableShape | null>();
    for (const one of found) {
      const lock = await this.#lockOf(one, shapes);
      if (lock !== null) this.add(lock, one.id);
    }
  }

  of(lock: string): readonly number[] {
    return this.#ids.get(lock) ?? [];
  }

  add(lock: string, id: number): void {
    const ids = this.#ids.get(lock);
    if (ids === undefined) this.#ids.set(lock, [id]);
    else ids.push(id);
    this.#size += 1;
  }

  /** These are closed. No record is opened again. */
  drop(lock: string, closed: ReadonlySet<number>): void {
    const ids = this.of(lock);
    const left = ids.filter((id) => !closed.has(id));
    this.#size -= ids.length - left.length;
    if (left.length === 0) this.#ids.delete(lock);
    else this.#ids.set(lock, left);
  }

  /** A person has decided about the row, as this database's log says. */
  async check(lock: string): Promise<void> {
    const ids = this.of(lock);
    if (ids.length === 0) return;
    const open = new Set(await this.#target.stillOpen(ids));
    this.drop(lock, new Set(ids.filter((id) => !open.has(id))));
  }

  /** Null where the table is gone. */
  async #lockOf({ table, key }: OpenConflict, shapes: Map<string, TableShape | null>): Promise<string | null> {
    const name = `${table.schema}.${table.name}`;
    let shape = shapes.get(name);
    if (shape === undefined) {
      shape = await this.#target.shape(table.schema, table.name);
      shapes.set(name, shape);
    }
    if (shape === null) return null;
    const row = { table: shape, image: shape.columns.map((column) => key[column.name] ?? null) };
    await this.#known.learnt([row]);
    return this.#known.keys.row(shape, row.image);
  }
}
