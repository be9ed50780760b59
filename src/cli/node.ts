/** `otter node NAME`: one worker. `otter up`: apply, then every node of the topology in this process. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readSnapshot } from '../executor/snapshot.ts';
import { OtterError } from '../model/error.ts';
import type { Logger, StateStore } from '../model/ports.ts';
import { loadTopology } from '../topology/load.ts';
import { type ApplyOptions, review } from './apply.ts';
import { type CommonOptions, type Context, EXIT, stateUrl, topologyName } from './context.ts';
import { planFor } from './plan.ts';

const AWAY_AGAIN_MS = 1_000;

export async function node(context: Context, options: CommonOptions, name: string): Promise<number> {
  const topology = topologyName(context, options, loadTopology);
  await using store = context.parts.openStore(stateUrl(context, options));
  const logger = loggerOf(context, options);
  const known = await nodesOf(context, store, topology, logger);
  if (known === null) return EXIT.done;
  // Where nothing is applied, or not any more, it waits.
  if (known.length > 0 && !known.includes(name)) {
    throw new OtterError('OT7002', `topology ${topology} has no node ${name}`, {
      hint: `Its nodes: ${known.join(', ')}`,
    });
  }
  await run(context, logger, { store, topology, names: [name], waits: known.length === 0 });
  return EXIT.done;
}

export async function up(context: Context, options: ApplyOptions): Promise<number> {
  await using store = context.parts.openStore(stateUrl(context, options));
  const planned = await planFor(context, options, store, 'declared');
  const exit = await review(context, { ...options, wait: false }, store, planned, 'up');
  if (exit !== EXIT.done) return exit;
  const { name, node } = planned.desired;
  await run(context, loggerOf(context, options), {
    store,
    topology: name,
    names: Object.keys(node).sort(),
    waits: false,
  });
  return EXIT.done;
}

/** Names of the nodes that are applied, sorted. A machine may start before its state store does; null: ended meanwhile. */
async function nodesOf(
  context: Context,
  store: StateStore,
  topology: string,
  logger: Logger,
): Promise<string[] | null> {
  for (let told = false; ; told = true) {
    try {
      return Object.keys((await readSnapshot(store, topology, context.signal)).specs.node).sort();
    } catch (error) {
      if (context.signal.aborted) return null;
      if (!(error instanceof OtterError) || error.code !== 'OT3001') throw error;
      const { code, message, hint } = error;
      if (!told) logger.warn('state store away; waiting for it', { topology, code, error: message, hint });
      await sleep(AWAY_AGAIN_MS, undefined, { signal: context.signal }).catch(() => undefined);
      if (context.signal.aborted) return null;
    }
  }
}

function loggerOf(context: Context, options: CommonOptions): Logger {
  const readable = context.stderr.isTTY === true && options.json !== true;
  return context.parts.logger({ level: context.env['OTTER_LOG'] ?? 'info', readable });
}

async function run(
  context: Context,
  logger: Logger,
  what: {
    store: StateStore;
    topology: string;
    names: readonly string[];
    waits: boolean;
  },
): Promise<void> {
  if (what.waits) logger.info('waiting for the first apply', { topology: what.topology, store: what.store.url });
  await context.parts.runNodes({ ...what, logger, signal: context.signal, version: context.version });
}
