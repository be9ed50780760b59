/** The audit: who changed what, when, from where and how it ended. What is written here is never changed but for its end. */

import { OtterError } from '../model/error.ts';
import type { Put, StateStore } from '../model/ports.ts';
import type { AuditRecord } from '../model/records.ts';
import { auditKey, auditPrefix, metaKey } from '../state/keys.ts';
import type { Author } from './batches.ts';

export type Audited = Pick<AuditRecord, 'what' | 'result'> &
  Partial<Pick<AuditRecord, 'code' | 'serial' | 'planDigest'>>;

/** One command in the audit: the key it has there, and what is written under it. */
export interface AuditEntry {
  readonly key: string;
  put(what: Audited): Put;
}

/** `id` makes the key the only one of its millisecond. */
export function auditEntry(topology: string, author: Author, nowMs: number, id: string): AuditEntry {
  const key = auditKey(topology, nowMs, id);
  const { by, author: person, host, pid, version, command, commit } = author;
  return {
    key,
    put: ({ what, result, code = null, serial = null, planDigest = null }) => ({
      key,
      value: JSON.stringify({
        at: new Date(nowMs).toISOString(),
        by,
        author: person,
        host,
        pid,
        version,
        command,
        what,
        commit,
        result,
        code,
        serial,
        planDigest,
      } satisfies AuditRecord),
    }),
  };
}

/** Writes one that belongs to no other write. @throws OtterError OT7005 where the topology was never applied: most likely another store is meant */
export async function writeAudit(store: StateStore, topology: string, put: Put): Promise<void> {
  const key = metaKey(topology);
  if (!(await store.list(key)).entries.some((entry) => entry.key === key))
    throw new OtterError('OT7005', `topology ${topology} was never applied to ${store.url}`);
  await store.commit({ conditions: [], puts: [put], deletes: [] });
}

/** The oldest first. @throws OtterError OT3007 */
export async function readAudit(store: StateStore, topology: string, signal?: AbortSignal): Promise<AuditRecord[]> {
  const { entries } = await store.list(auditPrefix(topology), { signal });
  return entries.map(({ key, value }) => {
    try {
      return JSON.parse(value) as AuditRecord;
    } catch (error) {
      throw new OtterError('OT3007', 'a record in the state store is not understood', { where: { key }, cause: error });
    }
  });
}
