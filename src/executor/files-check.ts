/** A file set compared, for who asks: the wish written down, waited for side by side, and taken away again. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FilesCheckedRecord, FilesCheckRecord } from '../model/files-check.ts';
import type { StateStore } from '../model/ports.ts';
import { checkedKey, checkKey } from '../state/keys.ts';
import { recordIn } from './alert-desk.ts';
import type { AuditEntry } from './audit.ts';

const LOOK_EVERY_MS = 500;

export interface FilesCheck {
  readonly topology: string;
  readonly set: string;
  /** That something is brought into. */
  readonly regions: readonly string[];
  readonly record: FilesCheckRecord;
  readonly audit: AuditEntry;
}

/**
 * By region, as they are told; until all have ended. Somebody else's wish for the same set is replaced by this one.
 * @param progress told of all whenever something is news
 */
export async function checkFiles(
  store: StateStore,
  { topology, set, regions, record, audit }: FilesCheck,
  progress: (told: ReadonlyMap<string, FilesCheckedRecord>) => void,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, FilesCheckedRecord>> {
  const key = checkKey(topology, set);
  const what = `files.${set}`;
  const puts = [{ key, value: JSON.stringify(record) }, audit.put({ what, result: 'begun' })];
  await store.commit({ conditions: [], puts, deletes: [] });
  const told = new Map<string, FilesCheckedRecord>();
  const revisions = new Map<string, number>();
  const over = (): boolean => regions.every((region) => told.get(region)?.endedMs != null);
  try {
    while (!over()) {
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      signal.throwIfAborted();
      let news = false;
      for (const region of regions) {
        const at = checkedKey(topology, set, region);
        const entry = (await store.list(at, { signal })).entries.find((one) => one.key === at);
        const present = entry === undefined ? null : recordIn<FilesCheckedRecord>(entry);
        if (present?.id !== record.id || revisions.get(region) === entry!.revision) continue;
        revisions.set(region, entry!.revision);
        told.set(region, present);
        news = true;
      }
      if (news) progress(told);
    }
    return told;
  } finally {
    const well = over() && [...told.values()].every(({ error }) => error === null);
    const mine = (await store.list(key)).entries.find((one) => one.key === key);
    const isMine = mine !== undefined && recordIn<FilesCheckRecord>(mine)?.id === record.id;
    await store.commit({
      conditions: [],
      puts: [audit.put({ what, result: well ? 'done' : 'failed' })],
      // What nodes have written, they take away.
      deletes: isMine ? [key] : [],
    });
  }
}
