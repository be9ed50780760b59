/** What people see of alerts in the state store, and what they write there: silences, and notices to see whether they arrive. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AlertRecord, SilenceRecord, TrialRecord, WatchRecord } from '../model/alerts/records.ts';
import { OtterError } from '../model/error.ts';
import type { Entry, StateStore } from '../model/ports.ts';
import { didYouMean } from '../model/suggest.ts';
import type { AlertSpec, ReceiverSpec } from '../model/topology.ts';
import type { AppliedState } from '../planner/change.ts';
import { alertsPrefix, parseKey, silenceKey, silencesPrefix, trialKey, watchKey } from '../state/keys.ts';
import { readApplied } from './applied.ts';
import type { AuditEntry } from './audit.ts';

export interface AlertsState {
  readonly applied: AppliedState;
  /** By name, as applied. */
  readonly alerts: ReadonlyMap<string, AlertSpec>;
  readonly receivers: ReadonlyMap<string, ReceiverSpec>;
  readonly records: ReadonlyMap<string, AlertRecord>;
  /** By address. */
  readonly silences: ReadonlyMap<string, { readonly record: SilenceRecord; readonly revision: number }>;
  readonly judge: string | null;
}

/** @throws OtterError OT3007, OT7005 where nothing was applied */
export async function readAlerts(store: StateStore, topology: string, signal?: AbortSignal): Promise<AlertsState> {
  const { applied } = await readApplied(store, topology, signal);
  if (applied.meta.record === null)
    throw new OtterError('OT7005', `topology ${topology} was never applied to ${store.url}`, {
      hint: 'Apply it first: otter apply',
    });
  const named = <S>(kind: string): Map<string, S> =>
    new Map(applied.specs.flatMap((one) => (one.kind === kind ? [[one.name, one.spec as unknown as S]] : [])));
  const silences = new Map<string, { record: SilenceRecord; revision: number }>();
  for (const entry of (await store.list(silencesPrefix(topology), { signal })).entries) {
    const key = parseKey(entry.key);
    const record = recordIn<SilenceRecord>(entry);
    if (key?.at === 'silence' && record !== null) silences.set(key.address, { record, revision: entry.revision });
  }
  const watching = (await store.list(watchKey(topology), { signal })).entries.find(
    ({ key }) => key === watchKey(topology),
  );
  return {
    applied,
    alerts: named('alert'),
    receivers: named('notify'),
    records: await readAlertRecords(store, topology, signal),
    silences,
    judge: watching === undefined ? null : (recordIn<WatchRecord>(watching)?.node ?? null),
  };
}

export async function readAlertRecords(
  store: StateStore,
  topology: string,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, AlertRecord>> {
  const records = new Map<string, AlertRecord>();
  for (const entry of (await store.list(alertsPrefix(topology), { signal })).entries) {
    const key = parseKey(entry.key);
    const record = recordIn<AlertRecord>(entry);
    if (key?.at === 'alert' && record !== null) records.set(key.name, record);
  }
  return records;
}

/** One that is not understood is none: the node that judges writes it anew. */
export function recordIn<T>({ value }: Entry): T | null {
  try {
    const record: unknown = JSON.parse(value);
    return typeof record === 'object' && record !== null ? (record as T) : null;
  } catch {
    return null;
  }
}

const SILENCED_KINDS = ['alert', 'channel', 'database', 'node', 'files'] as const;
const TRIED_KINDS = ['alert', 'notify'] as const;

/** What can be silenced, and what can be tried, as it is typed. */
export function silenceAddresses({ specs }: AppliedState): string[] {
  return addressesOf(specs, SILENCED_KINDS);
}

export function trialAddresses({ specs }: AppliedState): string[] {
  return addressesOf(specs, TRIED_KINDS);
}

/** What can be both. */
export function alertAddresses({ specs }: AppliedState): string[] {
  return addressesOf(specs, ['alert']);
}

function addressesOf(specs: AppliedState['specs'], kinds: readonly string[]): string[] {
  return specs.flatMap(({ kind, name }) => (kinds.includes(kind) ? [`${kind}.${name}`] : []));
}

/** @param text an address, or a name that only one of them has. @throws OtterError OT8155 */
export function addressIn(text: string, addresses: readonly string[]): string {
  if (addresses.includes(text)) return text;
  const named = addresses.filter((address) => address.slice(address.indexOf('.') + 1) === text);
  if (named.length === 1) return named[0]!;
  throw new OtterError(
    'OT8155',
    named.length === 0 ? `\`${text}\` is none of them that is applied` : `\`${text}\` may be ${named.join(' or ')}`,
    { hint: named.length === 0 ? didYouMean(text, addresses) : `Write one of the two: ${named[0]!}` },
  );
}

/** Where there is one already, the newer counts. */
export async function silence(
  store: StateStore,
  topology: string,
  address: string,
  record: SilenceRecord,
  audit: AuditEntry,
): Promise<void> {
  const what = `${address} until ${new Date(record.untilMs).toISOString()}, because ${record.why}`;
  await store.commit({
    conditions: [],
    puts: [{ key: silenceKey(topology, address), value: JSON.stringify(record) }, audit.put({ what, result: 'done' })],
    deletes: [],
  });
}

/** False when somebody else was faster. */
export async function unsilence(
  store: StateStore,
  topology: string,
  address: string,
  revision: number,
  audit: AuditEntry,
): Promise<boolean> {
  const key = silenceKey(topology, address);
  const result = await store.commit({
    conditions: [{ key, revision }],
    puts: [audit.put({ what: address, result: 'done' })],
    deletes: [key],
  });
  return result.ok;
}

const LOOK_EVERY_MS = 200;

/** Has a node send a notice, and waits for what comes of it; null: none did within the time. @throws the reason of `signal` */
export async function tried(
  store: StateStore,
  topology: string,
  id: string,
  record: TrialRecord,
  {
    audit,
    timeoutMs,
    signal,
  }: { readonly audit: AuditEntry; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<TrialRecord | null> {
  const key = trialKey(topology, id);
  const what = `${record.alert === null ? '' : `alert.${record.alert}: `}${record.receivers.join(', ')}`;
  const timeout = AbortSignal.timeout(timeoutMs);
  const value = JSON.stringify(record);
  await store.commit({ conditions: [], puts: [{ key, value }, audit.put({ what, result: 'begun' })], deletes: [] });
  let answered: TrialRecord | null = null;
  try {
    while (answered === null && !timeout.aborted && !signal.aborted) {
      const entry = (await store.list(key, { signal })).entries.find((one) => one.key === key);
      const present = entry === undefined ? null : recordIn<TrialRecord>(entry);
      if (present?.result != null) answered = present;
      else await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([signal, timeout]) }).catch(() => undefined);
    }
    signal.throwIfAborted();
    return answered;
  } finally {
    const well = answered !== null && Object.values(answered.result ?? {}).every((error) => error === null);
    const end = audit.put({ what, result: well ? 'done' : 'failed' });
    await store.commit({ conditions: [], puts: [end], deletes: [key] });
  }
}
