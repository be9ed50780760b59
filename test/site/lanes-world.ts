/**
 * A small world for the lanes of a pipeline: a source whose log is made up, a target with tables and checkpoint rows, and nodes
 * that are killed anywhere. Everything hangs on one seed, the order in which connections are served included.
 */
import { type Random, seededRandom } from '../../src/lab/random.ts';
import { OtterError } from '../../src/model/error.ts';
import {
  type Checkpoint,
  DuplicateKey,
  type LanesRecord,
  type LoadSession,
  type TargetPort,
  type Write,
} from '../../src/model/load.ts';
import { compileChannel, type PipelineSpec } from '../../src/model/pipeline.ts';
import type { Delivery, Image, RowChange, TableShape } from '../../src/model/row.ts';
import { tableName } from '../../src/model/row.ts';
import type { ChannelSpec } from '../../src/model/topology.ts';
import { Feed } from '../../src/site/feed.ts';
import { Figures } from '../../src/site/figures.ts';
import { Lanes } from '../../src/site/lanes.ts';
import { PlainStrategy } from '../../src/site/load.ts';
import { Loading } from '../../src/site/loading.ts';
import { TargetTables } from '../../src/site/tables.ts';
import { column, ModelTable, shape } from '../replication/model.ts';

const FIRST = 'mariadb:0-1-0';
const text = column('id', 'varchar(9)', { charset: 'utf8mb4', collation: 'utf8mb4_general_ci' });
const key = (parent: string) => ({
  ...{ name: 'fk', columns: [1], parentSchema: 'shop', parentTable: parent, parentColumns: ['id'] },
  ...{ onDelete: 'RESTRICT', onUpdate: 'RESTRICT' },
});

export const TABLES: readonly TableShape[] = [
  shape({ name: 'plain' }),
  shape({ name: 'letters', columns: [text, column('u'), column('v')] }),
  shape({ name: 'unique', uniques: [{ name: 'u', columns: [1] }] }),
  shape({ name: 'parent', referencedBy: ['shop.child'] }),
  shape({ name: 'child', foreignKeys: [key('parent')] }),
  // Rows that are written twice are there twice.
  shape({ name: 'journal', primaryKey: [] }),
];

const KEYS = ["'a'", "'A'", "'b'", "'B'", "'c'", "'é'", "'d'", "'D'"];

type Tables = ReadonlyMap<string, ModelTable>;

export function fresh(rows?: Tables): Map<string, ModelTable> {
  return new Map(
    TABLES.map((table) => [tableName(table), new ModelTable(table, rows?.get(tableName(table))?.rows ?? [])]),
  );
}

/** What a source's transactions change, in the order of its log; its own rules hold at every step. */
export function history(random: Random, length: number): { readonly log: readonly Delivery[]; readonly rows: Tables } {
  const rows = fresh();
  const log = Array.from({ length }, (_, index): Delivery => {
    const changes: RowChange[] = [];
    for (let n = random.between(1, 4); n > 0; n -= 1) changes.push(...made(random, rows, changes.length + index * 10));
    return changesAt(index + 1, changes);
  });
  return { log, rows };
}

function changesAt(number: number, changes: readonly RowChange[]): Delivery {
  const gtid = `0-1-${number}`;
  const place = { gtid, position: `mariadb:${gtid}`, seen: {}, clock: number, bytes: 100 };
  return { ...place, kind: 'changes', first: true, last: true, changes };
}

function made(random: Random, sources: Tables, stamp: number): RowChange[] {
  const table = random.pick(TABLES);
  const rows = sources.get(tableName(table))!;
  const common = { table, fkChecks: true };
  const some = (): string => (table.columns[0]!.collation === null ? String(random.between(0, 9)) : random.pick(KEYS));
  const same = (one: Image, id: string): boolean => one[0]!.toLowerCase() === id.toLowerCase();
  const [id, other] = [some(), some()];
  const value = String(random.between(0, 5));
  const v = String(stamp);
  if (table.primaryKey.length === 0) {
    rows.insert([id, value, v]);
    return [{ ...common, kind: 'insert', after: [id, value, v] }];
  }
  const at = rows.rows.find((row) => same(row, id));
  const taken = (u: string): boolean => table.uniques.length > 0 && rows.rows.some((row) => row !== at && row[1] === u);
  const parents = sources.get('shop.parent')!.rows;
  const parent = (u: string): boolean => table.name !== 'child' || parents.some((row) => row[0] === u);
  const child = (p: string): boolean =>
    table.name === 'parent' && sources.get('shop.child')!.rows.some((row) => row[1] === p);
  const changes: RowChange[] = [];
  const what = random.between(1, 3);
  if (at === undefined) {
    if (taken(value) || !parent(value)) return [];
    changes.push({ ...common, kind: 'insert', after: [id, value, v] });
  } else if (what === 1) {
    if (child(at[0]!)) return [];
    changes.push({ ...common, kind: 'delete', before: at });
  } else if (what === 2 && !child(at[0]!) && !rows.rows.some((row) => row !== at && same(row, other))) {
    changes.push({ ...common, kind: 'update', before: at, after: [other, at[1]!, v] });
  } else if (!taken(value) && parent(value)) {
    changes.push({ ...common, kind: 'update', before: at, after: [at[0]!, value, v] });
  }
  for (const change of changes) {
    rows.rows = rows.rows.filter((row) => row !== at);
    if (change.kind !== 'delete') rows.rows = [...rows.rows, change.after];
  }
  return changes;
}

class Killed extends Error {}

/** The target's server: what is committed, whoever is connected. */
export class World {
  readonly random: Random;
  rows = fresh();
  readonly #checkpoints = new Map<number, Checkpoint>([[0, { seq: 0, epoch: 1, position: FIRST, clock: 0, seen: {} }]]);
  #division: string | null = null;
  /** Calls until the node that makes them is killed. */
  #fuse = Number.POSITIVE_INFINITY;
  #dead = false;
  /** Errors that ended attempts. */
  readonly seen: unknown[] = [];
  /** How often rows were divided, or what lanes had written was left out again. */
  divided = 0;
  ahead = 0;
  /** What a claim is told; tests break it. */
  told: (record: LanesRecord | null) => LanesRecord | null = (record) => record;
  /** Tables as the node sees them; tests hide things from it. */
  shapeOf: (table: TableShape) => TableShape = (table) => table;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  position(lane = 0): string {
    return this.#checkpoints.get(lane)!.position;
  }

  /** One node after the other reads the log from where the pipeline stands, until all is applied. */
  async run(log: readonly Delivery[], lanesOf: () => number, kills: number): Promise<void> {
    const inOrder = { until: null };
    const last = log.at(-1)!.position;
    for (let attempt = 0; this.position() !== last; attempt += 1) {
      if (attempt > kills + 20)
        throw new Error(`no end is in sight: ${String(this.seen.at(-1))}`, { cause: this.seen.at(-1) });
      this.#fuse = attempt < kills ? this.random.between(1, 40) : Number.POSITIVE_INFINITY;
      this.#dead = false;
      await this.#attempt(log, lanesOf(), inOrder).catch((error: unknown) => {
        this.seen.push(error);
      });
    }
  }

  async #attempt(log: readonly Delivery[], count: number, inOrder: { until: string | null }): Promise<void> {
    const spec = specOf(count);
    for (const [lane, checkpoint] of this.#checkpoints)
      this.#checkpoints.set(lane, { ...checkpoint, epoch: checkpoint.epoch + 1 });
    const lanes = [...this.#checkpoints].filter(([lane]) => lane > 0).sort(([a], [b]) => a - b);
    const record = this.told(
      this.#division === null
        ? null
        : { division: this.#division, positions: lanes.map(([, { position }]) => position) },
    );
    if (lanes.some(([, { position }]) => numberOf(position) > numberOf(this.position()))) this.ahead += 1;
    const shapes = new Map(TABLES.map((table) => [tableName(table), this.shapeOf(table)]));
    const target = {
      shape: async (schema: string, name: string) => shapes.get(`${schema}.${name}`) ?? null,
      unguardedTriggers: async () => [],
      session: async (_: string, lane = 0) => this.#session(lane),
    } as unknown as TargetPort;
    const tables = new TargetTables({
      ...{ spec: () => spec, target, logsCascades: false, copies: [], known: {}, settled: () => 0 },
    });
    const checkpoint = this.#checkpoints.get(0)!;
    const options = {
      ...{ checkpoint, session: this.#session(0), overlap: null, tables, target, reached: () => undefined },
      strategy: new PlainStrategy(() => spec, tables, false),
      figures: new Figures(() => 0),
      care: { gtid: null, refused: null },
      aside: null,
      passed: () => undefined,
      joined: () => undefined,
      desired: () => ({ spec, generation: 1 }),
      arrivals: null as never,
      unsure: () => undefined,
    };
    const loading = new Loading(options);
    await using writing = new Lanes({
      ...{ spec: () => spec, count, record, loading, target, tables, fkChecks: true, inOrder },
      loadingOf: (session, from) => new Loading({ ...options, session, checkpoint: from }),
      figures: options.figures,
      settled: () => 0,
      reached: () => undefined,
      now: () => (this.random.chance(0.1) ? 10_000 : 0),
      fewRows: 3,
    });
    const signal = new AbortController().signal;
    const from = numberOf(checkpoint.position);
    const feed = new Feed({ rows: this.random.between(1, 12), bytes: 1 << 20 });
    let at = from;
    while (at < log.length) {
      const come = log.slice(at, at + this.random.between(1, 8));
      at += come.length;
      // A reader may get a transaction in parts.
      feed.push(come.flatMap((delivery) => this.#parts(delivery)));
      for (let window = feed.next(); window !== null; window = feed.next()) await writing.apply(window, signal);
    }
    // What is carried out waits for all that came before.
    const end = changesAt(at, []);
    const beat: Delivery = { ...end, kind: 'beat', sentMs: 0, settled: 1 };
    feed.push([beat]);
    for (let window = feed.next(); window !== null; window = feed.next()) await writing.apply(window, signal);
    feed.push([{ ...beat, settled: 0 }]);
    for (let window = feed.next(); window !== null; window = feed.next()) await writing.apply(window, signal);
  }

  #parts(delivery: Delivery): Delivery[] {
    if (delivery.kind !== 'changes' || delivery.changes.length < 2 || this.random.chance(0.7)) return [delivery];
    const cut = this.random.between(1, delivery.changes.length - 1);
    return [
      { ...delivery, last: false, changes: delivery.changes.slice(0, cut) },
      { ...delivery, first: false, changes: delivery.changes.slice(cut) },
    ];
  }

  /** A connection is served when its turn comes; the node may be killed before that, or before it hears of it. */
  async #served<T>(work: () => T): Promise<T> {
    for (let turns = this.random.between(0, 6); turns > 0; turns -= 1) await Promise.resolve();
    if (this.#dead) throw new Killed('killed before');
    this.#fuse -= 1;
    const killed = this.#fuse === 0;
    if (killed) this.#dead = true;
    if (killed && this.random.chance(0.5)) throw new Killed('killed on its way');
    const result = work();
    if (killed) throw new Killed('killed when it was done');
    return result;
  }

  #session(lane: number): LoadSession {
    let pending: { from: Checkpoint; to: Checkpoint; writes: Write[]; record: (() => void) | null } | null = null;
    const commit = (): void => {
      const { from, to, writes, record } = pending!;
      pending = null;
      const now = this.#checkpoints.get(lane);
      if (now === undefined || now.seq !== from.seq || now.epoch !== from.epoch)
        throw new OtterError('OT5001', 'somebody else owns it', { retry: 'backoff' });
      const rows = fresh(this.rows);
      try {
        for (const write of writes) if (write.kind !== 'fk-checks') written(rows, write);
      } catch (error) {
        throw new DuplicateKey(error);
      }
      this.rows = rows;
      this.#checkpoints.set(lane, to);
      record?.();
      if (lane > 0) this.divided += 1;
    };
    const counts = { missing: 0, absent: 0 };
    const begin: LoadSession['begin'] = (_, __, from, to, writes) =>
      this.#served(() => {
        pending = { from, to, writes: [...writes], record: null };
        return counts;
      });
    return {
      ...{ careful: false, rowByRow: false, begin, prepare: () => undefined },
      apply: (_, __, from, to, writes) =>
        this.#served(() => {
          pending = { from, to, writes: [...writes], record: null };
          commit();
          return counts;
        }),
      write: async (writes) => {
        pending!.writes.push(...writes);
        return counts;
      },
      recordLanes: async (_, record) => {
        pending!.record = () => {
          for (const known of [...this.#checkpoints.keys()]) if (known > 0) this.#checkpoints.delete(known);
          this.#division = record?.division ?? null;
          for (let each = 1; each <= (record?.count ?? 0); each += 1)
            this.#checkpoints.set(each, this.#checkpoints.get(0)!);
        };
      },
      commit: () => this.#served(commit),
      rollback: async () => {
        pending = null;
      },
      [Symbol.asyncDispose]: async () => undefined,
    } as Partial<LoadSession> as LoadSession;
  }
}

export function written(rows: Tables, write: Exclude<Write, { kind: 'fk-checks' }>): void {
  const name = tableName(write.table.target);
  const table = rows.get(name)!;
  const refuse = (broken: boolean): void => {
    if (broken) throw new Error('a foreign key is not kept');
  };
  table.apply([write]);
  const parents = rows.get('shop.parent')!.rows.map(([id]) => id);
  if (name === 'shop.child' || name === 'shop.parent')
    refuse(rows.get('shop.child')!.rows.some(([, parent]) => !parents.includes(parent!)));
}

export function numberOf(position: string): number {
  return Number(position.split('-').at(-1));
}

export function specOf(lanes: number): PipelineSpec {
  const channel: ChannelSpec = {
    ...{ direction: { kind: 'one-way', from: ['a'], to: ['b'] }, conflict: null, initial: 'none', existing: 'refuse' },
    ...{ ddl: 'stop', onError: 'stop', apply: { lanes, atomic: false }, enabled: true, inert: {} },
    tables: [{ from: 'shop.*', to: null, columns: { only: null, omit: [], rename: {} }, conflict: null }],
  };
  return compileChannel('shop', channel)[0]!;
}

export function sorted(rows: Tables): Record<string, string[]> {
  return Object.fromEntries([...rows].map(([name, table]) => [name, table.rows.map((row) => row.join()).sort()]));
}
