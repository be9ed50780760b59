/**
 * When a row of a source and one of a target are the same: where replication would leave the one as the other.
 *
 * A row of the source is made into what travels by the same work that a pipeline does (`extract`, `travelling`), and is matched
 * with the target's table as its loader does (`loadTable`). Rule kept: literals that are equal mean equal values; where columns
 * have other types or charsets on both sides, unequal literals are only a doubt, which the target's server settles.
 */
import { isAmong } from '../model/column-names.ts';
import type { LoadTable } from '../model/load.ts';
import type { TableRule } from '../model/pipeline.ts';
import type { ColumnShape, Image, TableShape, Value } from '../model/row.ts';
import { kindOf } from './column-kinds.ts';
import { allTravelling, type Extract } from './load-table.ts';

/** The table of a source beside the one of the target that its rows go into. */
export interface ComparedTable {
  /** As its server has it. */
  readonly full: TableShape;
  readonly route: Extract;
  readonly load: LoadTable;
  /** Indexes of `load.columns` in the target's own columns. */
  readonly there: readonly number[];
  /** How the target's key leads back to rows of the source; null: it does not. */
  readonly back: Back | null;
  readonly pairs: readonly Pair[];
}

export interface Back {
  /** Indexes into the target's key. */
  readonly of: readonly number[];
  /** The columns of the source's own table that stand there as they are, in the same order. */
  readonly columns: readonly number[];
}

/** How the literals of a column of both sides are compared. */
interface Pair {
  /** What is left of a literal that tells its value; null: the literal itself. */
  readonly plain: ((literal: string) => string) | null;
  /** Whether what is left differs exactly where the values do. */
  readonly sure: boolean;
}

export type Comparison =
  | 'same'
  | 'different'
  /** Equal but for these columns, of which the server has to say. */
  | { readonly doubted: readonly number[] };

export function comparedTable(
  full: TableShape,
  route: Extract,
  load: LoadTable,
  rule: Pick<TableRule, 'rows'>,
): ComparedTable {
  const places = new Map(load.target.columns.map(({ name }, index) => [name, index]));
  return {
    full,
    route,
    load,
    there: load.columns.map(({ name }) => places.get(name)!),
    back: backOf(full, route, load, rule),
    pairs: load.source.columns.map((column, index) => pairOf(column, load.columns[index]!)),
  };
}

/** What rows of the source are at the target, each in the order of `load.columns`. @throws OtterError OT5051, OT5053 */
export function madeRows({ route }: ComparedTable, rows: readonly Image[]): readonly (readonly Image[])[] {
  return allTravelling(rows, route);
}

/** @param found in the order of `load.columns` */
export function compareRows({ pairs }: ComparedTable, made: Image, found: Image): Comparison {
  let doubted: number[] | null = null;
  for (let index = 0; index < pairs.length; index += 1) {
    const one = made[index]!;
    const other = found[index]!;
    if (one === other) continue;
    const { plain, sure } = pairs[index]!;
    if (one === null || other === null) return 'different';
    if (plain !== null && plain(one) === plain(other)) continue;
    if (sure) return 'different';
    doubted = doubted === null ? [index] : [...doubted, index];
  }
  return doubted === null ? 'same' : { doubted };
}

/** A text of the target's key in a row of `load.columns`, for maps; equal where literals mean equal values for sure. */
export function keyOf({ load, pairs }: ComparedTable, row: Image): string {
  let text = '';
  for (const index of load.key) text += `${plainOf(pairs[index]!, row[index]!) ?? 'NULL'}\u0000`;
  return text;
}

/** The same of the values of the key alone. */
export function keyOfValues({ load, pairs }: ComparedTable, key: Image): string {
  let text = '';
  for (const [at, index] of load.key.entries()) text += `${plainOf(pairs[index]!, key[at]!) ?? 'NULL'}\u0000`;
  return text;
}

/** Values of the target's key in a row of `load.columns`. */
export function keyValues({ load }: ComparedTable, row: Image): Image {
  return load.key.map((index) => row[index]!);
}

/** Values of a row for who compares it with an earlier look at it. */
export function plainRow({ pairs }: ComparedTable, row: Image): Image {
  return row.map((value, index) => plainOf(pairs[index]!, value));
}

/**
 * Whether rows between two keys are the same rows on both sides: their keys are the same columns, in one order, of types that both
 * servers sort alike.
 */
export function sortsAlike({ full, route, load }: ComparedTable, oneFamily: boolean): boolean {
  if (!travelsWhole(route)) return false;
  const key = load.key.map((index) => (route.picks === null ? index : route.picks[index]!));
  if (key.length === 0 || key.join() !== full.primaryKey.join()) return false;
  return load.key.every((index) => {
    const [here, there] = [load.source.columns[index]!, load.columns[index]!];
    const kind = kindOf(here);
    if (kind !== kindOf(there)) return false;
    if (kind === 'bytes') return PLAIN_BYTES.test(here.type) && PLAIN_BYTES.test(there.type);
    if (kind === 'text') return here.collation === there.collation && (oneFamily || /_bin$/.test(here.collation ?? ''));
    return SORTED.has(kind);
  });
}

/** Others of their kind have an order of their own (UUID of MariaDB). */
const PLAIN_BYTES = /^((var)?binary|(tiny|medium|long)?blob)\b/i;

/** Whether rows travel as they are, but for columns that stay behind. */
export function travelsWhole({ keeps, makes, processes }: Extract): boolean {
  return keeps === null && makes === null && processes === null;
}

/** Kinds of values whose order is the same to every server. */
const SORTED: ReadonlySet<string> = new Set(['number', 'decimal', 'date', 'datetime', 'time', 'year']);

function plainOf({ plain }: Pair, value: Value): Value {
  return value === null || plain === null ? value : plain(value);
}

/** A row that was left out, or made by a module, is not found by what it became. */
function backOf(full: TableShape, route: Extract, load: LoadTable, { rows }: Pick<TableRule, 'rows'>): Back | null {
  if (route.processes !== null) return null;
  const masks = Object.keys(rows?.mask ?? {});
  const of: number[] = [];
  const columns: number[] = [];
  for (const [at, index] of load.key.entries()) {
    const from = route.picks === null ? index : route.picks[index];
    if (from === undefined || load.source.columns[index]!.computed === true) continue;
    if (isAmong(masks, full.columns[from]!.name)) continue;
    of.push(at);
    columns.push(from);
  }
  return full.primaryKey.length > 0 && full.primaryKey.every((index) => columns.includes(index))
    ? { of, columns }
    : null;
}

function pairOf(here: ColumnShape, there: ColumnShape): Pair {
  const [one, other] = [kindOf(here), kindOf(there)];
  const numbers = (kind: string): boolean => kind === 'number' || kind === 'decimal';
  if (numbers(one) && numbers(other))
    return { plain: one === other && one === 'number' ? null : plainNumber, sure: true };
  // A condition, or a number, that a column of another kind takes.
  if (one !== other) return { plain: null, sure: false };
  switch (one) {
    case 'datetime':
    case 'time':
      return { plain: plainTime, sure: true };
    case 'text':
      return { plain: null, sure: here.charset === there.charset || (isUtf8(here) && isUtf8(there)) };
    case 'float':
    case 'date':
    case 'year':
    case 'enum':
    case 'set':
    case 'json':
    case 'bytes':
      return { plain: null, sure: true };
    default:
      return { plain: null, sure: here.type === there.type };
  }
}

/** Whose literals are texts as they are, or bytes that no server takes for a text. */
function isUtf8({ charset }: ColumnShape): boolean {
  return /^(utf8(mb[34])?|ascii)$/.test(charset ?? '');
}

/** Without zeros that say nothing: `1.50` and `1.5` are one number, and so are `-0.0` and `0`. */
function plainNumber(literal: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d+?)(?:\.(\d*?)0*)?$/.exec(literal) ?? [];
  if (whole === '') return literal;
  const digits = fraction === '' ? whole : `${whole}.${fraction}`;
  return digits === '0' ? '0' : sign + digits;
}

/** Without zeros at the end of a fraction. */
function plainTime(literal: string): string {
  return literal.includes('.') ? literal.replace(/\.?0*'$/, "'") : literal;
}
