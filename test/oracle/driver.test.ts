/** The driver itself, where no Oracle answers: what it says is understood. */
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import { OracleServer } from '../../src/oracle/database-server.ts';
import { openOracle } from '../../src/oracle/driver.ts';

let server: Server | null = null;

afterEach(() => {
  server?.close();
  server = null;
});

async function listening(take: (socket: import('node:net').Socket) => void): Promise<number> {
  const port = await freePort();
  server = createServer(take);
  await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve));
  return port;
}

const connect = (port: number, timeoutMs = 10_000) =>
  new OracleServer({
    name: 'dw',
    spec: { endpoints: [`127.0.0.1:${port}/DW`], user: 'otter', tls: null },
    password: 'secret',
    open: (login) => openOracle({ ...login, timeoutMs }),
  }).connect();

test('nobody listens', async () => {
  await expect(connect(await freePort())).rejects.toMatchObject({ code: 'OT4001', retry: 'backoff' });
});

test('somebody who hangs up', async () => {
  const port = await listening((socket) => socket.end());
  await expect(connect(port)).rejects.toMatchObject({ code: expect.stringMatching(/^OT400[14]$/), retry: 'backoff' });
});

test('somebody who speaks another protocol', async () => {
  const port = await listening((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const error = await connect(port).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: expect.stringMatching(/^OT40/) });
  expect(String(error)).not.toContain('secret');
});

test('somebody who says nothing', async () => {
  const sockets: import('node:net').Socket[] = [];
  const port = await listening((socket) => sockets.push(socket));
  await expect(connect(port, 1000)).rejects.toMatchObject({
    code: expect.stringMatching(/^OT400[14]$/),
    retry: 'backoff',
  });
  for (const socket of sockets) socket.destroy();
}, 60_000);
