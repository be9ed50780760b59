/**
 * Payloads of frames back into deliveries. One decoder per stream, given every payload in order.
 *
 * Rule: whatever the bytes are, the outcome is deliveries or an OtterError; nothing is believed that was not checked.
 * One object per table number and one `seen` object per change of it, so that identity means here what it meant there.
 */
import { OtterError } from '../model/error.ts';
import type {
  AnnouncedTable,
  Answer,
  Definition,
  Delivery,
  Image,
  RowChange,
  Seen,
  TableChange,
  TableShape,
  Value,
} from '../model/row.ts';
import { applyDifference, TextMemory } from './text-memory.ts';
import { FLAG, KIND, OP, SAME, SHAPES_MAX, type StreamStart, UNCHECKED } from './wire.ts';

/** Of pieces that wait for their delivery. */
const AHEAD_CHARS_MAX = 1 << 30;

export class DeliveryDecoder {
  readonly #shapes: TableShape[] = [];
  readonly #gtid = new TextMemory('');
  readonly #position: TextMemory;
  #seen: Seen;
  /** Pieces of long values of the deliveries to come. */
  #ahead: string[] = [];
  #aheadChars = 0;

  constructor(start: StreamStart) {
    this.#position = new TextMemory(start.position);
    this.#seen = start.seen;
  }

  /** @throws OtterError OT6007; the decoder is of no use after that. */
  deliveries(payload: string): Delivery[] {
    const [shapes, deliveries] = listOf(parseJson(payload), 2);
    for (const entry of list(shapes)) {
      const [number, shape] = listOf(entry, 2);
      if (number !== this.#shapes.length || number >= SHAPES_MAX)
        throw unreadable('a table has another number than the next');
      this.#shapes.push(tableShape(shape));
    }
    const all = list(deliveries).map((entry) => this.#delivery(list(entry)));
    if (this.#ahead.length > 0) throw unreadable('pieces of a value that nothing has');
    return all;
  }

  /** The next of a long value of the deliveries to come. @throws OtterError OT6007; the decoder is of no use after that. */
  piece(piece: string): void {
    this.#aheadChars += piece.length;
    if (piece === '' || this.#aheadChars > AHEAD_CHARS_MAX) throw unreadable('values of more pieces than there may be');
    this.#ahead.push(piece);
  }

  /** A value that came ahead. */
  #long(value: unknown): string {
    const chars = number(listOf(value, 1)[0]);
    let text = '';
    let used = 0;
    for (; text.length < chars && used < this.#ahead.length; used += 1) text += this.#ahead[used]!;
    if (used === 0 || text.length !== chars) throw unreadable('a value whose pieces are others');
    this.#ahead.splice(0, used);
    this.#aheadChars -= chars;
    return text;
  }

  #image(value: unknown): Image {
    const values = list(value) as unknown[];
    for (let i = 0; i < values.length; i++) values[i] = this.#value(values[i]);
    return values as Image;
  }

  #value(value: unknown): Value {
    if (typeof value === 'string' || value === null) return value;
    if (Array.isArray(value)) return this.#long(value);
    throw unreadable('a value that is neither text nor null');
  }

  /** Fills in place what did not change: the array is fresh from the parser. */
  #imageAfter(before: Image, value: unknown): Image {
    const values = list(value) as unknown[];
    for (let i = 0; i < values.length; i++)
      values[i] = values[i] === SAME && i < before.length ? before[i] : this.#value(values[i]);
    return values as Image;
  }

  #delivery(entry: readonly unknown[]): Delivery {
    const gtid = fitting(this.#gtid.restore(entry[1]));
    const position = fitting(this.#position.restore(entry[2]));
    this.#seen = seen(entry[3], this.#seen);
    const common = {
      gtid,
      position,
      seen: this.#seen,
      clock: number(entry[4]),
      bytes: number(entry[5]),
    };
    switch (entry[0]) {
      case KIND.changes: {
        const flags = number(entry[6]);
        const changes: RowChange[] = [];
        for (const run of list(entry[7])) this.#run(listOf(run, 3), changes);
        return {
          kind: 'changes',
          ...common,
          first: (flags & FLAG.first) !== 0,
          last: (flags & FLAG.last) !== 0,
          changes,
        };
      }
      case KIND.answers:
        return { kind: 'answers', ...common, answers: list(entry[6]).map((answer) => this.#answer(listOf(answer, 4))) };
      case KIND.chunk:
        return {
          kind: 'chunk',
          ...common,
          chunk: {
            table: this.#table(entry[6]),
            rows: list(entry[7]).map((row) => this.#image(row)),
            cursor: entry[8] === null ? null : this.#image(entry[8]),
            rowsDone: number(entry[9]),
            rowsEstimate: number(entry[10]),
          },
        };
      case KIND.resync:
        return {
          kind: 'resync',
          ...common,
          table: this.#table(entry[6]),
          rows: list(entry[7]).map((row) => this.#image(row)),
          absent: list(entry[8]).map((key) => this.#image(key)),
        };
      case KIND.table:
        return { kind: 'table', ...common, announced: this.#announced(entry.slice(6)) };
      case KIND.definition: {
        const family = entry[7];
        if (family !== 'mariadb' && family !== 'mysql')
          throw unreadable('a definition of a server of an unknown family');
        const changes = list(entry[8]).map((change) => this.#change(listOf(change, 8)));
        return {
          kind: 'definition',
          ...common,
          said: string(entry[6]),
          family,
          changes,
          returned: entry[9] === true,
        };
      }
      case KIND.kept: {
        const definitions = Object.entries(record(entry[6])).map(
          ([table, kept]) => [table, kept === null ? null : definitionOf(kept)] as const,
        );
        return { kind: 'kept', ...common, definitions: Object.fromEntries(definitions) };
      }
      case KIND.beat:
        return { kind: 'beat', ...common, sentMs: number(entry[6]), settled: number(entry[7]) };
      default:
        throw unreadable('a delivery of a kind that is not known here');
    }
  }

  #announced(told: readonly unknown[]): AnnouncedTable {
    return {
      table: this.#table(told[0]),
      create: string(told[1]),
      copies: told[2] === true,
      rowsEstimate: number(told[3]),
      structure: told[4] === null ? null : string(told[4]),
      stay: number(told[5]),
      generation: number(told[6]),
      later: told[7] === true,
      complete: number(told[8]),
      ...keptDefinition(told[9]),
    };
  }

  #change([from, to, before, after, renamed, dropped, empties, floats]: readonly unknown[]): TableChange {
    const was = before === null ? null : listOf(before, 2);
    return {
      from: named(from),
      to: to === null ? null : named(to),
      before: was === null ? null : { table: this.#table(was[0]), create: string(was[1]) },
      after: after === null ? null : this.#announced(listOf(after, 10)),
      renamed: Object.fromEntries(Object.entries(record(renamed)).map(([old, now]) => [old, string(now)])),
      dropped: list(dropped).map(string),
      empties: empties === true,
      floats: Object.fromEntries(Object.entries(record(floats)).map(([name, value]) => [name, number(value)])),
    };
  }

  #run(run: readonly unknown[], changes: RowChange[]): void {
    const op = number(run[0]);
    const table = this.#table(run[1]);
    const images = list(run[2]);
    const fkChecks = (op & UNCHECKED) === 0;
    switch (op & ~UNCHECKED) {
      case OP.insert:
        for (const after of images) changes.push({ kind: 'insert', table, fkChecks, after: this.#image(after) });
        return;
      case OP.delete:
        for (const before of images) changes.push({ kind: 'delete', table, fkChecks, before: this.#image(before) });
        return;
      case OP.update:
        if (images.length % 2 !== 0) throw unreadable('an update without its second image');
        for (let i = 0; i < images.length; i += 2) {
          const before = this.#image(images[i]);
          changes.push({ kind: 'update', table, fkChecks, before, after: this.#imageAfter(before, images[i + 1]) });
        }
        return;
      default:
        throw unreadable('an operation that is not known here');
    }
  }

  #answer([pipeline, table, key, row]: readonly unknown[]): Answer {
    return {
      pipeline: string(pipeline),
      table: this.#table(table),
      key: this.#image(key),
      image: row === null ? null : this.#image(row),
    };
  }

  #table(value: unknown): TableShape {
    const shape = typeof value === 'number' ? this.#shapes[value] : undefined;
    if (shape === undefined) throw unreadable('a table that was never described');
    return shape;
  }
}

/** @throws OtterError OT6007 */
export function parseJson(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    // The parser's own message would quote row values.
    throw unreadable('a payload that is not JSON');
  }
}

export function unreadable(what: string): OtterError {
  return new OtterError('OT6007', `the link brought ${what}`, { retry: 'backoff' });
}

/** Null: the difference did not fit the text before it. */
function fitting(text: string | null): string {
  if (text === null) throw unreadable('a difference to another text than the last');
  return text;
}

function seen(value: unknown, before: Seen): Seen {
  if (value === 0) return before;
  const now = new Map(Object.entries(before));
  for (const entry of list(value)) {
    const [key, change] = list(entry);
    const pipeline = string(key);
    if (change === undefined) now.delete(pipeline);
    else now.set(pipeline, fitting(applyDifference(now.get(pipeline) ?? '', change)));
  }
  return Object.fromEntries(now);
}

function tableShape(value: unknown): TableShape {
  const shape = record(value);
  for (const field of ['schema', 'name', 'engine']) string(shape[field]);
  for (const column of list(shape['columns'])) {
    const { name, type, charset, collation, nullable, generated } = record(column);
    if (charset !== null) string(charset);
    if (collation !== null) string(collation);
    if (typeof nullable !== 'boolean' || typeof generated !== 'boolean') throw unreadable('a column without its facts');
    string(name);
    string(type);
  }
  const width = list(shape['columns']).length;
  const indexes = (of: unknown): void => {
    for (const index of list(of))
      if (!isCount(index) || index >= width) throw unreadable('a key of a column that is not there');
  };
  indexes(shape['primaryKey']);
  for (const unique of list(shape['uniques'])) {
    string(record(unique)['name']);
    indexes(record(unique)['columns']);
  }
  for (const entry of list(shape['foreignKeys'])) {
    const key = record(entry);
    for (const field of ['name', 'parentSchema', 'parentTable', 'onDelete', 'onUpdate']) string(key[field]);
    indexes(key['columns']);
    list(key['parentColumns']).forEach(string);
  }
  list(shape['referencedBy']).forEach(string);
  list(shape['triggers']).forEach(string);
  for (const sway of list(shape['sways'] ?? [])) {
    const { column, stored, settings } = record(sway);
    string(column);
    if (typeof stored !== 'boolean') throw unreadable('a generated column without its facts');
    list(settings).forEach(string);
  }
  return value as TableShape;
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unreadable('something else where a list belongs');
  return value;
}

function listOf(value: unknown, length: number): readonly unknown[] {
  const values = list(value);
  if (values.length !== length) throw unreadable('a list of another length than it should have');
  return values;
}

export function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unreadable('something else where an object belongs');
  return value as Record<string, unknown>;
}

export function string(value: unknown): string {
  if (typeof value !== 'string') throw unreadable('something else where a text belongs');
  return value;
}

export function number(value: unknown): number {
  if (typeof value !== 'number') throw unreadable('something else where a number belongs');
  return value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function named(value: unknown): { schema: string; name: string } {
  const [schema, name] = listOf(value, 2);
  return { schema: string(schema), name: string(name) };
}

/** @throws OtterError OT6007 */
export function keptDefinition(value: unknown): { readonly definition?: Definition } {
  if (value === null || value === undefined) return {};
  return { definition: definitionOf(value) };
}

/** @throws OtterError OT6007 */
export function definitionOf(value: unknown): Definition {
  const { create, position } = record(value);
  return { create: string(create), position: string(position) };
}
