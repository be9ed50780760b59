/**
 * One owned database, alive: one reader of its log, an outbound pipeline for whoever asks, a loader for every pipeline
 * that writes here, and the heartbeat.
 *
 * Rule kept: `update` compares desired with running and touches only what differs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type {
  LinkClient,
  Logger,
  PipelineRequest,
  PipelineService,
  PipelineStream,
  RunningSite,
  SiteSpec,
  SourcePort,
} from '../model/ports.ts';
import type { PipelineFigures } from '../model/records.ts';
import { ruleFor } from '../replication/names.ts';
import { backoff } from './backoff.ts';
import { Copier } from './copy.ts';
import { Inbound } from './inbound.ts';
import { judging, SerialiserIndex } from './judge.ts';
import { Outbound } from './outbound.ts';
import { type LogListener, LogReader } from './reader.ts';

export interface SiteOptions {
  readonly spec: SiteSpec;
  readonly ownerRevision: number;
  readonly source: SourcePort & AsyncDisposable;
  readonly target: TargetPort & AsyncDisposable;
  readonly link: LinkClient;
  readonly logger: Logger;
  readonly now: () => number;
  readonly heartbeatMs: number;
  /** Memory for the index of recent writes of each two-way channel. */
  readonly indexBytes: number;
}

type Desired = SiteSpec['pipelines'][number];

interface RunningInbound {
  readonly spec: PipelineSpec;
  readonly inbound: Inbound;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  readonly index: SerialiserIndex | null;
  readonly firstCheckpoint: PromiseWithResolvers<void>;
}

/** How long a peer's request waits here for the topology to arrive, or for the opposite pipeline to begin. */
const OPEN_WAIT_MS = 5_000;

export class Site implements RunningSite {
  readonly #options: SiteOptions;
  readonly #abort = new AbortController();
  readonly #reader: LogReader;
  readonly #outbounds = new Map<string, { readonly outbound: Outbound; readonly abort: AbortController }>();
  readonly #inbounds = new Map<string, RunningInbound>();
  readonly #stopping = new Set<Promise<void>>();
  readonly #heart: Promise<void>;
  #spec: SiteSpec;
  #ready: Promise<void> | null = null;
  #tidied = false;

  constructor(options: SiteOptions) {
    this.#options = options;
    this.#spec = { ...options.spec, pipelines: [] };
    this.#reader = new LogReader({
      source: options.source,
      schema: options.spec.database.schema,
      lineage: options.spec.lineage,
      wants: (schema, table) => this.#outgoing().some(({ spec }) => ruleFor(spec.tables, schema, table) !== null),
      listeners: () => this.#listeners(),
      logger: options.logger,
      signal: this.#abort.signal,
    });
    this.update(options.spec);
    this.#heart = this.#beat();
  }

  readonly service: PipelineService = { open: (request, signal) => this.#open(request, signal) };

  update(spec: SiteSpec): void {
    const before = this.#spec;
    this.#spec = spec;
    const wanted = new Map(this.#incoming().map((desired) => [desired.spec.name, desired]));
    for (const [name, running] of this.#inbounds) {
      const desired = wanted.get(name);
      if (desired === undefined || !desired.spec.enabled) this.#stopInbound(name, running, desired === undefined);
      else if (changesHow(running.spec, desired.spec)) {
        this.#stopInbound(name, running, false);
        this.#startInbound(desired, running.done);
      } else running.inbound.update(desired.spec, desired.generation);
    }
    for (const [name, desired] of wanted)
      if (desired.spec.enabled && !this.#inbounds.has(name)) this.#startInbound(desired);
    this.#updateOutbounds(before);
    if (!this.#tidied) {
      this.#tidied = true;
      this.#background(this.#tidy());
    }
  }

  figures(): Readonly<Record<string, PipelineFigures>> {
    return Object.fromEntries(
      this.#incoming().map(({ spec, generation }) => {
        const running = this.#inbounds.get(spec.name);
        return [
          spec.name,
          running === undefined ? pausedFigures(generation) : this.#explained(spec, running.inbound.figures()),
        ];
      }),
    );
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    for (const { outbound } of this.#outbounds.values()) {
      outbound.close(new OtterError('OT5020', `the node that owns ${this.#spec.name} stops`, { retry: 'backoff' }));
    }
    await Promise.allSettled([
      ...[...this.#inbounds.values()].map(({ done }) => done),
      this.#reader.stop(),
      this.#heart,
      ...this.#stopping,
    ]);
    await Promise.allSettled([
      this.#options.source[Symbol.asyncDispose](),
      this.#options.target[Symbol.asyncDispose](),
    ]);
  }

  async retire(): Promise<void> {
    const { target } = this.#options;
    this.#abort.abort();
    await Promise.allSettled([...this.#inbounds.values()].map(({ done }) => done));
    try {
      await target.removeAll();
    } finally {
      await this.stop();
    }
  }

  // ------------------------------------------------------------ towards this database

  #incoming(): Desired[] {
    return this.#spec.pipelines.filter(({ spec }) => spec.target === this.#spec.name);
  }

  /** `before`: an earlier run of the same pipeline, which must have ended. */
  #startInbound(desired: Desired, before: Promise<void> = Promise.resolve()): void {
    const { target, link, ownerRevision, logger, now } = this.#options;
    const { spec } = desired;
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#abort.signal]);
    const firstCheckpoint = Promise.withResolvers<void>();
    const index =
      spec.role === 'to-serialiser'
        ? new SerialiserIndex({
            pipeline: spec.name,
            reverse: spec.reverse!,
            routes: (schema, table) =>
              this.#outgoing().some(
                (desired) => desired.spec.name === spec.reverse && ruleFor(desired.spec.tables, schema, table) !== null,
              ),
            target,
            limitBytes: this.#options.indexBytes,
          })
        : null;
    const inbound = new Inbound({
      spec,
      generation: desired.generation,
      target,
      link,
      ownerRevision,
      judging:
        index === null
          ? null
          : judging({
              index,
              reader: this.#reader,
              spec,
              indexSince: (position) => this.#indexSince(index, position),
              logger: logger.child({ pipeline: spec.name }),
            }),
      onFirstCheckpoint: firstCheckpoint.resolve,
      logger: logger.child({ pipeline: spec.name }),
      now,
    });
    const run = async (): Promise<void> => {
      await before;
      await this.#prepared(signal, (error) => inbound.failed(error));
      await inbound.run(signal);
    };
    this.#inbounds.set(spec.name, { spec, inbound, abort, done: run(), index, firstCheckpoint });
  }

  #stopInbound(name: string, running: RunningInbound, forget: boolean): void {
    this.#inbounds.delete(name);
    running.abort.abort();
    const { target, logger } = this.#options;
    this.#background(
      running.done.then(async () => {
        if (!forget) return;
        // The sleeping channel keeps its place; one that left the topology does not.
        await target.forget(name);
        logger.info('pipeline left the topology; its checkpoint is removed', { pipeline: name });
      }),
    );
  }

  /** Otter's tables exist and the server is fit to be read, before anything else; tried until it works. */
  async #prepared(signal: AbortSignal, failed: (error: unknown) => void): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        this.#ready ??= this.#prepare();
        return await this.#ready;
      } catch (error) {
        this.#ready = null;
        failed(error);
        await backoff(attempt, signal);
      }
    }
  }

  async #prepare(): Promise<void> {
    const { source, target } = this.#options;
    if (this.#outgoing().length > 0) await source.preflight();
    await target.prepare();
  }

  /** Checkpoints of pipelines that left the topology while this node was away. */
  async #tidy(): Promise<void> {
    const { target, logger } = this.#options;
    await this.#prepared(this.#abort.signal, (error) =>
      logger.warn('database is not ready', { error: messageOf(error) }),
    );
    if (this.#abort.signal.aborted) return;
    const known = new Set(this.#incoming().map(({ spec }) => spec.name));
    for (const pipeline of await target.pipelines()) {
      if (known.has(pipeline)) continue;
      await target.forget(pipeline);
      logger.info('pipeline left the topology while this node was away; its checkpoint is removed', { pipeline });
    }
  }

  /** The index must hold everything since `position` before anything is applied: rebuild it from the log if it does not. */
  async #indexSince(index: SerialiserIndex, position: string): Promise<void> {
    if (index.reachesBackTo(position)) return;
    await new Promise<void>((resolve) => {
      this.#reader.cover(position, () => {
        index.begin(position);
        resolve();
      });
    });
  }

  // ------------------------------------------------------------ from this database

  #outgoing(): Desired[] {
    return this.#spec.pipelines.filter(({ spec }) => spec.source === this.#spec.name);
  }

  *#listeners(): Iterable<LogListener> {
    for (const { index } of this.#inbounds.values()) if (index !== null) yield index;
    for (const { outbound } of this.#outbounds.values()) yield outbound;
  }

  async #open(request: PipelineRequest, signal: AbortSignal): Promise<PipelineStream> {
    const { source, target, logger } = this.#options;
    const desired = await this.#known(request, signal);
    await this.#prepared(signal, (error) => logger.warn('database is not ready', { error: messageOf(error) }));
    signal.throwIfAborted();
    const { spec } = desired;
    // A first start of the serialiser's pipeline waits until the opposite one has begun, so that no write at the other
    // site falls between the look at its tables and the first position of its log.
    if (request.from === null && spec.role === 'from-serialiser') await this.#begun(spec.reverse!, signal);
    const facts = await source.facts();
    const start = request.from ?? (await target.firstPosition());
    const opening = { ...start, logsCascades: facts.logsCascades };
    const abort = new AbortController();
    const outbound = new Outbound({
      spec,
      site: this.#spec.name,
      source,
      opening,
      onAcknowledge: () => undefined,
      onClose: () => {
        abort.abort();
        if (this.#outbounds.get(spec.name)?.outbound === outbound) this.#outbounds.delete(spec.name);
      },
    });
    signal.addEventListener('abort', () => outbound.close(), { once: true });
    const copier = this.#copier(outbound, request, facts.logsCascades);
    outbound.onTable = (table) => copier.add(table);
    // Every table is announced before anything else, so that the target knows at once whether there is something to copy.
    await this.#announce(outbound, copier);
    signal.throwIfAborted();
    this.#outbounds
      .get(spec.name)
      ?.outbound.close(new OtterError('OT5020', `${spec.name} was opened anew`, { retry: 'backoff' }));
    this.#outbounds.set(spec.name, { outbound, abort });
    this.#reader.cover(start.position);
    this.#background(this.#feed(outbound, copier, AbortSignal.any([abort.signal, this.#abort.signal])));
    return outbound;
  }

  /** Copies what must be copied; a failure ends the stream with the reason. */
  async #feed(outbound: Outbound, copier: Copier, signal: AbortSignal): Promise<void> {
    try {
      if (outbound.spec.initial === 'copy') await copier.run(signal);
    } catch (error) {
      if (!signal.aborted) outbound.close(error);
    }
  }

  async #announce(outbound: Outbound, copier: Copier): Promise<void> {
    const { source } = this.#options;
    for (const { schema, name } of await source.tables()) {
      if (schema === this.#spec.database.schema || outbound.ruleOf(schema, name) === null) continue;
      const shape = await source.shape(schema, name);
      if (shape !== null && (await outbound.announce(shape))) copier.add(shape);
    }
  }

  #copier(outbound: Outbound, request: PipelineRequest, logsCascades: boolean): Copier {
    const { source, target, logger } = this.#options;
    const index = outbound.spec.reverse === null ? null : (this.#inbounds.get(outbound.spec.reverse)?.index ?? null);
    return new Copier({
      outbound,
      source,
      own: target,
      copied: request.copied,
      logsCascades,
      lockKeys: index === null ? null : (table, rows) => index.lockKeysOf(table, rows),
      logger: logger.child({ pipeline: outbound.spec.name }),
    });
  }

  #updateOutbounds(before: SiteSpec): void {
    const wanted = new Map(this.#outgoing().map((desired) => [desired.spec.name, desired.spec]));
    const changed = JSON.stringify(tablesOf(before)) !== JSON.stringify(tablesOf(this.#spec));
    for (const [name, { outbound }] of this.#outbounds) {
      const spec = wanted.get(name);
      if (spec === undefined || !spec.enabled)
        outbound.close(new OtterError('OT5020', `${name} left the topology or was disabled`, { retry: 'backoff' }));
      else if (JSON.stringify(spec) !== JSON.stringify(outbound.spec)) this.#refresh(outbound, spec);
    }
    if (changed) this.#reader.reopen();
  }

  /** New tables of a running pipeline are announced and copied while the others go on. */
  #refresh(outbound: Outbound, spec: PipelineSpec): void {
    outbound.update(spec);
    const add = outbound.onTable;
    if (add === null) return;
    this.#background(
      (async () => {
        const { source } = this.#options;
        for (const { schema, name } of await source.tables()) {
          if (schema === this.#spec.database.schema || outbound.ruleOf(schema, name) === null) continue;
          const shape = await source.shape(schema, name);
          if (shape !== null && (await outbound.announce(shape))) add(shape);
        }
      })().catch((error: unknown) => outbound.close(error)),
    );
  }

  async #known(request: PipelineRequest, signal: AbortSignal): Promise<Desired> {
    for (const deadline = Date.now() + OPEN_WAIT_MS; ; ) {
      const desired = this.#outgoing().find(({ spec }) => spec.name === request.pipeline);
      if (desired !== undefined && desired.spec.enabled && desired.generation >= request.generation) return desired;
      if (Date.now() > deadline) {
        throw new OtterError(
          'OT5023',
          `the owner of ${this.#spec.name} does not know generation ${request.generation} of ${request.pipeline} yet`,
          {
            where: { pipeline: request.pipeline },
            retry: 'backoff',
          },
        );
      }
      await sleep(50, undefined, { signal });
    }
  }

  async #begun(pipeline: string, signal: AbortSignal): Promise<void> {
    const running = this.#inbounds.get(pipeline);
    const begun =
      running === undefined
        ? false
        : await Promise.race([
            running.firstCheckpoint.promise.then(() => true),
            sleep(OPEN_WAIT_MS, false, { signal }),
          ]);
    if (!begun)
      throw new OtterError('OT5024', `${pipeline} has not begun at ${this.#spec.name} yet`, {
        where: { pipeline },
        retry: 'backoff',
      });
  }

  // ------------------------------------------------------------ heart

  async #beat(): Promise<void> {
    const { target, logger, heartbeatMs } = this.#options;
    const { signal } = this.#abort;
    let failed = false;
    while (!signal.aborted) {
      if (this.#outbounds.size > 0) {
        try {
          await target.beat(this.#spec.name);
          failed = false;
        } catch (error) {
          if (!failed && !signal.aborted) logger.warn('heartbeat could not be written', { error: messageOf(error) });
          failed = true;
        }
      }
      await sleep(heartbeatMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #explained(spec: PipelineSpec, figures: PipelineFigures): PipelineFigures {
    if (spec.role !== 'to-serialiser' || figures.waiting !== null) return figures;
    const opposite = spec.reverse === null ? undefined : this.#outbounds.get(spec.reverse)?.outbound;
    if (opposite?.full !== true) return figures;
    return {
      ...figures,
      waiting: `the log reader of ${this.#spec.name} waits for ${spec.reverse}, which is slower than its source`,
    };
  }

  #background(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#options.logger.warn('background work failed', { error: messageOf(error) });
    });
    this.#stopping.add(guarded);
    void guarded.then(() => this.#stopping.delete(guarded));
  }
}

/** What cannot change while a pipeline runs: who decides, and what happens to rows that are there. */
function changesHow(before: PipelineSpec, after: PipelineSpec): boolean {
  return (['source', 'target', 'role', 'reverse', 'initial', 'existing'] as const).some(
    (key) => before[key] !== after[key],
  );
}

function tablesOf(spec: SiteSpec): unknown {
  return spec.pipelines.filter((desired) => desired.spec.source === spec.name).map((desired) => desired.spec.tables);
}

function pausedFigures(generation: number): PipelineFigures {
  return {
    phase: 'paused',
    observedGeneration: generation,
    lagMs: null,
    position: null,
    rowsApplied: 0,
    rowsPerSecond: 0,
    conflicts: 0,
    drift: 0,
    copy: null,
    error: null,
    waiting: null,
  };
}
