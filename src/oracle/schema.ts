/**
 * Tables as the dictionary of an Oracle database has them (Database Reference: ALL_TABLES, ALL_TAB_COLS, ALL_CONSTRAINTS,
 * ALL_CONS_COLUMNS, ALL_INDEXES, ALL_IND_COLUMNS, ALL_TRIGGERS). It shows what the account may use, and no more.
 */
import { type ColumnShape, type ForeignKey, ORACLE_ENGINE, type TableShape, type UniqueKey } from '../model/row.ts';
import type { Connection } from './connection.ts';
import { meant } from './names.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** The schema that a name means, as Oracle has it; null: there is none. */
export async function findSchema(connection: Connection, name: string): Promise<string | null> {
  const found = await connection.rows('SELECT username FROM all_users WHERE username IN (:1,:2)', [
    name,
    name.toUpperCase(),
  ]);
  return meant(
    name,
    found.map(([user]) => user!),
  );
}

/** The table that a name means, as Oracle has it; null: there is none, or it may not be seen. */
export async function findTable(connection: Connection, { schema, name }: TableName): Promise<TableName | null> {
  const found = await connection.rows(
    'SELECT owner, table_name FROM all_tables WHERE owner IN (:1,:2) AND table_name IN (:3,:4)',
    [schema, schema.toUpperCase(), name, name.toUpperCase()],
  );
  const owner = meant(
    schema,
    found.map(([one]) => one!),
  );
  const table = meant(
    name,
    found.flatMap(([one, of]) => (one === owner ? [of!] : [])),
  );
  return owner === null || table === null ? null : { schema: owner, name: table };
}

/** @param table as Oracle has it */
export async function readShape(connection: Connection, table: TableName): Promise<TableShape | null> {
  const of = [table.schema, table.name];
  const [kind] = await connection.rows('SELECT temporary FROM all_tables WHERE owner=:1 AND table_name=:2', of);
  if (kind === undefined) return null;
  const found = await connection.rows(
    `SELECT column_name, data_type, data_length, data_precision, data_scale, nullable, char_length, char_used, virtual_column
     FROM all_tab_cols WHERE owner=:1 AND table_name=:2 AND hidden_column='NO' ORDER BY column_id`,
    of,
  );
  const columns = found.map(column);
  const at = new Map(columns.map(({ name }, index) => [name, index]));
  const keys = await readKeys(connection, table, at);
  const triggers = await connection.rows(
    "SELECT trigger_name FROM all_triggers WHERE table_owner=:1 AND table_name=:2 AND status='ENABLED' ORDER BY trigger_name",
    of,
  );
  const children = await connection.rows(
    `SELECT DISTINCT c.owner, c.table_name FROM all_constraints c JOIN all_constraints p
     ON p.owner=c.r_owner AND p.constraint_name=c.r_constraint_name
     WHERE c.constraint_type='R' AND c.status='ENABLED' AND p.owner=:1 AND p.table_name=:2`,
    of,
  );
  return {
    ...table,
    columns,
    ...keys,
    referencedBy: children.map(([owner, name]) => `${owner}.${name}`),
    triggers: triggers.map(([name]) => name!),
    engine: kind[0] === 'Y' ? 'oracle temporary' : ORACLE_ENGINE,
  };
}

function column(row: readonly (string | null)[]): ColumnShape {
  const [name, type, bytes, precision, scale, nullable, chars, charUsed, virtual] = row;
  return {
    name: name!,
    type: printType(type!, { bytes, precision, scale, chars, charUsed }),
    charset: null,
    collation: null,
    nullable: nullable === 'Y',
    generated: virtual === 'YES',
  };
}

interface Sizes {
  readonly bytes: string | null | undefined;
  readonly precision: string | null | undefined;
  readonly scale: string | null | undefined;
  readonly chars: string | null | undefined;
  readonly charUsed: string | null | undefined;
}

function printType(type: string, { bytes, precision, scale, chars, charUsed }: Sizes): string {
  switch (type) {
    case 'NUMBER': {
      const whole = precision ?? null;
      if (whole === null) return (scale ?? null) === null ? 'NUMBER' : `NUMBER(*,${scale})`;
      return Number(scale ?? 0) === 0 ? `NUMBER(${whole})` : `NUMBER(${whole},${scale})`;
    }
    case 'VARCHAR2':
    case 'CHAR':
      return charUsed === 'C' ? `${type}(${chars} CHAR)` : `${type}(${bytes} BYTE)`;
    case 'NVARCHAR2':
    case 'NCHAR':
      return `${type}(${chars})`;
    case 'RAW':
      return `RAW(${bytes})`;
    case 'FLOAT':
      return `FLOAT(${precision})`;
    default:
      // Of times and intervals the dictionary has the numbers within the name.
      return type;
  }
}

type Keys = Pick<TableShape, 'primaryKey' | 'uniques' | 'foreignKeys'>;

async function readKeys(
  connection: Connection,
  { schema, name }: TableName,
  at: ReadonlyMap<string, number>,
): Promise<Keys> {
  const constraints = await connection.rows(
    `SELECT c.constraint_name, c.constraint_type, c.index_name, k.column_name, c.delete_rule, c.r_owner, c.r_constraint_name
     FROM all_constraints c JOIN all_cons_columns k ON k.owner=c.owner AND k.constraint_name=c.constraint_name
     WHERE c.owner=:1 AND c.table_name=:2 AND c.status='ENABLED' AND c.constraint_type IN ('P','U','R')
     ORDER BY c.constraint_name, k.position`,
    [schema, name],
  );
  const indexes = await connection.rows(
    `SELECT i.index_name, k.column_name FROM all_indexes i JOIN all_ind_columns k
     ON k.index_owner=i.owner AND k.index_name=i.index_name
     WHERE i.table_owner=:1 AND i.table_name=:2 AND i.uniqueness='UNIQUE' ORDER BY i.index_name, k.column_position`,
    [schema, name],
  );
  const taken = new Set(constraints.flatMap(([, kind, index]) => (kind === 'R' ? [] : [index])));
  const uniques: UniqueKey[] = [];
  const foreignKeys: ForeignKey[] = [];
  let primaryKey: number[] = [];
  const place = (column: string | null | undefined): number => at.get(column ?? '') ?? -1;
  for (const [constraint, rows] of Map.groupBy(constraints, ([one]) => one!)) {
    const columns = rows.map(([, , , column]) => place(column));
    const [, kind, , , deleteRule, parentOwner] = rows[0]!;
    if (kind === 'P') primaryKey = columns;
    else if (kind === 'U') uniques.push({ name: constraint, columns });
    else
      foreignKeys.push({
        ...{ name: constraint, columns, parentSchema: parentOwner ?? '', parentTable: '', parentColumns: [] },
        ...{ onDelete: deleteRule ?? 'NO ACTION', onUpdate: 'NO ACTION' },
      });
  }
  for (const [index, rows] of Map.groupBy(indexes, ([one]) => one!)) {
    if (taken.has(index)) continue;
    const columns = rows.map(([, column]) => place(column));
    // Of an expression the dictionary has a hidden column.
    const partial = columns.some((one) => one < 0);
    uniques.push(
      partial ? { name: index, columns: columns.filter((one) => one >= 0), partial } : { name: index, columns },
    );
  }
  return { primaryKey, uniques, foreignKeys };
}
