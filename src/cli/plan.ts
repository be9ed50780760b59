/** `otter plan`: what apply would do, as text, JSON or Markdown, kept in a file when asked. */
import { readApplied } from '../executor/apply.ts';
import type { Diagnostic, SourceRange } from '../model/diagnostic.ts';
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import { NOTHING_DECLARED, type Topology } from '../model/topology.ts';
import { objectAddress } from '../planner/addresses.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import type { AppliedState, Source, SourceOf } from '../planner/change.ts';
import { NOBODY_ASKED } from '../planner/copies.ts';
import type { Finding } from '../planner/finding.ts';
import { guard } from '../planner/guard.ts';
import { movesOf, withMoves } from '../planner/moves.ts';
import { computePlan, type Plan, refusedPlan } from '../planner/plan.ts';
import type { Refusal } from '../planner/refusal.ts';
import { planJson } from '../render/json.ts';
import { planMarkdown } from '../render/markdown.ts';
import { renderDrift, renderPlan } from '../render/text.ts';
import { loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, colour, EXIT, stateUrl, today, topologyName } from './context.ts';
import { tellCut } from './cut.ts';
import { sizesOf } from './sizes.ts';
import { asTyped } from './typed.ts';
import { loadValid } from './validate.ts';

export interface PlanOptions extends CommonOptions {
  readonly out?: string;
  readonly format?: string;
  readonly detailedExitcode?: boolean;
  readonly target?: readonly string[];
  readonly exclude?: readonly string[];
  /** Asks the databases how much would be copied. */
  readonly live?: boolean;
  readonly refreshOnly?: boolean;
  readonly allowDestroy?: readonly string[];
}

export interface Planned {
  readonly plan: Plan;
  readonly refusals: readonly Refusal[];
  /** What it leads to. */
  readonly desired: Topology;
  /** Addresses of the objects that may be destroyed. */
  readonly allowDestroy: readonly string[];
}

/** What is planned for: as the files declare it, nothing at all, what is applied already, or something else. */
export type Towards = 'declared' | 'destroyed' | 'applied' | { readonly desired: Topology };

export async function plan(context: Context, options: PlanOptions): Promise<number> {
  await using store = context.parts.openStore(stateUrl(context, options), { make: false });
  const refreshing = options.refreshOnly === true;
  const beside = (['target', 'exclude', 'live'] as const).find((key) => options[key] !== undefined);
  if (refreshing && beside !== undefined) {
    throw new OtterError('OT7001', `--${beside} has no meaning with --refresh-only, which plans no change`, {
      hint: 'Leave one of the two out.',
    });
  }
  const { plan: planned, refusals } = await planFor(context, options, store, refreshing ? 'applied' : 'declared');
  const format = options.json === true ? 'json' : (options.format ?? 'text');
  const { target, exclude } = options;
  const view = { colour: colour(context, options), target, exclude };
  const text = refreshing ? renderDrift(planned, view) : renderPlan(planned, view);
  context.stdout.write(
    format === 'json'
      ? `${planJson(planned)}\n`
      : format === 'markdown'
        ? planMarkdown(planned, refusals, { target, exclude })
        : asTyped(text, options, context),
  );
  await tellCut(context, store, planned);
  if (options.out !== undefined) {
    context.parts.writeFile(options.out, `${planJson(planned)}\n`, { secret: true });
    const carriedOut =
      refusals.length > 0
        ? 'It cannot be carried out as it is.'
        : planned.changes.length === 0
          ? 'There is nothing in it to carry out.'
          : `To carry it out: otter apply ${options.out}`;
    if (format === 'text')
      context.stdout.write(`\nSaved to ${options.out}. ${asTyped(carriedOut, options, context)}\n`);
  }
  if (showRefusals(context, refusals)) return EXIT.refused;
  const differs = refreshing ? planned.drift.length > 0 : planned.changes.length > 0;
  return options.detailedExitcode === true && differs ? EXIT.differences : EXIT.done;
}

export async function planFor(
  context: Context,
  options: PlanOptions,
  store: StateStore,
  towards: Towards,
): Promise<Planned> {
  const { name, declared, unbuilt, waived, sourceOf } =
    towards === 'declared' ? fromFiles(context, options) : byName(context, options);
  const { applied, live, revision } = await readApplied(store, name, context.signal);
  const desired = declared ?? desiredOf(towards, applied);
  const { moves } = movesOf(desired, applied);
  // A name that is nowhere is a slip, and would allow nothing.
  const allowDestroy = (options.allowDestroy ?? []).map(
    objectAddress({ desired, applied: withMoves(applied, moves), moves }),
  );
  const computed = computePlan({
    desired,
    applied,
    live,
    destroy: towards === 'destroyed',
    target: [...(options.target ?? [])],
    exclude: [...(options.exclude ?? [])],
    sourceOf,
    today: today(context),
    waived,
    sizes: options.live === true ? await sizesOf(context, desired) : NOBODY_ASKED,
    digest: context.parts.digest,
    baseRevision: revision,
  });
  const refusals = guard(computed, { desired, applied, live, unbuilt, allowDestroy });
  const plan = refusals.length > 0 ? refusedPlan(computed, context.parts.digest) : computed;
  return { plan, refusals, desired, allowDestroy };
}

function desiredOf(towards: Towards, applied: AppliedState): Topology {
  if (typeof towards === 'object') return towards.desired;
  return towards === 'destroyed' ? { ...NOTHING_DECLARED, name: applied.topology } : appliedTopology(applied);
}

/** The plan as apply shows it before it asks. */
export function showPlan(context: Context, options: PlanOptions, planned: Plan): void {
  const { target, exclude } = options;
  context.stdout.write(
    options.json === true
      ? `${planJson(planned)}
`
      : asTyped(renderPlan(planned, { colour: colour(context, options), target, exclude }), options, context),
  );
}

interface Asked {
  readonly name: string;
  readonly declared: Topology | null;
  readonly unbuilt: readonly Diagnostic[];
  /** What `otter validate` would say, and is let pass for a while. */
  readonly waived: readonly Finding[];
  readonly sourceOf: SourceOf;
}

function fromFiles(context: Context, options: PlanOptions): Asked {
  const { topology, diagnostics, unbuilt, sourceOf } = loadValid(context, options);
  return {
    name: topology.name,
    declared: topology,
    unbuilt,
    waived: [...diagnostics, ...unbuilt].flatMap((one) => waivedOf(one, topology)),
    sourceOf: (address, path) => placeOf(sourceOf(address, path)),
  };
}

function placeOf(range: SourceRange | null): Source | null {
  return range === null ? null : { file: range.file, line: range.line, col: range.column };
}

function waivedOf({ code, address, summary, range, ignored }: Diagnostic, { policy }: Topology): Finding[] {
  const { until, reason = '' } = ignored ?? {};
  if (until === undefined || address === undefined) return [];
  const rules = policy['rules'] as Readonly<Record<string, { readonly severity?: string }>>;
  // As grave as it is when the waiver has ended: a saved plan does not outlive one.
  const severity = rules[code]?.severity === 'error' ? 'error' : 'warning';
  const waived = { until, reason };
  return [{ code, rule: null, severity, address, message: summary, source: placeOf(range), waived, lapsed: null }];
}

/** Destroying and looking need the name and no more: files that are broken or gone are no hindrance. */
function byName(context: Context, options: PlanOptions): Asked {
  return {
    name: topologyName(context, options, loadTopology),
    declared: null,
    unbuilt: [],
    waived: [],
    sourceOf: () => null,
  };
}

/** Says what a guard refuses; true when there was anything. */
export function showRefusals(context: Context, refusals: readonly Refusal[]): boolean {
  for (const { code, message, hint } of refusals)
    context.stderr.write(`Refused ${code}: ${message}\n${hint === undefined ? '' : `  ${hint}\n`}`);
  return refusals.length > 0;
}
