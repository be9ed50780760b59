/**
 * The pipelines that leave an owned database, opened by whoever owns their targets.
 *
 * Rule kept: a stream that is registered here belongs to somebody who reads it; one whose asker has gone is closed before
 * it can hold the reader. When the topology changes, tables join and leave running streams, which are not reopened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { LogOrigin, TargetPort } from '../model/load.ts';
import type { FeedMeasures } from '../model/measures.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Logger, PastTable, PipelineRequest, PipelineStream, SiteSpec, SourcePort } from '../model/ports.ts';
import { parsePosition } from '../model/position.ts';
import { type Definition, type Image, type TableShape, tableName } from '../model/row.ts';
import { parentsFirst } from '../replication/cascades.ts';
import { unmeant } from '../replication/letters.ts';
import { ruleFor } from '../replication/names.ts';
import { leftNamed, placeNamed } from '../replication/places.ts';
import { definitions } from '../replication/structure-change.ts';
import { notCarried } from './carrying.ts';
import { Copier } from './copy.ts';
import { type Join, Joins } from './joins.ts';
import { FeedMeter } from './meters.ts';
import { Openings } from './openings.ts';
import { Outbound, type OutboundOptions } from './outbound.ts';
import type { LogStart } from './reader.ts';
import { surely } from './recorded-structure.ts';
import { Resyncer } from './resync.ts';
import type { SerialiserIndex } from './serialiser-index.ts';
import type { SiteLog } from './site-log.ts';
import { Limits } from './slowing.ts';
import { refuseOrphans, refuseStrays, waitsForParents } from './unlogged.ts';

type Desired = SiteSpec['pipelines'][number];

export interface OutgoingOptions {
  readonly site: string;
  /** Schema of otter's own tables. */
  readonly schema: string;
  readonly source: SourcePort;
  readonly target: TargetPort;
  readonly log: SiteLog;
  readonly logger: Logger;
  /** The pipelines that the topology wants to leave this database. */
  readonly desired: () => readonly Desired[];
  /** Settles when the database is fit to be read and written. */
  readonly prepared: (signal: AbortSignal, failed: (error: unknown) => void) => Promise<void>;
  /** A pipeline into this database, as the topology has it now. */
  readonly opposite: (pipeline: string) => PipelineSpec | null;
  /** The index of recent writes that judges a pipeline into this database. */
  readonly indexOf: (pipeline: string) => SerialiserIndex | null;
  /** Where pipelines of a mesh may begin. */
  readonly originOf: (channel: string) => Promise<LogOrigin>;
  /** Settles when the pipeline into this database has its first checkpoint; null while it does not run. */
  readonly firstCheckpointOf: (pipeline: string) => Promise<void> | null;
  /** Takes on work that goes on behind a stream. */
  readonly background: (work: Promise<void>) => void;
  readonly making: OutboundOptions['making'];
  /** Of the site's life. */
  readonly signal: AbortSignal;
}

interface Running {
  readonly outbound: Outbound;
  readonly copier: Copier;
  readonly resyncer: Resyncer;
  /** What it is becoming, in turn. */
  follows: PipelineSpec;
  generation: number;
  following: Promise<void>;
}

/** How long a peer's request waits here for the topology to arrive, or for the opposite pipeline to begin. */
const OPEN_WAIT_MS = 5_000;

export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #running = new Map<string, Running>();
  readonly #joins: Joins;
  readonly #openings = new Openings();
  readonly #limits = new Limits();
  /** By pipeline: of all streams that there were. */
  readonly #meters = new Map<string, FeedMeter>();

  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#joins = new Joins(options);
  }

  get size(): number {
    return this.#running.size;
  }

  measures(): Readonly<Record<string, FeedMeasures>> {
    return Object.fromEntries([...this.#meters].map(([pipeline, meter]) => [pipeline, meter.read()]));
  }

  #meterOf(pipeline: string): FeedMeter {
    const meter = this.#meters.get(pipeline) ?? new FeedMeter();
    this.#meters.set(pipeline, meter);
    return meter;
  }

  close(error: OtterError): void {
    for (const { outbound } of [...this.#running.values()]) outbound.close(error);
  }

  /** The database does not answer: whoever is given its rows, or waits for them, is told. */
  silent(error: OtterError): void {
    this.#openings.silent(error);
    this.close(error);
  }

  heard(): void {
    this.#openings.heard();
  }

  async open(request: PipelineRequest, asked: AbortSignal): Promise<PipelineStream> {
    const wanted = AbortSignal.any([asked, this.#options.signal]);
    try {
      return await this.#openings.run(wanted, async (signal) => this.#open(request, signal));
    } catch (error) {
      // Whoever asks has not ended it, and must not take it for an end of its own.
      if (asked.aborted || !this.#options.signal.aborted || error instanceof OtterError) throw error;
      throw new OtterError('OT6003', `the node that read ${this.#options.site} lets go of it`, {
        where: { database: this.#options.site, pipeline: request.pipeline },
        retry: 'backoff',
        cause: error,
      });
    }
  }

  async #open(request: PipelineRequest, signal: AbortSignal): Promise<PipelineStream> {
    const { site, source, target, log, originOf } = this.#options;
    const { spec, generation } = await this.#known(request, signal);
    await this.#fit(signal);
    requireGtids(spec, request);
    // A first start of the serialiser's pipeline waits until the opposite one has begun, so that no write at the other
    // site falls between the look at its tables and the first position of its log.
    if (request.from === null && spec.role === 'from-serialiser') await this.#begun(spec.reverse!, signal);
    if (spec.joinsBy !== null) await this.#joins.recall(spec.joinsBy);
    const { logsCascades, folds } = await source.facts();
    const odd = folds === true ? unmeant(spec.tables, site) : null;
    if (odd !== null) throw odd;
    const first = (): Promise<LogOrigin> => (spec.mesh ? originOf(spec.channel) : target.firstPosition(site));
    const start = request.from ?? (await first());
    const leaving = await this.#leaving(spec, Object.keys(request.known));
    const { past, later } = await this.#past(spec, start.position, request, signal);
    const opening = { ...start, logsCascades };
    const recorded = { known: without(request.known, later), copied: without(request.copied, later) };
    const running = this.#outbound({ spec, generation }, recorded, { opening, leaving, past }, signal);
    const { outbound } = running;
    try {
      // Tables are announced before anything else, so that the target knows at once whether there is something to copy.
      // A table that the second site made meanwhile joins where the log tells so. What it had before, and the first site has
      // not, is found out behind that.
      const strange = request.from !== null && spec.role === 'to-serialiser' ? await source.logEnd() : null;
      const isKnown = (name: string): boolean => strange === null || Object.hasOwn(request.known, name);
      if (past === null) await this.#announce(running, isKnown);
      else await this.#announcePast(running, start.position, past.values(), isKnown);
      const rest = async (): Promise<void> => {
        if (past === null) await this.#announce(running);
        else
          for (const { past: table, position } of outbound.untold) await this.#announcePast(running, position, [table]);
        outbound.looked(await source.logEnd());
      };
      if (strange === null) outbound.looked(await source.logEnd());
      else outbound.later(strange, rest);
      outbound.tookUp(generation, strange ?? leaving?.end ?? null);
      signal.throwIfAborted();
    } catch (error) {
      outbound.close();
      throw error;
    }
    this.#running
      .get(spec.name)
      ?.outbound.close(new OtterError('OT5020', `${spec.name} was opened anew`, { retry: 'backoff' }));
    this.#running.set(spec.name, running);
    const there = past === null ? sureOf(spec, request.known) : { past, later };
    log.join(outbound, { position: start.position, clock: spec.mesh ? start.clock : null, ...there });
    this.#follow(running);
    this.#options.background(this.#copy(outbound, running.copier));
    this.#options.background(this.#resync(outbound, running.resyncer));
    return outbound;
  }

  /** A table of a pipeline into this database joined, told before that is committed; null: it left. */
  joined(pipeline: string, table: string, join: Join | null): void {
    this.#joins.joined(pipeline, table, join);
    if (join !== null) this.#passOn(pipeline, table);
  }

  /** A table that another site of a mesh has made is here now too: who has its rows copied from here is told of it. */
  #passOn(pipeline: string, table: string): void {
    for (const running of this.#running.values()) {
      const { outbound } = running;
      const { mesh, channel, initial, reverse } = outbound.spec;
      if (!mesh || initial !== 'copy' || reverse === pipeline || !pipeline.startsWith(`${channel}/`)) continue;
      if (outbound.told.some((told) => tableName(told) === table)) continue;
      running.following = running.following
        .then(() => this.#announce(running, (name) => name === table))
        .catch((error: unknown) => outbound.close(error));
    }
  }

  /** Whether a pipeline of the channel carries what is done to the table in this transaction, or may for all that is known. */
  carriesFrom(channel: string, schema: string, table: string, gtid: string): boolean {
    return this.#of(channel).some(({ spec }) => this.#joins.carries(spec, { schema, name: table }, gtid));
  }

  /** Looks up what that asks for. */
  async recall(channel: string): Promise<void> {
    const by = new Set(this.#of(channel).flatMap(({ spec }) => (spec.joinsBy === null ? [] : [spec.joinsBy])));
    for (const pipeline of by) await this.#joins.recall(pipeline);
  }

  #of(channel: string): readonly Desired[] {
    return this.#options.desired().filter(({ spec }) => spec.channel === channel);
  }

  /** A pipeline into this database begins, and no table has joined. */
  begins(pipeline: string): void {
    this.#joins.begins(pipeline);
  }

  /** Whether a pipeline carries rows of the table, be it that it leaves. */
  carries(schema: string, table: string): boolean {
    return [...this.#running.values()].some(({ outbound }) => outbound.ruleOf(schema, table) !== null);
  }

  /** The topology has changed: streams of pipelines that left end, tables join and leave the others. */
  update(): void {
    for (const running of [...this.#running.values()]) this.#follow(running);
    const wanted = new Set(this.#options.desired().map(({ spec }) => spec.name));
    for (const pipeline of this.#meters.keys()) if (!wanted.has(pipeline)) this.#meters.delete(pipeline);
  }

  /** Whoever asks is told at once when this database cannot be read: it is their pipeline that does not run. */
  async #fit(signal: AbortSignal): Promise<void> {
    const asking = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    try {
      await Promise.race([this.#options.prepared(AbortSignal.any([signal, asking.signal]), reject), promise]);
    } finally {
      asking.abort();
    }
    signal.throwIfAborted();
  }

  #follow(running: Running): void {
    const { outbound } = running;
    const { name } = outbound.spec;
    const desired = this.#options.desired().find(({ spec }) => spec.name === name);
    if (desired === undefined || !desired.spec.enabled) {
      outbound.close(new OtterError('OT5020', `${name} left the topology or was disabled`, { retry: 'backoff' }));
    } else if (
      JSON.stringify(desired.spec) !== JSON.stringify(running.follows) &&
      [desired.spec, running.follows].some(({ ddl }) => ddl === 'replicate')
    ) {
      // What tables are like is known where the target stands, and no further.
      outbound.close(new OtterError('OT5020', `${name} has other tables or settings`, { retry: 'backoff' }));
    } else if (JSON.stringify(desired.spec) !== JSON.stringify(running.follows)) {
      running.follows = desired.spec;
      running.following = running.following.then(async () => this.#become(running, desired));
      this.#options.background(running.following);
    } else if (desired.generation !== running.generation) {
      // What changed is nothing to this pipeline.
      running.following = running.following.then(() => outbound.tookUp(desired.generation, null));
    }
    running.generation = desired?.generation ?? running.generation;
  }

  async #become(running: Running, { spec, generation }: Desired): Promise<void> {
    const { outbound } = running;
    try {
      // Tables that are named from now on and were made up to here have not been made in the channel.
      const end = await this.#options.source.logEnd();
      if (outbound.closed.aborted) return;
      const waits = outbound.update(spec, generation, end);
      refuseOrphans(outbound);
      await this.#announce(running);
      outbound.looked(await this.#options.source.logEnd());
      outbound.tookUp(generation, waits ? end : null);
      if (!waits) outbound.telling.complete(generation);
    } catch (error) {
      outbound.close(error);
    }
  }

  /** Of the tables that the target has recorded, those that the pipeline has no more. */
  async #leaving(spec: PipelineSpec, known: readonly string[]): Promise<OutboundOptions['leaving']> {
    const rules = known.flatMap((table) => {
      if (placeNamed(spec, table) !== null) return [];
      const rule = leftNamed(spec, table);
      return rule === null ? [] : [[table, rule] as const];
    });
    return rules.length === 0 ? null : { rules: new Map(rules), end: await this.#options.source.logEnd() };
  }

  #outbound(
    { spec, generation }: Pick<Desired, 'spec' | 'generation'>,
    recorded: Pick<PipelineRequest, 'known' | 'copied'>,
    { opening, leaving, past }: Pick<OutboundOptions, 'opening' | 'leaving' | 'past'>,
    signal: AbortSignal,
  ): Running {
    const { site, source, target, log, logger, indexOf, making } = this.#options;
    const ended = (): void => outbound.close();
    const outbound: Outbound = new Outbound({
      spec,
      generation,
      site,
      source,
      opening,
      leaving,
      past,
      making,
      limits: this.#limits,
      meter: this.#meterOf(spec.name),
      known: recorded.known,
      since: (table) => this.#joins.since(outbound, table),
      cameBack: (table) => this.#joins.cameBack(outbound, table),
      waits: (table) => !copier.idle && waitsForParents(outbound, table),
      onClose: () => {
        signal.removeEventListener('abort', ended);
        log.leave(outbound);
        if (this.#running.get(spec.name)?.outbound === outbound) this.#running.delete(spec.name);
      },
    });
    signal.addEventListener('abort', ended);
    const index = spec.reverse === null ? null : indexOf(spec.reverse);
    const chunks = {
      outbound,
      source,
      own: target,
      logsCascades: opening.logsCascades,
      lockKeys: index === null ? null : (table: TableShape, rows: readonly Image[]) => index.lockKeysOf(table, rows),
      logger: logger.child({ pipeline: spec.name }),
    };
    const copier: Copier = new Copier({ ...chunks, copied: recorded.copied });
    const resyncer = new Resyncer(chunks);
    outbound.onResync = (request) => resyncer.ask(request);
    outbound.onTable = (table) => copier.add(table);
    outbound.onLeave = (name) => copier.leave(name);
    outbound.onMove = (moves) => copier.move(moves);
    return { outbound, copier, resyncer, follows: spec, generation, following: Promise.resolve() };
  }

  /** Copies what must be copied; a failure ends the stream with the reason. */
  async #copy(outbound: Outbound, copier: Copier): Promise<void> {
    if (outbound.spec.initial !== 'copy') return;
    await copier.run(outbound.closed).catch((error: unknown) => outbound.close(error));
  }

  async #resync(outbound: Outbound, resyncer: Resyncer): Promise<void> {
    await resyncer.run(outbound.closed).catch((error: unknown) => outbound.close(error));
  }

  /**
   * The tables of a pipeline that carries changes, as they were at a place of the log, null for others; and those of which
   * what is recorded is of further on.
   */
  async #past(
    spec: PipelineSpec,
    position: string,
    { known, making }: Pick<PipelineRequest, 'known' | 'making'>,
    signal: AbortSignal,
  ): Promise<{
    readonly past: ReadonlyMap<string, PastTable> | null;
    readonly later: ReadonlyMap<string, Definition>;
  }> {
    const { name, source: site, target, channel, tables, ddl } = spec;
    if (ddl !== 'replicate') return { past: null, later: new Map() };
    const recorded = Object.entries(known).map(([table, { definition }]) => [table, definition ?? null] as const);
    const kept = { ...making, ...Object.fromEntries(recorded) };
    const { schema: own, source } = this.#options;
    const keeps = (schema: string, table: string): boolean => schema !== own && ruleFor(tables, schema, table) !== null;
    const past = await source.past(position, kept, keeps, { definitions, signal });
    const unknown = past.unknown.filter((table) => Object.hasOwn(known, table) && placeNamed(spec, table) !== null);
    if (unknown.length > 0) {
      const why = 'what the tables were like before it is not known, since changes were not carried until there';
      const said = 'a statement';
      throw notCarried({ pipeline: name, source: site, target, channel, said, tables: unknown, why, position });
    }
    return { past: past.tables, later: past.later };
  }

  /**
   * The tables of a pipeline out of this database that carries changes, as they were at a place of the log that the other side
   * has seen; nothing where it carries none.
   */
  async pastOf(pipeline: string, position: string): Promise<Pick<LogStart, 'past' | 'later'>> {
    const spec = this.#options.desired().find((desired) => desired.spec.name === pipeline)?.spec;
    if (spec?.ddl !== 'replicate') return {};
    const { schema: own, source, target, signal } = this.#options;
    const kept = await target.making(pipeline);
    const keeps = (schema: string, table: string): boolean =>
      schema !== own && ruleFor(spec.tables, schema, table) !== null;
    const { tables, later } = await source.past(position, kept, keeps, { definitions, signal });
    return { past: tables, later };
  }

  async #announce({ outbound, copier }: Running, which: (name: string) => boolean = () => true): Promise<void> {
    const { source, schema: own } = this.#options;
    const tables = await source.tables();
    const mine = tables.filter(
      ({ schema, name }) =>
        schema !== own &&
        which(tableName({ schema, name })) &&
        outbound.ruleOf(schema, name) !== null &&
        !outbound.leaves(schema, name),
    );
    // All at once, so that the server is asked once.
    const shapes = (await Promise.all(mine.map(({ schema, name }) => source.shape(schema, name)))).filter(
      (each) => each !== null,
    );
    refuseStrays(outbound, shapes);
    for (const shape of parentsFirst(shapes)) if (await outbound.telling.announce(shape)) copier.add(shape);
  }

  /**
   * Tables that carry their changes with them: each as it was where reading begins. What has been made or changed since in a
   * way that cannot be told is told where the log comes to it.
   */
  async #announcePast(
    { outbound, copier }: Running,
    position: string,
    past: Iterable<PastTable>,
    which: (name: string) => boolean = () => true,
  ): Promise<void> {
    const mine = [...past].filter(
      ({ shape: { schema, name } }) =>
        which(tableName({ schema, name })) && outbound.ruleOf(schema, name) !== null && !outbound.leaves(schema, name),
    );
    const byShape = new Map(mine.map((table) => [table.shape, table]));
    const shapes = [...byShape.keys()];
    refuseStrays(outbound, shapes);
    for (const shape of parentsFirst(shapes)) {
      const known = { past: byShape.get(shape)!, position };
      if (await outbound.telling.announce(shape, undefined, false, known)) copier.add(shape);
    }
  }

  async #known(request: PipelineRequest, signal: AbortSignal): Promise<Desired> {
    const { site, desired } = this.#options;
    for (const deadline = performance.now() + OPEN_WAIT_MS; ; ) {
      const found = desired().find(({ spec }) => spec.name === request.pipeline);
      if (found?.spec.enabled === true && found.generation >= request.generation) return found;
      if (performance.now() > deadline) {
        const what = `generation ${request.generation} of ${request.pipeline}`;
        throw new OtterError('OT5023', `the owner of ${site} does not know ${what} yet`, {
          where: { pipeline: request.pipeline },
          retry: 'backoff',
        });
      }
      await sleep(50, undefined, { signal });
    }
  }

  async #begun(pipeline: string, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const first = this.#options.firstCheckpointOf(pipeline)?.then(() => true) ?? false;
    const late = sleep(OPEN_WAIT_MS, false, { signal: AbortSignal.any([signal, waiting.signal]) });
    late.catch(() => undefined);
    const begun = await Promise.race([first, late]);
    waiting.abort();
    if (begun) return;
    throw new OtterError('OT5024', `${pipeline} has not begun at ${this.#options.site} yet`, {
      where: { pipeline },
      retry: 'backoff',
    });
  }
}

/** What a site has seen of another is told by GTIDs; a pipeline that began one-way without them has none. */
function requireGtids({ name, role, source }: PipelineSpec, { from }: PipelineRequest): void {
  if (role === 'one-way' || from === null || parsePosition(from.position).family !== 'file') return;
  throw new OtterError('OT4023', `${name} follows the log of ${source} by file and offset, which is one-way only`, {
    where: { pipeline: name, position: from.position },
    hint: 'begin the channel anew (`otter explain OT4023` says how)',
  });
}

/**
 * What its tables surely looked like where a pipeline stands. Two-way more hangs on a table than its columns (the keys that
 * are compared), of which nothing is recorded.
 */
function sureOf({ role }: PipelineSpec, known: PipelineRequest['known']): Pick<LogStart, 'sure'> {
  const recorded = new Map(Object.entries(known).map(([name, { structure }]) => [name, structure]));
  return role === 'one-way' ? { sure: (table) => surely(recorded, table) } : {};
}

function without<T>(recorded: Readonly<Record<string, T>>, names: ReadonlyMap<string, unknown>): typeof recorded {
  if (names.size === 0) return recorded;
  return Object.fromEntries(Object.entries(recorded).filter(([name]) => !names.has(name)));
}
