/**
 * How a window becomes one target transaction where the target has no say: one-way, and what comes from the serialiser.
 * (Where it has one, see `judge.ts`.)
 */
import type { ConflictLogLevel, ConflictRecord } from '../model/conflict.ts';
import type { KeyChecks } from '../model/dead-letter.ts';
import { UnreachableError } from '../model/error.ts';
import type { Checkpoint, LoadSession, LoadTable, Write } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { DryCounts } from '../model/records.ts';
import { type Delivery, type Image, type RowChange, type TableShape, tableName } from '../model/row.ts';
import { cascades } from '../replication/cascades.ts';
import { mayMerge, refuseMerged } from '../replication/key-fit.ts';
import { keyText } from '../replication/load-table.ts';
import { isOracle } from '../replication/oracle-fit.ts';
import {
  changesByTable,
  type ExtrasOf,
  fates,
  inTurn,
  type LoadChange,
  movedKeys,
  oneWayWrites,
  placingWrites,
  replacedRows,
} from '../replication/window.ts';
import type { TargetTables } from './tables.ts';

export interface Applied {
  readonly rows: number;
  /** Absent: it is still to be committed. */
  readonly committed?: true;
  readonly conflicts: number;
  /** The same by the name of the table here; absent when there are none. */
  readonly conflictTables?: ReadonlyMap<string, number>;
  /** By `kind winner`; absent when there are none. */
  readonly outcomes?: ReadonlyMap<string, number>;
  /** Rows that were not as the log said. */
  readonly drift: number;
  /** By the name of the table here, where nothing is written. */
  readonly dry?: ReadonlyMap<string, DryCounts>;
}

export interface Attempt {
  /** Nothing more of the transaction will follow. */
  readonly closes: boolean;
  /** Nothing else is written in the transaction: it may be committed with its last write. */
  readonly alone: boolean;
  /** Tried before, and met a duplicate that may have come from a user's write in between. */
  readonly again: boolean;
}

/** One change, as it is written by itself. */
export interface Single {
  readonly change: LoadChange;
  readonly delivery: Delivery;
  readonly checks: KeyChecks;
  readonly writes: readonly Write[];
  /** Writes that leave the session as it was before, when the others have failed. */
  readonly restores: readonly Write[];
}

/** Applies windows, each in a transaction of its own, or a large transaction in pieces. */
export interface Strategy {
  /** Begins a transaction that moves the checkpoint, and writes. Does not commit, unless it may and says so. */
  begin(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    attempt: Attempt,
  ): Promise<Applied>;
  /**
   * The whole of a transaction that is written while the one before may still be being committed (`behind`), and is itself being
   * committed when this returns; null: not in this way, and nothing is done.
   */
  ahead?(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    behind: boolean,
  ): Promise<{ readonly applied: Applied; readonly committed: Promise<void> } | null>;
  /** Whatever can be made of deliveries before those ahead of them are applied, for a `begin` with the same array. */
  prepare?(session: LoadSession, deliveries: readonly Delivery[]): void;
  /** More of the same transaction. */
  more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied>;
  /** What must happen before the commit. */
  end(session: LoadSession): Promise<void>;
  /** The transaction is durable. */
  committed(to: Checkpoint): void;
  /** It is over, however it ended. */
  ended(): void;
}

/** What was made ahead, and of what. */
interface Prepared {
  readonly deliveries: readonly Delivery[];
  readonly spec: PipelineSpec;
  readonly tables: ReadonlyMap<TableShape, LoadTable>;
  readonly changes: readonly LoadChange[];
  readonly writes: readonly Write[];
}

export class PlainStrategy implements Strategy {
  readonly #tables: TargetTables;
  readonly #spec: () => PipelineSpec;
  readonly #fkChecks: boolean;
  #prepared: Prepared | null = null;

  /** `logsCascades`: the source logs child rows, so the target must not cascade a second time. */
  constructor(spec: () => PipelineSpec, tables: TargetTables, logsCascades: boolean) {
    this.#spec = spec;
    this.#tables = tables;
    this.#fkChecks = spec().role === 'one-way' && !logsCascades;
  }

  async begin(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    { again, alone }: Attempt,
  ): Promise<Applied> {
    // A delete of an absent key locks it only under repeatable read; without, a user's insert may slip in before ours.
    const isolation = again ? 'repeatable read' : 'read committed';
    const prepared = this.#madeOf(deliveries);
    const changes = prepared?.changes ?? this.#changes(deliveries);
    const replaced = this.#replaced(deliveries, changes);
    if (prepared !== null || (replaced.length === 0 && this.#watched(deliveries, changes).length === 0)) {
      const writes = prepared?.writes ?? this.#writes(deliveries, changes);
      const { missing, absent } = alone
        ? await session.apply(isolation, this.#fkChecks, from, to, writes)
        : await session.begin(isolation, this.#fkChecks, from, to, writes);
      const applied = this.applied(changes.length, missing, absent);
      return alone ? { ...applied, committed: true } : applied;
    }
    await session.begin(isolation, this.#fkChecks, from, to, []);
    return this.#replace(session, deliveries, changes);
  }

  async ahead(
    session: LoadSession,
    from: Checkpoint,
    to: Checkpoint,
    deliveries: readonly Delivery[],
    behind: boolean,
  ): ReturnType<NonNullable<Strategy['ahead']>> {
    if (this.#spec().role !== 'one-way') return null;
    const prepared = this.#madeOf(deliveries);
    const changes = prepared?.changes ?? this.#changes(deliveries);
    if (prepared === null && this.#watched(deliveries, changes).length > 0) return null;
    const writes = prepared?.writes ?? this.#writes(deliveries, changes);
    const written = await session.applyAhead(behind, 'read committed', this.#fkChecks, from, to, writes);
    if (written === null) {
      // It is of use still to who writes it otherwise.
      this.#prepared = prepared;
      return null;
    }
    const { missing, absent, committed } = written;
    return { applied: this.applied(changes.length, missing, absent), committed };
  }

  prepare(session: LoadSession, deliveries: readonly Delivery[]): void {
    this.#prepared = null;
    const spec = this.#spec();
    // What is written while rows are copied hangs on which are there.
    if (spec.role !== 'one-way' || this.#tables.copying) return;
    if (!deliveries.every(({ kind }) => kind === 'changes' || kind === 'beat')) return;
    const tables = new Map<TableShape, LoadTable>();
    for (const delivery of deliveries)
      for (const { table } of delivery.kind === 'changes' ? delivery.changes : []) {
        if (tables.has(table)) continue;
        const known = this.#tables.known(table);
        if (known === null) return;
        tables.set(table, known);
      }
    const changes = this.#changes(deliveries);
    if (this.#watched(deliveries, changes).length > 0) return;
    const writes = this.#writes(deliveries, changes);
    this.#prepared = { deliveries, spec, tables, changes, writes };
    session.prepare(writes);
  }

  /** What was prepared, if nothing it hangs on has changed since. */
  #madeOf(deliveries: readonly Delivery[]): Prepared | null {
    const prepared = this.#prepared;
    if (prepared?.deliveries !== deliveries) return null;
    this.#prepared = null;
    const { spec, tables } = prepared;
    const same = [...tables].every(([shape, table]) => this.#tables.known(shape) === table);
    return same && spec === this.#spec() && !this.#tables.copying ? prepared : null;
  }

  async more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    return this.#replace(session, deliveries, this.#changes(deliveries));
  }

  /** Rows that will be replaced keep the columns that do not travel. */
  async #replace(
    session: LoadSession,
    deliveries: readonly Delivery[],
    changes: readonly LoadChange[],
  ): Promise<Applied> {
    const extras = new Map<string, Image>();
    for (const [table, rows] of this.#replaced(deliveries, changes)) {
      for (const row of await session.lock(table, table.key, rows)) {
        extras.set(`${tableName(table.target)} ${keyText(row, table.key)}`, row.slice(table.columns.length));
      }
    }
    const watched = this.#watched(deliveries, changes);
    for (const [table, list] of watched) {
      const rows = list.flatMap(({ before, after }) => [before, after].filter((image) => image !== null));
      refuseMerged(table, await session.lock(table, table.key, rows), await session.spelled(table, rows), false);
    }
    const moved = new Map([...changesByTable(changes)].map(([table, list]) => [table, movedKeys(table, list)]));
    const of: ExtrasOf = (table, row) => {
      const key = keyText(row, table.key);
      const had = moved.get(table)?.get(key);
      if (had === undefined && table.target.uniques.length === 0) return null;
      return extras.get(`${tableName(table.target)} ${had ?? key}`) ?? null;
    };
    const { missing, absent } = await session.write(this.#writes(deliveries, changes, of));
    const copied = deliveries.some(({ kind }) => kind === 'chunk');
    for (const [table, list] of watched) {
      const rows = [...fates(table, list).values()].flatMap(({ after }) => (after === null ? [] : [after]));
      // What was inserted may be gone again, or have another key, by what a parent did.
      const whole = copied || !this.#fkChecks || !table.source.foreignKeys.some(cascades);
      refuseMerged(table, await session.lock(table, table.key, rows), await session.spelled(table, rows), whole);
    }
    return this.applied(changes.length, missing, absent);
  }

  /** What deliveries change here. */
  changesOf(deliveries: readonly Delivery[]): readonly LoadChange[] {
    return this.#changes(deliveries);
  }

  /** The same, to be written change by change in their order. */
  singly(deliveries: readonly Delivery[]): readonly Single[] {
    return deliveries.flatMap((delivery) => {
      const copied = delivery.kind === 'chunk';
      return this.#changes([delivery]).map((change): Single => {
        const writes = this.#writes([delivery], [change]);
        const restores: Write[] = writes.some(({ kind }) => kind === 'fk-checks')
          ? [{ kind: 'fk-checks', on: this.#fkChecks }]
          : [];
        const off = copied || !change.fkChecks;
        const checks = !this.#fkChecks ? 'off' : off ? 'off-here' : 'on';
        return { change, delivery, checks, writes: [...writes, ...(copied ? restores : [])], restores };
      });
    });
  }

  /** Whether all of it may be written change by change: of some tables it is looked at after a window what became of it. */
  mayPark(deliveries: readonly Delivery[]): boolean {
    return this.#watched(deliveries, this.#changes(deliveries)).length === 0;
  }

  /** Rows in place of which others are written, that keep what does not travel. */
  #replaced(deliveries: readonly Delivery[], changes: readonly LoadChange[]): ReturnType<typeof replacedRows> {
    const places = this.#spec().role !== 'one-way' || deliveries.some(({ kind }) => kind === 'resync');
    return places ? replacedRows(changes) : [];
  }

  async end(): Promise<void> {}

  committed(): void {}

  ended(): void {}

  applied(rows: number, missing: number, absent: number): Applied {
    // Rows that are still to be copied, and rows of the serialiser that are placed, may well be missing.
    const expected = this.#tables.copying || this.#spec().role !== 'one-way';
    return { rows, conflicts: 0, drift: expected ? 0 : missing + absent };
  }

  /** Changes of tables whose key may take two rows of the source for one, or that keep rows which may be in the way of others. */
  #watched(deliveries: readonly Delivery[], changes: readonly LoadChange[]): [LoadTable, LoadChange[]][] {
    const { role, existing } = this.#spec();
    if (role !== 'one-way') return [];
    const keeps = existing === 'keep' && deliveries.some(({ kind }) => kind === 'chunk');
    const isWatched = (table: LoadTable): boolean =>
      mayMerge(table) || (keeps && table.key.length > 0 && table.target.uniques.length > 0);
    // Nearly always there is none, and no change need be looked at for itself.
    if (![...tablesOf(changes)].some(isWatched)) return [];
    return [...changesByTable(changes)].filter(([table]) => isWatched(table));
  }

  #changes(deliveries: readonly Delivery[]): LoadChange[] {
    const changes: LoadChange[] = [];
    for (const delivery of deliveries) {
      // Nearly all of them: no list is made of each.
      if (delivery.kind === 'changes')
        for (const change of delivery.changes) changes.push(loadChange(change, this.#tables.of(change.table)));
      else changes.push(...loadChanges(delivery, this.#tables));
    }
    return changes;
  }

  #writes(deliveries: readonly Delivery[], changes: readonly LoadChange[], extras?: ExtrasOf): Write[] {
    const { role, existing } = this.#spec();
    if (role !== 'one-way') return inTurn(deliveries).flatMap((run) => placingWrites(this.#changes(run), true, extras));
    // What is sent again replaces whatever is there.
    if (deliveries.some(({ kind }) => kind === 'resync'))
      return [{ kind: 'fk-checks', on: false }, ...placingWrites(changes, !changes.some(isOracles), extras)];
    if (!deliveries.some(({ kind }) => kind === 'chunk')) {
      return oneWayWrites(changes, {
        fkChecks: this.#fkChecks,
        copying: this.#tables.copying,
        childrenCopied: (table, orTouched) => this.#tables.childrenCopied(table, orTouched),
      });
    }
    const placed: Write[] =
      existing === 'keep'
        ? [...changesByTable(changes)].map(([table, list]) => ({
            kind: 'ensure',
            table,
            rows: list.map(({ after }) => after!),
          }))
        : placingWrites(changes, false);
    return [{ kind: 'fk-checks', on: false }, ...placed];
  }
}

/** Into which rows are put one by one, and none gives way. */
function isOracles({ table }: LoadChange): boolean {
  return isOracle(table.target);
}

function tablesOf(changes: readonly LoadChange[]): Set<LoadTable> {
  const tables = new Set<LoadTable>();
  let last: LoadTable | null = null;
  for (const { table } of changes) {
    if (table !== last) tables.add(table);
    last = table;
  }
  return tables;
}

/** What a delivery changes, in the target's terms. Answers and copied rows are puts, or deletes of what is not there. */
export function loadChanges(delivery: Delivery, tables: TargetTables): LoadChange[] {
  switch (delivery.kind) {
    case 'changes':
      return delivery.changes.map((change) => loadChange(change, tables.of(change.table)));
    case 'chunk': {
      const table = tables.of(delivery.chunk.table);
      return delivery.chunk.rows.map((after) => ({ kind: 'insert', table, before: null, after, fkChecks: false }));
    }
    case 'resync': {
      const table = tables.of(delivery.table);
      const puts = delivery.rows.map(
        (after): LoadChange => ({
          ...{ kind: 'insert', table, before: null, after, fkChecks: false },
        }),
      );
      return [...puts, ...delivery.absent.map((key) => deletion(delivery.table, table, key))];
    }
    case 'answers':
      return delivery.answers.map(({ table: shape, key, image }) => {
        const table = tables.of(shape);
        if (image !== null) return { kind: 'insert', table, before: null, after: image, fkChecks: false };
        return deletion(shape, table, key);
      });
    case 'beat':
    case 'table':
    case 'definition':
    case 'kept':
      return [];
    default:
      throw new UnreachableError(delivery satisfies never);
  }
}

/** Of the row with this primary key, if there is one. */
function deletion(shape: TableShape, table: LoadTable, key: Image): LoadChange {
  const before = shape.columns.map(() => null as string | null);
  for (const [position, index] of shape.primaryKey.entries()) before[index] = key[position]!;
  return { kind: 'delete', table, before, after: null, fkChecks: false };
}

function loadChange(change: RowChange, table: LoadTable): LoadChange {
  return {
    kind: change.kind,
    table,
    before: change.kind === 'insert' ? null : change.before,
    after: change.kind === 'delete' ? null : change.after,
    fkChecks: change.fkChecks,
  };
}

/** One for each conflict, by the name of its table here. */
export function countTables(tables: readonly LoadTable[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { target } of tables) {
    const name = tableName(target);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Conflicts by `kind winner` as they are recorded; of tables that keep no log nothing is told but how many there were. */
export function countOutcomes(
  records: readonly Pick<ConflictRecord, 'kind' | 'winner'>[],
  contested: readonly LoadTable[],
  levelOf: (table: LoadTable) => ConflictLogLevel,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (outcome: string): unknown => counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  for (const { kind, winner } of records) add(`${kind} ${winner}`);
  for (const table of contested) if (levelOf(table) === 'none') add('unrecorded unrecorded');
  return counts;
}
