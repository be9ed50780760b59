/**
 * Windows that are written while the one before is being committed, in a made-up world in which nodes are killed anywhere and
 * commits fail: every row is written once, in order, and nothing is told to the source that is not durable.
 */
import { expect, test } from 'vitest';
import { type Random, seededRandom } from '../../src/lab/random.ts';
import { OtterError } from '../../src/model/error.ts';
import { type Checkpoint, DuplicateKey, type LoadSession, type TargetPort, type Write } from '../../src/model/load.ts';
import type { Delivery } from '../../src/model/row.ts';
import { tableName } from '../../src/model/row.ts';
import { Feed } from '../../src/site/feed.ts';
import { Figures } from '../../src/site/figures.ts';
import { PlainStrategy } from '../../src/site/load.ts';
import { Loading } from '../../src/site/loading.ts';
import { Overlap } from '../../src/site/overlap.ts';
import { pump } from '../../src/site/pump.ts';
import { TargetTables } from '../../src/site/tables.ts';
import { fresh, history, numberOf, sorted, specOf, TABLES, written } from './lanes-world.ts';

class Killed extends Error {}

interface Transaction {
  readonly from: Checkpoint;
  readonly to: Checkpoint;
  readonly writes: Write[];
}

class World {
  readonly random: Random;
  rows = fresh();
  #checkpoint: Checkpoint = { seq: 0, epoch: 1, position: 'mariadb:0-1-0', clock: 0, seen: {} };
  /** Who holds the checkpoint row. */
  #holder: object | null = null;
  #fuse = Number.POSITIVE_INFINITY;
  #dead = false;
  #attempts = 0;
  readonly seen: unknown[] = [];
  /** How often the source was told of more than was durable. */
  early = 0;
  /** Windows that were written while one was being committed. */
  behind = 0;
  /** Whether a transaction looks where the checkpoint is before it moves it, and whoever commits hears how that ends. Tests break it. */
  readonly rules = { compares: true, tells: true };

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  async run(log: readonly Delivery[], kills: number): Promise<void> {
    const last = log.at(-1)!.position;
    for (let attempt = 0; this.#checkpoint.position !== last; attempt += 1) {
      if (attempt > kills + 50) throw new Error(`no end is in sight: ${String(this.seen.at(-1))}`);
      this.#fuse = attempt < kills ? this.random.between(1, 40) : Number.POSITIVE_INFINITY;
      this.#dead = false;
      await this.#attempt(log).catch((error: unknown) => this.seen.push(error));
      this.#attempts += 1;
      // What a session held that is gone is let go of.
      this.#holder = null;
    }
  }

  async #attempt(log: readonly Delivery[]): Promise<void> {
    this.#checkpoint = { ...this.#checkpoint, epoch: this.#checkpoint.epoch + 1 };
    const checkpoint = this.#checkpoint;
    const spec = specOf(1);
    const shapes = new Map(TABLES.map((table) => [tableName(table), table]));
    const target = {
      shape: async (schema: string, name: string) => shapes.get(`${schema}.${name}`) ?? null,
      unguardedTriggers: async () => [],
    } as unknown as TargetPort;
    const tables = new TargetTables({
      ...{ spec: () => spec, target, logsCascades: false, copies: [], known: {}, settled: () => 0 },
    });
    const refusesSecond = this.random.chance(0.1);
    const open = async (): Promise<LoadSession> => {
      await this.#turns();
      if (refusesSecond) throw new Error('too many connections');
      return this.#session();
    };
    const session = this.#session();
    await using overlap = new Overlap({ first: session, open, alone: () => undefined, much: { rows: 1, bytes: 1 } });
    const loading = new Loading({
      ...{ checkpoint, session, overlap, tables, target, aside: null },
      reached: (position) => {
        if (numberOf(position) > numberOf(this.#checkpoint.position)) this.early += 1;
      },
      strategy: new PlainStrategy(() => spec, tables, false),
      figures: new Figures(() => 0),
      care: { gtid: null, refused: null },
      joined: () => undefined,
      passed: () => undefined,
      unsure: () => undefined,
      desired: () => ({ spec, generation: 1 }),
      arrivals: null as never,
    });
    const { signal } = new AbortController();
    const from = numberOf(checkpoint.position);
    const stages = {
      ready: (window: Parameters<Loading['prepare']>[0]) => loading.prepare(window),
      apply: (window: Parameters<Loading['apply']>[0]) => loading.apply(window, signal),
      unfinished: () => loading.committing,
    };
    const feed = new Feed({ rows: this.random.between(1, 12), bytes: this.random.pick([300, 1 << 20]) });
    await pump(this.#stream(log.slice(from)), feed, stages, signal);
  }

  async *#stream(log: readonly Delivery[]): AsyncGenerator<readonly Delivery[], void> {
    for (let at = 0; at < log.length; ) {
      const come = log.slice(at, at + this.random.between(1, 8));
      at += come.length;
      await this.#turns();
      yield come;
    }
  }

  async #turns(): Promise<void> {
    for (let turns = this.random.between(0, 6); turns > 0; turns -= 1) await Promise.resolve();
  }

  /** @param attempt of which it is: what a node that is gone has asked for is not done any more */
  async #served<T>(attempt: number, work: () => T): Promise<T> {
    await this.#turns();
    if (attempt !== this.#attempts) throw new Killed('gone');
    if (this.#dead) throw new Killed('killed before');
    this.#fuse -= 1;
    const killed = this.#fuse === 0;
    if (killed) this.#dead = true;
    if (killed && this.random.chance(0.5)) throw new Killed('killed on its way');
    const result = work();
    if (killed) throw new Killed('killed when it was done');
    return result;
  }

  #session(): LoadSession {
    const me = {};
    const attempt = this.#attempts;
    let now: Transaction | null = null;
    const counts = { missing: 0, absent: 0 };
    const rollback = (): void => {
      now = null;
      if (this.#holder === me) this.#holder = null;
    };
    const moves = async ({ from }: Transaction): Promise<void> => {
      while (this.#holder !== null && this.#holder !== me) {
        if (this.#dead) throw new Killed('killed as it waits');
        await Promise.resolve();
      }
      const { seq, epoch } = this.#checkpoint;
      if (this.rules.compares && (from.seq !== seq || from.epoch !== epoch))
        throw new OtterError('OT5001', 'somebody else owns it', { retry: 'backoff' });
      this.#holder = me;
    };
    /** Answers come in the order of what was asked. */
    let line: Promise<unknown> = Promise.resolve();
    const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
      const answer = line.then(work, work);
      line = answer;
      return answer;
    };
    const begin: LoadSession['begin'] = (_, __, from, to, writes) =>
      inTurn(async () => {
        now = { from, to, writes: [...writes] };
        await this.#served(attempt, () => undefined);
        await moves(now);
        return counts;
      });
    const commit = (): void => {
      const { to, writes } = now!;
      const rows = fresh(this.rows);
      try {
        for (const write of writes) if (write.kind !== 'fk-checks') written(rows, write);
      } catch (error) {
        rollback();
        throw new DuplicateKey(error);
      }
      this.rows = rows;
      this.#checkpoint = to;
      rollback();
    };
    /** One in twenty is rolled back by the server. */
    const mayFail = (): void => {
      if (this.random.chance(0.05)) {
        rollback();
        throw new OtterError('OT4005', 'the server rolled it back', { retry: 'backoff' });
      }
      commit();
    };
    return {
      ...{ careful: false, rowByRow: false, begin, prepare: () => undefined },
      apply: async (...window) => {
        await begin(...window);
        await inTurn(() => this.#served(attempt, commit));
        return counts;
      },
      applyAhead: async (behind, ...window) => {
        if (behind) this.behind += 1;
        await begin(...window);
        const committed = inTurn(() => this.#turns().then(() => this.#served(attempt, mayFail)));
        return { ...counts, committed: this.rules.tells ? committed : committed.catch(() => undefined) };
      },
      write: async (writes) => {
        now!.writes.push(...writes);
        return counts;
      },
      commit: () => inTurn(() => this.#served(attempt, commit)),
      rollback: () => inTurn(async () => rollback()),
      [Symbol.asyncDispose]: async () => undefined,
    } as Partial<LoadSession> as LoadSession;
  }
}

const RUNS = 400;

async function played(seed: number, broken: (world: World) => void = () => undefined): Promise<[boolean, World]> {
  const random = seededRandom(seed);
  const { log, rows } = history(random, random.between(5, 80));
  const world = new World(seed);
  broken(world);
  await world.run(log, 6);
  return [JSON.stringify(sorted(world.rows)) === JSON.stringify(sorted(rows)), world];
}

test('every row is written once and in order, whatever is killed and whichever commit fails', async () => {
  let [behind, failed] = [0, 0];
  for (let seed = 1; seed <= RUNS; seed += 1) {
    const [equal, world] = await played(seed);
    const { early } = world;
    expect({ seed, equal, early, last: equal ? null : world.seen.at(-1) }).toMatchObject({
      seed,
      equal: true,
      early: 0,
    });
    behind += world.behind;
    failed += world.seen.filter((error) => error instanceof OtterError && error.code === 'OT4005').length;
    const unexpected = world.seen.filter(
      (error) => !(error instanceof Killed || (error instanceof OtterError && /^OT(4005|5001)$/.test(error.code))),
    );
    expect(unexpected).toEqual([]);
  }
  expect(behind).toBeGreaterThan(RUNS);
  expect(failed).toBeGreaterThan(RUNS / 10);
});

test.each(['compares', 'tells'] as const)('what is relied on and not so is found: %s', async (rule) => {
  let found = false;
  for (let seed = 1; seed <= RUNS && !found; seed += 1) {
    const [equal, { early }] = await played(seed, (world) => {
      world.rules[rule] = false;
    }).catch(() => [false, { early: 0 }] as const);
    found = !equal || early > 0;
  }
  expect(found).toBe(true);
});
