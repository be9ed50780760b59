import { expect, test } from 'vitest';
import type { Outcome } from '../../src/executor/queue.ts';
import { SETTLED, WorkQueue } from '../../src/executor/queue.ts';

/** A queue whose waiting is done by hand. */
function byHand(run: (key: string) => Promise<Outcome>) {
  const log: string[] = [];
  const sleepers: { readonly ms: number; readonly wake: () => void; readonly signal: AbortSignal }[] = [];
  const queue = new WorkQueue({
    run,
    failed: (key, error, againMs) => log.push(`${key} failed: ${(error as Error).message}, again in ${againMs}`),
    stuck: (key, { summary }) => log.push(`${key} stuck: ${summary}`),
    backoff: { baseMs: 100, maxMs: 1000 },
    random: () => 0.999,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        sleepers.push({ ms, wake: () => resolve(true), signal });
        signal.addEventListener('abort', () => resolve(false), { once: true });
      }),
  });
  return { queue, log, sleepers };
}

const turns = async (): Promise<void> => {
  for (let n = 0; n < 5; n += 1) await new Promise(setImmediate);
};

test('equal keys coalesce, a key runs once at a time, and again when it was added meanwhile', async () => {
  const gates: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const { queue } = byHand(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => gates.push(resolve));
    running -= 1;
    return SETTLED;
  });
  for (let n = 0; n < 5; n += 1) queue.add('a');
  await turns();
  expect(gates).toHaveLength(1);
  for (let n = 0; n < 5; n += 1) queue.add('a');
  await turns();
  expect(gates).toHaveLength(1);
  gates[0]!();
  await turns();
  expect(gates).toHaveLength(2);
  gates[1]!();
  await turns();
  expect(gates).toHaveLength(2);
  expect(most).toBe(1);
  await queue.close();
});

test('different keys do not wait for each other', async () => {
  const ran: string[] = [];
  const { queue } = byHand(async (key) => {
    ran.push(key);
    if (key === 'slow') await turns();
    return SETTLED;
  });
  queue.add('slow');
  queue.add('fast');
  await queue.close();
  expect(ran.sort()).toEqual(['fast', 'slow']);
});

test('a key that fails comes again, later and later up to a bound, and at once when it is added', async () => {
  let attempts = 0;
  const { queue, log, sleepers } = byHand(async () => {
    attempts += 1;
    throw new Error('no');
  });
  queue.add('a');
  for (let n = 0; n < 6; n += 1) {
    await turns();
    sleepers.at(-1)!.wake();
  }
  await turns();
  expect(sleepers.map(({ ms }) => ms)).toEqual([100, 200, 400, 800, 1000, 1000, 1000]);
  expect(attempts).toBe(7);
  queue.add('a');
  await turns();
  expect(attempts).toBe(8);
  expect(sleepers.filter(({ signal }) => !signal.aborted)).toHaveLength(1);
  expect(log[0]).toBe('a failed: no, again in 100');
  await queue.close();
});

test('success forgets the failures; `again` waits as told; stuck is said once and waits for news', async () => {
  const outcomes: (Outcome | Error)[] = [];
  const { queue, log, sleepers } = byHand(async () => {
    const outcome = outcomes.shift() ?? SETTLED;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  });
  const add = async (...next: (Outcome | Error)[]): Promise<void> => {
    outcomes.push(...next);
    queue.add('a');
    await turns();
  };
  await add(new Error('1'));
  await add(SETTLED);
  await add(new Error('2'));
  await add({ kind: 'again', afterMs: 7 });
  expect(sleepers.map(({ ms }) => ms)).toEqual([100, 100, 7]);
  const diagnostic = {
    code: 'OT3007',
    severity: 'error',
    summary: 'so',
    detail: '',
    range: null,
    related: [],
  } as const;
  const stuck: Outcome = { kind: 'stuck', diagnostic };
  await add(stuck);
  await add(stuck);
  await add(SETTLED);
  await add(stuck);
  expect(log.filter((line) => line.includes('stuck'))).toHaveLength(2);
  expect(sleepers).toHaveLength(3);
  await queue.close();
});

test('closing waits for what runs, wakes what waits, and begins nothing', async () => {
  let ran = 0;
  const { queue, sleepers } = byHand(async (key) => {
    ran += 1;
    if (key === 'slow') await turns();
    return { kind: 'again', afterMs: 1000 };
  });
  queue.add('slow');
  queue.add('waiting');
  await Promise.resolve();
  await queue.close();
  expect(ran).toBe(2);
  queue.add('slow');
  await turns();
  expect(ran).toBe(2);
  expect(sleepers.every(({ signal }) => signal.aborted)).toBe(true);
});
