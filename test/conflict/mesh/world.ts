/** One random history of a mesh: two to five sites, a pipeline each way between any two, and what goes wrong between any two steps. */
import { Violation } from '../simulator/oracle.ts';
import { Random } from '../simulator/random.ts';
import { TABLES } from '../simulator/schema.ts';
import { type Habits, habits, userTransaction } from '../simulator/users.ts';
import { MeshCopier } from './copier.ts';
import { MeshDatabase } from './database.ts';
import type { Fault } from './faults.ts';
import { MeshLoader } from './loader.ts';
import { Ledger, SiteOracle } from './oracle.ts';
import { FIRST, MeshSite } from './site.ts';
import { MeshStream } from './stream.ts';

export interface MeshHistory {
  readonly seed: number;
  readonly faults?: readonly Fault[];
  /** Two to five; left out, the seed says. */
  readonly sites?: number;
  /** Steps before users stop; left out, the seed says. A history of fewer steps begins like that of more. */
  readonly steps?: number;
  /** Only the end counts: whether the sites differ. */
  readonly patient?: boolean;
  /** Whether the first site's existing rows are to be copied; left out, the seed says. */
  readonly copies?: boolean;
}

export interface MeshOutcome {
  /** What went wrong, or null. */
  readonly violation: string | null;
  readonly counts: ReadonlyMap<string, number>;
}

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const SECOND = 1_000_000;
const START = 1_700_000_000 * SECOND;

export function sitesOf(seed: number): number {
  return new Random(seed + 7_000_000).weighted([
    [4, 2],
    [7, 3],
    [2, 4],
    [1, 5],
  ]);
}

/** Three of ten histories begin with rows at the first site alone. */
export function copiesOf(seed: number): boolean {
  return new Random(seed + 8_000_000).chance(0.3);
}

export function runMesh(options: MeshHistory): MeshOutcome {
  const world = new World(options);
  // Blocked loaders and duplicates are thrown by the thousand, and nobody asks where.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    world.live();
    world.comeToRest();
    world.judge();
    return { violation: null, counts: world.counts };
  } catch (error) {
    if (error instanceof Violation) return { violation: error.message, counts: world.counts };
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

type Action = readonly [weight: number, act: () => void];

interface Pipe {
  readonly from: number;
  readonly to: number;
  readonly stream: MeshStream;
  readonly loader: MeshLoader;
}

class World {
  readonly counts = new Map<string, number>();
  readonly #random: Random;
  readonly #habits: Habits;
  readonly #patient: boolean;
  readonly #steps: number;
  readonly #sites: readonly MeshSite[];
  readonly #oracles: readonly SiteOracle[];
  readonly #pipes: readonly Pipe[];
  #now = START;
  #fresh = 0;

  constructor({
    seed,
    faults = [],
    sites = sitesOf(seed),
    steps,
    patient = false,
    copies = copiesOf(seed),
  }: MeshHistory) {
    const random = new Random(seed);
    const has = (fault: Fault): boolean => faults.includes(fault);
    this.#random = random;
    this.#patient = patient;
    this.#habits = habits(random, false);
    const most = (12 + random.below(50)) * sites;
    this.#steps = steps ?? most;
    const names = NAMES.slice(0, sites);
    const ledger = new Ledger();
    const databases = names.map((name, at) => this.#database(name, at + 1));
    this.#oracles = databases.map(
      (database) =>
        new SiteOracle({ database, ledger, patient, copies: copies && database.site !== FIRST, counts: this.counts }),
    );
    this.#existingRows(databases, copies);
    for (const database of databases)
      for (const name of names)
        if (name !== database.site)
          database.move(name, {
            seq: 0,
            ...database.first,
            seen: { [database.site]: database.first },
            cursor: { table: copies && name === FIRST ? 0 : TABLES.length, after: null },
          });
    this.#sites = databases.map((database) => new MeshSite(database, names, has));
    this.#pipes = names.flatMap((source, from) =>
      this.#sites.flatMap((site, to) => {
        if (from === to) return [];
        const oracle = this.#oracles[to]!;
        const truth = databases[from]!.entries;
        const [origin, target] = [databases[from]!, site.database];
        const copier = new MeshCopier(origin, target, random);
        const stream = new MeshStream({ source: origin, target, copier, has });
        return [{ from, to, stream, loader: new MeshLoader({ site, source, truth, random, oracle, has }) }];
      }),
    );
  }

  live(): void {
    const random = this.#random;
    // Every history has its own habits, so that rare combinations get their share.
    const actions = this.#actions().map(([most, act]) => [most * (0.1 + random.below(10) / 10), act] as const);
    for (let step = 0; step < this.#steps; step += 1) {
      this.#now += random.chance(0.02) ? random.below(300 * SECOND) : random.below(random.chance(0.5) ? 4 : SECOND);
      random.weighted(actions)();
    }
  }

  /** Users stop; everything arrives, and the heartbeats after it. */
  comeToRest(): void {
    this.#settle();
    for (const site of this.#sites) site.beat();
    this.#settle();
  }

  judge(): void {
    const [first, ...others] = this.#sites;
    const rows = first!.database.dump().join('\n');
    for (const { database } of others) if (database.dump().join('\n') !== rows) throw new Violation('the sites differ');
    if (this.#patient) return;
    for (const oracle of this.#oracles.slice(0, 1)) oracle.judge();
    if (this.#sites.some(({ registers }) => registers.size > 0)) throw new Violation('registers are not empty at rest');
  }

  #actions(): Action[] {
    const random = this.#random;
    return [
      ...this.#sites.flatMap((site, at): Action[] => [
        [6, () => this.#write(at)],
        [random.pick([1, 1, 4]), () => site.beat()],
        [2, () => site.read()],
        [random.pick([0.3, 0.3, 2]), () => this.#restart(at)],
      ]),
      ...this.#pipes.flatMap(({ stream, loader }): Action[] => {
        // Some links are quick and some all but dead, so that news overtakes news.
        const speed = random.pick([0.05, 0.4, 1, 2]);
        const burst = (): void => {
          for (let count = 3 + random.below(20); count > 0; count -= 1) {
            stream.read();
            loader.step(stream.queue);
          }
        };
        return [
          [stream.copier.done ? 0 : random.pick([0.3, 1.5, 6]), () => stream.copier.step()],
          [2 * speed, () => stream.read()],
          [4 * speed, () => loader.step(stream.queue)],
          [1.5 * speed, burst],
          [0.15, () => stream.reset()],
        ];
      }),
    ];
  }

  #write(at: number): void {
    const { database } = this.#sites[at]!;
    const written = userTransaction(database, this.#random, this.#habits, () => {
      this.#fresh += 1;
      return this.#fresh;
    });
    if (written !== null) this.#oracles[at]!.wrote(database.entries.at(-1)!);
  }

  /** The owner of a site is killed and comes back: its loaders, its registers, and the links at both ends. */
  #restart(at: number): void {
    for (const { from, to, stream, loader } of this.#pipes) {
      if (to === at) loader.restart();
      if (to === at || from === at) stream.reset();
    }
    const site = this.#sites[at]!;
    // While rows are copied more is kept than is needed, and not always the same.
    if (this.#patient || site.copying || this.#random.chance(0.5)) {
      site.restart();
      return;
    }
    site.readToEnd();
    site.evict();
    const kept = site.entries();
    site.restart();
    site.readToEnd();
    if (site.entries().join() !== kept.join()) throw new Violation('registers are not what they were before a restart');
  }

  #settle(): void {
    for (let round = 0; !this.#atRest(); round += 1) {
      if (round > 20_000) throw new Violation('it never comes to rest');
      for (const { stream, loader } of this.#pipes) {
        stream.copier.step();
        stream.read();
        loader.step(stream.queue);
      }
    }
    for (const site of this.#sites) site.readToEnd();
  }

  #atRest(): boolean {
    return this.#pipes.every(
      ({ stream, loader }) => stream.atEnd && stream.copier.done && stream.queue.length === 0 && loader.idle,
    );
  }

  #database(site: string, server: number): MeshDatabase {
    const random = this.#random;
    const skew = (random.below(1201) - 600) * SECOND;
    const seconds = random.chance(0.4);
    return new MeshDatabase({
      site,
      server,
      start: START,
      now: (kind) => {
        const wall = this.#now + skew;
        if (!seconds) return wall;
        // Whole seconds, and users may say what they like.
        const said = kind === 'user' && random.chance(0.03) ? (random.below(200) - 100) * 86_400 * SECOND : 0;
        return Math.floor((wall + said) / SECOND) * SECOND;
      },
    });
  }

  /** Rows that all sites have when the channel begins; older than every write. */
  #existingRows(databases: readonly MeshDatabase[], copies: boolean): void {
    const [first, ...others] = databases;
    for (let count = copies ? 12 : 5; count > 0; count -= 1)
      userTransaction(first!, this.#random, this.#habits, () => 0);
    first!.forget();
    if (copies) {
      this.#oracles[0]!.begin(first!.rows.values());
      return;
    }
    for (const other of others) {
      for (const [row, stored] of first!.rows) other.rows.set(row, stored);
      for (const [unique, row] of first!.holders) other.holders.set(unique, row);
    }
    for (const oracle of this.#oracles) oracle.begin(first!.rows.values());
  }
}
