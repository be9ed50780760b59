/**
 * Tables join a pipeline at its target: made where missing, and recorded in a transaction that moves the checkpoint.
 *
 * Those that are told together join together: the server is asked of all of them at once, and most are recorded in one
 * transaction. Rule kept: one that is refused keeps no other from being recorded that was made before or beside it.
 */
import { OtterError } from '../model/error.ts';
import {
  type LoadSession,
  type LoadTable,
  type Place,
  type RecordedTable,
  samePlace,
  type Write,
} from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
import { bornSince, type Delivery, type TableShape, tableName } from '../model/row.ts';
import { placeOf } from '../replication/places.ts';
import type { Arrivals, Joined, Made } from './arrivals.ts';
import { backoff } from './backoff.ts';
import type { Departed } from './departed.ts';
import type { Join } from './joins.ts';
import type { TargetTables } from './tables.ts';

export type Announcement = Extract<Delivery, { kind: 'table' }>;

/** Runs `work` behind the writes, in a transaction of its own or in the one that is under way. */
export type Transact = (
  deliveries: readonly Delivery[],
  writes: readonly Write[],
  work: () => Promise<void>,
) => Promise<void>;

export interface JoiningOptions {
  readonly session: LoadSession;
  readonly tables: TargetTables;
  readonly arrivals: Arrivals;
  /** Told of tables that join, before that is committed: see `KnownTable.since`. */
  readonly joined: (table: string, join: Join) => void;
  /** As the topology has it now, and of which generation of its channel that is. */
  readonly desired: () => { readonly spec: PipelineSpec; readonly generation: number };
  /** Told of tables that have left before they could join. */
  readonly departed: Departed;
  readonly transact: Transact;
}

/** What is told of a table that belongs here still. */
interface Due {
  readonly delivery: Announcement;
  readonly place: Place;
}

/** What is to be recorded of it. */
interface Entry extends Due {
  readonly made: Made;
  readonly joined: Joined | null;
  readonly structure: string | null;
}

export class Joining {
  readonly #options: JoiningOptions;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  get #spec(): PipelineSpec {
    return this.#options.desired().spec;
  }

  async join(announcements: readonly Announcement[], signal: AbortSignal): Promise<void> {
    const due: Due[] = [];
    for (const delivery of announcements) {
      if (delivery.announced.later) {
        const { table, copies } = delivery.announced;
        this.#options.tables.expect(tableName(table), copies);
        continue;
      }
      const place = await this.#place(delivery, signal);
      if (place !== null) due.push({ delivery, place });
    }
    for (const group of apart(due)) await this.#together(group);
  }

  /** Where it goes; null when it has left, or was told before it left and came back: then it is told once more. */
  async #place({ announced }: Announcement, signal: AbortSignal): Promise<Place | null> {
    const { desired, departed } = this.#options;
    const { table, stay, generation } = announced;
    // The source may know of a table a moment before this node has read the new topology.
    const behind = (): boolean => desired().generation < generation;
    for (let attempt = 0; behind() && attempt < 12; attempt += 1) await backoff(attempt, signal);
    const place = placeOf(this.#spec, table.schema, table.name);
    if (behind() && (place?.stay ?? -1) < stay) throw notYet(this.#spec, table);
    if (place?.stay === stay) {
      departed.delete(table);
      return place;
    }
    // What it brings is what was on its way, and there is nothing to record.
    if (place === null && this.#options.tables.leaves(tableName(table))) departed.delete(table);
    else departed.add(table);
    return null;
  }

  async #together(group: readonly Due[]): Promise<void> {
    const { arrivals, tables, session } = this.#options;
    const made = await Promise.allSettled(
      group.map(async ({ delivery: { announced, gtid }, place }) => {
        await arrivals.awaitCopy(announced.table, place);
        const told = (since: string): void => this.#options.joined(tableName(announced.table), { since, place });
        return arrivals.make(announced, { born: gtid !== '', place }, () => session.logPosition(), told);
      }),
    );
    const entries = await Promise.allSettled(
      group.map(async (due, index): Promise<Entry> => {
        const making = made[index]!;
        if (making.status === 'rejected') throw making.reason;
        const { announced, gtid } = due.delivery;
        const joined = await arrivals.join(announced, gtid !== '', due.place, making.value);
        const structure = tables.newStructure(announced);
        const kept = tables.newDefinition(announced) ? tables.structureOf(tableName(announced.table)) : null;
        return { ...due, made: making.value, joined, structure: structure ?? kept };
      }),
    );
    const found = entries.flatMap((entry) => (entry.status === 'fulfilled' ? [entry.value] : []));
    const news = found.filter(({ joined, structure }) => joined !== null || structure !== null);
    const [plain, alone] = [news.filter((entry) => !this.#locks(entry)), news.filter((entry) => this.#locks(entry))];
    if (plain.length > 0) await this.#record(plain);
    for (const entry of alone) await this.#record([entry]);
    for (const entry of entries) if (entry.status === 'rejected') throw entry.reason;
    for (const due of group) this.#requireHere(due);
  }

  /** What leaves while it joins is in no list of what has joined, from which it would be struck. @throws OtterError OT5023 */
  #requireHere({ delivery: { announced }, place }: Due): void {
    const { schema, name } = announced.table;
    const now = placeOf(this.#spec, schema, name);
    if (now === null || !samePlace(now, place)) throw leftMeanwhile(this.#spec, announced.table);
  }

  /** Whether the rows of users stand in its way, or it in theirs. */
  #locks({ joined }: Entry): boolean {
    return joined !== null && (joined.clear !== null || (joined.counts && joined.before === null));
  }

  async #record(entries: readonly Entry[]): Promise<void> {
    const { tables, session, transact } = this.#options;
    const writes = entries.flatMap(({ joined }): Write[] =>
      joined?.clear == null || this.#spec.dryRun === true ? [] : [{ kind: 'clear', table: joined.clear }],
    );
    const begun = entries.flatMap(({ joined }) => (joined === null ? [] : [joined.begun]));
    const known: Record<string, RecordedTable> = {};
    await transact(
      entries.map(({ delivery }) => delivery),
      writes,
      async () => {
        for (const entry of entries) {
          const { delivery, place, joined, structure } = entry;
          const table = tableName(delivery.announced.table);
          const since = await this.#since(entry);
          const { definition } = delivery.announced;
          const kept = definition === undefined ? {} : { definition };
          if (structure !== null)
            known[table] = { structure, since: delivery.gtid === '' ? since : bornSince(since), place, ...kept };
          if (joined !== null || tables.isNew(table)) this.#options.joined(table, { since, place });
        }
        // A dry run makes no copy, and nobody is to find one.
        if (this.#spec.dryRun !== true) await session.recordCopies(this.#spec.name, begun);
        await session.recordTables(this.#spec.name, known);
        const made = entries.filter(({ made: { before } }) => before !== null);
        if (made.length > 0) {
          const names = made.map(({ delivery }) => tableName(delivery.announced.table));
          await session.tablesMade(this.#spec.name, names);
        }
      },
    );
    for (const state of begun) tables.record(state);
    for (const [table, recorded] of Object.entries(known)) tables.recordTable(table, recorded);
  }

  /** From where in the log of this database on what is written to it is carried back; null: all of it. */
  async #since({ delivery, place, joined, made }: Entry): Promise<string | null> {
    const { session, tables } = this.#options;
    if (joined?.counts === true) return joined.before ?? (await this.#copyBegins(joined.empty));
    const late = this.#spec.joinsLate && place.stay > 0 && tables.isNew(tableName(delivery.announced.table));
    return late ? (made.before ?? (await session.logPosition())) : null;
  }

  /** Nobody writes to the empty table until this is committed, so what is in the log so far was before it. */
  async #copyBegins(empty: LoadTable | null): Promise<string> {
    const { session } = this.#options;
    if (empty !== null && (await session.lockWhole(empty))) {
      throw new OtterError('OT5017', `${tableName(empty.target)} at ${this.#spec.target} was written while it joined`, {
        where: { pipeline: this.#spec.name, table: tableName(empty.target) },
        retry: 'backoff',
      });
    }
    return session.logPosition();
  }
}

/** In their order, no two in a group that are one table at either end. */
function apart(due: readonly Due[]): Due[][] {
  const groups: Due[][] = [];
  for (const one of due) {
    const last = groups.at(-1);
    if (last === undefined || last.some((other) => meets(one, other))) groups.push([one]);
    else last.push(one);
  }
  return groups;
}

function meets(one: Due, other: Due): boolean {
  if (one.place.target === other.place.target) return true;
  return tableName(one.delivery.announced.table) === tableName(other.delivery.announced.table);
}

/** The next attempt looks at what was recorded, and strikes what belongs to a stay that is over. */
function leftMeanwhile({ name }: PipelineSpec, table: TableShape): OtterError {
  const what = `${tableName(table)} has left ${name} while it joined`;
  return new OtterError('OT5023', what, { where: { table: tableName(table), pipeline: name }, retry: 'backoff' });
}

/** The copy of an earlier stay must not be gone on with; the next attempt begins with looking anew. */
function notYet({ name }: PipelineSpec, table: TableShape): OtterError {
  const what = `${tableName(table)} has left ${name} and come back, which this node has not read yet`;
  return new OtterError('OT5023', what, { where: { table: tableName(table), pipeline: name }, retry: 'backoff' });
}
