/** `otter conflicts`: what was decided, read from the databases themselves, so it needs no state store and no node. */
import type { ConflictQuery, UnreadLog } from '../model/conflict.ts';
import type { ConflictsJson } from '../model/conflict-json.ts';
import { OtterError } from '../model/error.ts';
import { type Names, pipelineNamed } from '../model/kept-names.ts';
import { compileChannel } from '../model/pipeline.ts';
import type { Topology } from '../model/topology.ts';
import { conflictJson, type FoundConflict, renderConflict, renderConflicts } from '../render/conflicts.ts';
import { printable } from '../render/width.ts';
import { type CommonOptions, type Context, colour, EXIT } from './context.ts';
import { namesOf } from './names.ts';
import { type Chosen, resolveConflict } from './resolve.ts';
import { asTyped } from './typed.ts';
import { loadValid } from './validate.ts';

export interface ConflictsOptions extends CommonOptions {
  readonly table?: string;
  readonly kind?: string;
  readonly winner?: string;
  /** Milliseconds. */
  readonly since?: number;
  readonly limit?: string;
  readonly open?: boolean;
  readonly take?: string;
  readonly yes?: boolean;
}

export const CONFLICT_KINDS = [
  ...['insert', 'update', 'delete'].flatMap((one) => ['insert', 'update', 'delete'].map((other) => `${one}/${other}`)),
  'unique',
];
export const WINNERS = ['incoming', 'local', 'merged', 'none'];

const LIMIT = 50;
const LIMIT_MAX = 100_000;

/** `[ADDR]` lists, `show ID` shows one side by side, `resolve ID` decides one that waits. */
export async function conflicts(
  context: Context,
  options: ConflictsOptions,
  [what, id, ...more]: readonly string[],
): Promise<number> {
  if (more.length > 0 || (id !== undefined && what !== 'show' && what !== 'resolve')) {
    throw new OtterError('OT7001', `\`otter conflicts ${what!}\` takes no \`${[id, ...more].at(-1)!}\``, {
      hint: 'One conflict: otter conflicts show hz:42',
    });
  }
  if (what === 'resolve') return resolve(context, options, id);
  if (options.take !== undefined || options.yes === true)
    throw usage('--take and --yes are for `otter conflicts resolve`', 'otter conflicts resolve hz:42 --take incoming');
  return what === 'show' ? show(context, options, id) : list(context, options, what);
}

async function list(context: Context, options: ConflictsOptions, address: string | undefined): Promise<number> {
  const query = queryOf(options, context.now());
  const { topology } = loadValid(context, options);
  const { databases, channel, pipeline } = logPlaceOf(topology, address);
  const names = await namesOf(context, options, topology);
  // Otter's own tables have the names under which things are kept.
  const where = {
    channel: channel === null ? null : names.kept('channel', channel),
    pipeline: pipeline === null ? null : pipelineNamed(pipeline, (kind, name) => names.kept(kind, name)),
  };
  const read = await Promise.all(
    databases.map((name) => reading(context, topology, name, (log) => log.list({ ...query, ...where }))),
  );
  const unread = read.flatMap(({ error, database }) => (error === null ? [] : [{ database, error }]));
  const found = read
    .flatMap(({ database, value }) => (value ?? []).map((conflict) => asKnown({ ...conflict, database }, names)))
    .sort((a, b) => b.decidedMs - a.decidedMs || b.id - a.id);
  const shown = found.slice(0, query.limit);
  if (options.json === true) {
    const failed = unread.map(({ database, error }) => ({ database, code: error.code, message: error.message }));
    const json: ConflictsJson = { conflicts: shown.map((one) => conflictJson(one, false)), unread: failed };
    context.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    const asked = databases.filter((name) => !unread.some(({ database }) => database === name));
    const text = renderConflicts(shown, { asked, limit: query.limit, colour: colour(context, options) });
    context.stdout.write(asTyped(text, options, context));
  }
  for (const one of unread) tell(context, one);
  return unread.length === 0 ? EXIT.done : EXIT.error;
}

async function show(context: Context, options: ConflictsOptions, id: string | undefined): Promise<number> {
  const { conflict: kept, names } = await conflictOf(context, options, id);
  const conflict = asKnown(kept, names);
  context.stdout.write(
    options.json === true
      ? `${JSON.stringify(conflictJson(conflict, true), null, 2)}\n`
      : asTyped(renderConflict(conflict, { colour: colour(context, options) }), options, context),
  );
  return EXIT.done;
}

/** One conflict by its id. @throws OtterError OT7001, OT7009, and why the database could not be asked */
export async function conflictOf(context: Context, options: CommonOptions, id: string | undefined): Promise<Chosen> {
  const [, database, number] = /^([a-z][a-z0-9_-]*):(\d{1,15})$/.exec(id ?? '') ?? [];
  if (database === undefined) {
    throw new OtterError('OT7001', `${id === undefined ? 'nothing' : `\`${id}\``} is not the id of a conflict`, {
      hint: 'They look like hz:42, database and number; `otter conflicts` lists them.',
    });
  }
  const { topology } = loadValid(context, options);
  if (!databasesOf(topology).includes(database)) throw notThere(topology, database);
  const { value, error } = await reading(context, topology, database, (log) => log.one(Number(number)));
  if (error !== null) throw error;
  if (value === null) {
    throw new OtterError('OT7009', `there is no conflict ${id!} in the log of ${database}`, {
      hint: '`otter conflicts` lists those that there are.',
    });
  }
  return { topology, conflict: { ...value, database }, names: await namesOf(context, options, topology) };
}

/** By the names that people know. */
function asKnown(conflict: FoundConflict, names: Names): FoundConflict {
  const { channel, pipeline } = conflict;
  return { ...conflict, channel: names.shown('channel', channel), pipeline: names.shownPipeline(pipeline) };
}

async function resolve(context: Context, options: ConflictsOptions, id: string | undefined): Promise<number> {
  const { take } = options;
  if (take === undefined)
    throw usage(
      'what is to stand is missing: --take incoming, local, base or a file',
      `otter conflicts resolve ${id ?? 'hz:42'} --take incoming`,
    );
  return resolveConflict(context, options, take, await conflictOf(context, options, id));
}

type Log = Awaited<ReturnType<Context['parts']['reachConflictLog']>>;
type Read<T> =
  | { readonly database: string; readonly value: T; readonly error: null }
  | { readonly database: string; readonly value: null; readonly error: OtterError };

/** What goes wrong with one database is an answer too: the others are asked all the same. */
async function reading<T>(
  { parts, signal }: Context,
  topology: Topology,
  database: string,
  work: (log: Log) => Promise<T>,
): Promise<Read<T>> {
  try {
    await using log = await parts.reachConflictLog(database, topology.database[database]!, signal);
    return { database, value: await work(log), error: null };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OtterError)) throw error;
    return { database, value: null, error };
  }
}

function tell(context: Context, { database, error }: UnreadLog): void {
  context.stderr.write(`The log of ${database} was not read: ${error.code}: ${printable(error.message)}\n`);
  if (error.hint !== undefined) context.stderr.write(`  ${error.hint}\n`);
}

function queryOf(options: ConflictsOptions, nowMs: number): Omit<ConflictQuery, 'channel' | 'pipeline'> {
  const { table = null, kind = null, winner = null, since, limit, open = false } = options;
  if (limit !== undefined && !(/^[1-9]\d{0,6}$/.test(limit) && Number(limit) <= LIMIT_MAX))
    throw usage(`--limit ${limit} is not a whole number from 1 to ${LIMIT_MAX}`, `--limit ${LIMIT}`);
  const sinceMs = since === undefined ? null : nowMs - since;
  return { table, kind, winner, sinceMs, open, limit: limit === undefined ? LIMIT : Number(limit) };
}

function usage(message: string, example: string): OtterError {
  return new OtterError('OT7001', message, { hint: `For example: ${example}` });
}

export interface LogPlace {
  readonly databases: readonly string[];
  readonly channel: string | null;
  readonly pipeline: string | null;
}

/** Which logs, and what in them. @throws OtterError OT7001 */
export function logPlaceOf(topology: Topology, address: string | undefined, command = 'conflicts'): LogPlace {
  const everywhere = { databases: databasesOf(topology), channel: null, pipeline: null };
  if (address === undefined) return everywhere;
  const [, kind, name, ends] = /^(?:(database|channel|pipeline)\.)?([a-z][a-z0-9_-]*)(?:\/(.+))?$/s.exec(address) ?? [];
  if (name === undefined) throw notThere(topology, address);
  const channel = Object.hasOwn(topology.channel, name) ? topology.channel[name]! : null;
  if (ends !== undefined) {
    const wanted = `${name}/${ends.replace(':', '>')}`;
    const pipeline = channel === null ? undefined : compileChannel(name, channel).find((one) => one.name === wanted);
    if (pipeline === undefined || kind === 'database' || kind === 'channel') throw notThere(topology, address);
    return { databases: [pipeline.target], channel: name, pipeline: pipeline.name };
  }
  const isDatabase = kind !== 'channel' && kind !== 'pipeline' && everywhere.databases.includes(name);
  const isChannel = kind !== 'database' && kind !== 'pipeline' && channel !== null;
  if (isDatabase && isChannel)
    throw usage(`\`${name}\` may be database.${name} or channel.${name}`, `otter ${command} channel.${name}`);
  if (isDatabase) return { ...everywhere, databases: [name] };
  if (!isChannel) throw notThere(topology, address);
  const targets = new Set(compileChannel(name, channel).map(({ target }) => target));
  return { ...everywhere, databases: everywhere.databases.filter((one) => targets.has(one)), channel: name };
}

/** What the command takes, as a shell takes it. */
export function conflictAddresses(topology: Topology): string[] {
  const logs = databasesOf(topology);
  const pipelines = Object.entries(topology.channel).flatMap(([name, spec]) => compileChannel(name, spec));
  return [
    ...Object.keys(topology.channel).map((name) => `channel.${name}`),
    ...logs.map((name) => `database.${name}`),
    ...pipelines.flatMap(({ name, target }) => (logs.includes(target) ? [name.replace('>', ':')] : [])),
  ];
}

/** Those that can have a log. */
export function databasesOf(topology: Topology): string[] {
  return Object.entries(topology.database).flatMap(([name, { engine }]) => (engine === 'oracle' ? [] : [name]));
}

export function notThere(topology: Topology, address: string): OtterError {
  const known = [...Object.keys(topology.channel), ...databasesOf(topology)];
  return new OtterError('OT7001', `the topology has no database, channel or pipeline \`${address}\``, {
    hint: `It has ${known.join(', ')}.`,
  });
}
