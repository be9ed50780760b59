/**
 * One pipeline as its target sees it: load stage.
 *
 * Claims the checkpoint, opens the stream behind it, and applies window after window, each as one transaction that
 * moves the checkpoint. Rule kept: whatever goes wrong, the next attempt begins with a claim, which tells where the
 * pipeline really stands; nothing is remembered across attempts but figures.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { FileLink } from '../model/file-link.ts';
import { forgetRows } from '../model/forget-rows.ts';
import type { Checkpoint, LoadSession, LogOrigin, TargetPort } from '../model/load.ts';
import type { LoadMeasures } from '../model/measures.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { LinkClient, Logger, PipelineStream } from '../model/ports.ts';
import type { Phase, PipelineFigures } from '../model/records.ts';
import { Arrivals } from './arrivals.ts';
import { backoff } from './backoff.ts';
import { DeadLetters } from './dead-letters.ts';
import { DryStrategy, dryTables } from './dry-run.ts';
import { Feed, type Window } from './feed.ts';
import { Figures } from './figures.ts';
import { FileGate } from './file-gate.ts';
import type { Join } from './joins.ts';
import { type InOrder, Lanes } from './lanes.ts';
import { PlainStrategy, type Strategy } from './load.ts';
import { type Care, Loading, type LoadingOptions } from './loading.ts';
import { Overlap } from './overlap.ts';
import { pump } from './pump.ts';
import { lettersInTheWay, SettingAside } from './setting-aside.ts';
import { TargetTables } from './tables.ts';
import { beingChanged, beingMade, type OnRecord, onRecord, ownPlace } from './taking-up.ts';
import type { Throttle } from './throttle.ts';
import { Trouble } from './trouble.ts';
import type { UnseenChanges } from './unseen-changes.ts';
import { type Staged, untraced, type WindowTraces } from './window-traces.ts';

export interface InboundOptions {
  readonly spec: PipelineSpec;
  readonly generation: number;
  /** See `DesiredPipeline`. */
  readonly born: number;
  readonly target: TargetPort;
  readonly link: LinkClient;
  /** Of the database here; absent: nothing slows it down. */
  readonly throttle?: Throttle | undefined;
  /** Told of each window; absent: nobody follows them. */
  readonly traces?: WindowTraces | undefined;
  /** Where files are asked for that rows name; absent: none are. */
  readonly files?: FileLink | undefined;
  readonly ownerRevision: number;
  /** The way windows are applied where this site decides; null where it has no say. */
  readonly judging: ((tables: TargetTables, checkpoint: Checkpoint) => Promise<Strategy>) | null;
  /** Told of tables that join, before that is committed: see `KnownTable.since`. */
  readonly joined: (table: string, join: Join | null) => void;
  readonly begins: () => void;
  /** What must be there before it is claimed. */
  readonly ready: () => Promise<void>;
  /** Where pipelines of its mesh out of this database may begin. */
  readonly origin: () => Promise<LogOrigin>;
  /** Changes of tables here that the source has not seen; null where this site does not decide alone. */
  readonly changes?: UnseenChanges | null;
  /** Conflicts that wait for a person. */
  readonly open?: () => number;
  readonly onFirstCheckpoint: () => void;
  readonly logger: Logger;
  readonly now: () => number;
}

/** What a table can be the cause of. */
const AT_FAULT = /^OT(4006|403\d|501[0-6]|502[12789]|503[034]|505[0-4]|5060)$/;

const WINDOW = { rows: 5_000, bytes: 4 << 20 };

export class Inbound {
  readonly #options: InboundOptions;
  readonly #figures: Figures;
  #spec: PipelineSpec;
  #generation: number;
  /** Generation of the attempt under way; null between attempts. */
  #attempted: number | null = null;
  /** While a stream is open. */
  #tables: TargetTables | null = null;
  /** Source tables that left the pipeline and whose copies must be forgotten. */
  readonly #left = new Set<string>();
  /** Newest generation of the channel that the source has carried out, as it was told here. */
  #settled = 0;
  /** Tables that left up to this generation are not waited for: one of them stopped the pipeline. */
  #given = 0;
  /** How the large transaction under way must be written when it comes again. */
  readonly #care: Care = { gtid: null, refused: null };
  readonly #inOrder: InOrder = { until: null };
  readonly #letters: DeadLetters;
  readonly #trouble: Trouble;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#spec = options.spec;
    this.#generation = options.generation;
    this.#figures = new Figures(options.now);
    this.#letters = new DeadLetters(options.target, options.spec.name);
    const generation = (): number => this.#attempted ?? this.#generation;
    this.#trouble = new Trouble({ figures: this.#figures, generation, logger: options.logger });
  }

  /** As the topology has it now. */
  get spec(): PipelineSpec {
    return this.#spec;
  }

  /** Whether existing rows may not all be here; that is not known before it has begun. */
  get copying(): boolean {
    return this.#tables?.copying ?? true;
  }

  /** Whether it must be run anew to become this. */
  moves(spec: PipelineSpec): boolean {
    return this.#tables?.moves(spec) ?? false;
  }

  update(spec: PipelineSpec, generation: number): void {
    this.#spec = spec;
    this.#generation = generation;
    // It is not run yet: tables that join may be refused. What arrives next tells.
    for (const table of this.#tables?.update() ?? []) {
      this.#left.add(table);
      this.#options.joined(table, null);
    }
  }

  /** Of tables that left up to this generation of the channel nothing is to come. */
  get settled(): number {
    return Math.max(this.#settled, this.#given);
  }

  measures(): LoadMeasures {
    return this.#figures.meter.read();
  }

  figures(): PipelineFigures {
    const figures = this.#figures.read();
    const waiting = figures.waiting ?? this.#options.throttle?.words ?? null;
    return { ...figures, waiting, open: this.#options.open?.() ?? 0, deadLetters: this.#letters.size };
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await this.#once(signal, () => {
          attempt = 0;
          this.#trouble.over();
          this.#figures.waiting = null;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.failed(error);
        this.#giveUp(error);
      }
      this.#attempted = null;
      await backoff(attempt, signal);
    }
  }

  heard(): void {
    this.#trouble.heard();
  }

  silent(error: OtterError): void {
    this.#trouble.silent(error);
  }

  failed(error: unknown): void {
    this.#trouble.failed(error);
  }

  #enters(phase: Phase): void {
    const before = this.#figures.phase;
    if (phase === before) return;
    this.#figures.phase = phase;
    this.#options.logger.info('phase changed', { from: before, to: phase, position: this.#figures.position });
  }

  async #once(signal: AbortSignal, progress: () => void): Promise<void> {
    const { target, link, ownerRevision, born, judging, logger } = this.#options;
    const { name, source, role, reverse } = this.#spec;
    this.#attempted = this.#generation;
    await target.prepare();
    await this.#options.ready();
    const claimed = await target.claim(name, ownerRevision, born);
    if (claimed === null) this.#options.begins();
    const record = claimed === null ? null : await target.lanes(name);
    const { copies, known } = await this.#recorded();
    const making = await beingMade(target, this.#spec);
    const own = claimed === null ? await ownPlace(target, this.#spec, this.#options.origin) : null;
    const underWay = claimed === null ? [] : await beingChanged(target, name, claimed.position);
    await using stream = await link.open(
      source,
      {
        pipeline: name,
        generation: this.#generation,
        from: claimed === null ? null : { position: claimed.position, clock: claimed.clock, seen: claimed.seen },
        copied: Object.fromEntries(
          copies.map(({ table, cursor, done, rowsDone }) => [table, { cursor, done, rows: rowsDone }]),
        ),
        known: Object.fromEntries(
          Object.entries(known).map(([table, { structure, since, definition }]) => [
            table,
            { structure, since, ...(definition === undefined ? {} : { definition }) },
          ]),
        ),
        making,
      },
      signal,
    );
    const checkpoint = claimed ?? this.#first(stream, own === null ? {} : { [reverse!]: own });
    if (claimed === null) await target.createCheckpoint(name, checkpoint, born);
    this.#options.onFirstCheckpoint();
    const dry = this.#spec.dryRun === true;
    const users = dry ? dryTables(target) : target;
    const tables = new TargetTables({
      spec: () => this.#spec,
      target: users,
      logsCascades: stream.opening.logsCascades,
      copies,
      known,
      settled: () => this.settled,
      ...(this.#options.changes == null ? {} : { changes: this.#options.changes }),
    });
    this.#tables = tables;
    // The topology may have changed since its copies were looked up.
    this.#strike(tables);
    const strategy =
      judging !== null
        ? await judging(tables, checkpoint)
        : dry
          ? new DryStrategy(tables)
          : new PlainStrategy(() => this.#spec, tables, stream.opening.logsCascades);
    using _ended = { [Symbol.dispose]: () => strategy.ended() };
    await using session = await target.session(name);
    const count = dry ? 1 : (this.#spec.lanes ?? 1);
    const inLanes = count > 1 || record !== null;
    const aside = await this.#aside(strategy, session, inLanes);
    const reached = (position: string): void => {
      progress();
      stream.acknowledge(position);
      this.#figures.position = position;
    };
    await using overlap = inLanes ? null : this.#overlap(session);
    const options: LoadingOptions = {
      checkpoint,
      session,
      overlap,
      strategy,
      tables,
      arrivals: new Arrivals({
        spec: () => this.#spec,
        target: users,
        tables,
        logsCascades: stream.opening.logsCascades,
        underWay,
        leftOut: (table, without) =>
          logger.warn('table was made without what the server does not know', { table, without: without.join(', ') }),
        sways: (table, sways) =>
          logger.warn('generated columns may hang on the session', {
            code: 'OT4061',
            table,
            columns: sways.map(({ column, settings }) => `${column} (${settings.join(', ')})`).join(', '),
          }),
      }),
      reached,
      target,
      unsure: (table) =>
        logger.warn('rows that are not at the source were not deleted: others may have made them', { table }),
      figures: this.#figures,
      care: this.#care,
      aside,
      joined: this.#options.joined,
      passed: (transaction) =>
        logger.warn('a transaction of the source was passed over, as somebody wanted', { transaction }),
      desired: () => ({ spec: this.#spec, generation: this.#generation }),
    };
    const loading = new Loading(options);
    await using lanes = !inLanes
      ? null
      : new Lanes({
          spec: () => this.#spec,
          count,
          record,
          loading,
          loadingOf: (own, from) =>
            new Loading({ ...options, session: own, overlap: null, checkpoint: from, reached: () => undefined }),
          target,
          tables,
          fkChecks: !stream.opening.logsCascades,
          figures: this.#figures,
          inOrder: this.#inOrder,
          settled: () => this.#settled,
          reached,
          now: () => performance.now(),
        });
    const write = async (window: Window): Promise<boolean> => {
      if (lanes !== null) return lanes.apply(window, signal);
      await loading.apply(window, signal);
      return true;
    };
    const gate = this.#gate(signal);
    this.#figures.position = checkpoint.position;
    const { meter } = this.#figures;
    let first = true;
    let free = performance.now();
    /** How long the last transaction here took, all its windows together. */
    let tookMs = 0;
    const { traces, throttle } = this.#options;
    const apply = async (window: Window, stage: Staged): Promise<void> => {
      meter.idled(performance.now() - free);
      if (window.opens && throttle !== undefined) {
        meter.stalled(await stage('wait', () => throttle.rest(tookMs, signal)));
      }
      if (window.opens) tookMs = 0;
      const began = performance.now();
      if (first && window.deliveries.some(({ kind }) => kind !== 'table')) {
        // Every table that is there has been announced.
        first = false;
        // Where changes are carried so is that a table is gone; one may be announced further on.
        if (this.#spec.ddl !== 'replicate') for (const table of tables.dropUnannounced()) this.#left.add(table);
      }
      if (this.#left.size > 0) await this.#forgetLeft();
      if (gate !== null) await stage('files', () => gate.before(window.deliveries));
      const moved = await stage('load', () => write(window));
      free = performance.now();
      tookMs += free - began;
      meter.wrote(window.deliveries, free - began, this.#options.now());
      if (signal.aborted) return;
      this.#figures.copies(tables.copies, tables.copying);
      // An announcement moves nothing yet: what was wrong may be wrong still.
      if (moved && window.deliveries.some(({ kind }) => kind !== 'table')) {
        this.#enters(tables.copying ? 'copying' : 'streaming');
        // Who takes up elsewhere what leaves here, or writes what joins, relies on what is reported: of a running stream
        // the source says when it has told every table. One that was opened with this generation begins with them.
        const told = this.#attempted === this.#generation && (claimed === null || role !== 'to-serialiser');
        const late = this.#leaves() || this.#spec.joinsLate;
        if (told && !late) this.#figures.observedGeneration = this.#generation;
      }
      for (const delivery of window.deliveries) {
        if (delivery.kind === 'beat') {
          await this.#beat(delivery.settled, tables);
          if (aside !== null) await this.#letters.refresh(session);
        }
        if (delivery.kind === 'table') this.#told(delivery.announced.complete);
      }
      // Lanes may still be writing them.
      if (lanes === null) forgetRows(window.deliveries);
    };
    const feed = new Feed({ rows: WINDOW.rows * count, bytes: WINDOW.bytes });
    const ready = (window: Window): void => {
      gate?.ahead(window.deliveries);
      if (lanes !== null) return;
      const began = performance.now();
      if (traces === undefined) loading.prepare(window);
      else traces.prepare(window, () => loading.prepare(window));
      meter.prepared(performance.now() - began);
    };
    const stages = {
      ready,
      apply: (window: Window) =>
        traces === undefined ? apply(window, untraced) : traces.apply(window, (stage) => apply(window, stage)),
      unfinished: () => loading.committing,
    };
    await pump(stream.deliveries, feed, stages, signal);
    if (!signal.aborted) throw new OtterError('OT5020', `the source of ${name} ended the stream`, { retry: 'backoff' });
  }

  #overlap(first: LoadSession): Overlap {
    const { target, logger } = this.#options;
    const open = (): Promise<LoadSession> => target.session(this.#spec.name, 0, 2);
    const alone = (error: unknown): void =>
      logger.warn('windows wait for each other: there is no second session', { error: messageOf(error) });
    return new Overlap({ first, open, alone });
  }

  #gate(signal: AbortSignal): FileGate | null {
    const { files, logger } = this.#options;
    if (files === undefined) return null;
    const waiting = (what: string | null): void => {
      this.#figures.waiting = what;
    };
    return new FileGate({ spec: () => this.#spec, link: files, waiting, logger, signal });
  }

  /**
   * Where something may be set aside, or is.
   * @throws OtterError OT5080 where something is, and what comes cannot be kept behind it
   */
  async #aside(strategy: Strategy, session: LoadSession, inLanes: boolean): Promise<SettingAside | null> {
    const { name, role } = this.#spec;
    await this.#letters.load();
    if (strategy instanceof DryStrategy) return null;
    if (strategy instanceof PlainStrategy && role === 'one-way' && !inLanes) {
      const { now } = this.#options;
      return new SettingAside({ spec: () => this.#spec, letters: this.#letters, strategy, session, now });
    }
    if (this.#letters.size === 0) return null;
    const why = role === 'one-way' ? 'its lanes could not wait for each other' : 'both sides write now';
    throw lettersInTheWay(name, name, why);
  }

  /** The source has carried this generation out, and all that came before it is applied. */
  async #beat(settled: number, tables: TargetTables): Promise<void> {
    if (settled > this.#settled) {
      this.#settled = settled;
      this.#strike(tables);
      // Before it is reported.
      await this.#forgetLeft();
    }
    // The topology may have come here after it came to the source, or before.
    const carriedOut = Math.min(this.#generation, settled);
    if (carriedOut > this.#figures.observedGeneration) this.#figures.observedGeneration = carriedOut;
  }

  /** Every table of this generation has joined. */
  #told(generation: number): void {
    const carriedOut = Math.min(this.#generation, generation);
    if (carriedOut <= this.#figures.observedGeneration || this.#leaves() || this.#spec.joinsLate) return;
    this.#figures.observedGeneration = carriedOut;
  }

  /** Whether rows of tables that left may be on their way, also of such as nothing has arrived of yet. */
  #leaves(): boolean {
    return this.#spec.left.some(({ since }) => since > this.settled);
  }

  #strike(tables: TargetTables): void {
    for (const table of tables.update()) this.#left.add(table);
  }

  /** What leaves must not hold up the rest: a table is taken out also because its pipeline cannot go on with it. */
  #giveUp(error: unknown): void {
    const leaving = this.#tables?.leaving ?? [];
    if (leaving.length === 0 || !(error instanceof OtterError) || !AT_FAULT.test(error.code)) return;
    const named = [error.where['table'], error.where['tables']].flatMap((each) => String(each ?? '').split(', '));
    const isMeant = ({ table, target }: (typeof leaving)[number]): boolean =>
      named.includes(table) || named.includes(target);
    if (named.some((name) => name !== '') && !leaving.some(isMeant)) return;
    this.#given = this.#generation;
    this.#options.logger.warn('rows on their way are left behind, of tables that left the channel', {
      tables: leaving.map(({ table }) => table).join(', '),
      code: error.code,
    });
  }

  #first(stream: PipelineStream, own: Readonly<Record<string, string>>): Checkpoint {
    const { position, clock, seen } = stream.opening;
    return { seq: 0, epoch: Math.max(1, this.#options.ownerRevision), position, clock, seen: { ...own, ...seen } };
  }

  async #recorded(): Promise<Pick<OnRecord, 'copies' | 'known'>> {
    const { copies, known, left } = await onRecord(this.#options.target, this.#spec, this.settled);
    for (const table of left) this.#left.add(table);
    const gone = new Set(this.#left);
    await this.#forgetLeft();
    return {
      copies: copies.filter(({ table }) => !gone.has(table)),
      known: Object.fromEntries(Object.entries(known).filter(([table]) => !gone.has(table))),
    };
  }

  /** A table that left and comes back must be copied again. */
  async #forgetLeft(): Promise<void> {
    const gone = [...this.#left];
    await this.#options.target.forgetTables(this.#spec.name, gone);
    for (const table of gone) {
      this.#left.delete(table);
      this.#options.joined(table, null);
    }
  }
}
