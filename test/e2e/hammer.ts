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
import type { DatabaseServer, EtcdServer } from '../../src/lab/servers.ts';
import type { STARTS } from '../site/harness.ts';
import type { Chaos } from './chaos-faults.ts';
import type { Clocks } from './clocks.ts';
import { FailingOver, type Standing } from './failing-over.ts';
import { ACCOUNTS } from './hammer-accounts.ts';
import { type Faults, makeTrouble, slowLines } from './hammer-faults.ts';
import { decideAll } from './hammer-manual.ts';
import { channelOf, type SetUp, setUp } from './hammer-set-up.ts';
import { OWN_SCHEMA, SCHEMA, TABLES } from './hammer-statements.ts';
import { together, type Written, write } from './hammer-writers.ts';
import { connect, NAMES, type Otter, rows, sitesOf, streaming } from './otter.ts';

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
  /** Sites, by their number, that have a replica, which takes the place of the primary now and then; only in chaos. */
  readonly failOver?: readonly number[];
  /** Whether everything else goes wrong as well, see `chaos-faults.ts`; with two nodes at every site, and etcd. */
  readonly chaos?: boolean;
  /** Whether tables are changed at the first site. */
  readonly ddl?: boolean;
  readonly seconds: number;
}

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
/** Where nodes stood still others must find out first. */
const REST_CHAOS_MS = 240_000;

/** @throws Error naming the seed when the sites do not become equal, or anything happens that should not. */
export async function hammer(which: HammerCase): Promise<void> {
  const seed = seedOf(which.name);
  try {
    await using run = new Run(await setUp(which));
    console.log(await run.hammer(seed));
  } catch (error) {
    const what = `hammer: ${which.name}, seed ${seed} (OTTER_SEED=${process.env['OTTER_SEED']})`;
    // What comes at the end of many minutes is said now.
    console.error(`${what}: ${(error as Error).message}`);
    throw new Error(what, { cause: error });
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
  readonly #standing: readonly Standing[];
  readonly #clocks: Clocks | null;
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

  constructor({ which, standing, otter, store, nodes, clocks, closing }: SetUp) {
    this.#which = which;
    this.#store = store;
    this.#nodes = nodes;
    this.#clocks = clocks;
    this.#standing = standing;
    this.#otter = otter;
    this.#closing = closing;
  }

  /** Those that are written at this moment. */
  get #servers(): readonly DatabaseServer[] {
    return this.#standing.map(({ server }) => server);
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
    const endpoints = this.#standing.map((each) => each.endpoints);
    const topology = await sitesOf(this.#servers, channelOf(this.#which), endpoints);
    const { yaml, places } = await slowLines(topology, nodes);
    for (const { line } of places) this.#closing.use(line);
    await this.#otter.write(yaml);
    for (const node of nodes) this.#node(node);
    const applied = await this.#otter.run('apply', '--auto-approve', '--timeout', '120s');
    expect(applied, applied.err).toMatchObject({ code: 0 });
    await this.#otter.until('all is copied', streaming, 120_000);

    const begin = Date.now();
    const lastMs = this.#which.seconds * 1_000;
    const end = begin + lastMs;
    const pauses = this.#which.manual === true ? CALM_PAUSES_MS : PAUSES_MS;
    const pauseMs = (): number => pauses[Math.floor(((Date.now() - begin) / lastMs) * TURNS) % pauses.length]!;
    let failed = false;
    const going = (): boolean => !failed && Date.now() < end;
    const writing = Promise.all(
      this.#standing.flatMap((at, i) =>
        Array.from({ length: SESSIONS }, (_, n) =>
          write({ at, name: `${NAMES[i]}${n}`, seed: random.between(0, 2 ** 31), going, pauseMs }),
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
    await this.#otter.until('everything streams', streaming);
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
    this.#otter.node(name, { env: this.#clocks?.env(name) ?? {} }).once('exit', (code, signal) => {
      if (!this.#ending.delete(name) && signal !== 'SIGKILL') this.#fallen.push(`${name} (${code ?? signal})`);
    });
  }

  #chaos(): Chaos | null {
    if (this.#store === null) return null;
    const { killsServers, ddl, failOver = [] } = this.#which;
    return {
      store: this.#store,
      // Who is killed now and then is not made to stand still as well.
      servers: killsServers === true ? [] : this.#servers.filter((_, i) => !failOver.includes(i)),
      still: new Set(),
      changes: ddl === true ? this.#standing[0]! : null,
      clocks: this.#clocks,
      primaries: this.#standing.filter((each) => each instanceof FailingOver),
    };
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
