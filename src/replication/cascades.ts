/**
 * Foreign keys that change child rows: most servers do not log what these do, so the target's own keys must do it too.
 */
import { OtterError } from '../model/error.ts';
import type { LoadTable } from '../model/load.ts';
import { leavesOut, type TableRule } from '../model/pipeline.ts';
import { type ForeignKey, type TableShape, tableName } from '../model/row.ts';
import { matches, tablePattern } from '../model/table-pattern.ts';
import { mapName, ruleFor } from './names.ts';

/** Tables in an order in which every one comes after those it refers to, as far as they do not refer to each other. */
export function parentsFirst(tables: readonly TableShape[]): TableShape[] {
  const byName = new Map(tables.map((table) => [tableName(table), table]));
  const ordered = new Set<TableShape>();
  const begun = new Set<TableShape>();
  const place = (table: TableShape): void => {
    if (begun.has(table)) return;
    begun.add(table);
    for (const { parentSchema, parentTable } of table.foreignKeys) {
      const parent = byName.get(tableName({ schema: parentSchema, name: parentTable }));
      if (parent !== undefined) place(parent);
    }
    ordered.add(table);
  };
  for (const table of tables) place(table);
  return [...ordered];
}

/**
 * Why a table whose keys cascade would come to differ at the target, or null. Only for a source that does not log the
 * child rows.
 */
export function cascadeObstacle(table: LoadTable, rules: readonly TableRule[]): OtterError | null {
  const { source, target } = table;
  const alone = orphan(source, rules);
  if (alone !== null) return alone;
  const nameAt = new Map(source.columns.map((column, index) => [column.name, table.columns[index]!.name]));
  for (const key of source.foreignKeys) {
    if (!cascades(key)) continue;
    const rule = ruleFor(rules, key.parentSchema, key.parentTable)!;
    const there = mapName(rule, key.parentSchema, key.parentTable);
    const columns = key.columns.map((index) => nameAt.get(source.columns[index]!.name));
    const same = target.foreignKeys.some(
      (other) =>
        other.parentSchema === there.schema &&
        other.parentTable === there.table &&
        actionOf(other.onDelete) === actionOf(key.onDelete) &&
        actionOf(other.onUpdate) === actionOf(key.onUpdate) &&
        other.columns.map((index) => target.columns[index]!.name).join() === columns.join(),
    );
    if (!same) {
      return refuse(
        source,
        key,
        `${tableName(target)} at the target has no such key to ${there.schema}.${there.table}`,
        `Give ${tableName(target)} at the target the same foreign key, or make it one of RESTRICT or NO ACTION at the source.`,
      );
    }
  }
  return null;
}

/**
 * Why a table would lose rows that its source keeps, or null: a row of its parent that leaves the parent's filter is deleted at
 * the target, and the target's own key then does to the children what the source did not.
 */
export function filteredParent({ target }: LoadTable, rules: readonly TableRule[]): OtterError | null {
  const filters = rules.filter(leavesOut);
  if (filters.length === 0) return null;
  for (const key of target.foreignKeys) {
    const { parentSchema, parentTable } = key;
    if (!cascades(key) || !filters.some(({ from, to }) => matches(tablePattern(to ?? from), parentSchema, parentTable)))
      continue;
    const parent = `${parentSchema}.${parentTable}`;
    return new OtterError(
      'OT5052',
      `foreign key ${key.name} of ${tableName(target)} would change its rows when a row of ${parent} leaves the filter`,
      {
        where: { target: tableName(target) },
        hint: `Make it one of RESTRICT or NO ACTION at the target, or drop it there (ALTER TABLE ${tableName(target)} DROP FOREIGN KEY ${key.name}).`,
      },
    );
  }
  return null;
}

/** Why the table cannot even be made at the target: it would lack a key whose parent does not travel. */
export function orphan(source: TableShape, rules: readonly TableRule[]): OtterError | null {
  const key = source.foreignKeys.find(
    (each) => cascades(each) && ruleFor(rules, each.parentSchema, each.parentTable) === null,
  );
  if (key === undefined) return null;
  const parent = `${key.parentSchema}.${key.parentTable}`;
  const again = `where it was before, take ${tableName(source)} out, apply, and put both in, so that both are copied`;
  const remedy = `Put ${parent} into the channel (${again}), or make the key one of RESTRICT or NO ACTION.`;
  return refuse(source, key, `its parent ${parent} is not in the channel`, remedy);
}

/**
 * Why tables cannot join: others are carried already whose rows these changed unseen while they were outside.
 * @param joining tables of which the target knows nothing
 * @param carried tables that it knows, as they are now
 * @param since generation of the channel in which a table came into it
 */
export function strayed(
  joining: readonly TableShape[],
  carried: readonly TableShape[],
  since: (table: TableShape) => number,
): OtterError | null {
  for (const child of carried) {
    const key = child.foreignKeys.find(
      (each) =>
        cascades(each) &&
        joining.some(
          (parent) =>
            parent.schema === each.parentSchema && parent.name === each.parentTable && since(parent) > since(child),
        ),
    );
    if (key === undefined) continue;
    const parent = `${key.parentSchema}.${key.parentTable}`;
    return refuse(
      child,
      key,
      `its parent ${parent} was not in the channel while ${tableName(child)} was`,
      `Take ${tableName(child)} out of the channel, apply, and put it in again, so that it is copied with ${parent}.`,
    );
  }
  return null;
}

/** Whether the key changes child rows when their parent goes or gets another key. */
export function cascades({ onDelete, onUpdate }: Pick<ForeignKey, 'onDelete' | 'onUpdate'>): boolean {
  return actionOf(onDelete) !== null || actionOf(onUpdate) !== null;
}

/** What a rule of a foreign key does to child rows; RESTRICT and NO ACTION, which servers name differently, do nothing. */
function actionOf(rule: string): string | null {
  return /CASCADE|SET/.test(rule) ? rule : null;
}

function refuse(source: TableShape, key: ForeignKey, why: string, hint: string): OtterError {
  return new OtterError(
    'OT5030',
    `foreign key ${key.name} of ${tableName(source)} changes child rows, which its server does not log, and ${why}`,
    { where: { table: tableName(source) }, hint },
  );
}
