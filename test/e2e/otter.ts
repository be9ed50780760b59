/** The product as a user has it: the built command line, nodes as processes, a folder with a topology. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import mysql, { type Connection } from 'mysql2/promise';
import { freePort } from '../../src/lab/free-port.ts';
import type { DatabaseServer } from '../../src/lab/servers.ts';
import type { PipelineStatus, StatusReport } from '../../src/model/status.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

type Env = Readonly<Record<string, string>>;

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export class Otter implements AsyncDisposable {
  readonly folder: string;
  readonly #env: Env;
  readonly #command: readonly string[];
  readonly #nodes = new Map<string, ChildProcess>();

  private constructor(folder: string, env: Env, command: readonly string[]) {
    this.folder = folder;
    this.#env = env;
    this.#command = command;
  }

  /** @param command what runs it; it must become that process, or nodes cannot be killed */
  static async in(env: Record<string, string> = {}, command = [process.execPath, MAIN]): Promise<Otter> {
    const folder = await mkdtemp(join(tmpdir(), 'otter-test-'));
    await mkdir(join(folder, 'topologies'));
    const own = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      OTTER_STATE: `file:${join(folder, 'state.db')}`,
      // No second port, unless a test is about it.
      OTTER_HTTP: 'off',
      ...env,
    };
    return new Otter(folder, own, command);
  }

  async write(yaml: string): Promise<void> {
    await writeFile(join(this.folder, 'topologies', 'main.yaml'), yaml);
  }

  async run(...args: string[]): Promise<Result> {
    const [program = '', ...first] = this.#command;
    const child = spawn(program, [...first, ...args], {
      cwd: this.folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => {
      out += String(data);
    });
    child.stderr.on('data', (data) => {
      err += String(data);
    });
    const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
    return { code, out, err };
  }

  /** @param of what this one is started with besides, or by what other program */
  node(name: string, of: { readonly env?: Env; readonly command?: readonly string[] } = {}): ChildProcess {
    const [program = '', ...first] = of.command ?? this.#command;
    const child = spawn(program, [...first, 'node', name, '-t', 'main'], {
      cwd: this.folder,
      env: { ...this.#env, ...of.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.pipe(createWriteStream(join(this.folder, `${name}.log`), { flags: 'a' }));
    this.#nodes.set(name, child);
    return child;
  }

  signal(name: string, signal: NodeJS.Signals): void {
    this.#nodes.get(name)?.kill(signal);
  }

  async end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = this.#nodes.get(name);
    this.#nodes.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    await gone;
  }

  log(name: string): string {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8');
  }

  async status(): Promise<StatusReport | null> {
    const { code, out } = await this.run('status', '--json', '-t', 'main');
    return code === 0 ? (JSON.parse(out) as StatusReport) : null;
  }

  /** Waits until every pipeline is as wanted; shows what there is when it does not come about. */
  async until(
    what: string,
    holds: (pipelines: readonly PipelineStatus[], report: StatusReport) => boolean,
    timeoutMs = 60_000,
  ): Promise<void> {
    let last: StatusReport | null = null;
    for (const deadline = Date.now() + timeoutMs; Date.now() < deadline; ) {
      last = await this.status();
      if (
        last !== null &&
        holds(
          last.channels.flatMap(({ pipelines }) => pipelines),
          last,
        )
      )
        return;
      await sleep(200);
    }
    throw new Error(`waited ${timeoutMs} ms in vain until ${what}: ${JSON.stringify(last, null, 1)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.keys()].map((name) => this.end(name, 'SIGKILL')));
    await rm(this.folder, { recursive: true, force: true });
  }
}

export function streaming(pipelines: readonly PipelineStatus[]): boolean {
  return pipelines.length > 0 && pipelines.every(({ phase, error }) => phase === 'streaming' && error === null);
}

const REGIONS = ['west', 'east', 'south'];

/**
 * Databases `a`, `b`, `c`, each in a region of its own with two nodes; `channels` is YAML beneath `channels:`.
 * @param endpoints of each database; absent: its server
 */
export async function sitesOf(
  servers: readonly DatabaseServer[],
  channels: string,
  endpoints = servers.map(({ host, port }): readonly string[] => [`${host}:${port}`]),
): Promise<string> {
  const regions = REGIONS.slice(0, servers.length);
  const nodes = regions.flatMap((region) => [1, 2].map((n) => ({ region, name: `${region}-${n}` })));
  const listening = await Promise.all(
    nodes.map(
      async ({ region, name }) => `  ${name}: { region: ${region}, listen: "127.0.0.1:${await freePort()}" }\n`,
    ),
  );
  const databases = servers.map(
    ({ family, otter }, i) =>
      `  ${NAMES[i]}: { region: ${regions[i]}, engine: ${family}, endpoints: ${JSON.stringify(endpoints[i])}, user: ${otter.user}, password: { env: ${NAMES[i]!.toUpperCase()}_PASSWORD } }\n`,
  );
  return `version: 1
name: main
regions: { ${regions.map((region) => `${region}: {}`).join(', ')} }
nodes:
${listening.join('')}databases:
${databases.join('')}channels:
${channels}`;
}

/** What the databases of `sitesOf` are called. */
export const NAMES = ['a', 'b', 'c'];

/** The passwords that such a topology asks for. */
export function passwordsOf(servers: readonly DatabaseServer[]): Record<string, string> {
  return Object.fromEntries(servers.map(({ otter }, i) => [`${NAMES[i]!.toUpperCase()}_PASSWORD`, otter.password]));
}

/** As root. */
export async function connect(server: DatabaseServer): Promise<Connection> {
  return connectAs(server, server.root);
}

export async function connectAs(
  { host, port }: DatabaseServer,
  { user, password }: DatabaseServer['root'],
): Promise<Connection> {
  return mysql.createConnection({
    host,
    port,
    user,
    password,
    multipleStatements: true,
    dateStrings: true,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
}

export async function rows(connection: Connection, sql: string): Promise<string[]> {
  const [found] = await connection.query({ sql, rowsAsArray: true });
  return (found as unknown[][]).map((row) => JSON.stringify(row));
}
