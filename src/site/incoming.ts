/**
 * The pipelines into an owned database: one loader each, and where this site decides, an index of recent writes.
 *
 * Rule kept: a pipeline begins only when whatever ends here has ended, and the checkpoints of pipelines that left the topology
 * have been forgotten, by which an owner before this one is fenced. So two runs of one name never overlap, and what a
 * pipeline brings is not overwritten by what another had on its way that had its tables before.
 */
import { type ConflictLogLevel, DEFAULT_CONFLICT_LOG } from '../model/conflict.ts';
import { messageOf, OtterError } from '../model/error.ts';
import type { FileLink } from '../model/file-link.ts';
import type { Spill } from '../model/key-store.ts';
import type { LogOrigin, TargetPort } from '../model/load.ts';
import type { LoadMeasures } from '../model/measures.ts';
import type { ConflictRule, PipelineSpec } from '../model/pipeline.ts';
import type { LinkClient, Logger, SiteSpec } from '../model/ports.ts';
import type { PipelineFigures } from '../model/records.ts';
import type { TableShape } from '../model/row.ts';
import { ruleFor } from '../replication/names.ts';
import { backoff, untilDone } from './backoff.ts';
import { Inbound } from './inbound.ts';
import type { Join } from './joins.ts';
import { judging } from './judge.ts';
import { ManualStrategy } from './manual-judge.ts';
import type { MeshIndex } from './mesh-index.ts';
import { type MeshJudgingOptions, MeshStrategy } from './mesh-judge.ts';
import { Meshes } from './meshes.ts';
import { moveCheckpoint } from './moving.ts';
import type { LogStart } from './reader.ts';
import { SerialiserIndex } from './serialiser-index.ts';
import type { SiteLog } from './site-log.ts';
import type { Throttle } from './throttle.ts';
import type { WindowTraces } from './window-traces.ts';

type Desired = SiteSpec['pipelines'][number];

export interface IncomingOptions {
  readonly target: TargetPort;
  readonly throttle: Throttle;
  /** Absent: nobody follows single windows. */
  readonly traces?: ((spec: () => PipelineSpec) => WindowTraces) | undefined;
  readonly link: LinkClient;
  readonly files?: FileLink | undefined;
  readonly ownerRevision: number;
  readonly indexBytes: number;
  /** Where what finds no room in that goes. */
  readonly spill: Spill;
  readonly log: SiteLog;
  /** Name of this database. */
  readonly site: string;
  /** Whether a pipeline out of this database has the table. */
  readonly routes: (pipeline: string, schema: string, table: string) => boolean;
  /** How conflicts of a table are decided that it has. */
  readonly ruleOf: (pipeline: string, schema: string, table: string) => ConflictRule;
  readonly logger: Logger;
  readonly now: () => number;
  /** Told of tables that join, before that is committed: see `KnownTable.since`. */
  readonly joined: (pipeline: string, table: string, join: Join | null) => void;
  /** See `Outgoing.carriesFrom`, `Outgoing.recall`. */
  readonly carries: (channel: string, schema: string, table: string, gtid: string) => boolean;
  readonly recall: (channel: string) => Promise<void>;
  /** See `Outgoing.pastOf`. */
  readonly pastOf: (pipeline: string, position: string) => Promise<Pick<LogStart, 'past' | 'later'>>;
  /** Told when a pipeline has no checkpoint yet. */
  readonly begins: (pipeline: string) => void;
  /** Settles when the database is fit to be read and written. */
  readonly prepared: (signal: AbortSignal, failed: (error: unknown) => void) => Promise<void>;
  /** Settles when `tidy` was called. */
  readonly tidied: Promise<void>;
  readonly background: (work: Promise<void>) => void;
  /** Of the site's life. */
  readonly signal: AbortSignal;
}

/** What became of a wish that a pipeline stand elsewhere. */
interface Moved {
  readonly wanted: string;
  figures: Partial<Pick<PipelineFigures, 'position' | 'error'>>;
}

interface RunningInbound {
  readonly spec: PipelineSpec;
  readonly born: number;
  readonly inbound: Inbound;
  readonly abort: AbortController;
  readonly done: Promise<void>;
  readonly index: SerialiserIndex | null;
  readonly firstCheckpoint: PromiseWithResolvers<void>;
}

export class Incoming {
  readonly #options: IncomingOptions;
  readonly #running = new Map<string, RunningInbound>();
  /** Pipelines that are ending or being forgotten; one of the same name begins after that. */
  readonly #leaving = new Map<string, Promise<void>>();
  #desired: readonly Desired[] = [];
  readonly #meshes: Meshes;
  /** Pipelines that rest and are to stand elsewhere: what became of that. */
  readonly #moves = new Map<string, Moved>();

  constructor(options: IncomingOptions) {
    this.#options = options;
    this.#meshes = new Meshes({
      ...options,
      desired: () => this.#desired,
      copyingFrom: (channel) => this.#copyingFrom(channel),
    });
  }

  /** Compares desired with running and touches only what differs. */
  update(desired: readonly Desired[]): void {
    const before = this.#desired;
    this.#desired = desired;
    const wanted = new Map(desired.map((each) => [each.spec.name, each]));
    for (const [name, running] of this.#running) {
      const now = wanted.get(name);
      const anew = now === undefined || changesHow(running.spec, now.spec) || running.inbound.moves(now.spec);
      if (now?.spec.enabled !== true || now.born !== running.born || anew)
        this.#stop(name, running, whyEnds(now?.spec));
      else {
        const then = before.find(({ spec }) => spec.name === name)?.spec ?? running.spec;
        running.inbound.update(now.spec, now.generation);
        if (running.index !== null && judgesHow(then, now.spec)) this.#noteAgain(running, running.index);
      }
    }
    // A pipeline that sleeps keeps its place; one that left the topology does not.
    for (const { spec } of before) if (!wanted.has(spec.name)) this.#forget(spec.name);
    for (const [name, each] of wanted) if (each.spec.enabled && !this.#running.has(name)) this.#start(each);
    for (const name of this.#moves.keys()) if (wanted.get(name)?.spec.move === undefined) this.#moves.delete(name);
    for (const each of desired) if (each.spec.target === this.#options.site) this.#move(each);
  }

  /** `found`: pipelines that have a checkpoint here; those that left while nobody ran this site are forgotten. */
  tidy(found: readonly string[]): void {
    for (const name of found) if (!this.#desired.some(({ spec }) => spec.name === name)) this.#forget(name);
  }

  /** This database does not answer; what waits for it goes on waiting. */
  silent(error: OtterError): void {
    for (const { inbound } of this.#running.values()) inbound.silent(error);
  }

  /** It answers again: what was said of its silence is over. */
  heard(): void {
    for (const { inbound } of this.#running.values()) inbound.heard();
  }

  figures({ spec, generation }: Desired): PipelineFigures {
    const running = this.#running.get(spec.name);
    if (running === undefined) return { ...pausedFigures(generation), ...this.#moves.get(spec.name)?.figures };
    return { ...running.inbound.figures(), index: running.index?.figures() ?? this.#meshes.figures(running.spec) };
  }

  /** Of those that run. */
  measures(): Readonly<Record<string, LoadMeasures>> {
    return Object.fromEntries([...this.#running].map(([name, { inbound }]) => [name, inbound.measures()]));
  }

  /** Where pipelines of a mesh out of this database may begin. */
  originOf(channel: string): Promise<LogOrigin> {
    return this.#meshes.of(channel).origin();
  }

  indexOf(pipeline: string): SerialiserIndex | null {
    return this.#running.get(pipeline)?.index ?? null;
  }

  /** Of tables that left up to this generation of its channel nothing is to come; 0 while that is not known. */
  settledOf(pipeline: string): number {
    return this.#running.get(pipeline)?.inbound.settled ?? 0;
  }

  /** Null while the pipeline does not run. */
  firstCheckpointOf(pipeline: string): Promise<void> | null {
    return this.#running.get(pipeline)?.firstCheckpoint.promise ?? null;
  }

  /** After the site's signal has aborted: all loaders have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
  }

  /** When nothing reads the log any more. */
  close(): void {
    for (const { index } of this.#running.values()) index?.close();
    this.#meshes.close();
  }

  #start(desired: Desired): void {
    const {
      target,
      link,
      ownerRevision,
      log,
      routes,
      ruleOf,
      joined,
      begins,
      prepared,
      tidied,
      indexBytes,
      spill,
      logger,
      now,
    } = this.#options;
    const { spec } = desired;
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, this.#options.signal]);
    const firstCheckpoint = Promise.withResolvers<void>();
    const mesh = spec.mesh ? this.#meshes.of(spec.channel) : null;
    const index =
      spec.role === 'to-serialiser' && mesh === null
        ? new SerialiserIndex({
            pipeline: spec.name,
            reverse: spec.reverse!,
            routes: (schema, table) => routes(spec.reverse!, schema, table),
            ruleOf: (schema, table) => ruleOf(spec.reverse!, schema, table),
            target,
            limitBytes: indexBytes,
            spill,
            logger: logger.child({ pipeline: spec.name }),
          })
        : null;
    const inbound: Inbound = new Inbound({
      spec,
      generation: desired.generation,
      born: desired.born,
      target,
      link,
      throttle: this.#options.throttle,
      files: this.#options.files,
      traces: this.#options.traces?.(() => inbound.spec),
      ownerRevision,
      joined: (table, join) => {
        joined(spec.name, table, join);
        if (join !== null) mesh?.joined(table, join.since);
      },
      begins: () => begins(spec.name),
      ready: async () => mesh?.begin(),
      origin: () => this.#meshes.of(spec.channel).origin(),
      judging:
        mesh !== null
          ? async (tables) => {
              if (!spec.parks) return new MeshStrategy(this.#meshJudging(spec, mesh), tables);
              await mesh.open.load(spec.name);
              return new ManualStrategy(this.#meshJudging(spec, mesh), tables);
            }
          : index === null
            ? null
            : judging({
                index,
                passed: (point, timeoutMs) => log.passed(index, point, timeoutMs),
                spec,
                star: () => inbound.spec.star,
                current: () => inbound.spec,
                indexSince: async (position) => {
                  if (index.reachesBackTo(position)) return;
                  const tables = await this.#options.pastOf(spec.reverse!, position);
                  signal.throwIfAborted();
                  index.begin(position);
                  log.join(index, { position, clock: null, ...tables });
                },
                levelOf: ({ source }) => this.#levelOf(spec.name, source),
                logger: logger.child({ pipeline: spec.name }),
                now,
              }),
      changes: index?.changes ?? null,
      open: () => (spec.parks ? mesh!.open.size : 0),
      onFirstCheckpoint: firstCheckpoint.resolve,
      logger: logger.child({ channel: spec.channel, pipeline: spec.name }),
      now,
    });
    logger.info('pipeline begins', { channel: spec.channel, pipeline: spec.name });
    const run = async (): Promise<void> => {
      await prepared(signal, (error) => inbound.failed(error));
      // One that is stopped before it began waits for nobody: the others wait for it.
      await Promise.race([tidied.then(() => Promise.all(this.#leaving.values())), aborted(signal)]);
      await inbound.run(signal);
    };
    this.#running.set(spec.name, { spec, born: desired.born, inbound, abort, done: run(), index, firstCheckpoint });
  }

  /** It rests, and somebody wants it to stand elsewhere. */
  #move({ spec, born }: Desired): void {
    const { name, move, enabled } = spec;
    const wanted = JSON.stringify(move);
    if (enabled || move === undefined || this.#moves.get(name)?.wanted === wanted) return;
    const { target, ownerRevision, prepared, signal, logger } = this.#options;
    const moved: Moved = { wanted, figures: {} };
    this.#moves.set(name, moved);
    const isWanted = (): boolean => this.#moves.get(name) === moved;
    const failed = (error: unknown): void => {
      const known = error instanceof OtterError ? error : new OtterError('OT9001', messageOf(error), { cause: error });
      moved.figures = { error: { code: known.code, message: known.message, hint: known.hint ?? null } };
    };
    this.#leave(name, async () => {
      await prepared(signal, failed);
      for (let attempt = 0; isWanted() && !signal.aborted; attempt += 1) {
        try {
          const position = await moveCheckpoint({ target, ownerRevision, born, spec });
          moved.figures = { position };
          logger.info('a pipeline that rests stands elsewhere now, as somebody wanted', { pipeline: name, position });
          return;
        } catch (error) {
          failed(error);
          if (error instanceof OtterError && error.retry === 'never') return;
          await backoff(attempt, signal);
        }
      }
    });
  }

  /** See `Meshes.place`. */
  get place(): LogOrigin | null {
    return this.#meshes.place;
  }

  #copyingFrom(channel: string): string | null {
    const copies = [...this.#running.values()].find(
      ({ spec, inbound }) => spec.channel === channel && spec.initial === 'copy' && inbound.copying,
    );
    return copies?.spec.source ?? null;
  }

  #meshJudging(spec: PipelineSpec, index: MeshIndex): MeshJudgingOptions {
    const { log, now } = this.#options;
    return {
      index,
      passed: (point, timeoutMs) => log.passed(index, point, timeoutMs),
      spec,
      levelOf: ({ source }) => this.#levelOf(spec.name, source),
      now,
    };
  }

  /** A table that left keeps what its channel keeps. */
  #levelOf(pipeline: string, { schema, name }: TableShape): ConflictLogLevel {
    const spec = this.#desired.find((desired) => desired.spec.name === pipeline)?.spec;
    const own = spec === undefined ? undefined : ruleFor(spec.tables, schema, name)?.conflictLog;
    return (own ?? spec?.conflictLog ?? DEFAULT_CONFLICT_LOG).log;
  }

  /** Until it is filled again nobody is told that it has passed the end of the log. */
  #noteAgain({ spec, abort }: RunningInbound, index: SerialiserIndex): void {
    const { log, pastOf, background, signal, logger } = this.#options;
    const from = index.again();
    if (from === null) return;
    log.leave(index);
    const join = async (): Promise<void> => {
      const tables = await pastOf(spec.reverse!, from);
      // It may have been given up, or begun elsewhere, meanwhile.
      if (!abort.signal.aborted && index.begun === from) log.join(index, { position: from, clock: null, ...tables });
    };
    const failed = (error: unknown): void =>
      logger.warn('the index of recent writes waits to be filled again', { pipeline: spec.name, error });
    background(untilDone(join, AbortSignal.any([abort.signal, signal]), failed));
  }

  #stop(name: string, running: RunningInbound, why: string): void {
    this.#running.delete(name);
    running.abort.abort();
    const { position } = running.inbound.figures();
    this.#options.logger.info('pipeline ends', { channel: running.spec.channel, pipeline: name, why, position });
    this.#leave(name, async () => {
      await running.done;
      if (running.index !== null) {
        this.#options.log.leave(running.index);
        running.index.close();
      }
      this.#meshes.tidy();
    });
  }

  /** Its checkpoint goes, so that a pipeline of this name begins anew if it comes back. */
  #forget(name: string): void {
    const { target, logger, signal } = this.#options;
    this.#leave(name, async () => {
      await untilDone(
        () => target.forget(name),
        signal,
        (error) => {
          logger.warn('the checkpoint of a pipeline that left could not be removed; tried again', {
            pipeline: name,
            error,
          });
        },
      );
      if (!signal.aborted) logger.info('pipeline left the topology; its checkpoint is removed', { pipeline: name });
    });
  }

  #leave(name: string, work: () => Promise<void>): void {
    const left = (this.#leaving.get(name) ?? Promise.resolve()).then(work);
    const settled = left.catch(() => undefined);
    this.#leaving.set(name, settled);
    this.#options.background(left);
    void settled.then(() => {
      if (this.#leaving.get(name) === settled) this.#leaving.delete(name);
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

/** What cannot change while a pipeline runs: who decides, and what happens to rows that are there. */
function changesHow(before: PipelineSpec, after: PipelineSpec): boolean {
  return (
    ['source', 'target', 'role', 'reverse', 'initial', 'existing', 'mesh', 'parks', 'dryRun', 'lanes'] as const
  ).some((key) => before[key] !== after[key]);
}

/**
 * Whether the index must be filled anew: of what was written before, it holds what the rule of then asked for. A restart of
 * the node would do the same, and what is decided must not depend on that.
 */
function judgesHow(before: PipelineSpec, after: PipelineSpec): boolean {
  return after.tables.some(({ from, conflict }) => {
    const then = before.tables.find((rule) => rule.from === from);
    return then !== undefined && JSON.stringify(then.conflict) !== JSON.stringify(conflict);
  });
}

function whyEnds(spec: PipelineSpec | undefined): string {
  if (spec === undefined) return 'it is not applied any more';
  return spec.enabled ? 'what is applied of it has changed' : 'it is paused';
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
    index: null,
  };
}
