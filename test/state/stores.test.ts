/** The contract on the two keepings that need no server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
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

afterEach(() => {
  vi.useRealTimers();
});

test('SQLite: what a lease holds goes in its time also where the clock was set back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'otter-state-'));
  try {
    const file = join(folder, 'state.db');
    await using dying = sqliteStore(file);
    const lease = await dying.lease(1_000);
    await dying.commit({ conditions: [], puts: [{ key: '/a/k', value: '1', lease }], deletes: [] });
    await dying[Symbol.asyncDispose]();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 });
    await using store = sqliteStore(file);
    expect((await store.list('/a/')).entries).toHaveLength(1);
    vi.setSystemTime(Date.now() + 1_000);
    expect((await store.list('/a/')).entries).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
