/**
 * The hammer: writers at every site who write the same few rows with every kind of statement, over slow lines that are cut,
 * through nodes that are killed; and when they rest, all sites must be equal. A case says which servers, in which shape, by
 * which rules; so a further policy is one more case.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { expect } from 'vitest';
import { compareDatabases, type Side } from '../../src/lab/compare.ts';
import { type Random, seededRandom } from '../../src/lab/random.ts';
import { type DatabaseServer, type EtcdServer, startEtcd } from '../../src/lab/servers.ts';
import { STARTS } from '../site/harness.ts';
import type { Chaos } from './chaos-faults.ts';
import { type Faults, makeTrouble, slowLines } from './hammer-faults.ts';
import { decideAll, nothingIsSilent } from './hammer-manual.ts';
import { OWN_SCHEMA, SCHEMA, TABLES } from './hammer-statements.ts';
import { together, type Written, write } from './hammer-writers.ts';
import { connect, NAMES, Otter, passwordsOf, rows, sitesOf, streaming } from './otter.ts';

export interface HammerCase {
  readonly name: string;
  /** Of each site; the first is the preferred one, and the hub of a star. */
  readonly engines: readonly (keyof typeof STARTS)[];
  /** Of three and more; a pair has none. */
  readonly shape?: 'star' | 'mesh';
  /** The channel's `conflict`, as YAML. */
  readonly conflict: string;
  /** `conflict` of single tables of the schema, as YAML. */
  readonly ofTables?: Partial<Record<(typeof TABLES)[number], string>>;
  /** Whether what was added to a row of `tally` must add up: its `points` are counters. */
  readonly counters?: boolean;
  /** Whether conflicts wait for a person: both sites begin with the same rows, and everything is decided at the end. */
  readonly manual?: boolean;
  /** Whether servers are killed too. */
  readonly killsServers?: boolean;
  /** Whether everything else goes wrong as well, see `chaos-faults.ts`; with two nodes at every site, and etcd. */
  readonly chaos?: boolean;
  /** Whether tables are changed at the first site. */
  readonly ddl?: boolean;
  readonly seconds: number;
}

/** What is asked of all sites, once they are equal. */
type Account = (sites: readonly Connection[], which: HammerCase) => Promise<void>;

/** What was committed is held against what stands. */
const ACCOUNTS: readonly Account[] = [
  tallyAddsUp,
  (sites, which) => (which.manual === true ? nothingIsSilent(sites) : lossesAreTold(sites)),
];

const SESSIONS = 3;
/**
 * Writers pause so long, in turn: where nearly every row is contested nearly nothing is decided on the fast path, and where
 * few are, what is refused meets what is not.
 */
const PAUSES_MS = [4, 60, 400];
/** Where all that is contested is parked, and somebody has to decide it. */
const CALM_PAUSES_MS = [60, 400];
const TURNS = 6;
/** After the last fault. */
const REST_MS = 30_000;
/** Rows from before the channel are of one time, wherever they are made. */
const SEEDED_S = 1_700_000_000;
/** For a person to decide everything. */
const PERSON_MS = 600_000;
/** With those that take over. */
const NODES = ['west-1', 'east-1', 'south-1', 'west-2', 'east-2', 'south-2'];
/** Where nodes stood still others must find out first. */
const REST_CHAOS_MS = 90_000;

/** @throws Error naming the seed when the sites do not become equal, or anything happens that should not. */
export async function hammer(which: HammerCase): Promise<void> {
  const seed = seedOf(which.name);
  try {
    await using run = await Run.start(which);
    console.log(await run.hammer(seed));
  } catch (error) {
    throw new Error(`hammer: ${which.name}, seed ${seed} (OTTER_SEED=${process.env['OTTER_SEED']})`, { cause: error });
  }
}

/** Every case has a seed of its own, from the one of the run. */
function seedOf(name: string): number {
  let seed = Number(process.env['OTTER_SEED']);
  for (const character of name) seed = (Math.imul(seed, 31) + character.codePointAt(0)!) >>> 0;
  return seed;
}

class Run implements AsyncDisposable {
  readonly #which: HammerCase;
  readonly #servers: readonly DatabaseServer[];
  readonly #otter: Otter;
  readonly #closing: AsyncDisposableStack;
  readonly #store: EtcdServer | null;
  readonly #nodes: readonly string[];
  /** Nodes that are being ended. */
  readonly #ending = new Set<string>();
  /** Nodes that ended and were not told to. */
  readonly #fallen: string[] = [];
  /** Counted by nodes that were killed since. */
  readonly #before = { conflicts: 0, drift: 0 };

  private constructor(
    which: HammerCase,
    servers: readonly DatabaseServer[],
    otter: Otter,
    store: EtcdServer | null,
    closing: AsyncDisposableStack,
  ) {
    this.#which = which;
    this.#store = store;
    this.#nodes = NODES.filter((_, i) => i % 3 < servers.length && (i < 3 || which.chaos === true));
    this.#servers = servers;
    this.#otter = otter;
    this.#closing = closing;
  }

  static async start(which: HammerCase): Promise<Run> {
    await using closing = new AsyncDisposableStack();
    const mixed = new Set(which.engines).size > 1;
    // Two families have one collation to compare keys by only when they are told.
    const options = mixed ? { args: ['--collation-server=utf8mb4_general_ci'] } : {};
    const servers = await Promise.all(which.engines.map(async (engine) => closing.use(await STARTS[engine](options))));
    const store = which.chaos === true ? closing.use(await startEtcd()) : null;
    const state = store === null ? {} : { OTTER_STATE: store.url };
    const otter = closing.use(await Otter.in({ ...passwordsOf(servers), ...state }));
    return new Run(which, servers, otter, store, closing.move());
  }

  async hammer(seed: number): Promise<string> {
    const random = seededRandom(seed);
    const nodes = this.#nodes;
    for (const [i, server] of this.#servers.entries()) {
      const db = await connect(server);
      const begins = i === 0 || this.#which.manual === true;
      await db.query(begins ? `${OWN_SCHEMA}; SET TIMESTAMP=${SEEDED_S}; ${SCHEMA}` : OWN_SCHEMA);
      db.destroy();
    }
    const { yaml, places } = await slowLines(await sitesOf(this.#servers, channelOf(this.#which)), nodes);
    for (const { line } of places) this.#closing.use(line);
    await this.#otter.write(yaml);
    for (const node of nodes) this.#node(node);
    const applied = await this.#otter.run('apply', '--auto-approve', '--timeout', '60s');
    expect(applied, applied.err).toMatchObject({ code: 0 });
    await this.#otter.until('all is copied', streaming);

    const begin = Date.now();
    const lastMs = this.#which.seconds * 1_000;
    const end = begin + lastMs;
    const pauses = this.#which.manual === true ? CALM_PAUSES_MS : PAUSES_MS;
    const pauseMs = (): number => pauses[Math.floor(((Date.now() - begin) / lastMs) * TURNS) % pauses.length]!;
    let failed = false;
    const going = (): boolean => !failed && Date.now() < end;
    const writing = Promise.all(
      this.#servers.flatMap((server, i) =>
        Array.from({ length: SESSIONS }, (_, n) =>
          write({ server, name: `${NAMES[i]}${n}`, seed: random.between(0, 2 ** 31), going, pauseMs }),
        ),
      ),
    );
    writing.catch(() => {
      failed = true;
    });
    const faults = await makeTrouble({
      otter: this.#otter,
      places,
      servers: this.#which.killsServers === true ? this.#servers : [],
      seed: random.between(0, 2 ** 31),
      going,
      start: (node) => this.#node(node),
      dying: async (node) => this.#dying(node),
      chaos: this.#chaos(),
    });
    const calm = Date.now();
    const written = together(await writing);
    const rested = await this.#rest(calm, random);
    return this.#report(written, faults, rested);
  }

  /** Until all sites have heard of all others' last writes, and of what became of them; returns how long that took. */
  async #rest(calm: number, random: Random): Promise<number> {
    const sites = await Promise.all(this.#servers.map(connect));
    for (const site of sites) this.#closing.defer(() => site.destroy());
    const restMs = this.#which.chaos === true ? REST_CHAOS_MS : REST_MS;
    const deadline = calm + restMs;
    // The first round says that every write has arrived where it is decided, the second that its answer has come back.
    for (const round of [1, 2]) await this.#marks(sites, round, deadline);
    if (this.#which.manual === true) {
      const end = Date.now() + PERSON_MS;
      let round = 3;
      const decided = await decideAll(this.#otter, random, async () => {
        for (const last = round + 2; round < last; round += 1) await this.#marks(sites, round, end);
      });
      console.log(`a person decided ${decided} rows in ${Date.now() - end + PERSON_MS} ms`);
      await this.#equal(end);
    } else await this.#equal(deadline);
    const tookMs = Date.now() - calm;
    // They were not equal by chance, between one thing and another.
    await this.#marks(sites, 1_000, Date.now() + restMs);
    await this.#equal(Date.now());
    await this.#otter.until('everything streams', streaming, 10_000);
    expect(this.#fallen, 'nodes that ended by themselves').toEqual([]);
    for (const account of ACCOUNTS) await account(sites, this.#which);
    return tookMs;
  }

  async #marks(sites: readonly Connection[], round: number, deadline: number): Promise<void> {
    for (const [i, site] of sites.entries())
      await site.query(`INSERT INTO hammer.mark (site, round) VALUES ('${NAMES[i]}', ${round})`);
    for (const [i, site] of sites.entries()) {
      const arrived = async (): Promise<number> =>
        (await rows(site, `SELECT 1 FROM hammer.mark WHERE round=${round}`)).length;
      while ((await arrived()) < sites.length) {
        if (Date.now() > deadline) throw await this.#stuck(`not all marks of round ${round} came to ${NAMES[i]}`);
        await sleep(50);
      }
    }
  }

  /** Row by row, by every column. */
  async #equal(deadline: number): Promise<void> {
    const sides = this.#servers.map(({ host, port, root }): Side => ({ host, port, account: root }));
    const tables = TABLES.map((table) => `hammer.${table}`);
    for (;;) {
      const comparisons = await Promise.all(
        sides.slice(1).map(async (side) => compareDatabases(sides[0]!, side, tables)),
      );
      if (comparisons.every(({ equal }) => equal)) return;
      if (Date.now() > deadline) {
        const different = comparisons.flatMap((each, i) =>
          each.tables
            .filter(({ first }) => first.length > 0)
            .map((table) => `${NAMES[0]} and ${NAMES[i + 1]}: ${JSON.stringify(table)}`),
        );
        throw await this.#stuck(`the sites differ at rest:\n${different.join('\n')}`);
      }
      await sleep(100);
    }
  }

  async #stuck(what: string): Promise<Error> {
    const report = await this.#otter.status();
    const now = JSON.stringify(report?.channels ?? null, null, 1);
    return new Error(`${what}\nnodes that fell: ${this.#fallen.join(', ')}\n${this.#said()}\n${now}`);
  }

  #node(name: string): void {
    this.#otter.node(name).once('exit', (code, signal) => {
      if (!this.#ending.delete(name) && signal !== 'SIGKILL') this.#fallen.push(`${name} (${code ?? signal})`);
    });
  }

  #chaos(): Chaos | null {
    if (this.#store === null) return null;
    const [servers, changes] = [this.#servers, this.#which.ddl === true ? this.#servers[0]! : null];
    // Who is killed now and then is not made to stand still as well.
    return { store: this.#store, servers: this.#which.killsServers === true ? [] : servers, still: new Set(), changes };
  }

  async #dying(node: string): Promise<void> {
    this.#ending.add(node);
    const { conflicts, drift } = await this.#counted((owner) => owner === node);
    this.#before.conflicts += conflicts;
    this.#before.drift += drift;
  }

  async #counted(
    by: (node: string | null) => boolean,
  ): Promise<{ readonly conflicts: number; readonly drift: number }> {
    const report = await this.#otter.status();
    const pipelines = (report?.channels ?? []).flatMap((channel) => channel.pipelines).filter(({ node }) => by(node));
    return {
      conflicts: pipelines.reduce((sum, { conflicts }) => sum + conflicts, 0),
      drift: pipelines.reduce((sum, { drift }) => sum + drift, 0),
    };
  }

  /** How often nodes warned of what, by code, or in words. */
  #said(): string {
    const counts: Record<string, number> = {};
    for (const node of this.#nodes) {
      for (const line of this.#otter.log(node).split('\n')) {
        const level = /"level":(40|50)/.exec(line)?.[1];
        if (level === undefined) continue;
        const what = /OT\d{4}/.exec(line)?.[0] ?? /"msg":"([^"]*)"/.exec(line)?.[1] ?? 'something';
        counts[what] = (counts[what] ?? 0) + 1;
      }
    }
    return `nodes logged ${JSON.stringify(counts)}`;
  }

  async #report({ committed, refused }: Written, faults: Faults, restMs: number): Promise<string> {
    const now = await this.#counted(() => true);
    const [conflicts, drift] = [this.#before.conflicts + now.conflicts, this.#before.drift + now.drift];
    const transactions = Object.values(committed).reduce((sum, n) => sum + n, 0);
    expect(transactions, 'the writers wrote').toBeGreaterThan(100);
    expect(conflicts, 'a run without conflicts proves nothing').toBeGreaterThan(0);
    return [
      `hammer: ${this.#which.name}: ${transactions} transactions ${JSON.stringify(committed)},`,
      `users saw ${JSON.stringify(refused)}; ${conflicts} conflicts, ${drift} drifted; ${JSON.stringify(faults)};`,
      `equal ${restMs} ms after the last fault; ${this.#said()}`,
    ].join(' ');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

function channelOf({ engines, shape, conflict, ofTables, manual, ddl }: HammerCase): string {
  const tables = TABLES.map((table) => {
    const own = ofTables?.[table];
    return own === undefined ? `      - hammer.${table}\n` : `      - { from: hammer.${table}, conflict: ${own} }\n`;
  });
  return [
    `  hammer:\n    between: [${NAMES.slice(0, engines.length).join(', ')}]\n`,
    shape === undefined ? '' : `    shape: ${shape}\n`,
    manual === true ? '    initial: none\n' : '',
    ddl === true ? '    ddl: replicate\n' : '',
    `    conflict: ${conflict}\n    tables:\n`,
    ...tables,
  ].join('');
}

/** Of every row the sum of what was added to it anywhere and committed. */
async function tallyAddsUp(sites: readonly Connection[], { counters }: HammerCase): Promise<void> {
  if (counters !== true) return;
  const sums = new Map<string, number>();
  for (const site of sites) {
    for (const row of await rows(site, 'SELECT id, SUM(points) FROM own.added GROUP BY id')) {
      const [id, points] = JSON.parse(row) as [string | number, string | number];
      sums.set(String(id), (sums.get(String(id)) ?? 0) + Number(points));
    }
  }
  const stands = (await rows(sites[0]!, 'SELECT id, points FROM hammer.tally')).map((row) => {
    const [id, points] = JSON.parse(row) as [string | number, string | number];
    return [String(id), Number(points)];
  });
  expect(Object.fromEntries(stands), 'what was added up at all sites').toEqual(
    Object.fromEntries(stands.map(([id]) => [id, sums.get(String(id)) ?? 0])),
  );
}

/** Of rows that were made and do not stand, the conflict log of one site tells once what they lost to. */
async function lossesAreTold(sites: readonly Connection[]): Promise<void> {
  const texts = async (site: Connection, sql: string): Promise<string[]> =>
    (await rows(site, sql)).map((row) => (JSON.parse(row) as [string])[0]);
  const made: string[] = [];
  const told: string[] = [];
  for (const site of sites) {
    made.push(...(await texts(site, 'SELECT tag FROM own.claimed')));
    const losers = `SELECT IF(winner='local', incoming, present) FROM otter.conflict WHERE table_name='claimed'`;
    told.push(...(await texts(site, losers)).map((image) => (JSON.parse(image) as { tag: string }).tag.slice(1, -1)));
  }
  const stand = new Set(await texts(sites[0]!, 'SELECT tag FROM hammer.claimed'));
  expect(made.length, 'rows were made').toBeGreaterThan(0);
  expect(told.sort(), 'rows that lost their place').toEqual(made.filter((tag) => !stand.has(tag)).sort());
}
