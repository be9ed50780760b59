/** One random history: a hub and its spokes, and everything that goes wrong between any two steps. */
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import { type Channel, channelsOf } from './channels.ts';
import { Database, type LogEntry } from './database.ts';
import type { Fault } from './faults.ts';
import type { Index } from './index.ts';
import { type Action, Leg } from './leg.ts';
import { Violation } from './oracle.ts';
import { Random } from './random.ts';
import { ruleOf } from './rules.ts';
import { KEYS, TABLES, TALLIES, TALLY } from './schema.ts';
import { type Habits, habits, userTransaction } from './users.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly faults?: readonly Fault[];
  /** One to three; left out, the seed says. */
  readonly spokes?: number;
  /** One or two; left out, the seed says. */
  readonly channels?: number;
  /** Only the end counts: whether the sites differ. */
  readonly patient?: boolean;
  /** Left out, the seed says. */
  readonly rule?: ConflictRule;
  /** No more steps than this before all comes to rest. A history of fewer steps begins like that of more. */
  readonly steps?: number;
  /** Steps that are left out. What the others draw by chance does not depend on it. */
  readonly without?: ReadonlySet<number>;
  /** Told of what every database logs. */
  readonly trace?: (database: string, entry: LogEntry) => void;
}

export interface Outcome {
  /** What went wrong, or null. */
  readonly violation: string | null;
  readonly counts: ReadonlyMap<string, number>;
  readonly steps: number;
}

const SPOKES = ['p', 'q', 'r', 't'] as const;

/** Six of ten histories have two sites, the others three to five. */
export function spokesOf(seed: number): number {
  return new Random(seed + 7_000_000).weighted([
    [6, 1],
    [2.5, 2],
    [1, 3],
    [0.5, 4],
  ]);
}

export function runHistory(options: HistoryOptions): Outcome {
  const world = new World(options);
  try {
    world.live();
    world.comeToRest();
    world.judge();
    return { violation: null, counts: world.counts, steps: world.steps };
  } catch (error) {
    if (error instanceof Violation) return { violation: error.message, counts: world.counts, steps: world.steps };
    throw error;
  } finally {
    world.close();
  }
}

class World {
  readonly counts = new Map<string, number>();
  readonly #random: Random;
  readonly #habits: Habits;
  readonly #hub: Database;
  readonly #rule: ConflictRule;
  readonly #tallied = new Map<string, number>(TALLIES.map((id) => [id, 0]));
  #now = 1_700_000_000_000_000;
  readonly #spokes: readonly Database[];
  readonly #legs: readonly Leg[];
  readonly #ledger: string[] = [];
  readonly #most: number;
  readonly #seed: number;
  readonly #without: ReadonlySet<number>;
  /** Taken before all came to rest. */
  steps = 0;
  #fresh = 0;

  constructor(options: HistoryOptions) {
    const { seed, faults = [], spokes = spokesOf(seed), patient = false, rule = ruleOf(seed), trace } = options;
    const channels = channelsOf(seed, options.channels);
    this.#seed = seed;
    this.#without = options.without ?? new Set();
    this.#most = options.steps ?? Number.POSITIVE_INFINITY;
    this.#random = new Random(seed);
    const random = this.#random;
    this.#rule = rule;
    this.#habits = habits(random, rule.counters.length > 0);
    this.#hub = new Database('s', 1, this.#clock());
    const hub = this.#hub;
    const names = SPOKES.slice(0, spokes);
    this.#existingRows();
    this.#spokes = names.map((name, at) => new Database(name, 2 + at, this.#clock()));
    this.#legs = channels.flatMap((channel) => {
      const indexes: Index[] = [];
      return this.#spokes.map((spoke, at) => {
        const copies = random.chance(0.5);
        if (!copies) takeOver(spoke, hub, channel);
        const neighbour = names[(at + 1) % names.length]!;
        const { counts } = this;
        const has = (fault: Fault): boolean => faults.includes(fault);
        return new Leg({ channel, hub, spoke, neighbour, copies, rule, patient, random, counts, indexes, has });
      });
    });
    for (const { oracle } of this.#legs) hub.listeners.push((entry) => oracle.wrote(entry));
    if (trace === undefined) return;
    for (const database of [hub, ...this.#spokes]) database.listeners.push((entry) => trace(database.name, entry));
  }

  /** A server's clock: up to ten minutes wrong, and with some in whole seconds. */
  #clock(): () => number {
    const random = this.#random;
    const skew = random.chance(0.5) ? random.below(4_000_000) : (random.below(1201) - 600) * 1_000_000;
    const grain = random.chance(0.3) ? 1_000_000 : 1;
    return () => Math.floor((this.#now + skew) / grain) * grain;
  }

  live(): void {
    const random = this.#random;
    // Every history has its own habits, so that rare combinations get their share.
    const actions = this.#actions().map(([most, action]) => [most * (0.1 + random.below(10) / 10), action] as const);
    const steps = Math.min(this.#most, (60 + random.below(140)) * this.#spokes.length);
    for (; this.steps < steps; this.steps += 1) {
      random.restart(this.#seed, this.steps);
      this.#now += 1 + random.below(400_000);
      if (this.#without.has(this.steps)) continue;
      random.weighted(actions)();
    }
  }

  /** Users stop; everything arrives, and the beats after it. */
  comeToRest(): void {
    this.#random.restart(this.#seed, -1);
    this.#settle();
    this.#hub.append({ kind: 'beat' });
    this.#settle();
    for (const spoke of this.#spokes) spoke.append({ kind: 'beat' });
    this.#settle();
  }

  close(): void {
    for (const leg of this.#legs) leg.close();
  }

  judge(): void {
    const rows = this.#hub.dump(TABLES);
    for (const leg of this.#legs) leg.judge();
    if (this.#ledger.some((row) => !rows.includes(row))) throw new Violation('an uncontested row is missing');
    if (this.#rule.counters.length === 0) return;
    for (const [id, sum] of this.#tallied)
      if (!rows.includes(`tally ${id} ${sum}`)) throw new Violation('a sum is wrong');
  }

  #actions(): Action[] {
    return [
      [6, () => this.#write(this.#hub)],
      [1, () => void this.#hub.append({ kind: 'beat' })],
      [0.6, () => this.#restartHub()],
      ...this.#spokes.flatMap((spoke): Action[] => [
        [6, () => this.#write(spoke)],
        [1, () => void spoke.append({ kind: 'beat' })],
      ]),
      ...this.#legs.flatMap((leg) => leg.actions()),
    ];
  }

  #write(database: Database): void {
    const written = userTransaction(database, this.#random, this.#habits, () => {
      this.#fresh += 1;
      return this.#fresh;
    });
    if (written === null) return;
    this.#ledger.push(...written.fresh);
    for (const [id, by] of written.tallied) this.#tallied.set(id, this.#tallied.get(id)! + by);
  }

  #restartHub(): void {
    for (const leg of this.#legs) leg.restartHub();
  }

  #settle(): void {
    for (let round = 0; !this.#legs.every((leg) => leg.atRest); round += 1) {
      if (round > 20_000) throw new Violation('it never comes to rest');
      for (const leg of this.#legs) if (!leg.atRest) leg.advance();
    }
    for (const leg of this.#legs) leg.readIndex();
  }

  /** Rows from before the channel. */
  #existingRows(): void {
    for (let count = 0; count < 6; count += 1)
      userTransaction(this.#hub, this.#random, { ...this.#habits, tallies: false }, () => 0);
    if (this.#habits.tallies) {
      for (const id of TALLIES) this.#hub.rows.set(KEYS.row(TALLY, [id, null]), { table: TALLY, image: [id, '0'] });
    }
    this.#hub.log.length = 0;
  }
}

/** The spoke begins with the hub's rows. */
function takeOver(spoke: Database, hub: Database, { tables }: Channel): void {
  for (const [row, stored] of hub.rows) if (tables.includes(stored.table)) spoke.rows.set(row, stored);
  for (const [unique, row] of hub.holders) if (spoke.rows.has(row)) spoke.holders.set(unique, row);
}
