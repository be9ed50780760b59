/** What a person who plans anew is told of an apply that was cut, or is still under way. */
import { begunOf } from '../executor/resume.ts';
import type { StateStore } from '../model/ports.ts';
import type { Plan } from '../planner/plan.ts';
import { printable } from '../render/width.ts';
import type { Context } from './context.ts';

/** @param plan the one that was made; what is written of the serial behind the present one is of the other */
export async function tellCut(
  context: Pick<Context, 'stderr' | 'signal'>,
  store: StateStore,
  { topology, serial, changes }: Pick<Plan, 'topology' | 'serial' | 'changes'>,
): Promise<void> {
  // Without changes a plan has the present serial, whose apply is done.
  const next = changes.length > 0 ? serial : serial + 1;
  const begun = await begunOf(store, topology, next, context.signal);
  if (begun === null) return;
  const { by, at, batch, batches } = begun.step;
  const what = `serial ${next}, begun by ${printable(by)}: ${batch} of ${batches} steps were written at ${at}`;
  const told = begun.underWay
    ? `An apply is under way: ${what}. This plan is of what is left.`
    : `An apply was cut: ${what}. \`otter apply --resume\` goes on with its plan; this one is another.`;
  context.stderr.write(`${told}\n`);
}
