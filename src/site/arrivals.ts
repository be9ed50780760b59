/**
 * Tables that come into a pipeline, at its target: made where they are missing, and the rule about rows that were there before.
 */
import { OtterError } from '../model/error.ts';
import {
  type BegunTable,
  type CopyState,
  type LoadTable,
  type Place,
  samePlace,
  type TargetPort,
} from '../model/load.ts';
import { comesByLog, type PipelineSpec } from '../model/pipeline.ts';
import { type AnnouncedTable, type Sway, type TableShape, tableName } from '../model/row.ts';
import { orphan } from '../replication/cascades.ts';
import { foldedTwoWay } from '../replication/letters.ts';
import { loadTable } from '../replication/load-table.ts';
import { doubtfulSways, swayObstacle } from '../replication/sways.ts';
import { twoWayObstacle } from '../replication/two-way.ts';
import type { TargetTables } from './tables.ts';

/** What is wrong with the columns of now may have been right for rows still to come. */
const MATTERS_WITH_ROWS: ReadonlySet<string> = new Set(['OT5011', 'OT5028', 'OT5033']);

const OCCUPIED =
  'Empty it, or set `existing: replace` to delete its rows first, `existing: merge` where several sources share it, or `initial: none` if both sides are equal.';
const OCCUPIED_TWO_WAY =
  'Put its rows aside, into a table that no channel has (`CREATE TABLE ... AS SELECT`), and delete them here (`DELETE`, not `TRUNCATE`). It is copied then; when the pipeline streams, insert here those rows again that are missing.';

export interface ArrivalsOptions {
  readonly spec: () => PipelineSpec;
  readonly target: Pick<
    TargetPort,
    'known' | 'shape' | 'folds' | 'createTable' | 'hasRows' | 'shared' | 'keepDefinition' | 'beginTable' | 'begunTables'
  >;
  readonly tables: TargetTables;
  readonly logsCascades: boolean;
  /** Tables here that a change was begun on and not recorded: they may be as before it or as behind it, or not there. */
  readonly underWay: Iterable<string>;
  /** Told what a table that was made here does not have of the source's. */
  readonly leftOut: (table: string, without: readonly string[]) => void;
  /** Told of generated columns whose values may come out otherwise here. */
  readonly sways: (table: string, sways: readonly Sway[]) => void;
}

export interface Joined {
  readonly begun: CopyState;
  readonly clear: LoadTable | null;
  /** Must be empty still when it joins; null where rows may be there. */
  readonly empty: LoadTable | null;
  /** Where the log of this database ended before the table was made here; null when it was there. */
  readonly before: string | null;
  /** Whether what is written to it here is carried back only from some place in the log on. */
  readonly counts: boolean;
}

/**
 * Whether a table was missing here, and where the log of this database ended before it was made.
 *
 * It was missing too when it was made by an earlier attempt whose record was cut short: whatever it holds was written to it
 * since that place, whoever made it in the end.
 */
export interface Made {
  readonly missing: boolean;
  readonly before: string | null;
}

export class Arrivals {
  readonly #options: ArrivalsOptions;
  readonly #underWay: Set<string>;
  /** Tables that were begun to be made when this began, and not recorded. */
  #begun: Promise<Readonly<Record<string, BegunTable>>> | null = null;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
    this.#underWay = new Set(options.underWay);
  }

  /** The change that was begun is made and recorded. */
  changed(): void {
    this.#underWay.clear();
  }

  /**
   * Rows of a table that comes from another site wait for it: they would be taken for rows that were there before.
   * @throws OtterError OT5024
   */
  async awaitCopy(table: TableShape, place: Place): Promise<void> {
    const { target, spec, tables } = this.#options;
    const { copiedBy, name } = spec();
    const from = tableName(table);
    if (copiedBy === null || !tables.isNew(from)) return;
    const joined = (await target.known(copiedBy))[from];
    if (joined !== undefined && samePlace(joined.place, place)) return;
    throw new OtterError('OT5024', `${copiedBy} has not begun with ${from} yet`, {
      where: { pipeline: name, table: from },
      retry: 'backoff',
    });
  }

  /**
   * Makes a table that is to join where it is missing.
   * `born`: it has just been made at the source, so that all its rows are in the log.
   */
  async make(
    announced: AnnouncedTable,
    { born, place }: { readonly born: boolean; readonly place: Place },
    logPosition: () => Promise<string>,
    made: (before: string) => void,
  ): Promise<Made> {
    const { target, spec, leftOut, tables } = this.#options;
    const { rename, ...name } = tables.named(announced.table);
    const from = tableName(announced.table);
    tables.announced(from);
    if (this.#underWay.has(tableName(name))) return { missing: false, before: null };
    const missing = (await target.shape(name.schema, name.name)) === null;
    // A table that was here before and is gone was dropped by somebody: made again it would be empty. And the serialiser
    // gets none that the spoke has alone, whose rows would stay there. What is copied is made by whom it is copied from.
    const { role, copiedBy } = spec();
    const creates = copiedBy === null && (born || (role !== 'to-serialiser' && !tables.hasCopy(from)));
    let before: string | null = null;
    // Users may write to it as soon as it is there, and all of that counts.
    const counts = (since: string): void => {
      if (role === 'from-serialiser') made(since);
    };
    if (missing && creates) {
      this.#refuseBeforeMaking(announced.table);
      if (role !== 'one-way') {
        const lost = (await target.folds()) ? foldedTwoWay(name, spec().target) : null;
        if (lost !== null) throw lost;
        before = await logPosition();
        counts(before);
        await target.beginTable(spec().name, from, { since: before, place });
      }
      // Changed again before it is recorded, it would not be what is told when it is told anew.
      const { definition } = announced;
      if (definition !== undefined) await target.keepDefinition(spec().name, from, definition);
      const without = await target.createTable(announced, name, rename, role !== 'one-way');
      if (without.length > 0) leftOut(tableName(name), without);
    } else if (!missing && role !== 'one-way' && tables.isNew(from)) {
      this.#begun ??= target.begunTables(spec().name);
      const begun = (await this.#begun)[from];
      if (begun === undefined || !samePlace(begun.place, place)) return { missing, before };
      counts(begun.since);
      return { missing: true, before: begun.since };
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
    const { target, spec, tables } = this.#options;
    const { schema, name } = tables.named(announced.table);
    const from = tableName(announced.table);
    if (this.#underWay.has(tableName({ schema, name }))) return null;
    const joined = tables.hasCopy(from) || !announced.copies;
    const table = await tables.match(announced.table, joined).catch((error: unknown) => {
      // It has columns now that rows still to come may not have had: they tell, or the statement that is in between.
      if (joined && error instanceof OtterError && MATTERS_WITH_ROWS.has(error.code)) return null;
      throw error;
    });
    if (table === null) return null;
    const sways = doubtfulSways(table);
    if (sways.length > 0) this.#options.sways(tableName(table.target), sways);
    if (tables.hasCopy(from)) return null;
    // Where it was there, and empty, it may have been made for this too.
    if (born && spec().role === 'to-serialiser' && (missing || !(await target.hasRows(schema, name)))) {
      // So that this site does not copy it back to where it came from; see `Outgoing`.
      return {
        begun: { table: from, place, cursor: null, done: true, rowsDone: 0, rowsEstimate: 0 },
        clear: null,
        empty: null,
        before,
        counts: false,
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
      done: born && comesByLog(spec()),
      rowsDone: 0,
      rowsEstimate: announced.rowsEstimate,
    };
    const empty = !missing && !shared && spec().existing === 'refuse' ? table : null;
    const clear = occupied && !shared && spec().existing === 'replace' ? table : null;
    // Of a one-way channel nothing is carried back, and its target may have no log.
    return { begun, clear, empty, before, counts: spec().role !== 'one-way' };
  }

  /** What cannot be kept the same is not made first and refused then. */
  #refuseBeforeMaking(source: TableShape): void {
    const { spec, logsCascades } = this.#options;
    const swayed = swayObstacle(source, null);
    if (swayed !== null) throw swayed;
    if (spec().role === 'one-way') {
      const alone = logsCascades ? null : orphan(source, spec().tables);
      if (alone !== null) throw alone;
      return;
    }
    const obstacle = twoWayObstacle(loadTable(source, source, {}), { logsCascades, unguardedTriggers: [] });
    if (obstacle !== null) throw obstacle;
  }
}
