/**
 * A processor run on the rows of one table: what it gives is looked at column by column before it travels.
 *
 * Rule kept: a row that it changes keeps its key as it travels, so that no two rows of the source become one, and an update or
 * delete finds what the insert made.
 */
import { OtterError } from '../model/error.ts';
import type { Processor, ProcessorRow, ProcessorValue } from '../model/processor.ts';
import { type ColumnShape, type Image, type TableShape, tableName, type Value } from '../model/row.ts';
import type { ProcessorRef } from '../model/topology.ts';
import { ValueProblem } from './expression/values.ts';
import { type PlainColumn, plainColumn } from './plain-values.ts';

/** Finds the module. @throws OtterError OT5053 when it cannot be run */
export type FindProcessor = (ref: ProcessorRef) => Processor;

/** Does the work, and ends it when it takes too long, whatever it does. @throws OtterError OT5053 */
export type Bounded = <T>(work: () => T) => T;

/** A column by the name that it has at the target. */
export interface NamedColumn {
  readonly name: string;
  readonly shape: ColumnShape;
}

/** Keeps the text of what it is to be at the target: types that are made for the expression's longest text say nothing of it. */
export function roomy(shape: ColumnShape): ColumnShape {
  return shape.computed === true && /^(var)?char\(/.test(shape.type) ? { ...shape, type: 'longtext' } : shape;
}

/**
 * @param columns those that travel, in their order
 * @param key indexes into them of the source's primary key
 * @returns what travels of a row that would travel as this one
 */
export function processing(
  run: Processor,
  ref: ProcessorRef,
  table: TableShape,
  columns: readonly NamedColumn[],
  key: readonly number[],
): (made: Image) => readonly Image[] {
  const about = Object.freeze({ schema: table.schema, name: table.name });
  const plain = columns.map(({ shape }) => plainColumn(shape));
  const names = new Set(columns.map(({ name }) => name));
  return (made) => {
    try {
      const row = Object.create(null) as Record<string, ProcessorValue>;
      const had = columns.map(({ name }, index) => readAt(plain[index]!, made[index]!, name));
      for (const [index, { name }] of columns.entries()) row[name] = had[index]!;
      return rowsOf(run, row, about).map((given) => {
        const image = imageOf(given, { columns, plain, names, had, made });
        const moved = key.find(
          (index) => image[index] !== made[index] && image[index] !== again(plain[index]!, made[index]!),
        );
        if (moved === undefined) return image;
        throw new ValueProblem(`another value of ${columns[moved]!.name}, which is part of the key`);
      });
    } catch (error) {
      throw failed(error, ref, table, columns, key, made);
    }
  };
}

class Thrown extends Error {}

/** Runs what is the module's, getters and the like of what it gave included. */
function its<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // What it says may quote values.
    throw new Thrown(placeOf(error));
  }
}

type Given = Readonly<Record<string, unknown>>;

function rowsOf(run: Processor, row: ProcessorRow, about: Parameters<Processor>[1]): readonly Given[] {
  const rows = its((): readonly unknown[] => {
    const given: unknown = run(row, about);
    if (given === null) return [];
    // By index: a list may have holes.
    return Array.isArray(given) ? Array.from({ length: given.length }, (_, at): unknown => given[at]) : [given];
  });
  return rows.map((one) => {
    // Nobody waits for it, and what it ends with is nobody's.
    if (one instanceof Promise) one.catch(() => undefined);
    if (typeof one === 'object' && one !== null && its(() => typeof (one as Given)['then'] !== 'function'))
      return one as Given;
    const what = typeof one === 'object' && one !== null ? 'a promise' : String(typeof one);
    throw new ValueProblem(`${what} where a row, a list of rows or null is expected`);
  });
}

interface Original {
  readonly columns: readonly NamedColumn[];
  readonly plain: readonly PlainColumn[];
  readonly names: ReadonlySet<string>;
  /** What the processor was given, which it may have changed in place. */
  readonly had: readonly ProcessorValue[];
  readonly made: Image;
}

function imageOf(given: Given, { columns, plain, names, had, made }: Original): Image {
  for (const name of its(() => Object.keys(given)))
    if (!names.has(name)) throw new ValueProblem(`a column ${name} that does not travel: \`columns.set\` adds one`);
  return columns.map(({ name, shape }, index): Value => {
    const value = its(() => (Object.hasOwn(given, name) ? given[name] : undefined));
    if (value === undefined) throw new ValueProblem(`no value of ${name}`);
    if (value === null) {
      if (shape.nullable || shape.computed === true) return null;
      throw new ValueProblem(`null for ${name}, which takes none`);
    }
    // What it left alone stays what it was, also where several values read alike (-0, an ENUM that is no member). Bytes may have
    // been changed in place.
    if (Object.is(value, had[index]) && !(value instanceof Uint8Array)) return made[index]!;
    return named(name, () => plain[index]!.write(value));
  });
}

function readAt({ read }: PlainColumn, literal: Value, name: string): ProcessorValue {
  return literal === null ? null : named(name, () => read(literal));
}

/** As it is written after it was read. */
function again({ read, write }: PlainColumn, literal: Value): Value {
  return literal === null ? null : write(read(literal));
}

function named<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ValueProblem ? new ValueProblem(`${error.message} (column ${name})`) : error;
  }
}

/** `TypeError at line 12:5`. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it threw what is no error';
  const [, line, column] = /:(\d+):(\d+)\)?$/m.exec(error.stack ?? '') ?? [];
  return `it threw ${error.name}${line === undefined ? '' : ` at line ${line}:${column}`}`;
}

function failed(
  error: unknown,
  { module }: ProcessorRef,
  table: TableShape,
  columns: readonly NamedColumn[],
  key: readonly number[],
  made: Image,
): unknown {
  const problem =
    error instanceof Thrown
      ? error.message
      : error instanceof ValueProblem
        ? `it gave or was given ${error.message}`
        : null;
  if (problem === null) return error;
  const row = key.map((index) => `${columns[index]!.name}=${made[index] ?? 'NULL'}`).join(', ');
  return new OtterError(
    'OT5053',
    `${module} has no answer for the row ${row === '' ? 'without a key' : row} of ${tableName(table)}: ${problem}`,
    {
      where: { table: tableName(table), ...(row === '' ? {} : { key: row }) },
      hint: 'Correct the module and apply again; the pipeline stands before this row and goes on by itself.',
    },
  );
}
