/** `otter graph`: the topology as a drawing, or with `--plan` what the plan does to it. */
import { OtterError } from '../model/error.ts';
import { drawnPlan, type GraphFormat, renderGraph } from '../render/graph.ts';
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
  context.stdout.write(drawnPlan(desired, plan, format));
  return EXIT.done;
}
