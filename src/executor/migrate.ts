/**
 * The state in a store brought to the present format, under the lock, `meta` last: until then nodes of the new version leave
 * everything as it is, and a migration that was cut is begun again.
 */
import { OtterError } from '../model/error.ts';
import type { Put, StateStore } from '../model/ports.ts';
import { topologyPrefix } from '../state/keys.ts';
import type { Lock } from '../state/lock.ts';
import { type KeptEntry, readKept } from './backup.ts';
import { type FormatStep, type Migration, migrationOf } from './formats.ts';

export interface ReadMigration {
  readonly migration: Migration;
  readonly records: ReadonlyMap<string, KeptEntry>;
}

/** Null: nothing of the topology is there. @throws OtterError OT3007 */
export async function readMigration(
  store: StateStore,
  topology: string,
  signal?: AbortSignal,
  formats?: { readonly steps: readonly FormatStep[]; readonly to: number },
): Promise<ReadMigration | null> {
  const { records } = await readKept(store, topology, signal);
  const meta = records.get('meta');
  if (meta === undefined) return null;
  const values = new Map([...records].map(([path, { value }]) => [path, value]));
  return { migration: migrationOf(values, Number(meta.value['format']), formats), records };
}

const COMMIT_KEYS_MAX = 50;

/** @throws OtterError OT2001 when something moved meanwhile, OT2005 when the lock was lost */
export async function migrate(
  store: StateStore,
  topology: string,
  { migration, records }: ReadMigration,
  lock: Lock,
  put: Put,
  signal: AbortSignal,
): Promise<void> {
  const prefix = topologyPrefix(topology);
  const { changes } = migration;
  for (let from = 0; from < changes.length; ) {
    signal.throwIfAborted();
    const part = changes.slice(from, from + COMMIT_KEYS_MAX);
    // The format is another only when everything else is.
    const rest = part.length > 1 && part.at(-1)!.path === 'meta' ? part.slice(0, -1) : part;
    from += rest.length;
    const last = from === changes.length;
    const puts: Put[] = rest.map(({ path, after }) => ({ key: prefix + path, value: JSON.stringify(after) }));
    const result = await store.commit({
      conditions: [
        lock.condition,
        ...rest.map(({ path }) => ({ key: prefix + path, revision: records.get(path)!.revision })),
      ],
      puts: last ? [...puts, put] : puts,
      deletes: [],
    });
    if (result.ok) continue;
    const lost = result.moved.includes(lock.key);
    throw new OtterError(
      lost ? 'OT2005' : 'OT2001',
      lost
        ? `the lock of ${topology} was lost before everything was written`
        : `these moved while the state was migrated: ${result.moved.map((key) => key.slice(prefix.length)).join(', ')}`,
      { hint: 'Run `otter migrate` again: what is written stays.', where: { topology } },
    );
  }
}
