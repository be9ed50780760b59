/** Everything the state store holds about one topology, read at one revision and parsed. */
import type { StateStore } from '../model/ports.ts';
import type {
  HistoryRecord,
  LockRecord,
  MetaRecord,
  NodeRecord,
  OwnerRecord,
  PipelineRecord,
  SpecRecord,
} from '../model/records.ts';
import type { Kind } from '../model/topology.ts';
import { historyPrefix, parseKey, topologyPrefix } from '../state/keys.ts';

export interface TopologySnapshot {
  readonly name: string;
  readonly revision: number;
  readonly meta: MetaRecord | null;
  readonly specs: { readonly [K in Kind]: Record<string, SpecRecord<K>> };
  readonly nodes: Record<string, NodeRecord>;
  readonly owners: Record<string, OwnerRecord>;
  readonly pipelines: Record<string, PipelineRecord>;
  readonly lock: LockRecord | null;
}

export async function readSnapshot(
  store: StateStore,
  topology: string,
  signal?: AbortSignal,
): Promise<TopologySnapshot> {
  const { revision, entries } = await store.list(topologyPrefix(topology), { signal });
  const snapshot = {
    name: topology,
    revision,
    meta: null as MetaRecord | null,
    specs: { region: {}, node: {}, database: {}, channel: {}, files: {}, alert: {}, notify: {} } as {
      [K in Kind]: Record<string, SpecRecord<K>>;
    },
    nodes: {} as Record<string, NodeRecord>,
    owners: {} as Record<string, OwnerRecord>,
    pipelines: {} as Record<string, PipelineRecord>,
    lock: null as LockRecord | null,
  };
  for (const { key, value } of entries) {
    const parsed = parseKey(key);
    if (parsed === null) continue;
    switch (parsed.at) {
      case 'meta':
        snapshot.meta = JSON.parse(value) as MetaRecord;
        break;
      case 'lock':
        snapshot.lock = JSON.parse(value) as LockRecord;
        break;
      case 'spec':
        (snapshot.specs[parsed.kind] as Record<string, SpecRecord>)[parsed.name] = JSON.parse(value) as SpecRecord;
        break;
      case 'status':
        if (parsed.kind === 'pipeline') snapshot.pipelines[parsed.name] = JSON.parse(value) as PipelineRecord;
        break;
      case 'node':
        snapshot.nodes[parsed.name] = JSON.parse(value) as NodeRecord;
        break;
      case 'owner':
        snapshot.owners[parsed.database] = JSON.parse(value) as OwnerRecord;
        break;
      case 'run':
      case 'history':
        break;
      default:
        parsed satisfies never;
    }
  }
  return snapshot;
}

/** Applied changes, oldest first. */
export async function readHistory(store: StateStore, topology: string): Promise<HistoryRecord[]> {
  const { entries } = await store.list(historyPrefix(topology));
  return entries.map(({ value }) => JSON.parse(value) as HistoryRecord).sort((a, b) => a.serial - b.serial);
}
