/**
 * Tables of a source as they are where a pipeline has come to in its log, where changes of tables are carried; nothing where they
 * are not.
 *
 * Rule kept: what a table is like at a place is what the last statement before it has made; who is told of a table while
 * a statement passes is told what it was like before that.
 */
import type { PastTable, Statement } from '../model/ports.ts';
import { sameShape, type TableShape, tableName } from '../model/row.ts';
import type { Announcements, KnownAt } from './announcements.ts';
import type { Telling } from './telling.ts';

export interface FollowedOptions {
  /** Tables as they were at `position`, where the pipeline begins; null: changes of them are not carried. */
  readonly past: ReadonlyMap<string, PastTable> | null;
  readonly position: string;
  readonly announcements: Announcements;
  readonly telling: Telling;
  readonly has: (schema: string, name: string) => boolean;
  readonly cameBack: (table: { readonly schema: string; readonly name: string }) => Promise<boolean>;
}

export class Followed {
  readonly #options: FollowedOptions;
  /** Tables as they are here, and since when. */
  readonly #known: Map<string, KnownAt>;

  constructor(options: FollowedOptions) {
    this.#options = options;
    const { past, position } = options;
    this.#known = new Map([...(past ?? [])].map(([name, each]) => [name, { past: each, position }]));
  }

  /** Whether changes of tables are carried. */
  get on(): boolean {
    return this.#options.past !== null;
  }

  get all(): readonly KnownAt[] {
    return [...this.#known.values()];
  }

  has(table: { readonly schema: string; readonly name: string }): boolean {
    return this.#known.has(tableName(table));
  }

  of(table: { readonly schema: string; readonly name: string }): KnownAt | null {
    return this.#known.get(tableName(table)) ?? null;
  }

  /** How the table was made, when it is in the log as it is here; else null. */
  now(table: TableShape): KnownAt | null {
    const known = this.of(table);
    if (known === null || !sameShape(known.past.shape, table)) return null;
    return { ...known, past: { ...known.past, shape: table } };
  }

  pass({ history, position }: Statement): void {
    for (const { schema, name, after } of history?.tables ?? []) {
      if (after === null) this.#known.delete(tableName({ schema, name }));
      else this.#known.set(tableName({ schema, name }), { past: after, position });
    }
  }

  /** A table that came from the target, and that nobody has written to here since, is told before it changes. */
  async introduce({ history }: Statement): Promise<void> {
    const { announcements, telling, has, cameBack } = this.#options;
    for (const { schema, name } of history?.tables ?? []) {
      const known = this.of({ schema, name });
      if (known === null || !has(schema, name) || !announcements.strange(known.past.shape)) continue;
      if (await cameBack(known.past.shape)) await telling.announce(known.past.shape, undefined, false, known);
    }
  }

  /** A table of the target's was made here: what it is like is told before it changes. */
  async made({ history, position }: Statement): Promise<void> {
    const { telling, has } = this.#options;
    for (const { schema, name, before, after } of history?.tables ?? []) {
      if (before !== null || after === null || !has(schema, name)) continue;
      await telling.announce(after.shape, undefined, false, { past: after, position });
    }
  }
}
