/**
 * The tables of one pipeline at its target: matched with what is there, created where missing, and the rule about
 * rows that were there before.
 */
import { OtterError } from '../model/error.ts';
import {
  type CopyState,
  type LoadTable,
  type Place,
  type RecordedTable,
  samePlace,
  type TargetPort,
} from '../model/load.ts';
import { type ConflictRule, leavesOut, type PipelineSpec, SITE_PRIORITY, type TableRule } from '../model/pipeline.ts';
import { type AnnouncedTable, type TableShape, tableName } from '../model/row.ts';
import { cascadeObstacle, filteredParent } from '../replication/cascades.ts';
import { conflictObstacle } from '../replication/conflict-fit.ts';
import { keyObstacle } from '../replication/key-fit.ts';
import { foldedTwoWay } from '../replication/letters.ts';
import { loadTable, rereadObstacle } from '../replication/load-table.ts';
import { mapName, ruleFor } from '../replication/names.ts';
import { isOracle, oracleObstacle } from '../replication/oracle-fit.ts';
import { leavingNamed, placeNamed } from '../replication/places.ts';
import { swayObstacle } from '../replication/sways.ts';
import { engineObstacle } from '../replication/transactional.ts';
import { TwinTables } from '../replication/twin-tables.ts';
import { twoWayObstacle } from '../replication/two-way.ts';
import { weightOf } from '../replication/weights.ts';
import { CopyStates } from './copy-states.ts';
import { refuseUncarried, type UnseenChanges } from './unseen-changes.ts';

export interface TargetTablesOptions {
  readonly spec: () => PipelineSpec;
  readonly target: Pick<TargetPort, 'shape' | 'unguardedTriggers'>;
  readonly logsCascades: boolean;
  readonly copies: readonly CopyState[];
  /** The source tables that were announced up to the checkpoint. */
  readonly known: Readonly<Record<string, RecordedTable>>;
  /** Changes of tables here that the source has not seen yet, where this site decides. */
  readonly changes?: Pick<UnseenChanges, 'count' | 'fills' | 'of'>;
  /** Up to which generation of the channel nothing is to come of tables that left with it. */
  readonly settled: () => number;
}

export class TargetTables {
  readonly #options: TargetTablesOptions;
  readonly #tables = new Map<TableShape, LoadTable>();
  /** To be matched anew before the next window; the one under way goes on with what it began with. */
  readonly #outdated = new Set<TableShape>();
  readonly #copies: CopyStates;
  readonly #known: Map<string, RecordedTable>;
  readonly #twins = new TwinTables();
  /** Another number whenever a table is matched anew, or no more. */
  version = 0;

  constructor(options: TargetTablesOptions) {
    this.#options = options;
    this.#copies = new CopyStates(options.copies);
    this.#known = new Map(Object.entries(options.known));
  }

  /** How the copies of all tables stand. */
  get copies(): readonly CopyState[] {
    return this.#copies.all;
  }

  /** True while existing rows of some table are not all here. */
  get copying(): boolean {
    return this.#copies.copying;
  }

  /** The tables of these shapes, of which rows come, matched; quick when all are known. */
  async resolve(shapes: Iterable<TableShape>): Promise<void> {
    for (const shape of shapes) {
      if (!this.#tables.has(shape) || this.#outdated.has(shape)) await this.match(shape, true);
      this.#copies.touch(tableName(shape));
    }
  }

  /** Those of which rows have come, or may. */
  get matched(): Iterable<LoadTable> {
    return this.#tables.values();
  }

  of(shape: TableShape): LoadTable {
    const table = this.#tables.get(shape);
    if (table === undefined) throw new Error(`table ${tableName(shape)} was used before it was matched`);
    return table;
  }

  /** Null: it is to be matched before rows of it are written. */
  known(shape: TableShape): LoadTable | null {
    return this.#outdated.has(shape) ? null : (this.#tables.get(shape) ?? null);
  }

  /**
   * The topology has changed, or tables have left for good: what is still named is matched anew. Returns the source tables
   * that left and of which nothing is to come: what is recorded of them must be forgotten.
   */
  update(): readonly string[] {
    const spec = this.#options.spec();
    for (const shape of this.#tables.keys()) {
      if (ruleFor(spec.tables, shape.schema, shape.name) !== null) this.#outdated.add(shape);
      else this.#twins.delete(tableName(shape));
    }
    this.#copies.keepExpected((name) => placeNamed(spec, name) !== null);
    const known = new Set([...this.copies.map(({ table }) => table), ...this.#known.keys()]);
    const left = [...known].filter((name) => placeNamed(spec, name) === null && this.#leaving(name) === null);
    this.#copies.delete(left);
    for (const name of left) this.#known.delete(name);
    return left;
  }

  /** Whether a source table is not in the pipeline any more and rows of it are still to come. */
  leaves(name: string): boolean {
    return this.#leaving(name) !== null;
  }

  /** The source tables of which that is so. */
  get leaving(): readonly { readonly table: string; readonly target: string }[] {
    return [...this.#known].flatMap(([table, { place }]) =>
      this.leaves(table) ? [{ table, target: place.target }] : [],
    );
  }

  /** Whether a table would go elsewhere now, or has left and come back: then everything begins with looking anew. */
  moves(spec: PipelineSpec): boolean {
    const copied = this.copies.map((state) => [state.table, state] as const);
    return [...copied, ...this.#known].some(([name, { place }]) => {
      const now = placeNamed(spec, name);
      return now !== null && !samePlace(now, place);
    });
  }

  /** Every table that the source has was announced: returns those that are gone, in whose copies is nothing to come. */
  dropUnannounced(): readonly string[] {
    return this.#copies.dropUnannounced();
  }

  /** Whether rows of a table that refers to this one may have been copied; `orTouched`: or have come by the log. */
  childrenCopied(parent: LoadTable, orTouched: boolean): boolean {
    return this.#copies.childrenCopied(parent, this.#tables, orTouched);
  }

  /** How the copy of a source table stands, if one has begun. */
  copyOf(table: string): CopyState | undefined {
    return this.#copies.get(table);
  }

  /** These source tables have other columns here and there; what refers to them, or they to, is looked at again too. */
  changed(tables: readonly string[]): void {
    this.version += 1;
    for (const [shape, { target }] of this.#tables) {
      if (tables.includes(tableName(shape))) this.#tables.delete(shape);
      else if (target.foreignKeys.length > 0 || target.referencedBy.length > 0) this.#outdated.add(shape);
    }
  }

  /** These source tables are gone, and what was recorded of them. */
  forget(tables: readonly string[]): void {
    this.#copies.delete(tables);
    for (const table of tables) {
      this.#known.delete(table);
      this.#twins.delete(table);
    }
  }

  /** Where the rows of a copy go; null when the table has left, and its copy is not worth recording. */
  copiedTo(table: string): Place | null {
    return this.#copies.get(table)?.place ?? null;
  }

  /** A table that is there was announced. */
  announced(table: string): void {
    this.#copies.announced(table);
  }

  /** Whether its rows are copied, or being copied, or need none. */
  hasCopy(table: string): boolean {
    return this.#copies.has(table);
  }

  /** A table will join when its copy begins, or will not any more. */
  expect(table: string, comes: boolean): void {
    this.#copies.expect(table, comes);
  }

  record(state: CopyState): void {
    this.#copies.record(state);
  }

  /** The digest of the announced columns, when it is not recorded yet. */
  newStructure({ table, structure }: AnnouncedTable): string | null {
    return structure === this.#known.get(tableName(table))?.structure ? null : structure;
  }

  /** Whether its definition is kept otherwise than it is told, or not at all. */
  newDefinition({ table, definition }: AnnouncedTable): boolean {
    return definition?.create !== this.#known.get(tableName(table))?.definition?.create;
  }

  /** The digest of the columns that is recorded; null: none is. */
  structureOf(table: string): string | null {
    return this.#known.get(table)?.structure ?? null;
  }

  /** Whether nothing is recorded of the source table yet. */
  isNew(table: string): boolean {
    return !this.#known.has(table);
  }

  recordTable(table: string, known: RecordedTable): void {
    this.#known.set(table, known);
  }

  /** How a table travels that has left; null when it has not, or nothing of it is to come. */
  #leaving(name: string): TableRule | null {
    const { spec, settled } = this.#options;
    const place = this.#known.get(name)?.place ?? this.#copies.get(name)?.place;
    return place === undefined ? null : leavingNamed(spec(), name, place, settled());
  }

  /** How conflicts of it are decided, as the topology has it now. */
  conflictRule({ source }: LoadTable): ConflictRule {
    return ruleFor(this.#options.spec().tables, source.schema, source.name)?.conflict ?? SITE_PRIORITY;
  }

  /** Where it goes. @throws OtterError OT5023 */
  named(source: TableShape): {
    schema: string;
    name: string;
    rename: Readonly<Record<string, string>>;
    filtered?: true;
    weight?: number;
  } {
    const { tables } = this.#options.spec();
    const rule = ruleFor(tables, source.schema, source.name) ?? this.#leaving(tableName(source));
    if (rule === null) {
      throw new OtterError(
        'OT5023',
        `${tableName(source)} is not in ${this.#options.spec().name} as this node knows it`,
        {
          where: { table: tableName(source), pipeline: this.#options.spec().name },
          retry: 'backoff',
        },
      );
    }
    const { schema, table } = mapName(rule, source.schema, source.name);
    const weight = weightOf(this.#options.spec(), rule, source);
    return {
      schema,
      name: table,
      rename: rule.rename,
      ...(leavesOut(rule) ? { filtered: true } : {}),
      ...(weight === 0 ? {} : { weight }),
    };
  }

  /** The tables of these shapes have changed here. */
  async matchAgain(shapes: Iterable<TableShape>): Promise<void> {
    for (const shape of new Set(shapes)) await this.match(shape, true);
  }

  /** What rows get that do not know of a column yet. */
  #filled(table: LoadTable): LoadTable {
    if (this.#options.spec().ddl !== 'replicate' || table.extras.length === 0) return table;
    const known = this.#options.changes!.fills(table.target);
    const fills = table.extras.flatMap(({ name }) => (known[name] === undefined ? [] : [[name, known[name]] as const]));
    return fills.length === 0 ? table : { ...table, fills: Object.fromEntries(fills) };
  }

  /** Tables that were taken up before, and have their places under names that differ in letters only: where those are. */
  async #recallTwins(source: string, own: { readonly schema: string; readonly name: string }): Promise<void> {
    const name = tableName(own);
    const recorded = [...this.copies.map((state) => [state.table, state] as const), ...this.#known];
    for (const [table, { place }] of recorded) {
      const { target: named } = place;
      if (table === source || named === name || named.toLowerCase() !== name.toLowerCase()) continue;
      const [schema, other] = [named.slice(0, own.schema.length), named.slice(own.schema.length + 1)];
      const there = await this.#options.target.shape(schema, other);
      if (there !== null) this.#twins.add({ source: table, named, there: tableName(there) });
    }
  }

  /** @param running see `loadTable` */
  async match(source: TableShape, running: boolean): Promise<LoadTable> {
    const { spec, target, logsCascades, changes } = this.#options;
    const { schema, name, rename, ...more } = this.named(source);
    if (changes !== undefined) refuseUncarried(changes, { schema, name }, spec());
    // Before it is looked at: a change in between is one too many then.
    const changesKnown = changes?.count({ schema, name });
    const shape = await target.shape(schema, name);
    if (shape === null) {
      throw new OtterError('OT5021', `${schema}.${name} is missing at ${spec().target}`, {
        where: { table: `${schema}.${name}`, pipeline: spec().name },
        hint: this.#copies.has(tableName(source))
          ? 'It was copied and is gone. Put it back with its rows, or have it copied again: `otter explain OT5021` says how.'
          : 'Create it; the pipeline goes on by itself.',
        retry: 'backoff',
      });
    }
    await this.#recallTwins(tableName(source), { schema, name });
    // The server may have found it in other letters.
    const kept = tableName(shape) === tableName({ schema, name });
    const lost =
      kept || spec().role === 'one-way' || isOracle(shape) ? null : foldedTwoWay({ schema, name }, spec().target);
    if (lost !== null) throw lost;
    const unfit =
      engineObstacle(shape, spec().target) ??
      swayObstacle(source, shape) ??
      this.#twins.add({ source: tableName(source), named: tableName({ schema, name }), there: tableName(shape) });
    if (unfit !== null) throw unfit;
    const matched: LoadTable = { ...loadTable(source, shape, rename, running), ...more };
    const table = changesKnown === undefined ? matched : this.#filled({ ...matched, changesKnown });
    if (spec().role === 'one-way') {
      const obstacle =
        oracleObstacle(table) ??
        keyObstacle(table, spec().initial === 'copy') ??
        filteredParent(table, spec().tables) ??
        rereadObstacle(table, ruleFor(spec().tables, source.schema, source.name) ?? {}) ??
        (logsCascades ? null : cascadeObstacle(table, spec().tables));
      if (obstacle !== null) throw obstacle;
    }
    if (spec().role !== 'one-way') {
      const unguardedTriggers = shape.triggers.length === 0 ? [] : await target.unguardedTriggers(schema, name);
      const obstacle = twoWayObstacle(table, { logsCascades, unguardedTriggers });
      if (obstacle !== null) throw obstacle;
      const unruly = spec().role === 'to-serialiser' ? conflictObstacle(table, this.conflictRule(table)) : null;
      if (unruly !== null) throw unruly;
    }
    // Tables that it refers to may have become parents just now.
    if (shape.foreignKeys.length > 0 && !this.#tables.has(source))
      for (const other of this.#tables.keys()) this.#outdated.add(other);
    this.#tables.set(source, table);
    this.version += 1;
    this.#outdated.delete(source);
    return table;
  }
}
