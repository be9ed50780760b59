/** The contract on the two keepings that need no server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StateStore } from '../../src/model/ports.ts';
import { MemoryState, memoryStore } from '../../src/state/memory.ts';
import { sqliteStore } from '../../src/state/sqlite.ts';
import { describeStateStore, put } from './contract.ts';

const HISTORY_MAX = 200;

/** Enough writes elsewhere that a bounded history no longer reaches back. */
async function flood(store: StateStore): Promise<void> {
  for (let n = 0; n < HISTORY_MAX * 2; n += 1) await put(store, '/flood', String(n));
}

describeStateStore('memory', async () => {
  const state = new MemoryState({ historyMax: HISTORY_MAX });
  return { open: async () => memoryStore(state), forgetHistory: flood, [Symbol.asyncDispose]: async () => undefined };
});

describeStateStore('SQLite, two handles on one file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'otter-state-'));
  return {
    open: async () => sqliteStore(join(folder, 'new', 'state.db'), { historyMax: HISTORY_MAX }),
    forgetHistory: flood,
    [Symbol.asyncDispose]: async () => rm(folder, { recursive: true }),
  };
});
