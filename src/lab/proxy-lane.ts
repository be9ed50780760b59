/** One direction of one connection through the proxy: a bounded queue of chunks, each with the moment it may go on. */
import type { Socket } from 'node:net';

/** What all connections of a direction share. */
export interface Line {
  delayMs: number;
  bytesPerSecond: number;
  /** When the line is free for the next piece, by `performance.now()`. */
  freeAtMs: number;
  frozen: boolean;
  /** Bytes so far. */
  passed: number;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly dueMs: number;
}

/** Enough to fill a fast line with a long delay. */
const DELAYED_BYTES_MAX = 32 * 1024 * 1024;
/** A slow line has a short queue: who sends into it is to notice soon. */
const THROTTLED_BYTES_MAX = 256 * 1024;
const PIECES_PER_SECOND = 50;
const LATE_MS_MAX = 40;

export class ProxyLane {
  readonly #from: Socket;
  readonly #to: Socket;
  #line: Line;
  readonly #queue: Chunk[] = [];
  #queuedBytes = 0;
  /** What the source did last, to be passed on after the bytes before it. */
  #ending: 'open' | 'ended' | 'gone' = 'open';
  #endingDueMs = 0;
  #waitsForDrain = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(from: Socket, to: Socket, line: Line) {
    this.#from = from;
    this.#to = to;
    this.#line = line;
    from.on('data', (bytes: Buffer) => {
      this.#queue.push({ bytes, dueMs: performance.now() + line.delayMs });
      this.#queuedBytes += bytes.length;
      this.advance();
    });
    from.once('end', () => this.#end('ended'));
    from.once('close', () => this.#end('gone'));
    to.on('drain', () => {
      this.#waitsForDrain = false;
      this.advance();
    });
    to.once('close', () => this.#forget());
    from.resume();
  }

  /** Nothing passes here any more, whatever happens to the line. */
  forget(): void {
    this.#line = { ...this.#line, frozen: true };
  }

  /** Passes on what may pass; called whenever something changed. */
  advance(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    while (!this.#line.frozen && !this.#waitsForDrain && !this.#to.destroyed) {
      const chunk = this.#queue[0];
      const dueMs = chunk === undefined ? this.#endingDueMs : Math.max(chunk.dueMs, this.#line.freeAtMs);
      if (chunk === undefined && this.#ending === 'open') break;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.advance(), waitMs);
        break;
      }
      if (chunk === undefined) {
        this.#passEnding();
        break;
      }
      this.#pass(chunk);
    }
    this.#limit();
  }

  #pass(chunk: Chunk): void {
    const rate = this.#line.bytesPerSecond;
    const size = Math.min(chunk.bytes.length, Math.max(1, Math.floor(rate / PIECES_PER_SECOND)));
    if (rate !== Number.POSITIVE_INFINITY) {
      // A timer that came late has not made the line slower.
      const free = Math.max(this.#line.freeAtMs, performance.now() - LATE_MS_MAX);
      this.#line.freeAtMs = free + (size * 1000) / rate;
    }
    if (size === chunk.bytes.length) this.#queue.shift();
    else this.#queue[0] = { bytes: chunk.bytes.subarray(size), dueMs: chunk.dueMs };
    this.#queuedBytes -= size;
    this.#line.passed += size;
    this.#waitsForDrain = !this.#to.write(chunk.bytes.subarray(0, size));
  }

  #passEnding(): void {
    if (this.#ending === 'ended') this.#to.end();
    else this.#to.destroy();
  }

  #end(ending: 'ended' | 'gone'): void {
    // A source that ended its half and then closes was not torn away.
    if (ending === 'gone' && this.#ending === 'ended' && !this.#from.errored) return;
    this.#ending = ending;
    this.#endingDueMs = performance.now() + this.#line.delayMs;
    this.advance();
  }

  #forget(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#queue.length = 0;
    this.#queuedBytes = 0;
    // Frozen, the other end must not notice.
    if (!this.#line.frozen) this.#from.resume();
  }

  #limit(): void {
    const limit = this.#line.bytesPerSecond === Number.POSITIVE_INFINITY ? DELAYED_BYTES_MAX : THROTTLED_BYTES_MAX;
    if (this.#queuedBytes > limit || this.#line.frozen) this.#from.pause();
    else this.#from.resume();
  }
}
