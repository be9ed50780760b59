/**
 * Which node somebody wants to own a database: a record of its own beside what is declared, so that no apply undoes it.
 *
 * A node that owns the database gives it up as soon as the wanted one lives, and no other takes it then; while that is away anybody of
 * the region does, as ever. So the wish never keeps a database from running.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { OtterError } from '../model/error.ts';
import type { Condition, StateStore } from '../model/ports.ts';
import type { PlaceRecord } from '../model/records.ts';
import type { DatabaseSpec, NodeSpec } from '../model/topology.ts';
import type { AppliedSpec, AppliedState } from '../planner/change.ts';
import { ownerKey, parseKey, placeKey, placePrefix, specKey } from '../state/keys.ts';
import type { AuditEntry } from './audit.ts';
import type { World } from './world.ts';

/** What is to be owned where. */
export interface Placing {
  readonly database: AppliedSpec;
  /** Null: wherever. */
  readonly node: AppliedSpec | null;
  /** The name under which the database is kept. */
  readonly kept: string;
}

/** @param node null: wherever. @throws OtterError OT7040 */
export function placingOf(database: string, node: string | null, { specs, names, topology }: AppliedState): Placing {
  const find = (kind: 'database' | 'node', text: string): AppliedSpec => {
    const name = text.startsWith(`${kind}.`) ? text.slice(kind.length + 1) : text;
    const found = specs.find((spec) => spec.kind === kind && spec.name === name);
    if (found !== undefined) return found;
    const all = specs.filter((spec) => spec.kind === kind).map((spec) => spec.name);
    throw new OtterError('OT7040', `no ${kind} \`${text}\` is applied`, {
      hint: all.length === 0 ? 'Apply the topology first.' : `There are ${all.join(', ')}.`,
      where: { topology },
    });
  };
  const wanted = find('database', database);
  const to = node === null ? null : find('node', node);
  const region = (wanted.spec as unknown as DatabaseSpec).region;
  const other = to === null ? region : (to.spec as unknown as NodeSpec).region;
  if (region !== other)
    throw new OtterError('OT7040', `node ${to?.name} is of region ${other}, and ${wanted.name} of ${region}`, {
      hint: 'Nodes own databases of their own region.',
      where: { topology },
    });
  return { database: wanted, node: to, kept: names.kept('database', wanted.name) };
}

/** False when one of the two was changed meanwhile. */
export async function place(
  store: StateStore,
  topology: string,
  { database, node, kept }: Placing,
  record: Omit<PlaceRecord, 'node'>,
  audit: AuditEntry,
): Promise<boolean> {
  const key = placeKey(topology, kept);
  const seen: Condition[] = [database, ...(node === null ? [] : [node])].map(({ key: of, revision }) => ({
    key: of,
    revision,
  }));
  const value = JSON.stringify({ node: node?.name ?? '', ...record } satisfies PlaceRecord);
  const what = `database.${database.name}${node === null ? ' anywhere' : ` to node.${node.name}`}`;
  const result = await store.commit({
    conditions: seen,
    puts: [audit.put({ what, result: 'done' }), ...(node === null ? [] : [{ key, value }])],
    deletes: node === null ? [key] : [],
  });
  return result.ok;
}

/** Deletes what was wanted of databases that are not in the topology. */
export async function sweepPlaces(store: StateStore, topology: string, world: World): Promise<void> {
  for (const { key, revision } of (await store.list(placePrefix(topology))).entries) {
    const parsed = parseKey(key);
    if (parsed?.at !== 'place' || world.spec('database', parsed.database) !== null) continue;
    const gone = { key: specKey(topology, 'database', parsed.database), revision: null };
    await store.commit({ conditions: [{ key, revision }, gone], puts: [], deletes: [key] });
  }
}

const LOOK_EVERY_MS = 200;

/** Waits until the node owns it; who owns it then, or null. @throws the reason of `signal` */
export async function owned(
  store: StateStore,
  topology: string,
  { kept, node }: Placing,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const key = ownerKey(topology, kept);
  for (;;) {
    const entry = (await store.list(key, { signal })).entries.find((one) => one.key === key);
    const owner = entry === undefined ? null : (JSON.parse(entry.value) as { readonly node: string }).node;
    if (node === null || owner === node.name || timeout.aborted) return owner;
    await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, timeout]) }).catch(() => undefined);
    signal.throwIfAborted();
  }
}
