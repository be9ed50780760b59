/** Metrics and health over a real socket. */
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { NodeHttp } from '../../src/executor/node-http.ts';
import { freePort } from '../../src/lab/free-port.ts';
import type { Logger } from '../../src/model/ports.ts';
import { startOpsServer } from '../../src/observe/ops-server.ts';
import { quiet } from '../link/contract/source.ts';
import { measured } from './a-node.ts';

test('the three pages, whoever asks how; nothing else is there', async () => {
  let node = measured();
  await using server = await startOpsServer({ address: '127.0.0.1:0', measures: () => node, logger: quiet });
  const at = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { method });
  const metrics = await at('/metrics?x=1');
  expect(metrics.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await metrics.text();
  expect(text).toContain('otter_pipeline_rows_total{');
  expect(text).toContain('process_resident_memory_bytes ');
  expect(text.endsWith('\n')).toBe(true);
  expect(await (await at('/healthz')).text()).toBe('ok\n');
  expect((await at('/readyz')).status).toBe(200);
  node = measured({ ending: true });
  const ending = await at('/readyz');
  expect([ending.status, ((await ending.json()) as { why: string }).why]).toEqual([503, 'the node stops']);
  expect((await at('/healthz')).status).toBe(200);
  const head = await at('/metrics', 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
  expect((await at('/metrics', 'POST')).status).toBe(405);
  expect((await at('/../etc/passwd')).status).toBe(404);
});

test('what is no HTTP, and what fails, disturbs nobody', async () => {
  let broken = true;
  const measures = () => {
    if (broken) throw new Error('a figure is missing');
    return measured();
  };
  const said: string[] = [];
  const logger: Logger = { ...quiet, error: (message) => said.push(message) };
  await using server = await startOpsServer({ address: '127.0.0.1:0', measures, logger });
  const noise = connect(server.port, '127.0.0.1');
  noise.write('\u0016\u0003\u0001 no http\r\n\r\n');
  await new Promise((resolve) => noise.once('close', resolve));
  const failed = await fetch(`http://127.0.0.1:${server.port}/metrics`);
  expect([failed.status, await failed.text()]).toEqual([500, expect.not.stringContaining('missing')]);
  expect(said).toEqual(['metrics could not be told']);
  broken = false;
  expect((await fetch(`http://127.0.0.1:${server.port}/metrics`)).status).toBe(200);
});

test('a port that is taken is said once, is no error of the node, and is had when it is free', async () => {
  const port = await freePort();
  const taker = createServer();
  await new Promise<void>((resolve) => taker.listen(port, '127.0.0.1', resolve));
  const said: string[] = [];
  const logger: Logger = { ...quiet, warn: (message) => said.push(message) };
  const http = new NodeHttp({ serve: startOpsServer, measures: () => measured(), logger });
  const address = `127.0.0.1:${port}`;
  await http.converge(address);
  await http.converge(address);
  expect(http.fault).toMatchObject({ code: 'OT8101', message: expect.stringContaining(address) });
  expect(said).toEqual(['metrics are not served']);
  await new Promise((resolve) => taker.close(resolve));
  await http.converge(address);
  expect(http.fault).toBeNull();
  expect((await fetch(`http://${address}/healthz`)).status).toBe(200);
  // Turned off, and then an address that is none.
  await http.converge(null);
  await expect(fetch(`http://${address}/healthz`)).rejects.toThrow();
  for (const none of ['127.0.0.1:http', 'rubbish', '127.0.0.1:70000']) {
    await http.converge(none);
    expect(http.fault).toMatchObject({ code: 'OT8101', message: expect.stringContaining('`host:port`') });
  }
  await http.converge(null);
  expect(http.fault).toBeNull();
  await http.close();
});
