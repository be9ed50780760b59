/** `otter verify`: the databases compared by whoever types it, who needs their passwords; nodes are not asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readApplied } from '../executor/applied.ts';
import { type ComparedDatabase, leftOf, type TableResult } from '../model/comparing.ts';
import { OtterError } from '../model/error.ts';
import { compileChannel, type PipelineSpec } from '../model/pipeline.ts';
import { rateOf } from '../model/rate.ts';
import type { ChannelSpec, DatabaseSpec, Topology } from '../model/topology.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import type { AppliedState } from '../planner/change.ts';
import { renderSummary, renderTable, verifyJson } from '../render/verify.ts';
import { Bucket } from '../replication/bucket.ts';
import type { Group } from '../replication/compared-groups.ts';
import { findsOf } from '../replication/making.ts';
import { loadTopology } from '../topology/load.ts';
import { repair } from '../verify/repair.ts';
import { verify as compare, type Progress } from '../verify/verify.ts';
import { audited } from './auditing.ts';
import { type CommonOptions, type Context, EXIT, stateUrl, storeToRead, topologyName } from './context.ts';

export interface VerifyFlags extends CommonOptions {
  readonly table?: readonly string[];
  readonly resume?: boolean;
  readonly repair?: boolean;
  /** Of a file set. */
  readonly hash?: boolean;
  readonly rate?: string;
  readonly limit?: number;
  /** False: rows that only a target has are not looked for. */
  readonly extra?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly format?: string;
}

const LIMIT = 100;
const PATIENCE_MS = 60_000;
/** How much of what a kill takes away may have to be done again. */
const KEEP_EVERY_MS = 1_000;

/** A run that can be gone on with, as it is kept in a file of whoever types. */
interface Kept {
  readonly format: 1;
  /** Of everything that must be the same to go on. */
  readonly digest: string;
  readonly startedMs: number;
  readonly progress: Progress;
}

export async function verify(context: Context, options: VerifyFlags, address: string | undefined): Promise<number> {
  const { parts, signal, now } = context;
  const rate = rateFlag(options.rate);
  const name = topologyName(context, options, loadTopology);
  const { applied, lineage } = await appliedOf(context, options, name);
  const topology = appliedTopology(applied);
  const channel = channelOf(topology, address);
  const pipelines = pipelinesOf(topology);
  const wanted = (group: Group): boolean =>
    (channel === null || group.flows.some(({ pipeline }) => pipeline.channel === channel)) &&
    (options.table === undefined || options.table.some((pattern) => means(pattern, group)));
  const asked = { channel, table: options.table ?? null, extra: options.extra !== false };
  const digest = parts.digest(JSON.stringify([asked, lineage, pipelines]));
  const file = keptFile(stateUrl(context, options), name);
  const begun = options.resume === true ? keptIn(context, file, digest) : null;
  const startedMs = begun?.startedMs ?? now();
  const json = options.json === true || options.format === 'json';
  await using databases = new Databases(context, topology);
  const making = await parts.makingRows();
  const bucket = rate === null ? null : new Bucket(rate.perSecond);
  let keptMs = 0;
  let told = begun?.progress.done.length ?? 0;
  const keep = (progress: Progress | null): void => {
    const kept: Kept | null = progress === null ? null : { format: 1, digest, startedMs, progress };
    parts.replaceFile(file, `${JSON.stringify(kept)}\n`);
    keptMs = now();
  };
  const kept = (pipeline: string): string => applied.names.keptPipeline(pipeline);
  const patienceMs = options.timeout ?? PATIENCE_MS;
  const comparing: Parameters<typeof compare>[0] = {
    pipelines,
    database: (one) => databases.get(one),
    refused: (one) => refused(topology.database[one], one),
    wanted,
    lineage,
    kept,
    finds: (pipeline) => findsOf(() => pipeline, making),
    extras: asked.extra,
    limit: options.limit ?? LIMIT,
    pace: async (rows, bytes) => {
      if (bucket === null) return;
      for (let wait = bucket.waitMs(now()); wait > 0; wait = bucket.waitMs(now()))
        await sleep(wait, undefined, { signal });
      bucket.take(rate!.of === 'rows' ? rows : bytes, now());
    },
    sized: rate?.of === 'bytes',
    patienceMs,
    from: begun?.progress ?? null,
    reached: (progress) => {
      // What was told is not told again.
      if (progress.current === null || now() - keptMs >= KEEP_EVERY_MS) keep(progress);
      for (; !json && told < progress.done.length; told += 1) context.stdout.write(renderTable(progress.done[told]!));
    },
    repair: options.repair === true ? (found) => repair(found, { lineage, kept, patienceMs, now, signal }) : null,
    now,
    signal,
  };
  const deed = {
    topology: name,
    command: 'verify --repair',
    what: [channel ?? 'all channels', ...(options.table ?? [])].join(' '),
  };
  const work = async (): Promise<readonly TableResult[]> => compare(comparing);
  const tables = await (options.repair === true ? audited(context, options, deed, work) : work()).catch(
    (error: unknown) => {
      // A session that was ended for it is no news.
      signal.throwIfAborted();
      throw error;
    },
  );
  keep(null);
  const report = { topology: name, startedMs, endedMs: now(), tables };
  context.stdout.write(json ? `${JSON.stringify(verifyJson(report), null, 2)}\n` : renderSummary(report));
  return exitOf(tables);
}

function exitOf(tables: readonly TableResult[]): number {
  return tables.some((one) => leftOf(one) > 0) ? EXIT.differences : EXIT.done;
}

/** @throws OtterError OT7005 */
export async function appliedOf(
  context: Context,
  options: CommonOptions,
  name: string,
): Promise<{ readonly applied: AppliedState; readonly lineage: string }> {
  await using store = storeToRead(context, options);
  const { applied } = await readApplied(store, name, context.signal);
  if (applied.meta.record !== null) return { applied, lineage: applied.meta.record.lineage };
  throw new OtterError('OT7005', `topology ${name} was never applied to ${store.url}`, {
    hint: 'Apply it first: otter apply',
  });
}

/** By the names that people know. */
export function pipelinesOf({ channel }: Topology): readonly PipelineSpec[] {
  return Object.entries(channel).flatMap(([name, spec]) => compileChannel(name, spec satisfies ChannelSpec));
}

/** @throws OtterError OT7001 */
export function channelOf({ channel }: Topology, address: string | undefined): string | null {
  if (address === undefined) return null;
  const name = address.replace(/^channel\./, '');
  if (Object.hasOwn(channel, name)) return name;
  throw new OtterError('OT7001', `no channel \`${address}\` is applied`, {
    hint: `There are ${Object.keys(channel).join(', ')}.`,
  });
}

function refused(spec: DatabaseSpec | undefined, name: string): string | null {
  return spec?.engine === 'oracle' ? `${name} is an Oracle database, whose rows are not read back yet` : null;
}

/** `schema.table` here or there; `*` is any text. */
function means(pattern: string, { table, flows }: Group): boolean {
  const words = pattern.split('*').map((word) => word.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const whole = new RegExp(`^${words.join('.*')}$`);
  return [table, ...flows.map((flow) => flow.table)].some(({ schema, name }) => whole.test(`${schema}.${name}`));
}

function rateFlag(text: string | undefined): ReturnType<typeof rateOf> {
  if (text === undefined) return null;
  const rate = rateOf(text);
  if (rate !== null) return rate;
  throw new OtterError('OT7001', `--rate ${text} is no rate`, {
    hint: 'For example: --rate 20MB/s, --rate "5000 rows/s"',
  });
}

/** Beside the state, where that is a file. */
function keptFile(url: string, topology: string): string {
  const state = url.startsWith('file:') ? url.slice('file:'.length) : '.otter/state.db';
  return `${state.slice(0, state.lastIndexOf('/') + 1)}verify/${topology}.json`;
}

/** @throws OtterError OT7021 */
function keptIn({ parts }: Context, file: string, digest: string): Kept {
  const nothing = (why: string): OtterError =>
    new OtterError('OT7021', `${why}, so there is nothing to go on with`, { hint: 'Begin anew: leave --resume out.' });
  if (!parts.exists(file)) throw nothing(`there is no ${file} here`);
  let kept: Kept | null;
  try {
    kept = JSON.parse(parts.readFile(file)) as Kept | null;
  } catch (error) {
    if (error instanceof OtterError) throw error;
    throw nothing(`${file} is not understood`);
  }
  if (kept === null) throw nothing('the last run came to its end');
  if (kept.format !== 1 || kept.digest !== digest)
    throw nothing('the last run was of other tables, or the topology has changed since');
  return kept;
}

/** Each opened when it is first asked for. */
class Databases implements AsyncDisposable {
  readonly #context: Context;
  readonly #topology: Topology;
  readonly #open = new Map<string, Promise<ComparedDatabase>>();

  constructor(context: Context, topology: Topology) {
    this.#context = context;
    this.#topology = topology;
  }

  get(name: string): Promise<ComparedDatabase> {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const opened = this.#context.parts.reachCompared(name, this.#topology.database[name]!, this.#context.signal);
    this.#open.set(name, opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#open.values()) await (await opened.catch(() => null))?.[Symbol.asyncDispose]();
  }
}
