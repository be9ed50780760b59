/** `otter plan`: what apply would do, as text or JSON, kept in a file when asked. */
import { readApplied } from '../executor/apply.ts';
import type { StateStore } from '../model/ports.ts';
import type { Topology } from '../model/topology.ts';
import { guard, type Refusal } from '../planner/guard.ts';
import { computePlan, type Plan } from '../planner/plan.ts';
import { planJson } from '../render/json.ts';
import { renderPlan } from '../render/text.ts';
import { type CommonOptions, type Context, colour, EXIT, stateUrl } from './context.ts';
import { loadValid } from './validate.ts';

export interface PlanOptions extends CommonOptions {
  readonly out?: string;
  readonly format?: string;
  readonly detailedExitcode?: boolean;
  readonly target?: readonly string[];
  readonly refreshOnly?: boolean;
  readonly allowDestroy?: readonly string[];
}

export interface Planned {
  readonly plan: Plan;
  readonly refusals: readonly Refusal[];
}

export async function plan(context: Context, options: PlanOptions): Promise<number> {
  await using store = context.parts.openStore(stateUrl(context, options));
  const planned = await planFor(context, options, store, false);
  const json = options.json === true || options.format === 'json';
  context.stdout.write(
    json ? `${planJson(planned.plan)}\n` : renderPlan(planned.plan, { colour: colour(context, options) }),
  );
  if (options.out !== undefined) {
    context.parts.writeFile(options.out, `${planJson(planned.plan)}\n`, { secret: true });
    if (!json) context.stdout.write(`\nSaved to ${options.out}. To carry it out: otter apply ${options.out}\n`);
  }
  if (showRefusals(context, planned.refusals)) return EXIT.refused;
  return options.detailedExitcode === true && planned.plan.changes.some(({ actions }) => !actions.includes('no-op'))
    ? EXIT.differences
    : EXIT.done;
}

export async function planFor(
  context: Context,
  options: PlanOptions,
  store: StateStore,
  destroy: boolean,
): Promise<Planned> {
  const loaded = loadValid(context, options);
  const { applied, live, revision } = await readApplied(store, loaded.topology.name);
  const desired: Topology = destroy ? empty(loaded.topology.name) : loaded.topology;
  const computed = computePlan({
    desired,
    applied,
    live,
    destroy,
    target: [...(options.target ?? [])],
    sourceOf: (address: string, path?: string) => {
      const range = loaded.sourceOf(address, path);
      return range === null ? null : { file: range.file, line: range.line, col: range.column };
    },
    digest: context.parts.digest,
    baseRevision: revision,
  });
  const refusals = guard(computed, {
    desired,
    applied,
    unbuilt: destroy ? [] : loaded.unbuilt,
    allowDestroy: [...(options.allowDestroy ?? [])],
  });
  return { plan: refusals.length > 0 ? { ...computed, applyable: false } : computed, refusals };
}

/** Says what a guard refuses; true when there was anything. */
export function showRefusals(context: Context, refusals: readonly Refusal[]): boolean {
  for (const { code, message, hint } of refusals)
    context.stderr.write(`Refused ${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`);
  return refusals.length > 0;
}

function empty(name: string): Topology {
  return { name, region: {}, node: {}, database: {}, channel: {}, files: {}, notify: {}, alert: {} };
}
