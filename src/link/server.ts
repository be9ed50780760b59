/**
 * The source side of a link: an HTTP/2 server on the node's `listen` address, one long-lived stream per pipeline.
 *
 * The request's body carries the request and then acknowledgements, the response's the opening and then deliveries.
 * Rule: what is not yet taken by the peer is bounded: the next batch is pulled from the service only when the stream has room,
 * so a slow target stops this node's reader and nothing piles up in between.
 */
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { messageOf, OtterError } from '../model/error.ts';
import type { FileService } from '../model/file-link.ts';
import { forgetRows } from '../model/forget-rows.ts';
import type { Logger, PipelineRequest, PipelineService, PipelineStream } from '../model/ports.ts';
import { answerTo, type Questions } from './answers.ts';
import { type Credentials, OPEN } from './credentials.ts';
import { unreadable } from './decode.ts';
import { DeliveryEncoder } from './encode.ts';
import { FILES_PATH, serveFiles } from './files.ts';
import { DeliveryPacker, FRAME, FrameReader, plainFrame } from './frame.ts';
import { KEEPALIVE, type KeepaliveOptions, keepAlive } from './keepalive.ts';
import { listenerOf } from './listener.ts';
import { decodeRequest, encodeError, encodeOpening, HEADER, linkError, notOwned, PATH } from './messages.ts';
import { openStream } from './service-stream.ts';
import { writerOn } from './sharing.ts';
import { CHALLENGE_PATH, Trust } from './trust.ts';
import { PROTOCOL_VERSION } from './wire.ts';

export interface LinkServerOptions extends Questions {
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** This node's name, for messages. */
  readonly node: string;
  /** The service of a database that this node owns now, else null. */
  readonly services: (database: string) => PipelineService | null;
  /** That of a side of a file set that this node serves now, else null; without, none. */
  readonly files?: ((side: string) => FileService | null) | undefined;
  /** Lineage of the topology: peers of another are refused. */
  readonly lineage: string;
  /** What this node shows peers and asks of them; without, nothing. */
  readonly credentials?: Credentials | undefined;
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

/** @throws OtterError OT6010 when the address cannot be listened on, OT6011 when the credentials are none. */
export async function startLinkServer(options: LinkServerOptions): Promise<LinkServer> {
  const { node, logger, credentials = OPEN } = options;
  const { front, servers } = listenerOf(credentials);
  const trust = new Trust({ credentials, node, logger });
  const sessions = new Set<ServerHttp2Session>();
  const serving = new Set<Promise<void>>();
  const begin = (session: ServerHttp2Session): void => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    const address = session.socket?.remoteAddress ?? 'unknown';
    session.on('error', (error) => trust.failed(address, error));
    trust.begins(session);
    keepAlive(session, options.keepalive ?? KEEPALIVE, () => {
      logger.warn('peer is silent, its links are given up');
      session.destroy();
    });
  };
  for (const server of servers) {
    server.on('session', begin);
    server.on('stream', (stream, headers) => {
      const served = serve({ ...options, trust }, stream, headers).finally(() => serving.delete(served));
      serving.add(served);
    });
    // What does not speak HTTP/2 within TLS.
    server.on('unknownProtocol', (socket) => socket.destroy());
    server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      trust.failed(socket.remoteAddress ?? 'unknown', error);
      socket.destroy();
    });
  }
  const port = await listen(front, options.listen);
  front.on('error', (error) => logger.error('link server failed', { error: error.message }));
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => front.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
      await Promise.all(serving);
    },
  };
}

async function listen(server: Server, address: string): Promise<number> {
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
  options: LinkServerOptions & { readonly trust: Trust },
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const { trust } = options;
  const gone = new AbortController();
  // A stream that ends in an error says so here too; the close that follows is what counts.
  stream.on('error', () => {});
  stream.once('close', () => gone.abort(new OtterError('OT6002', 'the peer closed the link', { retry: 'backoff' })));
  const { session } = stream;
  if (session === undefined) return;
  let proof: OutgoingHttpHeaders;
  try {
    if (headers[':path'] === CHALLENGE_PATH) {
      const nonce = trust.challenge(session);
      stream.respond({ ':status': 200, 'content-type': 'application/json' });
      stream.end(JSON.stringify({ nonce }));
      return;
    }
    proof = trust.admit(session, headers);
  } catch (error) {
    stream.once('close', () => session.close());
    refuse(stream, linkError(error));
    return;
  }
  try {
    const answer = await answerTo(headers[':path'] ?? '', options);
    // Who asked has gone.
    if (stream.destroyed) return;
    if (answer !== null) {
      stream.respond({ ':status': 200, 'content-type': 'application/json', ...proof });
      stream.end(answer);
      return;
    }
  } catch (error) {
    options.logger.warn('a question could not be answered', { error: messageOf(error) });
    refuse(stream, linkError(error));
    return;
  }
  if (headers[':path'] === FILES_PATH) {
    const service = (): FileService => {
      speaksAlike(options, headers);
      const side = String(headers[HEADER.database]);
      const found = options.files?.(side) ?? null;
      if (found === null) throw notOwned(options.node, side);
      return found;
    };
    await serveFiles({ stream, service, proof, refuse, gone: gone.signal, logger: options.logger });
    return;
  }
  const requests = new RequestBody(stream);
  try {
    const service = admit(options, headers);
    const request = await requests.request;
    const pipeline = await openStream(service, request, gone.signal);
    try {
      requests.acknowledge = (position) => pipeline.acknowledge(position);
      await deliver(stream, pipeline, proof, gone.signal);
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
  if (headers[':path'] !== PATH) throw unreadable('a request for something that is not a pipeline');
  speaksAlike(options, headers);
  const database = String(headers[HEADER.database]);
  const service = options.services(database);
  if (service === null) throw notOwned(options.node, database);
  return service;
}

/** @throws OtterError OT6005, OT6006 */
function speaksAlike({ node, lineage }: LinkServerOptions, headers: IncomingHttpHeaders): void {
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
}

async function deliver(
  stream: ServerHttp2Stream,
  pipeline: PipelineStream,
  proof: OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  stream.respond({ ':status': 200, [HEADER.protocol]: String(PROTOCOL_VERSION), ...proof });
  const session = stream.session;
  if (session === undefined) return;
  const out = writerOn(session, stream, () => pipeline.priority ?? 0);
  await out.write(plainFrame(FRAME.opening, encodeOpening(pipeline.opening)));
  const encoder = new DeliveryEncoder(pipeline.opening);
  const packer = new DeliveryPacker();
  const unsent: { readonly sent: Promise<void>; readonly chars: number }[] = [];
  let charsAhead = 0;
  const oneSent = async (): Promise<void> => {
    const first = unsent.shift()!;
    charsAhead -= first.chars;
    await first.sent;
  };
  let before: Promise<unknown> = Promise.resolve();
  try {
    for await (const batch of pipeline.deliveries) {
      for (const payload of encoder.payloads(batch)) {
        const frame = packer.pack(payload);
        // In their order, however long each takes to be packed.
        const queued = Promise.all([frame, before]).then(([bytes]) => ({ sent: out.write(bytes) }));
        before = queued;
        const chars = typeof payload === 'string' ? payload.length : payload.bytes.length;
        const sent = queued.then((one) => one.sent);
        // Who awaits it sees how it fails; if nobody comes to that, nobody needs to.
        sent.catch(() => undefined);
        unsent.push({ sent, chars });
        charsAhead += chars;
        while (unsent.length > FRAMES_AHEAD || (charsAhead > CHARS_AHEAD && unsent.length > 1)) await oneSent();
      }
      forgetRows(batch);
      // What cannot be packed is to be known now, and not when something follows it.
      await before;
      // One goes while the next is made ready, or its turn would pass; what comes meanwhile is a batch together.
      while (unsent.length > 1) await oneSent();
    }
    while (unsent.length > 0) await oneSent();
  } finally {
    await Promise.allSettled(unsent.map(({ sent }) => sent));
  }
  stream.end(plainFrame(FRAME.end, ''));
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
