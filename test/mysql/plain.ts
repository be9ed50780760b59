/** Statements as people write them, read as a usual session of a usual server. */
import { type Dialect, plainSql, USUAL_QUOTING } from '../../src/mysql/plain-sql.ts';

export const MARIADB: Dialect = { family: 'mariadb', version: 101_119, folds: false };
export const MYSQL: Dialect = { family: 'mysql', version: 90_700, folds: false };

export function plain(sql: string, dialect: Dialect = MARIADB, quoting = USUAL_QUOTING): string {
  return plainSql(sql, quoting, dialect);
}
