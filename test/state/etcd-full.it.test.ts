/** An etcd that has no room left: what is refused, what goes on, and how it goes on when its operator has made room. */
import { Etcd3 } from 'etcd3';
import { expect, test, vi } from 'vitest';
import { startEtcd } from '../../src/lab/servers.ts';
import { openStore } from '../../src/state/open.ts';
import { Follower, put, remove, WAIT } from './contract.ts';

const QUOTA = 12 * 2 ** 20;

test('a full store refuses writes with a code and a remedy; reads, watches and leases go on; with room made all goes on', async () => {
  await using etcd = await startEtcd({ args: [`--quota-backend-bytes=${QUOTA}`] });
  await using store = openStore(etcd.url);
  const raw = new Etcd3({ hosts: `http://127.0.0.1:${etcd.port}` });
  try {
    const lease = await store.lease(3000);
    await store.commit({ conditions: [], puts: [{ key: '/full/held', value: '1', lease }], deletes: [] });
    await put(store, '/full/goes', '1');
    const follower = new Follower(store, '/full/', (await store.list('/full/')).revision);
    const value = 'v'.repeat(700_000);
    const fill = async (): Promise<void> => {
      for (let n = 0; n < 100; n += 1) await put(store, '/filler', `${n}${value}`);
    };
    await expect(fill()).rejects.toMatchObject({
      code: 'OT3009',
      retry: 'backoff',
      message: expect.stringContaining('is full'),
      hint: expect.stringContaining('alarm disarm'),
    });
    await expect(put(store, '/full/refused', '1')).rejects.toMatchObject({ code: 'OT3009' });
    await expect(store.lease(3000)).rejects.toMatchObject({ code: 'OT3009' });
    // Deleting needs no room, and is told.
    await remove(store, '/full/goes');
    await vi.waitFor(() => expect(follower.seen).toEqual(['-/full/goes']), WAIT);
    // Longer than the lease: it is renewed all the same.
    await new Promise((resolve) => setTimeout(resolve, 4500));
    expect(lease.lost.aborted).toBe(false);
    expect((await store.list('/full/')).entries.map(({ key }) => key)).toEqual(['/full/held']);
    const { header } = await raw.kv.range({ key: Buffer.from('/') });
    await raw.kv.compact({ revision: header.revision, physical: true });
    await raw.maintenance.defragment();
    // As `etcdctl alarm disarm` does: for the member that raised it.
    const { alarms } = await raw.maintenance.alarm({ action: 'Get', memberID: '0', alarm: 'Nospace' });
    for (const { memberID } of alarms)
      await raw.maintenance.alarm({ action: 'Deactivate', memberID, alarm: 'Nospace' });
    await put(store, '/full/after', '2');
    await vi.waitFor(() => expect(follower.seen).toEqual(['-/full/goes', '/full/after=2']), WAIT);
    expect(follower.batches.every(({ reset }) => !reset)).toBe(true);
    await follower.stop();
    await lease.revoke();
  } finally {
    raw.close();
  }
});
