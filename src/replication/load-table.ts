/**
 * How the columns of a source table fall into a target table.
 *
 * The source projects rows to the columns that may travel (`extract`); the target matches them by name with the table
 * it has (`loadTable`). From then on rows of the table are *loaded images*: values in the order of `LoadTable.columns`.
 */
import { isAmong } from '../model/column-names.ts';
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import type { TableRule } from '../model/pipeline.ts';
import { nameNow } from '../model/renamed.ts';
import type { ColumnShape, Image, TableShape, Value } from '../model/row.ts';
import { tableName } from '../model/row.ts';
import { cascades } from './cascades.ts';
import { type Fit, fitOf, printTypes } from './column-fit.ts';
import { NULL_TYPE, TRUTH_TYPE } from './expression/types.ts';
import type { FindHash } from './mask.ts';
import { isOracle, oracleFit } from './oracle-fit.ts';
import { type Bounded, type FindProcessor, type NamedColumn, processing, roomy } from './processing.ts';
import { type RowWork, rowWork } from './row-work.ts';

/** What leaves the source of one table: its shape less the columns that stay, and how to cut rows to it. */
export interface Extract {
  readonly shape: TableShape;
  /** Indexes into the source's full rows, or null when rows travel whole. */
  readonly picks: readonly number[] | null;
  /** Null: all rows travel. */
  readonly keeps: ((row: Image) => boolean) | null;
  /** Makes the row that travels of a full one, where that is more than `picks`. @throws OtterError OT5051 */
  readonly makes: ((row: Image) => Image) | null;
  /** What a processor makes of a row that would travel. @throws OtterError OT5053 */
  readonly processes: ((row: Image) => readonly Image[]) | null;
  /** Where there is a processor: ends work with its rows that does not come back. */
  readonly bounded: Bounded | null;
  /** Changed rows are read again. */
  readonly rereads: boolean;
}

/** What a node has of that by which rows are made; null: they are only looked at. */
export interface Finds {
  readonly hash: FindHash | null;
  readonly processor: FindProcessor | null;
  readonly bounded: Bounded | null;
}

const NOTHING: Finds = { hash: null, processor: null, bounded: null };

type ExtractRule = Pick<TableRule, 'omit' | 'only' | 'rows'> & Partial<Pick<TableRule, 'rename'>>;

/**
 * @throws OtterError OT5010 when a key column would stay behind, OT5050 when `where`, `set`, `mask` or `process` do not fit the
 * table, OT5053 when a module cannot be run, OT5054.
 */
export function extract(rule: ExtractRule, full: TableShape, { hash, processor, bounded }: Finds = NOTHING): Extract {
  const travels = (column: ColumnShape): boolean =>
    !column.generated && !isAmong(rule.omit, column.name) && (rule.only === null || isAmong(rule.only, column.name));
  const picks = full.columns.flatMap((column, index) => (travels(column) ? [index] : []));
  const work = rule.rows === undefined ? null : rowWork(rule.rows, rule.rename ?? {}, full, travels, hash);
  const keeps = work?.keeps ?? null;
  const changes = work !== null && (work.instead.size > 0 || work.besides.length > 0);
  const ref = rule.rows?.process;
  const rereads = rule.rows?.reread === true;
  if (rereads && full.primaryKey.length === 0)
    throw new OtterError('OT5054', `${tableName(full)} has no primary key by which its rows could be read again`, {
      where: { table: tableName(full) },
      hint: 'Give it one, or leave `reread` out.',
    });
  if (picks.length === full.columns.length && !changes && ref === undefined)
    return { shape: full, picks: null, keeps, makes: null, processes: null, bounded: null, rereads };
  const at = new Map(picks.map((index, position) => [index, position]));
  const keyHole = full.primaryKey.find((index) => !at.has(index));
  if (keyHole !== undefined) {
    throw new OtterError(
      'OT5010',
      `${tableName(full)}: column ${full.columns[keyHole]!.name} is part of the primary key and cannot be left out`,
      {
        where: { table: tableName(full) },
        hint: 'Take it out of `omit`, or add it to `only`.',
      },
    );
  }
  const blurred = full.primaryKey.find((index) => work?.instead.get(index)?.distinct === false);
  if (blurred !== undefined) {
    const name = full.columns[blurred]!.name;
    throw new OtterError(
      'OT5050',
      `${tableName(full)}: column ${name} is part of the primary key, and with the value it is given two rows could become one`,
      {
        where: { table: tableName(full) },
        hint: `Leave ${name} as it is, mask it by \`hash\`, or set a column of another name beside it.`,
      },
    );
  }
  // Whether values differ is not known of those that are made.
  const moved = (indexes: readonly number[]): number[] | null =>
    indexes.every((index) => at.has(index) && work?.instead.has(index) !== true)
      ? indexes.map((index) => at.get(index)!)
      : null;
  const columns = [
    ...picks.map((index) => work?.instead.get(index)?.shape ?? full.columns[index]!),
    ...(work?.besides ?? []).map(({ shape }) => shape),
  ].map((column) => (ref === undefined ? column : roomy(column)));
  const shape: TableShape = {
    ...full,
    columns,
    primaryKey: full.primaryKey.map((index) => at.get(index)!),
    uniques: full.uniques.flatMap((unique) => {
      const there = ref === undefined ? moved(unique.columns) : null;
      return there === null ? [] : [{ ...unique, columns: there }];
    }),
    foreignKeys: full.foreignKeys.flatMap((key) => {
      const there = key.columns.flatMap((index) => at.get(index) ?? []);
      if (there.length === key.columns.length) return [{ ...key, columns: there }];
      // No key at the target does what this one does to rows that travel.
      const reaches = /CASCADE/.test(key.onDelete) || (there.length > 0 && cascades(key));
      return reaches ? [{ ...key, columns: [] }] : [];
    }),
  };
  const processes =
    ref === undefined || processor === null
      ? null
      : processing(processor(ref), ref, full, named(shape.columns, rule.rename ?? {}), shape.primaryKey);
  const made = changes ? maker(work, picks) : null;
  return { shape, picks, keeps, makes: made, processes, bounded: processes === null ? null : bounded, rereads };
}

function named(columns: readonly ColumnShape[], rename: Readonly<Record<string, string>>): NamedColumn[] {
  return columns.map((shape) => ({ name: nameThere(shape, rename), shape }));
}

/** At the target. */
function nameThere({ name, computed }: ColumnShape, rename: Readonly<Record<string, string>>): string {
  return computed === true ? name : nameNow(rename, name);
}

function maker({ instead, besides }: RowWork, picks: readonly number[]): (row: Image) => Image {
  const makes = [
    ...picks.map((index) => instead.get(index)?.make ?? ((row: Image): Value => row[index]!)),
    ...besides.map(({ make }) => make),
  ];
  return (row) => makes.map((make) => make(row));
}

/** A row as it travels, in however many; none when it does not. */
export function travelling(row: Image, { picks, keeps, makes, processes }: Extract): readonly Image[] {
  if (keeps !== null && !keeps(row)) return [];
  const made = makes === null ? pick(row, picks) : makes(row);
  return processes === null ? [made] : processes(made);
}

/** Why rows that are read again could not be written where the log is still before them, or null. */
export function rereadObstacle({ source, target }: LoadTable, rule: Pick<TableRule, 'rows'>): OtterError | null {
  if (rule.rows?.reread !== true) return null;
  const unique = target.uniques[0]?.name ?? target.foreignKeys[0]?.name;
  if (unique === undefined) return null;
  return new OtterError(
    'OT5054',
    `rows of ${tableName(source)} are read again, and key ${unique} of ${tableName(target)} may not take them yet`,
    {
      where: { source: tableName(source), target: tableName(target) },
      hint: 'Leave `reread` out, or drop that key at the target.',
    },
  );
}

/** What a server does not change in silence, or not unseen (`MysqlSession` watches what it cuts). */
const ALOUD: readonly Fit[] = ['aloud', 'cuts'];

/**
 * `running`: rows came before, so that one side may have been widened before the other; then only columns that would
 * change values in silence are refused.
 * @throws OtterError OT5011 when a column has no counterpart, OT5012 when the target's key is not written, OT5028 when a
 * counterpart does not take every value.
 */
export function loadTable(
  source: TableShape,
  target: TableShape,
  rename: Readonly<Record<string, string>>,
  running = false,
): LoadTable {
  const place = new Map(target.columns.map((column, index) => [column.name.toLowerCase(), index]));
  const targetIndexes = source.columns.map((column) => {
    const wanted = nameThere(column, rename);
    const index = place.get(wanted.toLowerCase());
    if (index === undefined || target.columns[index]!.generated) {
      throw new OtterError(
        'OT5011',
        `${tableName(target)} has no writable column ${wanted} for ${tableName(source)}.${column.name}`,
        {
          where: { source: tableName(source), target: tableName(target) },
          hint: `Add the column to ${tableName(target)}, or leave ${column.name} out with \`columns: { omit: [${column.name}] }\`.`,
        },
      );
    }
    return index;
  });
  refuseTwice(source, target, targetIndexes);
  const judge = isOracle(target) ? oracleFit : fitOf;
  const fits = source.columns.map((column, position): Fit => {
    const there = target.columns[targetIndexes[position]!]!;
    return column.type === NULL_TYPE
      ? nullFit(there)
      : judge(column.computed === true ? asThere(column, there) : column, there);
  });
  refuseMisfits(source, target, targetIndexes, running ? ALOUD : [], fits);
  const at = new Map(targetIndexes.map((index, position) => [index, position]));
  const key = target.primaryKey.map((index) => at.get(index));
  if (key.some((index) => index === undefined)) {
    throw new OtterError(
      'OT5012',
      `the primary key of ${tableName(target)} has columns that ${tableName(source)} does not send`,
      {
        where: { source: tableName(source), target: tableName(target) },
        hint: 'Both tables need the same primary key.',
      },
    );
  }
  return {
    source,
    target,
    columns: targetIndexes.map((index) => target.columns[index]!),
    key: key as number[],
    uniques: target.uniques.flatMap((unique) => {
      const columns = unique.columns.map((index) => at.get(index));
      return columns.includes(undefined) ? [] : [{ name: unique.name, columns: columns as number[] }];
    }),
    extras: target.columns.filter((column, index) => !at.has(index) && !column.generated),
    cuts: fits.includes('cuts'),
  };
}

/** A rename may lead to the name of a column that travels too. */
function refuseTwice(source: TableShape, target: TableShape, targetIndexes: readonly number[]): void {
  const second = targetIndexes.findIndex((index, position) => targetIndexes.indexOf(index) < position);
  if (second < 0) return;
  const both = [targetIndexes.indexOf(targetIndexes[second]!), second].map(
    (position) => source.columns[position]!.name,
  );
  throw new OtterError(
    'OT5011',
    `columns ${both.join(' and ')} of ${tableName(source)} would both go into ${tableName(target)}.${target.columns[targetIndexes[second]!]!.name}`,
    {
      where: { source: tableName(source), target: tableName(target) },
      hint: 'Give each a name of its own with `columns.rename` or `columns.set`, or leave one out with `columns.omit`.',
    },
  );
}

/**
 * A whole number that was computed is written by its value, also into a column of another kind of numbers which has room for its
 * digits; a condition, which is 1 or 0, into any.
 */
function asThere(column: ColumnShape, there: ColumnShape): ColumnShape {
  const digits = WHOLE_DIGITS[column.type];
  const base = /^[a-z]+/i.exec(there.type)?.[0].toLowerCase() ?? '';
  // One that is too large is refused.
  if (/^decimal\(\d+,0\)/i.test(column.type) && base in WHOLE_DIGITS) return { ...column, type: 'bigint' };
  if (digits === undefined) return column;
  if (base === 'decimal') return { ...column, type: `decimal(${digits},0)` };
  return digits <= (KEPT_DIGITS[base] ?? 0) ? { ...column, type: there.type } : column;
}

const WHOLE_DIGITS: Readonly<Record<string, number>> = {
  ...{ [TRUTH_TYPE]: 1, tinyint: 2, smallint: 4, mediumint: 6, int: 9, bigint: 18 },
};

/** Whole numbers of so many digits are the same there; a negative one would be another in a BIT. */
const KEPT_DIGITS: Readonly<Record<string, number>> = { float: 7, double: 15, bit: 1 };

/** See `fitOf`. */
function nullFit({ nullable, type }: ColumnShape): Fit {
  return nullable ? 'exact' : /^timestamp/i.test(type) ? 'silent' : 'aloud';
}

function refuseMisfits(
  source: TableShape,
  target: TableShape,
  targetIndexes: readonly number[],
  allowed: readonly Fit[],
  fits: readonly Fit[],
): void {
  const misfits = source.columns.flatMap((column, position) => {
    const counterpart = target.columns[targetIndexes[position]!]!;
    const fit = fits[position]!;
    // The type of a computed column is a guess at the largest value, which hardly ever comes; one that does not fit is refused aloud.
    if (fit === 'exact' || (column.computed === true ? ALOUD : allowed).includes(fit)) return [];
    const { from, to } = printTypes(column, counterpart);
    if (column.computed !== true) return [`${counterpart.name} is ${to} and should take ${from}`];
    const made = column.type === TRUTH_TYPE ? 'a condition, which is 1 or 0' : from;
    return [`${counterpart.name} is ${to} and \`columns.set\` makes ${made}`];
  });
  if (misfits.length === 0) return;
  const to = tableName(target);
  throw new OtterError('OT5028', `${to} does not take every value of ${tableName(source)}: ${misfits.join('; ')}`, {
    where: { source: tableName(source), target: to },
    hint: isOracle(target)
      ? `Give the columns of ${to} types that take them (docs/oracle.md), or leave them out with \`columns: { omit: [...] }\`.`
      : `Give the columns of ${to} the types that ${tableName(source)} has (ALTER TABLE ... MODIFY), or leave them out with \`columns: { omit: [...] }\`.`,
  });
}

export function pick(image: Image, picks: readonly number[] | null): Image {
  return picks === null ? image : picks.map((index) => image[index]!);
}

/** An unambiguous text of some columns of a row, for maps. NULL and the text 'NULL' differ: literals of text are quoted. */
export function keyText(image: Image, columns: readonly number[]): string {
  if (columns.length === 1) return image[columns[0]!] ?? 'NULL';
  let text = '';
  for (const index of columns) text += `${image[index] ?? 'NULL'}\u0000`;
  return text;
}
