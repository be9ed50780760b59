/**
 * The control plane at the size of Otter's own peak and beyond: 200 databases, 80 nodes, 500 channels, 20,000 tables, made up.
 *
 *   node bench/scale.ts [plan] [node] [placement] [--seconds N]
 *
 * - `plan`: `plan` of the whole, a first `apply`, and one that has nothing to do, against an etcd that is started; with the most
 *   memory that each process had. Nobody owns the databases: none of these wait for nodes.
 * - `node`: of the whole, three databases and the ten channels between them (400 tables) are real, with two real nodes, one of which owns
 *   them: how long a node takes that is ended and started again until every pipeline of its databases streams; and what nodes
 *   write into etcd while nobody writes to a database, for so many seconds. What 80 nodes with 200 databases and all pipelines
 *   would write is computed from that: so much a node, so much a pipeline. A lease that is kept alive writes nothing.
 * - `placement`: who owns what when all nodes come, and what moves when one goes and comes back; computed, by the function that nodes use
 *
 * Needs `dist/`; Linux only.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { nextOwner } from '../src/executor/ownership.ts';
import { freePort } from '../src/lab/free-port.ts';
import { type DatabaseServer, startEtcd, startMariaDb } from '../src/lab/servers.ts';
import type { PipelineRecord } from '../src/model/records.ts';
import { parseKey, statusPrefix, topologyPrefix } from '../src/state/keys.ts';
import { openStore } from '../src/state/open.ts';
import { connect } from '../test/e2e/otter.ts';
import { cpuSeconds, median, until } from './shared/figures.ts';
import { startPart } from './shared/part.ts';
import type { Measured } from './shared/report.ts';

const bench = startPart({
  name: 'scale',
  sizes: { seconds: { full: 120, quick: 31 }, restarts: { full: 3, quick: 1 } },
  choices: ['plan', 'node', 'placement'],
});

const DATABASES = 200;
const NODES = 80;
const CHANNELS = 500;
const TABLES = 20_000;
const REGIONS = 10;
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
/** Databases, and channels between them, that are there; they have a region of their own. */
const REAL_DATABASES = 3;
const REAL_CHANNELS = 10;
/** Until a node that has just started has nothing left to write. */
const SETTLE_MS = 5_000;

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const regionOf = (d: number): number => (d < REAL_DATABASES ? 0 : 1 + (d % (REGIONS - 1)));
const tablesOf = (c: number): string[] => count(TABLES / CHANNELS).map((t) => `s${c}.t${t}`);
const isTwoWay = (c: number): boolean => c % 2 === 0;

function endsOf(c: number): [number, number] {
  if (c < REAL_CHANNELS) return [c % REAL_DATABASES, (c + 1) % REAL_DATABASES];
  const others = DATABASES - REAL_DATABASES;
  return [REAL_DATABASES + (c % others), REAL_DATABASES + ((c + 1 + (c % 7)) % others)];
}

/** @param servers of the databases that are there @param ports of the nodes that are there */
function topology(servers: readonly DatabaseServer[], ports: readonly number[]): string {
  const nodes = count(NODES).map(
    (n) =>
      `  n${n}: { region: r${n % REGIONS}, listen: "${n / REGIONS < ports.length && n % REGIONS === 0 ? `127.0.0.1:${ports[n / REGIONS]}` : `10.0.${n}.1:7400`}" }\n`,
  );
  const databases = count(DATABASES).map((d) => {
    const server = servers[d];
    const endpoint = server === undefined ? `d${d}.example.com:3306` : `${server.host}:${server.port}`;
    const [engine, user] = server === undefined ? ['mysql', 'otter'] : [server.family, server.otter.user];
    return `  d${d}: { region: r${regionOf(d)}, engine: ${engine}, endpoints: ["${endpoint}"], user: ${user}, password: { env: PASSWORD_${Math.min(d, REAL_DATABASES)} } }\n`;
  });
  const channels = count(CHANNELS).map((c) => {
    const [a, b] = endsOf(c);
    const tables = tablesOf(c).map((table) => `"${table}"`);
    const direction = isTwoWay(c)
      ? `between: [d${a}, d${b}], conflict: { policy: site-priority }`
      : `from: d${a}, to: d${b}`;
    return `  c${c}: { ${direction}, tables: [${tables.join(', ')}] }\n`;
  });
  const regions = count(REGIONS).map((r) => `r${r}: {}`);
  return `version: 1\nname: peak\nregions: { ${regions.join(', ')} }\nnodes:\n${nodes.join('')}databases:\n${databases.join('')}channels:\n${channels.join('')}`;
}

await using stack = new AsyncDisposableStack();
if (bench.wants('plan')) await planning();
if (bench.wants('node')) await living();
if (bench.wants('placement')) placing();
bench.end();

/** A folder with the topology and an etcd. */
async function room(
  servers: readonly DatabaseServer[],
  ports: readonly number[],
): Promise<{ folder: string; url: string; env: Record<string, string> }> {
  const folder = await mkdtemp(join(tmpdir(), 'otter-bench-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const etcd = stack.use(await startEtcd());
  bench.uses('etcd', etcd.version);
  await writeFile(join(folder, 'peak.yaml'), topology(servers, ports));
  const passwords = count(REAL_DATABASES + 1).map((d) => [`PASSWORD_${d}`, servers[d]?.otter.password ?? 'x']);
  return {
    folder,
    url: etcd.url,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...Object.fromEntries(passwords) },
  };
}

type Room = Awaited<ReturnType<typeof room>>;

async function planning(): Promise<void> {
  const where = await room([], []);
  const KiB = Math.round(topology([], []).length / 1024);
  bench.say(`${DATABASES} databases, ${NODES} nodes, ${CHANNELS} channels, ${TABLES} tables, ${KiB} KiB of YAML`);
  await timed(where, 'plan', 'plan, nothing applied yet', 2, 500);
  await timed(where, 'apply --auto-approve --no-wait', 'apply of everything');
  await timed(where, 'plan', 'plan, nothing to do', 2, 500);
  await timed(where, 'apply --auto-approve --no-wait', 'apply, nothing to do', 5);
}

async function living(): Promise<void> {
  const servers = await Promise.all(count(REAL_DATABASES).map(async () => stack.use(await startMariaDb())));
  bench.uses('MariaDB', servers[0]!.version);
  for (const [d, server] of servers.entries()) {
    const connection = await connect(server);
    for (const c of count(REAL_CHANNELS)) {
      const [a, b] = endsOf(c);
      // At the other end they are made by the copy.
      if (d !== a && d !== b) continue;
      await connection.query(`CREATE DATABASE s${c}`);
      if (d !== a) continue;
      for (const table of tablesOf(c))
        await connection.query(`CREATE TABLE ${table} (id INT PRIMARY KEY, what VARCHAR(40))`);
    }
    connection.destroy();
  }
  const where = await room(servers, [await freePort(), await freePort()]);
  await run(where, 'apply --auto-approve --no-wait');
  await using store = openStore(where.url);
  const real = count(REAL_CHANNELS).reduce((sum, c) => sum + (isTwoWay(c) ? 2 : 1), 0);

  const streams = async (since: number): Promise<boolean> => {
    const { entries } = await store.list(statusPrefix('peak', 'pipeline'));
    const records = entries.map(({ value }) => JSON.parse(value) as PipelineRecord);
    return (
      records.filter(({ phase, updatedMs, error }) => phase === 'streaming' && updatedMs > since && error === null)
        .length === real
    );
  };
  const first = Date.now();
  let node = begin(where, 'n0');
  await until('all tables are copied', async () => streams(first), 200);
  const seconds: number[] = [];
  const spent: number[] = [];
  for (let n = 0; n < bench.sizes.restarts; n += 1) {
    await end(node);
    const began = Date.now();
    node = begin(where, 'n0');
    await until('all streams again', async () => streams(began), 20);
    seconds.push((Date.now() - began) / 1000);
    spent.push(cpuSeconds([node.pid!])[0]!);
  }
  const what = `a node with ${REAL_DATABASES} databases and ${real} pipelines starts again until all stream`;
  bench.tell({ name: what, value: median(seconds), unit: 's', wanted: { bound: 'at most', value: 5 } });

  bench.tell({ name: `${what}: CPU seconds`, value: median(spent), unit: 's', better: 'less' });

  // It owns nothing, and lives.
  const other = begin(where, `n${REGIONS}`);
  await sleep(SETTLE_MS);
  const two = await written(store);
  for (const child of [node, other]) await end(child);
  const pipelines = count(CHANNELS).reduce((sum, c) => sum + (isTwoWay(c) ? 2 : 1), 0);
  const ofNode = (two.node + two.other) / 2;
  const ofPipeline = two.pipeline / real;
  bench.say(
    `writes a second at rest: ${JSON.stringify(two)}; of a node ${ofNode.toFixed(3)}, of a pipeline ${ofPipeline.toFixed(3)}`,
  );
  const all = NODES * ofNode + pipelines * ofPipeline;
  bench.tell({
    name: `keys written a second at rest by ${NODES} nodes with ${pipelines} pipelines, computed from two`,
    value: all,
    unit: '/s',
    wanted: { bound: 'at most', value: 50 },
  });
}

/** Keys that are written a second, by what they are. */
async function written(
  store: ReturnType<typeof openStore>,
): Promise<{ node: number; pipeline: number; other: number }> {
  const { seconds } = bench.sizes;
  const { revision } = await store.list(topologyPrefix('peak'));
  const abort = AbortSignal.timeout(seconds * 1000);
  const found = { node: 0, pipeline: 0, other: 0 };
  try {
    for await (const batch of store.watch(topologyPrefix('peak'), revision, abort))
      for (const event of batch.events) {
        const parsed = parseKey(event.kind === 'put' ? event.entry.key : event.key);
        const kind = parsed?.at === 'node' ? 'node' : parsed?.at === 'status' ? 'pipeline' : 'other';
        found[kind] += 1;
      }
  } catch (error) {
    if (!abort.aborted) throw error;
  }
  return { node: found.node / seconds, pipeline: found.pipeline / seconds, other: found.other / seconds };
}

/** All nodes of a region, its databases free at first; then each node once goes and comes back. */
function placing(): void {
  const nodes = count(NODES / REGIONS).map((n) => `n${n * REGIONS}`);
  const databases = count(DATABASES / REGIONS).map((d) => `d${d}`);
  const owners = new Map<string, string>();
  const loadsOf = (living: readonly string[]): Record<string, number> =>
    Object.fromEntries(living.map((node) => [node, [...owners.values()].filter((owner) => owner === node).length]));
  const place = (living: readonly string[]): void => {
    for (let free = freeOf(); free.length > 0; free = freeOf())
      owners.set(free[0]!, nextOwner(free[0]!, { loads: loadsOf(living), free })!);
  };
  const freeOf = (): string[] => databases.filter((database) => !owners.has(database));
  const spread = (living: readonly string[]): number => {
    const loads = Object.values(loadsOf(living));
    return Math.max(...loads) - Math.min(...loads);
  };
  place(nodes);
  const atFirst = spread(nodes);
  let needless = 0;
  let worst = 0;
  for (const gone of nodes) {
    const before = new Map(owners);
    for (const [database, owner] of before) if (owner === gone) owners.delete(database);
    const rest = nodes.filter((node) => node !== gone);
    place(rest);
    worst = Math.max(worst, spread(rest));
    place(nodes);
    for (const [database, owner] of before) if (owner !== gone && owners.get(database) !== owner) needless += 1;
  }
  const { length: all } = databases;
  const what = `${all} databases on ${nodes.length} nodes`;
  const most = (value: number): Pick<Measured, 'wanted'> => ({ wanted: { bound: 'at most', value } });
  bench.tell({ name: `${what}: most less fewest, all came at once`, value: atFirst, unit: '', ...most(1) });
  bench.tell({ name: `${what}: the same of the others while one is away`, value: worst, unit: '', ...most(2) });
  bench.tell({
    name: `${what}: moved that need not when each went and came back`,
    value: needless,
    unit: '',
    ...most(0),
  });
}

function begin({ folder, url, env }: Room, name: string): ReturnType<typeof spawn> {
  const args = [MAIN, 'node', name, '-t', 'peak', '--state', url];
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr!.on('data', (data) => {
    said = (said + String(data)).slice(-4000);
  });
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`${name} ended with ${code}: ${said}\n`);
  });
  stack.defer(async () => end(child, 'SIGKILL'));
  return child;
}

async function end(child: ReturnType<typeof spawn>, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await gone;
}

/** @returns the most memory it had, bytes */
async function run({ folder, url, env }: Room, command: string): Promise<number> {
  const child = spawn(process.execPath, [MAIN, ...command.split(' '), '-t', 'peak.yaml', '--state', url], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said += String(data);
  });
  let mostBytes = 0;
  const looking = setInterval(() => {
    try {
      const most = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
      mostBytes = Math.max(mostBytes, Number(most?.[1] ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, 20);
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? -1)));
  clearInterval(looking);
  if (code !== 0) throw new Error(`otter ${command} ended with ${code}: ${said}`);
  return mostBytes;
}

async function timed(where: Room, command: string, what: string, seconds?: number, megabytes?: number): Promise<void> {
  const began = performance.now();
  const mostBytes = await run(where, command);
  const atMost = (value: number | undefined): Pick<Measured, 'wanted' | 'better'> =>
    value === undefined ? { better: 'less' } : { wanted: { bound: 'at most', value } };
  bench.tell({ name: what, value: (performance.now() - began) / 1000, unit: 's', ...atMost(seconds) });
  bench.tell({ name: `${what}: memory`, value: mostBytes / 1e6, unit: 'MB', ...atMost(megabytes) });
}
