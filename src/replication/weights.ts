/** In which order the tables of a window are written, where nothing but a person's wish decides: `order`. */
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import type { TableShape } from '../model/row.ts';
import { ruleFor } from './names.ts';

/** Of a source table: its entry's, else that of the most exact pattern of the channel, else 0. */
export function weightOf(
  { order }: Pick<PipelineSpec, 'order'>,
  rule: Pick<TableRule, 'order'>,
  source: TableShape,
): number {
  if (rule.order !== undefined) return rule.order;
  if (order === undefined) return 0;
  const patterns = Object.keys(order).map((from) => ({ from, to: null }));
  const found = ruleFor(patterns, source.schema, source.name);
  return found === null ? 0 : order[found.from]!;
}
