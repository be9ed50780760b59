/**
 * The parts that run nodes and reach databases, put behind the same ports. Apart from `compose.ts` because drivers take longer to
 * load than most commands take in all: they are loaded by the first command that needs one of these.
 */
import { createHmac } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Output, Parts } from './cli/context.ts';
import { type IndexLimits, indexLimits } from './executor/index-limits.ts';
import { runNode } from './executor/node.ts';
import type { Connect } from './executor/node-link.ts';
import { bounded, loadProcessor } from './executor/processors.ts';
import { resolveSecret } from './executor/secret.ts';
import type { VerifyChannel } from './executor/verifying.ts';
import { Side } from './files/side.ts';
import { endpointOf } from './import/address.ts';
import { type Credentials, credentialsOf } from './link/credentials.ts';
import { askNode } from './link/figures.ts';
import { askLogs } from './link/logs.ts';
import { askMinutes } from './link/minutes.ts';
import { linksOf } from './link/routing.ts';
import { startLinkServer } from './link/server.ts';
import { type ComparedDatabase, leftOf, type TableResult } from './model/comparing.ts';
import { OtterError } from './model/error.ts';
import type { ServerAddress } from './model/importing.ts';
import type { MinuteStore } from './model/minutes.ts';
import type { FilesFactory, Logger, SiteFactory, SiteSpec } from './model/ports.ts';
import { rateOf } from './model/rate.ts';
import type { RowMaking } from './model/row-making.ts';
import type { DatabaseSpec, LinkSpec } from './model/topology.ts';
import type { Traces } from './model/traces.ts';
import { ComparedServer } from './mysql/compared.ts';
import { openConflictLog } from './mysql/conflict-log.ts';
import { DatabaseServer, type ServerOptions } from './mysql/database-server.ts';
import { openLetters } from './mysql/dead-letters.ts';
import { inspectServer } from './mysql/inspect.ts';
import { readManagerTables } from './mysql/manager-tables.ts';
import { gtidsBefore } from './mysql/point-gtids.ts';
import { readFacts } from './mysql/server-facts.ts';
import { MysqlServerLoad } from './mysql/server-load.ts';
import { mysqlSource } from './mysql/source.ts';
import { openPlaces } from './mysql/standing-places.ts';
import { MysqlTarget } from './mysql/target.ts';
import { tell } from './notify/receivers.ts';
import { createLogger } from './observe/log.ts';
import { LogRing } from './observe/log-ring.ts';
import { startOpsServer } from './observe/ops-server.ts';
import { openTraces } from './observe/traces.ts';
import { OracleServer } from './oracle/database-server.ts';
import { inspectOracle } from './oracle/inspect.ts';
import { NO_SOURCE } from './oracle/one-way.ts';
import { OracleTarget } from './oracle/target.ts';
import { Bucket } from './replication/bucket.ts';
import { findsOf } from './replication/making.ts';
import { Desk } from './site/letter-desk.ts';
import { Resolving } from './site/resolving.ts';
import { Site, type SiteOptions } from './site/site.ts';
import { openKeyFile } from './state/key-file.ts';
import { minutesInMemory, openMinuteFile } from './state/minute-file.ts';
import { verify } from './verify/verify.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What needs a driver. */
export type DataPlane = Pick<
  Parts,
  | 'runNodes'
  | 'reachDatabase'
  | 'reachServer'
  | 'readManager'
  | 'findPoint'
  | 'reachConflictLog'
  | 'reachConflictResolver'
  | 'reachCompared'
  | 'makingRows'
  | 'reachLetters'
  | 'reachLetterDesk'
  | 'reachPlaces'
  | 'askNode'
  | 'askMinutes'
  | 'askLogs'
>;

const HEARTBEAT_MS = 1_000;
/** How long a pipeline may stand still while its channel is compared. */
const VERIFY_PATIENCE_MS = 60_000;
/** Where otter's own tables are unless a topology says otherwise. */
const OWN_SCHEMA = 'otter';

export function dataPlane(env: Env, stderr: Output): DataPlane {
  /** What a person shows to nodes of this machine's credentials. */
  const shown = (link: LinkSpec | null): Credentials =>
    credentialsOf(
      link,
      (reference) => resolveSecret(reference, env),
      createLogger({ stream: stderr, level: 'warn', readable: true }),
    );
  return {
    runNodes: async ({ store, topology, names, logger, signal, version }) => {
      const limits = indexLimits(env, tmpdir());
      // A folder that was named and cannot be used is better said now than when it is needed.
      if ((env['OTTER_SPILL_DIR'] ?? '') !== '') openKeyFile(limits.folder).close();
      // All nodes of a process send together: the line is that of one only where there is one.
      const traces = await openTraces(env, version, names.length === 1 ? logger.child({ node: names[0] }) : logger);
      await using _sent = traces ?? undefined;
      const failed = new AbortController();
      const together = AbortSignal.any([signal, failed.signal]);
      await Promise.all(
        names.map(async (name) => {
          try {
            await runNode({
              store,
              topology,
              name,
              version,
              sites: siteFactory(env, limits, traces),
              files: FILES,
              connect: connectWith(env),
              verify: verifyWith(env),
              tell: (receiver, notice, stop) =>
                tell(receiver, notice, { resolve: (reference) => resolveSecret(reference, env), env, version }, stop),
              serve: startOpsServer,
              ...httpOf(env, names),
              minutes: minutesOf(env, topology, name, logger),
              lines: new LogRing(Date.now),
              logger,
              signal: together,
            });
          } catch (error) {
            // One node that cannot run ends the others of this process in good order.
            failed.abort();
            throw error;
          }
        }),
      );
    },
    reachDatabase: async (name, spec, signal) => {
      const password = resolveSecret(spec.password, env);
      if (spec.engine === 'oracle')
        return inspectOracle(new OracleServer({ name, spec, password }), { schema: spec.schema, signal });
      return inspectServer(new DatabaseServer({ name, spec, password }), { schema: spec.schema, signal });
    },
    reachServer: async (address, password, signal) =>
      inspectServer(serverAt(address, password), { schema: OWN_SCHEMA, signal }),
    readManager: async (address, password, signal) =>
      readManagerTables(serverAt(address, password), address.schema, signal),
    findPoint: async (address, password, point, signal) => {
      await using session = await serverAt(address, password).connect({ signal });
      const kind = await readFacts(session);
      return { family: kind.family, gtids: point === null ? null : await gtidsBefore(session, kind, point) };
    },
    reachConflictLog: async (name, spec, signal) => {
      const password = resolveSecret(spec.password, env);
      return openConflictLog(new DatabaseServer({ name, spec, password }), { schema: spec.schema, signal });
    },
    reachConflictResolver: async (name, spec, lineage, signal) => {
      const password = resolveSecret(spec.password, env);
      const server = new DatabaseServer({ name, spec, password });
      signal.addEventListener('abort', () => server.abandon(), { once: true });
      return new Resolving(mysqlTarget(server, spec.schema, lineage).target);
    },
    reachCompared: async (name, spec, signal) => comparedServer(name, spec, env, signal),
    makingRows: async () => rowMaking(env),
    reachLetters: async (name, spec, signal) => {
      const password = resolveSecret(spec.password, env);
      return openLetters(new DatabaseServer({ name, spec, password }), { schema: spec.schema, signal });
    },
    reachLetterDesk: async (name, spec, lineage, signal) => {
      const password = resolveSecret(spec.password, env);
      const server = new DatabaseServer({ name, spec, password });
      signal.addEventListener('abort', () => server.abandon(), { once: true });
      return new Desk(mysqlTarget(server, spec.schema, lineage).target);
    },
    reachPlaces: async (name, spec, signal) => {
      const password = resolveSecret(spec.password, env);
      return openPlaces(new DatabaseServer({ name, spec, password }), { schema: spec.schema, signal });
    },
    askNode: async ({ advertise, link = null }, signal) => askNode(advertise, shown(link), signal),
    askMinutes: async ({ advertise, link = null }, query, signal) => askMinutes(advertise, query, shown(link), signal),
    askLogs: async ({ advertise, link = null }, query, signal) => askLogs(advertise, query, shown(link), signal),
  };
}

const DATA_FOLDER = '.otter';

/** What cannot be kept in a file is kept in memory, and that is said. */
function minutesOf(env: Env, topology: string, node: string, logger: Logger): MinuteStore {
  // Of systemd's several the first.
  const folder = env['OTTER_DATA'] ?? env['STATE_DIRECTORY']?.split(':')[0] ?? DATA_FOLDER;
  if (folder === 'off') return minutesInMemory();
  try {
    return openMinuteFile(folder === '' ? DATA_FOLDER : folder, topology, node);
  } catch (error) {
    if (!(error instanceof OtterError)) throw error;
    const { code, message, hint } = error;
    logger.warn('history is kept in memory only', { node, code, error: message, hint });
    return minutesInMemory();
  }
}

/** Several nodes of one process cannot share an address. */
function httpOf(env: Env, names: readonly string[]): { readonly http?: string } {
  const http = env['OTTER_HTTP'] ?? '';
  return http === '' || (names.length > 1 && http !== 'off') ? {} : { http };
}

/** Both ends of a node's links over HTTP/2; its own databases are reached directly. */
function connectWith(env: Env): Connect {
  return async ({ node, lineage, listen, link, free, services, files, addressOf, figures, minutes, logs, logger }) => {
    const credentials = credentialsOf(link, (reference) => resolveSecret(reference, env), logger);
    await free();
    const offers = { services, files, figures, minutes, logs };
    const server = await startLinkServer({ listen, node, lineage, ...offers, credentials, logger });
    const links = linksOf({ local: services, localFiles: files, addressOf, lineage, credentials, logger });
    return { ...links, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  };
}

/** A site over one server, shared by reading and writing, so that both are always on the same endpoint. */
function siteFactory(env: Env, { bytes, fileBytes, folder }: IndexLimits, traces: Traces | null): SiteFactory {
  return {
    start: (spec, ownerRevision, link, logger, files) => {
      const { database, name } = spec;
      const server = { name, spec: database, password: () => resolveSecret(database.password, env) };
      return new Site({
        spec,
        ownerRevision,
        ...(database.engine === 'oracle' ? oracleEnds(server, spec) : mysqlEnds(server, spec)),
        link,
        ...(traces === null ? {} : { traces }),
        files,
        logger,
        now: Date.now,
        heartbeatMs: HEARTBEAT_MS,
        indexBytes: bytes,
        spill: { open: () => openKeyFile(folder), limitBytes: fileBytes },
        making: rowMaking(env),
      });
    },
  };
}

/** A channel compared at one of its databases, as by `otter verify`; keys of rows that differ are not kept. */
function verifyWith(env: Env): VerifyChannel {
  return async ({ lineage, channel, database, pipelines, databases, rate, looked }, signal) => {
    await using opened = new AsyncDisposableStack();
    const known = new Map<string, ComparedDatabase>();
    const ended = new AbortController();
    opened.defer(() => ended.abort());
    const until = AbortSignal.any([signal, ended.signal]);
    const limit = rate === null ? null : rateOf(rate);
    const bucket = limit === null ? null : new Bucket(limit.perSecond);
    const tables = await verify({
      pipelines,
      database: async (name) => {
        const compared = known.get(name) ?? opened.use(comparedServer(name, databases[name]!, env, until));
        known.set(name, compared);
        return compared;
      },
      refused: (name) =>
        databases[name]?.engine === 'oracle' ? `${name} is an Oracle database, whose rows are not read back yet` : null,
      wanted: ({ target, flows }) => target === database && flows.some(({ pipeline }) => pipeline.channel === channel),
      lineage,
      kept: (pipeline) => pipeline,
      finds: (pipeline) => findsOf(() => pipeline, rowMaking(env)),
      extras: true,
      limit: 0,
      pace: async (rows, bytes) => {
        looked(rows);
        if (bucket === null) return;
        for (let wait = bucket.waitMs(performance.now()); wait > 0; wait = bucket.waitMs(performance.now()))
          await sleep(wait, undefined, { signal });
        bucket.take(limit!.of === 'rows' ? rows : bytes, performance.now());
      },
      sized: limit?.of === 'bytes',
      patienceMs: VERIFY_PATIENCE_MS,
      from: null,
      reached: () => undefined,
      repair: null,
      now: () => performance.now(),
      signal,
    });
    const sum = (of: (one: TableResult) => number): number => tables.reduce((all, one) => all + of(one), 0);
    return {
      tables: tables.length,
      skipped: tables.filter(({ skipped }) => skipped !== null).length,
      rows: sum(({ rows }) => rows),
      differing: sum(leftOf),
      busy: sum(({ busy }) => busy),
    };
  };
}

function comparedServer(name: string, spec: DatabaseSpec, env: Env, signal: AbortSignal): ComparedServer {
  const server = new DatabaseServer({ name, spec, password: resolveSecret(spec.password, env) });
  signal.addEventListener('abort', () => server.abandon(), { once: true });
  return new ComparedServer(server, spec.schema);
}

const FILES: FilesFactory = {
  start: (spec, link, logger) => new Side({ spec, link, logger, now: Date.now }),
};

/** What rows are made with that are masked, or go through a module. */
function rowMaking(env: Env): RowMaking {
  return {
    hashBy: (reference) => {
      const key = resolveSecret(reference, env);
      if (key === '')
        throw new OtterError('OT3020', 'the key for masks is empty', { hint: 'Give it 32 random characters.' });
      return (text) => createHmac('sha256', key).update(text).digest('hex');
    },
    processor: (ref, text) => loadProcessor(ref, text, env),
    bounded,
  };
}

type Ends = Pick<SiteOptions, 'source' | 'target' | 'abandon' | 'look' | 'endpoint' | 'load' | 'renew'>;

function mysqlEnds(options: ServerOptions, { name, database, lineage }: SiteSpec): Ends {
  const server = new DatabaseServer(options);
  const ends = mysqlTarget(server, database.schema, lineage);
  const beat = (): Promise<void> => ends.target.beat(name);
  const load = new MysqlServerLoad({ server, beat, schema: database.schema, lineage, site: name });
  const look = database.endpoints.length > 1 ? { look: () => server.look(), endpoint: () => server.endpoint } : {};
  const lines = {
    abandon: () => server.abandon(),
    renew: (isSilent: () => boolean) => server.renew(isSilent),
    ...look,
  };
  return { ...ends, load, ...lines };
}

function oracleEnds(options: ServerOptions, { name, database: { schema, user }, lineage }: SiteSpec): Ends {
  const server = new OracleServer(options);
  const target = new OracleTarget({ connect: () => server.connect(), name, user, schema, lineage });
  return { source: NO_SOURCE, target, abandon: () => server.abandon() };
}

/** A server that stands in no topology. */
function serverAt(address: ServerAddress, password: string): DatabaseServer {
  const endpoint = endpointOf(address);
  return new DatabaseServer({
    name: endpoint,
    spec: { endpoints: [endpoint], user: address.user, tls: null },
    password,
  });
}

function mysqlTarget(server: DatabaseServer, schema: string, lineage: string) {
  const source = mysqlSource({ server, ownSchema: schema });
  const connect = (): ReturnType<DatabaseServer['connect']> => server.connect({ multipleStatements: true });
  return { source, target: new MysqlTarget({ connect, schema, lineage, source, now: Date.now }) };
}
