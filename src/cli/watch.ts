/** `otter plan --watch`: the plan again whenever the files, or what it is compared with, are other ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readApplied } from '../executor/applied.ts';
import { messageOf, OtterError } from '../model/error.ts';
import { loadTopology } from '../topology/load.ts';
import { type Context, EXIT, sources, stateUrl, topologyPath } from './context.ts';
import { Ended, explainFailure } from './failure.ts';
import { type PlanOptions, plan } from './plan.ts';

/** How often it is looked. */
const EVERY_MS = 500;

/** Until the person leaves. @throws OtterError OT7001 beside `--out` */
export async function watchPlan(context: Context, options: PlanOptions): Promise<number> {
  if (options.out !== undefined)
    throw new OtterError('OT7001', '--out has no meaning with --watch', { hint: 'Leave one of the two out.' });
  const terminal = context.stdout.isTTY === true && options.json !== true;
  let last: string | null = null;
  while (!context.signal.aborted) {
    const seen = await whatIsThere(context, options);
    if (context.signal.aborted) break;
    if (seen !== last) {
      context.stdout.write(terminal ? '\u001b[2J\u001b[H' : last === null || options.json === true ? '' : SEPARATOR);
      last = seen;
      try {
        await plan(context, options);
        if (terminal) context.stdout.write('\nWatching; Ctrl-C ends it.\n');
      } catch (error) {
        if (context.signal.aborted) break;
        // What is wrong with the files was said; they are looked at again when they are other ones.
        if (!(error instanceof Ended)) explainFailure(error, context);
      }
    }
    await sleep(EVERY_MS, undefined, { signal: context.signal }).catch(() => undefined);
  }
  return EXIT.done;
}

const SEPARATOR = `\n${'-'.repeat(72)}\n\n`;

/** Everything that a plan is made of, as a text: it is another one when a plan may be. */
async function whatIsThere(context: Context, options: PlanOptions): Promise<string> {
  const parts: unknown[] = [];
  let name: string | null = null;
  try {
    const { files, topology, name: declared } = loadTopology(topologyPath(context, options), sources(context, options));
    parts.push(files, topology);
    name = declared;
  } catch (error) {
    parts.push(messageOf(error));
  }
  try {
    if (name !== null) parts.push(await stateOf(context, options, name));
  } catch (error) {
    parts.push(messageOf(error));
  }
  return context.parts.digest(JSON.stringify(parts));
}

async function stateOf(context: Context, options: PlanOptions, name: string): Promise<unknown> {
  await using store = context.parts.openStore(stateUrl(context, options), { make: false });
  const { applied, live } = await readApplied(store, name, context.signal);
  const pipelines = Object.entries(live.pipelines).map(([pipeline, { phase, error, observedGeneration }]) => [
    pipeline,
    phase,
    error?.code,
    observedGeneration,
  ]);
  return [
    applied.meta.revision,
    applied.specs.map(({ key, revision }) => [key, revision]),
    Object.keys(live.nodes),
    pipelines,
  ];
}
