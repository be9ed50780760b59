/** What every keeping of the state store must do; registered for each of them in `stores.test.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OtterError } from '../../src/model/error.ts';
import type { Commit, CommitResult, StateStore, WatchBatch, WatchEvent } from '../../src/model/ports.ts';

/** A store that several handles can be open on, as several processes would have them. */
export interface Keeping extends AsyncDisposable {
  open(): Promise<StateStore>;
  /** Makes the history before the present revision go away; resolves to the present revision. */
  forgetHistory(store: StateStore): Promise<void>;
}

export const WAIT = { timeout: 15_000, interval: 20 };

export async function put(store: StateStore, key: string, value: string): Promise<number> {
  return revisionOf(await store.commit({ conditions: [], puts: [{ key, value }], deletes: [] }));
}

export async function remove(store: StateStore, ...keys: string[]): Promise<number> {
  return revisionOf(await store.commit({ conditions: [], puts: [], deletes: keys }));
}

export function revisionOf(result: CommitResult): number {
  if (!result.ok) throw new Error(`moved: ${result.moved.join(', ')}`);
  return result.revision;
}

export async function keys(store: StateStore, prefix: string): Promise<string[]> {
  return (await store.list(prefix)).entries.map((entry) => entry.key);
}

/** A watcher that notes what it is told. */
export class Follower {
  readonly batches: WatchBatch[] = [];
  readonly #over = new AbortController();
  readonly #done: Promise<void>;

  constructor(store: StateStore, prefix: string, from: number) {
    this.#done = this.#follow(store.watch(prefix, from, this.#over.signal));
  }

  get events(): WatchEvent[] {
    return this.batches.flatMap((batch) => batch.events);
  }

  get seen(): string[] {
    return this.events.map((event) =>
      event.kind === 'put' ? `${event.entry.key}=${event.entry.value}` : `-${event.key}`,
    );
  }

  /** The state that someone who follows this watch would hold. */
  get state(): Record<string, string> {
    const state = new Map<string, string>();
    for (const batch of this.batches) {
      if (batch.reset) state.clear();
      for (const event of batch.events) {
        if (event.kind === 'put') state.set(event.entry.key, event.entry.value);
        else state.delete(event.key);
      }
    }
    return Object.fromEntries([...state].sort());
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#done;
  }

  async #follow(batches: AsyncIterable<WatchBatch>): Promise<void> {
    for await (const batch of batches) this.batches.push(batch);
  }
}

export function describeStateStore(name: string, start: () => Promise<Keeping>): void {
  describe(`state store: ${name}`, () => {
    let keeping: Keeping;
    let store: StateStore;
    let other: StateStore;
    const opened: AsyncDisposable[] = [];
    const followers: Follower[] = [];

    beforeEach(async () => {
      keeping = await start();
      store = await open();
      other = await open();
    });

    afterEach(async () => {
      await Promise.all(followers.splice(0).map((follower) => follower.stop()));
      for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
      await keeping[Symbol.asyncDispose]();
    });

    async function open(): Promise<StateStore> {
      const handle = await keeping.open();
      opened.push(handle);
      return handle;
    }

    function follow(from: number, prefix = '/a/', on = store): Follower {
      const follower = new Follower(on, prefix, from);
      followers.push(follower);
      return follower;
    }

    async function now(): Promise<number> {
      return (await store.list('/a/')).revision;
    }

    describe('list and commit', () => {
      test('an empty prefix has no entries and a revision', async () => {
        const snapshot = await store.list('/a/');
        expect(snapshot.entries).toEqual([]);
        expect(snapshot.revision).toBeGreaterThanOrEqual(0);
      });

      test('entries are sorted by key, only those under the prefix, at one revision', async () => {
        await put(store, '/a/z', '1');
        await put(store, '/a/m/1', '2');
        await put(store, '/b/x', '3');
        const revision = await put(store, '/a/%2F', '4');
        const snapshot = await other.list('/a/');
        expect(snapshot.entries.map((e) => [e.key, e.value])).toEqual([
          ['/a/%2F', '4'],
          ['/a/m/1', '2'],
          ['/a/z', '1'],
        ]);
        expect(snapshot.revision).toBe(revision);
      });

      test('values come back as they were, also large ones and odd characters', async () => {
        const odd = JSON.stringify({ text: 'ß→💧\u0000"\\', big: 'x'.repeat(700_000) });
        await put(store, '/a/odd', odd);
        expect((await other.list('/a/')).entries[0]?.value).toBe(odd);
      });

      test('a list larger than any single answer comes whole', async () => {
        const value = 'v'.repeat(100_000);
        for (let i = 0; i < 100; i += 10) {
          const puts = Array.from({ length: 10 }, (_, n) => ({ key: `/a/${String(i + n).padStart(3, '0')}`, value }));
          revisionOf(await store.commit({ conditions: [], puts, deletes: [] }));
        }
        const { entries } = await other.list('/a/');
        expect(entries.map((e) => e.key)).toEqual(
          Array.from({ length: 100 }, (_, n) => `/a/${String(n).padStart(3, '0')}`),
        );
        expect(entries.every((e) => e.value === value)).toBe(true);
      });

      test('revisions grow, `created` stays while the key lives and is new when it comes back', async () => {
        const first = await put(store, '/a/k', '1');
        const second = await put(other, '/a/k', '2');
        expect(second).toBeGreaterThan(first);
        expect((await store.list('/a/k')).entries).toEqual([
          { key: '/a/k', value: '2', revision: second, created: first },
        ]);
        await remove(store, '/a/k');
        const third = await put(store, '/a/k', '3');
        expect((await store.list('/a/k')).entries).toEqual([
          { key: '/a/k', value: '3', revision: third, created: third },
        ]);
      });

      test('a commit is all or nothing, and names every key that moved', async () => {
        const k = await put(store, '/a/k', '1');
        await put(store, '/a/l', '1');
        const refused = await other.commit({
          conditions: [
            { key: '/a/k', revision: k },
            { key: '/a/l', revision: k },
            { key: '/a/k2', revision: k },
            { key: '/a/l2', revision: null },
          ],
          puts: [{ key: '/a/k', value: 'never' }],
          deletes: ['/a/l'],
        });
        expect(refused).toEqual({ ok: false, moved: ['/a/l', '/a/k2'] });
        expect(await keys(store, '/a/')).toEqual(['/a/k', '/a/l']);
        const done = await other.commit({
          conditions: [{ key: '/a/k', revision: k }],
          puts: [
            { key: '/a/k', value: 'new' },
            { key: '/a/n', value: 'new' },
          ],
          deletes: ['/a/l', '/a/absent'],
        });
        const { entries } = await store.list('/a/');
        expect(entries.map((e) => [e.key, e.revision])).toEqual([
          ['/a/k', revisionOf(done)],
          ['/a/n', revisionOf(done)],
        ]);
      });

      test('`revision: null` demands absence', async () => {
        const create: Commit = {
          conditions: [{ key: '/a/k', revision: null }],
          puts: [{ key: '/a/k', value: '1' }],
          deletes: [],
        };
        expect((await store.commit(create)).ok).toBe(true);
        expect(await other.commit(create)).toEqual({ ok: false, moved: ['/a/k'] });
      });

      test('of many that create one key at once, exactly one does', async () => {
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            (n % 2 === 0 ? store : other).commit({
              conditions: [{ key: '/a/k', revision: null }],
              puts: [{ key: '/a/k', value: String(n) }],
              deletes: [],
            }),
          ),
        );
        expect(results.filter((r) => r.ok)).toHaveLength(1);
      });

      test('counting up by compare-and-set from two handles loses nothing', async () => {
        await put(store, '/a/n', '0');
        const countOn = async (handle: StateStore): Promise<void> => {
          for (let done = 0; done < 25; ) {
            const [entry] = (await handle.list('/a/n')).entries;
            const result = await handle.commit({
              conditions: [{ key: '/a/n', revision: entry!.revision }],
              puts: [{ key: '/a/n', value: String(Number(entry!.value) + 1) }],
              deletes: [],
            });
            if (result.ok) done += 1;
          }
        };
        await Promise.all([countOn(store), countOn(other)]);
        expect((await store.list('/a/n')).entries[0]?.value).toBe('50');
      });

      test('what changes nothing makes no revision', async () => {
        const before = await put(store, '/a/k', '1');
        expect(
          await store.commit({ conditions: [{ key: '/a/k', revision: before }], puts: [], deletes: ['/a/absent'] }),
        ).toEqual({
          ok: true,
          revision: before,
        });
        expect(await now()).toBe(before);
      });

      test('128 operations pass, 129 are refused with the limit named, and nothing is split', async () => {
        const commit = (count: number): Commit => ({
          conditions: Array.from({ length: count }, (_, n) => ({ key: `/a/${n}`, revision: null })),
          puts: Array.from({ length: count }, (_, n) => ({ key: `/a/${n}`, value: 'v' })),
          deletes: [],
        });
        await expect(store.commit(commit(129))).rejects.toThrow(
          expect.objectContaining({ code: 'OT3003', message: expect.stringContaining('128') }),
        );
        expect(await keys(store, '/a/')).toEqual([]);
        expect((await store.commit(commit(128))).ok).toBe(true);
        expect(await keys(other, '/a/')).toHaveLength(128);
      });

      test('too many bytes are refused with the limit named', async () => {
        const value = 'v'.repeat(1_500_000);
        await expect(put(store, '/a/k', value)).rejects.toThrow(expect.objectContaining({ code: 'OT3003' }));
      });
    });

    describe('watch', () => {
      test('every change after a revision, in order, none twice, also those before the watch began', async () => {
        await put(store, '/a/0', 'before');
        const from = await now();
        await put(store, '/a/1', 'a');
        await put(other, '/b/1', 'elsewhere');
        await remove(other, '/a/0');
        const follower = follow(from);
        await vi.waitFor(() => expect(follower.seen).toHaveLength(2), WAIT);
        await put(other, '/a/1', 'b');
        await put(store, '/a/2', 'c');
        await vi.waitFor(() => expect(follower.seen).toEqual(['/a/1=a', '-/a/0', '/a/1=b', '/a/2=c']), WAIT);
        expect(follower.batches.every((batch) => !batch.reset)).toBe(true);
      });

      test('from revision 0 of a store whose history is whole', async () => {
        await put(store, '/a/1', 'a');
        const follower = follow(0);
        await vi.waitFor(() => expect(follower.seen).toEqual(['/a/1=a']), WAIT);
      });

      test('a commit is one batch, with the revision the entries have', async () => {
        const follower = follow(await now());
        const revision = revisionOf(
          await other.commit({
            conditions: [],
            puts: Array.from({ length: 60 }, (_, n) => ({ key: `/a/${n}`, value: 'v'.repeat(10_000) })),
            deletes: [],
          }),
        );
        await vi.waitFor(() => expect(follower.batches).toHaveLength(1), WAIT);
        const [batch] = follower.batches;
        expect(batch!.revision).toBe(revision);
        expect(batch!.events).toHaveLength(60);
        expect(batch!.events.every((event) => event.kind === 'put' && event.entry.revision === revision)).toBe(true);
      });

      test('going on from the revision of a batch neither misses nor repeats', async () => {
        const follower = follow(await now());
        await put(store, '/a/1', 'a');
        await vi.waitFor(() => expect(follower.seen).toHaveLength(1), WAIT);
        await follower.stop();
        await put(store, '/a/2', 'b');
        const next = follow(follower.batches.at(-1)!.revision, '/a/', other);
        await vi.waitFor(() => expect(next.seen).toEqual(['/a/2=b']), WAIT);
      });

      test('a follower of a storm of writes from two handles ends with the state as it is', async () => {
        const follower = follow(await now(), '/a/', other);
        const storm = async (handle: StateStore, seed: number): Promise<void> => {
          for (let n = 0; n < 150; n += 1) {
            const key = `/a/${(n * 7 + seed) % 13}`;
            if (n % 5 === 0) await remove(handle, key);
            else await put(handle, key, `${seed}-${n}`);
          }
        };
        await Promise.all([storm(store, 1), storm(other, 2)]);
        const { entries } = await store.list('/a/');
        const state = Object.fromEntries(entries.map((e) => [e.key, e.value]));
        await vi.waitFor(() => expect(follower.state).toEqual(state), WAIT);
        const revisions = follower.events.flatMap((event) => (event.kind === 'put' ? [event.entry.revision] : []));
        expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
        expect(new Set(revisions).size).toBe(revisions.length);
      });

      test('history that was forgotten is a reset with the whole present state, and the watch goes on from there', async () => {
        const from = await now();
        await put(store, '/a/gone', '1');
        await put(store, '/a/stays', '1');
        await remove(store, '/a/gone');
        await keeping.forgetHistory(store);
        const follower = follow(from);
        await vi.waitFor(() => expect(follower.batches.length).toBeGreaterThan(0), WAIT);
        expect(follower.batches[0]!.reset).toBe(true);
        expect(follower.state).toEqual({ '/a/stays': '1' });
        await put(other, '/a/next', '2');
        await vi.waitFor(() => expect(follower.state).toEqual({ '/a/next': '2', '/a/stays': '1' }), WAIT);
      });

      test('a revision that the store has not reached is a reset: it is not the store it was', async () => {
        await put(store, '/a/k', '1');
        const follower = follow((await now()) + 1000);
        await vi.waitFor(() => expect(follower.state).toEqual({ '/a/k': '1' }), WAIT);
        expect(follower.batches[0]!.reset).toBe(true);
        await put(store, '/a/l', '2');
        await vi.waitFor(() => expect(follower.state).toEqual({ '/a/k': '1', '/a/l': '2' }), WAIT);
      });

      test('ends when the signal aborts, also before it began', async () => {
        const follower = follow(await now());
        await follower.stop();
        expect(follower.batches).toEqual([]);
        const none = store.watch('/a/', 0, AbortSignal.abort());
        for await (const batch of none) throw new Error(`unexpected batch ${batch.revision}`);
      });
    });

    describe('lease', () => {
      test('revoking deletes what was written under it, as changes', async () => {
        const lease = await store.lease(10_000);
        const { revision } = await store.list('/a/');
        await store.commit({ conditions: [], puts: [{ key: '/a/k', value: '1', lease }], deletes: [] });
        await put(store, '/a/other', '1');
        const follower = follow(revision, '/a/', other);
        await lease.revoke();
        expect(await keys(other, '/a/')).toEqual(['/a/other']);
        await vi.waitFor(() => expect(follower.seen).toEqual(['/a/k=1', '/a/other=1', '-/a/k']), WAIT);
        expect(lease.lost.aborted).toBe(true);
        await lease.revoke();
      });

      test('it is kept alive beyond its time to live by its holder', async () => {
        const lease = await store.lease(2000);
        await store.commit({ conditions: [], puts: [{ key: '/a/k', value: '1', lease }], deletes: [] });
        await sleep(5000);
        expect(lease.lost.aborted).toBe(false);
        expect(await keys(other, '/a/')).toEqual(['/a/k']);
        await lease.revoke();
      });

      test('when its holder is gone it runs out, and watchers hear of it without anyone writing', async () => {
        const dying = await keeping.open();
        const lease = await dying.lease(1000);
        await dying.commit({ conditions: [], puts: [{ key: '/a/k', value: '1', lease }], deletes: [] });
        const follower = follow(await now(), '/a/', other);
        await dying[Symbol.asyncDispose]();
        await vi.waitFor(() => expect(follower.seen).toEqual(['-/a/k']), WAIT);
        expect(await keys(store, '/a/')).toEqual([]);
        expect(lease.lost.aborted).toBe(true);
      });

      test('a write under a lease that is over fails and writes nothing', async () => {
        const lease = await store.lease(5000);
        await lease.revoke();
        const write = store.commit({
          conditions: [],
          puts: [
            { key: '/a/free', value: '1' },
            { key: '/a/k', value: '1', lease },
          ],
          deletes: [],
        });
        await expect(write).rejects.toThrow(expect.objectContaining({ code: 'OT3004' }));
        expect(await keys(store, '/a/')).toEqual([]);
      });

      test('a later write frees the key from the lease, or puts it under another', async () => {
        const first = await store.lease(5000);
        const second = await other.lease(5000);
        const under = async (key: string, lease: typeof first | undefined): Promise<void> => {
          await store.commit({ conditions: [], puts: [{ key, value: '1', lease }], deletes: [] });
        };
        for (const key of ['/a/first', '/a/free', '/a/second']) await under(key, first);
        await under('/a/free', undefined);
        await under('/a/second', second);
        await first.revoke();
        expect(await keys(store, '/a/')).toEqual(['/a/free', '/a/second']);
        await second.revoke();
        expect(await keys(store, '/a/')).toEqual(['/a/free']);
      });
    });

    test('the address is shown without credentials', () => {
      expect(store.url).toMatch(/^(memory:|file:|etcd:\/\/)/);
      expect(store.url).not.toContain('@');
    });

    test('errors are for a person', async () => {
      const error: unknown = await put(store, '/a/k', 'v'.repeat(1_500_000)).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(OtterError);
      expect((error as OtterError).hint).toBeTruthy();
    });
  });
}
