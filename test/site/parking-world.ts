/**
 * A small world for rows that are set aside: a source whose log is made up, a target that refuses some of its rows for a while, and
 * nodes that are killed anywhere. Everything hangs on one seed.
 */
import { type Random, seededRandom } from '../../src/lab/random.ts';
import { chainsOf, type DeadLetter, type LoggedLetter } from '../../src/model/dead-letter.ts';
import { OtterError } from '../../src/model/error.ts';
import {
  type Checkpoint,
  DuplicateKey,
  type LoadSession,
  RowRefused,
  type TargetPort,
  type Write,
} from '../../src/model/load.ts';
import { compileChannel } from '../../src/model/pipeline.ts';
import type { Delivery, Image } from '../../src/model/row.ts';
import { tableName } from '../../src/model/row.ts';
import { replays } from '../../src/replication/replaying.ts';
import { DeadLetters } from '../../src/site/dead-letters.ts';
import { Feed } from '../../src/site/feed.ts';
import { Figures } from '../../src/site/figures.ts';
import { PlainStrategy } from '../../src/site/load.ts';
import { Loading } from '../../src/site/loading.ts';
import { SettingAside } from '../../src/site/setting-aside.ts';
import { TargetTables } from '../../src/site/tables.ts';
import { load, type ModelTable } from '../replication/model.ts';
import { channel } from './harness.ts';
import { fresh, numberOf, TABLES, written } from './lanes-world.ts';

class Killed extends Error {}

type Tables = ReadonlyMap<string, ModelTable>;

interface State {
  readonly rows: Tables;
  readonly letters: readonly LoggedLetter[];
}

const SPEC = compileChannel(
  'shop',
  channel({ kind: 'one-way', from: ['a'], to: ['b'] }, ['shop.*'], { initial: 'none', onError: 'park' }),
)[0]!;

export class ParkingWorld {
  readonly random: Random;
  /** Whether the target refuses a row at the moment. */
  refuses: (row: Image) => boolean = () => false;
  #state: State = { rows: fresh(), letters: [] };
  #checkpoint: Checkpoint = { seq: 0, epoch: 1, position: 'mariadb:0-1-0', clock: 0, seen: {} };
  #next = 1;
  #fuse = Number.POSITIVE_INFINITY;
  #dead = false;
  readonly seen: unknown[] = [];
  /** What a node finds of letters; tests break it. */
  told: (letters: readonly LoggedLetter[]) => readonly LoggedLetter[] = (letters) => letters;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  get rows(): Tables {
    return this.#state.rows;
  }

  get letters(): readonly LoggedLetter[] {
    return this.#state.letters;
  }

  /** One node after the other, until all is applied or set aside. */
  async run(log: readonly Delivery[], kills: number): Promise<void> {
    const last = log.at(-1)!.position;
    for (let attempt = 0; this.#checkpoint.position !== last; attempt += 1) {
      if (attempt > kills + 5) throw new Error(`no end is in sight: ${String(this.seen.at(-1))}`);
      this.#fuse = attempt < kills ? this.random.between(1, 60) : Number.POSITIVE_INFINITY;
      this.#dead = false;
      await this.#attempt(log).catch((error: unknown) => this.seen.push(error));
    }
  }

  /** As `otter deadletter retry` does; returns how many chains are refused still. */
  retry(which: (letter: LoggedLetter) => boolean = () => true): number {
    let refused = 0;
    for (const chain of chainsOf([...this.letters])) {
      if (!chain.some(which)) continue;
      const ways = replays(
        chain.map(({ kind, table, before, after, checks }) => {
          const shape = TABLES.find((one) => tableName(one) === tableName(table))!;
          const image = (row: LoggedLetter['after']): Image | null =>
            row === null ? null : shape.columns.map(({ name }) => row[name]!);
          const loaded = tablesOf(shape);
          return {
            change: { kind, table: loaded, before: image(before), after: image(after), fkChecks: true },
            checks,
          };
        }),
      );
      const done = ways.some((writes) => {
        const rows = fresh(this.rows);
        try {
          this.#write(rows, writes);
        } catch (error) {
          if (error instanceof RowRefused || error instanceof DuplicateKey) return false;
          throw error;
        }
        this.#state = { rows, letters: this.letters.filter((letter) => !chain.includes(letter)) };
        return true;
      });
      if (!done) refused += 1;
    }
    return refused;
  }

  async #attempt(log: readonly Delivery[]): Promise<void> {
    this.#checkpoint = { ...this.#checkpoint, epoch: this.#checkpoint.epoch + 1 };
    const shapes = new Map(TABLES.map((table) => [tableName(table), table]));
    const target = {
      shape: async (schema: string, name: string) => shapes.get(`${schema}.${name}`) ?? null,
      unguardedTriggers: async () => [],
      letters: async (_: string, behind: number, limit: number) =>
        this.told(this.letters)
          .filter(({ id }) => id > behind)
          .slice(0, limit),
      sortKeys: async (_: string, literals: readonly string[]) => literals.map((text) => text.toLowerCase()),
    } as unknown as TargetPort;
    const spec = (): typeof SPEC => SPEC;
    const tables = new TargetTables({ spec, target, logsCascades: false, copies: [], known: {}, settled: () => 0 });
    const strategy = new PlainStrategy(spec, tables, false);
    const session = this.#session();
    const letters = new DeadLetters(target, SPEC.name);
    await letters.load();
    const loading = new Loading({
      ...{ checkpoint: this.#checkpoint, session, overlap: null, strategy, tables, target, reached: () => undefined },
      aside: new SettingAside({ spec, letters, strategy, session, now: () => 0 }),
      figures: new Figures(() => 0),
      care: { gtid: null, refused: null },
      joined: () => undefined,
      passed: () => undefined,
      unsure: () => undefined,
      desired: () => ({ spec: SPEC, generation: 1 }),
      arrivals: null as never,
    });
    const signal = new AbortController().signal;
    // So small that some transactions come in pieces.
    const feed = new Feed({ rows: this.random.between(1, 12), bytes: this.random.pick([150, 1 << 20]) });
    for (let at = numberOf(this.#checkpoint.position); at < log.length; ) {
      const come = log.slice(at, at + this.random.between(1, 8));
      at += come.length;
      feed.push(come.flatMap((delivery) => this.#parts(delivery)));
      for (let window = feed.next(); window !== null; window = feed.next()) await loading.apply(window, signal);
    }
  }

  #parts(delivery: Delivery): Delivery[] {
    if (delivery.kind !== 'changes' || delivery.changes.length < 2 || this.random.chance(0.5)) return [delivery];
    const cut = this.random.between(1, delivery.changes.length - 1);
    return [
      { ...delivery, last: false, changes: delivery.changes.slice(0, cut) },
      { ...delivery, first: false, changes: delivery.changes.slice(cut) },
    ];
  }

  async #served<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    if (this.#dead) throw new Killed('killed before');
    this.#fuse -= 1;
    const killed = this.#fuse === 0;
    if (killed) this.#dead = true;
    if (killed && this.random.chance(0.5)) throw new Killed('killed on its way');
    const result = work();
    if (killed) throw new Killed('killed when it was done');
    return result;
  }

  #write(rows: Tables, writes: readonly Write[]): void {
    for (const write of writes) {
      if (write.kind === 'fk-checks') continue;
      const wanted =
        write.kind === 'update' ? [write.after] : write.kind === 'insert' || write.kind === 'upsert' ? write.rows : [];
      // The session would name it if it wrote row by row.
      if (wanted.some((row) => this.refuses(row))) throw new RowRefused(new Error('no'), null, true);
      try {
        written(rows, write);
      } catch (error) {
        throw new DuplicateKey(error);
      }
    }
  }

  #session(): LoadSession {
    let now: (State & { readonly to: Checkpoint; readonly from: Checkpoint }) | null = null;
    let marked: State | null = null;
    const none = { missing: 0, absent: 0 };
    const copied = ({ rows, letters }: State): State => ({ rows: fresh(rows), letters });
    const write = (writes: readonly Write[]): typeof none => {
      const before = copied(now!);
      try {
        this.#write(now!.rows, writes);
      } catch (error) {
        // Statements before the one that is refused stay.
        if (this.random.chance(0.5)) now = { ...now!, ...before };
        throw error;
      }
      return none;
    };
    const begin = (from: Checkpoint, to: Checkpoint, writes: readonly Write[]): typeof none => {
      now = { ...copied(this.#state), from, to };
      return write(writes);
    };
    const commit = (): void => {
      const { from, to, rows, letters } = now!;
      const { seq, epoch } = this.#checkpoint;
      if (from.seq !== seq || from.epoch !== epoch) throw new OtterError('OT5001', 'fenced', { retry: 'backoff' });
      this.#state = { rows, letters };
      this.#checkpoint = to;
    };
    return {
      ...{ careful: false, rowByRow: false, prepare: () => undefined },
      begin: (_, __, from, to, writes) => this.#served(() => begin(from, to, writes)),
      apply: (_, __, from, to, writes) =>
        this.#served(() => {
          begin(from, to, writes);
          commit();
          return none;
        }),
      write: (writes) => this.#served(() => write(writes)),
      mark: () =>
        this.#served(() => {
          marked = copied(now!);
        }),
      undo: () =>
        this.#served(() => {
          now = { ...now!, ...copied(marked!) };
        }),
      park: (letter: DeadLetter) =>
        this.#served(() => {
          const id = this.#next++;
          now = { ...now!, letters: [...now!.letters, { ...letter, id, lineage: '' }] };
          return id;
        }),
      lettersLeft: (ids) =>
        this.#served(() => ids.filter((id) => (now ?? this.#state).letters.some((letter) => letter.id === id))),
      commit: () => this.#served(commit),
      rollback: async () => {
        now = null;
      },
      [Symbol.asyncDispose]: async () => undefined,
    } as Partial<LoadSession> as LoadSession;
  }
}

const loaded = new Map(TABLES.map((shape) => [shape, load(shape)]));

function tablesOf(shape: (typeof TABLES)[number]): ReturnType<typeof load> {
  return loaded.get(shape)!;
}
