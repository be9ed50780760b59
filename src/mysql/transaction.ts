/**
 * The transaction that a log is in, and the items that come of it.
 *
 * Rule kept: nothing is delivered as whole before the log says that it was committed; parts of a large transaction say
 * that they are parts. What is prepared and undecided is held back; what cannot be told from the log (rolled back in part) is
 * refused.
 */
import { OtterError } from '../model/error.ts';
import type { LogItem, Statement } from '../model/ports.ts';
import { type RowChange, type TableShape, tableName } from '../model/row.ts';
import type { GtidEvent } from './events.ts';
import { backwards } from './log-refusals.ts';
import type { NamedTable } from './reach.ts';
import { FileTrack, type PositionTrack, trackPosition } from './track.ts';

/** So many transactions are passed at most without a word. */
const PASSED_MAX = 4096;

const NONE: readonly number[] = [];

/** Rough cost of an item beside its rows. */
const ITEM_BYTES = 200;

interface Part {
  readonly changes: readonly RowChange[];
  /** Rough, in memory. */
  readonly bytes: number;
}

type Unreadable = Omit<Extract<LogItem, { kind: 'unreadable' }>, 'kind' | 'gtid'>;

/** What is in an XA transaction that is not decided. */
export interface Held {
  readonly parts: readonly Part[];
  readonly unreadable: readonly Unreadable[];
  readonly tables: readonly TableShape[];
  readonly bytes: number;
}

/** The same while it grows. */
interface Holding {
  parts: Part[];
  readonly unreadable: Unreadable[];
  bytes: number;
  /** There was too much, and it is gone. */
  lost: boolean;
}

const NO_CHANGES: RowChange[] = [];

export class Transactions {
  readonly #partBytes: number;
  readonly #heldBytesMax: number;
  readonly #track: PositionTrack;
  #items: LogItem[] = [];
  #itemBytes = 0;
  #gtid: GtidEvent | null = null;
  /** Ends with a commit; else with its first statement. */
  #open = false;
  /** The log up to and including the present transaction. */
  #position = '';
  /** The log before it. */
  #before: string;
  /** Where it ends in its file, which is its name where there are no GTIDs; else null. */
  #end: number | null = null;
  /** Never added to while it is empty, see `add`. */
  #changes = NO_CHANGES;
  #changeBytes = 0;
  #parts = 0;
  /** Of an XA transaction. */
  #holding: Holding | null = null;
  /** Commit times of the transactions since the last item. */
  #passed: number[] = [];

  /** @param heldBytesMax rough bytes of an undecided transaction that are kept */
  constructor(from: string, partBytes: number, heldBytesMax: number) {
    this.#partBytes = partBytes;
    this.#heldBytesMax = heldBytesMax;
    this.#track = trackPosition(from);
    this.#before = this.#track.text;
  }

  get gtid(): string | null {
    return this.#gtid?.gtid ?? null;
  }

  /** The log up to the present transaction. */
  get before(): string {
    return this.#before;
  }

  get itemCount(): number {
    return this.#items.length;
  }

  /** Rough size of what waits to be taken, the open transaction included. */
  get bytes(): number {
    return this.#itemBytes + this.#changeBytes;
  }

  takeItems(): readonly LogItem[] {
    const items = this.#items;
    this.#items = [];
    this.#itemBytes = 0;
    return items;
  }

  /** Whether transactions are named by where they end in which file. */
  get byFile(): boolean {
    return this.#track instanceof FileTrack;
  }

  /** A file begins, or is gone on with. @throws OtterError OT4020 when it is another of the same name */
  enter(file: string, made: number): void {
    if (this.#track instanceof FileTrack) this.#track.enter(file, made);
  }

  /**
   * A new one begins. That the last had no end is harmless only when nothing of it was delivered.
   * @param end where it will end in its file, if that is its name
   */
  begin(gtid: GtidEvent, end: number | null): void {
    if (this.#hasRows || (this.#holding?.bytes ?? 0) > 0)
      throw new OtterError('OT4034', 'a transaction in the log has no end');
    if (this.#gtid !== null) this.#close();
    // Whoever goes on from a position takes this one for done.
    if (this.#track.passed(gtid)) throw backwards(gtid.gtid, this.#track.text);
    this.#gtid = gtid;
    this.#open = gtid.opens;
    this.#end = end;
    this.#position = this.#track.pass(gtid);
    this.#passed.push(gtid.commitUs);
  }

  /** BEGIN, or what stands for it: more follows, up to a commit. */
  keepOpen(): void {
    this.#open = true;
  }

  /** What comes now of the present transaction is not kept: there was too much of it. */
  get drops(): boolean {
    return this.#holding?.lost === true;
  }

  /** A row of the present transaction; `added` follows. Most have one, and an array of one is not made for more. */
  add(change: RowChange): void {
    if (this.#changes.length === 0) this.#changes = [change];
    else this.#changes.push(change);
  }

  /** @param bytes rough size in memory of what was put into `changes` */
  added(bytes: number): void {
    this.#changeBytes += bytes;
    if (this.#changeBytes >= this.#partBytes) this.#part();
  }

  /** What follows is not delivered before `release` and `adopt`. */
  hold(): void {
    this.#holding ??= { parts: [], unreadable: [], bytes: 0, lost: false };
  }

  /** What was held back of the present transaction; null when it was too much. It goes on as others do. */
  release(): Held | null {
    const holding = this.#holding;
    if (holding !== null && this.#changes.length > 0) this.#keep(holding);
    this.#holding = null;
    if (holding === null || holding.lost) return null;
    const tables = new Set(holding.parts.flatMap(({ changes }) => changes.map(({ table }) => table)));
    return { ...holding, tables: [...tables] };
  }

  /** What another transaction held, or a part of it, is in the present one. */
  adopt({ parts, unreadable }: Pick<Held, 'parts' | 'unreadable'>): void {
    for (const { changes, bytes } of parts) {
      if (changes.length === 0) continue;
      if (this.#changes.length > 0) this.#deliver(false);
      this.#changes = [...changes];
      this.#changeBytes = bytes;
    }
    for (const { tables, error, gone } of unreadable) this.addUnreadable(tables, error, gone);
  }

  /** @param at where the log is behind the commit */
  commit(at: number): void {
    if (this.#holding !== null) throw new OtterError('OT4034', 'an XA transaction in the log ends as others do');
    if (this.#hasRows) {
      this.#mustEndAt(at);
      this.#deliver(true);
    } else if (this.#passed.length > PASSED_MAX) this.#deliver(true);
    this.#close();
  }

  /** A statement that commits by itself and that nobody needs to know of. */
  passStatement(): void {
    if (!this.#open) this.#close();
  }

  /**
   * A definition is a transaction of its own, except where a server logs it together with rows (CREATE TABLE … SELECT):
   * then it bears the position before the transaction, since the rows are still to come.
   */
  addStatement(said: Pick<Statement, 'schema' | 'sql' | 'plain' | 'history'>, at: number): void {
    const gtid = this.#requireGtid();
    if (!this.#open) this.#mustEndAt(at);
    this.#items.push({
      kind: 'statement',
      gtid: gtid.gtid,
      position: this.#open ? this.#before : this.#position,
      commitUs: gtid.commitUs,
      passed: this.#takePassed(),
      ...said,
    });
    this.#itemBytes += ITEM_BYTES + 2 * said.sql.length;
    this.passStatement();
  }

  /** Changes of the present transaction that cannot be told. @param tables wanted ones; null when it is not known which */
  addUnreadable(tables: readonly NamedTable[] | null, error: OtterError, gone: boolean): void {
    if (this.#holding !== null) {
      const told = this.#holding.unreadable.some((other) => nameAll(other.tables) === nameAll(tables));
      if (!told) this.#holding.unreadable.push({ tables, error, gone });
      return;
    }
    this.#items.push({ kind: 'unreadable', gtid: this.#requireGtid().gtid, tables, gone, error });
    this.#itemBytes += ITEM_BYTES;
  }

  /** Takes back the rows so far, and names their tables. Null when some were delivered already, and cannot be taken back. */
  takeBack(): readonly NamedTable[] | null {
    if (this.#parts > 0) return null;
    const changes = [...(this.#holding?.parts.flatMap((part) => part.changes) ?? []), ...this.#changes];
    if (this.#holding !== null) Object.assign(this.#holding, { parts: [], bytes: 0 });
    const tables = new Map(changes.map(({ table }) => [tableName(table), { schema: table.schema, name: table.name }]));
    this.#changes = NO_CHANGES;
    this.#changeBytes = 0;
    return [...tables.values()];
  }

  /** ROLLBACK, or XA PREPARE: nothing of it is left here. */
  end(): void {
    this.#close();
  }

  get #hasRows(): boolean {
    return this.#changes.length > 0 || this.#parts > 0;
  }

  /** The transaction is over: from here on its position is passed. */
  #close(): void {
    this.#gtid = null;
    this.#open = false;
    this.#parts = 0;
    this.#holding = null;
    this.#before = this.#track.text;
  }

  #part(): void {
    if (this.#holding === null) this.#deliver(false);
    else this.#keep(this.#holding);
  }

  #keep(holding: Holding): void {
    holding.parts.push({ changes: this.#changes, bytes: this.#changeBytes });
    holding.bytes += this.#changeBytes;
    this.#changes = NO_CHANGES;
    this.#changeBytes = 0;
    if (holding.bytes <= this.#heldBytesMax) return;
    holding.lost = true;
    holding.parts = [];
  }

  #deliver(last: boolean): void {
    const gtid = this.#requireGtid();
    const bytes = this.#changeBytes + ITEM_BYTES;
    this.#items.push({
      kind: 'rows',
      gtid: gtid.gtid,
      position: this.#position,
      commitUs: gtid.commitUs,
      passed: this.#takePassed(),
      first: this.#parts === 0,
      last,
      changes: this.#changes,
      bytes,
    });
    this.#itemBytes += bytes;
    this.#parts++;
    this.#changes = NO_CHANGES;
    this.#changeBytes = 0;
  }

  /** Of the transactions before the present one. */
  #takePassed(): readonly number[] {
    const passed = this.#passed;
    passed.pop();
    if (passed.length === 0) return NONE;
    this.#passed = [];
    return passed;
  }

  /** Its name, under which parts may have been delivered already, must have been true. */
  #mustEndAt(at: number): void {
    if (this.#end !== null && this.#end !== at)
      throw new OtterError('OT4034', `a transaction in the log was to end at ${this.#end} and ends at ${at}`);
  }

  #requireGtid(): GtidEvent {
    if (this.#gtid === null) throw new OtterError('OT4023', 'the log has a change without a GTID');
    return this.#gtid;
  }
}

function nameAll(tables: readonly NamedTable[] | null): string | null {
  return tables === null ? null : tables.map(tableName).join('\n');
}
