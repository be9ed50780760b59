/** The state store does not answer: the nodes themselves are asked, at the addresses that the topology's files give. */
import { OtterError } from '../model/error.ts';
import type { NodeAnswer } from '../model/records.ts';
import type { StatusReport } from '../model/status.ts';
import type { Topology } from '../model/topology.ts';
import { recordsFromNodes } from '../observe/from-nodes.ts';
import { statusReport } from '../observe/status.ts';
import { loadTopology } from '../topology/load.ts';
import { type CommonOptions, type Context, sources, topologyPath } from './context.ts';

/** `error`: why the store did not tell. @throws that error, when no node answers either or no files say where they are */
export async function reportFromNodes(context: Context, options: CommonOptions, error: unknown): Promise<StatusReport> {
  if (!(error instanceof OtterError) || error.code !== 'OT3001') throw error;
  const topology = filesOf(context, options);
  if (topology === null) throw hinted(error, 'With the topology files (-t PATH) the nodes themselves would be asked.');
  const asked = await Promise.allSettled(
    Object.values(topology.node).map(async (node) => context.parts.askNode(node, context.signal)),
  );
  context.signal.throwIfAborted();
  const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (!answers.some((answer) => isOf(topology, answer))) throw hinted(error, silence(asked));
  return {
    ...statusReport(recordsFromNodes(topology, answers), context.now()),
    store_away: { code: error.code, message: error.message },
  };
}

/** Why nothing was heard of the nodes. Who has no credentials for them, or wrong ones, must know it. */
function silence(asked: readonly PromiseSettledResult<NodeAnswer>[]): string {
  const errors = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const strange = errors.find((one) => one instanceof OtterError && /^OT601[1-4]$/.test(one.code));
  if (!(strange instanceof OtterError)) return 'No node answered on its own port either.';
  const { code, message, hint } = strange;
  return `The nodes themselves did not tell either: ${message} (${code}).${hint === undefined ? '' : ` There: ${hint}.`}`;
}

function isOf(topology: Topology, answer: NodeAnswer): boolean {
  return answer.topology === topology.name && Object.hasOwn(topology.node, answer.node);
}

/** The topology, when `-t` or the folder leads to files and they are in order. */
export function filesOf(context: Context, options: CommonOptions): Topology | null {
  if (options.topology !== undefined && !context.parts.exists(options.topology)) return null;
  try {
    return loadTopology(topologyPath(context, options), sources(context, options)).topology;
  } catch {
    return null;
  }
}

function hinted(error: OtterError, more: string): OtterError {
  const { code, message, hint, where, retry } = error;
  return new OtterError(code, message, {
    hint: hint === undefined ? more : `${hint} ${more}`,
    where,
    retry,
    cause: error,
  });
}
