import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import { OPEN } from '../../src/link/credentials.ts';
import { askNode } from '../../src/link/figures.ts';
import { startLinkServer } from '../../src/link/server.ts';
import type { NodeAnswer } from '../../src/model/records.ts';
import { quiet } from './contract/source.ts';

const live = new AbortController().signal;
const ANSWER: NodeAnswer = {
  topology: 'main',
  node: 'hz-1',
  record: {
    instance: 'i',
    region: 'hz',
    advertise: '127.0.0.1:1',
    version: '1',
    startedMs: 1,
    pid: 1,
    host: 'h',
    databases: ['hz'],
    rssBytes: 1,
    error: null,
    pipelines: {},
    updatedMs: 1,
  },
  serial: 2,
  generations: { shop: 2 },
};

async function serverOf(figures?: () => NodeAnswer) {
  return startLinkServer({
    listen: '127.0.0.1:0',
    node: 'hz-1',
    services: () => null,
    lineage: 'secret-lineage',
    figures,
    logger: quiet,
  });
}

test('a node tells its figures at its port, and not the lineage that lets peers read', async () => {
  await using server = await serverOf(() => ANSWER);
  const told = await askNode(`127.0.0.1:${server.port}`, OPEN, live);
  expect(told).toEqual(ANSWER);
  expect(JSON.stringify(told)).not.toContain('secret-lineage');
});

test('nobody there, one that is silent, one that is no node, one that tells nothing: an error in time', async () => {
  const silent = createServer(() => undefined);
  const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await using mute = await serverOf();
  const ports = await Promise.all(
    [silent, other].map(
      async (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  const began = performance.now();
  for (const port of [await freePort(), ...ports, mute.port]) {
    await expect(askNode(`127.0.0.1:${port}`, OPEN, live)).rejects.toMatchObject({ code: 'OT6001' });
  }
  expect(performance.now() - began).toBeLessThan(10_000);
  for (const server of [silent, other]) server.close();
});
