import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startProxy } from '../../src/lab/proxy.ts';

let stack = new AsyncDisposableStack();
afterEach(async () => {
  await stack.disposeAsync();
  stack = new AsyncDisposableStack();
});

/** A server that hands each connection to `serve`, and a proxy before it. */
async function setUp(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no address');
  return { proxy: stack.use(await startProxy({ target: { host: '127.0.0.1', port: address.port } })), sockets };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  stack.defer(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** All bytes until the other side ends. */
async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const echo = (socket: Socket) => {
  socket.pipe(socket);
};

describe('the proxy', () => {
  it('passes bytes both ways unchanged, and each half-close after the bytes before it', async () => {
    const { proxy } = await setUp(echo);
    const bytes = randomBytes(3_000_000);
    const socket = await dial(proxy.port);
    socket.end(bytes);
    const answer = await readAll(socket);
    expect(digest(answer)).toBe(digest(bytes));
    await vi.waitFor(() => expect(proxy.connections).toBe(0));
  });

  it('keeps order and content when it delays and throttles', async () => {
    const { proxy } = await setUp(echo);
    proxy.delay(20);
    proxy.throttle(2_000_000);
    const bytes = randomBytes(300_000);
    const socket = await dial(proxy.port);
    const began = performance.now();
    socket.end(bytes);
    expect(digest(await readAll(socket))).toBe(digest(bytes));
    // Never faster than the line allows: the bytes at its rate, but for the first that it takes at once.
    expect(performance.now() - began).toBeGreaterThan(100);
  });

  it('makes a sender wait when the receiver does not read', async () => {
    const { proxy, sockets } = await setUp((socket) => socket.pause());
    const socket = await dial(proxy.port);
    const piece = Buffer.alloc(1_000_000);
    let sent = 0;
    while (sent < 200 && socket.write(piece)) sent++;
    // A write that reports a full buffer and is not drained: the proxy has stopped reading.
    while (sent < 200) {
      const drained = await Promise.race([
        once(socket, 'drain').then(() => true),
        new Promise((resolve) => setTimeout(() => resolve(false), 500)),
      ]);
      if (drained !== true) break;
      while (sent < 200 && socket.write(piece)) sent++;
    }
    expect(sent).toBeLessThan(100);
    for (const one of sockets) one.resume();
    await once(socket, 'drain');
  });

  it('cut resets what is open and refuses what is new, until it heals on the same port', async () => {
    const { proxy } = await setUp(echo);
    const socket = await dial(proxy.port);
    socket.write('a');
    await once(socket, 'data');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await proxy.cut();
    await closed;
    await expect(dial(proxy.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await proxy.heal();
    const again = await dial(proxy.port);
    again.end('b');
    expect((await readAll(again)).toString()).toBe('b');
  });

  it('frozen, accepts and passes nothing; healed, passes all that was held back', async () => {
    const { proxy, sockets } = await setUp(echo);
    const before = await dial(proxy.port);
    before.write('a');
    await once(before, 'data');
    proxy.freeze();
    let heard = '';
    before.on('data', (chunk) => {
      heard += String(chunk);
    });
    before.write('b');
    const during = await dial(proxy.port);
    during.write('c');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(heard).toBe('');
    expect(sockets.size).toBe(1);
    await proxy.heal();
    expect(String((await once(during, 'data'))[0])).toBe('c');
    await vi.waitFor(() => expect(heard).toBe('b'));
  });

  it('frozen, hides that an end has gone, and tells when it heals', async () => {
    const { proxy, sockets } = await setUp(echo);
    const socket = await dial(proxy.port);
    socket.write('a');
    await once(socket, 'data');
    proxy.freeze();
    for (const one of sockets) one.destroy();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(socket.readableEnded || socket.destroyed).toBe(false);
    const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]);
    socket.resume();
    await proxy.heal();
    await ended;
  });
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
