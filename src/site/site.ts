/**
 * One owned database, alive: its log, an outbound pipeline for whoever asks, a loader for every pipeline
 * that writes here, and the heartbeat.
 *
 * Rule kept: `update` compares desired with running and touches only what differs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, OtterError } from '../model/error.ts';
import type { FileLink } from '../model/file-link.ts';
import type { Spill } from '../model/key-store.ts';
import { DRAFT_PREFIX, type LoadPort, type TargetPort } from '../model/load.ts';
import type { SiteMeasures } from '../model/measures.ts';
import { type PipelineSpec, SITE_PRIORITY } from '../model/pipeline.ts';
import type { LinkClient, Logger, PipelineService, RunningSite, SiteSpec, SourcePort } from '../model/ports.ts';
import type { PipelineFigures } from '../model/records.ts';
import type { RowMaking } from '../model/row-making.ts';
import type { Traces } from '../model/traces.ts';
import { ruleFor } from '../replication/names.ts';
import { ghostOf } from '../replication/renames.ts';
import { backoff, untilDone } from './backoff.ts';
import { keepConflictLog } from './conflict-keeping.ts';
import { Incoming } from './incoming.ts';
import { Outgoing } from './outgoing.ts';
import { keepEndpoint, pulse } from './pulse.ts';
import { SiteLog } from './site-log.ts';
import { Throttle } from './throttle.ts';
import { WindowTraces } from './window-traces.ts';

export interface SiteOptions {
  readonly spec: SiteSpec;
  readonly ownerRevision: number;
  readonly source: SourcePort & AsyncDisposable;
  readonly target: TargetPort & AsyncDisposable;
  /** Lets go of a server that does not answer: whatever waits for it fails. */
  readonly abandon: () => void;
  /**
   * Where there are several endpoints: looks how the one in use is, and tells which took over, or null. It fails where none can
   * be used; absent: there is but one.
   */
  readonly look?: () => Promise<string | null>;
  /** Where there are several: the one in use. */
  readonly endpoint?: () => string;
  /** Asked how busy the server is, where the topology has limits for that; absent: it cannot be. */
  readonly load?: LoadPort;
  /** See `PulseOptions`. */
  readonly renew?: (isSilent: () => boolean) => Promise<void>;
  readonly link: LinkClient;
  /** Told of each window that is written here; absent: nobody follows them. */
  readonly traces?: Traces | undefined;
  /** Where files are asked for that rows name; absent: none are. */
  readonly files?: FileLink | undefined;
  readonly logger: Logger;
  readonly now: () => number;
  readonly heartbeatMs: number;
  /** Memory for the index of recent writes of each two-way channel. */
  readonly indexBytes: number;
  /** Where what finds no room in that goes. */
  readonly spill: Spill;
  readonly making: RowMaking;
  /** How often the conflict log is shortened [a minute]. */
  readonly keepingMs?: number;
}

type Desired = SiteSpec['pipelines'][number];

/** What the topology wants of the database's log. */
type Needs = 'no log' | 'log' | 'gtids';

const KEEPING_MS = 60_000;
/** How long what is under way may take to end when the site stops. */
const STOP_GRACE_MS = 5_000;

export class Site implements RunningSite {
  readonly #options: SiteOptions;
  readonly #abort = new AbortController();
  readonly #log: SiteLog;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #throttle: Throttle;
  readonly #stopping = new Set<Promise<void>>();
  readonly #heart: Promise<unknown>;
  #spec: SiteSpec;
  #ready: { readonly needs: Needs; readonly done: Promise<void> } | null = null;
  readonly #tidied = Promise.withResolvers<void>();

  constructor(options: SiteOptions) {
    this.#options = options;
    const { traces } = options;
    this.#spec = { ...options.spec, pipelines: [] };
    this.#log = new SiteLog({
      source: options.source,
      schema: options.spec.database.schema,
      lineage: options.spec.lineage,
      wants: (schema, table) =>
        this.#wanted().some(({ spec }) => this.#has(spec, schema, table)) || this.#outgoing.carries(schema, table),
      keeps: () => this.#keeps(),
      logger: options.logger,
    });
    this.#outgoing = new Outgoing({
      site: options.spec.name,
      schema: options.spec.database.schema,
      source: options.source,
      target: options.target,
      making: options.making,
      log: this.#log,
      logger: options.logger,
      desired: () => this.#wanted(),
      prepared: (signal, failed) => this.#prepared(signal, failed),
      opposite: (pipeline) => towards(this.#spec).find(({ spec }) => spec.name === pipeline)?.spec ?? null,
      indexOf: (pipeline) => this.#incoming.indexOf(pipeline),
      originOf: (channel) => this.#incoming.originOf(channel),
      firstCheckpointOf: (pipeline) => this.#incoming.firstCheckpointOf(pipeline),
      background: (work) => this.#background(work),
      signal: this.#abort.signal,
    });
    this.#throttle = new Throttle({
      limits: () => this.#spec.database.throttle,
      load: options.load,
      logger: options.logger,
    });
    this.#incoming = new Incoming({
      site: options.spec.name,
      target: options.target,
      throttle: this.#throttle,
      ...(traces === undefined
        ? {}
        : { traces: (spec: () => PipelineSpec) => new WindowTraces(traces, options.spec.topology, spec) }),
      link: options.link,
      files: options.files,
      ownerRevision: options.ownerRevision,
      indexBytes: options.indexBytes,
      spill: options.spill,
      log: this.#log,
      routes: (pipeline, schema, table) =>
        this.#wanted().some(({ spec }) => spec.name === pipeline && this.#has(spec, schema, table)),
      ruleOf: (pipeline, schema, table) => {
        const out = this.#wanted().find(({ spec }) => spec.name === pipeline);
        return ruleFor(out?.spec.tables ?? [], schema, table)?.conflict ?? SITE_PRIORITY;
      },
      joined: (pipeline, table, join) => this.#outgoing.joined(pipeline, table, join),
      carries: (channel, schema, table, gtid) => this.#outgoing.carriesFrom(channel, schema, table, gtid),
      recall: (channel) => this.#outgoing.recall(channel),
      pastOf: (pipeline, position) => this.#outgoing.pastOf(pipeline, position),
      begins: (pipeline) => this.#outgoing.begins(pipeline),
      logger: options.logger,
      now: options.now,
      prepared: (signal, failed) => this.#prepared(signal, failed),
      tidied: this.#tidied.promise,
      background: (work) => this.#background(work),
      signal: this.#abort.signal,
    });
    this.update(options.spec);
    this.#background(this.#tidy());
    this.#heart = Promise.all([this.#beat(), this.#pulse(), this.#keep(), this.#endpoint(), this.#ease()]);
  }

  readonly service: PipelineService = { open: (request, signal) => this.#outgoing.open(request, signal) };

  update(spec: SiteSpec): void {
    const before = this.#spec;
    this.#spec = spec;
    this.#incoming.update(towards(spec));
    this.#outgoing.update();
    if (JSON.stringify(tablesOf(before)) !== JSON.stringify(tablesOf(spec))) this.#log.reopen();
  }

  figures(): Readonly<Record<string, PipelineFigures>> {
    return Object.fromEntries(
      towards(this.#spec).map((desired) => [desired.spec.name, this.#incoming.figures(desired)]),
    );
  }

  get endpoint(): string | null {
    return this.#options.endpoint?.() ?? null;
  }

  measures(): SiteMeasures {
    return { reader: this.#log.meter.read(), into: this.#incoming.measures(), out: this.#outgoing.measures() };
  }

  async stop(): Promise<void> {
    await this.#end();
    await this.#dispose();
  }

  async retire(): Promise<void> {
    await this.#end();
    try {
      await this.#options.target.removeAll();
    } finally {
      await this.#dispose();
    }
  }

  /** Nothing reads or writes any more when this returns. */
  async #end(): Promise<void> {
    this.#abort.abort();
    this.#outgoing.close(new OtterError('OT5020', `the node that owns ${this.#spec.name} stops`, { retry: 'backoff' }));
    const settled = this.#settled();
    const waiting = new AbortController();
    const late = sleep(STOP_GRACE_MS, true, { signal: waiting.signal }).catch(() => false);
    if (await Promise.race([settled.then(() => false), late])) {
      this.#options.logger.warn('the database does not answer; its sessions are dropped');
      this.#options.abandon();
      // Nothing can be written without them, whatever still waits.
      const given = sleep(STOP_GRACE_MS, true, { signal: waiting.signal }).catch(() => false);
      if (await Promise.race([settled.then(() => false), given]))
        this.#options.logger.warn('something of the database did not end; it is left behind');
      waiting.abort();
      return;
    }
    waiting.abort();
    await settled;
  }

  async #settled(): Promise<void> {
    await Promise.allSettled([this.#incoming.settled(), this.#log.stop(), this.#heart]);
    while (this.#stopping.size > 0) await Promise.allSettled(this.#stopping);
    this.#incoming.close();
  }

  async #dispose(): Promise<void> {
    const { source, target, load } = this.#options;
    await Promise.allSettled([source, target, load].map((each) => each?.[Symbol.asyncDispose]()));
  }

  // ------------------------------------------------------------ towards this database

  /** Otter's tables exist and the server is fit to be read, before anything else; tried until it works. */
  async #prepared(signal: AbortSignal, failed: (error: unknown) => void): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      // What was fit for one-way channels need not be for others.
      const needs = this.#needs();
      if (this.#ready?.needs !== needs) this.#ready = { needs, done: this.#prepare(needs) };
      const ready = this.#ready;
      try {
        return await ready.done;
      } catch (error) {
        if (this.#ready === ready) this.#ready = null;
        failed(error);
        await backoff(attempt, signal);
      }
    }
  }

  #needs(): Needs {
    const wanted = this.#wanted();
    if (wanted.some(({ spec }) => spec.role !== 'one-way')) return 'gtids';
    return wanted.length > 0 ? 'log' : 'no log';
  }

  async #prepare(needs: Needs): Promise<void> {
    const { source, target } = this.#options;
    if (needs !== 'no log') await source.preflight({ gtids: needs === 'gtids' });
    await target.prepare();
  }

  /** Checkpoints of pipelines that left the topology while this node was away. */
  async #tidy(): Promise<void> {
    const { target, logger } = this.#options;
    const { signal } = this.#abort;
    await this.#prepared(signal, (error) => logger.warn('database is not ready', { error: messageOf(error) }));
    const tidy = async (): Promise<void> => this.#incoming.tidy(await target.pipelines());
    if (!signal.aborted)
      await untilDone(tidy, signal, (error) => logger.warn('earlier pipelines could not be looked up', { error }));
    this.#tidied.resolve();
  }

  // ------------------------------------------------------------ from this database

  #wanted(): Desired[] {
    return this.#spec.pipelines.filter(({ spec }) => spec.source === this.#spec.name);
  }

  /** Tables whose changes a pipeline carries, and those by which an online schema change, or otter, will replace one of them. */
  #keeps(): ((schema: string, table: string) => boolean) | null {
    const carrying = this.#wanted().filter(({ spec }) => spec.ddl === 'replicate' && spec.enabled);
    const own = this.#spec.database.schema;
    if (carrying.length === 0) return null;
    const has = (schema: string, table: string): boolean =>
      carrying.some(({ spec }) => ruleFor(spec.tables, schema, table) !== null);
    return (schema, table) => {
      const replaced = ghostOf(table) ?? draftOf(table);
      return schema !== own && (has(schema, table) || (replaced !== null && has(schema, replaced)));
    };
  }

  /** Whether a pipeline out of this database has the table, or had it and rows of it are still to come from the other side. */
  #has({ tables, left, reverse }: PipelineSpec, schema: string, table: string): boolean {
    if (ruleFor(tables, schema, table) !== null) return true;
    if (reverse === null || left.length === 0) return false;
    const settled = this.#incoming.settledOf(reverse);
    return left.some(({ since, rules }) => since > settled && ruleFor(rules, schema, table) !== null);
  }

  // ------------------------------------------------------------ heart

  async #beat(): Promise<void> {
    const { target, logger, heartbeatMs } = this.#options;
    const { signal } = this.#abort;
    let failed = false;
    while (!signal.aborted) {
      if (this.#outgoing.size > 0) {
        try {
          await target.beat(this.#spec.name);
          const { place } = this.#incoming;
          if (place !== null) await target.moveOrigin(this.#spec.name, place);
          failed = false;
        } catch (error) {
          if (!failed && !signal.aborted) logger.warn('heartbeat could not be written', { error: messageOf(error) });
          failed = true;
        }
      }
      await sleep(heartbeatMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #keep(): Promise<void> {
    const { target, logger, keepingMs = KEEPING_MS } = this.#options;
    const { signal } = this.#abort;
    await this.#tidied.promise;
    const pipelines = (): PipelineSpec[] => this.#wanted().flatMap(({ spec }) => (spec.reverse === null ? [] : [spec]));
    await keepConflictLog({ target, pipelines, everyMs: keepingMs, logger }, signal);
  }

  async #pulse(): Promise<void> {
    const { target, renew, now } = this.#options;
    const both = [this.#incoming, this.#outgoing];
    await pulse(
      {
        name: this.#spec.name,
        ask: () => target.answers(),
        silent: (error) => both.forEach((each) => void each.silent(error)),
        heard: () => both.forEach((each) => void each.heard()),
        renew,
        now,
      },
      this.#abort.signal,
    );
  }

  async #endpoint(): Promise<void> {
    const { look, logger } = this.#options;
    if (look !== undefined) await keepEndpoint({ look, logger }, this.#abort.signal);
  }

  /** Otter's tables are there before they are asked. */
  async #ease(): Promise<void> {
    await this.#tidied.promise;
    await this.#throttle.run(this.#abort.signal);
  }

  #background(work: Promise<void>): void {
    const guarded = work.catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#options.logger.warn('background work failed', { error: messageOf(error) });
    });
    this.#stopping.add(guarded);
    void guarded.then(() => this.#stopping.delete(guarded));
  }
}

/** The table that one of this name will be when otter has made it. */
function draftOf(table: string): string | null {
  return table.startsWith(DRAFT_PREFIX) ? table.slice(DRAFT_PREFIX.length) : null;
}

function towards(spec: SiteSpec): readonly Desired[] {
  return spec.pipelines.filter((desired) => desired.spec.target === spec.name);
}

function tablesOf(spec: SiteSpec): unknown {
  return spec.pipelines
    .filter((desired) => desired.spec.source === spec.name)
    .map(({ spec: { tables, ddl } }) => [tables, ddl === 'replicate']);
}
