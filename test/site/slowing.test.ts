import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/model/row.ts';
import { Limits, slowed } from '../../src/site/slowing.ts';
import { NumberedSource, request, take } from '../link/contract/source.ts';

async function stream(last: number): Promise<AsyncIterable<readonly Delivery[]>> {
  return (
    await new NumberedSource({ last, batchSize: 100, rowBytes: 100 }).open(request(), new AbortController().signal)
  ).deliveries;
}

/** How long that many took at least, by this rate. */
async function took(last: number, rate: string, limits = new Limits()): Promise<number> {
  const began = performance.now();
  const ended = new AbortController().signal;
  const deliveries = slowed(
    await stream(last),
    () => limits.of({ channel: 'shop', rate }),
    ended,
    () => undefined,
  );
  const got = await take({ deliveries } as never);
  expect(got.map(({ position }) => position)).toEqual(
    (await take({ deliveries: await stream(last) } as never)).map(({ position }) => position),
  );
  return performance.now() - began;
}

describe('the rate of a channel', () => {
  it('is kept, in rows and in bytes, and nothing is lost or out of turn', async () => {
    // A tenth of a second is saved up, and the last piece is not waited for.
    expect(await took(500, '1000 rows/s')).toBeGreaterThan(380);
    expect(await took(500, '100kB/s')).toBeGreaterThan(380);
  });

  it('is shared by the pipelines of a channel', async () => {
    const limits = new Limits();
    const [a, b] = await Promise.all([took(250, '1000 rows/s', limits), took(250, '1000 rows/s', limits)]);
    expect(Math.max(a, b)).toBeGreaterThan(380);
  });

  it('holds nothing back of a stream that ends', async () => {
    const ended = new AbortController();
    const limits = new Limits();
    const deliveries = slowed(
      await stream(300),
      () => limits.of({ channel: 'shop', rate: '1 rows/s' }),
      ended.signal,
      () => undefined,
    );
    let count = 0;
    for await (const batch of deliveries) {
      count += batch.length;
      ended.abort();
    }
    expect(count).toBe(300);
  });

  it('counts from when it changes', () => {
    const limits = new Limits();
    const slow = limits.of({ channel: 'shop', rate: '1 rows/s' });
    expect(limits.of({ channel: 'shop', rate: '1 rows/s' })).toBe(slow);
    expect(limits.of({ channel: 'shop', rate: '2 rows/s' })!.rate.perSecond).toBe(2);
    expect(limits.of({ channel: 'shop' })).toBeNull();
  });
});
