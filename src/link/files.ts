/**
 * Files over a link: one stream for each request, answered by frames of a head in JSON and a body of bytes.
 *
 * Rule: as with pipelines, nothing is sent again and nothing is made while what was made before is not taken.
 */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import type { OtterError } from '../model/error.ts';
import type { FileFrame, FileHead, FileRequest, FileService } from '../model/file-link.ts';
import type { Logger } from '../model/ports.ts';
import { parseJson, record, string, unreadable } from './decode.ts';
import { bytesFrame, FRAME, type Frame, FrameReader, plainFrame } from './frame.ts';
import { encodeError, HEADER, linkError } from './messages.ts';
import { writerOn } from './sharing.ts';
import { PROTOCOL_VERSION } from './wire.ts';

export const FILES_PATH = '/otter/files';

/** Requests name the parts of a large file, or many paths. */
const REQUEST_BYTES_MAX = 16 << 20;
/** Frames that are on their way to the socket while the next is made. */
const FRAMES_AHEAD = 3;
const LENGTH_BYTES = 4;

export async function encodeFiles({ head, body, plain = false }: FileFrame): Promise<Buffer> {
  const text = Buffer.from(JSON.stringify(head));
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES + text.length + body.length);
  bytes.writeUInt32BE(text.length, 0);
  text.copy(bytes, LENGTH_BYTES);
  bytes.set(body, LENGTH_BYTES + text.length);
  return bytesFrame(FRAME.files, bytes, !plain);
}

/** @throws OtterError OT6007 */
export function decodeFiles({ kind, bytes }: Frame): FileFrame {
  if (kind !== FRAME.files || bytes.length < LENGTH_BYTES) throw unreadable('a frame where it does not belong');
  const end = LENGTH_BYTES + bytes.readUInt32BE(0);
  if (end > bytes.length) throw unreadable('a frame of files that is shorter than its head');
  const head = record(parseJson(bytes.toString('utf8', LENGTH_BYTES, end)));
  string(head['kind']);
  return { head: head as unknown as FileHead, body: bytes.subarray(end) };
}

export interface ServedFiles {
  readonly stream: ServerHttp2Stream;
  /** @throws OtterError saying why it is not answered */
  readonly service: () => FileService;
  readonly proof: OutgoingHttpHeaders;
  readonly refuse: (stream: ServerHttp2Stream, error: OtterError) => void;
  /** The peer has left. */
  readonly gone: AbortSignal;
  readonly logger: Logger;
}

/** One request from its first byte to its last; never throws. */
export async function serveFiles({ stream, service, proof, refuse, gone, logger }: ServedFiles): Promise<void> {
  try {
    const asked = service();
    const request = await requestOf(stream);
    const frames = asked.ask(request, gone)[Symbol.asyncIterator]();
    // What is refused at once is refused as such.
    let next = await frames.next();
    gone.throwIfAborted();
    stream.respond({ ':status': 200, [HEADER.protocol]: String(PROTOCOL_VERSION), ...proof });
    const { session } = stream;
    if (session === undefined) return;
    const out = writerOn(session, stream, () => 0);
    const unsent: Promise<void>[] = [];
    try {
      for (; next.done !== true; next = await frames.next()) {
        const bytes = await encodeFiles(next.value);
        unsent.push(out.write(bytes));
        while (unsent.length > FRAMES_AHEAD) await unsent.shift();
        gone.throwIfAborted();
      }
    } finally {
      await frames.return?.();
      await Promise.allSettled(unsent);
    }
    stream.end(plainFrame(FRAME.end, ''));
  } catch (cause) {
    if (gone.aborted) return;
    const error = linkError(cause);
    if (error.code === 'OT6009') logger.error('files failed at their source', { error: error.message });
    if (stream.headersSent) stream.end(plainFrame(FRAME.error, encodeError(error)));
    else refuse(stream, error);
  }
}

async function requestOf(stream: ServerHttp2Stream): Promise<FileRequest> {
  const reader = new FrameReader(REQUEST_BYTES_MAX);
  // The answer goes over the same stream: it must outlive its request.
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    for (const { kind, payload } of reader.push(chunk as Buffer)) {
      if (kind !== FRAME.request) throw unreadable('a frame where it does not belong');
      const request = record(parseJson(payload));
      string(request['op']);
      return request as unknown as FileRequest;
    }
  }
  throw unreadable('a request that has no end');
}
