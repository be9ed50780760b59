import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryState, memoryStore } from '../../src/state/memory.ts';
import { sqliteStore } from '../../src/state/sqlite.ts';
import { describeNodes } from './node-contract.ts';

describeNodes('a store in memory', async () => {
  const state = new MemoryState();
  return { open: async () => memoryStore(state), [Symbol.asyncDispose]: async () => undefined };
});

describeNodes('a state file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'otter-nodes-'));
  return {
    open: async () => sqliteStore(join(folder, 'state.db')),
    [Symbol.asyncDispose]: async () => rm(folder, { recursive: true }),
  };
});
