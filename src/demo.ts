/**
 * `otter demo`: the whole of otter on this machine, in under a minute.
 *
 * Two private MariaDB servers, the shop of `topologies/shop`, two worker processes, writers on both sides at once, one
 * worker killed without warning, and at the end both databases compared row by row. Nothing outlives it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import mysql, { type Connection } from 'mysql2/promise';
import { apply } from './cli/apply.ts';
import { type CommonOptions, type Context, type DemoOptions, EXIT } from './cli/context.ts';
import { deskOf } from './cli/desk.ts';
import { reportOf } from './cli/status.ts';
import { runDashboard } from './dashboard/run.ts';
import type { DashboardItem } from './dashboard/store.ts';
import { dataPlane } from './data-plane.ts';
import { compareDatabases } from './lab/compare.ts';
import { freePort } from './lab/free-port.ts';
import { type DatabaseServer, startEtcd, startMariaDb } from './lab/servers.ts';
import { createShop, SHOP_TABLES } from './lab/shop.ts';
import { ShopWriter } from './lab/shop-writer.ts';
import { messageOf, OtterError } from './model/error.ts';
import type { StateStore } from './model/ports.ts';
import type { StatusReport } from './model/status.ts';

const SECONDS = 25;
const WRITES_PER_SECOND = 60;
const POLL_MS = 500;
const PATIENCE_MS = 60_000;

export async function demo({ seconds, state, context }: DemoOptions, self: readonly string[]): Promise<number> {
  const say = (line: string): unknown => context.stdout.write(`${line}\n`);
  say('otter demo: two MariaDB servers, two nodes, one two-way channel. Nothing of it stays on this machine.');
  const folder = mkdtempSync(join(tmpdir(), 'otter-demo-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const started = context.now();
  const [hz, ca] = await Promise.all([startMariaDb({ say }), startMariaDb({ say })]);
  cleanup.use(hz);
  cleanup.use(ca);
  let stateUrl = `file:${join(folder, 'state.db')}`;
  if (state === 'etcd') {
    const etcd = await startEtcd({ say });
    cleanup.use(etcd);
    stateUrl = etcd.url;
  }
  say(
    `databases up after ${((context.now() - started) / 1000).toFixed(1)} s: hz on port ${hz.port}, ca on port ${ca.port}; state in ${state === 'etcd' ? stateUrl : 'a SQLite file'}`,
  );
  const home = await connect(hz);
  cleanup.defer(() => home.destroy());
  await createShop(home);

  const options: CommonOptions = {
    topology: fileURLToPath(new URL('../topologies/shop', import.meta.url)),
    state: stateUrl,
    var: [
      `hz_host=127.0.0.1:${hz.port}`,
      `ca_host=127.0.0.1:${ca.port}`,
      `hz_listen=127.0.0.1:${await freePort()}`,
      `ca_listen=127.0.0.1:${await freePort()}`,
    ],
  };
  const env = {
    ...context.env,
    HZ_PASSWORD: hz.otter.password,
    CA_PASSWORD: ca.otter.password,
    OTTER_STATE: stateUrl,
    OTTER_DATA: 'off',
  };
  const node = (name: string): ChildProcess => startNode(self, name, env, join(folder, `${name}.log`));
  const nodes = new Map(['hz-1', 'ca-1'].map((name) => [name, node(name)]));
  cleanup.defer(async () => {
    await Promise.all([...nodes.values()].map((child) => ended(child)));
  });
  say('applying topologies/shop ...');
  const applied = await apply(
    { ...context, stdout: { write: () => true } },
    { ...options, autoApprove: true },
    undefined,
  );
  if (applied !== EXIT.done) return applied;

  // Who looks at conflicts needs the passwords of these servers.
  const parts = { ...context.parts, ...dataPlane(env, context.stderr) };
  const store = context.parts.openStore(stateUrl);
  cleanup.use(store);
  const stage = new Stage(store, context);
  const story = play(stage, { hz, ca, node, nodes, seconds: seconds ?? SECONDS });
  try {
    await runDashboard({
      source: stage.items(story),
      desk: deskOf(store, 'shop', { ...context, env, parts }, options),
      stdout: context.terminal,
      stdin: context.stdin,
      env: context.env,
      now: context.now,
      signal: context.signal,
    });
  } finally {
    stage.leave();
  }
  if (context.signal.aborted || !stage.over) {
    await story.catch(() => undefined);
    say('The demo was ended before its time; nothing was compared.');
    return EXIT.cancelled;
  }
  const verdict = await story;
  for (const line of verdict.lines) say(line);
  return verdict.equal ? EXIT.done : EXIT.error;
}

interface Cast {
  readonly hz: DatabaseServer;
  readonly ca: DatabaseServer;
  readonly node: (name: string) => ChildProcess;
  readonly nodes: Map<string, ChildProcess>;
  readonly seconds: number;
}

interface Verdict {
  readonly equal: boolean;
  readonly lines: readonly string[];
}

/** What is seen and said while the story plays: a stream of reports and notes for the dashboard. */
class Stage {
  readonly #store: StateStore;
  readonly #context: Context;
  readonly #left = new AbortController();
  #notes: string[] = [];
  report: StatusReport | null = null;
  over = false;

  constructor(store: StateStore, context: Context) {
    this.#store = store;
    this.#context = context;
  }

  /** Aborts when the person leaves. */
  get signal(): AbortSignal {
    return AbortSignal.any([this.#left.signal, this.#context.signal]);
  }

  leave(): void {
    this.#left.abort();
  }

  tell(note: string): void {
    this.#notes.push(note);
  }

  async *items(story: Promise<unknown>): AsyncGenerator<DashboardItem, void, void> {
    const done = (): void => {
      this.over = true;
    };
    story.then(done, done);
    while (!this.signal.aborted) {
      for (const note of this.#notes.splice(0)) yield { note };
      try {
        this.report = await reportOf(this.#store, 'shop', this.#context);
        yield this.report;
      } catch (error) {
        yield { away: messageOf(error) };
      }
      if (this.over) return;
      await sleep(POLL_MS, undefined, { signal: this.signal }).catch(() => undefined);
    }
  }

  /** @throws OtterError OT7008 when it does not come about. */
  async until(what: string, holds: (report: StatusReport) => boolean): Promise<void> {
    for (const deadline = this.#context.now() + PATIENCE_MS; ; ) {
      this.signal.throwIfAborted();
      if (this.report !== null && holds(this.report)) return;
      if (this.#context.now() > deadline)
        throw new OtterError('OT7008', `the demo waited ${PATIENCE_MS / 1000} s in vain until ${what}`);
      await sleep(100, undefined, { signal: this.signal });
    }
  }
}

async function play(stage: Stage, { hz, ca, node, nodes, seconds }: Cast): Promise<Verdict> {
  await using closing = new AsyncDisposableStack();
  stage.tell('copying the shop of Hangzhou to California');
  await stage.until('everything is copied', streaming);
  stage.tell(`writing on both sides, ${WRITES_PER_SECOND} transactions a second each, some on the same rows`);
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, stage.signal]);
  const writers = await Promise.all(
    [hz, ca].map(async (server, site) => {
      const connection = await connect(server);
      closing.defer(() => connection.destroy());
      return new ShopWriter({ connection, site, sites: 2, seed: 7, perSecond: WRITES_PER_SECOND });
    }),
  );
  const writing = Promise.all(writers.map((writer) => writer.run(signal)));
  writing.catch(() => undefined);
  await sleep(seconds * 400, undefined, { signal });
  stage.tell('killing node ca-1 with SIGKILL');
  await ended(nodes.get('ca-1')!, 'SIGKILL');
  await sleep(Math.min(3_000, seconds * 150), undefined, { signal });
  stage.tell('starting node ca-1 again');
  nodes.set('ca-1', node('ca-1'));
  await sleep(seconds * 400, undefined, { signal });
  stop.abort();
  await writing;
  const counts = writers.map(({ counts: { transactions } }) => transactions);
  stage.tell(
    `writers done: ${counts[0]} transactions in Hangzhou, ${counts[1]} in California; waiting until all has arrived`,
  );
  const since = Date.now();
  await stage.until('all has arrived', (report) => streaming(report) && Date.parse(report.at) > since + 2_500);
  stage.tell('comparing both databases row by row');
  const comparison = await compareDatabases(side(hz), side(ca), SHOP_TABLES, { signal: stage.signal });
  const conflicts =
    stage.report?.channels
      .flatMap(({ pipelines }) => pipelines)
      .reduce((sum, pipeline) => sum + pipeline.conflicts, 0) ?? 0;
  const lines = comparison.tables.map(
    ({ table, rowsA, rowsB, onlyA, onlyB, different }) =>
      `  ${table.padEnd(18)} ${rowsA} rows in hz, ${rowsB} in ca${onlyA + onlyB + different === 0 ? ', equal' : `: ${onlyA} only in hz, ${onlyB} only in ca, ${different} different`}`,
  );
  return {
    equal: comparison.equal,
    lines: [
      '',
      `${counts[0]! + counts[1]!} transactions were written on both sides at once, node ca-1 was killed and came back, ${conflicts} conflicts were decided since.`,
      ...lines,
      comparison.equal
        ? `Both databases are the same: ${comparison.rows} rows, compared one by one.`
        : 'THE DATABASES DIFFER. Please report this.',
    ],
  };
}

function streaming(report: StatusReport): boolean {
  return (
    report.channels.length > 0 &&
    report.channels.every(
      ({ ready, pipelines }) => ready && pipelines.every(({ lag_ms }) => lag_ms !== null && lag_ms < 5_000),
    )
  );
}

function side({ host, port, root }: DatabaseServer): { host: string; port: number; account: DatabaseServer['root'] } {
  return { host, port, account: root };
}

async function connect({ host, port, root }: DatabaseServer): Promise<Connection> {
  return mysql.createConnection({ host, port, user: root.user, password: root.password });
}

function startNode(self: readonly string[], name: string, env: NodeJS.ProcessEnv, log: string): ChildProcess {
  const [program, ...args] = self;
  const child = spawn(program!, [...args, 'node', name, '-t', 'shop'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr!.pipe(createWriteStream(log, { flags: 'a' }));
  return child;
}

async function ended(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await promise;
  clearTimeout(late);
}
