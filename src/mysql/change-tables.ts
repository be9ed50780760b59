/**
 * Changes of tables at a target, as they were carried from a source.
 *
 * No server takes such a change and the checkpoint in one transaction. What its tables were before is therefore written down
 * first; whoever comes after a kill compares. Rules kept: a change is made once, however often it is tried; it is made by
 * nobody who has been fenced, which a lock of the server's by name sees to, held from the look at the epoch to the end of
 * the statement also where the node that sent it is gone.
 */
import { OtterError } from '../model/error.ts';
import { carriedMark, NotCarriedError, type TableStep } from '../model/load.ts';
import { tableName } from '../model/row.ts';
import { alterActions, numbered, withParents, withSchemas } from './alter-table.ts';
import type { Session } from './connection.ts';
import { withoutCounter } from './create-parts.ts';
import { dialectOf } from './create-table.ts';
import { translated } from './create-translation.ts';
import { serverErrorNumber } from './driver-error.ts';
import { qualified, quoteName, quoteText } from './sql.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** What tables were, by `schema.table`; null: there was none. */
export type Definitions = Readonly<Record<string, string | null>>;

const NO_SUCH_TABLE = 1146;
const UNKNOWN_DATABASE = 1049;

export async function definitionsOf(session: Session, tables: readonly Named[]): Promise<Definitions> {
  const found: Record<string, string | null> = {};
  for (const table of tables) found[tableName(table)] = await definitionOf(session, table);
  return found;
}

async function definitionOf(session: Session, table: Named): Promise<string | null> {
  try {
    const [row] = await session.rows<Record<string, string>>(`SHOW CREATE TABLE ${qualified(table)}`);
    const text = row?.['Create Table'];
    return text === undefined ? null : withoutCounter(text);
  } catch (error) {
    const number = serverErrorNumber(error);
    if (number === NO_SUCH_TABLE || number === UNKNOWN_DATABASE) return null;
    throw error;
  }
}

/** Every table that a step is about, under the names before and after. */
export function tablesOf(step: TableStep): readonly Named[] {
  switch (step.kind) {
    case 'alter':
      return [step.from, step.to];
    case 'rename':
      return step.moves.flatMap(({ from, to }) => [from, to]);
    case 'drop':
    case 'empty':
      return [step.table];
    default:
      return step satisfies never;
  }
}

/**
 * The statement that makes the change in the present state of the tables; null: there is nothing to do.
 * @throws NotCarried
 */
export async function statementOf(session: Session, step: TableStep, present: Definitions): Promise<string | null> {
  switch (step.kind) {
    case 'drop':
      return present[tableName(step.table)] === null ? null : `DROP TABLE ${qualified(step.table)}`;
    case 'empty':
      return `TRUNCATE TABLE ${qualified(step.table)}`;
    case 'rename':
      return `RENAME TABLE ${inTurn(step.moves)
        .map(({ from, to }) => `${qualified(from)} TO ${qualified(to)}`)
        .join(', ')}`;
    case 'alter': {
      const there = present[tableName(step.from)];
      if (there == null) throw missing(step.from);
      const { family, known } = await dialectOf(session);
      const inWords = (create: string): string => translated(withParents(create, step.parentAt), family, known).body;
      const change = {
        before: inWords(step.before),
        after: inWords(step.after),
        renamed: new Map(Object.entries(step.renamed)),
        dropped: new Set(step.dropped),
        columnAt: step.columnAt,
      };
      const floats = new Map(Object.entries(step.floats));
      for (const column of numbered(change)) await requireNumbers(session, step.from, column);
      const actions = alterActions({
        ...change,
        present: withSchemas(there, step.from.schema),
        swaying: new Set(step.swaying),
        floats,
      });
      const moves = tableName(step.from) === tableName(step.to) ? [] : [`RENAME TO ${qualified(step.to)}`];
      const all = [...actions, ...moves];
      return all.length === 0 ? null : `ALTER TABLE ${qualified(step.from)} ${all.join(', ')}`;
    }
    default:
      return step satisfies never;
  }
}

/** Those that are copied later are read with the numbers that they have got. @throws NotCarried */
async function requireNumbers(session: Session, table: Named, column: string): Promise<void> {
  const name = quoteName(column);
  const [found] = await session.rows<object>(
    `SELECT 1 AS one FROM ${qualified(table)} WHERE ${name} IS NULL OR ${name} = 0 LIMIT 1`,
  );
  if (found !== undefined)
    throw new NotCarriedError(
      `column ${column} begins to number rows, and one has 0 or NULL in it, for which each server takes a number`,
    );
}

/** Moves that are meant at once, so that each finds its name free: where they go round, by a name of otter's own. */
export function inTurn(moves: Extract<TableStep, { kind: 'rename' }>['moves']): { from: Named; to: Named }[] {
  const left = moves.map(({ from, to }) => ({ from, to }));
  const turns: { from: Named; to: Named }[] = [];
  while (left.length > 0) {
    const free = left.findIndex(({ to }) => left.every(({ from }) => tableName(from) !== tableName(to)));
    if (free >= 0) turns.push(...left.splice(free, 1));
    else {
      const [first] = left as [{ from: Named; to: Named }];
      const aside = { schema: first.from.schema, name: `_otter_aside_${turns.length}` };
      turns.push({ from: first.from, to: aside });
      first.from = aside;
    }
  }
  return turns;
}

/**
 * Whether the step has been made since its tables were `before`. A statement that leaves the definition as it was, or that
 * empties a table, may be made again: no row from behind it is there yet.
 */
export function isMade(step: TableStep, before: Definitions, now: Definitions): boolean {
  const differs = (table: Named): boolean => before[tableName(table)] !== now[tableName(table)];
  return step.kind !== 'empty' && tablesOf(step).some(differs);
}

/** Whether what the step makes could not be told from what was there: tables of one definition that change places. */
export function leavesNoTrace(step: TableStep, before: Definitions): boolean {
  if (step.kind !== 'rename') return false;
  const bare = (table: Named): string | null | undefined => before[tableName(table)]?.replace(/^[^(]*/, '');
  const sources = new Map(step.moves.map(({ from, to }) => [tableName(to), from]));
  const kept = step.moves.every(({ from }) => sources.has(tableName(from)));
  return kept && step.moves.every(({ from, to }) => bare(from) === bare(to));
}

/** For how long a lock of the server's is waited for, on the name and on a table, seconds. */
const LOCK_WAIT_S = 20;
const IDLE_S = 60;

export interface CarryingOut {
  readonly pipeline: string;
  readonly lineage: string;
  /** Of the statement at the source. */
  readonly gtid: string;
  /** Selects the epoch in the checkpoint row of the pipeline. */
  readonly epochQuery: string;
  readonly epoch: number;
  readonly steps: readonly TableStep[];
  /** What the tables were before any of the steps was made. */
  readonly before: Definitions;
}

/** @param session takes several statements at once, and is nobody else's @throws OtterError OT5001, OT5017, OT5034; NotCarried */
export async function carryOut(
  session: Session,
  { pipeline, lineage, gtid, epochQuery, epoch, steps, before }: CarryingOut,
): Promise<void> {
  // An owner that is frozen between two statements keeps the name no longer than that.
  await session.run(`SET wait_timeout=${IDLE_S}, lock_wait_timeout=${LOCK_WAIT_S}, foreign_key_checks=1`);
  const lock = quoteText(`otter:${pipeline}`.slice(0, 60));
  const [taken] = await session.rows<{ taken: number | string | null }>(
    `SELECT GET_LOCK(${lock}, ${LOCK_WAIT_S}) AS taken`,
  );
  if (Number(taken?.taken) !== 1) {
    throw new OtterError('OT5017', `an earlier change of tables by ${pipeline} is still under way`, {
      where: { pipeline },
      retry: 'backoff',
    });
  }
  const [row] = await session.rows<{ epoch: number | string }>(epochQuery);
  if (Number(row?.epoch) !== epoch) {
    throw new OtterError('OT5001', `another owner writes ${pipeline}`, {
      where: { pipeline, epoch },
      retry: 'backoff',
    });
  }
  for (const step of steps) {
    const now = await definitionsOf(session, tablesOf(step));
    if (isMade(step, before, now)) continue;
    const sql = await statementOf(session, step, now);
    if (sql !== null) await session.run(carriedMark(lineage, pipeline, gtid) + sql);
  }
  await session.run(`DO RELEASE_LOCK(${lock})`);
}

function missing(table: Named): OtterError {
  return new OtterError('OT5021', `${tableName(table)} is missing`, {
    where: { table: tableName(table) },
    hint: 'Put it back with its rows, or have it copied again: `otter explain OT5021` says how.',
    retry: 'backoff',
  });
}
