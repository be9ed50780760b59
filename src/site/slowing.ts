/**
 * The `rate` of channels, kept at their sources: pipelines of a channel out of one database share what it allows.
 *
 * Rule: a delivery goes as a whole and in its place; beats cost nothing and wait like the others, so that the lag that is shown is true.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelineSpec } from '../model/pipeline.ts';
import { type Rate, rateOf } from '../model/rate.ts';
import type { Delivery } from '../model/row.ts';
import { Bucket } from '../replication/bucket.ts';

interface Limit {
  readonly text: string;
  readonly rate: Rate;
  readonly bucket: Bucket;
}

export class Limits {
  /** By channel. */
  readonly #limits = new Map<string, Limit>();

  /** Null where there is none. */
  of({ channel, rate: text }: Pick<PipelineSpec, 'channel' | 'rate'>): Limit | null {
    const known = this.#limits.get(channel);
    if (known?.text === text) return known ?? null;
    this.#limits.delete(channel);
    const rate = text === undefined ? null : rateOf(text);
    if (text === undefined || rate === null) return null;
    const limit = { text, rate, bucket: new Bucket(rate.perSecond) };
    this.#limits.set(channel, limit);
    return limit;
  }
}

/**
 * The deliveries, no faster than what `limit` says when their turn comes. Once `ended` is aborted what is left comes at once: it is the end.
 * `taken` is told how long it took, in milliseconds, until more was asked for.
 */
export async function* slowed(
  deliveries: AsyncIterable<readonly Delivery[]>,
  limit: () => Limit | null,
  ended: AbortSignal,
  taken: (batch: readonly Delivery[], tookMs: number) => void,
): AsyncGenerator<readonly Delivery[], void> {
  for await (const batch of deliveries) {
    let rest = batch;
    for (let now = limit(); now !== null && rest.length > 0 && !ended.aborted; now = limit()) {
      const waitMs = now.bucket.waitMs(performance.now());
      if (waitMs > 0) {
        await sleep(waitMs, undefined, { signal: ended }).catch(() => undefined);
        continue;
      }
      const count = affordable(rest, now);
      const part = count === rest.length ? rest : rest.slice(0, count);
      rest = count === rest.length ? [] : rest.slice(count);
      const given = performance.now();
      yield part;
      taken(part, performance.now() - given);
    }
    if (rest.length === 0) continue;
    const given = performance.now();
    yield rest;
    taken(rest, performance.now() - given);
  }
}

/** Takes as many as the bucket has something for: one at least. */
function affordable(batch: readonly Delivery[], { bucket, rate }: Limit): number {
  const now = performance.now();
  let count = 0;
  do {
    bucket.take(costOf(batch[count]!, rate), now);
    count += 1;
  } while (count < batch.length && bucket.waitMs(now) === 0);
  return count;
}

function costOf(delivery: Delivery, { of }: Rate): number {
  if (delivery.kind === 'changes') return of === 'rows' ? delivery.changes.length : delivery.bytes;
  if (delivery.kind === 'chunk') return of === 'rows' ? delivery.chunk.rows.length : delivery.bytes;
  if (delivery.kind === 'resync') return of === 'rows' ? delivery.rows.length + delivery.absent.length : delivery.bytes;
  return 0;
}
