/**
 * The target side of a link: pipelines of other nodes' databases over HTTP/2, one connection per peer.
 *
 * Rule: a link never sends anything again and never reconnects by itself. When it is cut, the deliveries end with an error,
 * and the caller opens the pipeline anew from its checkpoint, which is the only place that knows what is durable.
 */
import type { ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import { messageOf, OtterError } from '../model/error.ts';
import type { FileFrame, FileRequest } from '../model/file-link.ts';
import type { Logger, PipelineOpening, PipelineRequest, PipelineStream } from '../model/ports.ts';
import type { Delivery } from '../model/row.ts';
import { type Credentials, OPEN } from './credentials.ts';
import { DeliveryDecoder, unreadable } from './decode.ts';
import { type Dialled, dial, distrust } from './dial.ts';
import { decodeFiles, FILES_PATH } from './files.ts';
import { FRAME, type Frame, FrameReader, isPiece, plainFrame } from './frame.ts';
import { KEEPALIVE, type KeepaliveOptions, keepAlive, PINGS_MAX } from './keepalive.ts';
import { decodeError, decodeOpening, encodeRequest, HEADER, PATH } from './messages.ts';
import { orAborted } from './service-stream.ts';
import { PROTOCOL_VERSION } from './wire.ts';

export interface Peer {
  readonly node: string;
  /** `host:port` */
  readonly advertise: string;
}

export interface RemoteLinksOptions {
  readonly lineage: string;
  /** What this node shows peers and asks of them; without, nothing. */
  readonly credentials?: Credentials | undefined;
  readonly logger: Logger;
  readonly keepalive?: KeepaliveOptions | undefined;
}

/** Packed bytes that a peer may have under way to us per pipeline; what 100 ms each way needs for tens of MB/s. */
const WINDOW_BYTES = 16 << 20;
/** For the connection no limit of its own: a pipeline that stands still must not hold up the others. */
const CONNECTION_WINDOW_BYTES = 2 ** 31 - 1;
const REFUSAL_BYTES_MAX = 64 << 10;

interface Connection {
  readonly line: Dialled;
  /** Streams that are open or being opened. */
  streams: number;
}

/** Holds one connection per address while a pipeline uses it. */
export class RemoteLinks {
  readonly #options: RemoteLinksOptions;
  readonly #connections = new Map<string, Connection>();

  constructor(options: RemoteLinksOptions) {
    this.#options = options;
  }

  /** @throws OtterError retry 'backoff' when the peer is away or refuses; what the service there says as it said it */
  async open(peer: Peer, database: string, request: PipelineRequest, signal: AbortSignal): Promise<PipelineStream> {
    signal.throwIfAborted();
    const { line, stream } = await this.#request(peer, PATH, database, signal);
    const abort = (): void => void stream.destroy();
    signal.addEventListener('abort', abort);
    stream.once('close', () => signal.removeEventListener('abort', abort));
    try {
      stream.write(plainFrame(FRAME.request, encodeRequest(request)));
      const headers = await answer(stream);
      if (Number(headers[':status']) !== 200) throw await refusal(peer, headers, stream);
      line.believe(headers);
      const frames = readFrames(stream);
      const opening = await frames.next();
      if (opening.done === true || opening.value.kind !== FRAME.opening)
        throw unreadable('no opening where one belongs');
      return new RemoteStream(peer, stream, frames, decodeOpening(opening.value.payload), signal);
    } catch (cause) {
      stream.destroy();
      signal.throwIfAborted();
      throw this.#failure(peer, cause);
    }
  }

  /** The same of a side of a file set, whose answers end by themselves. */
  async *ask(peer: Peer, side: string, request: FileRequest, signal: AbortSignal): AsyncGenerator<FileFrame, void> {
    signal.throwIfAborted();
    const { line, stream } = await this.#request(peer, FILES_PATH, side, signal);
    const abort = (): void => void stream.destroy();
    signal.addEventListener('abort', abort);
    try {
      stream.end(plainFrame(FRAME.request, JSON.stringify(request)));
      const headers = await answer(stream);
      if (Number(headers[':status']) !== 200) throw await refusal(peer, headers, stream);
      line.believe(headers);
      for await (const frame of readFrames(stream)) {
        if (frame.kind === FRAME.end) return;
        if (frame.kind === FRAME.error) throw decodeError(frame.payload);
        yield decodeFiles(frame);
      }
      throw cut(peer, new Error('it ended without a word'));
    } catch (cause) {
      signal.throwIfAborted();
      throw this.#failure(peer, cause);
    } finally {
      signal.removeEventListener('abort', abort);
      stream.destroy();
    }
  }

  async #request(
    peer: Peer,
    path: string,
    database: string,
    signal: AbortSignal,
  ): Promise<{ readonly line: Dialled; readonly stream: ClientHttp2Stream }> {
    let connection: Connection | null = null;
    const leave = (): void => {
      if (connection !== null && --connection.streams === 0) this.#drop(peer, connection);
    };
    try {
      connection = this.#connection(peer);
      connection.streams++;
      const { line } = connection;
      const proof = await orAborted(line.proof(), signal);
      const stream = line.session.request({
        ':method': 'POST',
        ':path': path,
        [HEADER.protocol]: String(PROTOCOL_VERSION),
        [HEADER.lineage]: this.#options.lineage,
        [HEADER.database]: database,
        ...proof,
      });
      // Whoever reads or waits sees the error too; without this, one that comes in between would be nobody's.
      stream.on('error', () => {});
      stream.once('close', leave);
      return { line, stream };
    } catch (cause) {
      leave();
      signal.throwIfAborted();
      throw this.#failure(peer, cause);
    }
  }

  #failure(peer: Peer, cause: unknown): OtterError {
    if (cause instanceof OtterError) return cause;
    return distrust(called(peer), this.#credentials, cause) ?? unreachable(peer, cause);
  }

  get #credentials(): Credentials {
    return this.#options.credentials ?? OPEN;
  }

  #connection(peer: Peer): Connection {
    const known = this.#connections.get(peer.advertise);
    if (known !== undefined && !known.line.session.closed && !known.line.session.destroyed) return known;
    const line = dial({ who: called(peer), advertise: peer.advertise }, this.#credentials, {
      settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
      maxSessionMemory: 4096,
      maxOutstandingPings: PINGS_MAX,
    });
    const { session } = line;
    const connection = { line, streams: 0 };
    this.#connections.set(peer.advertise, connection);
    session.once('connect', () => session.setLocalWindowSize(CONNECTION_WINDOW_BYTES));
    session.on('error', (error) => {
      this.#options.logger.debug('link failed', { node: peer.node, address: peer.advertise, error: error.message });
    });
    session.once('goaway', () => this.#drop(peer, connection));
    session.once('close', () => this.#drop(peer, connection));
    const { deadMs } = this.#options.keepalive ?? KEEPALIVE;
    keepAlive(session, { deadMs }, () => session.destroy(silent(peer, deadMs)));
    return connection;
  }

  /** New pipelines get a new connection; this one closes when its last stream has. */
  #drop(peer: Peer, connection: Connection): void {
    if (this.#connections.get(peer.advertise) === connection) this.#connections.delete(peer.advertise);
    if (connection.streams === 0) connection.line.session.destroy();
  }
}

class RemoteStream implements PipelineStream {
  readonly opening: PipelineOpening;
  readonly deliveries: AsyncIterable<readonly Delivery[]>;
  readonly #stream: ClientHttp2Stream;
  #disposed = false;
  #writing = false;
  #unsent: string | null = null;

  constructor(
    peer: Peer,
    stream: ClientHttp2Stream,
    frames: AsyncGenerator<Frame, void>,
    opening: PipelineOpening,
    signal: AbortSignal,
  ) {
    this.opening = opening;
    this.#stream = stream;
    this.deliveries = this.#read(peer, frames, signal);
  }

  /** At most one is on its way to the socket; of those that come meanwhile only the newest follows. */
  acknowledge(position: string): void {
    this.#unsent = position;
    if (!this.#writing) this.#sendNewest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#stream.destroy();
  }

  async *#read(
    peer: Peer,
    frames: AsyncGenerator<Frame, void>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Delivery[], void> {
    const decoder = new DeliveryDecoder(this.opening);
    try {
      for await (const { kind, payload } of frames) {
        if (kind === FRAME.end) return;
        if (kind === FRAME.error) throw decodeError(payload);
        if (isPiece(kind)) decoder.piece(payload);
        else if (kind === FRAME.deliveries) yield decoder.deliveries(payload);
        else throw unreadable('a frame where it does not belong');
      }
      throw new Error('it ended without a word');
    } catch (cause) {
      if (this.#disposed) return;
      signal.throwIfAborted();
      throw cause instanceof OtterError ? cause : cut(peer, cause);
    } finally {
      this.#stream.destroy();
    }
  }

  #sendNewest(): void {
    if (this.#unsent === null || this.#stream.destroyed) return;
    const frame = plainFrame(FRAME.acknowledge, this.#unsent);
    this.#unsent = null;
    this.#writing = true;
    this.#stream.write(frame, () => {
      this.#writing = false;
      this.#sendNewest();
    });
  }
}

/** Unpacks a frame only when it is asked for; what is not read stays within the stream's window. */
async function* readFrames(stream: ClientHttp2Stream): AsyncGenerator<Frame, void> {
  const reader = new FrameReader();
  for await (const chunk of stream) yield* reader.push(chunk as Buffer);
}

async function answer(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    stream.once('response', resolve);
    stream.once('error', reject);
    stream.once('close', () => reject(new Error('the connection was closed')));
  });
}

async function refusal(peer: Peer, headers: IncomingHttpHeaders, stream: ClientHttp2Stream): Promise<OtterError> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > REFUSAL_BYTES_MAX) break;
  }
  try {
    return decodeError(Buffer.concat(chunks).toString());
  } catch (cause) {
    return unreachable(peer, cause, `answered with HTTP status ${headers[':status']}: it is not a node of otter`);
  }
}

function called({ node, advertise }: Peer): string {
  return `node ${node} at ${advertise}`;
}

function unreachable(
  { node, advertise }: Peer,
  cause: unknown,
  what = `does not answer: ${messageOf(cause)}`,
): OtterError {
  return new OtterError('OT6001', `node ${node} at ${advertise} ${what}`, {
    retry: 'backoff',
    hint: `see whether node ${node} runs and whether ${advertise} can be reached from here`,
    where: { node, address: advertise },
    cause,
  });
}

function silent({ node, advertise }: Peer, deadMs: number): OtterError {
  return new OtterError('OT6001', `node ${node} at ${advertise} has been silent for ${deadMs / 1000} s`, {
    retry: 'backoff',
    hint: `see whether node ${node} runs and whether ${advertise} can be reached from here`,
    where: { node, address: advertise },
  });
}

function cut({ node, advertise }: Peer, cause: unknown): OtterError {
  return new OtterError('OT6002', `the link to node ${node} at ${advertise} was cut: ${messageOf(cause)}`, {
    retry: 'backoff',
    where: { node, address: advertise },
    cause,
  });
}
