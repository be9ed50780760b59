/** What stays behind when databases leave the topology: only a node that owns one can drop otter's own tables there. */
import { readApplied, readDepartures, readLive } from '../executor/apply.ts';
import { Names } from '../model/kept-names.ts';
import type { StateStore } from '../model/ports.ts';
import { nameOf } from '../planner/change.ts';
import type { Plan } from '../planner/plan.ts';
import { printable } from '../render/width.ts';
import type { Context } from './context.ts';

/** A database that leaves: the name under which nodes know it, and whether one owns it. */
interface Leaving {
  readonly kept: string;
  readonly owned: boolean;
}

/** The databases that the plan removes. */
export async function ownersOf(context: Context, store: StateStore, plan: Plan): Promise<Map<string, Leaving>> {
  const removed = plan.changes.filter(({ kind, after }) => kind === 'database' && after === null);
  if (removed.length === 0) return new Map();
  const { applied, live } = await readApplied(store, plan.topology, context.signal);
  return new Map(
    removed.map(({ address }) => {
      const name = nameOf(address);
      return [name, { kept: applied.names.kept('database', name), owned: live.owners[name] !== undefined }];
    }),
  );
}

/**
 * Only nodes reach the databases: who removes one should know where otter's own tables stay, and why. A node that has
 * nothing left to do is gone from the store as one that died is, so it writes down what it tidied.
 */
export async function tellLeft(
  context: Context,
  store: StateStore,
  plan: Plan,
  leaving: ReadonlyMap<string, Leaving>,
): Promise<void> {
  if (leaving.size === 0) return;
  const { nodes, owners } = await readLive(store, plan.topology, new Names([]), context.signal);
  const departures = await readDepartures(store, plan.topology, context.signal);
  const left: string[] = [];
  for (const [name, { kept, owned }] of leaving) {
    const [departure, owner] = owned ? [departures[kept], owners[kept]] : [];
    if (departure?.error != null) {
      const { code, message } = departure.error;
      context.stderr.write(
        `Otter's own tables stay in ${name}, node ${departure.node} could not remove them: ${code}: ${printable(message)}\n`,
      );
    } else if (departure === undefined && (owner === undefined || nodes[owner.node] === undefined)) left.push(name);
  }
  if (left.length === 0) return;
  context.stderr.write(
    `No running node owns ${left.join(', ')}, so otter's own tables stay there; drop them yourself when no other topology uses them.\n`,
  );
}
