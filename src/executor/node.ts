/**
 * A worker node: follows the state store, owns databases of its region, and runs a site for each.
 *
 * Everything is by level: news only wake the queue, `reconcile.ts` decides from what is there. The store being away
 * stops nothing that runs. Rule of ending: stop the sites, give the lease back, close the links, in this order.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { messageOf, OtterError } from '../model/error.ts';
import { RENAMABLE, type Renamable } from '../model/kept-names.ts';
import type { LogKeeper } from '../model/log-lines.ts';
import type { NodeMeasures } from '../model/measures.ts';
import type { MinuteStore } from '../model/minutes.ts';
import { opsAddress } from '../model/ops-address.ts';
import type { FilesFactory, Logger, SiteFactory, StateStore } from '../model/ports.ts';
import type { ErrorRecord, NodeAnswer, NodeRecord } from '../model/records.ts';
import type { Kind, NodeSpec } from '../model/topology.ts';
import { topologyPrefix } from '../state/keys.ts';
import { Alerting } from './alerting.ts';
import { auditEntry } from './audit.ts';
import { CpuShare } from './cpu-share.ts';
import { FilesChecking } from './files-checking.ts';
import { follow, slept } from './follow.ts';
import { NodeHistory } from './node-history.ts';
import { NodeHttp, type Serve } from './node-http.ts';
import type { Connect } from './node-link.ts';
import { NodeLink } from './node-link.ts';
import { OwnedSites, said } from './owned-sites.ts';
import { endPauses } from './pause-ends.ts';
import { PipelineStatus } from './pipeline-status.ts';
import { sweepPlaces } from './placing.ts';
import type { Registration } from './presence.ts';
import { Presence } from './presence.ts';
import type { Outcome } from './queue.ts';
import { SETTLED, WorkQueue } from './queue.ts';
import { decide, reconcile } from './reconcile.ts';
import type { Tell } from './telling.ts';
import type { VerifyChannel } from './verifying.ts';
import { Verifying } from './verifying.ts';
import { World } from './world.ts';

export interface NodeOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly name: string;
  readonly version: string;
  readonly sites: SiteFactory;
  readonly files: FilesFactory;
  /** Opens both ends of the node's links, once its address is known and again when it changes. */
  readonly connect: Connect;
  /** Compares a channel that is to be compared by itself; absent: nobody can. */
  readonly verify?: VerifyChannel | undefined;
  /** Tells people what alerts say. */
  readonly tell: Tell;
  /** Serves metrics and health. */
  readonly serve: Serve;
  /** Where, whatever the topology says: `host:port`, or `off`; from the start, before the topology is known. */
  readonly http?: string | undefined;
  /** Where what pipelines did in each minute is kept. */
  readonly minutes: MinuteStore;
  /** Of this node alone. */
  readonly lines: LogKeeper;
  readonly logger: Logger;
  /** Aborted to stop in good order. */
  readonly signal: AbortSignal;
  readonly timing?: Partial<NodeTiming> | undefined;
  readonly random?: (() => number) | undefined;
  readonly now?: (() => number) | undefined;
}

export interface NodeTiming {
  /** How long a node may be silent before others take its databases. */
  readonly leaseTtlMs: number;
  readonly beatMs: number;
  /** How long a new node leaves free databases to others of its region that are just starting. */
  readonly settleMs: number;
  /** Everything is compared anew so often, whatever news there were. */
  readonly resyncMs: number;
}

const TIMING: NodeTiming = { leaseTtlMs: 10_000, beatMs: 1000, settleMs: 1000, resyncMs: 30_000 };

/**
 * Runs a node until `signal` aborts, and resolves when it has stopped in good order.
 * @throws OtterError OT3010, after stopping, when another process took over the node's name
 */
export async function runNode(options: NodeOptions): Promise<void> {
  await new WorkerNode(options).run();
}

/** Of a node that is not in the topology. */
const NOWHERE: NodeSpec = { region: '', listen: '', advertise: '' };
const DATABASE = 'database/';
const LINK = 'link';
const HTTP = 'http';
const SWEEP = 'sweep';

class WorkerNode {
  readonly #options: NodeOptions;
  readonly #timing: NodeTiming;
  readonly #logger: Logger;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #instance = randomUUID();
  readonly #startedMs: number;
  readonly #cpu = new CpuShare();
  readonly #world: World;
  readonly #presence: Presence;
  readonly #status: PipelineStatus;
  readonly #link: NodeLink;
  readonly #http: NodeHttp;
  readonly #history: NodeHistory;
  readonly #queue: WorkQueue;
  readonly #sites: OwnedSites;
  readonly #verifying: Verifying | null;
  readonly #checking: FilesChecking;
  readonly #alerting: Alerting;
  readonly #fatal = new AbortController();
  readonly #over: AbortSignal;
  #firstRegisteredMs: number | null = null;
  #nextBeat = new AbortController();
  #awaySinceMs: number | null = null;
  #ending = false;
  /** The newest serial of which nothing is left to be done here. */
  #settled: { readonly lineage: string; readonly serial: number } | null = null;
  /** Why nothing can be owned, or null. */
  #fault: ErrorRecord | null = null;

  constructor(options: NodeOptions) {
    const { store, topology, name, random = Math.random, now = Date.now } = options;
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.#logger = options.lines.remembered(options.logger.child({ node: name }), { node: name });
    this.#random = random;
    this.#now = now;
    this.#startedMs = now();
    this.#over = AbortSignal.any([options.signal, this.#fatal.signal]);
    this.#world = new World(topology, this.#instance);
    this.#presence = new Presence({
      store,
      topology,
      name,
      instance: this.#instance,
      leaseTtlMs: this.#timing.leaseTtlMs,
      beatMs: this.#timing.beatMs,
      wrote: (entry) => this.#world.wrote(entry),
    });
    this.#status = new PipelineStatus({ store, topology, node: name, world: this.#world, now });
    this.#link = new NodeLink(options.connect, {
      node: name,
      services: (database) => this.#sites.service(database),
      files: (side) => this.#sites.fileService(side),
      addressOf: (database) => this.#world.owner(database)?.record ?? null,
      figures: () => this.#answer(),
      minutes: async (query) => ({ node: name, minutes: await this.#history.read(query) }),
      logs: (query) => ({ node: name, instance: this.#instance, lines: options.lines.read(query) }),
      logger: this.#logger,
    });
    this.#http = new NodeHttp({ serve: options.serve, measures: () => this.#measures(), logger: this.#logger });
    this.#history = new NodeHistory({
      store: options.minutes,
      sites: () => this.#sites.measures(),
      logger: this.#logger,
    });
    this.#sites = new OwnedSites({
      store,
      topology,
      name,
      instance: this.#instance,
      world: this.#world,
      sites: options.sites,
      link: this.#link.client,
      files: options.files,
      fileLink: this.#link.files,
      logger: this.#logger,
      registration: () => this.#registration(),
      settlingMs: () => this.#settlingMs(),
    });
    const { verify } = options;
    this.#verifying =
      verify === undefined
        ? null
        : new Verifying({ store, topology, node: name, world: this.#world, verify, now, logger: this.#logger });
    this.#checking = new FilesChecking({ store, topology, node: name, world: this.#world, now, logger: this.#logger });
    this.#alerting = new Alerting({
      store,
      topology,
      node: name,
      instance: this.#instance,
      version: options.version,
      world: this.#world,
      registration: () => this.#presence.registration,
      tell: options.tell,
      logger: this.#logger,
      now,
    });
    this.#queue = new WorkQueue({
      run: async (key) => this.#work(key),
      failed: (key, error, againMs) => this.#failed(key, error, againMs),
      stuck: (key, { code, summary, detail }) => this.#logger.error('cannot go on', { key, code, summary, detail }),
      random,
      sleep: slept,
    });
  }

  async run(): Promise<void> {
    const { store, topology } = this.#options;
    this.#logger.info('node starting', { topology, store: store.url, version: this.#options.version });
    if (this.#options.http !== undefined) this.#queue.add(HTTP);
    await Promise.all([this.#follow(), this.#beatOnAndOn(), this.#resyncOnAndOn(), this.#judgeOnAndOn()]);
    await this.#end();
    if (this.#fatal.signal.aborted) throw this.#fatal.signal.reason;
  }

  // ------------------------------------------------------------ news

  async #follow(): Promise<void> {
    await follow({
      store: this.#options.store,
      prefix: topologyPrefix(this.#options.topology),
      signal: this.#over,
      random: this.#random,
      told: (batch) => {
        if (this.#world.apply(batch) === 'change') this.#lookAtAll();
      },
      failed: (error) => this.#storeAway(error),
    });
  }

  #lookAtAll(): void {
    if (!this.#world.ready || this.#over.aborted) return;
    if (this.#presence.registration === null) this.#nextBeat.abort();
    this.#queue.add(LINK);
    this.#queue.add(HTTP);
    this.#queue.add(SWEEP);
    const { name } = this.#options;
    const mine = this.#world.ownedDatabases().filter((database) => this.#world.owner(database)?.record.node === name);
    for (const database of new Set([...this.#world.ownable(), ...this.#sites.names, ...mine])) {
      this.#queue.add(DATABASE + database);
    }
  }

  async #resyncOnAndOn(): Promise<void> {
    while (await slept(this.#timing.resyncMs, this.#over)) this.#lookAtAll();
  }

  async #work(key: string): Promise<Outcome> {
    if (key.startsWith(DATABASE)) {
      const outcome = await reconcile(key.slice(DATABASE.length), this.#sites);
      // Who applies is waiting for it.
      if (this.#settle()) this.#nextBeat.abort();
      return outcome;
    }
    if (key === SWEEP) {
      if (this.#world.fault !== null) return SETTLED;
      await this.#status.sweep();
      await this.#verifying?.sweep();
      await this.#checking.sweep();
      await sweepPlaces(this.#options.store, this.#options.topology, this.#world);
    } else if (key === HTTP) {
      await this.#http.converge(this.#httpAddress());
    } else {
      await this.#convergeLink();
    }
    return SETTLED;
  }

  /** Whether a newer serial has been carried out here since the last look. */
  #settle(): boolean {
    const { meta } = this.#world;
    const known = this.#settled;
    if (meta === null || (known?.lineage === meta.lineage && known.serial === meta.serial)) return false;
    // Who may begin nothing has nothing to do, and has done nothing.
    if (this.#registration() === null) return false;
    const databases = new Set([...this.#world.ownable(), ...this.#sites.names]);
    for (const database of databases) if (decide(this.#sites.look(database)).kind !== 'none') return false;
    this.#settled = { lineage: meta.lineage, serial: meta.serial };
    return true;
  }

  async #convergeLink(): Promise<void> {
    const address = this.#address();
    // What still runs is still asked by its peers.
    if (address === null && this.#sites.names.length > 0) return;
    if (await this.#link.converge(address)) this.#lookAtAll();
    this.#fault = null;
  }

  #failed(key: string, error: unknown, againMs: number): void {
    if (this.#over.aborted) return;
    if (key === LINK && error instanceof OtterError) {
      const { code, message, hint = null } = error;
      this.#fault = { code, message, hint };
    }
    if (error instanceof OtterError && error.code === 'OT3001') this.#storeAway(error);
    else this.#logger.warn('will try again', { key, again_ms: againMs, ...said(error) });
  }

  /** Apart from the beats, which nothing may keep waiting. */
  async #judgeOnAndOn(): Promise<void> {
    let told: string | null = null;
    while (!this.#over.aborted) {
      await slept(this.#timing.beatMs, AbortSignal.any([this.#over, this.#alerting.news]));
      if (this.#over.aborted) return;
      try {
        await this.#alerting.look();
        told = null;
      } catch (error) {
        const away = error instanceof OtterError && error.code === 'OT3001';
        const message = messageOf(error);
        if (away) this.#storeAway(error);
        else if (message !== told) this.#logger.error('alerts cannot be judged', said(error));
        told = message;
      }
    }
  }

  // ------------------------------------------------------------ presence

  async #beatOnAndOn(): Promise<void> {
    do {
      this.#nextBeat = new AbortController();
      try {
        await this.#beat();
      } catch (error) {
        if (error instanceof OtterError && error.code === 'OT3010') {
          this.#fatal.abort(error);
          return;
        }
        this.#storeAway(error);
      }
      await slept(this.#timing.beatMs, AbortSignal.any([this.#over, this.#nextBeat.signal]));
    } while (!this.#over.aborted);
  }

  async #beat(): Promise<void> {
    const spec = this.#ownSpec();
    if (spec === null || !this.#world.ready) {
      // Not in the topology, or not yet: nothing is held once nothing runs.
      if (this.#presence.registration !== null && this.#sites.nothingHeld) await this.#presence.leave();
      return;
    }
    const before = this.#presence.registration;
    const record = this.#record(spec);
    this.#history.look(record.pipelines, record.updatedMs);
    // Also when somebody else has written it.
    const mine = this.#world.node(this.#options.name)?.record.instance === this.#instance;
    if (!mine || this.#presence.due(record)) {
      await this.#presence.beat(record);
      this.#storeBack();
    }
    if (this.#presence.registration !== before) {
      this.#firstRegisteredMs ??= performance.now();
      this.#lookAtAll();
    }
    await this.#report();
  }

  async #report(): Promise<void> {
    const sites = this.#sites.all;
    for (const { owner, figures } of sites) {
      if (owner !== null) await this.#status.report(owner, figures);
    }
    this.#verifying?.look(sites);
    this.#checking.look(this.#sites.served);
    await this.#endPauses();
  }

  async #endPauses(): Promise<void> {
    const { store, topology, name, version } = this.#options;
    const nowMs = this.#now();
    const author = { by: `node ${name}`, author: null, host: hostname(), pid: process.pid, version, commit: null };
    const audit = () => auditEntry(topology, { ...author, dirty: null, command: 'resume' }, nowMs, randomUUID());
    const ended = await endPauses({ store, topology, world: this.#world, nowMs, audit });
    for (const what of ended) this.#logger.info('a pause has ended', { what });
    if (ended.length > 0) this.#lookAtAll();
  }

  #record({ region, advertise }: NodeSpec): NodeRecord {
    const sites = this.#sites.all;
    const files = this.#sites.files;
    this.#settle();
    const endpoints = sites.flatMap(({ database, endpoint }) => (endpoint === null ? [] : [[database, endpoint]]));
    return {
      instance: this.#instance,
      region,
      advertise,
      version: this.#options.version,
      startedMs: this.#startedMs,
      pid: process.pid,
      host: hostname(),
      databases: sites.map(({ database }) => database),
      ...(endpoints.length === 0 ? {} : { endpoints: Object.fromEntries(endpoints) as Record<string, string> }),
      settledSerial: this.#settled?.serial ?? 0,
      rssBytes: process.memoryUsage.rss(),
      cpuPercent: this.#cpu.read(),
      error: this.#fault,
      warning: this.#http.fault,
      pipelines: Object.fromEntries(sites.flatMap(({ figures }) => Object.entries(figures))),
      ...(files.sides.length === 0 ? {} : { sides: files.sides, files: files.figures }),
      updatedMs: this.#now(),
    };
  }

  /** The links are open only while this node is, or was, in the topology. */
  #answer(): NodeAnswer {
    const world = this.#world;
    const { name, topology } = this.#options;
    return {
      topology,
      node: name,
      record: this.#record(this.#ownSpec() ?? NOWHERE),
      serial: world.meta?.serial ?? 0,
      generations: Object.fromEntries(
        world.names('channel').map((channel) => [channel, world.spec('channel', channel)!.record.generation]),
      ),
      names: RENAMABLE.flatMap((kind) =>
        world.names(kind).flatMap((kept) => {
          const shown = world.spec(kind, kept)!.record.name;
          return shown === undefined ? [] : [{ kind, kept, shown }];
        }),
      ),
    };
  }

  #measures(): NodeMeasures {
    const { topology, name } = this.#options;
    const world = this.#world;
    const isRenamable = (kind: Kind): kind is Renamable => RENAMABLE.some((one) => one === kind);
    return {
      topology,
      node: name,
      record: this.#record(this.#ownSpec() ?? NOWHERE),
      sites: this.#sites.measures(),
      verify: this.#verifying?.measures(this.#sites.all) ?? [],
      registered: this.#presence.registration !== null,
      linked: this.#link.open,
      storeAwaySinceMs: this.#awaySinceMs,
      ending: this.#ending,
      shown: (kind, kept) => (isRenamable(kind) ? world.spec(kind, kept)?.record.name : undefined) ?? kept,
    };
  }

  #storeAway(error: unknown): void {
    if (this.#awaySinceMs !== null || this.#over.aborted) return;
    this.#awaySinceMs = this.#now();
    this.#logger.warn('state store away; what runs goes on', said(error));
  }

  #storeBack(): void {
    if (this.#awaySinceMs !== null) this.#logger.info('state store back');
    this.#awaySinceMs = null;
  }

  // ------------------------------------------------------------ facts

  #registration(): Registration | null {
    return this.#link.open ? this.#presence.registration : null;
  }

  #settlingMs(): number {
    const world = this.#world;
    const region = this.#ownSpec()?.region;
    const living = new Set(world.livingNodes());
    const peers = world.names('node').filter((node) => world.spec('node', node)!.record.spec.region === region);
    if (peers.every((node) => living.has(node))) return 0;
    return Math.max(0, (this.#firstRegisteredMs ?? 0) + this.#timing.settleMs - performance.now());
  }

  #ownSpec(): NodeSpec | null {
    return this.#world.spec('node', this.#options.name)?.record.spec ?? null;
  }

  #httpAddress(): string | null {
    const { http } = this.#options;
    const spec = this.#ownSpec();
    if (http === undefined && spec === null) return null;
    return opsAddress({ listen: '', ...spec, ...(http === undefined ? {} : { http }) });
  }

  #address(): { readonly lineage: string; readonly spec: NodeSpec } | null {
    const spec = this.#ownSpec();
    const { meta } = this.#world;
    return spec === null || meta === null ? null : { lineage: meta.lineage, spec };
  }

  async #end(): Promise<void> {
    this.#ending = true;
    await this.#queue.close();
    await this.#verifying?.stop();
    await this.#checking.stop();
    await this.#alerting.close();
    this.#history.close(this.#now());
    await this.#sites.stopAll('the node stops');
    try {
      await this.#presence.leave();
    } catch (error) {
      this.#logger.warn('the lease could not be given back and runs out by itself', said(error));
    }
    await this.#link.close();
    await this.#http.close();
    this.#options.lines.flush();
    this.#logger.info('node stopped');
  }
}
