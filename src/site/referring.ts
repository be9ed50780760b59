/**
 * Foreign keys that a decision would break: otter writes with checks off, and a person is to be told what a server would
 * tell a user.
 *
 * Looked at are the rows of this database only; at the other site the decision is placed as it is.
 */
import type { LoadSession, LoadTable, TargetPort } from '../model/load.ts';
import type { ForeignKey, Image, TableShape, Value } from '../model/row.ts';

/** A row that was changed: as it was, and as it is; null where there is none. */
export interface Changing {
  readonly before: Image | null;
  readonly after: Image | null;
}

/** `child`: rows there refer to one that goes. `parent`: the row refers to one that is not there. */
export interface Broken {
  readonly kind: 'child' | 'parent';
  /** `schema.table` of the other table. */
  readonly table: string;
}

/** Asked when the changes are written, in their transaction. */
export async function brokenKeys(
  target: TargetPort,
  session: LoadSession,
  table: LoadTable,
  changes: readonly Changing[],
): Promise<Broken | null> {
  for (const name of new Set(table.target.referencedBy)) {
    const child = await called(target, name);
    const keys = (child?.foreignKeys ?? []).filter((key) => refersTo(key, table.target));
    for (const key of keys)
      if (await orphans(session, child!, key, table, changes)) return { kind: 'child', table: name };
  }
  for (const key of table.target.foreignKeys) {
    const parent = await target.shape(key.parentSchema, key.parentTable);
    if (parent === null || (await lacks(session, parent, key, table, changes)))
      return { kind: 'parent', table: `${key.parentSchema}.${key.parentTable}` };
  }
  return null;
}

/** Rows of the child have what the changed rows no longer have. */
async function orphans(
  session: LoadSession,
  child: TableShape,
  key: ForeignKey,
  table: LoadTable,
  changes: readonly Changing[],
): Promise<boolean> {
  const parts = key.parentColumns.map((name) => indexOf(table, name));
  const gone = changes.flatMap(({ before, after }) => {
    if (before === null || parts.some((index) => before[index] == null)) return [];
    return after !== null && parts.every((index) => before[index] === after[index]) ? [] : [before];
  });
  const asked = gone.map((image) =>
    put(
      child,
      key.columns,
      parts.map((index) => image[index]!),
    ),
  );
  return (await session.lock(whole(child), key.columns, asked)).length > 0;
}

/** A row refers to one that is not there. */
async function lacks(
  session: LoadSession,
  parent: TableShape,
  key: ForeignKey,
  table: LoadTable,
  changes: readonly Changing[],
): Promise<boolean> {
  const parts = key.columns.map((index) => indexOf(table, table.target.columns[index]!.name));
  const columns = key.parentColumns.map((name) => parent.columns.findIndex((column) => same(column.name, name)));
  for (const { before, after } of changes) {
    const values = parts.map((index) => after?.[index] ?? null);
    if (values.includes(null) || parts.every((index) => before?.[index] === after![index])) continue;
    const found = await session.lock(whole(parent), columns, [put(parent, columns, values)]);
    if (found.length === 0) return true;
  }
  return false;
}

/** By its full name, whatever dots are in its parts. */
async function called(target: TargetPort, name: string): Promise<TableShape | null> {
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const shape = await target.shape(name.slice(0, dot), name.slice(dot + 1));
    if (shape !== null) return shape;
  }
  return null;
}

function refersTo({ parentSchema, parentTable }: ForeignKey, { schema, name }: TableShape): boolean {
  return parentSchema === schema && parentTable === name;
}

/** Where it is in loaded images; a generated column has no place there. */
function indexOf({ columns }: LoadTable, name: string): number {
  return columns.findIndex((column) => same(column.name, name));
}

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function put({ columns }: TableShape, at: readonly number[], values: readonly Value[]): Image {
  const image: Value[] = columns.map(() => null);
  for (const [position, index] of at.entries()) image[index] = values[position]!;
  return image;
}

/** To be looked into only. */
function whole(shape: TableShape): LoadTable {
  const { columns, primaryKey } = shape;
  return { source: shape, target: shape, columns, key: primaryKey, uniques: [], extras: [], cuts: false };
}
