/**
 * What several pipelines write to one connection: piece by piece, by turns, and no more than the line carries.
 *
 * Rule: what is under way (written, and no PING behind it answered) stays within the window; a pipeline whose target does not read
 * waits for itself alone, since what stands before its own stream is not counted for long.
 */
import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import { type Share, Turns } from './turns.ts';
import { BYTES_MIN, Window } from './window.ts';

/** The part of the window that one turn is, and that a PING comes behind. */
const PIECES = 8;
const PIECE_BYTES_MAX = 512 << 10;
/** So many are out at most, for a window. */
const PINGS = 64;
const STUCK_MS = 10;

interface Job extends Share {
  readonly stream: ServerHttp2Stream;
  /** To be sent, in this order. */
  readonly frames: { readonly bytes: Buffer; readonly done: () => void }[];
  /** What of the first has gone. */
  sent: number;
  /** Written and not yet handed to the socket; the first of that since when. */
  standing: number;
  sinceMs: number;
  /** Its target does not read, or the socket takes nothing: what stands is not counted as under way. */
  stuck: boolean;
  gone: boolean;
}

export interface Writer {
  /** Frames go in the order of the calls; each returns when its own is on its way, or the stream is gone. */
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
  readonly #jobs = new Set<Job>();
  /** Those that have frames to send. */
  readonly #waiting = new Set<Job>();
  /** Of all that are not stuck. */
  #standing = 0;
  #watching = false;
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
      frames: [],
      sent: 0,
      standing: 0,
      sinceMs: 0,
      stuck: false,
      gone: stream.closed && stream.destroyed,
    };
    if (!job.gone) this.#jobs.add(job);
    stream.once('close', () => {
      job.gone = true;
      this.#waiting.delete(job);
      this.#jobs.delete(job);
      this.#put(job, 0);
      for (const { done } of job.frames.splice(0)) done();
    });
    return {
      write: async (bytes) => {
        if (job.gone) return;
        const { promise, resolve } = Promise.withResolvers<void>();
        job.frames.push({ bytes, done: resolve });
        if (!this.#waiting.has(job)) this.#turns.comes(job);
        this.#waiting.add(job);
        this.#pump();
        await promise;
      },
    };
  }

  #pump(): void {
    const piece = Math.min(PIECE_BYTES_MAX, Math.floor(this.#window.bytes / PIECES));
    while (this.#waiting.size > 0) {
      if (this.#sent - this.#arrived + this.#standing >= this.#window.bytes) {
        this.#window.pressed();
        if (this.#standing > 0) this.#watch();
        return;
      }
      // Two pieces at most stand before a stream: one that goes and the next. One that is going away ends with its `close`.
      const able = [...this.#waiting].filter(
        ({ stream, standing, stuck }) => standing < 2 * piece && !stuck && !stream.destroyed,
      );
      if (able.length === 0) return;
      const job = this.#turns.next(able, piece);
      this.#write(job, piece, able);
    }
  }

  #write(job: Job, piece: number, able: readonly Job[]): void {
    const [frame] = job.frames;
    if (frame === undefined) return;
    const bytes = frame.bytes.subarray(job.sent, job.sent + piece);
    job.sent += bytes.length;
    if (job.standing === 0) job.sinceMs = performance.now();
    this.#put(job, job.standing + bytes.length);
    this.#turns.had(job, bytes.length, able);
    job.stream.write(bytes, () => this.#handed(job, bytes.length));
    if (job.sent < frame.bytes.length) return;
    job.sent = 0;
    job.frames.shift();
    if (job.frames.length === 0) this.#waiting.delete(job);
    frame.done();
  }

  /** The socket has it. */
  #handed(job: Job, bytes: number): void {
    if (!job.gone) {
      if (job.stuck) this.#standing += job.standing;
      job.stuck = false;
      job.sinceMs = performance.now();
      this.#put(job, job.standing - bytes);
    }
    this.#sent += bytes;
    if (this.#sent - this.#asked >= Math.max(BYTES_MIN / PIECES, this.#window.bytes / PINGS)) this.#ask();
    this.#pump();
  }

  #put(job: Job, standing: number): void {
    if (!job.stuck) this.#standing += standing - job.standing;
    job.standing = standing;
  }

  /** What is not handed over for a while stands before a stream that does not move, and must not hold up the others. */
  #watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    setTimeout(() => {
      this.#watching = false;
      const long = performance.now() - STUCK_MS;
      for (const job of this.#jobs) {
        if (job.standing === 0 || job.stuck || job.sinceMs > long) continue;
        this.#standing -= job.standing;
        job.stuck = true;
      }
      this.#pump();
    }, STUCK_MS).unref();
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
}
