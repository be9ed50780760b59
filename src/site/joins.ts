/**
 * What the pipelines into a database have taken down of tables that joined them: the pipelines in the other direction tell by
 * it from where in this database's log on a table counts.
 */
import { type Place, samePlace, type TargetPort } from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { coversGtid, type Position, parsePosition } from '../model/position.ts';
import { countsSince, type TableShape } from '../model/row.ts';
import { mapName, ruleFor } from '../replication/names.ts';
import { placeOf } from '../replication/places.ts';
import type { Outbound } from './outbound.ts';

export interface Join {
  readonly since: string | null;
  readonly place: Place;
}

export interface JoinsOptions {
  readonly target: Pick<TargetPort, 'known' | 'begunTables' | 'cameHere'>;
  /** A pipeline into this database, as the topology has it now. */
  readonly opposite: (pipeline: string) => PipelineSpec | null;
}

export class Joins {
  readonly #options: JoinsOptions;
  /** By pipeline into this database and source table: since when it counts, see `KnownTable`, and where it went then. */
  readonly #byPipeline = new Map<string, Map<string, Join>>();
  readonly #positions = new Map<string, Position>();

  constructor(options: JoinsOptions) {
    this.#options = options;
  }

  /** Null: it left. */
  joined(pipeline: string, table: string, join: Join | null): void {
    const joins = this.#of(pipeline);
    if (join === null) joins.delete(table);
    else joins.set(table, join);
  }

  /** No table has joined. */
  begins(pipeline: string): void {
    this.#byPipeline.delete(pipeline);
  }

  #of(pipeline: string): Map<string, Join> {
    let joins = this.#byPipeline.get(pipeline);
    if (joins === undefined) {
      joins = new Map();
      this.#byPipeline.set(pipeline, joins);
    }
    return joins;
  }

  /** What was recorded when nobody here looked on. */
  async recall(pipeline: string): Promise<void> {
    const { target } = this.#options;
    // First what was begun: in between it may be recorded.
    const begun = Object.entries(await target.begunTables(pipeline));
    const recorded = Object.entries(await target.known(pipeline));
    const joins = this.#of(pipeline);
    for (const [table, { since, place }] of recorded)
      if (!joins.has(table)) joins.set(table, { since: countsSince(since), place });
    // Users may write to it since it is there.
    for (const [table, join] of begun) if (!joins.has(table)) joins.set(table, join);
  }

  /** From where on what is written to a table here counts, as `KnownTable.since`; undefined: not yet. */
  since(
    outbound: Pick<Outbound, 'spec' | 'ruleOf' | 'leaves'>,
    { schema, name }: Pick<TableShape, 'schema' | 'name'>,
  ): string | null | undefined {
    const rule = outbound.ruleOf(schema, name);
    if (rule === null) return null;
    const there = mapName(rule, schema, name);
    const by = outbound.spec.joinsBy!;
    const join = this.#of(by).get(`${there.schema}.${there.table}`);
    // Once it has left in the other direction too, there is nothing that could be told of it.
    if (outbound.leaves(schema, name)) return join === undefined && !outbound.spec.reverseCopies ? null : join?.since;
    const opposite = this.#options.opposite(by);
    if (join === undefined || opposite === null) return undefined;
    // What was taken down when the table went elsewhere, or was here before, says nothing of now.
    const now = placeOf(opposite, there.schema, there.table);
    return now !== null && samePlace(now, join.place) ? join.since : undefined;
  }

  /** Whether what is done to the table in this transaction is carried by the pipeline; true as long as that is not known. */
  carries(spec: PipelineSpec, table: Pick<TableShape, 'schema' | 'name'>, gtid: string): boolean {
    const joinsLate = spec.joinsLate && (placeOf(spec, table.schema, table.name)?.stay ?? 0) > 0;
    if (!spec.reverseCopies && !joinsLate) return true;
    const ruleOf = (schema: string, name: string): TableRule | null => ruleFor(spec.tables, schema, name);
    const since = this.since({ spec, ruleOf, leaves: () => false }, table);
    return typeof since !== 'string' || !coversGtid(this.#parsed(since), gtid);
  }

  #parsed(since: string): Position {
    let position = this.#positions.get(since);
    if (position === undefined) {
      position = parsePosition(since);
      this.#positions.set(since, position);
    }
    return position;
  }

  /** The opposite pipeline recorded the table as whole when it made it here, or is making it; see `Arrivals.join`. */
  async cameBack(
    outbound: Outbound,
    { schema, name }: { readonly schema: string; readonly name: string },
  ): Promise<boolean> {
    const { reverse, role } = outbound.spec;
    const rule = outbound.ruleOf(schema, name);
    if (reverse === null || role !== 'from-serialiser' || rule === null) return false;
    const there = mapName(rule, schema, name);
    return this.#options.target.cameHere(reverse, `${there.schema}.${there.table}`);
  }
}
