/** A table that is missing, made with the types that `model/oracle-types.ts` names for those of its source. */

import { OtterError } from '../model/error.ts';
import { madeColumnName } from '../model/oracle-names.ts';
import { isText, madeType, parseOracleType, parseSourceType } from '../model/oracle-types.ts';
import { type TableShape, tableName } from '../model/row.ts';
import { qualified, quoteColumn } from './names.ts';
import type { TableName } from './schema.ts';

export interface Made {
  readonly sql: string;
  /** What the source's table has and this has not. */
  readonly without: readonly string[];
}

/** @throws OtterError OT5029 when no type of Oracle takes one of its columns */
export function createStatement(source: TableShape, as: TableName, rename: Readonly<Record<string, string>>): Made {
  const uniques = source.uniques.filter(({ partial }) => partial !== true);
  const inKey = new Set([...source.primaryKey, ...uniques.flatMap(({ columns }) => columns)]);
  const names = source.columns.map((column) => quoteColumn(madeColumnName(column, rename)));
  const columns = source.columns.map(({ name, type, charset, nullable }, index) => {
    const made = madeType(parseSourceType(type, charset), inKey.has(index));
    if (made === null) {
      const why = inKey.has(index) ? ' that may be in a key' : '';
      throw new OtterError('OT5029', `Oracle has no type${why} for column ${name} (${type}) of ${tableName(source)}`, {
        where: { source: tableName(source), target: tableName(as) },
        hint: `Make ${tableName(as)} yourself, or leave the column out with \`columns: { omit: [${name}] }\`.`,
      });
    }
    // An empty text is NULL there.
    const mayBeEmpty = isText(parseOracleType(made)) || /^(RAW|BLOB)/.test(made);
    return `${names[index]} ${made}${nullable || (mayBeEmpty && !source.primaryKey.includes(index)) ? '' : ' NOT NULL'}`;
  });
  const list = (indexes: readonly number[]): string => indexes.map((index) => names[index]).join(',');
  const keys = [
    ...(source.primaryKey.length > 0 ? [`PRIMARY KEY (${list(source.primaryKey)})`] : []),
    ...uniques.map((unique) => `UNIQUE (${list(unique.columns)})`),
  ];
  return {
    sql: `CREATE TABLE ${qualified(as)} (${[...columns, ...keys].join(', ')})`,
    without: [
      ...source.foreignKeys.map(({ name }) => `foreign key ${name}`),
      ...source.uniques.flatMap(({ name, partial }) => (partial === true ? [`key ${name}`] : [])),
    ],
  };
}
