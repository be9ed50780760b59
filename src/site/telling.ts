/**
 * How a pipeline's source tells the target of its tables: at their place in the log, or as soon as no transaction is under
 * way; at once, or when their copy begins.
 *
 * Rule kept: what is told belongs to no transaction of the log that it is no part of, and moves no position.
 */
import type { PipelineOpening } from '../model/ports.ts';
import { type AnnouncedTable, type Delivery, type Seen, type TableShape, tableName } from '../model/row.ts';
import type { Announcements, KnownAt } from './announcements.ts';

export interface TellingOptions {
  readonly announcements: Announcements;
  readonly opening: PipelineOpening;
  /** Whether a table that joins is told only when its copy begins. */
  readonly waits: (table: TableShape) => boolean;
  readonly push: (delivery: Delivery) => void;
}

/** Where in the log a delivery stands. */
export interface At {
  readonly gtid: string;
  readonly position: string;
  readonly seen: Seen;
  readonly clock: number;
}

type Changed = Extract<Delivery, { kind: 'definition' }>;

function textBytes(defined: { readonly create: string } | null): number {
  return (defined?.create.length ?? 0) * 2;
}

/** Word of a table that nothing more is to come of by its being told. */
const NEVER = {
  create: '',
  copies: false,
  rowsEstimate: 0,
  structure: null,
  stay: 0,
  generation: 0,
  later: true,
  complete: 0,
} as const;

export class Telling {
  readonly #options: TellingOptions;
  /** What came in the middle of a transaction. */
  #pending: Delivery[] = [];
  #inside = false;

  constructor(options: TellingOptions) {
    this.#options = options;
  }

  /** A transaction is under way whose rows have partly been handed on, or has ended. */
  inside(inside: boolean): void {
    this.#inside = inside;
    if (!inside && this.#pending.length > 0)
      for (const delivery of this.#pending.splice(0)) this.#options.push(delivery);
  }

  /**
   * @param at where it belongs in the log; it may be told anywhere else
   * @param rows whether rows in this shape come next
   * @returns whether existing rows of the table are to be copied
   * @throws OtterError OT4030 when those rows are older than it
   */
  async announce(table: TableShape, at?: At, rows = false, known: KnownAt | null = null): Promise<boolean> {
    const { announcements, waits } = this.#options;
    if (announcements.holds(tableName(table)) || waits(table)) return this.#hold(table);
    return this.#announce(table, at, rows, known);
  }

  /** A statement has just made the table. */
  async made(table: TableShape, gtid: string, known: KnownAt | null = null): Promise<boolean> {
    return this.announce(table, { ...this.#start(), gtid }, false, known);
  }

  /** A statement has changed tables that were told. */
  changed(at: At, what: Pick<Changed, 'said' | 'family' | 'changes' | 'returned'>): void {
    const bytes = what.changes.reduce((sum, { before, after }) => sum + textBytes(before) + textBytes(after), 256);
    this.#options.push({ ...at, kind: 'definition', ...what, bytes });
  }

  /** Rows of these tables come next, which the target was not told of, or not in this shape. */
  async beforeRows(
    tables: readonly TableShape[],
    at: At,
    joined: (table: TableShape) => void,
    known: (table: TableShape) => KnownAt | null,
  ): Promise<void> {
    const place = { ...at, gtid: '', position: this.#options.opening.position };
    // The same table in a new shape is announced again and copied no second time; the target knows.
    for (const table of tables) if (await this.announce(table, place, true, known(table))) joined(table);
  }

  /** The copy of a table that waited begins. */
  release(table: TableShape, known: KnownAt | null = null): Promise<boolean> {
    return this.#announce(table, undefined, false, known);
  }

  /** A table that waits is gone: it is not waited for any more. */
  giveUp(table: TableShape): void {
    this.#options.announcements.giveUp(tableName(table));
    this.#tell({ ...NEVER, table });
  }

  /** Every table of this generation has been told. Where there are none, the next beat says so. */
  complete(generation: number): void {
    const [table] = this.#options.announcements.all;
    if (table !== undefined) this.#tell({ ...NEVER, table, complete: generation });
  }

  /** The table is told when its copy begins, and only that it will be now: what its log has until then is in the copy. */
  async #hold(table: TableShape): Promise<boolean> {
    const { announcements } = this.#options;
    announcements.hold(tableName(table));
    const found = await announcements.of(table, false);
    if (found?.announced != null) this.#tell({ ...found.announced, create: '', later: true });
    return found?.copies === true;
  }

  async #announce(table: TableShape, at?: At, rows = false, known: KnownAt | null = null): Promise<boolean> {
    const { announcements } = this.#options;
    const found = await announcements.of(table, rows, known);
    if (found === null) return false;
    const { announced, copies } = found;
    if (announced === null) return copies;
    announcements.told({ ...announced, table });
    this.#tell(announced, at);
    return copies;
  }

  #tell(announced: AnnouncedTable, at?: At): void {
    const common = at ?? this.#start();
    const delivery: Delivery = { ...common, kind: 'table', announced, bytes: announced.create.length * 2 };
    if (at === undefined && this.#inside) this.#pending.push(delivery);
    else this.#options.push(delivery);
  }

  #start(): At {
    const { position, seen } = this.#options.opening;
    return { gtid: '', position, seen, clock: 0 };
  }
}
