/**
 * Deliveries into payloads of frames. One encoder per stream; every payload it makes must be sent, in order.
 *
 * Rule: nothing is sent that the other side has already: tables by identity (equal ones share a number), `seen` only
 * when its object changed, texts by their difference.
 */
import { OtterError, UnreachableError } from '../model/error.ts';
import type { AnnouncedTable, Delivery, Image, RowChange, Seen, TableShape } from '../model/row.ts';
import { TextMemory, textDifference } from './text-memory.ts';
import {
  FLAG,
  KIND,
  LONG_CHARS,
  OP,
  type Piece,
  type PieceEncoding,
  SAME,
  SHAPES_MAX,
  type StreamStart,
  UNCHECKED,
  type WireCommon,
  type WireImage,
  type WireRun,
  type WireSeen,
  type WireShape,
  type WireText,
} from './wire.ts';

/** Payloads are cut between deliveries when they reach about this size. */
const PAYLOAD_BYTES = 256 << 10;
/** Deliveries of less have no long values, whatever is rough about it. */
const LONG_BYTES = LONG_CHARS >> 1;
/** Before the digits of a value may stand the name of its character set. */
const INTRODUCER_CHARS_MAX = 40;
/** What a delivery without rows takes in a payload. */
const DELIVERY_BYTES = 64;

export class DeliveryEncoder {
  readonly #numbers = new WeakMap<TableShape, number>();
  readonly #numbersByText = new Map<string, number>();
  #newShapes: WireShape[] = [];
  /** Long values of the delivery at hand, in order. */
  #long: string[] = [];
  #hasLong = false;
  readonly #gtid = new TextMemory('');
  readonly #position: TextMemory;
  #seen: Seen;

  constructor(start: StreamStart) {
    this.#position = new TextMemory(start.position);
    this.#seen = start.seen;
  }

  /** The batch as one payload or several; lazily, so that a large batch is never twice in memory. */
  *payloads(batch: readonly Delivery[]): Generator<string | Piece, void> {
    let part: unknown[] = [];
    let bytes = 0;
    for (const delivery of batch) {
      this.#hasLong = delivery.bytes >= LONG_BYTES;
      part.push(this.#delivery(delivery));
      bytes += delivery.bytes + DELIVERY_BYTES;
      if (this.#long.length > 0) yield* this.#ahead();
      if (bytes >= PAYLOAD_BYTES) {
        yield this.#payload(part);
        part = [];
        bytes = 0;
      }
    }
    if (part.length > 0) yield this.#payload(part);
  }

  *#ahead(): Generator<Piece, void> {
    const values = this.#long.reverse();
    this.#long = [];
    // Whoever sends waits here: what has been sent must not be held.
    for (let value = values.pop(); value !== undefined; value = values.pop()) yield* pieces(value);
  }

  /** Long values are noted, and named by their length. */
  #image(image: WireImage): WireImage {
    if (!this.#hasLong) return image;
    return image.map((value) => {
      if (typeof value !== 'string' || value.length <= LONG_CHARS) return value;
      this.#long.push(value);
      return [value.length];
    });
  }

  #payload(deliveries: readonly unknown[]): string {
    const shapes = this.#newShapes;
    this.#newShapes = [];
    try {
      return JSON.stringify([shapes, deliveries]);
    } catch (cause) {
      // The only thing that can go wrong with plain data: the text is longer than V8 allows.
      throw new OtterError('OT6008', 'a change is larger than a link can carry', { cause });
    }
  }

  #delivery(delivery: Delivery): readonly unknown[] {
    const common = this.#common(delivery);
    switch (delivery.kind) {
      case 'changes': {
        const flags = (delivery.first ? FLAG.first : 0) | (delivery.last ? FLAG.last : 0);
        return [KIND.changes, ...common, flags, this.#runs(delivery.changes)];
      }
      case 'answers': {
        const answers = delivery.answers.map((a) => [
          a.pipeline,
          this.#number(a.table),
          this.#image(a.key),
          a.image === null ? null : this.#image(a.image),
        ]);
        return [KIND.answers, ...common, answers];
      }
      case 'chunk': {
        const { table, rows, cursor, rowsDone, rowsEstimate } = delivery.chunk;
        const images = this.#hasLong ? rows.map((row) => this.#image(row)) : rows;
        return [KIND.chunk, ...common, this.#number(table), images, cursor, rowsDone, rowsEstimate];
      }
      case 'resync': {
        const { table, rows, absent } = delivery;
        const images = this.#hasLong ? rows.map((row) => this.#image(row)) : rows;
        return [KIND.resync, ...common, this.#number(table), images, absent];
      }
      case 'table': {
        return [KIND.table, ...common, ...this.#announced(delivery.announced)];
      }
      case 'definition': {
        const changes = delivery.changes.map(({ from, to, before, after, renamed, dropped, empties, floats }) => [
          [from.schema, from.name],
          to === null ? null : [to.schema, to.name],
          before === null ? null : [this.#number(before.table), before.create],
          after === null ? null : this.#announced(after),
          renamed,
          dropped,
          empties,
          floats,
        ]);
        return [KIND.definition, ...common, delivery.said, delivery.family, changes, delivery.returned];
      }
      case 'kept':
        return [KIND.kept, ...common, delivery.definitions];
      case 'beat':
        return [KIND.beat, ...common, delivery.sentMs, delivery.settled];
      default:
        throw new UnreachableError(delivery satisfies never);
    }
  }

  #announced(announced: AnnouncedTable): readonly unknown[] {
    const { table, create, copies, rowsEstimate, structure, stay, generation, later, complete, definition } = announced;
    const told = [create, copies, rowsEstimate, structure, stay, generation, later, complete, definition];
    return [this.#number(table), ...told];
  }

  #common({ gtid, position, seen, clock, bytes }: Delivery): WireCommon {
    const common = [
      this.#gtid.difference(gtid),
      this.#position.difference(position),
      seen === this.#seen ? 0 : seenDifference(this.#seen, seen),
      clock,
      bytes,
    ] as const;
    this.#seen = seen;
    return common;
  }

  #runs(changes: readonly RowChange[]): readonly WireRun[] {
    const runs: WireRun[] = [];
    let images: WireImage[] = [];
    let previous: RowChange | undefined;
    for (const change of changes) {
      if (
        previous === undefined ||
        change.table !== previous.table ||
        change.kind !== previous.kind ||
        change.fkChecks !== previous.fkChecks
      ) {
        images = [];
        runs.push([OP[change.kind] + (change.fkChecks ? 0 : UNCHECKED), this.#number(change.table), images]);
      }
      previous = change;
      if (change.kind !== 'insert') images.push(this.#image(change.before));
      if (change.kind === 'update') images.push(this.#image(afterImage(change.before, change.after)));
      if (change.kind === 'insert') images.push(this.#image(change.after));
    }
    return runs;
  }

  #number(table: TableShape): number {
    const known = this.#numbers.get(table);
    if (known !== undefined) return known;
    const text = JSON.stringify(table);
    let number = this.#numbersByText.get(text);
    if (number === undefined) {
      number = this.#numbersByText.size;
      if (number >= SHAPES_MAX) {
        throw new OtterError('OT6002', `a stream named ${SHAPES_MAX} tables and is opened anew`, { retry: 'backoff' });
      }
      this.#numbersByText.set(text, number);
      this.#newShapes.push([number, table]);
    }
    this.#numbers.set(table, number);
    return number;
  }
}

/** What is in hexadecimal digits goes as the bytes that they mean. */
function* pieces(value: string): Generator<Piece, void> {
  const isHex = value.endsWith("'") && value.slice(0, INTRODUCER_CHARS_MAX).includes("x'");
  const start = isHex ? value.indexOf("x'") + 2 : 0;
  const end = isHex ? value.length - 1 : value.length;
  if (isHex) yield piece(value.slice(0, start), 'utf8');
  for (let at = start; at < end; at += LONG_CHARS)
    yield piece(value.slice(at, Math.min(at + LONG_CHARS, end)), isHex ? 'hex' : 'utf8');
  if (isHex) yield piece("'", 'utf8');
}

/** One that would not come back as it is, be it because a character is cut in two, goes as code units. */
function piece(text: string, encoding: PieceEncoding): Piece {
  const bytes = Buffer.from(text, encoding);
  return bytes.toString(encoding) === text
    ? { encoding, bytes }
    : { encoding: 'utf16le', bytes: Buffer.from(text, 'utf16le') };
}

function afterImage(before: Image, after: Image): WireImage {
  const image: (string | null | typeof SAME)[] = new Array(after.length);
  for (let i = 0; i < after.length; i++) {
    const value = after[i]!;
    image[i] = value === before[i] ? SAME : value;
  }
  return image;
}

function seenDifference(before: Seen, after: Seen): WireSeen {
  const difference: (readonly [string, WireText] | readonly [string])[] = [];
  for (const pipeline of Object.keys(after)) {
    const old = Object.hasOwn(before, pipeline) ? before[pipeline]! : null;
    const now = after[pipeline]!;
    if (old !== now) difference.push([pipeline, old === null ? now : textDifference(old, now)]);
  }
  for (const pipeline of Object.keys(before)) {
    if (!Object.hasOwn(after, pipeline)) difference.push([pipeline]);
  }
  return difference;
}
