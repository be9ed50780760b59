/** A process that holds a lock: says so, and for every line that it reads writes under it, whatever it knows of its lease. */
import { createInterface } from 'node:readline';
import { acquireLock } from '../../../src/state/lock.ts';
import { openStore } from '../../../src/state/open.ts';

const [url, key, ttlMs] = process.argv.slice(2) as [string, string, string];
const store = openStore(url);
const since = new Date().toISOString();
const record = { holder: 'frozen', host: 'h', pid: process.pid, since, operation: 'apply' };
const lock = await acquireLock(store, key, record, Number(ttlMs), new AbortController().signal);
if ('heldBy' in lock) throw new Error(`held by ${lock.heldBy.holder}`);
process.stdout.write('locked\n');
for await (const line of createInterface({ input: process.stdin })) {
  const puts = [{ key: line, value: 'late' }];
  const result = await store.commit({ conditions: [lock.condition], puts, deletes: [] });
  process.stdout.write(`${result.ok ? 'written' : 'refused'} ${lock.lease.lost.aborted ? 'lost' : 'held'}\n`);
}
