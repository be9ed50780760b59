/** One random history: two sites, their owners, the links, and everything that goes wrong between any two steps. */
import { Database, sequenceOf } from './database.ts';
import type { Fault } from './faults.ts';
import { Oracle, Violation } from './oracle.ts';
import { Random } from './random.ts';
import { TABLES } from './schema.ts';
import { Serialiser } from './serialiser.ts';
import { Spoke } from './spoke.ts';
import { Copier, SerialiserStream, SpokeStream } from './streams.ts';
import { type Habits, habits, userTransaction } from './users.ts';

export interface HistoryOptions {
  readonly seed: number;
  readonly faults?: readonly Fault[];
  /** Only the end counts: whether the sites differ. */
  readonly patient?: boolean;
}

export interface Outcome {
  /** What went wrong, or null. */
  readonly violation: string | null;
  readonly counts: ReadonlyMap<string, number>;
}

/** A link holds no more than this; its reader waits. */
const QUEUE_MOST = 12;

export function runHistory(options: HistoryOptions): Outcome {
  const world = new World(options);
  try {
    world.live();
    world.comeToRest();
    world.judge();
    return { violation: null, counts: world.oracle.counts };
  } catch (error) {
    if (error instanceof Violation) return { violation: error.message, counts: world.oracle.counts };
    throw error;
  }
}

class World {
  readonly #random: Random;
  readonly #habits: Habits;
  readonly oracle: Oracle;
  readonly #s: Database;
  readonly #p: Database;
  readonly #serialiser: Serialiser;
  readonly #spoke: Spoke;
  readonly #toSpoke: SerialiserStream;
  readonly #toSerialiser: SpokeStream;
  readonly #copier: Copier;
  readonly #has: (fault: Fault) => boolean;
  readonly #ledger: string[] = [];
  #fresh = 0;

  constructor({ seed, faults = [], patient = false }: HistoryOptions) {
    this.#random = new Random(seed);
    const random = this.#random;
    this.#habits = habits(random);
    const copies = random.chance(0.5);
    const has = (fault: Fault): boolean => faults.includes(fault);
    this.#has = has;
    this.oracle = new Oracle(copies, patient);
    const copied = { table: TABLES.length, after: null };
    const fromStart = { table: 0, after: null };
    this.#s = new Database('s', 1, 2, copied);
    this.#p = new Database('p', 2, 1, copies ? fromStart : copied);
    const common = { random, oracle: this.oracle, has };
    this.#serialiser = new Serialiser({ ...common, database: this.#s, other: this.#p });
    this.#spoke = new Spoke({ ...common, database: this.#p, other: this.#s });
    this.#toSpoke = new SerialiserStream({ database: this.#s, has });
    this.#toSerialiser = new SpokeStream({ database: this.#p, has });
    this.#copier = new Copier(this.#s, this.#toSpoke, random);
    this.#copier.reset(this.#p.checkpoint.cursor);
    this.#existingRows(copies);
  }

  live(): void {
    const random = this.#random;
    // Every history has its own habits, so that rare combinations get their share.
    const actions = this.#actions().map(([most, action]) => [most * (0.1 + random.below(10) / 10), action] as const);
    const steps = 60 + random.below(140);
    for (let step = 0; step < steps; step += 1) random.weighted(actions)();
  }

  /** Users stop; everything arrives, and the beats after it. */
  comeToRest(): void {
    this.#settle();
    this.#s.append({ kind: 'beat' });
    this.#settle();
    this.#p.append({ kind: 'beat' });
    this.#settle();
  }

  judge(): void {
    const [s, p] = [this.#s.dump(), this.#p.dump()];
    const difference = s.find((row) => !p.includes(row)) ?? p.find((row) => !s.includes(row));
    if (difference !== undefined) throw new Violation('the sites differ');
    if (this.#ledger.some((row) => !s.includes(row))) throw new Violation('an uncontested row is missing');
    if (this.#serialiser.index.writes.size > 0) throw new Violation('the index is not empty at rest');
    if (this.#serialiser.index.writes.bytes !== 0) throw new Violation('the index has lost count of its bytes');
  }

  #actions(): (readonly [number, () => void])[] {
    return [
      [6, () => this.#write(this.#s)],
      [6, () => this.#write(this.#p)],
      [12, () => this.#serialiser.step(this.#toSerialiser.queue)],
      [8, () => this.#spoke.step(this.#toSpoke.queue)],
      [8, () => this.#readForSerialiser()],
      [8, () => this.#readForSpoke()],
      [5, () => this.#serialiser.index.readOne()],
      [6, () => this.#copy()],
      [1, () => void this.#p.append({ kind: 'beat' })],
      [1, () => void this.#s.append({ kind: 'beat' })],
      [0.5, () => this.#serialiser.index.reread(1 + this.#random.below(4))],
      [0.6, () => this.#reopenToSerialiser()],
      [0.6, () => this.#reopenToSpoke()],
      [0.6, () => this.#restartSerialiser()],
      [0.6, () => this.#restartSpoke()],
    ];
  }

  #write(database: Database): void {
    const written = userTransaction(database, this.#random, this.#habits, () => {
      this.#fresh += 1;
      return this.#fresh;
    });
    if (written === null) return;
    this.#ledger.push(...written.fresh);
    if (database === this.#s) this.oracle.wrote(database.log.at(-1)!);
  }

  #readForSerialiser(): void {
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      if (this.#toSerialiser.queue.length < QUEUE_MOST) this.#toSerialiser.read();
    }
  }

  #readForSpoke(): void {
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      if (this.#toSpoke.queue.length < QUEUE_MOST) this.#toSpoke.read();
    }
  }

  #copy(): void {
    const mayWatermark = !this.#serialiser.open || this.#has('unlocked watermark');
    this.#copier.step(mayWatermark, (entry) => this.oracle.wrote(entry));
  }

  /** A link is cut and opened again behind the target's checkpoint, or behind an older one that it had acknowledged. */
  #reopenToSerialiser(): void {
    const { position, seen } = this.#s.checkpoint;
    this.#toSerialiser.reset(position, seen);
  }

  #reopenToSpoke(): void {
    const at = sequenceOf(this.#p.checkpoint.position);
    const back = this.#random.chance(0.5) ? 0 : this.#random.below(4);
    this.#toSpoke.reset(`mariadb:0-1-${Math.max(0, at - back)}`);
    this.#copier.reset(this.#p.checkpoint.cursor);
  }

  #restartSerialiser(): void {
    this.#serialiser.restart(this.#p.checkpoint.position);
    this.#reopenToSerialiser();
    this.#reopenToSpoke();
  }

  #restartSpoke(): void {
    this.#spoke.restart();
    this.#reopenToSerialiser();
    this.#reopenToSpoke();
  }

  #settle(): void {
    for (let round = 0; ; round += 1) {
      if (round > 20_000) throw new Violation('it never comes to rest');
      if (
        this.#serialiser.idle &&
        this.#spoke.idle &&
        this.#copier.done &&
        this.#toSpoke.atEnd &&
        this.#toSerialiser.atEnd &&
        this.#toSpoke.queue.length + this.#toSerialiser.queue.length === 0
      ) {
        this.#serialiser.index.readToEnd();
        return;
      }
      this.#readForSerialiser();
      this.#readForSpoke();
      this.#serialiser.step(this.#toSerialiser.queue);
      this.#spoke.step(this.#toSpoke.queue);
      this.#copy();
    }
  }

  /** Rows from before the channel: at the serialiser only, to be copied, or at both. */
  #existingRows(copies: boolean): void {
    for (let count = 0; count < 6; count += 1) userTransaction(this.#s, this.#random, this.#habits, () => 0);
    this.#s.log.length = 0;
    if (copies) return;
    for (const [row, stored] of this.#s.rows) this.#p.rows.set(row, stored);
    for (const [unique, row] of this.#s.holders) this.#p.holders.set(unique, row);
  }
}
