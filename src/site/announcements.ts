/**
 * The tables that a pipeline's target has been told of, as its source knows them.
 *
 * Rule kept: a table counts as told only when the caller says so, in the same breath in which it queues the
 * announcement; whatever is handed on in between must not find it told and not queued.
 */
import type { PipelineSpec } from '../model/pipeline.ts';
import type { SourcePort } from '../model/ports.ts';
import { type AnnouncedTable, type RowChange, type TableShape, tableName } from '../model/row.ts';
import type { Routes } from './routes.ts';

export interface AnnouncementsOptions {
  readonly spec: () => PipelineSpec;
  readonly source: SourcePort;
  readonly routes: Routes;
  /** Whether the table came into being at the target and was made here by the opposite pipeline: nothing is to be copied. */
  readonly cameBack: (table: TableShape) => Promise<boolean>;
}

export class Announcements {
  readonly #options: AnnouncementsOptions;
  readonly #told = new Map<string, TableShape>();

  constructor(options: AnnouncementsOptions) {
    this.#options = options;
  }

  get(name: string): TableShape | undefined {
    return this.#told.get(name);
  }

  ofSchema(schema: string): TableShape[] {
    return [...this.#told.values()].filter((table) => table.schema === schema);
  }

  told(table: TableShape): void {
    this.#told.set(tableName(table), table);
  }

  /** Forgets tables that the pipeline has no more, and returns their names. */
  forgetLeft(): readonly string[] {
    const left = [...this.#told].filter(([, { schema, name }]) => this.#options.routes.ruleOf(schema, name) === null);
    for (const [name] of left) this.#told.delete(name);
    return left.map(([name]) => name);
  }

  /** Tables of these changes that travel and were not told, or not in this shape. */
  missing(changes: readonly RowChange[]): TableShape[] {
    let news: TableShape[] | null = null;
    let last: TableShape | null = null;
    for (const { table } of changes) {
      if (table === last) continue;
      last = table;
      if (
        this.#options.routes.of(table) === null ||
        this.#told.get(tableName(table)) === table ||
        news?.includes(table)
      )
        continue;
      news ??= [];
      news.push(table);
    }
    return news ?? [];
  }

  /** What to tell, `null` when this shape was told; `copies`: existing rows are to be copied. Null: it does not travel. */
  async of(table: TableShape): Promise<{ announced: AnnouncedTable | null; copies: boolean } | null> {
    const { spec, source, routes, cameBack } = this.#options;
    const route = routes.of(table);
    if (route === null) return null;
    const copies = spec().initial === 'copy' && !(await cameBack(table));
    if (this.#told.get(tableName(table)) === table) return { announced: null, copies };
    const create = await source.createStatements(table, (schema, other) => routes.ruleOf(schema, other) !== null);
    const rowsEstimate = await source.estimateRows(table.schema, table.name);
    return { announced: { table: route.shape, create, copies, rowsEstimate }, copies };
  }
}
