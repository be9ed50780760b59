/** Where a reader is in a server's log, in bytes, told by the headers of events. */
import type { LogPoint } from '../model/position.ts';
import { ARTIFICIAL, EVENT } from './events.ts';

/** Positions in headers have 32 bits; a file with one huge transaction may be longer. */
const WRAP = 0x1_0000_0000;

export class LogPlace implements LogPoint {
  file = '';
  offset = 0;

  /** Another file begins. */
  enter(file: string, offset: number): void {
    this.file = file;
    this.offset = offset;
  }

  /** Behind an event. Some have no position (0), and some are no part of the log. */
  moveTo(logPosition: number, flags: number, type: number): void {
    if (logPosition === 0) return;
    if ((flags & ARTIFICIAL) !== 0 && type !== EVENT.HEARTBEAT) return;
    const offset = this.offsetOf(logPosition);
    if (offset > this.offset) this.offset = offset;
  }

  /** The offset that a header means, near this place. */
  offsetOf(logPosition: number): number {
    const offset = Math.floor(this.offset / WRAP) * WRAP + logPosition;
    return offset < this.offset - WRAP / 2 ? offset + WRAP : offset;
  }
}
