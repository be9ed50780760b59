/** Nodes on a store with fake sites: the fakes stand behind the port `SiteFactory`, everything else is real. */
import { vi } from 'vitest';
import type { NodeTiming } from '../../src/executor/node.ts';
import { runNode } from '../../src/executor/node.ts';
import type { NodeWiring } from '../../src/executor/node-link.ts';
import type { Tell } from '../../src/executor/telling.ts';
import type { Logger, PipelineService, RunningSite, SiteFactory, SiteSpec, StateStore } from '../../src/model/ports.ts';
import type { MetaRecord, NodeRecord, OwnerRecord, PipelineFigures, PipelineRecord } from '../../src/model/records.ts';
import { STATE_FORMAT } from '../../src/model/records.ts';
import type { ChannelSpec, DatabaseSpec, Kind, LinkSpec, NodeSpec, SpecByKind } from '../../src/model/topology.ts';
import { LogRing } from '../../src/observe/log-ring.ts';
import * as keys from '../../src/state/keys.ts';
import { minutesInMemory } from '../../src/state/minute-file.ts';

export const T = 'shop';
export const WAIT = { timeout: 20_000, interval: 20 };

export interface FakeSite {
  readonly node: string;
  readonly database: string;
  readonly ownerRevision: number;
  spec: SiteSpec;
  updates: number;
  ending: 'stopped' | 'retired' | null;
  /** Laid over the figures of every pipeline. */
  figures: Partial<PipelineFigures>;
}

/** Every site that was ever started by any node. */
export class FakeSites {
  readonly all: FakeSite[] = [];
  /** What retiring a database takes, or is refused with. */
  retiring: (database: string) => Promise<void> = async () => undefined;

  get running(): FakeSite[] {
    return this.all.filter((site) => site.ending === null);
  }

  /** `database@node`, sorted. */
  get where(): string[] {
    return this.running.map(({ database, node }) => `${database}@${node}`).sort();
  }

  of(database: string): FakeSite {
    const [site, ...others] = this.running.filter((each) => each.database === database);
    if (site === undefined || others.length > 0)
      throw new Error(`${others.length + (site ? 1 : 0)} sites run ${database}`);
    return site;
  }

  factory(node: string): SiteFactory {
    return {
      start: (spec, ownerRevision): RunningSite => {
        const site: FakeSite = {
          node,
          database: spec.name,
          ownerRevision,
          spec,
          updates: 0,
          ending: null,
          figures: {},
        };
        this.all.push(site);
        const end = async (ending: 'stopped' | 'retired'): Promise<void> => {
          await new Promise(setImmediate);
          site.ending = ending;
        };
        return {
          update: (next) => {
            site.spec = next;
            site.updates += 1;
          },
          figures: () => figuresOf(site),
          endpoint: null,
          measures: () => ({ reader: { selectSeconds: 0, stallSeconds: 0, transactions: 0 }, into: {}, out: {} }),
          service: { open: () => Promise.reject(new Error(`${spec.name} on ${node}`)) },
          stop: async () => end('stopped'),
          retire: async () => {
            await this.retiring(spec.name);
            await end('retired');
          },
        };
      },
    };
  }
}

function figuresOf(site: FakeSite): Record<string, PipelineFigures> {
  const inbound = site.spec.pipelines.filter(({ spec }) => spec.target === site.database);
  return Object.fromEntries(
    inbound.map(({ spec, generation }) => [
      spec.name,
      {
        phase: 'streaming',
        observedGeneration: generation,
        lagMs: 1,
        position: 'mariadb:0-1-1',
        rowsApplied: 0,
        rowsPerSecond: 0,
        conflicts: 0,
        drift: 0,
        copy: null,
        error: null,
        waiting: null,
        ...site.figures,
      },
    ]),
  );
}

export interface TestNode {
  readonly name: string;
  readonly done: Promise<void>;
  readonly wirings: NodeWiring[];
  /** How many of what was connected is open. */
  readonly linksOpen: () => number;
  readonly logged: string[];
  services(database: string): PipelineService | null;
  stop(): Promise<void>;
}

export class Cluster implements AsyncDisposable {
  readonly sites = new FakeSites();
  /** What stands in the way of a node's links, by throwing. */
  connecting: (wiring: NodeWiring) => void = () => undefined;
  /** How people are told. */
  telling: Tell = async () => undefined;
  /** The clock of all nodes. */
  now: () => number = Date.now;
  readonly #nodes: TestNode[] = [];

  /** Starts a node; `store` is the handle of its own "process". */
  start(name: string, store: StateStore, timing: Partial<NodeTiming> = {}): TestNode {
    const over = new AbortController();
    const logged: string[] = [];
    const wirings: NodeWiring[] = [];
    let linksOpen = 0;
    const done = runNode({
      store,
      topology: T,
      name,
      version: '1.0.0',
      sites: this.sites.factory(name),
      files: {
        start: () => {
          throw new Error('not in this test');
        },
      },
      connect: async (wiring) => {
        wirings.push(wiring);
        this.connecting(wiring);
        await wiring.free();
        linksOpen += 1;
        return {
          client: { open: () => Promise.reject(new Error('not in this test')) },
          files: {
            ask: () => {
              throw new Error('not in this test');
            },
          },
          [Symbol.asyncDispose]: async () => {
            linksOpen -= 1;
          },
        };
      },
      tell: (...told) => this.telling(...told),
      now: () => this.now(),
      serve: async () => ({ [Symbol.asyncDispose]: async () => undefined }),
      minutes: minutesInMemory(),
      lines: new LogRing(Date.now),
      logger: loggerInto(logged),
      signal: over.signal,
      timing: { beatMs: 50, settleMs: 300, leaseTtlMs: 60_000, resyncMs: 300, ...timing },
    });
    done.catch(() => undefined);
    const node: TestNode = {
      name,
      done,
      wirings,
      linksOpen: () => linksOpen,
      logged,
      services: (database) => wirings.at(-1)?.services(database) ?? null,
      stop: async () => {
        over.abort();
        await done.catch(() => undefined);
      },
    };
    this.#nodes.push(node);
    return node;
  }

  /** As SIGKILL would: its sites are gone, and its lease is renewed no more. */
  async kill(node: TestNode, store: StateStore): Promise<void> {
    await store[Symbol.asyncDispose]();
    store.commit = () => Promise.reject(new Error('dead'));
    store.list = () => Promise.reject(new Error('dead'));
    for (const site of this.sites.running) if (site.node === node.name) site.ending = 'stopped';
    await node.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
  }
}

function loggerInto(lines: string[]): Logger {
  const at =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}

// ---------------------------------------------------------------- a topology

export type Spec = {
  readonly [K in Kind]: { readonly kind: K; readonly name: string; readonly spec: SpecByKind[K] };
}[Kind];

export function node(name: string, region: string, advertise = `${name}:7400`, link?: LinkSpec): Spec {
  const spec: NodeSpec = { region, listen: '127.0.0.1:0', advertise, ...(link === undefined ? {} : { link }) };
  return { kind: 'node', name, spec };
}

export function database(name: string, region: string): Spec {
  const spec: DatabaseSpec = {
    region,
    engine: 'mariadb',
    endpoints: ['127.0.0.1:3306'],
    user: 'otter',
    password: { env: 'PASSWORD' },
    tls: null,
    schema: 'otter',
    protect: false,
  };
  return { kind: 'database', name, spec };
}

export function channel(name: string, between: readonly string[], tables: readonly string[] = ['shop.orders']): Spec {
  const spec: ChannelSpec = {
    direction: { kind: 'two-way', between },
    conflict: { policy: 'site-priority', priority: between, by: null, merge: 'row', groups: [], counters: [] },
    initial: 'none',
    existing: 'keep',
    ddl: 'stop',
    onError: 'stop',
    apply: { lanes: 1, atomic: true },
    enabled: true,
    tables: tables.map((from) => ({ from, to: null, columns: { only: null, omit: [], rename: {} }, conflict: null })),
    inert: {},
  };
  return { kind: 'channel', name, spec };
}

/** Two regions with a node and a database each, and a channel between them. */
export const PAIR: readonly Spec[] = [
  node('hz-1', 'hangzhou'),
  node('ca-1', 'california'),
  database('hz', 'hangzhou'),
  database('ca', 'california'),
  channel('shop', ['hz', 'ca']),
];

/** Writes specs as an apply would, in one commit: `null` deletes. Generations count up. */
export async function apply(
  store: StateStore,
  specs: readonly Spec[],
  gone: readonly { kind: Kind; name: string }[] = [],
): Promise<void> {
  const present = await store.list(keys.topologyPrefix(T));
  const value = (key: string): string | undefined => present.entries.find((entry) => entry.key === key)?.value;
  const meta = value(keys.metaKey(T));
  const before =
    meta === undefined ? { format: STATE_FORMAT, lineage: 'l-1', serial: 0 } : (JSON.parse(meta) as MetaRecord);
  await store.commit({
    conditions: [],
    puts: [
      { key: keys.metaKey(T), value: JSON.stringify({ ...before, serial: before.serial + 1 }) },
      ...specs.map(({ kind, name, spec }) => {
        const key = keys.specKey(T, kind, name);
        const old = value(key);
        const generation = old === undefined ? 1 : (JSON.parse(old) as { generation: number }).generation + 1;
        return { key, value: JSON.stringify({ generation, spec }) };
      }),
    ],
    deletes: gone.map(({ kind, name }) => keys.specKey(T, kind, name)),
  });
}

export async function owners(store: StateStore): Promise<Record<string, string>> {
  const { entries } = await store.list(keys.ownersPrefix(T));
  return Object.fromEntries(
    entries.map(({ key, value }) => [key.slice(keys.ownersPrefix(T).length), (JSON.parse(value) as OwnerRecord).node]),
  );
}

export async function nodeRecord(store: StateStore, name: string): Promise<NodeRecord | null> {
  const { entries } = await store.list(keys.nodeKey(T, name));
  return entries[0] === undefined ? null : (JSON.parse(entries[0].value) as NodeRecord);
}

/** Pipeline records by name. */
export async function statuses(store: StateStore): Promise<Record<string, PipelineRecord>> {
  const { entries } = await store.list(keys.statusPrefix(T, 'pipeline'));
  return Object.fromEntries(
    entries.map(({ key, value }) => {
      const parsed = keys.parseKey(key);
      return [parsed?.at === 'status' ? parsed.name : key, JSON.parse(value) as PipelineRecord];
    }),
  );
}

export async function until(check: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(check, WAIT);
}
