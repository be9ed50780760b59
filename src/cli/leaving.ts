/** What stays behind when databases leave the topology: only a node that owns one can drop otter's own tables there. */
import { readLive } from '../executor/apply.ts';
import type { StateStore } from '../model/ports.ts';
import { nameOf } from '../planner/change.ts';
import type { Plan } from '../planner/plan.ts';
import type { Context } from './context.ts';

/** The databases that the plan removes, each with the node that owns it. */
export async function ownersOf(context: Context, store: StateStore, plan: Plan): Promise<Map<string, string | null>> {
  const removed = plan.changes.filter(({ kind, after }) => kind === 'database' && after === null);
  if (removed.length === 0) return new Map();
  const { owners } = await readLive(store, plan.topology, context.signal);
  return new Map(removed.map(({ address }) => [nameOf(address), owners[nameOf(address)]?.node ?? null]));
}

/** Only nodes reach the databases: who removes one should know where otter's own tables stay. */
export async function tellLeft(
  context: Context,
  store: StateStore,
  plan: Plan,
  leaving: ReadonlyMap<string, string | null>,
): Promise<void> {
  if (leaving.size === 0) return;
  const { nodes } = await readLive(store, plan.topology, context.signal);
  const left = [...leaving].flatMap(([name, node]) => (node === null || nodes[node] === undefined ? [name] : []));
  if (left.length === 0) return;
  context.stderr.write(
    `No running node owns ${left.join(', ')}, so otter's own tables stay there; drop them yourself when nobody uses them.\n`,
  );
}
