/** `otter node NAME`: one worker. `otter up`: apply, then every node of the topology in this process. */
import { readSnapshot } from '../executor/snapshot.ts';
import { OtterError } from '../model/error.ts';
import { loadTopology } from '../topology/load.ts';
import { type ApplyOptions, review } from './apply.ts';
import { type CommonOptions, type Context, EXIT, stateUrl, topologyName } from './context.ts';
import { planFor } from './plan.ts';

export async function node(context: Context, options: CommonOptions, name: string): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = context.parts.openStore(stateUrl(context, options));
  const snapshot = await readSnapshot(store, topology, context.signal);
  const known = Object.keys(snapshot.specs.node).sort();
  // Where nothing is applied, or not any more, it waits.
  if (known.length > 0 && !known.includes(name)) {
    throw new OtterError('OT7002', `topology ${topology} has no node ${name}`, {
      hint: `Its nodes: ${known.join(', ')}`,
    });
  }
  await run(context, options, { store, topology, names: [name], waits: known.length === 0 });
  return EXIT.done;
}

export async function up(context: Context, options: ApplyOptions): Promise<number> {
  await using store = context.parts.openStore(stateUrl(context, options));
  const planned = await planFor(context, options, store, 'declared');
  const exit = await review(context, { ...options, wait: false }, store, planned);
  if (exit !== EXIT.done) return exit;
  const { name, node } = planned.desired;
  await run(context, options, { store, topology: name, names: Object.keys(node).sort(), waits: false });
  return EXIT.done;
}

async function run(
  context: Context,
  options: CommonOptions,
  what: {
    store: ReturnType<Context['parts']['openStore']>;
    topology: string;
    names: readonly string[];
    waits: boolean;
  },
): Promise<void> {
  const readable = context.stderr.isTTY === true && options.json !== true;
  const logger = context.parts.logger({ level: context.env['OTTER_LOG'] ?? 'info', readable });
  if (what.waits) logger.info('waiting for the first apply', { topology: what.topology, store: what.store.url });
  await context.parts.runNodes({ ...what, logger, signal: context.signal, version: context.version });
}
