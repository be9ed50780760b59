import { connect } from 'node:http2';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startProxy } from '../../src/lab/proxy.ts';
import { HEADER, PATH } from '../../src/link/messages.ts';
import { type LinkClientOptions, linkClient } from '../../src/link/routing.ts';
import { type LinkServer, startLinkServer } from '../../src/link/server.ts';
import { PROTOCOL_VERSION } from '../../src/link/wire.ts';
import type { LinkClient, PipelineService } from '../../src/model/ports.ts';
import { LONG } from '../project/long.ts';
import { linkContract } from './contract/contract.ts';
import { NumberedSource, numberOf, quiet, request, sequence, take } from './contract/source.ts';

const live = new AbortController().signal;
const LINEAGE = 'lineage-1';
/** Window 32 MiB, the proxy's and the kernel's buffers, and frames being made; the rows of these tests pack by a quarter. */
const AHEAD_BYTES_MAX = 96 << 20;

async function serverOf(
  services: (database: string) => PipelineService | null,
  lineage = LINEAGE,
): Promise<LinkServer> {
  return startLinkServer({ listen: '127.0.0.1:0', node: 'hz-1', services, lineage, logger: quiet });
}

function clientOf(port: number, more: Partial<LinkClientOptions> = {}): LinkClient {
  const addressOf = () => ({ node: 'hz-1', advertise: `127.0.0.1:${port}` });
  return linkClient({ local: () => null, addressOf, lineage: LINEAGE, logger: quiet, ...more });
}

// Through a proxy it is always run.
if (LONG)
  linkContract('over HTTP/2', async (services) => {
    const server = await serverOf(services);
    return {
      link: clientOf(server.port),
      aheadBytesMax: AHEAD_BYTES_MAX,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  });

linkContract('over HTTP/2 through a proxy', async (services) => {
  const server = await serverOf(services);
  const proxy = await startProxy({ target: { host: '127.0.0.1', port: server.port } });
  return {
    link: clientOf(proxy.port),
    aheadBytesMax: AHEAD_BYTES_MAX,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

describe('a link over a bad network', () => {
  let server: LinkServer;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let source: NumberedSource;
  let service: PipelineService;

  beforeEach(async () => {
    source = new NumberedSource({ batchSize: 20, rowBytes: 1 << 10 });
    service = source;
    server = await startLinkServer({
      listen: '127.0.0.1:0',
      node: 'hz-1',
      services: () => service,
      lineage: LINEAGE,
      logger: quiet,
      keepalive: { deadMs: 1000 },
    });
    proxy = await startProxy({ target: { host: '127.0.0.1', port: server.port } });
  });

  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('cut in the middle, ends with an error; opened again from where one stands, nothing is missing or doubled', async () => {
    const link = clientOf(proxy.port);
    let at = 0;
    const numbers: number[] = [];
    for (let round = 0; round < 5; round++) {
      await using stream = await link.open('hz', request(at), live);
      const reading = (async () => {
        for await (const batch of stream.deliveries) {
          for (const delivery of batch) numbers.push(numberOf(delivery));
          at = numbers.at(-1)!;
          if (numbers.length > (round + 1) * 3000) await proxy.cut();
        }
      })();
      await expect(reading).rejects.toMatchObject({
        code: 'OT6002',
        retry: 'backoff',
        message: expect.stringContaining('node hz-1'),
      });
      await expect(link.open('hz', request(at), live)).rejects.toMatchObject({ code: 'OT6001', retry: 'backoff' });
      await proxy.heal();
    }
    expect(numbers).toEqual(sequence(0, numbers.length));
    await vi.waitFor(() => expect(source.disposed).toBe(source.opened));
  });

  it('frozen, is found out by both sides', async () => {
    service = source = new NumberedSource({ last: 10, finally: 'wait' });
    const link = clientOf(proxy.port, { keepalive: { deadMs: 1000 } });
    await using stream = await link.open('hz', request(), live);
    const reading = take(stream);
    reading.catch(() => {});
    await vi.waitFor(() => expect(source.pulledBytes).toBeGreaterThan(0));
    proxy.freeze();
    await expect(reading).rejects.toMatchObject({
      retry: 'backoff',
      message: expect.stringContaining('silent for 1 s'),
    });
    await vi.waitFor(() => expect(source.disposed).toBe(1), { timeout: 5000 });
    await expect(link.open('hz', request(), live)).rejects.toMatchObject({ code: 'OT6001', retry: 'backoff' });
    await proxy.heal();
    await using again = await link.open('hz', request(), live);
    expect(await take(again, 10)).toHaveLength(10);
  });

  it('quiet but alive, is left alone', async () => {
    service = source = new NumberedSource({ last: 10, finally: 'wait' });
    const link = clientOf(proxy.port, { keepalive: { deadMs: 400 } });
    await using stream = await link.open('hz', request(), live);
    let ended = false;
    const reading = take(stream).finally(() => {
      ended = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(ended).toBe(false);
    await stream[Symbol.asyncDispose]();
    await reading;
  });

  it('slow as one line of 2 MB/s with buffers full, is not taken for dead', async () => {
    service = source = new NumberedSource({ last: 60, rowBytes: 128 << 10 });
    const link = clientOf(proxy.port, { keepalive: { deadMs: 1000 } });
    proxy.throttle(2 << 20);
    await using stream = await link.open('hz', request(), live);
    expect(await take(stream)).toHaveLength(60);
  });

  it('with 100 ms each way, carries much more than a window of 64 KiB would', async () => {
    // With the default window this takes 64 KiB per 200 ms: 64 MB in 200 s, and the test times out.
    service = source = new NumberedSource({ last: 500, rowBytes: 128 << 10 });
    proxy.delay(100);
    await using stream = await clientOf(proxy.port).open('hz', request(), live);
    expect(await take(stream)).toHaveLength(500);
  }, 60_000);

  it('shares one connection, and closes it after the last pipeline', async () => {
    const link = clientOf(proxy.port);
    const one = await link.open('hz', request(), live);
    const two = await link.open('ca', request(), live);
    expect(proxy.connections).toBe(1);
    await one[Symbol.asyncDispose]();
    expect((await take(two, 100)).length).toBeGreaterThanOrEqual(100);
    await two[Symbol.asyncDispose]();
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
  });

  it('whose server closes, ends with an error at once', async () => {
    service = source = new NumberedSource({ last: 10, finally: 'wait' });
    await using stream = await clientOf(server.port).open('hz', request(), live);
    const reading = take(stream);
    reading.catch(() => {});
    await vi.waitFor(() => expect(source.pulledBytes).toBeGreaterThan(0));
    await server[Symbol.asyncDispose]();
    expect(source.disposed).toBe(1);
    await expect(reading).rejects.toMatchObject({ code: 'OT6002', retry: 'backoff' });
  });
});

describe('pipelines that share a slow line', () => {
  const services: Record<string, PipelineService> = {};
  let server: LinkServer;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let link: LinkClient;

  beforeEach(async () => {
    server = await serverOf((database) => services[database] ?? null);
    proxy = await startProxy({ target: { host: '127.0.0.1', port: server.port } });
    proxy.throttle(2 << 20);
    link = clientOf(proxy.port);
  });

  afterEach(async () => {
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  /** Deliveries that each has had when one of them has so many. */
  async function until(count: number, databases: readonly string[]): Promise<number[]> {
    const had = databases.map(() => 0);
    await using stack = new AsyncDisposableStack();
    const enough = Promise.withResolvers<void>();
    for (const [i, database] of databases.entries()) {
      const stream = stack.use(await link.open(database, request(), live));
      void (async () => {
        for await (const batch of stream.deliveries) {
          had[i]! += batch.length;
          if (had[i]! >= count) enough.resolve();
        }
      })();
    }
    await enough.promise;
    return [...had];
  }

  it('have the same of it; one of more priority has most, and the other not nothing', async () => {
    const bulk = { rowBytes: 8 << 10, batchSize: 8 };
    services['hz'] = new NumberedSource(bulk);
    services['ca'] = new NumberedSource(bulk);
    const [one, other] = await until(300, ['hz', 'ca']);
    expect(Math.min(one!, other!)).toBeGreaterThan(200);
    services['hz'] = new NumberedSource({ ...bulk, priority: 1 });
    const [first, second] = await until(900, ['ca', 'hz']);
    expect(second).toBeGreaterThanOrEqual(900);
    // Who came first had the line for itself at first, and what was under way then.
    expect(first).toBeGreaterThan(50);
    expect(first).toBeLessThan(400);
  });

  it('do not wait behind what another has sent', async () => {
    services['hz'] = new NumberedSource({ rowBytes: 8 << 10, batchSize: 8 });
    const next = { resolve: (): void => undefined };
    services['ca'] = {
      open: async (asked, signal) => {
        const source = await new NumberedSource({ last: 20, batchSize: 1 }).open(asked, signal);
        return {
          ...source,
          deliveries: (async function* () {
            for await (const batch of source.deliveries) {
              yield batch;
              await new Promise<void>((resolve) => {
                next.resolve = resolve;
              });
            }
          })(),
        };
      },
    };
    await using copy = await link.open('hz', request(), live);
    let bytes = 0;
    const reading = (async () => {
      for await (const batch of copy.deliveries) for (const { bytes: more } of batch) bytes += more;
    })();
    await using rows = await link.open('ca', request(), live);
    const behind: number[] = [];
    let before = 0;
    for await (const _ of rows.deliveries) {
      behind.push(bytes - before);
      before = bytes;
      next.resolve();
    }
    await copy[Symbol.asyncDispose]();
    await reading;
    // In turn they would stand behind the megabytes that sockets and proxy take.
    expect(behind.slice(2).sort((a, b) => a - b)[9]).toBeLessThan(700 << 10);
  });
});

describe('a link server', () => {
  it('refuses a peer of another lineage, in words', async () => {
    await using server = await serverOf(() => new NumberedSource());
    const link = clientOf(server.port, { lineage: 'other' });
    await expect(link.open('hz', request(), live)).rejects.toMatchObject({
      code: 'OT6006',
      retry: 'backoff',
      message: 'node hz-1 serves a topology of another lineage',
    });
  });

  it('refuses another protocol version, in words', async () => {
    await using server = await serverOf(() => new NumberedSource());
    const answer = await raw(server.port, {
      [HEADER.protocol]: '99',
      [HEADER.lineage]: LINEAGE,
      [HEADER.database]: 'hz',
    });
    expect(answer).toMatchObject({ status: 503, body: { code: 'OT6005', retry: 'backoff' } });
  });

  it('outlives whatever is sent to it', async () => {
    await using server = await serverOf(() => new NumberedSource({ last: 5 }));
    const headers = { [HEADER.protocol]: String(PROTOCOL_VERSION), [HEADER.lineage]: LINEAGE, [HEADER.database]: 'hz' };
    for (const body of [Buffer.alloc(100), Buffer.alloc(100, 0xff), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      expect(await raw(server.port, headers, body)).toMatchObject({ body: { code: 'OT6007' } });
    }
    await using stream = await clientOf(server.port).open('hz', request(), live);
    expect(await take(stream)).toHaveLength(5);
  });

  it('says when it cannot listen', async () => {
    await using server = await serverOf(() => null);
    const second = startLinkServer({
      listen: `127.0.0.1:${server.port}`,
      node: 'hz-2',
      services: () => null,
      lineage: LINEAGE,
      logger: quiet,
    });
    await expect(second).rejects.toMatchObject({ code: 'OT6010' });
  });
});

describe('a link client', () => {
  it('asks its own databases without a connection', async () => {
    const source = new NumberedSource({ last: 3 });
    await using server = await serverOf(() => null);
    const link = clientOf(server.port, { local: (database) => (database === 'ca' ? source : null) });
    await using stream = await link.open('ca', request(), live);
    expect(await take(stream)).toHaveLength(3);
    await expect(link.open('hz', request(), live)).rejects.toMatchObject({
      code: 'OT6003',
      message: 'node hz-1 does not own database hz now',
    });
  });

  it('says when nobody listens there', async () => {
    const { port, server } = await listening();
    await new Promise((resolve) => server.close(resolve));
    await expect(clientOf(port).open('hz', request(), live)).rejects.toMatchObject({
      code: 'OT6001',
      retry: 'backoff',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('says when something else listens there', async () => {
    const { port, server } = await listening((socket) => socket.resume().end('220 mail.example.com ESMTP\r\n'));
    await expect(clientOf(port).open('hz', request(), live)).rejects.toMatchObject({
      code: 'OT6001',
      retry: 'backoff',
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

async function listening(
  onSocket: (socket: import('node:net').Socket) => void = () => {},
): Promise<{ port: number; server: Server }> {
  const server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as { port: number }).port, server };
}

/** One request as any HTTP/2 client could make it. */
async function raw(
  port: number,
  headers: Record<string, string>,
  body = Buffer.alloc(0),
): Promise<{ status: number; body: unknown }> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({ ':method': 'POST', ':path': PATH, ...headers });
    stream.write(body);
    const status = await new Promise<number>((resolve, reject) => {
      stream.once('response', (answer) => resolve(Number(answer[':status'])));
      stream.once('error', reject);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return { status, body: JSON.parse(Buffer.concat(chunks).toString()) };
  } finally {
    session.destroy();
  }
}
