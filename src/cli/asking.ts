/** The nodes of a topology, to be asked one question each on their own ports: as they are applied, or when the state store is away, as the files say. */
import { readApplied } from '../executor/applied.ts';
import { OtterError } from '../model/error.ts';
import { Names } from '../model/kept-names.ts';
import type { NodeSpec } from '../model/topology.ts';
import type { AppliedState, Json } from '../planner/change.ts';
import { loadTopology } from '../topology/load.ts';
import { filesOf } from './away.ts';
import { type CommonOptions, type Context, storeToRead, topologyName } from './context.ts';

export interface Nodes {
  readonly topology: string;
  readonly nodes: Readonly<Record<string, NodeSpec>>;
  /** Its objects, with the names that people know. */
  readonly applied: Pick<AppliedState, 'topology' | 'specs'>;
  /** Under which names nodes keep them. */
  readonly names: Names;
}

/** @throws OtterError OT3001 where the store is away and no files say where nodes are, OT7005 where nothing was applied */
export async function nodesToAsk(context: Context, options: CommonOptions): Promise<Nodes> {
  const topology = topologyName(context, options, loadTopology);
  await using store = storeToRead(context, options);
  try {
    const { applied } = await readApplied(store, topology, context.signal);
    if (applied.meta.record === null)
      throw new OtterError('OT7005', `topology ${topology} was never applied to ${store.url}`, {
        hint: 'Apply it first: otter apply',
      });
    const nodes = applied.specs.filter(({ kind }) => kind === 'node');
    return {
      topology,
      nodes: Object.fromEntries(nodes.map(({ name, spec }) => [name, spec as unknown as NodeSpec])),
      applied,
      names: applied.names,
    };
  } catch (error) {
    const files = error instanceof OtterError && error.code === 'OT3001' ? filesOf(context, options) : null;
    if (files === null) throw error;
    const specs = Object.entries(files.channel).map(([name, spec]) => {
      const json = spec as unknown as Json;
      return { kind: 'channel' as const, name, spec: json, key: '', generation: 0, revision: 0 };
    });
    return { topology, nodes: files.node, applied: { topology, specs }, names: new Names([]) };
  }
}

export interface Heard<T> {
  readonly answers: readonly { readonly node: string; readonly answer: T }[];
  readonly unread: readonly { readonly node: string; readonly code: string; readonly message: string }[];
}

/** All at once; who does not answer is told beside those who do. */
export async function askAll<T>(
  nodes: Readonly<Record<string, NodeSpec>>,
  signal: AbortSignal,
  ask: (node: NodeSpec, name: string) => Promise<T>,
): Promise<Heard<T>> {
  const heard = await Promise.all(
    Object.entries(nodes)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(async ([node, spec]) => {
        try {
          return { node, answer: await ask(spec, node), error: null };
        } catch (error) {
          signal.throwIfAborted();
          if (!(error instanceof OtterError)) throw error;
          return { node, error };
        }
      }),
  );
  return {
    answers: heard.flatMap((one) => (one.error === null ? [{ node: one.node, answer: one.answer }] : [])),
    unread: heard.flatMap(({ node, error }) =>
      error === null ? [] : [{ node, code: error.code, message: error.message }],
    ),
  };
}
