/**
 * One pipeline as its source sees it: extract stage.
 *
 * It takes what the reader hands on from the pipeline's own position, withholds what came through the opposite pipeline
 * (but not the answers in it), cuts rows to the columns that travel, and puts them into a queue bounded in bytes.
 * Rule kept: everything after the cursor is delivered once, in log order, and a table is announced before its first row.
 */
import { DeliveryQueue } from '../model/delivery-queue.ts';
import { OtterError, UnreachableError } from '../model/error.ts';
import { OWN_STATEMENT } from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import type { PipelineOpening, PipelineStream, SourcePort } from '../model/ports.ts';
import { coversGtid, type Position, parsePosition } from '../model/position.ts';
import {
  type Answer,
  type CopyChunk,
  type Delivery,
  type Image,
  type RowChange,
  type Seen,
  type TableShape,
  tableName,
} from '../model/row.ts';
import { type Extract, extract, keyText, pick } from '../replication/load-table.ts';
import { ruleFor } from '../replication/names.ts';
import { tableStatement } from '../replication/origin.ts';
import type { LogListener, ReadPart, ReadStatement } from './reader.ts';

export interface OutboundOptions {
  readonly spec: PipelineSpec;
  readonly site: string;
  readonly source: SourcePort;
  readonly opening: PipelineOpening;
  readonly onAcknowledge: (position: string) => void;
  readonly onClose: () => void;
}

/** Deliveries waiting for the link or the loader; the reader is held above this. */
const QUEUE_BYTES = 16 << 20;

/** Existing rows read between two watermarks, waiting for the high one to pass the reader. */
export interface PendingChunk {
  readonly id: string;
  readonly table: TableShape;
  /** Tables whose deletes reach this one by cascades that the log does not show; see `copy.ts`. */
  readonly cascadeParents: ReadonlySet<string>;
  /** Set by the copier before the high watermark is written. */
  chunk: CopyChunk | null;
  /** Keys changed since the low watermark; null before it. */
  changed: Set<string> | null;
  /** Whether a cascade may have changed rows unseen. */
  spoiled: boolean;
  readonly done: (outcome: 'sent' | 'spoiled') => void;
}

interface Routed extends Extract {
  readonly full: TableShape;
}

export class Outbound implements LogListener, PipelineStream {
  readonly opening: PipelineOpening;
  readonly #options: OutboundOptions;
  readonly #queue = new DeliveryQueue({ bytesMax: QUEUE_BYTES });
  #cursor: Position;
  /** What was seen at the cursor. */
  #base: Seen;
  #routes = new WeakMap<TableShape, Routed | null>();
  readonly #announced = new Map<string, TableShape>();
  #spec: PipelineSpec;
  #active = false;
  #sent = false;
  #closed = false;
  #seenOf: { readonly folded: Seen; readonly base: Seen; readonly whole: Seen } | null = null;
  /** The chunk in flight, if any. */
  pending: PendingChunk | null = null;
  /** Called when a table joined while the pipeline runs. */
  onTable: ((table: TableShape) => void) | null = null;

  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.opening = options.opening;
    this.#cursor = parsePosition(options.opening.position);
    this.#base = options.opening.seen;
  }

  get deliveries(): AsyncIterable<readonly Delivery[]> {
    return this.#queue;
  }

  get spec(): PipelineSpec {
    return this.#spec;
  }

  /** True while the target is slower than this source. */
  get full(): boolean {
    return this.#queue.full;
  }

  acknowledge(position: string): void {
    this.#options.onAcknowledge(position);
  }

  part(part: ReadPart): void | Promise<void> {
    if (this.#closed || this.#passed(part.gtid)) return;
    const seen = this.#seen(part.seen);
    const common = { gtid: part.gtid, position: part.position, seen, commitMs: part.commitMs };
    for (const row of part.own) {
      if (row.kind === 'beat' && row.site === this.#options.site) {
        this.#push({ ...common, kind: 'beat', sentMs: row.sentMs, bytes: 64 });
      } else if (row.kind === 'watermark' && row.pipeline === this.#spec.name) {
        this.#watermark(row.chunk, row.level, common);
      }
    }
    if (part.mark !== null && part.mark === this.#spec.reverse) return this.#answers(part, common);
    const news = this.#unannounced(part.changes);
    if (news.length > 0) return this.#announceAll(news, common).then(() => this.#changes(part, common));
    this.#changes(part, common);
  }

  async statement(statement: ReadStatement): Promise<void> {
    if (this.#closed || this.#passed(statement.gtid) || statement.sql.startsWith(OWN_STATEMENT)) return;
    const effect = tableStatement(statement.sql, statement.schema);
    if (effect === null || this.#spec.ddl === 'ignore') return;
    const touched =
      effect.kind === 'drops-schema'
        ? [...this.#announced.values()].filter(({ schema }) => schema === effect.schema).map(tableName)
        : effect.tables.filter(({ schema, name }) => this.ruleOf(schema, name) !== null).map(tableName);
    if (touched.length === 0) return;
    if (effect.kind === 'creates') {
      // A new table that a pattern names joins by itself: announced now, copied like any other.
      const shapes = await Promise.all(
        effect.tables.map(({ schema, name }) => this.#options.source.shape(schema, name)),
      );
      for (const shape of shapes) if (shape !== null) this.onTable?.(shape);
      return;
    }
    this.close(
      new OtterError(
        'OT5015',
        `a statement that changes the structure of ${touched.join(', ')} is next in the log of ${this.#spec.source}: ${head(statement.sql)}`,
        {
          where: { pipeline: this.#spec.name, position: statement.position },
          hint: `Make the same change at ${this.#spec.target}, set \`ddl: ignore\` on channel ${this.#spec.channel} and apply; the pipeline then goes on after it.`,
        },
      ),
    );
  }

  rewound(position: string, seen: Seen): void {
    if (!this.#active) return;
    this.#base = this.#seen(seen);
    this.#cursor = parsePosition(position);
    this.#active = false;
  }

  broken(): void {
    if (this.#sent)
      this.close(
        new OtterError('OT5020', `the log of ${this.#spec.source} was reopened in the middle of a transaction`, {
          retry: 'backoff',
        }),
      );
  }

  room(signal: AbortSignal): Promise<void> | null {
    return this.#queue.full ? this.#queue.whenRoom(signal) : null;
  }

  whenRoom(signal: AbortSignal): Promise<void> {
    return this.#queue.whenRoom(signal);
  }

  /** What is queued is still delivered, then the error, or the end. */
  close(error?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close(error);
    this.#options.onClose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  /** Tables joined or left; the reader is reopened by the caller. */
  update(spec: PipelineSpec): void {
    this.#spec = spec;
    this.#routes = new WeakMap();
    for (const [name, table] of this.#announced)
      if (this.ruleOf(table.schema, table.name) === null) this.#announced.delete(name);
  }

  ruleOf(schema: string, table: string): TableRule | null {
    return ruleFor(this.#spec.tables, schema, table);
  }

  /** The announcement moves no position: it bears the cursor's, or that of the transaction it precedes. */
  async announce(
    table: TableShape,
    at?: { gtid: string; position: string; seen: Seen; commitMs: number },
  ): Promise<boolean> {
    const route = this.#route(table);
    if (route === null) return false;
    if (this.#announced.get(tableName(table)) === table) return true;
    const { source } = this.#options;
    const create = await source.createStatements(table, (schema, name) => this.ruleOf(schema, name) !== null);
    const rowsEstimate = await source.estimateRows(table.schema, table.name);
    const common = at ?? { gtid: '', position: this.opening.position, seen: this.opening.seen, commitMs: 0 };
    this.#announced.set(tableName(table), table);
    this.#push({
      ...common,
      kind: 'table',
      announced: { table: route.shape, create, copies: this.#spec.initial === 'copy', rowsEstimate },
      bytes: create.length * 2,
    });
    return true;
  }

  /** The columns that travel, and how rows are cut to them; null when the table is not in the pipeline. */
  extractOf(table: TableShape): Extract | null {
    return this.#route(table);
  }

  #passed(gtid: string): boolean {
    if (this.#active) return false;
    if (coversGtid(this.#cursor, gtid)) return true;
    this.#active = true;
    return false;
  }

  /** Fold of the reader over what was stored with the cursor: the reader may have begun after the last mark. */
  #seen(folded: Seen): Seen {
    if (this.#seenOf?.folded !== folded || this.#seenOf.base !== this.#base)
      this.#seenOf = { folded, base: this.#base, whole: { ...this.#base, ...folded } };
    return this.#seenOf.whole;
  }

  #route(table: TableShape): Routed | null {
    const known = this.#routes.get(table);
    if (known !== undefined) return known;
    const rule = this.ruleOf(table.schema, table.name);
    const route = rule === null ? null : { full: table, ...extract(rule, table) };
    this.#routes.set(table, route);
    return route;
  }

  #unannounced(changes: readonly RowChange[]): TableShape[] {
    let news: TableShape[] | null = null;
    let last: TableShape | null = null;
    for (const { table } of changes) {
      if (table === last) continue;
      last = table;
      if (this.#route(table) === null || this.#announced.get(tableName(table)) === table || news?.includes(table))
        continue;
      news ??= [];
      news.push(table);
    }
    return news ?? [];
  }

  async #announceAll(
    tables: readonly TableShape[],
    at: { gtid: string; position: string; seen: Seen; commitMs: number },
  ): Promise<void> {
    for (const table of tables) {
      // The same table in a new shape is announced again and copied no second time; the target knows.
      await this.announce(table, { ...at, position: this.opening.position });
      this.onTable?.(table);
    }
  }

  #changes(part: ReadPart, common: { gtid: string; position: string; seen: Seen; commitMs: number }): void {
    const routed: RowChange[] = [];
    for (const change of part.changes) {
      const route = this.#route(change.table);
      if (this.pending !== null) this.#noteForChunk(change);
      if (route === null) continue;
      if (route.picks === null) routed.push(change);
      else routed.push(cut(change, route));
    }
    if (routed.length === 0 && !(this.#sent && part.last)) return;
    this.#push({ ...common, kind: 'changes', first: !this.#sent, last: part.last, changes: routed, bytes: part.bytes });
    this.#sent = !part.last;
  }

  #answers(
    part: ReadPart,
    common: { gtid: string; position: string; seen: Seen; commitMs: number },
  ): void | Promise<void> {
    if (this.pending !== null) for (const change of part.changes) this.#noteForChunk(change);
    const rows = part.own.flatMap((row) => (row.kind === 'answer' && row.pipeline === this.#spec.reverse ? [row] : []));
    if (rows.length === 0) return;
    const answers: Answer[] = [];
    for (const row of rows) {
      const table = this.#announced.get(`${row.schema}.${row.table}`);
      if (table === undefined) {
        return this.#options.source.shape(row.schema, row.table).then(async (shape) => {
          if (shape !== null && (await this.announce(shape))) return await this.#answers(part, common);
        });
      }
      const { shape, picks } = this.#route(table)!;
      answers.push({
        pipeline: row.pipeline,
        table: shape,
        key: row.key,
        image: row.image === null ? null : pick(row.image, picks),
      });
    }
    this.#push({ ...common, kind: 'answers', answers, bytes: part.bytes });
  }

  #noteForChunk(change: RowChange): void {
    const { table, cascadeParents, changed } = this.pending!;
    if (changed === null) return;
    if (change.kind !== 'insert' && cascadeParents.has(tableName(change.table))) {
      const key = change.table.primaryKey;
      if (change.kind === 'delete' || keyText(change.before, key) !== keyText(change.after, key))
        this.pending!.spoiled = true;
    }
    if (change.table.schema !== table.schema || change.table.name !== table.name) return;
    if (change.kind !== 'insert') changed.add(keyText(change.before, change.table.primaryKey));
    if (change.kind !== 'delete') changed.add(keyText(change.after, change.table.primaryKey));
  }

  #watermark(
    id: string,
    level: 'low' | 'high',
    common: { gtid: string; position: string; seen: Seen; commitMs: number },
  ): void {
    const { pending } = this;
    if (pending === null || pending.id !== id) return;
    if (level === 'low') {
      pending.changed = new Set();
      return;
    }
    this.pending = null;
    if (pending.spoiled || pending.changed === null || pending.chunk === null) return pending.done('spoiled');
    const { shape, picks } = this.#route(pending.table)!;
    const { changed } = pending;
    const kept = pending.chunk.rows.filter((row) => !changed.has(keyText(row, pending.table.primaryKey)));
    const chunk: CopyChunk = { ...pending.chunk, table: shape, rows: kept.map((row) => pick(row, picks)) };
    this.#push({ ...common, kind: 'chunk', chunk, bytes: chunkBytes(kept) });
    pending.done('sent');
  }

  #push(delivery: Delivery): void {
    if (!this.#closed) this.#queue.push([delivery], delivery.bytes);
  }
}

function cut(change: RowChange, { shape, picks }: Extract): RowChange {
  switch (change.kind) {
    case 'insert':
      return { ...change, table: shape, after: pick(change.after, picks) };
    case 'update':
      return { ...change, table: shape, before: pick(change.before, picks), after: pick(change.after, picks) };
    case 'delete':
      return { ...change, table: shape, before: pick(change.before, picks) };
    default:
      throw new UnreachableError(change satisfies never);
  }
}

export function chunkBytes(rows: readonly Image[]): number {
  let bytes = 128;
  for (const row of rows) for (const value of row) bytes += 16 + (value?.length ?? 0);
  return bytes;
}

function head(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
