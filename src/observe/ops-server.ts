/**
 * A node's own port for machines that watch it: `/metrics`, `/healthz`, `/readyz`, over plain HTTP.
 *
 * Rule: it tells figures and names, never rows, positions in words of users, credentials or the lineage; so it asks nobody who they are.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { messageOf, OtterError } from '../model/error.ts';
import type { NodeMeasures } from '../model/measures.ts';
import type { Logger } from '../model/ports.ts';
import { readinessOf } from './health.ts';
import { exposition } from './registry.ts';

export interface OpsServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly measures: () => NodeMeasures;
  readonly logger: Logger;
}

export interface OpsServer extends AsyncDisposable {
  readonly port: number;
}

/** Who scrapes needs one or two; nobody is to use up the node's sockets. */
const CONNECTIONS_MAX = 64;
const REQUEST_MS_MAX = 10_000;
const PORT_MAX = 65_535;
const TEXT = 'text/plain; charset=utf-8';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** @throws OtterError OT8101 when the address cannot be listened on */
export async function startOpsServer({ address, measures, logger }: OpsServerOptions): Promise<OpsServer> {
  const server = createServer(
    { headersTimeout: REQUEST_MS_MAX, requestTimeout: REQUEST_MS_MAX, keepAliveTimeout: REQUEST_MS_MAX },
    (request, response) => {
      answer(request, measures)
        .catch((error: unknown): Answer => {
          logger.error('metrics could not be told', { error: messageOf(error) });
          return { status: 500, type: TEXT, text: 'the metrics could not be told; the log of the node says why\n' };
        })
        .then((said) => send(request, response, said))
        .catch(() => response.destroy());
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on('clientError', (_, socket) => socket.destroy());
  const port = await listen(server, address);
  server.on('error', (error) => logger.warn('the port of metrics failed', { error: error.message }));
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer({ method, url }: IncomingMessage, measures: () => NodeMeasures): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, type: TEXT, text: 'only GET\n' };
  switch (url?.split('?')[0] ?? '') {
    case '/metrics': {
      const { contentType, text } = await exposition(measures());
      return { status: 200, type: contentType, text };
    }
    case '/healthz':
      return { status: 200, type: TEXT, text: 'ok\n' };
    case '/readyz': {
      const readiness = readinessOf(measures());
      const text = `${JSON.stringify(readiness)}\n`;
      return { status: readiness.ready ? 200 : 503, type: 'application/json', text };
    }
    default:
      return { status: 404, type: TEXT, text: 'here are /metrics, /healthz and /readyz\n' };
  }
}

function send({ method }: IncomingMessage, response: ServerResponse, { status, type, text }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(method === 'HEAD' ? undefined : text);
}

async function listen(server: Server, address: string): Promise<number> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > PORT_MAX)
    throw new OtterError('OT8101', `metrics cannot be served: \`${address}\` is not \`host:port\``, {
      hint: 'Write for example 127.0.0.1:9464, or `off`.',
      where: { http: address },
    });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new OtterError('OT8101', `metrics cannot be served at ${address}: ${messageOf(cause)}`, {
          hint: 'Give the node another `http`, or find out what listens there: `ss -ltnp`.',
          retry: 'backoff',
          where: { http: address },
          cause,
        }),
      ),
    );
    server.listen({ host: host === '' ? undefined : host, port }, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound.port : 0;
}
