import { describe, expect, it } from 'vitest';
import { DeliveryQueue } from '../../src/model/delivery-queue.ts';
import type { Delivery } from '../../src/model/row.ts';

const never = new AbortController().signal;

function beat(n: number): Delivery {
  return {
    kind: 'beat',
    gtid: `0-1-${n}`,
    position: `mariadb:0-1-${n}`,
    seen: {},
    commitUs: n,
    bytes: 10,
    sentMs: n,
    settled: 1,
  };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(
    () => (done = true),
    () => (done = true),
  );
  for (let i = 0; i < 20; i++) await Promise.resolve();
  return done;
}

describe('a delivery queue', () => {
  it('gives everything that is there at once, in order', async () => {
    const queue = new DeliveryQueue({ bytesMax: 100 });
    queue.push([beat(1), beat(2)], 20);
    queue.push([beat(3)], 10);
    const reader = queue[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual([beat(1), beat(2), beat(3)]);
    const next = reader.next();
    expect(await settled(next)).toBe(false);
    queue.push([beat(4)], 10);
    expect((await next).value).toEqual([beat(4)]);
  });

  it('is full at its bytes, and has room when they are taken', async () => {
    const queue = new DeliveryQueue({ bytesMax: 100 });
    queue.push([beat(1)], 99);
    expect(queue.full).toBe(false);
    await queue.whenRoom(never);
    queue.push([beat(2)], 1);
    expect(queue.full).toBe(true);
    const room = queue.whenRoom(never);
    expect(await settled(room)).toBe(false);
    await queue[Symbol.asyncIterator]().next();
    await room;
    expect(queue.bytes).toBe(0);
  });

  it('takes a batch larger than itself', async () => {
    const queue = new DeliveryQueue({ bytesMax: 100 });
    queue.push([beat(1)], 1_000_000);
    expect(queue.full).toBe(true);
    expect((await queue[Symbol.asyncIterator]().next()).value).toEqual([beat(1)]);
    expect(queue.full).toBe(false);
  });

  it('closed, gives what is held and then the end', async () => {
    const queue = new DeliveryQueue({ bytesMax: 100 });
    queue.push([beat(1)], 10);
    queue.close();
    queue.push([beat(2)], 10);
    const got: unknown[] = [];
    for await (const batch of queue) got.push(...batch);
    expect(got).toEqual([beat(1)]);
  });

  it('failed, gives what lies before the fault, then throws once', async () => {
    const queue = new DeliveryQueue({ bytesMax: 100 });
    queue.push([beat(1)], 10);
    queue.close(new Error('first'));
    queue.close(new Error('second'));
    const reader = queue[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual([beat(1)]);
    await expect(reader.next()).rejects.toThrow('first');
    expect((await reader.next()).done).toBe(true);
  });

  it('wakes a waiting consumer when it fails or closes', async () => {
    for (const error of [new Error('gone'), undefined]) {
      const queue = new DeliveryQueue({ bytesMax: 100 });
      const next = queue[Symbol.asyncIterator]().next();
      queue.close(error);
      if (error === undefined) expect((await next).done).toBe(true);
      else await expect(next).rejects.toBe(error);
    }
  });

  it('lets the producer go when the consumer leaves, the queue closes, or the signal aborts', async () => {
    const full = (): DeliveryQueue => {
      const queue = new DeliveryQueue({ bytesMax: 10 });
      queue.push([beat(1)], 10);
      return queue;
    };
    const left = full();
    const leaving = left.whenRoom(never);
    await left[Symbol.asyncIterator]().return!();
    await leaving;
    expect(left.closed).toBe(true);
    expect(left.bytes).toBe(0);

    const closed = full();
    const closing = closed.whenRoom(never);
    closed.close();
    await closing;

    const abort = new AbortController();
    const waiting = full().whenRoom(abort.signal);
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('has one consumer', () => {
    const queue = new DeliveryQueue({ bytesMax: 10 });
    queue[Symbol.asyncIterator]();
    expect(() => queue[Symbol.asyncIterator]()).toThrow('one consumer');
  });
});
