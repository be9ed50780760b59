/**
 * One pipeline as its target sees it: load stage.
 *
 * Claims the checkpoint, opens the stream behind it, and applies window after window, each as one transaction that
 * moves the checkpoint. Rule kept: whatever goes wrong, the next attempt begins with a claim, which tells where the
 * pipeline really stands; nothing is remembered across attempts but figures.
 */
import { messageOf, OtterError } from '../model/error.ts';
import { type Checkpoint, DuplicateKey, type LoadSession, NeedsCare, type TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { LinkClient, Logger, PipelineStream } from '../model/ports.ts';
import type { PipelineFigures } from '../model/records.ts';
import type { Delivery } from '../model/row.ts';
import { ruleFor } from '../replication/names.ts';
import { backoff } from './backoff.ts';
import { Feed, type Window } from './feed.ts';
import { Figures } from './figures.ts';
import { type Applied, PlainStrategy, type Strategy } from './load.ts';
import { TargetTables } from './tables.ts';

export interface InboundOptions {
  readonly spec: PipelineSpec;
  readonly generation: number;
  readonly target: TargetPort;
  readonly link: LinkClient;
  readonly ownerRevision: number;
  /** The way windows are applied where this site decides; null where it has no say. */
  readonly judging: ((tables: TargetTables, checkpoint: Checkpoint) => Promise<Strategy>) | null;
  readonly onFirstCheckpoint: () => void;
  readonly logger: Logger;
  readonly now: () => number;
}

const WINDOW = { rows: 5_000, bytes: 4 << 20 };
/** How often a window is tried again in place when the server says "busy", before the pipeline starts over. */
const BUSY_TRIES = 20;

export class Inbound {
  readonly #options: InboundOptions;
  readonly #figures: Figures;
  #spec: PipelineSpec;
  #generation: number;
  /** Source tables that left the pipeline and whose copy must be forgotten. */
  #left = false;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.#generation = options.generation;
    this.#figures = new Figures(options.now);
  }

  update(spec: PipelineSpec, generation: number): void {
    this.#spec = spec;
    this.#generation = generation;
    this.#left = true;
    if (this.#figures.phase === 'streaming' || this.#figures.phase === 'copying')
      this.#figures.observedGeneration = generation;
  }

  figures(): PipelineFigures {
    return this.#figures.read();
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.#once(signal, () => {
          attempt = 0;
          this.#figures.error = null;
          this.#figures.waiting = null;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.failed(error);
      }
      await backoff(attempt, signal);
    }
  }

  failed(error: unknown): void {
    const known = error instanceof OtterError ? error : new OtterError('OT9001', messageOf(error), { cause: error });
    const before = this.#figures.error;
    this.#figures.error = { code: known.code, message: known.message, hint: known.hint ?? null };
    if (known.retry === 'never') this.#figures.phase = 'failed';
    // Every attempt fails the same way; once is enough for the log.
    if (before?.code === known.code && before.message === known.message) return;
    const facts = { code: known.code, error: known.message, ...known.where };
    if (known.retry === 'never') this.#options.logger.error('pipeline failed', facts);
    else this.#options.logger.warn('pipeline interrupted; it will go on', facts);
  }

  async #once(signal: AbortSignal, progress: () => void): Promise<void> {
    const { target, link, ownerRevision, judging } = this.#options;
    const { name, source, role, reverse } = this.#spec;
    await target.prepare();
    const claimed = await target.claim(name, ownerRevision);
    await this.#forgetLeft();
    const copies = await target.copies(name);
    const ownPosition = claimed === null && role === 'to-serialiser' ? (await target.firstPosition()).position : null;
    await using stream = await link.open(
      source,
      {
        pipeline: name,
        generation: this.#generation,
        from: claimed === null ? null : { position: claimed.position, seen: claimed.seen },
        copied: Object.fromEntries(
          copies.map(({ table, cursor, done, rowsDone }) => [table, { cursor, done, rows: rowsDone }]),
        ),
      },
      signal,
    );
    const checkpoint = claimed ?? this.#first(stream, ownPosition === null ? {} : { [reverse!]: ownPosition });
    if (claimed === null) await target.createCheckpoint(name, checkpoint);
    this.#options.onFirstCheckpoint();
    const tables = new TargetTables({
      spec: () => this.#spec,
      target,
      logsCascades: stream.opening.logsCascades,
      copies,
    });
    const strategy =
      judging !== null
        ? await judging(tables, checkpoint)
        : new PlainStrategy(() => this.#spec, tables, stream.opening.logsCascades);
    await using session = await target.session(name);
    const loading = new Loading({
      checkpoint,
      session,
      strategy,
      tables,
      stream,
      figures: this.#figures,
      target,
      spec: () => this.#spec,
    });
    this.#figures.position = checkpoint.position;
    const feed = new Feed(WINDOW);
    for await (const batch of stream.deliveries) {
      feed.push(batch);
      for (let window = feed.next(); window !== null; window = feed.next()) {
        await loading.apply(window, signal);
        if (signal.aborted) return;
        progress();
        this.#figures.copies(tables.copies, tables.copying);
        if (window.deliveries.some(({ kind }) => kind !== 'table')) {
          this.#figures.phase = tables.copying ? 'copying' : 'streaming';
          this.#figures.observedGeneration = this.#generation;
        }
        if (this.#left) {
          await this.#forgetLeft();
        }
      }
    }
    if (!signal.aborted) throw new OtterError('OT5020', `the source of ${name} ended the stream`, { retry: 'backoff' });
  }

  #first(stream: PipelineStream, own: Readonly<Record<string, string>>): Checkpoint {
    const { position, seen } = stream.opening;
    return { seq: 0, epoch: Math.max(1, this.#options.ownerRevision), position, seen: { ...own, ...seen } };
  }

  /** A table that left and comes back must be copied again. */
  async #forgetLeft(): Promise<void> {
    this.#left = false;
    const { target } = this.#options;
    const gone = (await target.copies(this.#spec.name)).filter(({ table }) => {
      const dot = table.indexOf('.');
      return ruleFor(this.#spec.tables, table.slice(0, dot), table.slice(dot + 1)) === null;
    });
    if (gone.length > 0)
      await target.forgetCopies(
        this.#spec.name,
        gone.map(({ table }) => table),
      );
  }
}

interface LoadingOptions {
  readonly checkpoint: Checkpoint;
  readonly session: LoadSession;
  readonly strategy: Strategy;
  readonly tables: TargetTables;
  readonly stream: PipelineStream;
  readonly figures: Figures;
  readonly target: TargetPort;
  readonly spec: () => PipelineSpec;
}

/** Window after window on one session, from one checkpoint to the next. */
class Loading {
  readonly #options: LoadingOptions;
  #checkpoint: Checkpoint;
  /** What a transaction in pieces has applied so far. */
  #pieces: Applied[] = [];

  constructor(options: LoadingOptions) {
    this.#options = options;
    this.#checkpoint = options.checkpoint;
  }

  async apply(window: Window, signal: AbortSignal): Promise<void> {
    const { tables } = this.#options;
    for (const delivery of window.deliveries) if (delivery.kind === 'table') await this.#join(delivery, signal);
    if (window.deliveries.every(({ kind }) => kind === 'table')) return;
    await tables.resolve(shapesOf(window.deliveries));
    if (window.opens && window.closes) await this.#whole(window.deliveries, signal);
    else await this.#piece(window);
  }

  async #whole(deliveries: readonly Delivery[], signal: AbortSignal): Promise<void> {
    const { session } = this.#options;
    let again = false;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#once(deliveries, again);
        session.careful = false;
        return;
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof NeedsCare) {
          await session.rollback();
          session.careful = true;
        } else if (error instanceof OtterError && BUSY.has(error.code) && attempt < BUSY_TRIES) {
          await session.rollback();
          this.#options.figures.waiting = error.message;
          await backoff(attempt, signal);
        } else if (error instanceof DuplicateKey && this.#options.spec().role !== 'one-way' && attempt < BUSY_TRIES) {
          await session.rollback();
          again = true;
        } else if (error instanceof DuplicateKey || (error instanceof OtterError && error.code === 'OT4006')) {
          await session.rollback();
          if (deliveries.length === 1) throw this.#refused(deliveries[0]!, error);
          for (const delivery of deliveries) await this.#whole([delivery], signal);
          return;
        } else throw error;
      }
    }
  }

  async #once(deliveries: readonly Delivery[], again: boolean): Promise<void> {
    const { session, strategy, tables, stream, figures } = this.#options;
    const to = this.#next(deliveries);
    const applied = await strategy.begin(session, this.#checkpoint, to, deliveries, { closes: true, again });
    const chunk = deliveries.at(-1)!;
    const copy = chunk.kind === 'chunk' ? copyState(chunk) : null;
    if (copy !== null) await session.recordCopies(this.#options.spec().name, [copy]);
    await strategy.end(session);
    await session.commit();
    if (copy !== null) tables.record(copy);
    this.#moved(to, deliveries, [applied]);
    stream.acknowledge(to.position);
    figures.position = to.position;
  }

  async #piece(window: Window): Promise<void> {
    const { session, strategy, stream } = this.#options;
    const to = this.#next(window.deliveries);
    this.#pieces.push(
      window.opens
        ? await strategy.begin(session, this.#checkpoint, to, window.deliveries, { closes: false, again: false })
        : await strategy.more(session, window.deliveries),
    );
    if (!window.closes) return;
    await strategy.end(session);
    await session.commit();
    this.#moved(to, window.deliveries, this.#pieces);
    this.#pieces = [];
    stream.acknowledge(to.position);
  }

  #next(deliveries: readonly Delivery[]): Checkpoint {
    const last = deliveries.at(-1)!;
    const { seq, epoch, seen } = this.#checkpoint;
    // The checkpoint stands behind the window: what the source had seen there includes what it says of every pipeline.
    return { seq: seq + 1, epoch, position: last.position, seen: { ...seen, ...last.seen } };
  }

  #moved(to: Checkpoint, deliveries: readonly Delivery[], applied: readonly Applied[]): void {
    const { figures } = this.#options;
    this.#checkpoint = to;
    this.#options.strategy.committed(to);
    for (const each of applied) figures.applied(each);
    for (const delivery of deliveries) if (delivery.kind === 'beat') figures.beat(delivery.sentMs);
  }

  async #join(delivery: Extract<Delivery, { kind: 'table' }>, signal: AbortSignal): Promise<void> {
    const { tables, session, spec } = this.#options;
    const { schema, name } = delivery.announced.table;
    // The source may know of a table a moment before this node has read the new topology.
    for (let attempt = 0; ruleFor(spec().tables, schema, name) === null && attempt < 12; attempt += 1)
      await backoff(attempt, signal);
    if (ruleFor(spec().tables, schema, name) === null) return;
    const joined = await tables.join(delivery.announced);
    if (joined === null) return;
    const { begun, clear } = joined;
    const to: Checkpoint = { ...this.#checkpoint, seq: this.#checkpoint.seq + 1 };
    await session.begin('read committed', false, this.#checkpoint, to, []);
    if (clear !== null) await session.write([{ kind: 'clear', table: clear }]);
    await session.recordCopies(spec().name, [begun]);
    await session.commit();
    this.#checkpoint = to;
    tables.record(begun);
  }

  #refused(delivery: Delivery, error: OtterError | DuplicateKey): OtterError {
    const cause = error instanceof DuplicateKey ? error.cause : error;
    const changed =
      delivery.kind === 'changes'
        ? [...new Set(delivery.changes.map(({ table }) => `${table.schema}.${table.name}`))]
        : [];
    return new OtterError('OT5016', `${this.#options.spec().target} refuses a row: ${messageOf(cause)}`, {
      where: { pipeline: this.#options.spec().name, transaction: delivery.gtid, tables: changed.join(', ') },
      hint: 'Mend the cause at the target; the pipeline stands before this transaction and tries again by itself.',
      cause,
    });
  }
}

const BUSY: ReadonlySet<string> = new Set(['OT4005', 'OT5017', 'OT5018']);

function copyState({ chunk }: Extract<Delivery, { kind: 'chunk' }>): {
  table: string;
  cursor: typeof chunk.cursor;
  done: boolean;
  rowsDone: number;
  rowsEstimate: number;
} {
  const { table, cursor, rowsDone, rowsEstimate } = chunk;
  return { table: `${table.schema}.${table.name}`, cursor, done: cursor === null, rowsDone, rowsEstimate };
}

function shapesOf(
  deliveries: readonly Delivery[],
): Set<Extract<Delivery, { kind: 'changes' }>['changes'][number]['table']> {
  const shapes = new Set<Extract<Delivery, { kind: 'changes' }>['changes'][number]['table']>();
  for (const delivery of deliveries) {
    if (delivery.kind === 'changes') for (const { table } of delivery.changes) shapes.add(table);
    else if (delivery.kind === 'chunk') shapes.add(delivery.chunk.table);
    else if (delivery.kind === 'answers') for (const { table } of delivery.answers) shapes.add(table);
  }
  return shapes;
}
