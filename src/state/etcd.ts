/**
 * The state store in etcd, on the protocol calls of etcd3.
 *
 * Rules: ranges are paged at one revision; a commit is one etcd transaction and is never repeated after it may have
 * arrived; a lease is renewed on a stream of our own with an answer awaited each time; watches are `etcd-watch.ts`.
 */
import type { ILeaseKeepAliveRequest, ILeaseKeepAliveResponse, IRequestOp, ITxnRequest } from 'etcd3';
import { OtterError } from '../model/error.ts';
import type { Commit, CommitResult, Entry, Snapshot, StateStore, WatchBatch } from '../model/ports.ts';
import { checkCommit } from './commit.ts';
import type { EtcdAddress } from './etcd-client.ts';
import { EtcdClient, etcdError, isCompacted } from './etcd-client.ts';
import { entryOf, watchEtcd } from './etcd-watch.ts';
import { etcd3 } from './etcd3.ts';
import type { HeldLease } from './held-lease.ts';
import { holdLease } from './held-lease.ts';

/** Values are below 1.5 MiB each, answers below the client's limit of 64 MiB; in practice a page is a few hundred KiB. */
const PAGE_ENTRIES = 40;
const RENEWAL_MS_MAX = 2000;
/** How often a list is begun anew because history went away under it. */
const LISTINGS_MAX = 5;

export function etcdStore(address: EtcdAddress): StateStore {
  return new EtcdStore(new EtcdClient(address));
}

class EtcdStore implements StateStore {
  readonly url: string;
  readonly #client: EtcdClient;
  readonly #leases = new Set<HeldLease>();
  readonly #closed = new AbortController();

  constructor(client: EtcdClient) {
    this.url = client.shown;
    this.#client = client;
  }

  async list(prefix: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<Snapshot> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#pages(prefix, signal);
      } catch (error) {
        if (!isCompacted(error) || attempt === LISTINGS_MAX) throw error;
      }
    }
  }

  /** Every page is read as of the first; when history is compacted in between, etcd refuses the next one. */
  async #pages(prefix: string, signal: AbortSignal | undefined): Promise<Snapshot> {
    const { start, end } = etcd3().Range.prefix(prefix);
    const entries: Entry[] = [];
    let revision = 0;
    let from = start;
    for (;;) {
      signal?.throwIfAborted();
      const page = await this.#client.read(async ({ kv }) =>
        kv.range({ key: from, range_end: end, limit: PAGE_ENTRIES, revision }),
      );
      if (revision === 0) revision = Number(page.header.revision);
      entries.push(...page.kvs.map(entryOf));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { revision, entries };
      from = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit);
    const answer = await this.#client.call(async ({ kv }) => kv.txn(transaction(commit)));
    if (answer.succeeded) return { ok: true, revision: Number(answer.header.revision) };
    const moved = commit.conditions.filter((condition, index) => {
      const found = answer.responses[index]?.response_range.kvs[0];
      return (found === undefined ? null : Number(found.mod_revision)) !== condition.revision;
    });
    return { ok: false, moved: moved.map((condition) => condition.key) };
  }

  watch(prefix: string, fromRevision: number, signal: AbortSignal): AsyncIterable<WatchBatch> {
    return watchEtcd(this.#client, async (at, over) => this.list(at, { signal: over }), {
      prefix,
      fromRevision,
      signal: AbortSignal.any([signal, this.#closed.signal]),
    });
  }

  async lease(ttlMs: number): Promise<HeldLease> {
    const sinceMs = performance.now();
    // etcd counts whole seconds, and may grant more than was asked; what was asked is what the holder relies on.
    const granted = await this.#client.call(async ({ leaseClient }) =>
      leaseClient.leaseGrant({ TTL: Math.max(1, Math.ceil(ttlMs / 1000)) }),
    );
    const renewals = new Renewals(this.#client, granted.ID);
    const lease = holdLease({
      id: granted.ID,
      ttlMs,
      sinceMs,
      renew: async (signal) => renewals.renew(signal),
      revoke: async () => this.#revoke(granted.ID),
    });
    this.#leases.add(lease);
    lease.lost.addEventListener(
      'abort',
      () => {
        this.#leases.delete(lease);
        renewals.close();
      },
      { once: true },
    );
    return lease;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed.signal.aborted) return;
    for (const lease of [...this.#leases]) lease.abandon();
    this.#closed.abort();
    this.#client.close();
  }

  async #revoke(id: string): Promise<void> {
    try {
      await this.#client.call(async ({ leaseClient }) => leaseClient.leaseRevoke({ ID: id }));
    } catch (error) {
      const gone = error instanceof OtterError && error.code === 'OT3004';
      if (!gone) throw error;
    }
  }
}

/** The stream on which one lease is renewed; opened when needed, thrown away when it does not answer. */
class Renewals {
  readonly #client: EtcdClient;
  readonly #id: string;
  #stream: KeepAliveStream | null = null;

  constructor(client: EtcdClient, id: string) {
    this.#client = client;
    this.#id = id;
  }

  async renew(signal: AbortSignal): Promise<'renewed' | 'gone'> {
    const stream = this.#stream ?? (await this.#open());
    this.#stream = stream;
    const { promise, resolve, reject } = Promise.withResolvers<ILeaseKeepAliveResponse>();
    const failed = (error: unknown): void => reject(etcdError(this.#client.shown, error));
    const over = (): void => failed(new Error('no answer to the renewal of a lease'));
    const timer = setTimeout(over, RENEWAL_MS_MAX);
    signal.addEventListener('abort', over, { once: true });
    if (signal.aborted) over();
    stream.once('data', resolve).once('error', failed).once('end', over);
    try {
      stream.write({ ID: this.#id });
      return Number((await promise).TTL) > 0 ? 'renewed' : 'gone';
    } catch (error) {
      this.close();
      this.#client.streamBroke();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      stream.removeListener('data', resolve).removeListener('error', failed).removeListener('end', over);
    }
  }

  async #open(): Promise<KeepAliveStream> {
    const stream = await this.#client.call(async ({ leaseClient }) => leaseClient.leaseKeepAlive());
    return stream as unknown as KeepAliveStream;
  }

  close(): void {
    const stream = this.#stream;
    this.#stream = null;
    if (stream === null) return;
    // Cancelling makes the stream report an error that nobody waits for any more; ended first, so that etcd3 does not
    // take it for a failure of the server.
    stream.on('error', () => undefined);
    stream.end();
    stream.cancel();
  }
}

/** The stream is a Node duplex; etcd3 types only a part of it. */
interface KeepAliveStream {
  write(request: ILeaseKeepAliveRequest): unknown;
  end(): void;
  cancel(): void;
  on(event: 'error', handler: (error: Error) => void): unknown;
  once(event: 'data', handler: (response: ILeaseKeepAliveResponse) => void): this;
  once(event: 'error' | 'end', handler: (error: Error) => void): this;
  removeListener(event: 'data', handler: (response: ILeaseKeepAliveResponse) => void): this;
  removeListener(event: 'error' | 'end', handler: (error: Error) => void): this;
}

function transaction({ conditions, puts, deletes }: Commit): ITxnRequest {
  const success: IRequestOp[] = [
    ...puts.map(({ key, value, lease }) => ({
      request_put: {
        key: Buffer.from(key),
        value: Buffer.from(value),
        ...(lease === undefined ? {} : { lease: lease.id }),
      },
    })),
    ...deletes.map((key) => ({ request_delete_range: { key: Buffer.from(key) } })),
  ];
  return {
    compare: conditions.map(({ key, revision }) => ({
      key: Buffer.from(key),
      result: 'Equal' as const,
      target: 'Mod' as const,
      // A key that does not exist has modification revision 0.
      mod_revision: revision ?? 0,
    })),
    success,
    failure: conditions.map(({ key }) => ({ request_range: { key: Buffer.from(key), keys_only: true } })),
  };
}
