/**
 * How a window becomes one target transaction where the target has no say: one-way, and what comes from the serialiser.
 * (Where it has one, see `judge.ts`.)
 */
import { UnreachableError } from '../model/error.ts';
import type { Checkpoint, LoadSession, LoadTable, Write } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import type { Delivery, RowChange } from '../model/row.ts';
import { type LoadChange, oneWayWrites, placingWrites } from '../replication/window.ts';
import type { TargetTables } from './tables.ts';

export interface Applied {
  readonly rows: number;
  readonly conflicts: number;
  /** Rows that were not as the log said. */
  readonly drift: number;
}

export const NOTHING_APPLIED: Applied = { rows: 0, conflicts: 0, drift: 0 };

/** Applies windows, each in a transaction of its own, or a large transaction in pieces. */
export interface Strategy {
  /** Begins a transaction that moves the checkpoint, and writes. Does not commit. `closes`: nothing more will follow. */
  begin(session: LoadSession, from: Checkpoint, to: Checkpoint, deliveries: readonly Delivery[], closes: boolean): Promise<Applied>;
  /** More of the same transaction. */
  more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied>;
  /** What must happen before the commit. */
  end(session: LoadSession): Promise<void>;
  /** The transaction is durable. */
  committed(to: Checkpoint): void;
}

export class PlainStrategy implements Strategy {
  readonly #tables: TargetTables;
  readonly #spec: () => PipelineSpec;
  readonly #fkChecks: boolean;

  /** `logsCascades`: the source logs child rows, so the target must not cascade a second time. */
  constructor(spec: () => PipelineSpec, tables: TargetTables, logsCascades: boolean) {
    this.#spec = spec;
    this.#tables = tables;
    this.#fkChecks = spec().role === 'one-way' && !logsCascades;
  }

  async begin(session: LoadSession, from: Checkpoint, to: Checkpoint, deliveries: readonly Delivery[]): Promise<Applied> {
    const { writes, rows } = this.#writes(deliveries);
    const { missing, absent } = await session.begin('read committed', this.#fkChecks, from, to, writes);
    return this.#applied(rows, missing, absent);
  }

  async more(session: LoadSession, deliveries: readonly Delivery[]): Promise<Applied> {
    const { writes, rows } = this.#writes(deliveries);
    const { missing, absent } = await session.write(writes);
    return this.#applied(rows, missing, absent);
  }

  async end(): Promise<void> {}

  committed(): void {}

  #applied(rows: number, missing: number, absent: number): Applied {
    // Rows that are still to be copied, and rows of the serialiser that are placed, may well be missing.
    const expected = this.#tables.copying || this.#spec().role !== 'one-way';
    return { rows, conflicts: 0, drift: expected ? 0 : missing + absent };
  }

  #writes(deliveries: readonly Delivery[]): { writes: Write[]; rows: number } {
    const { role, existing } = this.#spec();
    const changes = deliveries.flatMap((delivery) => loadChanges(delivery, this.#tables));
    const rows = changes.length;
    if (role !== 'one-way') return { writes: placingWrites(changes, true), rows };
    if (!deliveries.some(({ kind }) => kind === 'chunk')) {
      return { writes: oneWayWrites(changes, { fkChecks: this.#fkChecks, copying: this.#tables.copying }), rows };
    }
    const placed: Write[] =
      existing === 'keep' ? byTable(changes).map(([table, list]) => ({ kind: 'ensure', table, rows: list.map(({ after }) => after!) })) : placingWrites(changes, false);
    return { writes: [{ kind: 'fk-checks', on: false }, ...placed], rows };
  }
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
    case 'answers':
      return delivery.answers.map(({ table: shape, key, image }) => {
        const table = tables.of(shape);
        if (image !== null) return { kind: 'insert', table, before: null, after: image, fkChecks: false };
        const before = shape.columns.map(() => null as string | null);
        for (const [position, index] of shape.primaryKey.entries()) before[index] = key[position]!;
        return { kind: 'delete', table, before, after: null, fkChecks: false };
      });
    case 'beat':
    case 'table':
      return [];
    default:
      throw new UnreachableError(delivery satisfies never);
  }
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

function byTable(changes: readonly LoadChange[]): [LoadTable, LoadChange[]][] {
  const tables = new Map<LoadTable, LoadChange[]>();
  for (const change of changes) tables.set(change.table, [...(tables.get(change.table) ?? []), change]);
  return [...tables];
}
