/**
 * The databases and sides of file sets that this process owns, and what it runs for them: what `reconcile.ts` looks at, and its hands.
 *
 * Rule: what the store was told is noted in the world at once, so that the next look does not decide on old news.
 */
import { messageOf, OtterError } from '../model/error.ts';
import type { FileLink, FileService, RunningFiles } from '../model/file-link.ts';
import { parseSide } from '../model/files.ts';
import type { SiteMeasures } from '../model/measures.ts';
import type {
  Condition,
  FilesFactory,
  LinkClient,
  Logger,
  PipelineService,
  RunningSite,
  SiteFactory,
  StateStore,
} from '../model/ports.ts';
import type { DepartureRecord, ErrorRecord, FileFlowFigures, OwnerRecord, PipelineFigures } from '../model/records.ts';
import type { NodeSpec } from '../model/topology.ts';
import { ownerKey, statusKey } from '../state/keys.ts';
import type { ServedSide } from './files-checking.ts';
import type { Placement } from './ownership.ts';
import type { Registration } from './presence.ts';
import type { Hands, Me, OwnedSpec, Running, Sight } from './reconcile.ts';
import type { World } from './world.ts';

export interface OwnedSitesOptions {
  readonly store: StateStore;
  readonly topology: string;
  readonly name: string;
  readonly instance: string;
  readonly world: World;
  readonly sites: SiteFactory;
  readonly link: LinkClient;
  readonly files: FilesFactory;
  readonly fileLink: FileLink;
  readonly logger: Logger;
  /** Null while nothing may be begun: not registered, or no links. */
  readonly registration: () => Registration | null;
  /** How long to leave free databases to nodes that may still be starting. */
  readonly settlingMs: () => number;
}

/** A site as others see it. */
export interface OwnedSite {
  readonly database: string;
  readonly figures: Readonly<Record<string, PipelineFigures>>;
  /** host:port in use, where it has several endpoints; else null. */
  readonly endpoint: string | null;
  /** The owner record as it was last written; null when this process did not write it. */
  readonly owner: Condition | null;
}

/** Of a database of another region, which is not for this node to place. */
const NOBODY: Placement = { loads: {}, free: [] };

type Alive =
  | { readonly kind: 'database'; readonly runs: RunningSite }
  | { readonly kind: 'files'; readonly runs: RunningFiles };

type Site = Running & Alive;

export class OwnedSites implements Hands {
  readonly #options: OwnedSitesOptions;
  readonly #sites = new Map<string, Site>();
  readonly #claims = new Map<string, { readonly revision: number; readonly lease: string }>();
  /** Databases that left the topology and were tidied here, until that is written down. */
  readonly #departures = new Map<string, DepartureRecord>();

  constructor(options: OwnedSitesOptions) {
    this.#options = options;
  }

  /** Names of the databases and sides that are served, sorted. */
  get names(): string[] {
    return [...this.#sites.keys()].sort();
  }

  /** Nothing runs, and nothing is owned: what is being tidied for good is owned until that is done. */
  get nothingHeld(): boolean {
    const { world, instance } = this.#options;
    const mine = (database: string): boolean => world.owner(database)?.record.instance === instance;
    return this.#sites.size === 0 && !world.ownedDatabases().some(mine);
  }

  get all(): OwnedSite[] {
    return this.names.flatMap((database) => {
      const site = this.#sites.get(database)!;
      if (site.kind !== 'database') return [];
      const { endpoint } = site.runs;
      return [{ database, figures: site.runs.figures(), endpoint, owner: this.#ownerCondition(database) }];
    });
  }

  /** Sides of file sets, and the figures of the flows into them. */
  get files(): { readonly sides: string[]; readonly figures: Readonly<Record<string, FileFlowFigures>> } {
    const sides = this.names.flatMap((name) => {
      const site = this.#sites.get(name)!;
      return site.kind === 'files' ? [{ name, figures: site.runs.figures() }] : [];
    });
    const figures = Object.assign({}, ...sides.map((side) => side.figures)) as Record<string, FileFlowFigures>;
    return { sides: sides.map(({ name }) => name), figures };
  }

  /** Sides, to be compared. */
  get served(): ServedSide[] {
    return this.names.flatMap((name) => {
      const site = this.#sites.get(name)!;
      return site.kind === 'files' ? [{ name, owner: this.#ownerCondition(name), runs: site.runs }] : [];
    });
  }

  measures(): Readonly<Record<string, SiteMeasures>> {
    return Object.fromEntries(
      this.names.flatMap((name) => {
        const site = this.#sites.get(name)!;
        return site.kind === 'database' ? [[name, site.runs.measures()] as const] : [];
      }),
    );
  }

  /** Null for a database that does not run here. */
  service(database: string): PipelineService | null {
    const site = this.#sites.get(database);
    return site?.kind === 'database' ? site.runs.service : null;
  }

  /** Null for a side that is not served here. */
  fileService(side: string): FileService | null {
    const site = this.#sites.get(side);
    return site?.kind === 'files' ? site.runs.service : null;
  }

  async stopAll(reason: string): Promise<void> {
    await Promise.all(this.names.map((name) => this.stop(name, reason)));
  }

  // ------------------------------------------------------------ what is

  look(database: string): Sight {
    const { world, topology } = this.#options;
    const region = world.regionOf(database);
    const inRegion = region !== undefined && region === this.#ownSpec()?.region;
    const placement = inRegion ? this.#placement(region) : NOBODY;
    const wanted = world.place(database);
    return {
      database,
      ownerKey: ownerKey(topology, database),
      me: this.#me(),
      meta: world.meta,
      declared: region !== undefined,
      deleted: world.wasDeleted(database),
      desired: inRegion ? world.ownedSpec(database) : null,
      owner: world.owner(database),
      placement,
      place: wanted !== null && Object.hasOwn(placement.loads, wanted) ? wanted : null,
      foreignRevision: world.foreignRevision(database),
      fault: world.fault,
      running: this.#sites.get(database) ?? null,
      claim: this.#claims.get(database) ?? null,
    };
  }

  #placement(region: string | undefined): Placement {
    const { world } = this.#options;
    // One that cannot own anything is not waited for.
    const able = (node: string): boolean => (world.node(node)?.record.error ?? null) === null;
    const nodes = world
      .livingNodes()
      .filter((node) => world.spec('node', node)?.record.spec.region === region && able(node));
    const loads = new Map(nodes.map((node) => [node, 0]));
    const free: string[] = [];
    for (const database of world.ownable()) {
      if (world.regionOf(database) !== region) continue;
      const owner = world.owner(database)?.record.node;
      if (owner === undefined) free.push(database);
      else if (loads.has(owner)) loads.set(owner, loads.get(owner)! + 1);
    }
    return { loads: Object.fromEntries(loads), free };
  }

  #me(): Me {
    const { name, instance, registration, settlingMs } = this.#options;
    const held = registration();
    return {
      name,
      instance,
      advertise: this.#ownSpec()?.advertise ?? '',
      registered: held === null ? null : { lease: held.lease.id, revision: held.revision },
      settlingMs: settlingMs(),
    };
  }

  #ownSpec(): NodeSpec | null {
    return this.#options.world.spec('node', this.#options.name)?.record.spec ?? null;
  }

  #ownerCondition(database: string): Condition | null {
    const claim = this.#claims.get(database);
    return claim === undefined ? null : { key: ownerKey(this.#options.topology, database), revision: claim.revision };
  }

  // ------------------------------------------------------------ what is done about it

  async claim(database: string, condition: Condition): Promise<boolean> {
    const { store, topology, world, name, instance, logger } = this.#options;
    const registration = this.#options.registration();
    const spec = this.#ownSpec();
    if (registration === null || spec === null) return false;
    const { lease } = registration;
    const { key } = condition;
    const record: OwnerRecord = { node: name, instance, advertise: spec.advertise };
    const value = JSON.stringify(record);
    const deletes = parseSide(database) === null ? [statusKey(topology, 'database', database)] : [];
    const result = await store.commit({ conditions: [condition], puts: [{ key, value, lease }], deletes });
    if (!result.ok) return false;
    this.#departures.delete(database);
    const { revision } = result;
    this.#claims.set(database, { revision, lease: lease.id });
    world.wrote({ key, value, revision, created: revision });
    logger.info(parseSide(database) === null ? 'owns database' : 'owns side', { database, revision });
    return true;
  }

  async release(database: string, condition: Condition): Promise<void> {
    const { store, topology, world, logger } = this.#options;
    const { key } = condition;
    const departure = this.#departures.get(database);
    const puts =
      departure === undefined || world.meta === null
        ? []
        : [{ key: statusKey(topology, 'database', database), value: JSON.stringify(departure) }];
    const result = await store.commit({ conditions: [condition], puts, deletes: [key] });
    if (!result.ok) return;
    this.#departures.delete(database);
    world.deleted(key, result.revision);
    this.#claims.delete(database);
    logger.info('gave database up', { database });
  }

  start(spec: OwnedSpec, ownerRevision: number): void {
    const { sites, link, files, fileLink, logger } = this.#options;
    const own = logger.child({ site: spec.name });
    const alive: Alive =
      'set' in spec
        ? { kind: 'files', runs: files.start(spec, fileLink, own) }
        : { kind: 'database', runs: sites.start(spec, ownerRevision, link, own, fileLink) };
    this.#sites.set(spec.name, { ...alive, spec, ownerRevision });
    logger.info('site started', { database: spec.name, revision: ownerRevision, pipelines: pipelineNames(spec) });
  }

  update(spec: OwnedSpec): void {
    const running = this.#sites.get(spec.name);
    if (running === undefined) return;
    if (running.kind === 'files' && 'set' in spec) running.runs.update(spec);
    if (running.kind === 'database' && 'database' in spec) running.runs.update(spec);
    this.#sites.set(spec.name, { ...running, spec });
    this.#options.logger.info('site updated', { database: spec.name, pipelines: pipelineNames(spec) });
  }

  async stop(database: string, reason: string): Promise<void> {
    await this.#end(database, reason, async (site) => site.stop());
  }

  async retire(database: string): Promise<void> {
    const error = await this.#end(database, 'the database left the topology', async (site) => site.retire());
    if (parseSide(database) === null) this.#departures.set(database, { node: this.#options.name, error });
  }

  /** However it ends: what did not end well is said, and not run any longer. Null when it ended well. */
  async #end(
    database: string,
    reason: string,
    end: (site: Pick<RunningSite, 'stop' | 'retire'>) => Promise<void>,
  ): Promise<ErrorRecord | null> {
    const { logger } = this.#options;
    const running = this.#sites.get(database);
    if (running === undefined) return null;
    this.#sites.delete(database);
    try {
      await end(running.runs);
      logger.info('site stopped', { database, reason });
      return null;
    } catch (error) {
      logger.error('site did not end well', { database, reason, ...said(error) });
      return error instanceof OtterError
        ? { code: error.code, message: error.message, hint: error.hint ?? null }
        : { code: 'OT9001', message: messageOf(error), hint: null };
    }
  }
}

/** What a log line says about an error. */
export function said(error: unknown): Record<string, unknown> {
  if (!(error instanceof OtterError)) return { error: messageOf(error) };
  return { code: error.code, error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

function pipelineNames(spec: OwnedSpec): string[] {
  return 'set' in spec ? [] : spec.pipelines.map((pipeline) => pipeline.spec.name);
}
