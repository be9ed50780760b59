/**
 * What is compared with what: each table of a target with all tables whose rows go into it.
 *
 * Rule kept: a row that only the target has is extra when no source has it, so all of them are in one group, also those of other
 * channels. Two-way a table is compared in the direction from the site that decides (in a mesh: from the first one): two databases
 * that equal a third are equal.
 */
import { DRAFT_PREFIX } from '../model/load.ts';
import { isCompared, type PipelineSpec, type TableRule } from '../model/pipeline.ts';
import { mapName, ruleFor } from './names.ts';

interface Named {
  readonly schema: string;
  readonly name: string;
}

export interface Flow {
  readonly pipeline: PipelineSpec;
  readonly table: Named;
  readonly rule: TableRule;
}

export interface Group {
  readonly target: string;
  readonly table: Named;
  readonly flows: readonly Flow[];
  /** Why nobody can tell whether a row that only the target has belongs there; null: one can. */
  readonly unlooked: string | null;
  /** Why such rows are never removed; null: they may be. */
  readonly keeps: string | null;
}

/**
 * @param pipelines of all channels
 * @param tablesOf base tables of a database, without otter's own
 */
export function groupsOf(
  pipelines: readonly PipelineSpec[],
  tablesOf: (database: string) => readonly Named[],
): Group[] {
  const groups = new Map<string, { target: string; table: Named; flows: Flow[] }>();
  const twoWay = new Set<string>();
  for (const pipeline of pipelines) {
    for (const table of tablesOf(pipeline.source)) {
      const rule = table.name.startsWith(DRAFT_PREFIX) ? null : ruleFor(pipeline.tables, table.schema, table.name);
      if (rule === null) continue;
      const { schema, table: name } = mapName(rule, table.schema, table.name);
      const key = JSON.stringify([pipeline.target, schema, name]);
      if (pipeline.role !== 'one-way') twoWay.add(key);
      if (!isCompared(pipeline)) continue;
      const group = groups.get(key) ?? { target: pipeline.target, table: { schema, name }, flows: [] };
      groups.set(key, group);
      group.flows.push({ pipeline, table, rule });
    }
  }
  return [...groups].map(([key, group]) => ({
    ...group,
    unlooked: unlookedOf(group.flows, twoWay.has(key)),
    keeps: keepsOf(group.flows),
  }));
}

function unlookedOf(flows: readonly Flow[], twoWay: boolean): string | null {
  const mixed = twoWay && flows.some(({ pipeline }) => pipeline.role === 'one-way');
  return mixed ? 'its database writes it too, in a two-way channel' : null;
}

function keepsOf(flows: readonly Flow[]): string | null {
  if (flows.length > 1) return 'several tables go into it';
  const kept = flows.find(({ pipeline: { existing } }) => existing === 'keep' || existing === 'merge');
  return kept === undefined ? null : `\`existing: ${kept.pipeline.existing}\` leaves rows of the target alone`;
}

/** Whether a pipeline has a table of its source, `schema.table`; either name may have dots. */
export function matchesTable({ tables }: PipelineSpec, table: string): boolean {
  const parts = table.split('.');
  return parts.some(
    (_, at) => at > 0 && ruleFor(tables, parts.slice(0, at).join('.'), parts.slice(at).join('.')) !== null,
  );
}
