/**
 * Whether a table has the columns that the rule about its conflicts names, and of a kind that the rule can use.
 *
 * Rule kept: a column that a rule names and a table has not is refused, never passed over; who means it for some tables
 * of a channel gives the others an entry with a `conflict` of their own.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import type { ConflictRule } from '../model/pipeline.ts';
import { type ColumnShape, tableName } from '../model/row.ts';

const NUMBERS = /^(?:tinyint|smallint|mediumint|int|bigint|decimal|float|double)\b/;
/** Values whose order is that of the numbers that `orderOf` makes of them. */
const TIMES = /^(?:date|datetime|timestamp|year)\b/;

/** @param table as it is written at the site that decides */
export function conflictObstacle(table: LoadTable, { by, groups, counters }: ConflictRule): OtterError | null {
  const found = (name: string): ColumnShape | undefined =>
    table.columns.find((column) => column.name.toLowerCase() === name.toLowerCase());
  const refuse = (why: string): OtterError =>
    new OtterError('OT5031', `conflicts of ${tableName(table.target)} cannot be decided as the topology says: ${why}`, {
      where: { table: tableName(table.target) },
      hint: 'Correct `conflict`; a table that differs from the others of its channel can have an entry with a `conflict` of its own.',
    });
  const named = [...(by === null ? [] : [by]), ...groups.flat(), ...counters];
  const missing = named.find((name) => found(name) === undefined);
  if (missing !== undefined) return refuse(`it has no column ${missing} that travels`);
  if (by !== null && !NUMBERS.test(found(by)!.type) && !TIMES.test(found(by)!.type))
    return refuse(`${by} is ${found(by)!.type}, which tells no time: \`by\` takes numbers, dates and times`);
  const text = counters.find((name) => !NUMBERS.test(found(name)!.type));
  if (text !== undefined) return refuse(`${text} is ${found(text)!.type}, which does not add up`);
  const keys = [table.target.primaryKey, ...table.target.uniques.map(({ columns }) => columns)];
  const keyed = counters.find((name) =>
    keys.some((columns) => columns.some((index) => table.target.columns[index]!.name === found(name)!.name)),
  );
  return keyed === undefined ? null : refuse(`${keyed} is part of a key, and a counter cannot be`);
}
