/**
 * The source side of a link: an HTTP/2 server on the node's `listen` address, one long-lived stream per pipeline.
 *
 * The request's body carries the request and then acknowledgements, the response's the opening and then deliveries.
 * Rule: what is not yet taken by the peer is bounded: the next batch is pulled from the service only when the stream has room,
 * so a slow target stops this node's reader and nothing piles up in between.
 */
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { messageOf, OtterError } from '../model/error.ts';
import type { Logger, PipelineRequest, PipelineService, PipelineStream } from '../model/ports.ts';
import type { NodeAnswer } from '../model/records.ts';
import { forgetRows } from '../model/row.ts';
import { unreadable } from './decode.ts';
import { DeliveryEncoder } from './encode.ts';
import { FIGURES_PATH } from './figures.ts';
import { FRAME, type FrameKind, FrameReader, packFrame, plainFrame } from './frame.ts';
import { KEEPALIVE, type KeepaliveOptions, keepAlive, PINGS_MAX } from './keepalive.ts';
import { decodeRequest, encodeError, encodeOpening, HEADER, linkError, notOwned, PATH } from './messages.ts';
import { openStream } from './service-stream.ts';
import { PROTOCOL_VERSION } from './wire.ts';

export interface LinkServerOptions {
  /** `host:port`; port 0 takes a free one. A shared token and TLS will come in beside it. */
  readonly listen: string;
  /** This node's name, for messages. */
  readonly node: string;
  /** The service of a database that this node owns now, else null. */
  readonly services: (database: string) => PipelineService | null;
  /** Lineage of the topology: peers of another are refused. */
  readonly lineage: string;
  /** What the node says of itself to who asks at its port; without, nothing. */
  readonly figures?: (() => NodeAnswer) | undefined;
  readonly logger: Logger;
  readonly keepalive?: KeepaliveOptions | undefined;
}

export interface LinkServer extends AsyncDisposable {
  readonly port: number;
}

/** Requests name copy cursors of every table; acknowledgements are a position. */
const REQUEST_BYTES_MAX = 16 << 20;
/** Packed ahead of what is being written; while more characters than these are, no more is made. */
const FRAMES_AHEAD = 3;
const CHARS_AHEAD = 2 << 20;

/** @throws OtterError OT6010 when the address cannot be listened on. */
export async function startLinkServer(options: LinkServerOptions): Promise<LinkServer> {
  const server = createServer({ maxSessionMemory: 4096, maxOutstandingPings: PINGS_MAX });
  const sessions = new Set<ServerHttp2Session>();
  const serving = new Set<Promise<void>>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', (error) => options.logger.debug('link session failed', { error: error.message }));
    keepAlive(session, options.keepalive ?? KEEPALIVE, () => {
      options.logger.warn('peer is silent, its links are given up');
      session.destroy();
    });
  });
  server.on('stream', (stream, headers) => {
    const served = serve(options, stream, headers).finally(() => serving.delete(served));
    serving.add(served);
  });
  const port = await listen(server, options.listen);
  server.on('error', (error) => options.logger.error('link server failed', { error: error.message }));
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
      await Promise.all(serving);
    },
  };
}

async function listen(server: Http2Server, address: string): Promise<number> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new OtterError('OT6010', `cannot listen on ${address}: ${messageOf(cause)}`, {
          retry: 'backoff',
          cause,
          where: { listen: address },
        }),
      );
    });
    server.listen({ host: host === '' ? undefined : host, port: Number(address.slice(colon + 1)) }, resolve);
  });
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound.port : 0;
}

/** One pipeline from its first byte to its last; never throws. */
async function serve(
  options: LinkServerOptions,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const gone = new AbortController();
  // A stream that ends in an error says so here too; the close that follows is what counts.
  stream.on('error', () => {});
  stream.once('close', () => gone.abort(new OtterError('OT6002', 'the peer closed the link', { retry: 'backoff' })));
  if (headers[':path'] === FIGURES_PATH && options.figures !== undefined) {
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(options.figures()));
    return;
  }
  const requests = new RequestBody(stream);
  try {
    const service = admit(options, headers);
    const request = await requests.request;
    const pipeline = await openStream(service, request, gone.signal);
    try {
      requests.acknowledge = (position) => pipeline.acknowledge(position);
      await deliver(stream, pipeline, gone.signal);
    } finally {
      await pipeline[Symbol.asyncDispose]();
    }
  } catch (cause) {
    if (gone.signal.aborted) return;
    const error = linkError(cause);
    if (error.code === 'OT6009') options.logger.error('pipeline failed at its source', { error: error.message });
    if (stream.headersSent) stream.end(plainFrame(FRAME.error, encodeError(error)));
    else refuse(stream, error);
  }
}

/** @throws OtterError saying why this request is none that this node answers. */
function admit(options: LinkServerOptions, headers: IncomingHttpHeaders): PipelineService {
  const { node, lineage } = options;
  if (headers[':path'] !== PATH) throw unreadable('a request for something that is not a pipeline');
  const protocol = headers[HEADER.protocol];
  if (protocol !== String(PROTOCOL_VERSION)) {
    throw new OtterError(
      'OT6005',
      `node ${node} speaks link protocol ${PROTOCOL_VERSION}, and was asked in ${protocol ?? 'none'}`,
      {
        retry: 'backoff',
        hint: 'bring both nodes to the same version of otter',
        where: { node },
      },
    );
  }
  if (headers[HEADER.lineage] !== lineage) {
    throw new OtterError('OT6006', `node ${node} serves a topology of another lineage`, {
      retry: 'backoff',
      hint: 'look whether both nodes use the same state store, and whether the advertised address is the right one',
      where: { node },
    });
  }
  const database = String(headers[HEADER.database]);
  const service = options.services(database);
  if (service === null) throw notOwned(node, database);
  return service;
}

async function deliver(stream: ServerHttp2Stream, pipeline: PipelineStream, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  stream.respond({ ':status': 200, [HEADER.protocol]: String(PROTOCOL_VERSION) });
  await write(stream, plainFrame(FRAME.opening, encodeOpening(pipeline.opening)));
  const encoder = new DeliveryEncoder(pipeline.opening);
  for await (const batch of pipeline.deliveries) {
    const ahead: { readonly frame: Promise<Buffer>; readonly chars: number }[] = [];
    let chars = 0;
    const writeFirst = async (): Promise<void> => {
      const first = ahead.shift()!;
      await write(stream, await first.frame);
      chars -= first.chars;
    };
    for (const payload of encoder.payloads(batch)) {
      ahead.push({ frame: packed(FRAME.deliveries, payload), chars: payload.length });
      chars += payload.length;
      while (ahead.length > FRAMES_AHEAD || (chars > CHARS_AHEAD && ahead.length > 0)) await writeFirst();
    }
    while (ahead.length > 0) await writeFirst();
    forgetRows(batch);
  }
  stream.end(plainFrame(FRAME.end, ''));
}

/** A frame on its way; if nobody comes to await it, its failure is nobody's. */
function packed(kind: FrameKind, payload: string): Promise<Buffer> {
  const frame = packFrame(kind, payload);
  frame.catch(() => {});
  return frame;
}

/** Returns when the stream has room again, or is gone. */
async function write(stream: ServerHttp2Stream, bytes: Buffer): Promise<void> {
  if (stream.destroyed || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const go = (): void => {
      stream.off('drain', go);
      stream.off('close', go);
      resolve();
    };
    stream.on('drain', go);
    stream.on('close', go);
  });
}

/** No pipeline came about: a status that tells HTTP tools the gist, and the error as JSON. */
function refuse(stream: ServerHttp2Stream, error: OtterError): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': error.retry === 'backoff' ? 503 : 409, 'content-type': 'application/json' });
  stream.end(encodeError(error));
}

/** What comes from the peer: one request, then acknowledgements. Anything else ends the stream. */
class RequestBody {
  readonly request: Promise<PipelineRequest>;
  acknowledge: (position: string) => void = () => {};
  readonly #frames = new FrameReader(REQUEST_BYTES_MAX);
  #first = true;

  constructor(stream: ServerHttp2Stream) {
    this.request = new Promise((resolve, reject) => {
      stream.on('data', (chunk: Buffer) => {
        try {
          for (const { kind, payload } of this.#frames.push(chunk)) {
            if (kind === FRAME.request && this.#first) resolve(decodeRequest(payload));
            else if (kind === FRAME.acknowledge && !this.#first) this.acknowledge(payload);
            else throw unreadable('a frame where it does not belong');
            this.#first = false;
          }
        } catch (error) {
          if (this.#first) reject(error as Error);
          else stream.destroy();
        }
      });
      stream.once('close', () => reject(new OtterError('OT6002', 'the peer closed the link', { retry: 'backoff' })));
    });
    this.request.catch(() => {});
  }
}
