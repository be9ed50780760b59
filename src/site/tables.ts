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
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { type AnnouncedTable, type TableShape, tableName } from '../model/row.ts';
import { cascadeObstacle, orphan } from '../replication/cascades.ts';
import { loadTable } from '../replication/load-table.ts';
import { mapName, ruleFor } from '../replication/names.ts';
import { leavingNamed, placeNamed } from '../replication/places.ts';
import { engineObstacle } from '../replication/transactional.ts';
import { twoWayObstacle } from '../replication/two-way.ts';
import { CopyStates } from './copy-states.ts';

/** What is wrong with the columns of now may have been right for rows still to come. */
const MATTERS_WITH_ROWS: ReadonlySet<string> = new Set(['OT5011', 'OT5028']);

const OCCUPIED =
  'Empty it, or set `existing: replace` to delete its rows first, `existing: merge` where several sources share it, or `initial: none` if both sides are equal.';
const OCCUPIED_TWO_WAY =
  'Put its rows aside, into a table that no channel has (`CREATE TABLE ... AS SELECT`), and delete them here (`DELETE`, not `TRUNCATE`). It is copied then; when the pipeline streams, insert here those rows again that are missing.';

export interface TargetTablesOptions {
  readonly spec: () => PipelineSpec;
  readonly target: TargetPort;
  readonly logsCascades: boolean;
  readonly copies: readonly CopyState[];
  /** The source tables that were announced up to the checkpoint. */
  readonly known: Readonly<Record<string, RecordedTable>>;
  /** Up to which generation of the channel nothing is to come of tables that left with it. */
  readonly settled: () => number;
  /** Told what a table that was made here does not have of the source's. */
  readonly leftOut: (table: string, without: readonly string[]) => void;
}

export interface Joined {
  readonly begun: CopyState;
  readonly clear: LoadTable | null;
  /** Must be empty still when it joins; null where rows may be there. */
  readonly empty: LoadTable | null;
  /** Where the log of this database ended before the table was made here; null when it was there. */
  readonly before: string | null;
}

/** Whether a table was missing here, and where the log of this database ended before it was made. */
export interface Made {
  readonly missing: boolean;
  readonly before: string | null;
}

export class TargetTables {
  readonly #options: TargetTablesOptions;
  readonly #tables = new Map<TableShape, LoadTable>();
  /** To be matched anew before the next window; the one under way goes on with what it began with. */
  readonly #outdated = new Set<TableShape>();
  readonly #copies: CopyStates;
  readonly #known: Map<string, RecordedTable>;
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
      if (!this.#tables.has(shape) || this.#outdated.has(shape)) await this.#match(shape, true);
      this.#copies.touch(tableName(shape));
    }
  }

  of(shape: TableShape): LoadTable {
    const table = this.#tables.get(shape);
    if (table === undefined) throw new Error(`table ${tableName(shape)} was used before it was matched`);
    return table;
  }

  /**
   * The topology has changed, or tables have left for good: what is still named is matched anew. Returns the source tables
   * that left and of which nothing is to come: what is recorded of them must be forgotten.
   */
  update(): readonly string[] {
    const spec = this.#options.spec();
    for (const shape of this.#tables.keys()) {
      if (ruleFor(spec.tables, shape.schema, shape.name) !== null) this.#outdated.add(shape);
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

  /** Where the rows of a copy go; null when the table has left, and its copy is not worth recording. */
  copiedTo(table: string): Place | null {
    return this.#copies.get(table)?.place ?? null;
  }

  /**
   * Makes a table that is to join where it is missing.
   * `born`: it has just been made at the source, so that all its rows are in the log.
   */
  async make(
    announced: AnnouncedTable,
    born: boolean,
    logPosition: () => Promise<string>,
    made: (before: string) => void,
  ): Promise<Made> {
    const { target, spec, leftOut } = this.#options;
    const { rename, ...name } = this.#named(announced.table);
    const from = tableName(announced.table);
    this.#copies.announced(from);
    const missing = (await target.shape(name.schema, name.name)) === null;
    // A table that was here before and is gone was dropped by somebody: made again it would be empty. And the serialiser
    // gets none that the spoke has alone, whose rows would stay there.
    const creates = born || (spec().role !== 'to-serialiser' && !this.#copies.has(from));
    let before: string | null = null;
    if (missing && creates) {
      this.#refuseBeforeMaking(announced.table);
      if (spec().role !== 'one-way') before = await logPosition();
      // Users may write to it as soon as it is there, and all of that counts.
      if (before !== null && spec().role === 'from-serialiser') made(before);
      const without = await target.createTable(announced, name, rename, spec().role !== 'one-way');
      if (without.length > 0) leftOut(tableName(name), without);
    }
    return { missing, before };
  }

  /**
   * A table joins that is there or was made. Returns what must be recorded with the next window, and whether its rows here
   * must be deleted first.
   * @throws OtterError OT5013 when rows are here that nobody allowed otter to touch; OT5014 when it cannot be two-way.
   */
  async join(
    announced: AnnouncedTable,
    born: boolean,
    place: Place,
    { missing, before }: Made,
  ): Promise<Joined | null> {
    const { target, spec } = this.#options;
    const { schema, name } = this.#named(announced.table);
    const from = tableName(announced.table);
    const joined = this.#copies.has(from) || !announced.copies;
    const table = await this.#match(announced.table, joined).catch((error: unknown) => {
      // It has columns now that rows still to come may not have had: they tell, or the statement that is in between.
      if (joined && error instanceof OtterError && MATTERS_WITH_ROWS.has(error.code)) return null;
      throw error;
    });
    if (this.#copies.has(from) || table === null) return null;
    // Where it was made here before and the record of that was cut short, nobody has written to it yet.
    if (born && spec().role === 'to-serialiser' && (missing || !(await target.hasRows(schema, name)))) {
      // So that this site does not copy it back to where it came from; see `Outgoing`.
      return {
        begun: { table: from, place, cursor: null, done: true, rowsDone: 0, rowsEstimate: 0 },
        clear: null,
        empty: null,
        before,
      };
    }
    if (!announced.copies) return null;
    // Rows in a table that was made just now were written by users since, and are followed like any other.
    const occupied = !missing && (await target.hasRows(schema, name));
    // What came from another source or shard is not a user's, and neither refused nor deleted.
    const shared = occupied && spec().role === 'one-way' && (await target.shared(spec().name, from, place));
    if (occupied && !shared && spec().existing === 'refuse') {
      throw new OtterError(
        'OT5013',
        `${schema}.${name} at ${spec().target} has rows already, and the channel says \`existing: refuse\``,
        {
          where: { table: `${schema}.${name}`, pipeline: spec().name },
          hint: spec().role === 'one-way' ? OCCUPIED : OCCUPIED_TWO_WAY,
        },
      );
    }
    const begun: CopyState = {
      table: from,
      place,
      cursor: null,
      done: false,
      rowsDone: 0,
      rowsEstimate: announced.rowsEstimate,
    };
    const empty = !missing && !shared && spec().existing === 'refuse' ? table : null;
    const clear = occupied && !shared && spec().existing === 'replace' ? table : null;
    return { begun, clear, empty, before };
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

  /** Whether nothing is recorded of the source table yet. */
  isNew(table: string): boolean {
    return !this.#known.has(table);
  }

  recordTable(table: string, known: RecordedTable): void {
    this.#known.set(table, known);
  }

  /** What cannot be kept the same is not made first and refused then. */
  #refuseBeforeMaking(source: TableShape): void {
    const { spec, logsCascades } = this.#options;
    if (spec().role === 'one-way') {
      const alone = logsCascades ? null : orphan(source, spec().tables);
      if (alone !== null) throw alone;
      return;
    }
    const obstacle = twoWayObstacle(loadTable(source, source, {}), { logsCascades, unguardedTriggers: [] });
    if (obstacle !== null) throw obstacle;
  }

  /** How a table travels that has left; null when it has not, or nothing of it is to come. */
  #leaving(name: string): TableRule | null {
    const { spec, settled } = this.#options;
    const place = this.#known.get(name)?.place ?? this.#copies.get(name)?.place;
    return place === undefined ? null : leavingNamed(spec(), name, place, settled());
  }

  #named(source: TableShape): { schema: string; name: string; rename: Readonly<Record<string, string>> } {
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
    return { schema, name: table, rename: rule.rename };
  }

  async #match(source: TableShape, running: boolean): Promise<LoadTable> {
    const { spec, target, logsCascades } = this.#options;
    const { schema, name, rename } = this.#named(source);
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
    const unfit = engineObstacle(shape, spec().target);
    if (unfit !== null) throw unfit;
    const table = loadTable(source, shape, rename, running);
    if (spec().role === 'one-way' && !logsCascades) {
      const obstacle = cascadeObstacle(table, spec().tables);
      if (obstacle !== null) throw obstacle;
    }
    if (spec().role !== 'one-way') {
      const unguardedTriggers = shape.triggers.length === 0 ? [] : await target.unguardedTriggers(schema, name);
      const obstacle = twoWayObstacle(table, { logsCascades, unguardedTriggers });
      if (obstacle !== null) throw obstacle;
    }
    // Tables that it refers to may have become parents just now.
    if (shape.foreignKeys.length > 0 && !this.#tables.has(source))
      for (const other of this.#tables.keys()) this.#outdated.add(other);
    this.#tables.set(source, table);
    this.#outdated.delete(source);
    return table;
  }
}
