/** Where the tables of a pipeline go, and since when: what is recorded of a table elsewhere counts no longer. */
import type { Place } from '../model/load.ts';
import type { PipelineSpec } from '../model/pipeline.ts';
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

/** As `placeOf`, for `schema.table` as it is recorded; either name may have dots, so every split is tried. */
export function placeNamed(spec: PipelineSpec, recorded: string): Place | null {
  const parts = recorded.split('.');
  for (let at = 1; at < parts.length; at += 1) {
    const place = placeOf(spec, parts.slice(0, at).join('.'), parts.slice(at).join('.'));
    if (place !== null) return place;
  }
  return null;
}
