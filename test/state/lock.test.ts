import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import type { LockRecord } from '../../src/model/records.ts';
import type { Held, Lock } from '../../src/state/lock.ts';
import { acquireLock, waitForLock } from '../../src/state/lock.ts';
import { MemoryState, memoryStore } from '../../src/state/memory.ts';
import { keys, WAIT } from './contract.ts';

const KEY = '/otter/t/lock';
const never = new AbortController().signal;

function record(holder: string): LockRecord {
  return { holder, host: 'h', pid: 1, since: '2026-01-01T00:00:00Z', operation: 'apply' };
}

function held(result: Lock | Held): Lock {
  if ('heldBy' in result) throw new Error(`held by ${result.heldBy.holder}`);
  return result;
}

test('one holds it, the other is told who', async () => {
  const state = new MemoryState();
  await using a = memoryStore(state);
  await using b = memoryStore(state);
  const lock = held(await acquireLock(a, KEY, record('ann'), 5000, never));
  expect(await acquireLock(b, KEY, record('bob'), 5000, never)).toEqual({ heldBy: record('ann') });
  await lock.release();
  const next = held(await acquireLock(b, KEY, record('bob'), 5000, never));
  expect(next.revision).toBeGreaterThan(lock.revision);
  await next.release();
});

test('of many at once exactly one gets it, and the others leave no lease behind', async () => {
  await using store = memoryStore();
  const results = await Promise.all(
    ['a', 'b', 'c', 'd'].map((who) => acquireLock(store, KEY, record(who), 5000, never)),
  );
  const locks = results.filter((result): result is Lock => !('heldBy' in result));
  expect(locks).toHaveLength(1);
  await locks[0]!.release();
  expect(await keys(store, KEY)).toEqual([]);
});

test('who waits is told who has it, and gets it when it is released, also by the end of the holder', async () => {
  const state = new MemoryState();
  const dying = memoryStore(state);
  await using b = memoryStore(state);
  await using c = memoryStore(state);
  held(await acquireLock(dying, KEY, record('ann'), 200, never));
  const told: string[] = [];
  const order: string[] = [];
  const waiter = async (store: typeof b, who: string): Promise<void> => {
    const lock = await waitForLock(store, KEY, record(who), 5000, never, (holder) =>
      told.push(`${who} waits for ${holder.holder}`),
    );
    order.push(who);
    await lock.release();
  };
  const waiting = Promise.all([waiter(b, 'bob'), waiter(c, 'cid')]);
  await vi.waitFor(
    () => expect(told).toEqual(expect.arrayContaining(['bob waits for ann', 'cid waits for ann'])),
    WAIT,
  );
  expect(order).toEqual([]);
  await dying[Symbol.asyncDispose]();
  await waiting;
  expect(order.sort()).toEqual(['bob', 'cid']);
});

test('waiting ends when it is no longer wanted', async () => {
  await using store = memoryStore();
  const lock = held(await acquireLock(store, KEY, record('ann'), 5000, never));
  const over = new AbortController();
  const waiting = waitForLock(store, KEY, record('bob'), 5000, over.signal);
  const outcome = waiting.then(
    () => 'got it',
    (error: unknown) => (error as Error).message,
  );
  await sleep(20);
  over.abort(new Error('no longer wanted'));
  expect(await outcome).toBe('no longer wanted');
  await lock.release();
});

test('who lost the lock sees it, and a write made under it changes nothing', async () => {
  const state = new MemoryState();
  const paused = memoryStore(state);
  await using other = memoryStore(state);
  const lock = held(await acquireLock(paused, KEY, record('ann'), 200, never));
  // As a process that is stopped: its lease is renewed no more, while the handle can still write.
  await paused[Symbol.asyncDispose]();
  expect(lock.lease.lost.aborted).toBe(true);
  const next = await waitForLock(other, KEY, record('bob'), 5000, never);
  const write = { conditions: [lock.condition], puts: [{ key: '/otter/t/spec/x', value: 'late' }], deletes: [] };
  expect(await paused.commit(write)).toEqual({ ok: false, moved: [KEY] });
  expect((await other.commit({ ...write, conditions: [next.condition] })).ok).toBe(true);
  await next.release();
});
