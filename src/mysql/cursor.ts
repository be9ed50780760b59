/** A place in the bytes of a log event, moved on by every read. Reading past the end is an unreadable event. */
import { OtterError } from '../model/error.ts';

export class Cursor {
  bytes: Buffer = EMPTY;
  at = 0;
  /** First byte that no longer belongs to the event (checksum, next event). */
  end = 0;

  reset(bytes: Buffer, at: number, end: number): void {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Of an event that was read: its bytes are not held until the next. */
  letGo(): void {
    this.reset(EMPTY, 0, 0);
  }

  /** Moves on by `length` and returns where it was. */
  skip(length: number): number {
    const at = this.at;
    this.at = at + length;
    if (this.at > this.end) throw truncated();
    return at;
  }

  /** Unsigned, little endian, up to four bytes. */
  uint(length: 1 | 2 | 3 | 4): number {
    const at = this.skip(length);
    const b = this.bytes;
    switch (length) {
      case 1:
        return b[at]!;
      case 2:
        return b[at]! | (b[at + 1]! << 8);
      case 3:
        return b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16);
      case 4:
        return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
      default:
        return length satisfies never;
    }
  }

  /** Unsigned, big endian, up to six bytes. */
  uintBE(length: number): number {
    const at = this.skip(length);
    let value = 0;
    for (let i = at; i < at + length; i++) value = value * 256 + this.bytes[i]!;
    return value;
  }

  /** Unsigned 64 bits as a safe number. */
  uint64(): number {
    const low = this.uint(4);
    const value = this.uint(4) * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) throw new OtterError('OT4034', 'a number in the log is too large');
    return value;
  }

  /** A length-encoded integer of the protocol. */
  packed(): number {
    const first = this.uint(1);
    if (first < 251) return first;
    if (first === 252) return this.uint(2);
    if (first === 253) return this.uint(3);
    return this.uint64();
  }

  text(length: number): string {
    const at = this.skip(length);
    return this.bytes.utf8Slice(at, at + length);
  }
}

const EMPTY = Buffer.alloc(0);

function truncated(): OtterError {
  return new OtterError('OT4034', 'an event of the log ends too early');
}
