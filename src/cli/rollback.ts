/** `otter rollback N`: the way back to an earlier serial, as a plan that is shown, guarded, asked for and applied like any other. */
import { appliedAt, movesBack, readPast } from '../executor/past.ts';
import { OtterError } from '../model/error.ts';
import type { Move } from '../model/topology.ts';
import { appliedTopology } from '../planner/applied-topology.ts';
import { type AppliedState, addressOf } from '../planner/change.ts';
import { planJson } from '../render/json.ts';
import { loadTopology } from '../topology/load.ts';
import { type ApplyOptions, review } from './apply.ts';
import { type Context, EXIT, storeToRead, topologyName } from './context.ts';
import { appliedOnce } from './history.ts';
import { planFor, showPlan, showRefusals } from './plan.ts';
import { serialOf } from './serials.ts';

/** Two objects would have to exchange names, which no plan does. @throws OtterError OT2008 */
function refuseTaken(moved: readonly Move[], { specs }: AppliedState): void {
  const applied = new Set(specs.map(({ kind, name }) => addressOf(kind, name)));
  const taken = moved.find(({ to }) => applied.has(to));
  if (taken === undefined) return;
  throw new OtterError('OT2008', `${taken.from} was called ${taken.to} then, and another object has that name now`, {
    hint: 'Rename that one first (`moved`) and apply, or write into the files what you want to go back to.',
  });
}

export async function rollback(context: Context, options: ApplyOptions, word: string): Promise<number> {
  const name = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  const past = await readPast(store, name, context.signal);
  appliedOnce(name, store, past.history);
  const serial = serialOf(word, past.history);
  const moved = movesBack(past, serial);
  refuseTaken(moved, past.applied);
  const desired = { ...appliedTopology(appliedAt(past, serial)), moved };
  const planned = await planFor(context, options, store, { desired });
  if (options.out === undefined) {
    const code = await review(context, options, store, planned, `rollback ${serial}`);
    if (code === EXIT.done && planned.plan.changes.length > 0)
      context.stderr.write(`The files are as before: \`otter plan\` shows how they differ from serial ${serial}.\n`);
    return code;
  }
  showPlan(context, options, planned.plan);
  context.parts.writeFile(options.out, `${planJson(planned.plan)}\n`, { secret: true });
  if (showRefusals(context, planned.refusals)) return EXIT.refused;
  context.stderr.write(`Saved to ${options.out}. To carry it out: otter apply ${options.out}\n`);
  return EXIT.done;
}
