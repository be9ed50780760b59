/**
 * Whether a table of an Oracle database takes every row of a source's. What it would change in silence is refused, as
 * between MySQL servers (`column-fit.ts`); the rules of types are in `model/oracle-types.ts`.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import { columnNameProblem, madeColumnName, madeName, nameProblem } from '../model/oracle-names.ts';
import { carriageOf, isLob, isText, madeType, parseOracleType, parseSourceType } from '../model/oracle-types.ts';
import { type ColumnShape, ORACLE_ENGINE, type TableShape, tableName } from '../model/row.ts';
import type { Fit, FitColumn } from './column-fit.ts';

/** Also of one that keeps no rows, which is refused for that (`transactional.ts`). */
export function isOracle(table: TableShape): boolean {
  return table.engine.startsWith(ORACLE_ENGINE);
}

export function oracleFit(source: FitColumn, target: FitColumn): Fit {
  const [from, to] = [parseSourceType(source.type, source.charset), parseOracleType(target.type)];
  return carriageOf(from, to)?.fit(from, to) ?? 'silent';
}

/** Why otter does not write this Oracle table, or null. */
export function oracleObstacle(table: LoadTable): OtterError | null {
  const { target, key } = table;
  if (!isOracle(target)) return null;
  const name = tableName(target);
  const where = { source: tableName(table.source), target: name };
  const [foreign] = target.foreignKeys;
  if (foreign !== undefined) {
    return new OtterError('OT5060', `${name} has the foreign key ${foreign.name}, and Oracle checks it row by row`, {
      where,
      hint: `No session of Oracle can leave foreign keys unchecked while rows arrive in another order. Type: ALTER TABLE "${target.schema}"."${target.name}" DISABLE CONSTRAINT "${foreign.name}"`,
    });
  }
  const named = Map.groupBy(target.columns, (column) => column.name.toLowerCase());
  const twice = [...named.values()].find(({ length }) => length > 1);
  if (twice !== undefined) {
    const both = twice.map((column) => column.name).join(' and ');
    return new OtterError('OT5060', `${name} has columns ${both}, and a column of the source may be either`, {
      where,
      hint: 'Name a table in which columns differ in more than capitals.',
    });
  }
  const unfound = table.columns.find(({ type }) => isLob(parseOracleType(type)));
  if (key.length === 0 && unfound !== undefined) {
    return new OtterError(
      'OT5060',
      `${name} has no primary key, and no row is found by ${unfound.name}, a ${unfound.type}`,
      {
        where,
        hint: `Give ${name} the primary key that ${where.source} has, or leave ${unfound.name} out with \`columns: { omit: [...] }\`.`,
      },
    );
  }
  return null;
}

/**
 * Why the table cannot be made there where it is missing, or null.
 * @param rename as in `loadTable`
 */
export function makingObstacle(
  source: TableShape,
  as: { readonly schema: string; readonly name: string },
  rename: Readonly<Record<string, string>>,
): OtterError | null {
  const where = { source: tableName(source), target: tableName(as) };
  const unnamed = nameProblem(madeName(as.name));
  if (unnamed !== null) {
    return new OtterError('OT5060', `Oracle has no table ${JSON.stringify(as.name)}: the name ${unnamed}`, {
      where,
      hint: 'Give the table another name at the target, with `to`.',
    });
  }
  for (const column of source.columns) {
    const name = madeColumnName(column, rename);
    const why = columnNameProblem(name);
    if (why === null) continue;
    return new OtterError(
      'OT5060',
      `Oracle has no column ${JSON.stringify(name)} in ${where.target}: the name ${why}`,
      {
        where,
        hint: `Give it another name, or leave it out: \`columns: { rename: { ${column.name}: ... } }\`, \`columns: { omit: [${column.name}] }\`.`,
      },
    );
  }
  const inKey = new Set([source.primaryKey, ...source.uniques.map(({ columns }) => columns)].flat());
  const without = source.columns.find(
    ({ type, charset }, index) => madeType(parseSourceType(type, charset), inKey.has(index)) === null,
  );
  if (without === undefined) return null;
  return new OtterError(
    'OT5029',
    `${where.target} is missing, and Oracle has no type for column ${without.name} (${without.type})`,
    {
      where,
      hint: `Make ${where.target} yourself, or leave the column out with \`columns: { omit: [${without.name}] }\`.`,
    },
  );
}

/**
 * Columns in which an empty text and NULL become the same, since Oracle keeps an empty text as NULL: those that may be both
 * at the source.
 */
export function blurredTexts({ source, columns, target }: LoadTable): readonly string[] {
  return textsOf(source, columns, target, ({ nullable: from }, { nullable: to }) => from && to);
}

/** Columns that take no empty text, since they take no NULL. */
export function noEmptyTexts({ source, columns, target }: LoadTable): readonly string[] {
  return textsOf(source, columns, target, (_, { nullable }) => !nullable);
}

const MAY_BE_EMPTY = /^(char|varchar|(tiny|medium|long)?text|(var)?binary|(tiny|medium|long)?blob|set|enum)\b/i;

function textsOf(
  source: TableShape,
  columns: readonly ColumnShape[],
  target: TableShape,
  meant: (from: ColumnShape, to: ColumnShape) => boolean,
): readonly string[] {
  if (!isOracle(target)) return [];
  return columns.flatMap((to, index) => {
    const from = source.columns[index]!;
    const type = parseOracleType(to.type);
    const empty = isText(type) || type.base === 'RAW' || type.base === 'BLOB';
    return empty && MAY_BE_EMPTY.test(from.type) && meant(from, to) ? [to.name] : [];
  });
}
