/**
 * What foreign keys do to child rows without the log telling, at the source of a one-way pipeline: which tables wait for
 * their parents, and which cannot be kept the same any more.
 */
import type { TableShape } from '../model/row.ts';
import { cascades, orphan, strayed } from '../replication/cascades.ts';
import { ruleFor } from '../replication/names.ts';
import { placeOf } from '../replication/places.ts';
import type { Outbound } from './outbound.ts';

type Pipeline = Pick<Outbound, 'spec' | 'opening' | 'told' | 'strange' | 'ruleOf'>;

/**
 * Whether a table is told only when it is copied, see `Copier`. Not where rows that are there already count: these must
 * be followed from the beginning.
 */
export function waitsForParents(pipeline: Pipeline, table: TableShape): boolean {
  const { role, initial, existing } = pipeline.spec;
  const copiesAll = role === 'one-way' && initial === 'copy' && (existing === 'refuse' || existing === 'replace');
  if (!copiesAll || pipeline.opening.logsCascades || !pipeline.strange(table)) return false;
  return table.foreignKeys.some(
    (key) =>
      cascades(key) &&
      pipeline.ruleOf(key.parentSchema, key.parentTable) !== null &&
      (key.parentSchema !== table.schema || key.parentTable !== table.name),
  );
}

/** @throws OtterError OT5030 when a table that stays has lost a parent whose cascades the log does not show */
export function refuseOrphans(pipeline: Pipeline): void {
  const { spec, opening, told } = pipeline;
  if (spec.role !== 'one-way' || opening.logsCascades) return;
  for (const table of told) {
    const alone = ruleFor(spec.tables, table.schema, table.name) === null ? null : orphan(table, spec.tables);
    if (alone !== null) throw alone;
  }
}

/** @throws OtterError OT5030 when a parent comes whose children have come without it */
export function refuseStrays(pipeline: Pipeline, tables: readonly TableShape[]): void {
  if (pipeline.spec.role !== 'one-way' || pipeline.opening.logsCascades) return;
  const joining = tables.filter((table) => pipeline.strange(table));
  const astray = strayed(
    joining,
    tables.filter((table) => !joining.includes(table)),
    ({ schema, name }) => placeOf(pipeline.spec, schema, name)?.stay ?? 0,
  );
  if (astray !== null) throw astray;
}
