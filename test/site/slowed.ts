/** A link on which deliveries come late. */
import type { seededRandom } from '../../src/lab/random.ts';
import type { LinkClient } from '../../src/model/ports.ts';

/** Deliveries come late, so that sites write without having seen each other. */
export function slowed(open: LinkClient['open'], random: ReturnType<typeof seededRandom>): LinkClient['open'] {
  return async (database, request, signal) => {
    const stream = await open(database, request, signal);
    async function* late(): AsyncGenerator<Awaited<ReturnType<typeof next>>> {
      for (;;) {
        const batch = await next();
        if (batch === null) return;
        await new Promise((resolve) => setTimeout(resolve, random.between(0, 60)));
        yield batch;
      }
    }
    const iterator = stream.deliveries[Symbol.asyncIterator]();
    const next = async () => {
      const { done, value } = await iterator.next();
      return done === true ? null : value;
    };
    return {
      opening: stream.opening,
      deliveries: late() as typeof stream.deliveries,
      acknowledge: (position) => stream.acknowledge(position),
      [Symbol.asyncDispose]: () => stream[Symbol.asyncDispose](),
    };
  };
}
