/** Rows and checkpoint must commit together, so a target table needs an engine with transactions. */
import { OtterError } from '../model/error.ts';
import { type TableShape, tableName } from '../model/row.ts';

const TRANSACTIONAL = /^(innodb|rocksdb|tokudb|ndbcluster|oracle)$/i;

/** Why the table cannot be a target, or null. */
export function engineObstacle(target: TableShape, database: string): OtterError | null {
  if (TRANSACTIONAL.test(target.engine)) return null;
  const name = tableName(target);
  return new OtterError('OT5027', `${name} at ${database} is a ${target.engine} table, which has no transactions`, {
    where: { table: name },
    hint: /^oracle /.test(target.engine)
      ? 'Name a table that keeps its rows.'
      : `Type: ALTER TABLE ${name} ENGINE=InnoDB`,
  });
}
