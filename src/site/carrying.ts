/**
 * What a pipeline with `ddl: replicate` delivers at a statement that changes its tables.
 *
 * A change is delivered as what it made of each table, by the definitions before and after, in its place between the rows.
 * Rule kept: what is not understood stops the pipeline there, and nothing of a statement is delivered unless all of it can be.
 */

import { OtterError } from '../model/error.ts';
import { type PipelineSpec, SITE_PRIORITY } from '../model/pipeline.ts';
import type { PastTable, ServerFacts, Statement, StatementTable, TableStatement } from '../model/ports.ts';
import { nameNow } from '../model/renamed.ts';
import { type Seen, type TableChange, type TableShape, tableName } from '../model/row.ts';
import { twoWayStep } from '../replication/both-ways.ts';
import { firstWords, untold } from '../replication/carried-statement.ts';
import { parentsFirst } from '../replication/cascades.ts';
import { paddedObstacle } from '../replication/conversion.ts';
import { exchanges, movesOf, same } from '../replication/renames.ts';
import type { Announcements } from './announcements.ts';
import type { Routes } from './routes.ts';
import type { Telling } from './telling.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** A table under the name that it had, and as it is now. */
export interface Moved {
  readonly name: string;
  readonly to: TableShape;
}

export interface CarryingOptions {
  readonly announcements: Announcements;
  readonly routes: Routes;
  readonly telling: Telling;
  /** Of the source. */
  readonly family: () => Promise<ServerFacts['family']>;
  /** A table came into the pipeline, whose existing rows are to be copied. */
  readonly joined: (table: TableShape) => void;
  readonly gone: (name: string) => void;
  /** Tables go on under other names, all at once, and as far as each was copied it is. */
  readonly moved: (moves: readonly Moved[]) => void;
  /** What was read of these tables and not delivered yet is of before the change. */
  readonly changed: (names: ReadonlySet<string>) => void;
}

/** What the source had seen at a statement, and its log's clock there. */
export interface Place {
  readonly seen: Seen;
  readonly clock: number;
}

/** What is delivered, and what follows from it here. */
interface Planned {
  readonly changes: readonly TableChange[];
  /** What the told tables are afterwards. */
  readonly now: readonly PastTable[];
  /** Tables that come into the pipeline with the rows that they have. */
  readonly come: readonly PastTable[];
}

export class Carrying {
  readonly #options: CarryingOptions;

  constructor(options: CarryingOptions) {
    this.#options = options;
  }

  /** @throws OtterError OT5033 when it cannot be carried */
  async deliver(
    statement: Statement,
    effect: Exclude<TableStatement, { kind: 'creates' }>,
    spec: PipelineSpec,
    place: Place,
  ): Promise<void> {
    const work = new Work(this.#options, statement, spec);
    if (spec.role !== 'one-way') work.requireBothWays(effect);
    const planned =
      effect.kind === 'drops-schema' ? await work.drops(this.#ofSchema(effect.schema)) : await work.plan(effect);
    const { announcements, telling, joined, moved, gone, changed } = this.#options;
    changed(new Set(planned.changes.map(({ from }) => tableName(from))));
    const moves: Moved[] = [];
    for (const { from, to, after } of planned.changes) {
      const name = tableName(from);
      if (to !== null && same(from, to)) continue;
      announcements.drop(name);
      if (after === null) gone(name);
      else moves.push({ name, to: shapeOf(planned, after) });
    }
    if (moves.length > 0) moved(moves);
    await this.#tell(work, planned, place, false);
    for (const past of planned.come) {
      const known = { past, position: statement.position };
      if (await telling.announce(past.shape, undefined, false, known)) joined(past.shape);
    }
  }

  /**
   * A change that was carried here, and so came from the target: told there is only what rows are like from here on.
   * @throws OtterError OT5033 when that is not known
   */
  async returned(
    statement: Statement,
    effect: Extract<TableStatement, { kind: 'alters' }>,
    spec: PipelineSpec,
    place: Place,
  ): Promise<void> {
    const work = new Work(this.#options, statement, spec);
    await this.#tell(work, await work.returned(effect), place, true);
  }

  async #tell(work: Work, planned: Planned, place: Place, returned: boolean): Promise<void> {
    const { changes } = planned;
    if (changes.length === 0) return;
    const { announcements, telling, family } = this.#options;
    telling.changed({ ...work.at, ...place }, { said: work.said, family: await family(), changes, returned });
    for (const { after } of changes)
      if (after !== null) announcements.told({ ...after, table: shapeOf(planned, after) });
  }

  #ofSchema(schema: string): readonly TableShape[] {
    return parentsFirst(this.#options.announcements.ofSchema(schema)).toReversed();
  }
}

/** As the source has it, columns that do not travel included. */
function shapeOf({ now }: Planned, { table }: NonNullable<TableChange['after']>): TableShape {
  return now.find(({ shape }) => same(shape, table))!.shape;
}

/** One statement. */
class Work {
  readonly #options: CarryingOptions;
  readonly #statement: Statement;
  readonly #spec: PipelineSpec;
  /** Its first words, for messages. */
  readonly said: string;

  constructor(options: CarryingOptions, statement: Statement, spec: PipelineSpec) {
    this.#options = options;
    this.#statement = statement;
    this.#spec = spec;
    this.said = firstWords(statement.plain);
  }

  get at(): Pick<Statement, 'gtid' | 'position'> {
    const { gtid, position } = this.#statement;
    return { gtid, position };
  }

  /** Rows of before it are on their way in the other direction. @throws OtterError OT5033 */
  requireBothWays(effect: Exclude<TableStatement, { kind: 'creates' }>): void {
    const { announcements, routes } = this.#options;
    const tables =
      effect.kind === 'drops-schema' ? announcements.ofSchema(effect.schema) : [...effect.tables, ...effect.made];
    for (const table of this.#mine(tables)) {
      const rule = routes.ruleOf(table.schema, table.name)?.conflict ?? SITE_PRIORITY;
      const step = twoWayStep(this.#statement, effect, table, rule);
      if (step?.obstacle != null) throw this.#refused(step.obstacle);
    }
  }

  async returned({ tables }: Extract<TableStatement, { kind: 'alters' }>): Promise<Planned> {
    const changes: TableChange[] = [];
    const now: PastTable[] = [];
    for (const table of this.#mine(tables)) {
      const past = this.#after(table);
      changes.push({ ...this.#bare(table), to: table, after: await this.#announced(past) });
      now.push(past);
    }
    return { ...NOTHING, changes, now };
  }

  async plan({ tables, made }: Extract<TableStatement, { kind: 'alters' }>): Promise<Planned> {
    const { said } = this;
    if (said === 'DROP TABLE') return this.drops(this.#mine(tables));
    const moves = movesOf(tables, made);
    if (said === 'RENAME TABLE') return this.#renames(moves);
    if (said === 'CREATE TABLE') return this.#replaces(tables);
    const [table, ...others] = this.#mine(tables);
    const target = moves[0]?.to ?? null;
    if (table === undefined) return target === null ? this.#comes(tables) : this.#renames(moves);
    if (others.length > 0 || tables.length > 1) throw this.#refused('it is about several tables');
    if (said === 'TRUNCATE TABLE') return this.#one(table, table, true);
    if (!['ALTER TABLE', 'CREATE INDEX', 'DROP INDEX'].includes(said))
      throw this.#refused('it is of a kind that is not carried');
    const obstacle = untold(this.#statement);
    if (obstacle !== null) throw this.#refused(obstacle);
    if (target === null) return this.#one(table, table, false);
    if (!this.#has(target)) throw this.#refused(`${tableName(table)} leaves the channel under another name`);
    return this.#one(table, target, false);
  }

  /**
   * Tables that were there and of which nobody was told. Where it is not known what they are like a later statement changes
   * them, at which it is asked again.
   */
  #comes(tables: readonly Named[]): Planned {
    return { ...NOTHING, come: tables.flatMap((table) => this.#untold(table) ?? []) };
  }

  /** @param was its name before */
  #untold(table: Named, was = table): PastTable | null {
    const found = this.#history(table);
    if (!this.#has(table) || this.#options.announcements.holds(tableName(table)) || found === undefined) return null;
    if (found.doubt !== null && !this.#waits(was)) throw this.#refused(found.doubt.message);
    return found.after;
  }

  #waits(table: Named): boolean {
    return this.#spec.initial === 'copy' && this.#options.announcements.strange(table);
  }

  /** CREATE OR REPLACE: what was there goes, with its rows. */
  async #replaces([table]: readonly Named[]): Promise<Planned> {
    if (table === undefined || !this.#has(table)) return NOTHING;
    return { ...(await this.drops(this.#mine([table]))), come: [this.#after(table)] };
  }

  async drops(tables: readonly Named[]): Promise<Planned> {
    const changes = tables.map((from) => ({ ...this.#bare(from), to: null }));
    return { ...NOTHING, changes };
  }

  async #renames(moves: readonly { readonly from: Named; readonly to: Named }[]): Promise<Planned> {
    const changes: TableChange[] = [];
    const now: PastTable[] = [];
    const come: PastTable[] = [];
    // As all stood before: what is announced below of one may be under the name of the next.
    const told = new Set(moves.flatMap(({ from, to }) => this.#mine([from, to]).map(tableName)));
    for (const { from, to } of moves) {
      const [mine, comes] = [told.has(tableName(from)), this.#has(to)];
      if (mine && comes) {
        const past = this.#after(to);
        changes.push({ ...this.#bare(from), to, after: await this.#announced(past) });
        now.push(past);
      } else if (mine) {
        if (!exchanges(from, moves)) throw this.#refused(`${tableName(from)} leaves the channel under another name`);
        const one = await this.#one(from, from, false, false);
        changes.push(...one.changes);
        now.push(...one.now);
      } else if (comes && !exchanges(to, moves)) {
        if (told.has(tableName(to)) && !moves.some((move) => same(move.from, to)))
          throw this.#refused(`another table takes the place of ${tableName(to)}`);
        const untold = this.#untold(to, from);
        if (untold !== null) come.push(untold);
      }
    }
    return { changes, now, come };
  }

  /**
   * A table that is altered, and perhaps has another name afterwards, or that is emptied.
   * @param says whether the statement says what becomes of its columns
   */
  async #one(from: Named, to: Named, empties: boolean, says = true): Promise<Planned> {
    const past = this.#after(to);
    const before = this.#history(from)?.before ?? null;
    if (before === null && !empties) throw this.#refused(`what ${tableName(from)} was before is not known`);
    const { renamed, dropped, floats } = this.#columns(before, past);
    const doubt = before === null ? null : columnDoubt(before, past, { renamed, dropped, says });
    if (doubt !== null) throw this.#refused(doubt);
    const padded =
      before !== null && this.#statement.history?.pads === true
        ? paddedObstacle(before.shape, past.shape, renamed)
        : null;
    if (padded !== null) throw this.#refused(padded);
    const route = before === null ? null : this.#options.routes.of(before.shape);
    const change: TableChange = {
      from,
      to,
      before:
        before === null || route === null || empties
          ? null
          : { table: route.shape, create: this.#options.announcements.created(before) },
      after: await this.#announced(past),
      renamed,
      dropped,
      floats,
      empties,
    };
    return { ...NOTHING, changes: [change], now: [past] };
  }

  /** As the definitions spell them. */
  #columns(before: PastTable | null, past: PastTable): Pick<TableChange, 'renamed' | 'dropped' | 'floats'> {
    const { renamed, dropped, floats = {} } = this.#statement.history!;
    return {
      renamed: Object.fromEntries(
        Object.entries(renamed).map(([old, now]) => [spelt(before, old), spelt(past, now)] as const),
      ),
      dropped: dropped.map((name) => spelt(before, name)),
      floats: Object.fromEntries(Object.entries(floats).map(([name, value]) => [spelt(past, name), value])),
    };
  }

  #bare(from: Named): Pick<TableChange, 'from' | 'before' | 'after' | 'renamed' | 'dropped' | 'floats' | 'empties'> {
    const name = { schema: from.schema, name: from.name };
    return { from: name, before: null, after: null, renamed: {}, dropped: [], floats: {}, empties: false };
  }

  async #announced(past: PastTable): Promise<NonNullable<TableChange['after']>> {
    const { announcements } = this.#options;
    announcements.changed([past.shape]);
    const found = await announcements.of(past.shape, false, { past, position: this.#statement.position });
    // Told in this shape before: there is nothing about its columns that the target would not know.
    if (found?.announced == null) return this.#same(past);
    return found.announced;
  }

  async #same(past: PastTable): Promise<NonNullable<TableChange['after']>> {
    const { announcements } = this.#options;
    announcements.drop(tableName(past.shape));
    const found = await announcements.of(past.shape, false, { past, position: this.#statement.position });
    if (found?.announced == null) throw this.#refused(`${tableName(past.shape)} is not in the channel`);
    return found.announced;
  }

  #history(table: Named): StatementTable | undefined {
    return this.#statement.history?.tables.find((one) => same(one, table));
  }

  #after(table: Named): PastTable {
    const found = this.#history(table);
    if (found?.doubt != null) throw this.#refused(found.doubt.message);
    if (found?.after == null) throw this.#refused(`what became of ${tableName(table)} is not known`);
    return found.after;
  }

  #has({ schema, name }: Named): boolean {
    return this.#options.routes.ruleOf(schema, name) !== null;
  }

  #told(table: Named): boolean {
    return this.#has(table) && this.#options.announcements.get(tableName(table)) !== undefined;
  }

  /** Tables of the pipeline that the target was told of. */
  #mine(tables: readonly Named[]): Named[] {
    return tables.filter((table) => this.#told(table));
  }

  #refused(why: string): OtterError {
    const { position } = this.#statement;
    const { name, source, target, channel } = this.#spec;
    const tables = (this.#statement.history?.tables ?? [])
      .map(tableName)
      .filter((table, i, all) => all.indexOf(table) === i);
    return notCarried({ pipeline: name, source, target, channel, said: this.said, tables, why, position });
  }
}

const NOTHING: Planned = { changes: [], now: [], come: [] };

/** A change of tables that stops its pipeline, with the statement's kind and tables and the way on. */
export function notCarried(what: {
  readonly pipeline: string;
  readonly source: string;
  readonly target: string;
  readonly channel: string;
  readonly said: string;
  readonly tables: readonly string[];
  readonly why: string;
  readonly position: string;
  readonly cause?: unknown;
}): OtterError {
  const { pipeline, source, target, channel, said, why, position, cause } = what;
  const tables = what.tables.join(', ');
  return new OtterError('OT5033', `${said} of ${tables} in the log of ${source} is not carried to ${target}: ${why}`, {
    where: { pipeline, position, tables },
    hint: `Make the change at ${target} yourself, so that its tables take the rows behind the statement. Then set \`ddl: ignore\` on channel ${channel}, type \`otter apply\`, and when the pipeline goes on set it back.`,
    cause,
  });
}

/** A name of a column as the table spells it, whatever the case of its letters in the statement. */
function spelt(past: PastTable | null, name: string): string {
  const lower = name.toLowerCase();
  return past?.shape.columns.find((column) => column.name.toLowerCase() === lower)?.name ?? name;
}

/** Why it is not known for certain which column after the change is which of before; taken for another, its values would go. */
function columnDoubt(
  before: PastTable,
  after: PastTable,
  { renamed, dropped, says }: Pick<TableChange, 'renamed' | 'dropped'> & { readonly says: boolean },
): string | null {
  const names = ({ shape }: PastTable): string[] => shape.columns.map(({ name }) => name);
  const gone = names(before).filter((name) => !names(after).includes(nameNow(renamed, name)));
  if (says) {
    const unsaid = gone.find((name) => !dropped.includes(name));
    return unsaid === undefined ? null : `what became of column ${unsaid} is not understood`;
  }
  const come = names(after).filter((name) => !names(before).includes(name));
  if (gone.length === 0 || come.length === 0) return null;
  return `column ${gone[0]} may have become ${come[0]}, which the exchange of two tables does not say`;
}
