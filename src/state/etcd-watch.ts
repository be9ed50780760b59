/**
 * A watch over etcd that loses nothing: one stream after another, each from the last event's modification revision + 1.
 *
 * etcd3's own watcher goes on from the revision of any answer's header after a disconnect and skips what it had not
 * delivered yet; so this loop speaks the watch protocol itself. Rules: only delivered events move the position
 * (headers and progress notices do not); parts of a response are put together before they are delivered; compaction
 * and a history that went backwards are a list and a `reset`; reading slowly slows the stream.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IKeyValue, IWatchRequest, IWatchResponse } from 'etcd3';
import { backoffMs } from '../model/backoff.ts';
import type { Entry, Snapshot, WatchBatch, WatchEvent } from '../model/ports.ts';
import type { EtcdClient } from './etcd-client.ts';
import { etcd3 } from './etcd3.ts';

export interface EtcdWatchOptions {
  readonly prefix: string;
  readonly fromRevision: number;
  readonly signal: AbortSignal;
}

type ListFrom = (prefix: string, signal: AbortSignal) => Promise<Snapshot>;

/** Why a stream is not the place to go on reading. */
type Ending = 'broken' | 'compacted' | 'maybe rewound';

/** The stream is a Node duplex; etcd3 types only a part of it. */
type WatchStream = AsyncIterable<IWatchResponse> & {
  write(request: IWatchRequest): unknown;
  end(): void;
  cancel(): void;
};

const BACKOFF = { baseMs: 50, maxMs: 2000 };
/** A stream that was asked for and not confirmed in this time is given up. */
const OPEN_MS_MAX = 5000;

export async function* watchEtcd(
  client: EtcdClient,
  list: ListFrom,
  { prefix, fromRevision, signal }: EtcdWatchOptions,
): AsyncIterable<WatchBatch> {
  let at = fromRevision;
  let failures = 0;
  while (!signal.aborted) {
    let ending: Ending = 'broken';
    try {
      const batches = oneStream(client, prefix, at, signal);
      for (let step = await batches.next(); ; step = await batches.next()) {
        if (step.done === true) {
          ending = step.value;
          break;
        }
        failures = 0;
        at = step.value.revision;
        yield step.value;
      }
      if (ending !== 'broken') {
        const now = await list(prefix, signal);
        // A member that lags behind reports an old revision although nothing went backwards.
        if (ending === 'compacted' || now.revision < at) {
          at = now.revision;
          failures = 0;
          yield { revision: at, reset: true, events: now.entries.map((entry) => ({ kind: 'put', entry })) };
          continue;
        }
      }
      await sleep(backoffMs(failures, BACKOFF, Math.random()), undefined, { signal });
      // Refreshes an outdated token, which a stream cannot do, and finds an endpoint that answers.
      await client.read(async ({ kv }) => kv.range({ key: Buffer.from(prefix), limit: 1, keys_only: true }));
    } catch {
      // The store is away: that is what this loop is for.
      if (!(await slept(backoffMs(failures, BACKOFF, Math.random()), signal))) return;
    }
    failures += 1;
  }
}

/** Batches of one stream until it ends, and why it did. */
async function* oneStream(
  client: EtcdClient,
  prefix: string,
  at: number,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch, Ending> {
  const stream = (await client.call(async ({ watchClient }) => watchClient.watch())) as unknown as WatchStream;
  const cancel = (): void => {
    // Ended first, so that etcd3 does not take our own cancelling for a failure of the server.
    stream.end();
    stream.cancel();
  };
  const unconfirmed = setTimeout(cancel, OPEN_MS_MAX);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    // An abort during the opening was heard by nobody.
    if (signal.aborted) return 'broken';
    const { start, end } = etcd3().Range.prefix(prefix);
    stream.write({ create_request: { key: start, range_end: end, start_revision: at + 1, fragment: true } });
    const parts: WatchEvent[] = [];
    let revision = at;
    for await (const response of stream) {
      if (Number(response.compact_revision) > 0) return 'compacted';
      if (response.canceled) return 'broken';
      if (response.created) {
        clearTimeout(unconfirmed);
        if (Number(response.header.revision) < at) return 'maybe rewound';
      }
      for (const { type, kv } of response.events) {
        revision = Math.max(revision, Number(kv.mod_revision));
        parts.push(
          type === 'Delete' ? { kind: 'delete', key: kv.key.toString() } : { kind: 'put', entry: entryOf(kv) },
        );
      }
      if (response.fragment || parts.length === 0) continue;
      yield { revision, reset: false, events: parts.splice(0) };
    }
    return 'broken';
  } catch {
    client.streamBroke();
    return 'broken';
  } finally {
    clearTimeout(unconfirmed);
    signal.removeEventListener('abort', cancel);
    cancel();
  }
}

export function entryOf(kv: IKeyValue): Entry {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    revision: Number(kv.mod_revision),
    created: Number(kv.create_revision),
  };
}

/** False when `signal` aborted. */
async function slept(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
