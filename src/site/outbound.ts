/**
 * One pipeline as its source sees it: extract stage.
 *
 * It takes what the reader hands on from the pipeline's own position, withholds what came through the opposite pipeline
 * (but not the answers in it), cuts rows to the columns that travel, and puts them into a queue bounded in bytes.
 * Rule kept: everything after the cursor is delivered once, in log order, and a table is announced before its first row.
 */
import { DeliveryQueue } from '../model/delivery-queue.ts';
import { OtterError } from '../model/error.ts';
import { letGo } from '../model/forget-rows.ts';
import { OWN_STATEMENT } from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import type { LogEnd, PastTable, PipelineOpening, PipelineStream, Statement } from '../model/ports.ts';
import { coversGtid, type Position } from '../model/position.ts';
import type { ResyncRequest } from '../model/resync.ts';
import { type Delivery, type RowChange, type Seen, sameShape, type TableShape, tableName } from '../model/row.ts';
import type { Announcements, AnnouncementsOptions, KnownAt } from './announcements.ts';
import { type AnswerRow, Carried, type CarriedOptions } from './carried.ts';
import { Carrying, type Moved } from './carrying.ts';
import { Chunks } from './chunks.ts';
import { Decided } from './decided.ts';
import { Definitions } from './definitions.ts';
import { Followed } from './followed.ts';
import { LogCursor } from './log-cursor.ts';
import type { FeedMeter } from './meters.ts';
import type { LogListener, ReadPart, StatementAt, Unreadable } from './reader.ts';
import { reread } from './reread.ts';
import { isReturned, Kept } from './returns.ts';
import { type Limits, slowed } from './slowing.ts';
import { type At, Telling } from './telling.ts';

export interface OutboundOptions extends Pick<AnnouncementsOptions, 'source' | 'known' | 'since' | 'cameBack'> {
  readonly spec: PipelineSpec;
  /** Of its channel. */
  readonly generation: number;
  readonly site: string;
  readonly opening: PipelineOpening;
  /** Tables that the pipeline has no more and that its target still takes rows of. */
  readonly leaving: { readonly rules: ReadonlyMap<string, TableRule>; readonly end: LogEnd } | null;
  /** Whether a table that joins is told only when its copy begins. */
  readonly waits: (table: TableShape) => boolean;
  /** Tables as they were where it begins; null where no changes of them are carried. */
  readonly past: ReadonlyMap<string, PastTable> | null;
  readonly onClose: () => void;
  readonly making: CarriedOptions['making'];
  readonly limits: Limits;
  readonly meter: FeedMeter;
}

/** Deliveries waiting for the link or the loader; the reader is held above this. */
const QUEUE_BYTES = 2 << 20;

export class Outbound implements LogListener, PipelineStream {
  readonly opening: PipelineOpening;
  readonly #options: OutboundOptions;
  readonly #queue = new DeliveryQueue({ bytesMax: QUEUE_BYTES });
  readonly #cursor: LogCursor;
  readonly #carried: Carried;
  readonly #announcements: Announcements;
  readonly #definitions: Definitions;
  readonly telling: Telling;
  readonly #followed: Followed;
  #sent = false;
  readonly #kept = new Kept();
  readonly #decided = new Decided();
  readonly #ended = new AbortController();
  readonly #taken = Promise.withResolvers<void>();
  readonly chunks: Chunks;
  /** Where the log ended when all tables had been told. */
  #looked: Position | null = null;
  #later: { readonly until: Position; readonly work: () => Promise<void> } | null = null;
  /** Called with what somebody wants sent again, be it nothing of this pipeline. */
  onResync: ((request: ResyncRequest) => void) | null = null;
  /** Called when a table joined while the pipeline runs. */
  onTable: ((table: TableShape) => void) | null = null;
  /** Called with the name of a table that left. */
  onLeave: ((name: string) => void) | null = null;
  /** Called with tables that go on under other names. */
  onMove: ((moves: readonly Moved[]) => void) | null = null;

  constructor(options: OutboundOptions) {
    const { leaving, source, opening } = options;
    this.#options = options;
    this.opening = opening;
    this.#cursor = new LogCursor(opening);
    this.#carried = new Carried({
      ...options,
      leaving: leaving === null ? null : { rules: leaving.rules, until: this.#cursor.placeOf(leaving.end) },
      left: (name) => this.onLeave?.(name),
    });
    this.chunks = new Chunks({
      routeOf: (table) => (this.#isPresent(table) ? this.#carried.routes.of(table) : null),
    });
    this.#announcements = this.#carried.announcements;
    this.telling = new Telling({
      announcements: this.#announcements,
      opening,
      waits: options.waits,
      push: (delivery) => this.#push(delivery),
    });
    this.#followed = new Followed({
      ...{ past: options.past, position: opening.position, announcements: this.#announcements },
      telling: this.telling,
      has: (schema, name) => this.ruleOf(schema, name) !== null,
      cameBack: options.cameBack,
    });
    const carrying = new Carrying({
      announcements: this.#announcements,
      routes: this.#carried.routes,
      telling: this.telling,
      family: async () => (await source.facts()).family,
      joined: (table) => this.onTable?.(table),
      gone: (name) => this.onLeave?.(name),
      moved: (moves) => this.onMove?.(moves),
      changed: (names) => this.chunks.changed(names),
    });
    this.#definitions = new Definitions({
      carrying,
      source,
      announcements: this.#announcements,
      has: (schema, name) => this.ruleOf(schema, name) !== null,
      looked: (gtid) => this.#looked !== null && !coversGtid(this.#looked, gtid),
      bornHere: (schema, name, gtid) => this.#carried.bornHere(schema, name, gtid),
      announce: async (table, gtid, known) => this.telling.made(table, gtid, known),
      joined: (table) => this.onTable?.(table),
      joinedBy: async (table) => this.#joinedBy(table),
    });
  }

  get deliveries(): AsyncIterable<readonly Delivery[]> {
    const { limits, meter } = this.#options;
    return slowed(
      this.#queue,
      () => limits.of(this.spec),
      this.#ended.signal,
      (batch, tookMs) => meter.transferred(batch, tookMs),
    );
  }

  get priority(): number {
    return this.spec.priority ?? 0;
  }

  get spec(): PipelineSpec {
    return this.#carried.spec;
  }

  /** Every table that the target was told of. */
  get told(): readonly TableShape[] {
    return this.#announcements.all;
  }

  /** As the target was told of it last. */
  toldNamed(name: string): TableShape | undefined {
    return this.#announcements.get(name);
  }

  /**
   * Of a table that is not known as it is here and that nobody was told of: a statement that changes it is ahead, behind which
   * it joins and is copied, and what comes before that is in the copy.
   */
  #comesLater(table: { readonly schema: string; readonly name: string }): boolean {
    const { initial } = this.#carried.spec;
    return initial === 'copy' && !this.#followed.has(table) && this.#announcements.strange(table);
  }

  /** How the table was made, when it is in the log as it is here; null where that is not followed. */
  knownNow(table: TableShape): KnownAt | null {
    return this.#followed.now(table);
  }

  /** Tables of the pipeline, as they are where the log has come to, that the target was not told of. */
  get untold(): readonly KnownAt[] {
    return this.#followed.all.filter(
      ({ past: { shape } }) =>
        this.#announcements.get(tableName(shape)) === undefined &&
        this.ruleOf(shape.schema, shape.name) !== null &&
        !this.leaves(shape.schema, shape.name),
    );
  }

  /** Whether changes of tables are carried. */
  get follows(): boolean {
    return this.#followed.on;
  }

  /** Whether rows in this shape are what the target takes now: where changes are carried they come at their place. */
  #isPresent(table: TableShape): boolean {
    const told = this.#announcements.get(tableName(table));
    return !this.follows || (told !== undefined && sameShape(told, table));
  }

  /** Aborts when the stream ends. */
  get closed(): AbortSignal {
    return this.#ended.signal;
  }

  /** True while the target is slower than this source. */
  get full(): boolean {
    return this.#queue.full;
  }

  /** No change is kept for the target's sake: it says itself where it stands when it opens the pipeline again. */
  acknowledge(position: string): void {
    this.chunks.applied(position);
    this.#taken.resolve();
  }

  /** Settles when the target has applied something, and so has taken every table it was told of; or the stream ends. */
  get taken(): Promise<void> {
    return this.#taken.promise;
  }

  /** What goes wrong here ends this pipeline's stream and no other's, so it never reaches the reader. */
  part(part: ReadPart): void | Promise<void> {
    const began = performance.now();
    try {
      return this.#part(part)?.catch((error: unknown) => this.close(error));
    } catch (error) {
      this.close(error);
    } finally {
      this.#options.meter.extracted(performance.now() - began);
    }
  }

  async statement(statement: Statement, at: StatementAt): Promise<void> {
    await this.#statement(statement, at).catch((error: unknown) => this.close(error));
  }

  #part(part: ReadPart): undefined | Promise<void> {
    if (this.#ended.signal.aborted || this.#cursor.passed(part.gtid)) return undefined;
    this.#carried.pass(part.gtid);
    const due = this.#due(part.gtid);
    if (due !== null) return due().then(() => this.#part(part));
    const seen = this.#cursor.seen(part.seen);
    const common = { gtid: part.gtid, position: part.position, seen, clock: part.clock };
    for (const row of part.own) {
      if (row.kind === 'beat' && row.site === this.#options.site) {
        this.#push({
          ...common,
          kind: 'beat',
          sentMs: row.sentMs,
          settled: this.#carried.settledAt(part.gtid),
          bytes: 64,
        });
      } else if (row.kind === 'watermark' && row.pipeline === this.#carried.spec.name) {
        const sent = this.chunks.watermark(row.chunk, row.level, part.position);
        if (sent !== null) this.#push({ ...common, ...sent });
      } else if (row.kind === 'resync') this.onResync?.(row.request);
    }
    if (this.#carried.spec.role === 'to-serialiser') this.#keep(part);
    if (part.mark !== null && this.#cameBy(part.mark)) return this.#answers(part, common);
    const decided = this.#decided.take(part, this.#carried.spec.name);
    if (decided !== null) {
      this.chunks.note(part.changes);
      return decided === 'more' ? undefined : this.#answer(decided, part, common);
    }
    const news = this.#announcements.missing(this.#announcements.counted(part.changes, part.gtid));
    const early = this.follows ? news.filter((table) => this.#comesLater(table)) : [];
    if (early.length > 0) {
      const changes = part.changes.filter(({ table }) => !early.includes(table));
      return this.#tellAndTake(
        news.filter((table) => !early.includes(table)),
        { ...part, changes },
        common,
      );
    }
    if (news.length > 0) return this.#tellAndTake(news, part, common);
    return this.#changes(part, common);
  }

  #tellAndTake(news: readonly TableShape[], part: ReadPart, common: At): undefined | Promise<void> {
    if (news.length > 0) {
      const joined = (table: TableShape): void => this.onTable?.(table);
      const known = (table: TableShape): KnownAt | null => this.knownNow(table);
      return this.telling.beforeRows(news, common, joined, known).then(() => this.#changes(part, common));
    }
    return this.#changes(part, common);
  }

  /** What this site has taken down of the target's tables is told there. */
  #keep(part: ReadPart): void {
    const definitions = this.#kept.take(part, this.#carried.spec);
    if (definitions === null) return;
    const { gtid, position, clock } = part;
    const bytes = JSON.stringify(definitions).length * 2;
    this.#push({ gtid, position, clock, seen: this.#cursor.seen(part.seenBehind), kind: 'kept', definitions, bytes });
  }

  async #statement(statement: Statement, at: StatementAt): Promise<void> {
    if (this.#ended.signal.aborted || this.#cursor.passed(statement.gtid)) return;
    const { role } = this.#carried.spec;
    if (role === 'from-serialiser') await this.#followed.introduce(statement);
    if (this.follows) this.#followed.pass(statement);
    if (statement.sql.startsWith(OWN_STATEMENT)) {
      if (this.follows && role === 'to-serialiser') await this.#followed.made(statement);
      return;
    }
    this.#carried.pass(statement.gtid);
    const place = { seen: this.#cursor.seen(at.seen), clock: at.clock };
    await this.#definitions.take(
      statement,
      this.#carried.spec,
      place,
      isReturned(this.#carried.spec, at.carried, place.seen),
    );
  }

  unreadable({ gtid, tables, gone, error }: Unreadable): void {
    if (this.#ended.signal.aborted || this.#cursor.passed(gtid)) return;
    this.#carried.pass(gtid);
    const counts = (table: { schema: string; name: string }): boolean =>
      this.ruleOf(table.schema, table.name) !== null && !(this.follows && this.#comesLater(table));
    const mine = tables === null || tables.some(counts);
    // A table that came and went since, and that nobody was told of, has left nothing behind.
    if (mine && !(gone && tables!.every((table) => this.#announcements.strange(table)))) this.close(error);
  }

  moved(position: string, seen: Seen): void {
    this.#cursor.move(position, seen);
  }

  broken(): void {
    if (this.#sent)
      this.close(
        new OtterError(
          'OT5020',
          `the log of ${this.#carried.spec.source} was reopened in the middle of a transaction`,
          {
            retry: 'backoff',
          },
        ),
      );
  }

  failed(error: unknown): void {
    this.close(error);
  }

  ahead(): null {
    return null;
  }

  room(signal: AbortSignal): Promise<void> | null {
    return this.#queue.full ? this.#queue.whenRoom(signal) : null;
  }

  whenRoom(signal: AbortSignal): Promise<void> {
    return this.#queue.whenRoom(signal);
  }

  /** What is queued is still delivered, then the error, or the end. */
  close(error?: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort();
    this.#taken.resolve();
    this.#queue.close(error);
    this.#options.onClose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Tables joined or left, the log being at `end`. Returns whether what is before that is waited for. */
  update(spec: PipelineSpec, generation: number, end: LogEnd): boolean {
    // Those that join are told next.
    this.#looked = null;
    return this.#carried.update(spec, generation, this.#cursor.placeOf(end));
  }

  /** Every table of this generation has been told; the log was at `end` when it was taken up, null: nothing leaves with it. */
  tookUp(generation: number, end: LogEnd | null): void {
    this.#carried.tookUp(generation, end === null ? null : this.#cursor.placeOf(end));
  }

  /** Every table that was there when the log ended at `end` has been told, or will be when its copy begins. */
  looked(end: LogEnd): void {
    this.#looked = this.#cursor.placeOf(end);
  }

  /** To be done when the log is beyond `end`, before what is there. */
  later({ position, point }: LogEnd, work: () => Promise<void>): void {
    this.#later = { until: this.#cursor.placeOf({ position, point }), work };
  }

  #due(gtid: string): (() => Promise<void>) | null {
    const later = this.#later;
    if (later === null || coversGtid(later.until, gtid)) return null;
    this.#later = null;
    return later.work;
  }

  holds(table: TableShape): boolean {
    return this.#announcements.holds(tableName(table));
  }

  /** Whether the target knows nothing of it. */
  strange(table: TableShape): boolean {
    return this.#announcements.strange(table);
  }

  /** Whether rows of the table are still carried though it is not in the pipeline any more. */
  leaves(schema: string, name: string): boolean {
    return this.#carried.leaves({ schema, name });
  }

  ruleOf(schema: string, table: string): TableRule | null {
    return this.#carried.ruleOf(schema, table);
  }

  #changes(part: ReadPart, common: At): undefined | Promise<void> {
    this.chunks.note(part.changes);
    const counted = this.#announcements.counted(part.changes, part.gtid);
    if (!this.#carried.rereads) return this.#route(counted, part, common);
    const rereads = (table: TableShape): boolean => this.#carried.routes.of(table)?.rereads === true;
    if (!counted.some(({ table }) => rereads(table))) return this.#route(counted, part, common);
    return reread(counted, rereads, this.#options.source).then((present) => this.#route(present, part, common));
  }

  #route(changes: readonly RowChange[], part: ReadPart, common: At): undefined {
    const { routes } = this.#carried;
    const routed = routes.allWhole(changes) ? changes : this.#cut(changes);
    if (routed.length === 0 && !(this.#sent && part.last)) return;
    const { gtid, position, seen, clock } = common;
    const { last, bytes } = part;
    this.#push({ kind: 'changes', gtid, position, seen, clock, first: !this.#sent, last, changes: routed, bytes });
    this.#sent = !last;
    this.telling.inside(this.#sent);
  }

  #cut(changes: readonly RowChange[]): readonly RowChange[] {
    const began = performance.now();
    const cut = this.#carried.routes.cut(changes);
    this.#options.meter.transformed(performance.now() - began);
    return cut;
  }

  /** Whether what this pipeline brought has no business at this target: a mesh forwards nothing at all. */
  #cameBy(mark: string): boolean {
    const { mesh, channel, reverse } = this.#carried.spec;
    return mesh ? mark.startsWith(`${channel}/`) : mark === reverse;
  }

  #answers(part: ReadPart, common: At): undefined | Promise<void> {
    this.chunks.note(part.changes);
    const { reverse } = this.#carried.spec;
    const rows = part.own.flatMap((row) => (row.kind === 'answer' && row.pipeline === reverse ? [row] : []));
    return rows.length === 0 ? undefined : this.#answer(rows, part, common);
  }

  #answer(rows: readonly AnswerRow[], part: ReadPart, common: At): undefined | Promise<void> {
    const push = (): void =>
      this.#push({ ...common, kind: 'answers', answers: this.#carried.answers(rows), bytes: part.bytes });
    const strange = this.#carried.untold(rows);
    if (strange.length > 0) return this.#introduce(strange).then(push);
    push();
    return undefined;
  }

  async #introduce(tables: Iterable<{ readonly schema: string; readonly table: string }>): Promise<void> {
    for (const { schema, table } of tables) {
      // As it is here; what the server has now may be of further on.
      const known = this.#followed.of({ schema, name: table });
      if (known !== null) {
        await this.telling.announce(known.past.shape, undefined, false, known);
        continue;
      }
      if (this.follows && this.#comesLater({ schema, name: table })) continue;
      if (this.follows)
        throw new OtterError('OT4030', `what ${schema}.${table} was like where the log has an answer is not known`, {
          where: { table: `${schema}.${table}` },
        });
      const shape = await this.#options.source.shape(schema, table);
      if (shape !== null) await this.telling.announce(shape);
    }
  }

  async #joinedBy(table: { readonly schema: string; readonly name: string }): Promise<boolean> {
    const { role, mesh } = this.#carried.spec;
    const { since, cameBack } = this.#options;
    if (role === 'one-way' || mesh || this.leaves(table.schema, table.name)) return false;
    return role === 'to-serialiser' ? since(table) !== undefined : cameBack(table);
  }

  #push(delivery: Delivery): void {
    if (this.#ended.signal.aborted) return;
    this.#queue.add(delivery);
    letGo(delivery.bytes);
  }
}
