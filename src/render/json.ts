/** A plan as JSON: the form that `plan --format json` prints, `--out` saves and `docs/reference/plan-json.md` describes. */
import type { Plan } from '../planner/plan.ts';

/** The same plan always gives the same text. Keys of the contract come first, in its order. */
export function planJson(plan: Plan): string {
  const { format_version, topology, lineage, base_revision, config_digest, plan_digest, document_digest, ...rest } =
    plan;
  const { moved, changes, impact, findings, notes, drift, summary, applyable, reads, destroy, serial } = rest;
  return JSON.stringify(
    {
      format_version,
      topology,
      lineage,
      base_revision,
      config_digest,
      plan_digest,
      document_digest,
      moved,
      changes,
      impact,
      findings,
      notes,
      drift,
      summary,
      applyable,
      destroy,
      serial,
      reads,
    },
    null,
    2,
  );
}
