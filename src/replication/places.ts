/** Where the tables of a pipeline go, and since when: what is recorded of a table elsewhere counts no longer. */
import type { Place } from '../model/load.ts';
import type { PipelineSpec, TableRule } from '../model/pipeline.ts';
import { stayOf } from '../model/stays.ts';
import { mapName, ruleFor } from './names.ts';

/** Null when the pipeline does not have the table. */
export function placeOf(spec: PipelineSpec, schema: string, name: string): Place | null {
  const rule = ruleFor(spec.tables, schema, name);
  if (rule === null) return null;
  const there = mapName(rule, schema, name);
  const first = spec.forward ? { schema, table: name } : there;
  return { target: `${there.schema}.${there.table}`, stay: stayOf(spec.stays, first.schema, first.table) };
}

/** As `placeOf`, for `schema.table` as it is recorded. */
export function placeNamed(spec: PipelineSpec, recorded: string): Place | null {
  return split(recorded, (schema, name) => placeOf(spec, schema, name));
}

/** How a table went that the pipeline has no more, and of which rows may be on their way; null when it has it, or they are not. */
export function leavingRule(
  spec: PipelineSpec,
  schema: string,
  name: string,
  was: Place,
  settled: number,
): TableRule | null {
  if (spec.left.length === 0 || ruleFor(spec.tables, schema, name) !== null) return null;
  for (const { since, rules } of spec.left) {
    const rule = since <= was.stay || since <= settled ? null : ruleFor(rules, schema, name);
    if (rule === null) continue;
    const there = mapName(rule, schema, name);
    if (`${there.schema}.${there.table}` === was.target) return rule;
  }
  return null;
}

/** As `leavingRule`, for `schema.table` as it is recorded. */
export function leavingNamed(spec: PipelineSpec, recorded: string, was: Place, settled: number): TableRule | null {
  return split(recorded, (schema, name) => leavingRule(spec, schema, name, was, settled));
}

/** How a table went that left last, for `schema.table` as it is recorded. */
export function leftNamed(spec: PipelineSpec, recorded: string): TableRule | null {
  const latest = spec.left.toReversed();
  return split(recorded, (schema, name) => {
    const left = latest.find(({ rules }) => ruleFor(rules, schema, name) !== null);
    return left === undefined ? null : ruleFor(left.rules, schema, name);
  });
}

/** Either name may have dots, so every split is tried. */
function split<T>(recorded: string, ask: (schema: string, name: string) => T | null): T | null {
  const parts = recorded.split('.');
  for (let at = 1; at < parts.length; at += 1) {
    const found = ask(parts.slice(0, at).join('.'), parts.slice(at).join('.'));
    if (found !== null) return found;
  }
  return null;
}
