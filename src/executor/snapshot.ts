/** What the state store holds about one topology, parsed, for those who only look. */
import type { AlertRecord } from '../model/alerts/records.ts';
import { OtterError } from '../model/error.ts';
import type { Entry, StateStore } from '../model/ports.ts';
import type {
  HistoryRecord,
  LockRecord,
  MetaRecord,
  NodeRecord,
  OwnerRecord,
  PauseRecord,
  PipelineRecord,
  SpecRecord,
  VerifiedRecord,
} from '../model/records.ts';
import type { Kind } from '../model/topology.ts';
import { historyPrefix, lockKey } from '../state/keys.ts';
import { readAlertRecords } from './alert-desk.ts';
import { readApplied } from './applied.ts';

export interface TopologySnapshot {
  readonly name: string;
  readonly revision: number;
  readonly meta: MetaRecord | null;
  readonly specs: { readonly [K in Kind]: Record<string, SpecRecord<K>> };
  readonly nodes: Record<string, NodeRecord>;
  readonly owners: Record<string, OwnerRecord>;
  readonly pipelines: Record<string, PipelineRecord>;
  readonly lock: LockRecord | null;
  /** By address. */
  readonly pauses?: Readonly<Record<string, PauseRecord>>;
  /** By `CHANNEL/DATABASE`. */
  readonly verified?: Readonly<Record<string, VerifiedRecord>>;
  /** By name. */
  readonly alerts: ReadonlyMap<string, AlertRecord>;
}

/** Journal and history are left out, since they grow with every apply. @throws OtterError OT3007 */
export async function readSnapshot(
  store: StateStore,
  topology: string,
  signal?: AbortSignal,
): Promise<TopologySnapshot> {
  const { applied, live, revision } = await readApplied(store, topology, signal);
  const key = lockKey(topology);
  const lock = (await store.list(key, { signal })).entries.find((entry) => entry.key === key);
  const specs: { [K in Kind]: Record<string, SpecRecord> } = {
    region: named(),
    node: named(),
    database: named(),
    channel: named(),
    files: named(),
    alert: named(),
    notify: named(),
    policy: named(),
  };
  for (const { kind, name, generation, spec } of applied.specs) {
    specs[kind][name] = { generation, spec: spec as unknown as SpecRecord['spec'] };
  }
  return {
    name: topology,
    revision,
    meta: applied.meta.record,
    specs: specs as TopologySnapshot['specs'],
    ...live,
    lock: lock === undefined ? null : parse<LockRecord>(lock),
    alerts: await readAlertRecords(store, topology, signal),
  };
}

/** An object may be called `constructor`. */
function named(): Record<string, SpecRecord> {
  return Object.create(null) as Record<string, SpecRecord>;
}

function parse<T>({ key, value }: Entry): T {
  try {
    return JSON.parse(value) as T;
  } catch (error) {
    throw new OtterError('OT3007', 'a record in the state store is not understood', { where: { key }, cause: error });
  }
}

/** Applied changes, oldest first. */
export async function readHistory(store: StateStore, topology: string): Promise<HistoryRecord[]> {
  const { entries } = await store.list(historyPrefix(topology));
  return entries.map((entry) => parse<HistoryRecord>(entry)).sort((a, b) => a.serial - b.serial);
}
