/**
 * Tables as the server has them now, from information_schema: one round trip however many tables are asked for.
 *
 * A shape that did not change since it was read before is the same object again, so that it can be compared by identity.
 */
import type { SizedTable } from '../model/inspection.ts';
import type { ColumnShape, ForeignKey, Sway, TableShape, UniqueKey } from '../model/row.ts';
import type { Session } from './connection.ts';
import { printedExpression, settingsOf } from './session-words.ts';
import { nameList, quoteText } from './sql.ts';

/** Schemas of the servers themselves. */
const OWN_SCHEMAS = ['mysql', 'sys', 'information_schema', 'performance_schema'] as const;

interface TableRow {
  readonly schema: string;
  readonly name: string;
  readonly engine: string | null;
  readonly kind: string;
}

interface ColumnRow {
  readonly tableName: string;
  readonly name: string;
  readonly type: string;
  readonly charset: string | null;
  readonly collation: string | null;
  readonly nullable: string;
  readonly extra: string;
  readonly expression: string | null;
}

interface IndexRow {
  readonly tableName: string;
  readonly name: string;
  readonly columnName: string | null;
  readonly prefix: string | number | null;
  readonly method: string;
}

interface KeyRow {
  readonly tableName: string;
  readonly name: string;
  readonly columnName: string;
  readonly parentSchema: string;
  readonly parentTable: string;
  readonly parentColumn: string;
}

interface RuleRow {
  readonly tableName: string;
  readonly name: string;
  readonly onDelete: string;
  readonly onUpdate: string;
}

interface ChildRow {
  readonly tableName: string;
  readonly child: string;
}

interface TriggerRow {
  readonly tableName: string;
  readonly name: string;
}

/**
 * Columns at the end of a table's rows in the log that no statement can name: MariaDB keeps the hash of a unique key that
 * is too long for an index in one.
 */
export const hiddenColumns = new WeakMap<TableShape, number>();

export interface CatalogOptions {
  /**
   * Whether `referencedBy` is wanted. Only who writes a table needs it, and for that one answer MariaDB opens every table of
   * every schema.
   */
  readonly children: boolean;
}

/** Remembers shapes to hand out equal ones as the same object. */
export class Catalog {
  readonly #options: CatalogOptions;
  readonly #known = new Map<string, { readonly print: string; readonly shape: TableShape }>();

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /**
   * Base tables of one schema among `tables`, or all of them, each under the names it was asked for by where the server takes
   * them in whatever letters. Needs a session with `multipleStatements`.
   */
  async load(
    session: Session,
    schema: string,
    tables: readonly string[] | null,
  ): Promise<ReadonlyMap<string, TableShape>> {
    if (tables?.length === 0) return new Map();
    const named = tables === null || areOne(tables) ? null : tables;
    const sets = (await session.sets(shapeQueries(schema, named, this.#options))) as unknown[][];
    const [[letters], bases, columns, indexes, keys, rules, triggers, children = []] = sets as [
      [{ readonly folds: string | number; readonly version: string }],
      TableRow[],
      ColumnRow[],
      IndexRow[],
      KeyRow[],
      RuleRow[],
      TriggerRow[],
      ChildRow[]?,
    ];
    const folds = Number(letters.folds) === 1;
    const family = /mariadb/i.test(letters.version) ? 'mariadb' : 'mysql';
    const columnsOf = Map.groupBy(columns, (row) => row.tableName);
    const indexesOf = Map.groupBy(indexes, (row) => row.tableName);
    const keysOf = Map.groupBy(keys, (row) => row.tableName);
    const rulesOf = Map.groupBy(rules, (row) => row.tableName);
    const childrenOf = Map.groupBy(children, (row) => row.tableName);
    const triggersOf = Map.groupBy(triggers, (row) => row.tableName);
    const shapes = new Map<string, TableShape>();
    for (const base of bases) {
      if (!folds && named === null && tables?.includes(base.name) === false) continue;
      const { name, schema } = base;
      const unique = indexesOf.get(name) ?? [];
      const hashes =
        base.engine === 'MEMORY'
          ? 0
          : new Set(unique.filter((row) => row.method === 'HASH').map((row) => row.name)).size;
      const shaped = (columnsOf.get(name) ?? []).map(columnShape);
      const places = new Map(shaped.map((column, i) => [column.name, i]));
      shapes.set(
        name,
        this.#intern(
          {
            schema,
            name,
            columns: base.kind === 'SYSTEM VERSIONED' ? shaped.map(versioned) : shaped,
            ...uniqueKeys(unique, places),
            foreignKeys: foreignKeys(keysOf.get(name) ?? [], rulesOf.get(name) ?? [], places),
            referencedBy: (childrenOf.get(name) ?? []).map((row) => row.child),
            triggers: (triggersOf.get(name) ?? []).map((row) => row.name),
            engine: base.engine ?? '',
            ...swaysOf(columnsOf.get(name) ?? [], shaped, family),
          },
          hashes,
        ),
      );
    }
    if (folds) {
      for (const asked of tables ?? []) {
        const found = shapes.get(asked.toLowerCase());
        if (found !== undefined) shapes.set(asked, found);
      }
    }
    return shapes;
  }

  /** One that was found out otherwise: the same object as an equal one that was loaded last. */
  adopt(shape: TableShape): TableShape {
    return this.#intern(shape, hiddenColumns.get(shape) ?? 0);
  }

  #intern(shape: TableShape, hidden: number): TableShape {
    const name = `${shape.schema}\0${shape.name}`;
    const print = JSON.stringify(shape);
    const known = this.#known.get(name);
    if (known?.print === print) return known.shape;
    this.#known.set(name, { print, shape });
    hiddenColumns.set(shape, hidden);
    return shape;
  }
}

/** Base tables outside the server's own schemas. */
export async function listTables(
  session: Session,
): Promise<readonly { readonly schema: string; readonly name: string }[]> {
  return session.rows(
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name FROM information_schema.TABLES
     WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN (${OWN_SCHEMAS.map(quoteText).join(', ')})
     ORDER BY TABLE_SCHEMA, TABLE_NAME`,
  );
}

/** By the server's statistics, which may be far off. Rows without their indexes. */
export async function tableSizes(session: Session): Promise<readonly SizedTable[]> {
  const rows = await session.rows<Record<'schema' | 'name', string> & Record<'n' | 'bytes', string | number | null>>(
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name, TABLE_ROWS AS n, DATA_LENGTH AS bytes FROM information_schema.TABLES
     WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN (${OWN_SCHEMAS.map(quoteText).join(', ')})`,
  );
  return rows.map(({ schema, name, n, bytes }) => ({ schema, name, rows: Number(n ?? 0), bytes: Number(bytes ?? 0) }));
}

/** By the server's statistics, which may be far off; never negative. */
export async function estimateRows(session: Session, schema: string, table: string): Promise<number> {
  const [row] = await session.rows<{ n: string | number | null }>(
    `SELECT TABLE_ROWS AS n FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${quoteText(schema)} AND TABLE_NAME = ${quoteText(table)}`,
  );
  return Number(row?.n ?? 0);
}

/** MariaDB takes a list of names that differ in letters only for one name, and opens one table. */
function areOne(tables: readonly string[]): boolean {
  return tables.length > 1 && new Set(tables.map((name) => name.toLowerCase())).size === 1;
}

function shapeQueries(schema: string, tables: readonly string[] | null, { children }: CatalogOptions): string {
  const s = quoteText(schema);
  // MariaDB opens only the one table for `=`, and every table of the schema for `IN`.
  const among = (column: string): string => {
    if (tables === null) return '';
    return tables.length === 1
      ? ` AND ${column} = ${quoteText(tables[0]!)}`
      : ` AND ${column} IN (${nameList(tables)})`;
  };
  return [
    'SELECT @@lower_case_table_names = 1 AS folds, VERSION() AS version',
    `SELECT TABLE_SCHEMA AS \`schema\`, TABLE_NAME AS name, ENGINE AS engine, TABLE_TYPE AS kind FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = ${s} AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')${among('TABLE_NAME')}`,
    `SELECT TABLE_NAME AS tableName, COLUMN_NAME AS name, COLUMN_TYPE AS type, CHARACTER_SET_NAME AS charset,
       COLLATION_NAME AS collation, IS_NULLABLE AS nullable, EXTRA AS extra,
       GENERATION_EXPRESSION AS expression
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ${s}${among('TABLE_NAME')} ORDER BY TABLE_NAME, ORDINAL_POSITION`,
    `SELECT TABLE_NAME AS tableName, INDEX_NAME AS name, COLUMN_NAME AS columnName, SUB_PART AS prefix, INDEX_TYPE AS method
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ${s} AND NON_UNIQUE = 0${among('TABLE_NAME')}
     ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX`,
    // Joined here and not there: MariaDB opens every table of every schema to join them.
    `SELECT TABLE_NAME AS tableName, CONSTRAINT_NAME AS name, COLUMN_NAME AS columnName,
       REFERENCED_TABLE_SCHEMA AS parentSchema, REFERENCED_TABLE_NAME AS parentTable, REFERENCED_COLUMN_NAME AS parentColumn
     FROM information_schema.KEY_COLUMN_USAGE
     WHERE TABLE_SCHEMA = ${s} AND REFERENCED_TABLE_NAME IS NOT NULL${among('TABLE_NAME')}
     ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION`,
    `SELECT TABLE_NAME AS tableName, CONSTRAINT_NAME AS name, DELETE_RULE AS onDelete, UPDATE_RULE AS onUpdate
     FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ${s}${among('TABLE_NAME')}`,
    `SELECT EVENT_OBJECT_TABLE AS tableName, TRIGGER_NAME AS name FROM information_schema.TRIGGERS
     WHERE EVENT_OBJECT_SCHEMA = ${s}${among('EVENT_OBJECT_TABLE')} ORDER BY EVENT_OBJECT_TABLE, TRIGGER_NAME`,
    ...(children ? [childrenQuery(s, among)] : []),
  ].join(';\n');
}

function childrenQuery(inSchema: string, among: (column: string) => string): string {
  return `SELECT REFERENCED_TABLE_NAME AS tableName, CONCAT(CONSTRAINT_SCHEMA, '.', TABLE_NAME) AS child
    FROM information_schema.REFERENTIAL_CONSTRAINTS
    WHERE UNIQUE_CONSTRAINT_SCHEMA = ${inSchema}${among('REFERENCED_TABLE_NAME')}
    GROUP BY REFERENCED_TABLE_NAME, CONSTRAINT_SCHEMA, TABLE_NAME ORDER BY 1, 2`;
}

function columnShape(row: ColumnRow): ColumnShape {
  return {
    name: row.name,
    type: lowerType(row.type),
    charset: row.charset,
    collation: row.collation,
    nullable: row.nullable === 'YES',
    // Not DEFAULT_GENERATED, which is MySQL's word for a default that is an expression.
    generated: /\b(VIRTUAL|STORED|PERSISTENT) GENERATED\b|\b(VIRTUAL|PERSISTENT)\b/i.test(row.extra),
  };
}

function swaysOf(
  rows: readonly ColumnRow[],
  columns: readonly ColumnShape[],
  family: 'mariadb' | 'mysql',
): { readonly sways?: readonly Sway[] } {
  const sways = rows.flatMap(({ name, type, extra, expression }, at): Sway[] => {
    if (!columns[at]!.generated) return [];
    const settings = settingsOf({ expression: printedExpression(expression ?? '', family), type }, columns);
    return settings.length === 0 ? [] : [{ column: name, stored: !/\bVIRTUAL\b/i.test(extra), settings }];
  });
  return sways.length === 0 ? {} : { sways };
}

/** Members of ENUM and SET keep their case. */
function lowerType(type: string): string {
  return /^(enum|set)\(/i.test(type) ? type : type.toLowerCase();
}

/** A table with history logs rows of the past under the same key. */
function versioned(column: ColumnShape): ColumnShape {
  return { ...column, type: 'system versioned' };
}

function uniqueKeys(
  rows: readonly IndexRow[],
  places: ReadonlyMap<string, number>,
): { primaryKey: readonly number[]; uniques: readonly UniqueKey[] } {
  let primaryKey: readonly number[] = [];
  const uniques: UniqueKey[] = [];
  for (const [name, parts] of Map.groupBy(rows, (row) => row.name)) {
    const columns = parts.flatMap((part) => (part.columnName === null ? [] : (places.get(part.columnName) ?? [])));
    const partial = columns.length < parts.length || parts.some((part) => part.prefix !== null);
    if (name === 'PRIMARY' && !partial) primaryKey = columns;
    else uniques.push(partial ? { name, columns, partial } : { name, columns });
  }
  return { primaryKey, uniques };
}

/** A constraint without a rule was dropped between the two questions. */
function foreignKeys(
  rows: readonly KeyRow[],
  rules: readonly RuleRow[],
  places: ReadonlyMap<string, number>,
): ForeignKey[] {
  const ruleOf = new Map(rules.map((rule) => [rule.name, rule]));
  return [...Map.groupBy(rows, (row) => row.name)].flatMap(([name, parts]) => {
    const first = parts[0]!;
    const rule = ruleOf.get(name);
    if (rule === undefined) return [];
    return {
      name,
      columns: parts.flatMap((part) => places.get(part.columnName) ?? []),
      parentSchema: first.parentSchema,
      parentTable: first.parentTable,
      parentColumns: parts.map((part) => part.parentColumn),
      onDelete: rule.onDelete,
      onUpdate: rule.onUpdate,
    };
  });
}
