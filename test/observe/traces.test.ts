/** Traces as a collector gets them, and one that is not there. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import type { Logger } from '../../src/model/ports.ts';
import type { WindowTrace } from '../../src/model/traces.ts';
import { openTraces } from '../../src/observe/traces.ts';
import { quiet, recorder } from '../site/harness.ts';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
  readonly status: { readonly code?: number };
}

interface Sent {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Span['attributes'] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

const WINDOW: WindowTrace = {
  ...{ topology: 'main', channel: 'shop', pipeline: 'shop/hz>ca', source: 'hz', target: 'ca', rows: 7, bytes: 900 },
  ...{ transactions: 3, gtid: '0-1-9', ageMs: 1_500, error: null },
  stages: [
    { stage: 'prepare', fromMs: 1_767_225_600_000.25, toMs: 1_767_225_600_001 },
    { stage: 'load', fromMs: 1_767_225_600_002, toMs: 1_767_225_600_010.5 },
  ],
};

/** A collector; what it got. */
async function collector() {
  const sent: { readonly path: string; readonly body: Sent }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      sent.push({ path: request.url!, body: JSON.parse(Buffer.concat(parts).toString()) as Sent });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { sent, url: `http://127.0.0.1:${port}`, [Symbol.dispose]: () => server.close() };
}

async function open(env: Record<string, string>, logger: Logger = quiet) {
  // The SDK reads where to from the environment of the process.
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  return openTraces(process.env, '9.9', logger);
}

afterEach(() => vi.unstubAllEnvs());

test('nothing is sent unless the environment asks for it', async () => {
  expect(await open({})).toBeNull();
  expect(await open({ OTEL_TRACES_EXPORTER: 'none' })).toBeNull();
  expect(await open({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_SDK_DISABLED: 'true' })).toBeNull();
});

test('a window is a span with its stages in it, of whom the environment says', async () => {
  using to = await collector();
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: to.url, OTEL_RESOURCE_ATTRIBUTES: 'deployment=test' };
  const traces = (await open({ OTEL_TRACES_EXPORTER: 'otlp', ...env }))!;
  traces.window(WINDOW);
  traces.window({ ...WINDOW, error: { code: 'OT5016', message: 'a row of shop.t, id=5' } });
  // Nothing was done yet.
  traces.window({ ...WINDOW, stages: [] });
  await traces[Symbol.asyncDispose]();
  expect(to.sent.map(({ path }) => path)).toEqual(['/v1/traces']);
  const [{ resource, scopeSpans }] = to.sent[0]!.body.resourceSpans as [Sent['resourceSpans'][number]];
  const valued = (attributes: Span['attributes']): Record<string, unknown> =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
  expect(valued(resource.attributes)).toMatchObject({
    'service.name': 'otter',
    'service.version': '9.9',
    deployment: 'test',
  });
  const spans = scopeSpans.flatMap((scope) => scope.spans);
  const [whole, failed] = spans.filter(({ name }) => name === 'window shop/hz>ca');
  expect(valued(whole!.attributes)).toMatchObject({
    'otter.pipeline': 'shop/hz>ca',
    'otter.rows': expect.anything(),
    'otter.gtid': '0-1-9',
    'otter.age_seconds': 1.5,
  });
  expect([whole!.startTimeUnixNano, whole!.endTimeUnixNano]).toEqual(['1767225600000250000', '1767225600010500000']);
  const inside = spans.filter(({ parentSpanId }) => parentSpanId === whole!.spanId);
  expect(inside.map(({ name, traceId }) => [name, traceId === whole!.traceId])).toEqual([
    ['prepare', true],
    ['load', true],
  ]);
  expect([whole!.status.code ?? 0, failed!.status.code]).toEqual([0, 2]);
  expect(valued(failed!.attributes)['otter.error']).toBe('OT5016');
  // Keys of rows stay out.
  expect(JSON.stringify(to.sent)).not.toContain('id=5');
});

test('that nobody takes them is said, and holds nothing up', async () => {
  const said: unknown[] = [];
  const logger = recorder((message, fields) => said.push({ message, ...fields }));
  const where = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:secret@127.0.0.1:1', OTEL_EXPORTER_OTLP_TIMEOUT: '300' };
  const env = { OTEL_TRACES_EXPORTER: 'otlp', ...where };
  const traces = (await open(env, logger))!;
  traces.window(WINDOW);
  await traces[Symbol.asyncDispose]();
  await expect.poll(() => said.length).toBe(1);
  expect(said[0]).toMatchObject({ message: 'traces cannot be sent', code: 'OT8105' });
  expect(JSON.stringify(said)).not.toContain('secret');
});

test('of a share of them only', async () => {
  using to = await collector();
  const sampled = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' };
  const traces = (await open({ OTEL_TRACES_EXPORTER: 'otlp', OTEL_EXPORTER_OTLP_ENDPOINT: to.url, ...sampled }))!;
  for (let n = 0; n < 20; n += 1) traces.window(WINDOW);
  await traces[Symbol.asyncDispose]();
  expect(to.sent).toEqual([]);
});
