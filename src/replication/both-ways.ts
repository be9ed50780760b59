/**
 * Which changes of a table are carried in a two-way channel.
 *
 * Rows of before the change are on their way in the other direction, and users of the other site write more of them until it
 * gets there; they arrive at a table that is changed already. Rule kept: a change is safe when a row that is written in the
 * old columns, put into the changed table, is what the same change makes of that row where it came from; and when neither
 * the keys by which conflicts are found nor the literals by which rows are compared become others by it. What is not known
 * to be so is not carried.
 */
import type { ConflictRule } from '../model/pipeline.ts';
import type { Statement, TableStatement } from '../model/ports.ts';
import type { ColumnShape, TableShape } from '../model/row.ts';
import { firstWords, untold } from './carried-statement.ts';
import { fitOf } from './column-fit.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

/** What a statement means to rows of before it of one table. */
export interface TwoWayStep {
  /** Why the change cannot be carried, or null. */
  readonly obstacle: string | null;
  /** Columns that are new, with the literal that the rows that were there have in them. */
  readonly added: Readonly<Record<string, string>>;
}

const ALTERS = new Set(['ALTER TABLE', 'CREATE INDEX', 'DROP INDEX']);

/** Null: the table was not there before. @param table as the statement's history names it */
export function twoWayStep(
  statement: Statement,
  effect: TableStatement,
  table: Named,
  rule: Pick<ConflictRule, 'by' | 'counters'>,
): TwoWayStep | null {
  const refuse = (obstacle: string): TwoWayStep => ({ obstacle, added: {} });
  const said = firstWords(statement.plain);
  if (effect.kind === 'creates') return null;
  if (effect.kind === 'drops-schema') return refuse('rows on their way would find no table');
  const found = statement.history?.tables.find(({ schema, name }) => schema === table.schema && name === table.name);
  // It comes under this name, and nobody has rows of it.
  if (found !== undefined && found.before === null && isOne(effect.made, table)) return null;
  if (effect.made.length > 0 || said === 'RENAME TABLE') return refuse('the table gets another name, or its place');
  if (!ALTERS.has(said)) return refuse('it takes away rows, and others are on their way');
  const untellable = untold(statement);
  if (untellable !== null) return refuse(untellable);
  const { renamed = {}, dropped = [] } = statement.history ?? {};
  if (Object.keys(renamed).length > 0) return refuse('it gives columns other names');
  if (dropped.length > 0) return refuse(`it drops column ${dropped[0]}`);
  if (found?.before == null || found.after === null || found.between === undefined)
    return refuse('what the table was like before and behind it is not known');
  const { between, before, after } = found;
  const obstacle = between.obstacle ?? shapeObstacle(before.shape, after.shape, rule);
  return obstacle === null ? { obstacle, added: between.added } : refuse(obstacle);
}

function isOne(tables: readonly Named[], { schema, name }: Named): boolean {
  return tables.some((one) => one.schema === schema && one.name === name);
}

/** Why the columns of before have not all their place, with their values and their keys, among those of after; or null. */
export function shapeObstacle(
  before: TableShape,
  after: TableShape,
  { by, counters }: Pick<ConflictRule, 'by' | 'counters'>,
): string | null {
  const keys = new Set([before.primaryKey, ...before.uniques.map(({ columns }) => columns)].flat());
  const judged = new Set([...(by === null ? [] : [by]), ...counters].map((name) => name.toLowerCase()));
  for (const [index, column] of before.columns.entries()) {
    const { name } = column;
    const now = after.columns.find((one) => one.name === name);
    if (now === undefined) return `column ${name} is not there any more`;
    if (column.generated !== now.generated) return `column ${name} is generated on one side of the change only`;
    if (column.nullable && !now.nullable) return `column ${name} takes no NULL any more`;
    if (sameValues(column, now) && (column.nullable === now.nullable || !keys.has(index))) continue;
    if (keys.has(index)) return `column ${name} is part of a key by which conflicts are found`;
    if (sameValues(column, now)) continue;
    if (judged.has(name.toLowerCase())) return `conflicts are decided by column ${name}`;
    if (!widens(column, now)) return `column ${name} becomes ${kept(now.type)} and was ${kept(column.type)}`;
  }
  return null;
}

/** Members of an ENUM or SET are values. */
function kept(type: string): string {
  return type.replace(/\('.*/s, '(...)');
}

function sameValues(one: ColumnShape, other: ColumnShape): boolean {
  return plain(one.type) === plain(other.type) && one.charset === other.charset && one.collation === other.collation;
}

/** The number in brackets of an integer is for display only. */
function plain(type: string): string {
  return type.replace(/^((?:tiny|small|medium|big)?int(?:eger)?)\(\d+\)/i, '$1');
}

const INTEGER = /^(tiny|small|medium|big)?int\b/i;
/** Types among which a value keeps its literal where there is room for it. */
const FAMILIES = [
  INTEGER,
  /^char\b/i,
  /^(varchar|(tiny|medium|long)?text)\b/i,
  /^(varbinary|(tiny|medium|long)?blob)\b/i,
  /^enum\b/i,
  /^set\b/i,
  /^decimal\b/i,
];

/** Whether every value of one is the same value, in the same letters, in the other. */
function widens(one: ColumnShape, other: ColumnShape): boolean {
  if (one.charset !== other.charset || one.collation !== other.collation) return false;
  if (!FAMILIES.some((family) => family.test(one.type) && family.test(other.type))) return false;
  if (scaleOf(one.type) !== scaleOf(other.type)) return false;
  return fitOf(one, { ...other, nullable: true }) === 'exact';
}

/** Digits behind the point. */
function scaleOf(type: string): string {
  return /^decimal\(\d+,(\d+)\)/i.exec(type)?.[1] ?? '0';
}
