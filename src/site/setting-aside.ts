/**
 * A transaction of the source written change by change, where the target refuses one of them or something waits already: what is
 * refused for what its row holds, and what may not go before something that waits, becomes a dead letter in the same transaction.
 *
 * Rule kept: the rest of the transaction, the letters and the checkpoint commit together, so a change is applied or set aside
 * exactly once. What is refused for any other reason stops the pipeline.
 */
import { LETTERS_MAX } from '../model/dead-letter.ts';
import { messageOf, OtterError } from '../model/error.ts';
import { DuplicateKey, type LoadSession, type LoadTable, RowRefused } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type Delivery, tableName } from '../model/row.ts';
import { named, namedKey } from '../replication/conflict/record.ts';
import { Parked, type Touch } from '../replication/parking.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Applied, PlainStrategy, Single } from './load.ts';

export interface SettingAsideOptions {
  readonly spec: () => PipelineSpec;
  readonly letters: DeadLetters;
  readonly strategy: PlainStrategy;
  readonly session: LoadSession;
  readonly now: () => number;
}

export class SettingAside {
  readonly #options: SettingAsideOptions;
  /** Letters of the transaction under way. */
  #fresh: { readonly id: number; readonly table: LoadTable; readonly touch: Touch }[] = [];
  #parked = new Parked();

  constructor(options: SettingAsideOptions) {
    this.#options = options;
  }

  /** Whether what is refused is set aside. */
  get parks(): boolean {
    return this.#options.spec().onError === 'park';
  }

  /** Whether what is refused of these may be. */
  may(deliveries: readonly Delivery[]): boolean {
    return this.parks && this.#options.strategy.mayPark(deliveries);
  }

  /** Whether anything is, or may be. */
  get active(): boolean {
    return this.parks || this.#options.letters.size > 0;
  }

  /** Whether what the deliveries change must wait behind something. */
  async holds(deliveries: readonly Delivery[]): Promise<boolean> {
    const { letters, strategy } = this.#options;
    if (letters.size + this.#parked.size === 0) return false;
    const changes = strategy.changesOf(deliveries);
    if (await letters.hold(changes)) return true;
    if (this.#parked.size === 0) return false;
    await letters.ready(changes);
    return changes.some((change) => this.#parked.before(letters.touch(change)).length > 0);
  }

  /**
   * Writes one by one, in a transaction that has moved the checkpoint.
   * @throws what a session throws, where a change is refused and may not be set aside
   */
  async write(deliveries: readonly Delivery[]): Promise<Applied> {
    const { session, strategy, letters } = this.#options;
    const singles = strategy.singly(deliveries);
    await letters.ready(singles.map(({ change }) => change));
    if (!strategy.mayPark(deliveries)) throw this.#mayNot(singles);
    let rows = 0;
    const counts = { missing: 0, absent: 0 };
    for (const single of singles) {
      const touch = letters.touch(single.change);
      const behind = [...(await letters.before(touch, session)), ...this.#parked.before(touch)];
      if (behind.length > 0) {
        await this.#park(single, touch, null, behind);
        continue;
      }
      await session.mark();
      try {
        const { missing, absent } = await session.write(single.writes);
        counts.missing += missing;
        counts.absent += absent;
        rows += 1;
      } catch (error) {
        if (!this.parks || !isOfRow(error)) throw error;
        await session.undo();
        // What the change had set for itself alone has stayed.
        await session.write(single.restores);
        await this.#park(single, touch, messageOf(error.cause), []);
      }
    }
    return strategy.applied(rows, counts.missing, counts.absent);
  }

  /** A part of a transaction that comes in pieces: as a whole if that goes, else change by change. */
  async piece(deliveries: readonly Delivery[]): Promise<Applied> {
    const { session, strategy } = this.#options;
    if (await this.holds(deliveries)) return this.#carefully(deliveries);
    await session.mark();
    try {
      return await strategy.more(session, deliveries);
    } catch (error) {
      if (!isRefusal(error) || !this.may(deliveries)) throw error;
      await session.undo();
      return this.#carefully(deliveries);
    }
  }

  async #carefully(deliveries: readonly Delivery[]): Promise<Applied> {
    const { session } = this.#options;
    const { careful } = session;
    session.careful = true;
    session.rowByRow = true;
    const applied = await this.write(deliveries);
    session.careful = careful;
    session.rowByRow = false;
    return applied;
  }

  /** @throws OtterError OT5080 where something waits of these tables of the source, of which a change is next */
  async refuse(tables: readonly string[]): Promise<void> {
    const { letters, spec, session } = this.#options;
    if (!tables.some((table) => letters.has(table))) return;
    // It may have been settled since.
    await letters.refresh(session);
    const waiting = tables.find((table) => letters.has(table));
    if (waiting === undefined) return;
    throw lettersInTheWay(spec().name, waiting, 'a change of the table is next');
  }

  /** The transaction is durable. */
  committed(): void {
    for (const { id, table, touch } of this.#fresh) this.#options.letters.add(id, table, touch);
    this.ended();
  }

  /** It is over. */
  ended(): void {
    if (this.#fresh.length === 0) return;
    this.#fresh = [];
    this.#parked = new Parked();
  }

  /** Something waits of a table of which nothing may be written change by change: it has become so since. */
  #mayNot(singles: readonly Single[]): OtterError {
    const { name } = this.#options.spec();
    const tables = [...new Set(singles.map(({ change }) => tableName(change.table.target)))].join(', ');
    return lettersInTheWay(name, tables, 'its key takes two rows of the source for one');
  }

  async #park(
    { change, delivery: { gtid, position }, checks }: Single,
    touch: Touch,
    error: string | null,
    behind: readonly number[],
  ): Promise<void> {
    const { session, letters, spec, now } = this.#options;
    const { name, channel } = spec();
    if (letters.size + this.#fresh.length >= LETTERS_MAX) throw tooMany(name);
    const { table, kind, before, after } = change;
    const id = await session.park({
      pipeline: name,
      channel,
      sourceTable: tableName(table.source),
      table: { schema: table.target.schema, name: table.target.name },
      kind,
      key: namedKey(table, (before ?? after)!),
      before: before && named(table, before),
      after: after && named(table, after),
      checks,
      gtid,
      position,
      error,
      behind,
      parkedMs: now(),
    });
    this.#fresh.push({ id, table, touch });
    this.#parked.add(id, touch);
  }
}

/** Whether the server refused what a row or its table holds, and would do so again. */
export function isRefusal(error: unknown): error is Refusal {
  if (error instanceof DuplicateKey || error instanceof RowRefused) return true;
  return error instanceof OtterError && error.code === 'OT4006';
}

export type Refusal = OtterError | DuplicateKey | RowRefused;

/** Refused for what the row holds, or what others hold. */
function isOfRow(error: unknown): error is DuplicateKey | RowRefused {
  return error instanceof DuplicateKey || (error instanceof RowRefused && error.ofRow);
}

function tooMany(pipeline: string): OtterError {
  return new OtterError('OT5081', `${pipeline} has ${LETTERS_MAX} dead letters, and sets no more aside`, {
    where: { pipeline },
    hint: `See what is wrong with them: otter deadletter list ${pipeline.replace('>', ':')}`,
  });
}

/** @param why nothing goes on before they are settled */
export function lettersInTheWay(pipeline: string, what: string, why: string): OtterError {
  return new OtterError('OT5080', `${what} has dead letters, and ${why}`, {
    where: { pipeline },
    hint: `Settle them, the pipeline then goes on by itself: otter deadletter retry ${pipeline.replace('>', ':')}`,
  });
}
