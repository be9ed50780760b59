/**
 * The serialiser's index of recent writes, kept from its own log: who wrote a key or unique value that the spoke may not
 * have seen yet. The rules that ask it are in `replication/conflict`.
 *
 * Rule kept: it holds everything since the position it began at, or it holds nothing and says so. Nothing that goes wrong
 * with it is thrown into the reader, to which others listen too.
 */
import { hash } from 'node:crypto';
import { OtterError } from '../model/error.ts';
import type { Spill } from '../model/key-store.ts';
import type { TargetPort } from '../model/load.ts';
import type { ConflictRule } from '../model/pipeline.ts';
import type { Logger, LogItem, Statement } from '../model/ports.ts';
import { covers, formatPosition, type Position, parsePosition } from '../model/position.ts';
import type { IndexFigures } from '../model/records.ts';
import type { Image, RowChange, TableShape } from '../model/row.ts';
import type { LockKeys } from '../replication/conflict/keys.ts';
import { noteAnswer, notedOf } from '../replication/conflict/noting.ts';
import { RecentWrites } from '../replication/conflict/recent.ts';
import type { Token } from '../replication/conflict/tokens.ts';
import { Versions } from '../replication/conflict/versions.ts';
import { type KeyedRow, KnownKeys, rowsOf } from './known-keys.ts';
import { changesOf, type LogListener, type ReadPart, type Unreadable } from './reader.ts';
import { UnseenChanges } from './unseen-changes.ts';

export interface IndexOptions {
  /** The pipeline from the spoke, whose changes are judged. */
  readonly pipeline: string;
  /** The pipeline to the spoke. */
  readonly reverse: string;
  /** Whether the channel has the table, by its name here. */
  readonly routes: (schema: string, table: string) => boolean;
  /** How conflicts of the table are decided, by its name here. */
  readonly ruleOf: (schema: string, table: string) => ConflictRule;
  readonly target: TargetPort;
  /** Of memory. */
  readonly limitBytes: number;
  readonly spill: Spill;
  readonly logger: Logger;
}

/** As text: a third of the time that a buffer takes. */
export const sha256 = (text: string): string => hash('sha256', text, 'binary');

export class SerialiserIndex implements LogListener {
  readonly #options: IndexOptions;
  readonly #known: KnownKeys;
  #recent: RecentWrites | null = null;
  #since: Position | null = null;
  /** What the spoke has seen last. */
  #seen: Position | null = null;
  /** Of rows that the transaction at hand applied for another spoke. */
  readonly #versions = new Versions();
  /** Of tables here, which the spoke has not seen. */
  readonly changes: UnseenChanges;
  /** Why there is nothing in it any more. */
  #lost: OtterError | null = null;

  constructor(options: IndexOptions) {
    this.#options = options;
    this.#known = new KnownKeys(options.target);
    this.changes = new UnseenChanges({ ruleOf: options.ruleOf });
  }

  get keys(): LockKeys {
    return this.#known.keys;
  }

  /** @throws OtterError OT5019 when it has outgrown its file, OT5032, or what is wrong with a change in the log. */
  get recent(): RecentWrites {
    this.#giveUpBroken();
    if (this.#recent !== null) return this.#recent;
    throw this.#lost ?? new Error(`the index of ${this.#options.pipeline} was asked before it began`);
  }

  /** The spoke has seen this much, and the window that says so is committed. */
  evict(token: Token): void {
    if (token !== null) {
      this.#seen = token;
      this.changes.seen(token);
    }
    this.#try(() => this.#recent?.evict(token));
  }

  /** Null while there is none. */
  figures(): IndexFigures | null {
    const recent = this.#recent;
    if (recent === null || recent.broken !== null) return null;
    return {
      entries: recent.size,
      bytes: recent.bytes,
      limitBytes: this.#options.limitBytes,
      fileBytes: recent.fileBytes,
      waitsFor: this.#options.reverse,
      since: formatPosition(this.#seen!),
    };
  }

  /** It holds nothing any more, on the disk neither. */
  close(): void {
    this.#empty();
  }

  /** Whether everything since `position` is in here, or was evicted with reason. */
  reachesBackTo(position: string): boolean {
    this.#giveUpBroken();
    return this.#since !== null && covers(parsePosition(position), this.#since);
  }

  /** Empty, noting everything behind `position`. */
  begin(position: string): void {
    const { limitBytes, spill } = this.#options;
    this.#empty();
    this.#since = parsePosition(position);
    this.#seen = this.#since;
    this.changes.begin(this.#since);
    this.#lost = null;
    this.#recent = new RecentWrites({ from: this.#since, limitBytes, digest: sha256, spill });
  }

  /** Where it began last, as it was told; null: it holds nothing. */
  get begun(): string | null {
    return this.#since === null ? null : formatPosition(this.#since);
  }

  /** What it holds was noted by other rules: it is filled again. Returns from where; null: it has not begun. */
  again(): string | null {
    if (this.#recent === null) return null;
    const from = formatPosition(this.#seen!);
    this.begin(from);
    return from;
  }

  part(part: ReadPart): void | Promise<void> {
    const recent = this.#recent;
    if (recent === null) return;
    const { pipeline, spill } = this.#options;
    if (part.first) this.#versions.clear();
    if (recent.full) {
      // Given up, not grown on: the loader says so when it asks, and begins anew from where the spoke stands then.
      const what = `the writes that ${pipeline} has not seen no longer fit into a file of ${spill.limitBytes} bytes`;
      const hint = 'Raise OTTER_INDEX_FILE_BYTES on the node and restart it.';
      this.#forget(new OtterError('OT5019', what, { where: { pipeline }, hint }));
      return;
    }
    this.#try(() => this.#noteOwn(recent, part));
    if (part.mark === pipeline) return;
    const changes = this.#routed(part.changes);
    if (changes.length === 0) return;
    const note = (): void =>
      this.#try(() => {
        for (const change of changes) this.#note(part, change);
      });
    const rows = rowsOf(changes);
    const learning = this.#known.learn(rows);
    if (learning === null) note();
    else return learning.then(() => this.learnt(rows)).then(note);
  }

  #noteOwn(recent: RecentWrites, part: ReadPart): void {
    const { pipeline, reverse, ruleOf } = this.#options;
    for (const row of part.own) {
      if (row.kind === 'answer' && row.pipeline === pipeline)
        noteAnswer(recent, part.gtid, row, ruleOf(row.schema, row.table));
      if (row.kind === 'watermark' && row.pipeline === reverse && row.level === 'high') {
        recent.note(part.gtid, 'chunk', row.keys, { stamp: { order: 0, clock: 0 }, columns: null, all: true });
      }
      if (row.kind === 'version' && row.pipeline !== pipeline) this.#versions.add(row.versions);
    }
  }

  #note({ gtid, clock }: ReadPart, change: RowChange): void {
    const { table } = change;
    const before = change.kind === 'insert' ? null : change.before;
    const after = change.kind === 'delete' ? null : change.after;
    const locks = this.keys.touched(table, before, after);
    const rule = this.#options.ruleOf(table.schema, table.name);
    const noted = notedOf(change, rule, clock, this.keys);
    if (this.#versions.size === 0) this.#recent?.note(gtid, 'local', locks, noted);
    else
      for (const [lock, version] of this.#versions.of(locks, noted)) this.#recent?.note(gtid, 'local', [lock], version);
  }

  /** Texts of a whole batch are asked for at once, not transaction by transaction. */
  ahead(items: readonly LogItem[]): Promise<void> | null {
    if (this.#recent === null) return null;
    const rows = rowsOf(this.#routed(changesOf(items)));
    return rows.length === 0 ? null : this.#known.learn(rows);
  }

  statement(statement: Statement): void {
    this.changes.note(statement);
  }

  broken(): void {}

  failed(): void {}

  /** What was written is not known, so it cannot be judged either. */
  unreadable({ gtid, tables, gone, error }: Unreadable): void {
    if (gone || this.#recent === null || this.#recent.noted(gtid)) return;
    if (tables !== null && !tables.some(({ schema, name }) => this.#options.routes(schema, name))) return;
    this.#forget(error);
  }

  moved(): void {
    // What was noted is skipped by its position when it comes again.
  }

  room(): null {
    return null;
  }

  /** Lock keys of rows about to be copied, for the high watermark. */
  async lockKeysOf(table: TableShape, rows: readonly Image[]): Promise<readonly string[]> {
    await this.learnt(rows.map((image) => ({ table, image })));
    return rows.flatMap((image) => this.keys.touched(table, null, image));
  }

  learnt(rows: readonly KeyedRow[]): Promise<void> {
    return this.#known.learnt(rows);
  }

  /** What its file refuses is the end of what it holds, whoever asked. */
  #try(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (this.#recent?.broken !== error) throw error;
      this.#giveUpBroken();
    }
  }

  #giveUpBroken(): void {
    const broken = this.#recent?.broken ?? null;
    if (broken !== null) this.#forget(broken);
  }

  #forget(why: OtterError): void {
    this.#empty();
    this.#lost = why;
    const { code, message: error } = why;
    this.#options.logger.warn('the index of recent writes is emptied', { code, error });
  }

  #empty(): void {
    this.#recent?.clear(this.#since!);
    this.#recent = null;
    this.#since = null;
    this.#seen = null;
  }

  #routed(changes: readonly RowChange[]): readonly RowChange[] {
    return changes.filter(({ table }) => this.#options.routes(table.schema, table.name));
  }
}
