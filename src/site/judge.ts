/**
 * The serialiser's side of a two-way pipeline: keeps the index of recent writes from its own log, and applies the
 * spoke's windows by the rules of `replication/conflict`.
 *
 * Write first and check after: every row is written, so every lock is held; then the reader of this site's log must
 * pass the log's end (the barrier), and the index says whether anybody wrote what the window touches unseen by the
 * spoke. If so everything is rolled back and decided change by change, with locks on absent keys too.
 */

import { OtterError } from '../model/error.ts';
import { type Checkpoint, DuplicateKey, type LoadSession, type TargetPort } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Logger } from '../model/ports.ts';
import { covers, type Position, parsePosition } from '../model/position.ts';
import type { Delivery, Image, TableShape } from '../model/row.ts';
import { decide, type Refusal } from '../replication/conflict/decide.ts';
import { firstConflict } from '../replication/conflict/detect.ts';
import { footprint } from '../replication/conflict/footprint.ts';
import { LockKeys } from '../replication/conflict/keys.ts';
import { optimisticWrites } from '../replication/conflict/optimistic.ts';
import { RecentWrites } from '../replication/conflict/recent.ts';
import { type Claim, Tokens } from '../replication/conflict/tokens.ts';
import { type Applied, type Attempt, loadChanges, type Strategy } from './load.ts';
import type { LogListener, LogReader, ReadPart } from './reader.ts';
import { SortKeys } from './sort-keys.ts';
import type { TargetTables } from './tables.ts';

export interface IndexOptions {
  /** The pipeline from the spoke, whose changes are judged. */
  readonly pipeline: string;
  /** The pipeline to the spoke. */
  readonly reverse: string;
  /** Whether the channel has the table, by its name here. */
  readonly routes: (schema: string, table: string) => boolean;
  readonly target: TargetPort;
  readonly limitBytes: number;
}

export class SerialiserIndex implements LogListener {
  readonly keys: LockKeys;
  readonly #options: IndexOptions;
  readonly #sortKeys: SortKeys;
  #recent: RecentWrites | null = null;
  #since: Position | null = null;

  constructor(options: IndexOptions) {
    this.#options = options;
    this.#sortKeys = new SortKeys(options.target);
    this.keys = new LockKeys(this.#sortKeys.fold);
  }

  /** @throws OtterError OT5019 when it has outgrown its memory. */
  get recent(): RecentWrites {
    const recent = this.#recent;
    if (recent === null || recent.full) {
      this.#since = null;
      throw new OtterError(
        'OT5019',
        `the writes that ${this.#options.pipeline} has not seen no longer fit into ${this.#options.limitBytes} bytes`,
        {
          where: { pipeline: this.#options.pipeline },
          hint: 'Raise OTTER_INDEX_BYTES on the node and restart it.',
        },
      );
    }
    return recent;
  }

  /** Whether everything since `position` is in here, or was evicted with reason. */
  reachesBackTo(position: string): boolean {
    return this.#since !== null && covers(parsePosition(position), this.#since);
  }

  /** Empty, noting everything behind `position`. */
  begin(position: string): void {
    this.#since = parsePosition(position);
    this.#recent = new RecentWrites({ from: this.#since, limitBytes: this.#options.limitBytes });
  }

  part(part: ReadPart): void | Promise<void> {
    if (this.#recent === null) return;
    const { pipeline, reverse, routes } = this.#options;
    for (const row of part.own) {
      if (row.kind === 'answer' && row.pipeline === pipeline) this.#recent.note(part.gtid, 'answer', row.locks);
      if (row.kind === 'watermark' && row.pipeline === reverse && row.level === 'high')
        this.#recent.note(part.gtid, 'chunk', row.keys);
    }
    if (part.mark === pipeline) return;
    const changes = part.changes.filter(({ table }) => routes(table.schema, table.name));
    if (changes.length === 0) return;
    const note = (): void => {
      for (const change of changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        this.#recent?.note(part.gtid, 'local', this.keys.touched(change.table, before, after));
      }
    };
    const learning = this.learn(
      changes.flatMap(({ table, ...change }) => images(change).map((image) => ({ table, image }))),
    );
    return learning === null ? note() : learning.then(note);
  }

  statement(): void {}

  broken(): void {}

  rewound(): void {
    // What was noted is skipped by its position when it comes again.
  }

  room(): null {
    return null;
  }

  /** Lock keys of rows about to be copied, for the high watermark. */
  async lockKeysOf(table: TableShape, rows: readonly Image[]): Promise<readonly string[]> {
    await this.learn(rows.map((image) => ({ table, image })));
    return rows.flatMap((image) => this.keys.touched(table, null, image));
  }

  /** Sort keys of all texts that lock keys of these rows need; null when they are known. */
  learn(
    rows: readonly { readonly table: Parameters<LockKeys['row']>[0]; readonly image: Image }[],
  ): Promise<void> | null {
    const byTable = new Map<Parameters<LockKeys['row']>[0], Image[]>();
    for (const { table, image } of rows) {
      const list = byTable.get(table);
      if (list === undefined) byTable.set(table, [image]);
      else list.push(image);
    }
    const asked = [...byTable].flatMap(([table, list]) => {
      const key = 'target' in table ? table.key : table.primaryKey;
      const columns = [...new Set([...key, ...table.uniques.flatMap((unique) => unique.columns)])];
      return this.#sortKeys.learn(table.columns, columns, list) ?? [];
    });
    return asked.length === 0 ? null : Promise.all(asked).then(() => undefined);
  }
}

export interface JudgingOptions {
  readonly index: SerialiserIndex;
  readonly reader: LogReader;
  readonly spec: PipelineSpec;
  /** Sees to it that the index holds everything since the position. */
  readonly indexSince: (position: string) => Promise<void>;
  readonly logger: Logger;
}

/** How long locks are held while the reader catches up with the log's end. */
const BARRIER_MS = 1_000;
/** Changes of a transaction in pieces that are kept for deciding it again; above, it is sent again. */
const KEPT_BYTES = 64 << 20;

export function judging(options: JudgingOptions): (tables: TargetTables, checkpoint: Checkpoint) => Promise<Strategy> {
  /** Transactions too large to keep that met a conflict: decided piece by piece when they come again. */
  const disputed = new Set<string>();
  return async (tables, checkpoint) => {
    const seen = checkpoint.seen[options.spec.reverse!];
    if (seen === undefined)
      throw new Error(`the checkpoint of ${options.spec.name} does not say what the spoke had seen`);
    await options.indexSince(seen);
    return new JudgingStrategy(options, tables, disputed);
  };
}

class JudgingStrategy implements Strategy {
  readonly #options: JudgingOptions;
  readonly #tables: TargetTables;
  readonly #tokens: Tokens;
  readonly #disputed: Set<string>;
  /** The transaction in pieces that is under way. */
  #open: { gtid: string; claims: Claim[]; bytes: number; deciding: boolean; refusedLocks: ReadonlySet<string> } | null =
    null;

  constructor(options: JudgingOptions, tables: TargetTables, disputed: Set<string>) {
    this.#options = options;
    this.#tables = tables;
    this.#disputed = disputed;
    this.#tokens = new Tokens(options.spec.reverse!);
  }

  async begin(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    { closes }: Attempt,
  ): Promise<Applied> {
    const claims = await this.#claims(deliveries, from);
    if (!closes) return await this.#beginPieces(session, from, to, deliveries, claims);
    this.#open = null;
    if (claims.length === 0) {
      await session.begin('read committed', false, from, to, []);
      return { rows: 0, conflicts: 0, drift: 0 };
    }
    try {
      const { missing } = await session.begin(
        'read committed',
        false,
        from,
        to,
        optimisticWrites(claims.map(({ change }) => change)),
      );
      await this.#barrier(session);
      if (missing === 0 && firstConflict(claims, this.#options.index.keys, this.#options.index.recent) === null) {
        return { rows: claims.length, conflicts: 0, drift: 0 };
      }
    } catch (error) {
      if (!(error instanceof DuplicateKey)) throw error;
    }
    await session.rollback();
    await session.begin('repeatable read', false, from, to, []);
    return await this.#decide(session, claims);
  }

  async more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    const open = this.#open!;
    const claims = await this.#claims(deliveries, null);
    if (open.deciding) return await this.#decide(session, claims);
    await this.#writePiece(session, claims, bytesOf(deliveries));
    return { rows: claims.length, conflicts: 0, drift: 0 };
  }

  async end(session: LoadSession): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null || open.deciding) return;
    await this.#barrier(session);
    if (firstConflict(open.claims, this.#options.index.keys, this.#options.index.recent) !== null)
      throw this.#again(open.gtid);
  }

  committed(to: Checkpoint): void {
    this.#options.index.recent.evict(this.#tokens.of(to.seen));
  }

  async #beginPieces(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    claims: Claim[],
  ): Promise<Applied> {
    const { gtid } = deliveries[0]!;
    const deciding = this.#disputed.has(gtid);
    this.#open = { gtid, claims: [], bytes: 0, deciding, refusedLocks: new Set() };
    if (deciding) {
      await session.begin('repeatable read', false, from, to, []);
      return await this.#decide(session, claims);
    }
    await session.begin('read committed', false, from, to, []);
    await this.#writePiece(session, claims, bytesOf(deliveries));
    return { rows: claims.length, conflicts: 0, drift: 0 };
  }

  async #writePiece(session: LoadSession, claims: readonly Claim[], bytes: number): Promise<void> {
    const open = this.#open!;
    const { index } = this.#options;
    try {
      const { missing } = await session.write(optimisticWrites(claims.map(({ change }) => change)));
      if (missing > 0) throw this.#again(open.gtid);
    } catch (error) {
      if (error instanceof DuplicateKey) throw this.#again(open.gtid);
      throw error;
    }
    open.bytes += bytes;
    if (open.bytes <= KEPT_BYTES) {
      open.claims.push(...claims);
      return;
    }
    // Too much to keep: judge what is written now, its locks are held.
    open.claims.push(...claims);
    await this.#barrier(session);
    if (firstConflict(open.claims, index.keys, index.recent) !== null) throw this.#again(open.gtid);
    open.claims = [];
    open.bytes = 0;
  }

  /** The transaction is rolled back, comes again from the source, and is then decided piece by piece. */
  #again(gtid: string): OtterError {
    this.#disputed.add(gtid);
    return new OtterError(
      'OT5025',
      `transaction ${gtid} of ${this.#options.spec.source} met a conflict and is decided anew`,
      {
        where: { pipeline: this.#options.spec.name, transaction: gtid },
        retry: 'backoff',
      },
    );
  }

  async #decide(session: LoadSession, claims: readonly Claim[]): Promise<Applied> {
    const { index, spec, logger } = this.#options;
    const present: { table: (typeof claims)[number]['change']['table']; image: Image }[] = [];
    for (const { table, columns, rows } of footprint(claims.map(({ change }) => change))) {
      for (const image of await session.lock(table, columns, rows)) present.push({ table, image });
    }
    await index.learn(present);
    await this.#barrier(session);
    const verdict = decide({
      pipeline: spec.name,
      claims,
      present,
      keys: index.keys,
      recent: index.recent,
      ...(this.#open === null ? {} : { refusedBefore: this.#open.refusedLocks }),
    });
    if (this.#open !== null) this.#open.refusedLocks = verdict.refusedLocks;
    await session.write(verdict.writes);
    await session.answer(spec.name, verdict.answers);
    for (const refusal of verdict.refused) logger.info('change refused', describe(refusal));
    return {
      rows: claims.length - verdict.refused.length,
      conflicts: verdict.refused.length,
      drift: verdict.drift.length,
    };
  }

  /** @throws OtterError OT5018 when this site's own reader does not catch up in time; the window is tried again. */
  async #barrier(session: LoadSession): Promise<void> {
    const { reader, spec } = this.#options;
    if (await reader.passed(await session.logEnd(), BARRIER_MS)) return;
    throw new OtterError('OT5018', `the log reader of ${spec.target} has not passed the end of its log`, {
      where: { pipeline: spec.name },
      retry: 'backoff',
    });
  }

  async #claims(deliveries: readonly Delivery[], from: Checkpoint | null): Promise<Claim[]> {
    const { index, spec } = this.#options;
    const claims: Claim[] = [];
    for (const delivery of deliveries) {
      // Before the spoke has applied anything it has seen what the first checkpoint says.
      const seen = delivery.seen[spec.reverse!] === undefined && from !== null ? from.seen : delivery.seen;
      const token = this.#tokens.of(seen);
      for (const change of loadChanges(delivery, this.#tables)) claims.push({ change, token });
    }
    await index.learn(
      claims.flatMap(({ change: { table, before, after } }) =>
        [before, after].flatMap((image) => (image === null ? [] : [{ table, image }])),
      ),
    );
    return claims;
  }
}

function images(change: { readonly before?: Image; readonly after?: Image }): Image[] {
  return [change.before, change.after].filter((image) => image !== undefined);
}

function bytesOf(deliveries: readonly Delivery[]): number {
  return deliveries.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Names and reasons; no values but the key's own table. */
function describe({ claim, reason }: Refusal): Record<string, string> {
  const { table, kind } = claim.change;
  return { table: `${table.target.schema}.${table.target.name}`, change: kind, reason };
}
