/**
 * A change of tables of the source, made at the target.
 *
 * No server takes it and the checkpoint in one transaction. So what the tables here were before is written down first, in a
 * transaction that moves the checkpoint's number; then the change is made; then the position moves, in a transaction that
 * strikes what was written down. Whoever comes after a kill in between finds it, and the tables tell whether the change was
 * made: it is one statement for each step, which a server makes wholly or not at all.
 *
 * Rule kept: nothing is written down, and nothing made, unless all of it can be.
 */
import { isAmong } from '../model/column-names.ts';
import { messageOf, OtterError } from '../model/error.ts';
import {
  type Checkpoint,
  type CopyState,
  type LoadSession,
  NotCarriedError,
  type PendingChange,
  type RecordedTable,
  type TableStep,
  type TargetPort,
} from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { nameNow } from '../model/renamed.ts';
import { type Delivery, type TableChange, type TableShape, tableName } from '../model/row.ts';
import { mergesTables } from '../model/table-mapping.ts';
import { conversionObstacle } from '../replication/conversion.ts';
import { mapName, ruleFor } from '../replication/names.ts';
import { placeOf } from '../replication/places.ts';
import { backoff } from './backoff.ts';
import { notCarried } from './carrying.ts';
import type { Figures } from './figures.ts';
import type { TargetTables } from './tables.ts';

export type Changed = Extract<Delivery, { kind: 'definition' }>;

export interface ChangingOptions {
  readonly target: Pick<TargetPort, 'family' | 'pendingChange' | 'lookAhead' | 'changeTables' | 'sharesTable'>;
  readonly session: LoadSession;
  readonly tables: TargetTables;
  readonly figures: Figures;
  readonly spec: () => PipelineSpec;
}

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** Runs `work` in a transaction that moves the checkpoint from where it is, to a position or only on by one. */
export type Move = (position: string | null, work: () => Promise<void>) => Promise<Checkpoint>;

/** How often a change is tried again in place when the server says "busy", before the pipeline starts over. */
const BUSY_TRIES = 5;
const BUSY: ReadonlySet<string> = new Set(['OT4005', 'OT5017']);

export class Changing {
  readonly #options: ChangingOptions;

  constructor(options: ChangingOptions) {
    this.#options = options;
  }

  /** @throws OtterError OT5033, OT5034 */
  async apply(delivery: Changed, checkpoint: Checkpoint, move: Move, signal: AbortSignal): Promise<void> {
    if (delivery.returned) return this.#record(delivery, move);
    const { target, session } = this.#options;
    const { name } = this.#options.spec();
    const steps = await this.#steps(delivery);
    const pending = await target.pendingChange(name);
    let { epoch } = checkpoint;
    let before: PendingChange['before'];
    if (pending?.gtid === delivery.gtid) before = pending.before;
    else {
      before = await target.lookAhead(steps).catch((error: unknown) => this.#refuse(delivery, error));
      const change = { gtid: delivery.gtid, before };
      ({ epoch } = await move(null, async () => session.recordChange(name, change)));
    }
    await this.#make(delivery, { epoch, gtid: delivery.gtid, steps, before }, signal).catch(async (error: unknown) => {
      // Whoever mends the cause may change the table for it, which is not to be taken for the change.
      if (isCode(error, 'OT5034') && (await this.#isUntouched(steps, before)))
        await move(null, async () => session.recordChange(name, null));
      throw error;
    });
    await this.#record(delivery, move);
  }

  /** What is there now, in one transaction with the position behind it. */
  async #record(delivery: Changed, move: Move): Promise<void> {
    const { session, tables } = this.#options;
    const { name } = this.#options.spec();
    tables.changed(delivery.changes.map(({ from }) => tableName(from)));
    // What does not fit any more stops here, before the first row.
    for (const { after } of delivery.changes) if (after !== null) await tables.match(after.table, true);
    const { known, copies, gone } = this.#records(delivery.changes);
    await move(delivery.position, async () => {
      await session.forgetTables(name, gone);
      await session.recordCopies(name, copies);
      await session.recordTables(name, known);
      if (!delivery.returned) await session.recordChange(name, null);
    });
    tables.forget(gone);
    for (const state of copies) tables.record(state);
    for (const [table, recorded] of Object.entries(known)) tables.recordTable(table, recorded);
  }

  async #isUntouched(steps: readonly TableStep[], before: PendingChange['before']): Promise<boolean> {
    const now = await this.#options.target.lookAhead(steps).catch((error: unknown) => {
      if (error instanceof NotCarriedError) return null;
      throw error;
    });
    return now !== null && Object.entries(before).every(([table, create]) => now[table] === create);
  }

  async #make(
    delivery: Changed,
    change: Parameters<TargetPort['changeTables']>[1],
    signal: AbortSignal,
  ): Promise<void> {
    const { target, figures, spec } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        await target.changeTables(spec().name, change, signal);
        return;
      } catch (error) {
        if (signal.aborted || !(error instanceof OtterError) || !BUSY.has(error.code) || attempt >= BUSY_TRIES)
          this.#refuse(delivery, error);
        figures.waiting = error.message;
        await backoff(attempt, signal);
      }
    }
  }

  #refuse(delivery: Changed, error: unknown): never {
    const { name, source, target, channel } = this.#options.spec();
    const { said, position, changes } = delivery;
    const tables = changes.map(({ from }) => tableName(from));
    if (error instanceof NotCarriedError)
      throw notCarried({ pipeline: name, source, target, channel, said, tables, why: error.message, position });
    if (!(error instanceof OtterError) || error.code !== 'OT4006') throw error;
    throw new OtterError('OT5034', `${target} refuses ${said} of ${tables.join(', ')}: ${messageOf(error)}`, {
      where: { pipeline: name, position, tables: tables.join(', ') },
      hint: `Mend the cause at ${target}; the pipeline stands before the change and tries again by itself.`,
      cause: error,
    });
  }

  // ------------------------------------------------------------ what is to be done here

  async #steps(delivery: Changed): Promise<TableStep[]> {
    const refuse = (why: string): never => this.#refuse(delivery, new NotCarriedError(why));
    const sameFamily = (await this.#options.target.family()) === delivery.family;
    const moves: { from: Named; to: Named }[] = [];
    const steps: TableStep[] = [];
    for (const change of delivery.changes) {
      const rule = this.#ruleOf(change.from) ?? refuse(`${tableName(change.from)} is not in the channel here`);
      const from = there(rule, change.from);
      if (mergesTables(rule) || (await this.#isShared(change.from, from)))
        refuse(`${tableName(from)} takes the rows of several tables`);
      if (change.to === null) {
        steps.push({ kind: 'drop', table: from });
        continue;
      }
      if (change.empties) {
        steps.push({ kind: 'empty', table: from });
        continue;
      }
      const rules = this.#ruleOf(change.to) ?? refuse(`${tableName(change.to)} is not in the channel here`);
      const to = there(rules, change.to);
      if (columnsOf(rules) !== columnsOf(rule)) refuse(`${tableName(to)} has other columns than ${tableName(from)}`);
      if (change.before === null) {
        moves.push({ from, to });
        continue;
      }
      const obstacle = conversion(change, sameFamily);
      if (obstacle !== null) refuse(obstacle);
      steps.push({
        kind: 'alter',
        from,
        to,
        before: change.before.create,
        after: change.after!.create,
        renamed: change.renamed,
        dropped: change.dropped,
        floats: change.floats,
        swaying: swaying(change.after!.table),
        columnAt: (column) => columnAt(rule, column),
        parentAt: (parent) => this.#parentAt(parent),
      });
    }
    return moves.length === 0 ? steps : [...steps, { kind: 'rename', moves }];
  }

  #ruleOf({ schema, name }: Named): TableRule | null {
    return ruleFor(this.#options.spec().tables, schema, name);
  }

  async #isShared(source: Named, target: Named): Promise<boolean> {
    return this.#options.target.sharesTable(this.#options.spec().name, tableName(source), tableName(target));
  }

  /** A parent that is not in the channel keeps its name. */
  #parentAt(parent: string): string {
    const [schema = '', name = ''] = [...parent.matchAll(/`((?:[^`]|``)+)`/g)].map(([, part]) =>
      part!.replaceAll('``', '`'),
    );
    const rule = this.#ruleOf({ schema, name });
    if (rule === null) return parent;
    const quoted = (part: string): string => `\`${part.replaceAll('`', '``')}\``;
    const at = there(rule, { schema, name });
    return `${quoted(at.schema)}.${quoted(at.name)}`;
  }

  // ------------------------------------------------------------ what is recorded of it

  #records(changes: readonly TableChange[]): {
    readonly known: Readonly<Record<string, RecordedTable>>;
    readonly copies: readonly CopyState[];
    readonly gone: readonly string[];
  } {
    const { tables, spec } = this.#options;
    const known: Record<string, RecordedTable> = {};
    const copies: CopyState[] = [];
    const now = new Set(changes.flatMap(({ to }) => (to === null ? [] : [tableName(to)])));
    for (const { from, to, after } of changes) {
      if (to === null || after === null) continue;
      const place = placeOf(spec(), to.schema, to.name)!;
      const { structure, definition } = after;
      const table = tableName(to);
      if (structure !== null)
        known[table] = { structure, since: null, place, ...(definition === undefined ? {} : { definition }) };
      const state = tables.copyOf(tableName(from));
      if (state === undefined || table === tableName(from)) continue;
      copies.push(state.done ? { ...state, table, place } : { ...state, table, place, cursor: null, rowsDone: 0 });
    }
    const gone = changes.map(({ from }) => tableName(from)).filter((table) => !now.has(table));
    return { known, copies, gone };
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof OtterError && error.code === code;
}

function there(rule: TableRule, { schema, name }: Named): Named {
  const at = mapName(rule, schema, name);
  return { schema: at.schema, name: at.table };
}

function columnsOf({ omit, only, rename }: TableRule): string {
  return JSON.stringify([omit, only, rename]);
}

function columnAt({ omit, only, rename }: TableRule, column: string): string | null {
  if (isAmong(omit, column) || (only !== null && !isAmong(only, column))) return null;
  return nameNow(rename, column);
}

function swaying({ sways = [] }: TableShape): string[] {
  return sways.filter(({ stored }) => stored).map(({ column }) => column);
}

/** Whether rows that are there come to the same values at both servers. */
function conversion({ before, after, renamed, dropped }: TableChange, sameFamily: boolean): string | null {
  for (const column of before!.table.columns) {
    if (dropped.includes(column.name)) continue;
    const now = after!.table.columns.find(({ name }) => name === nameNow(renamed, column.name));
    const obstacle = now === undefined ? null : conversionObstacle(column, now, sameFamily);
    if (obstacle !== null) return obstacle;
  }
  // Also one that says the same as before, of a column that has another type.
  const earlier = new Set(swaying(before!.table).map((name) => renamed[name] ?? name));
  const come = swaying(after!.table).find((name) => !earlier.has(name));
  return come === undefined
    ? null
    : `the values of generated column ${come} hang on settings of the session that makes them`;
}
