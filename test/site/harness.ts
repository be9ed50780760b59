/** Two (or more) sites in one process over real servers, wired without a state store: what a node does, less the node. */
import { createHmac } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import mysql, { type Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { bounded, loadProcessor } from '../../src/executor/processors.ts';
import { type DatabaseServer as LabServer, startMariaDb, startMySql, startNewMariaDb } from '../../src/lab/servers.ts';
import type { Spill } from '../../src/model/key-store.ts';
import { compileChannel } from '../../src/model/pipeline.ts';
import type { DesiredPipeline, Fields, LinkClient, Logger, SiteSpec } from '../../src/model/ports.ts';
import { type Stays, staysAfter } from '../../src/model/stays.ts';
import type { ChannelSpec, DatabaseSpec } from '../../src/model/topology.ts';
import { DatabaseServer } from '../../src/mysql/database-server.ts';
import { mysqlSource } from '../../src/mysql/source.ts';
import { openPlaces } from '../../src/mysql/standing-places.ts';
import { MysqlTarget } from '../../src/mysql/target.ts';
import { NO_SOURCE } from '../../src/oracle/one-way.ts';
import { OracleTarget } from '../../src/oracle/target.ts';
import { Desk } from '../../src/site/letter-desk.ts';
import { Site, type SiteOptions } from '../../src/site/site.ts';
import { openKeyFile } from '../../src/state/key-file.ts';
import type { OracleLab } from '../oracle/lab.ts';

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

export const loud: Logger = {
  debug: () => undefined,
  info: (message, fields) => console.log('info', message, fields ?? ''),
  warn: (message, fields) => console.log('warn', message, fields ?? ''),
  error: (message, fields) => console.log('error', message, fields ?? ''),
  child: () => loud,
};

/** Tells what is logged. */
export function recorder(tell: (message: string, fields: Fields) => void): Logger {
  const log = (message: string, fields: Fields = {}): void => tell(message, fields);
  const logger: Logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
  return logger;
}

export function channel(
  direction: ChannelSpec['direction'],
  tables: readonly (string | { readonly from: string; readonly to: string })[],
  more: Partial<ChannelSpec> = {},
): ChannelSpec {
  return {
    direction,
    conflict:
      direction.kind === 'two-way'
        ? { policy: 'site-priority', priority: direction.between, by: null, merge: 'row', groups: [], counters: [] }
        : null,
    initial: 'copy',
    existing: 'refuse',
    ddl: 'stop',
    onError: 'stop',
    apply: { lanes: 1, atomic: true },
    enabled: true,
    tables: tables.map((table) => ({
      ...(typeof table === 'string' ? { from: table, to: null } : table),
      columns: { only: null, omit: [], rename: {} },
      conflict: null,
    })),
    inert: {},
    ...more,
  };
}

interface More {
  readonly keepingMs?: number;
  readonly indexBytes?: number;
  readonly spill?: Spill;
  /** Servers that may take the place of a database's own, by its name: they have its `otter` account. */
  readonly standby?: Readonly<Record<string, LabServer>>;
  /** What stands between a site and its database. */
  readonly through?: (target: SiteOptions['target']) => SiteOptions['target'];
}

export class Sites implements AsyncDisposable {
  readonly #servers: Readonly<Record<string, LabServer | OracleLab>>;
  readonly #running = new Map<string, Site>();
  readonly #logger: Logger;
  #pipelines: DesiredPipeline[] = [];
  /** Channels that are there, since when, and what of them came later. */
  #channels: Readonly<Record<string, { spec: ChannelSpec; born: number; stays: Stays }>> = {};
  #generation = 0;
  #revision = 1;

  readonly #lineage: string;

  readonly #more: More;

  constructor(
    servers: Readonly<Record<string, LabServer | OracleLab>>,
    logger: Logger = quiet,
    lineage = 'test-lineage',
    more: More = {},
  ) {
    this.#more = more;
    this.#servers = servers;
    this.#logger = logger;
    this.#lineage = lineage;
  }

  readonly link: { open: LinkClient['open'] } = {
    open: async (database, request, signal) => {
      const site = this.#running.get(database);
      if (site === undefined) throw new Error(`site ${database} does not run`);
      return site.service.open(request, signal);
    },
  };

  set(channels: Readonly<Record<string, ChannelSpec>>): void {
    this.#generation += 1;
    const generation = this.#generation;
    this.#channels = Object.fromEntries(
      Object.entries(channels).map(([name, spec]) => {
        const before = this.#channels[name];
        if (before === undefined) return [name, { spec, born: generation, stays: {} }];
        return [name, { spec, born: before.born, stays: staysAfter(name, before, spec, generation, 0) }];
      }),
    );
    this.#pipelines = Object.entries(this.#channels).flatMap(([name, { spec, born, stays }]) =>
      compileChannel(name, spec, stays).map((pipeline) => ({
        spec: pipeline,
        generation,
        born: born + (stays.pipelines?.[pipeline.name] ?? 0),
      })),
    );
    for (const [name, site] of this.#running) site.update(this.#spec(name));
  }

  /** These pipelines rest, as when somebody pauses them, and no others. */
  rest(...names: readonly string[]): void {
    this.#pipelines = this.#pipelines.map((one) => ({
      ...one,
      spec: { ...one.spec, enabled: !names.includes(one.spec.name) },
    }));
    for (const [name, site] of this.#running) site.update(this.#spec(name));
  }

  /** It rests, and somebody wants it to stand elsewhere; null: it goes on. */
  move(name: string, move: NonNullable<DesiredPipeline['spec']['move']> | null): void {
    this.#pipelines = this.#pipelines.map((one) => {
      if (one.spec.name !== name) return one;
      const { move: _, ...spec } = one.spec;
      return { ...one, spec: { ...spec, enabled: move === null, ...(move === null ? {} : { move }) } };
    });
    for (const [each, site] of this.#running) site.update(this.#spec(each));
  }

  /** Somebody wants a transaction passed over. */
  skip(name: string, transaction: string): void {
    this.#pipelines = this.#pipelines.map((one) =>
      one.spec.name === name ? { ...one, spec: { ...one.spec, skip: transaction } } : one,
    );
    for (const [each, site] of this.#running) site.update(this.#spec(each));
  }

  /** Waits until all pipelines, or those of a channel, have taken up what was set last, as `otter apply` does. */
  async settled(channel?: string): Promise<void> {
    const generation = this.#generation;
    const mine = this.#pipelines.filter(({ spec }) => channel === undefined || spec.channel === channel);
    const all = (): boolean =>
      mine.every(({ spec: { name } }) => {
        const now = this.figures()[name];
        return now?.error === null && now.observedGeneration >= generation;
      });
    await until('it is taken up', all).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.figures())}`);
    });
  }

  start(name: string): Site {
    const spec = this.#spec(name);
    this.#revision += 1;
    const { through = (target) => target, standby: _, ...more } = this.#more;
    const own = ends(this.#servers[name]!, spec);
    const site = new Site({
      spec,
      ownerRevision: this.#revision,
      ...own,
      target: through(own.target),
      link: this.link,
      logger: this.#logger.child({ site: name }),
      now: Date.now,
      heartbeatMs: 200,
      indexBytes: 256 << 20,
      spill: { open: () => openKeyFile(tmpdir()), limitBytes: 1 << 30 },
      making: {
        hashBy: (key) => (text) => createHmac('sha256', JSON.stringify(key)).update(text).digest('hex'),
        processor: (ref, text) => loadProcessor(ref, text, {}),
        bounded: (work) => bounded(work, 1_000),
      },
      ...more,
    });
    this.#running.set(name, site);
    return site;
  }

  async stop(name: string): Promise<void> {
    const site = this.#running.get(name);
    this.#running.delete(name);
    await site?.stop();
  }

  /** As when the database leaves the topology. */
  async retire(name: string): Promise<void> {
    const site = this.#running.get(name);
    this.#running.delete(name);
    await site?.retire();
  }

  /** Of all pipelines, by name. */
  figures(): ReturnType<Site['figures']> {
    return Object.assign({}, ...[...this.#running.values()].map((site) => site.figures()));
  }

  site(name: string): Site {
    return this.#running.get(name)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.stop(name);
  }

  #spec(name: string): SiteSpec {
    const lab = this.#servers[name]!;
    const standby = this.#more.standby?.[name];
    const oracle = 'endpoint' in lab;
    const database: DatabaseSpec = {
      region: 'r',
      engine: oracle ? 'oracle' : lab.family,
      endpoints: oracle
        ? [lab.endpoint]
        : [lab, ...(standby === undefined ? [] : [standby])].map(({ host, port }) => `${host}:${port}`),
      user: oracle ? lab.user : lab.otter.user,
      password: { env: 'X' },
      tls: null,
      schema: oracle ? lab.own : 'otter',
      protect: false,
    };
    return {
      lineage: this.#lineage,
      topology: 'test',
      name,
      database,
      pipelines: this.#pipelines.filter(({ spec }) => spec.source === name || spec.target === name),
    };
  }
}

/** Where the log of a server ends. */
export async function endOf(server: LabServer): Promise<string> {
  const database = { endpoints: [`${server.host}:${server.port}`], user: server.otter.user, tls: null };
  const link = new DatabaseServer({ name: 'end', spec: database, password: server.otter.password });
  await using reader = await openPlaces(link, { schema: 'otter', signal: new AbortController().signal });
  return (await reader.end()).position;
}

/** What people use to settle dead letters at a server. */
export function deskAt(server: LabServer, lineage = 'test-lineage'): Desk {
  const database = { endpoints: [`${server.host}:${server.port}`], user: server.otter.user, tls: null };
  const link = new DatabaseServer({ name: 'desk', spec: database, password: server.otter.password });
  const source = mysqlSource({ server: link, ownSchema: 'otter' });
  const connect = () => link.connect({ multipleStatements: true });
  return new Desk(new MysqlTarget({ connect, schema: 'otter', lineage, source, now: Date.now }));
}

/** What `compose.ts` puts together. */
function ends(
  lab: LabServer | OracleLab,
  { name, database, lineage }: SiteSpec,
): Pick<SiteOptions, 'source' | 'target' | 'abandon' | 'look' | 'renew'> {
  const { schema, user } = database;
  if ('endpoint' in lab) {
    const server = lab.server();
    const target = new OracleTarget({ connect: () => server.connect(), name, user, schema, lineage });
    return { source: NO_SOURCE, target, abandon: () => server.abandon() };
  }
  const server = new DatabaseServer({ name, spec: database, password: lab.otter.password });
  const source = mysqlSource({ server, ownSchema: schema });
  const connect = () => server.connect({ multipleStatements: true });
  const target = new MysqlTarget({ connect, schema, lineage, source, now: Date.now });
  return {
    ...{ source, target, abandon: () => server.abandon(), look: () => server.look() },
    renew: (isSilent) => server.renew(isSilent),
  };
}

export async function rootOf(server: LabServer): Promise<Connection> {
  return mysql.createConnection({
    host: server.host,
    port: server.port,
    user: server.root.user,
    password: server.root.password,
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

/** Waits for a condition, not for a time; the message of the last failure ends in the error. */
export async function until(what: string, check: () => Promise<boolean> | boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await check()) return;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`);
    await sleep(25);
  }
}

/** All rows of a table in key order, as texts. */
export async function dump(connection: Connection, table: string): Promise<string[]> {
  const [rows] = await connection.query({ sql: `SELECT * FROM ${table}`, rowsAsArray: true });
  return (rows as unknown[][]).map((row) => JSON.stringify(row)).sort();
}

export const STARTS = { mariadb: startMariaDb, mariadb11: startNewMariaDb, mysql: startMySql };

/** The servers that `OTTER_TEST_PAIR` names: `mariadb,mariadb` (usual), `mysql,mariadb11`, ... */
export const FAMILIES = (process.env['OTTER_TEST_PAIR'] ?? 'mariadb,mariadb').split(',') as (keyof typeof STARTS)[];

/** Two of them. */
export async function pair(): Promise<[LabServer, LabServer]> {
  return (await servers(2)) as [LabServer, LabServer];
}

/** As many as that, in turn of those families. Two families have one collation to compare keys by only when they are told. */
export async function servers(count: number): Promise<LabServer[]> {
  const mixed = new Set(FAMILIES).size > 1;
  const options = mixed ? { args: ['--collation-server=utf8mb4_general_ci'] } : {};
  return Promise.all(Array.from({ length: count }, (_, i) => STARTS[FAMILIES[i % FAMILIES.length]!](options)));
}

/** Waits until the pipelines stream; says how they stand when they do not. */
export async function streaming(sites: Sites, ...names: readonly string[]): Promise<void> {
  const streams = (name: string): boolean => {
    const now = sites.figures()[name];
    return now?.phase === 'streaming' && now.error === null;
  };
  const all = (): boolean => names.every(streams);
  await until(`${names.join(' and ')} stream`, all).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(sites.figures())}`);
  });
}

/** Waits until two tables hold the same rows. */
export async function equal(a: Connection, b: Connection, table: string): Promise<void> {
  let [here, there]: string[][] = [[], []];
  const same = async (): Promise<boolean> => {
    [here, there] = await Promise.all([dump(a, table), dump(b, table)]);
    return JSON.stringify(here) === JSON.stringify(there);
  };
  await until('equal', same).catch((error: unknown) => {
    expect(there).toEqual(here);
    throw error;
  });
}

export async function count(connection: Connection, table: string): Promise<number> {
  const [rows] = await connection.query({ sql: `SELECT COUNT(*) FROM ${table}`, rowsAsArray: true });
  return Number((rows as unknown[][])[0]![0]);
}

/** A table expression of every server family: the numbers from `from` to `to` in the column `seq`. */
export function numbers(from: number, to: number): string {
  const digits = [...String(to)].map((_, i) => `d${i}`);
  const sum = digits.map((digit, i) => `${digit}.n * ${10 ** i}`).join(' + ');
  const ten =
    '(SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)';
  const all = digits.map((digit) => `${ten} AS ${digit}`).join(' CROSS JOIN ');
  return `(SELECT ${sum} AS seq FROM ${all} HAVING seq BETWEEN ${from} AND ${to}) AS numbers`;
}
