/**
 * What several pipelines write to one connection: piece by piece, by turns, and no more than the line carries.
 *
 * Rule: what is under way (handed to the socket, and no PING behind it answered) stays within the window; a pipeline whose target does not read
 * waits for itself alone, since what stands before its own stream is not under way.
 */
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { type Share, Turns } from './turns.ts';
import { BYTES_MIN, Window } from './window.ts';

/** The part of the window that one turn is, and that a PING comes behind. */
const PIECES = 8;
const PIECE_BYTES_MAX = 512 << 10;

interface Job extends Share {
  readonly stream: ServerHttp2Stream;
  frame: Buffer;
  /** What of the frame has gone. */
  sent: number;
  /** Written and not yet handed to the socket. */
  standing: number;
  done: (() => void) | null;
}

export interface Writer {
  /** Returns when the frame is on its way, or the stream is gone. */
  write(frame: Buffer): Promise<void>;
}

const lines = new WeakMap<Http2Session, Line>();

/** @param priority of the pipeline, which may change */
export function writerOn(session: Http2Session, stream: ServerHttp2Stream, priority: () => number): Writer {
  let line = lines.get(session);
  if (line === undefined) {
    line = new Line(session);
    lines.set(session, line);
  }
  return line.writer(stream, priority);
}

class Line {
  readonly #session: Http2Session;
  readonly #turns = new Turns();
  readonly #window = new Window();
  /** Those whose frame has not gone yet. */
  readonly #waiting = new Set<Job>();
  #sent = 0;
  #arrived = 0;
  #asked = 0;

  constructor(session: Http2Session) {
    this.#session = session;
  }

  writer(stream: ServerHttp2Stream, priority: () => number): Writer {
    const job: Job = {
      stream,
      get priority() {
        return priority();
      },
      had: 0,
      frame: Buffer.alloc(0),
      sent: 0,
      standing: 0,
      done: null,
    };
    let gone = stream.closed && stream.destroyed;
    stream.once('close', () => {
      gone = true;
      this.#finish(job);
    });
    return {
      write: async (frame) => {
        if (gone) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        Object.assign(job, { frame, sent: 0, done: resolve });
        this.#turns.comes(job);
        this.#waiting.add(job);
        this.#pump();
        await promise;
      },
    };
  }

  #pump(): void {
    const piece = Math.min(PIECE_BYTES_MAX, Math.floor(this.#window.bytes / PIECES));
    while (this.#waiting.size > 0) {
      if (this.#sent - this.#arrived >= this.#window.bytes) {
        this.#window.pressed();
        return;
      }
      // Two pieces at most stand before a stream: one that goes and the next. One that is going away ends with its `close`.
      const able = [...this.#waiting].filter(({ stream, standing }) => standing < 2 * piece && !stream.destroyed);
      if (able.length === 0) return;
      const job = this.#turns.next(able, piece);
      this.#write(job, piece, able);
    }
  }

  #write(job: Job, piece: number, able: readonly Job[]): void {
    const bytes = job.frame.subarray(job.sent, job.sent + piece);
    job.sent += bytes.length;
    job.standing += bytes.length;
    this.#turns.had(job, bytes.length, able);
    job.stream.write(bytes, () => this.#handed(job, bytes.length));
    if (job.sent === job.frame.length) this.#finish(job);
  }

  /** The socket has it. */
  #handed(job: Job, bytes: number): void {
    job.standing -= bytes;
    this.#sent += bytes;
    if (this.#sent - this.#asked >= Math.min(BYTES_MIN, this.#window.bytes) / PIECES) this.#ask();
    this.#pump();
  }

  /** A PING tells when what was sent before it has come to the other side. */
  #ask(): void {
    if (this.#session.destroyed) return;
    const sent = this.#sent;
    const began = performance.now();
    const asked = this.#session.ping((error) => {
      if (error !== null) return;
      this.#arrived = Math.max(this.#arrived, sent);
      this.#window.sample(began, performance.now());
      this.#pump();
    });
    if (asked) this.#asked = sent;
  }

  #finish(job: Job): void {
    this.#waiting.delete(job);
    job.done?.();
    job.done = null;
  }
}
