/** `otter graph`: the topology as a drawing, or with `--plan` what the plan does to it. */
import { OtterError } from '../model/error.ts';
import type { Topology } from '../model/topology.ts';
import { KINDS } from '../model/topology.ts';
import type { Change } from '../planner/change.ts';
import { nameOf } from '../planner/change.ts';
import { type GraphFormat, renderGraph } from '../render/graph.ts';
import { symbolOf } from '../render/text.ts';
import { type CommonOptions, type Context, EXIT, stateUrl } from './context.ts';
import { planFor } from './plan.ts';
import { loadValid } from './validate.ts';

export interface GraphOptions extends CommonOptions {
  readonly format?: GraphFormat;
  readonly plan?: boolean;
}

export async function graph(context: Context, options: GraphOptions): Promise<number> {
  if (options.json === true) {
    throw new OtterError('OT7001', '`otter graph` draws and has no JSON', {
      hint: '`otter plan --json` and `otter status --json` say it as data.',
    });
  }
  const format = options.format ?? 'mermaid';
  if (options.plan !== true) {
    context.stdout.write(renderGraph(loadValid(context, options).topology, format));
    return EXIT.done;
  }
  await using store = context.parts.openStore(stateUrl(context, options), { make: false });
  const { plan, desired } = await planFor(context, options, store, 'declared');
  const marks = Object.fromEntries(plan.changes.map((change) => [change.address, symbolOf(change)]));
  context.stdout.write(renderGraph(withRemoved(desired, plan.changes), format, marks));
  return EXIT.done;
}

/** What the plan destroys is drawn too. */
function withRemoved(topology: Topology, changes: readonly Change[]): Topology {
  const removed = (kind: string) =>
    changes.flatMap((change) =>
      change.kind === kind && change.after === null ? [[nameOf(change.address), change.before] as const] : [],
    );
  const kinds = KINDS.map((kind) => [kind, { ...topology[kind], ...Object.fromEntries(removed(kind)) }]);
  return { ...topology, ...(Object.fromEntries(kinds) as Partial<Topology>) };
}
