import { expect, it } from 'vitest';
import { localLink } from '../../src/link/local.ts';
import { linkClient } from '../../src/link/routing.ts';
import { linkContract } from './contract/contract.ts';
import { NumberedSource, quiet, request, take } from './contract/source.ts';

const live = new AbortController().signal;

linkContract('in one process', async (services) => ({
  link: localLink(services),
  aheadBytesMax: 0,
  [Symbol.asyncDispose]: async () => {},
}));

it('copies nothing in one process', async () => {
  const source = new NumberedSource({ last: 3 });
  const batch = (await take(await source.open(request(), live)))!;
  const link = localLink(() => ({
    open: async (asked, signal) => ({
      ...(await source.open(asked, signal)),
      deliveries: (async function* () {
        yield batch;
      })(),
    }),
  }));
  await using stream = await link.open('hz', request(), live);
  for await (const got of stream.deliveries) expect(got).toBe(batch);
});

it('says when no node owns a database', async () => {
  const link = linkClient({ local: () => null, addressOf: () => null, lineage: 'l', logger: quiet });
  await expect(link.open('hz', request(), live)).rejects.toMatchObject({ code: 'OT6004', retry: 'backoff' });
});
