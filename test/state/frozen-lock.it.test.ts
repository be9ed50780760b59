/** Two processes fight for a lock on etcd, one of them is frozen past its lease: what it writes when it wakes is refused. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startEtcd } from '../../src/lab/servers.ts';
import { waitForLock } from '../../src/state/lock.ts';
import { openStore } from '../../src/state/open.ts';

const HOLDER = fileURLToPath(new URL('holder/fixture.ts', import.meta.url));
const KEY = '/otter/t/lock';
const SPEC = '/otter/t/spec/region/x';

test('the late write of a holder that was frozen past its lease is refused, and the other has the lock', async () => {
  await using etcd = await startEtcd();
  await using store = openStore(etcd.url);
  const frozen = spawn(process.execPath, [HOLDER, etcd.url, KEY, '2000'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: frozen.stdout })[Symbol.asyncIterator]();
  const said = async (): Promise<string> => String((await lines.next()).value);
  const write = async (): Promise<string> => {
    frozen.stdin.write(`${SPEC}\n`);
    return said();
  };
  try {
    expect(await said()).toBe('locked');
    expect(await write()).toBe('written held');
    frozen.kill('SIGSTOP');
    const waited: string[] = [];
    const record = { holder: 'other', host: 'h', pid: 1, since: '', operation: 'apply' };
    const lock = await waitForLock(store, KEY, record, 5000, AbortSignal.timeout(30_000), ({ holder }) =>
      waited.push(holder),
    );
    expect(waited).toEqual(['frozen']);
    const mine = { conditions: [lock.condition], puts: [{ key: SPEC, value: 'mine' }], deletes: [] };
    expect((await store.commit(mine)).ok).toBe(true);
    // Its line waits for it: it writes as soon as it wakes.
    frozen.stdin.write(`${SPEC}\n`);
    frozen.kill('SIGCONT');
    expect(await said()).toMatch(/^refused /);
    expect((await store.list(SPEC)).entries.map(({ value }) => value)).toEqual(['mine']);
    expect(lock.lease.lost.aborted).toBe(false);
    await lock.release();
  } finally {
    frozen.kill('SIGKILL');
  }
});
