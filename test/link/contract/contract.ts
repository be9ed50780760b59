/** What every link promises, near or far. Registered once per kind of link. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OtterError } from '../../../src/model/error.ts';
import type { LinkClient, PipelineService } from '../../../src/model/ports.ts';
import type { Delivery } from '../../../src/model/row.ts';
import { tableOf } from '../deliveries.ts';
import { NumberedSource, numberOf, positionOf, request, sequence, take } from './source.ts';

export interface Rig extends AsyncDisposable {
  readonly link: LinkClient;
  /** Raw bytes that may be pulled from a source that nobody reads, over what the reader took: the bound of all buffers together. */
  readonly aheadBytesMax: number;
}

export type OpenRig = (services: (database: string) => PipelineService | null) => Promise<Rig>;

export function linkContract(name: string, openRig: OpenRig): void {
  describe(`a link: ${name}`, () => {
    let rig: Rig;
    let services: Record<string, PipelineService>;
    const live = new AbortController().signal;

    beforeEach(async () => {
      services = {};
      rig = await openRig((database) => services[database] ?? null);
    });

    afterEach(async () => {
      await rig[Symbol.asyncDispose]();
    });

    it('carries the request there and the opening back', async () => {
      const source = new NumberedSource();
      services['hz'] = source;
      await using stream = await rig.link.open('hz', request(5), live);
      expect(stream.opening).toEqual({
        position: positionOf(5),
        clock: 5,
        seen: { 'shop/ca>hz': 'mariadb:0-2-0' },
        logsCascades: true,
      });
      expect(source.requests).toEqual([request(5)]);
    });

    it('delivers everything, in order and once, and then the end', async () => {
      const source = new NumberedSource({ last: 10_000, batchSize: 137 });
      services['hz'] = source;
      await using stream = await rig.link.open('hz', request(), live);
      const got = await take(stream);
      expect(got.map(numberOf)).toEqual(sequence(0, 10_000));
      expect(got).toEqual(await take(await source.open(request(), live)));
    });

    it('keeps the identity of tables and of what was seen', async () => {
      services['hz'] = new NumberedSource({
        last: 100,
        batchSize: 3,
        tables: [tableOf('a'), tableOf('b')],
        seenEvery: 10,
      });
      await using stream = await rig.link.open('hz', request(), live);
      const got = await take(stream);
      const tables = new Set(
        got.flatMap((delivery) => (delivery.kind === 'changes' ? delivery.changes.map((change) => change.table) : [])),
      );
      expect([...tables].map((table) => table.name).sort()).toEqual(['a', 'b']);
      expect(new Set(got.map((delivery) => delivery.seen)).size).toBe(11);
      expect(got[0]!.seen).toBe(stream.opening.seen);
    });

    it('carries a batch of 50 MB', async () => {
      services['hz'] = new NumberedSource({ last: 50, batchSize: 50, rowBytes: 1 << 20 });
      await using stream = await rig.link.open('hz', request(), live);
      expect((await take(stream)).map(numberOf)).toEqual(sequence(0, 50));
    });

    it('stops pulling from the source when nobody reads, and goes on where it stopped', async () => {
      const source = new NumberedSource({ batchSize: 4, rowBytes: 64 << 10 });
      services['hz'] = source;
      await using stream = await rig.link.open('hz', request(), live);
      let before = -1;
      await vi.waitFor(
        () => {
          expect(source.pulledBytes).toBeLessThanOrEqual(rig.aheadBytesMax);
          const now = source.pulledBytes;
          const stands = now === before;
          before = now;
          expect(stands).toBe(true);
        },
        { interval: 200, timeout: 10_000 },
      );
      const stood = source.pulledBytes;
      const got = await take(stream, 1500);
      expect(got.map(numberOf)).toEqual(sequence(0, got.length));
      expect(source.pulledBytes).toBeGreaterThan(stood);
      expect(source.pulledBytes).toBeLessThanOrEqual(got.length * (64 << 10) + rig.aheadBytesMax);
    });

    it('brings acknowledgements to the source, the newest always', async () => {
      const source = new NumberedSource({ last: 10, finally: 'wait' });
      services['hz'] = source;
      await using stream = await rig.link.open('hz', request(), live);
      for (let n = 1; n <= 5000; n++) stream.acknowledge(positionOf(n));
      await vi.waitFor(() => expect(source.acknowledged.at(-1)).toBe(positionOf(5000)));
      stream.acknowledge(positionOf(5001));
      await vi.waitFor(() => expect(source.acknowledged.at(-1)).toBe(positionOf(5001)));
      const order = source.acknowledged.map((position) => Number(position.split('-')[2]));
      expect(order).toEqual([...new Set(order)].sort((a, b) => a - b));
    });

    it('tells that a database is not owned there', async () => {
      await expect(rig.link.open('hz', request(), live)).rejects.toMatchObject({
        code: 'OT6003',
        retry: 'backoff',
        message: expect.stringContaining('does not own database hz now'),
      });
    });

    it('passes an error of the opening as it is', async () => {
      const refusal = new OtterError('OT4001', 'the log is gone', {
        hint: 'copy again',
        where: { position: 'x' },
        retry: 'never',
      });
      services['hz'] = { open: () => Promise.reject(refusal) };
      await expect(rig.link.open('hz', request(), live)).rejects.toMatchObject({
        code: 'OT4001',
        message: 'the log is gone',
        hint: 'copy again',
        where: { position: 'x' },
        retry: 'never',
      });
    });

    it('passes an error of the deliveries as it is, after what came before it', async () => {
      const failure = new OtterError('OT5015', 'ALTER TABLE is next', { hint: 'do it there too', retry: 'never' });
      services['hz'] = new NumberedSource({ last: 25, failure });
      await using stream = await rig.link.open('hz', request(), live);
      const got: Delivery[] = [];
      const reading = (async () => {
        for await (const batch of stream.deliveries) got.push(...batch);
      })();
      await expect(reading).rejects.toMatchObject({
        code: 'OT5015',
        message: 'ALTER TABLE is next',
        hint: 'do it there too',
        retry: 'never',
      });
      expect(got.map(numberOf)).toEqual(sequence(0, 25));
    });

    it('turns a fault without a code into an error with one', async () => {
      services['hz'] = new NumberedSource({ last: 1, failure: new TypeError('x is undefined') });
      services['ca'] = { open: () => Promise.reject(new TypeError('y is undefined')) };
      await using stream = await rig.link.open('hz', request(), live);
      const words = { code: 'OT6009', retry: 'backoff' };
      await expect(take(stream)).rejects.toMatchObject({
        ...words,
        message: expect.stringContaining('x is undefined'),
      });
      await expect(rig.link.open('ca', request(), live)).rejects.toMatchObject({
        ...words,
        message: expect.stringContaining('y is undefined'),
      });
    });

    it('ends a waiting read when the signal aborts, and lets go of the source', async () => {
      const source = new NumberedSource({ last: 10, finally: 'wait' });
      services['hz'] = source;
      const abort = new AbortController();
      await using stream = await rig.link.open('hz', request(), abort.signal);
      const reading = take(stream);
      reading.catch(() => {});
      await vi.waitFor(() => expect(source.pulledBytes).toBeGreaterThan(0));
      const reason = new Error('enough');
      abort.abort(reason);
      await expect(reading).rejects.toBe(reason);
      await stream[Symbol.asyncDispose]();
      await vi.waitFor(() => expect(source.disposed).toBeGreaterThan(0));
    });

    it('ends an opening when the signal aborts, also one that never answers', async () => {
      let asked = false;
      services['hz'] = {
        open: () => {
          asked = true;
          return new Promise(() => {});
        },
      };
      const abort = new AbortController();
      const opening = rig.link.open('hz', request(), abort.signal);
      opening.catch(() => {});
      await vi.waitFor(() => expect(asked).toBe(true));
      const reason = new Error('enough');
      abort.abort(reason);
      await expect(opening).rejects.toBe(reason);
      await expect(rig.link.open('hz', request(), abort.signal)).rejects.toBe(reason);
    });

    it('disposed, ends a waiting read as the end, and lets go of the source', async () => {
      const source = new NumberedSource({ last: 10, finally: 'wait' });
      services['hz'] = source;
      const stream = await rig.link.open('hz', request(), live);
      const got: Delivery[] = [];
      const reading = (async () => {
        for await (const batch of stream.deliveries) got.push(...batch);
      })();
      await vi.waitFor(() => expect(got).toHaveLength(10));
      await stream[Symbol.asyncDispose]();
      await reading;
      await vi.waitFor(() => expect(source.disposed).toBe(1));
      stream.acknowledge(positionOf(1));
    });

    it('opens again at the position one says', async () => {
      const source = new NumberedSource({ batchSize: 7 });
      services['hz'] = source;
      const first = await rig.link.open('hz', request(), live);
      const some = await take(first, 100);
      await first[Symbol.asyncDispose]();
      const at = numberOf(some.at(-1)!);
      await using second = await rig.link.open('hz', request(at), live);
      const more = await take(second, 100);
      expect([...some, ...more].map(numberOf)).toEqual(sequence(0, some.length + more.length));
      await vi.waitFor(() => expect(source.disposed).toBeGreaterThan(0));
    });

    it('does not let one pipeline that stands hold up another', async () => {
      const slow = new NumberedSource({ batchSize: 4, rowBytes: 64 << 10 });
      services['hz'] = slow;
      services['ca'] = new NumberedSource({ last: 2000, rowBytes: 64 << 10 });
      await using standing = await rig.link.open('hz', request(), live);
      let before = -1;
      await vi.waitFor(
        () => {
          const stands = slow.pulledBytes === before;
          before = slow.pulledBytes;
          expect(stands).toBe(true);
        },
        { interval: 200, timeout: 10_000 },
      );
      await using other = await rig.link.open('ca', request(), live);
      expect(await take(other)).toHaveLength(2000);
      expect(standing.opening.position).toBe(positionOf(0));
    });
  });
}
