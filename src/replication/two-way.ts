/** Which tables cannot be replicated in both directions, and why. */
import { OtterError } from '../model/error.ts';
import { type TableShape, tableName } from '../model/row.ts';

/** Why a table cannot be two-way at this site, or null when it can. */
export function twoWayObstacle(table: TableShape, logsCascades: boolean): OtterError | null {
  const refuse = (why: string, hint: string): OtterError =>
    new OtterError('OT5014', `${tableName(table)} cannot be two-way: ${why}`, {
      where: { table: tableName(table) },
      hint,
    });
  if (table.primaryKey.length === 0) return refuse('it has no primary key', 'Add a primary key.');
  const cascades = table.foreignKeys.find(({ onDelete, onUpdate }) =>
    [onDelete, onUpdate].some((rule) => /CASCADE|SET/.test(rule)),
  );
  if (cascades !== undefined && !logsCascades) {
    return refuse(
      `foreign key ${cascades.name} cascades, and this server does not log the child rows`,
      'Use RESTRICT or NO ACTION, or replicate the table one-way.',
    );
  }
  return null;
}
