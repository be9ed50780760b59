/** A saved plan that is stale: what a new one would do in its place, where the files are at hand. */
import { OtterError } from '../model/error.ts';
import type { StateStore } from '../model/ports.ts';
import { comparePlans } from '../planner/compare-plans.ts';
import type { Plan } from '../planner/plan.ts';
import { differenceLines } from '../render/plan-difference.ts';
import { printable } from '../render/width.ts';
import type { Context } from './context.ts';
import { Ended } from './failure.ts';
import { type PlanOptions, planFor } from './plan.ts';

/** Says nothing when there is no new plan to be had: why is told where one asks for it. */
export async function tellNewPlan(
  context: Context,
  options: PlanOptions,
  store: StateStore,
  saved: Plan,
): Promise<void> {
  const quiet: Context = { ...context, stderr: { write: () => true } };
  try {
    const { plan } = await planFor(quiet, options, store, saved.destroy ? 'destroyed' : 'declared');
    if (plan.topology !== saved.topology) return;
    for (const line of differenceLines(comparePlans(saved, plan))) context.stderr.write(`${printable(line)}\n`);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof OtterError || error instanceof Ended)) throw error;
  }
}
