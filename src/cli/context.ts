/** What every command gets from outside, and what it may do: nothing here touches `process`. */
import type { ReachCompared } from '../model/comparing.ts';
import { OtterError } from '../model/error.ts';
import type { FindPoint, ReachServer, ReadManager } from '../model/importing.ts';
import type {
  ReachConflictLog,
  ReachDatabase,
  ReachLetterDesk,
  ReachLetters,
  ReachPlaces,
} from '../model/inspection.ts';
import type { LogAnswer, LogQuery } from '../model/log-lines.ts';
import type { MinutesAnswer, MinutesQuery } from '../model/minutes.ts';
import type { Logger, StateStore } from '../model/ports.ts';
import type { NodeAnswer } from '../model/records.ts';
import type { ReachConflictResolver } from '../model/resolution.ts';
import type { RowMaking } from '../model/row-making.ts';
import { NAME_PATTERN, type NodeSpec } from '../model/topology.ts';
import type { LoadedTopology, LoadOptions } from '../topology/load.ts';

/** Exit codes of topology.md. */
export const EXIT = {
  done: 0,
  error: 1,
  differences: 2,
  usage: 3,
  refused: 4,
  stale: 5,
  locked: 6,
  partly: 7,
  cancelled: 8,
  timeout: 9,
  bug: 70,
} as const;

export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export interface Context {
  readonly stdout: Output;
  /** Commands in what is written here are completed, see `typed.ts`. */
  readonly stderr: Output;
  readonly stdin: NodeJS.ReadStream;
  readonly terminal: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
  /** Aborts when the person or the system wants the command to end. */
  readonly signal: AbortSignal;
  readonly version: string;
  readonly parts: Parts;
}

/** What `compose.ts` puts behind the commands. */
export interface Parts {
  /** With `make: false`, a state file that is not there is made by the first write. */
  openStore(url: string, options?: { readonly make?: boolean }): StateStore;
  /** Runs worker nodes of a topology until the signal aborts. */
  runNodes(options: {
    store: StateStore;
    topology: string;
    names: readonly string[];
    logger: Logger;
    signal: AbortSignal;
    version: string;
  }): Promise<void>;
  logger(options: { level: string; readable: boolean }): Logger;
  /** For `otter validate --live`. */
  readonly reachDatabase: ReachDatabase;
  /** For `otter conflicts`. */
  readonly reachConflictLog: ReachConflictLog;
  /** For `otter conflicts resolve`. */
  readonly reachConflictResolver: ReachConflictResolver;
  /** For `otter deadletter`. */
  readonly reachLetters: ReachLetters;
  readonly reachLetterDesk: ReachLetterDesk;
  /** For `otter position`. */
  readonly reachPlaces: ReachPlaces;
  /** For `otter import --db`. */
  readonly reachServer: ReachServer;
  /** For `otter import --otter4`. */
  readonly readManager: ReadManager;
  readonly findPoint: FindPoint;
  /** For `otter verify`. */
  readonly reachCompared: ReachCompared;
  readonly makingRows: () => Promise<RowMaking>;
  /** What the node at this address says of itself; with the credentials that its `link` names, as they are where this runs. */
  askNode(node: NodeSpec, signal: AbortSignal): Promise<NodeAnswer>;
  /** For `otter stats`. */
  askMinutes(node: NodeSpec, query: MinutesQuery, signal: AbortSignal): Promise<MinutesAnswer>;
  /** For `otter logs`. */
  askLogs(node: NodeSpec, query: LogQuery, signal: AbortSignal): Promise<LogAnswer>;
  demo(options: DemoOptions): Promise<number>;
  readFile(path: string): string;
  /** Line by line, however large it is. @throws OtterError OT7003, when the first is asked for or later */
  readLines(path: string): Iterable<string>;
  /** Refuses to overwrite when `fresh`. Readable for its owner only when `secret`. */
  writeFile(path: string, text: string, options: { fresh?: boolean; secret?: boolean }): void;
  /** The whole file or, cut at any moment, what was there before. Readable for its owner only. */
  replaceFile(path: string, text: string): void;
  listFolder(path: string): string[];
  exists(path: string): boolean;
  /** Whether a file that is there may be written. */
  writable(path: string): boolean;
  /** The schema of topologies, for `otter schema`. */
  schema(): string;
  digest(text: string): string;
  newId(): string;
  /** Opens a file for lines, each of which is there when `write` returns. @throws OtterError OT7003 */
  openLines(path: string): { write(line: string): void };
  /** Who types, and with `path` what of the repository that it lies in is checked out. */
  who(path?: string): Who;
  /** Whether a process of this number runs on this machine. */
  runs(pid: number): boolean;
}

export interface Who {
  /** Of the system. */
  readonly user: string;
  /** As git knows the person: `Ann <ann@example.org>`; null without git, or where it was never told. */
  readonly author: string | null;
  readonly host: string;
  readonly pid: number;
  readonly commit: string | null;
  /** Whether something there is not in that commit; null without a repository. */
  readonly dirty: boolean | null;
}

export interface DemoOptions {
  readonly seconds: number | null;
  readonly state: 'file' | 'etcd';
  readonly context: Context;
}

export interface CommonOptions {
  readonly topology?: string;
  readonly state?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly var?: readonly string[];
  readonly varFile?: readonly string[];
  /** The environment that is laid over the topology. */
  readonly env?: string;
}

export function colour(context: Context, options: CommonOptions): boolean {
  return options.color !== false && !context.env['NO_COLOR'] && context.stdout.isTTY === true;
}

export function stateUrl(context: Context, options: CommonOptions): string {
  return options.state ?? context.env['OTTER_STATE'] ?? 'file:.otter/state.db';
}

/** The store, for who only looks: a state file that is not there is not made. @throws OtterError OT7005 */
export function storeToRead(context: Context, options: CommonOptions): StateStore {
  const url = stateUrl(context, options);
  const path = url.startsWith('file:') ? url.slice('file:'.length) : '';
  if (path === '' || context.parts.exists(path)) return context.parts.openStore(url);
  throw new OtterError('OT7005', `there is no state file ${path}, so nothing was applied to it`, {
    hint: 'Apply first: `otter apply`. If the state is elsewhere, name it with --state or OTTER_STATE.',
  });
}

/** `-t`, or the only entry of `topologies/`. @throws OtterError OT7002 */
export function topologyPath(context: Context, options: CommonOptions): string {
  if (options.topology !== undefined) return options.topology;
  const entries = context.parts.exists('topologies')
    ? context.parts.listFolder('topologies').filter((name) => mayBeTopology(context, name))
    : [];
  if (entries.length === 1) return `topologies/${entries[0]!}`;
  throw new OtterError(
    'OT7002',
    entries.length === 0
      ? 'there is no topologies/ folder here with a topology in it'
      : `topologies/ has several entries: ${entries.join(', ')}`,
    {
      hint:
        entries.length === 0
          ? 'Name one with -t PATH, or begin with `otter init`.'
          : `Say which: -t topologies/${entries[0]!}`,
    },
  );
}

/** A YAML file or a folder with one in it: a README beside the only topology is none, nor is a folder of its modules. */
function mayBeTopology({ parts }: Context, name: string): boolean {
  if (isYaml(name)) return true;
  const folder = `topologies/${name}`;
  // `env` beside topologies of one file holds their environments.
  return !/^(?:\.|env$)/.test(name) && parts.exists(`${folder}/.`) && parts.listFolder(folder).some(isYaml);
}

/** As `topology/read.ts` takes the files of a folder. */
function isYaml(name: string): boolean {
  return /^[^.].*\.ya?ml$/.test(name);
}

/** The name of a topology, for commands that need no more: `-t` takes a path or a name. */
export function topologyName(
  context: Context,
  options: CommonOptions,
  load: (path: string, options: LoadOptions) => LoadedTopology,
): string {
  const given = options.topology;
  if (given !== undefined && NAME_PATTERN.test(given) && !context.parts.exists(given)) {
    if (options.env === undefined) return given;
    throw new OtterError(
      'OT7001',
      `--env ${options.env} has no meaning beside the name ${given}, which is one already`,
      {
        hint: 'Leave `--env` out, or give the path of the files with -t.',
      },
    );
  }
  const path = topologyPath(context, options);
  const { topology, name, files, diagnostics } = load(path, sources(context, options));
  const known = topology?.name ?? name ?? nameIn(files);
  if (known !== null && !diagnostics.some(({ code }) => code === 'OT1007')) return known;
  throw new OtterError('OT7002', `${path} has no readable name`, {
    hint: 'Name the topology with -t NAME, or see `otter validate`.',
  });
}

/** Of files that cannot be read as a whole. What an environment says counts, and its files come last. */
function nameIn(files: LoadedTopology['files']): string | null {
  const names = files.map(({ text }) => /^name:\s*["']?([a-z][a-z0-9_-]{0,62})["']?\s*(#.*)?$/m.exec(text)?.[1]);
  return names.findLast((name) => name !== undefined) ?? null;
}

/** The day in UTC, until which waivers are said to count. */
export function today({ now }: Pick<Context, 'now'>): string {
  return new Date(now()).toISOString().slice(0, 10);
}

/** What a topology is loaded with beside its path. */
export function sources(context: Context, options: CommonOptions): LoadOptions {
  const vars: Record<string, string> = {};
  for (const pair of options.var ?? []) {
    const equals = pair.indexOf('=');
    if (equals < 1)
      throw new OtterError('OT7001', `--var ${pair} is not NAME=VALUE`, {
        hint: 'For example: --var hz_host=10.0.0.5:3306',
      });
    vars[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(context.env)) if (value !== undefined) env[name] = value;
  const varFiles = (options.varFile ?? []).map((path) => ({ path, text: context.parts.readFile(path) }));
  return { vars, env, varFiles, environment: options.env, today: today(context) };
}
