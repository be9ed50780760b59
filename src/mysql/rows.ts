/**
 * Row events into row changes. Only whole rows are taken: a row image with columns missing (other than generated ones,
 * which nobody writes) is refused, since what is missing could not be told from what did not change.
 */
import { OtterError } from '../model/error.ts';
import type { RowChange, TableShape, Value } from '../model/row.ts';
import { Cursor } from './cursor.ts';
import { EVENT, inflate } from './events.ts';
import { unsupported } from './log-refusals.ts';
import type { RowPlan } from './table-map.ts';

export interface RowEventForm {
  readonly kind: RowChange['kind'];
  /** Version 2 has extra data after the flags. */
  readonly extra: boolean;
  readonly compressed: boolean;
  /** Values of JSON columns may be there in part. */
  readonly parts?: true;
}

/** The form of each type of row event; others are not row events. */
export const ROW_EVENTS: ReadonlyMap<number, RowEventForm> = new Map([
  [EVENT.WRITE_ROWS_V1, { kind: 'insert', extra: false, compressed: false }],
  [EVENT.UPDATE_ROWS_V1, { kind: 'update', extra: false, compressed: false }],
  [EVENT.DELETE_ROWS_V1, { kind: 'delete', extra: false, compressed: false }],
  [EVENT.WRITE_ROWS, { kind: 'insert', extra: true, compressed: false }],
  [EVENT.UPDATE_ROWS, { kind: 'update', extra: true, compressed: false }],
  [EVENT.DELETE_ROWS, { kind: 'delete', extra: true, compressed: false }],
  [EVENT.PARTIAL_UPDATE_ROWS, { kind: 'update', extra: true, compressed: false, parts: true }],
  [EVENT.WRITE_ROWS_COMPRESSED_V1, { kind: 'insert', extra: false, compressed: true }],
  [EVENT.UPDATE_ROWS_COMPRESSED_V1, { kind: 'update', extra: false, compressed: true }],
  [EVENT.DELETE_ROWS_COMPRESSED_V1, { kind: 'delete', extra: false, compressed: true }],
  [EVENT.WRITE_ROWS_COMPRESSED, { kind: 'insert', extra: true, compressed: true }],
  [EVENT.UPDATE_ROWS_COMPRESSED, { kind: 'update', extra: true, compressed: true }],
  [EVENT.DELETE_ROWS_COMPRESSED, { kind: 'delete', extra: true, compressed: true }],
]);

/** Where changes are put. */
export interface Rows {
  add(change: RowChange): void;
}

/** Rough cost of a value beside its bytes: string header and array slot. */
const VALUE_BYTES = 40;
const ROW_BYTES = 120;

/** Appends the changes of one event, the cursor standing at the column count. Returns their rough size in memory. */
export function readRows(c: Cursor, form: RowEventForm, plan: RowPlan, fkChecks: boolean, into: Rows): number {
  const count = c.packed();
  if (count !== plan.decoders.length) {
    throw new OtterError('OT4034', `a row event of ${plan.shape.schema}.${plan.shape.name} has ${count} columns`);
  }
  const first = readPresent(c, count, plan.shape);
  const second = form.kind === 'update' ? readPresent(c, count, plan.shape) : null;
  const cursor = form.compressed ? inflated(c) : c;
  let rows = 0;
  const bytes = cursor.end - cursor.at;
  const table = plan.shape;
  while (cursor.at < cursor.end) {
    const image = readImage(cursor, plan, first);
    rows += 1;
    switch (form.kind) {
      case 'insert':
        into.add({ kind: 'insert', table, fkChecks, after: image });
        break;
      case 'delete':
        into.add({ kind: 'delete', table, fkChecks, before: image });
        break;
      case 'update':
        into.add({
          ...{ kind: 'update', table, fkChecks, before: image },
          after: form.parts === true ? readParts(cursor, plan, second, image) : readImage(cursor, plan, second),
        });
        break;
      default:
        return form.kind satisfies never;
    }
  }
  const images = form.kind === 'update' ? 2 : 1;
  return bytes + rows * images * (ROW_BYTES + count * VALUE_BYTES);
}

/** Which columns the images have: null for all, else a flag per column. */
type Present = readonly boolean[] | null;

function readPresent(c: Cursor, count: number, shape: TableShape): Present {
  const at = c.skip((count + 7) >> 3);
  let full = true;
  for (let i = 0; i < count && full; i += 8) {
    const wanted = count - i >= 8 ? 0xff : (1 << (count - i)) - 1;
    full = (c.bytes[at + (i >> 3)]! & wanted) === wanted;
  }
  if (full) return null;
  const present = Array.from({ length: count }, (_, i) => (c.bytes[at + (i >> 3)]! & (1 << (i & 7))) !== 0);
  const missing = shape.columns.filter((column, i) => !(present[i] || column.generated));
  if (missing.length === 0) return present;
  const table = `${shape.schema}.${shape.name}`;
  throw new OtterError('OT4031', `a row of ${table} was logged without ${missing.map((m) => m.name).join(', ')}`, {
    where: { table },
    hint: 'run `set global binlog_row_image = FULL`, let sessions reconnect, then copy the table again',
  });
}

const JSON_PARTS = 1;
/** What has changed within a JSON value follows its length. */
const PART_LENGTH_BYTES = 4;

/**
 * What a row became, where JSON values may be there in part: options come first, and where there is one, a bit for each JSON column
 * of which only what has changed is there, which may be nothing. Source: MySQL `rows_event.h`, `Rows_event::value_options`.
 * @throws OtterError OT4033
 */
function readParts(c: Cursor, plan: RowPlan, present: Present, before: readonly Value[]): Value[] {
  if ((c.packed() & JSON_PARTS) === 0) return readImage(c, plan, present);
  const { shape, decoders } = plan;
  const columns = shape.columns.flatMap(({ type }, index) => (type === 'json' ? [index] : []));
  const at = c.skip((columns.length + 7) >> 3);
  const inParts = new Set(columns.filter((_, nth) => (c.bytes[at + (nth >> 3)]! & (1 << (nth & 7))) !== 0));
  const unchanged = (index: number) => (): string => {
    if (c.uint(PART_LENGTH_BYTES) === 0) return before[index]!;
    const what = `a partial JSON update of ${shape.schema}.${shape.name}`;
    throw unsupported(what, "SET GLOBAL binlog_row_value_options = ''");
  };
  const partly = decoders.map((decoder, index) => (inParts.has(index) ? unchanged(index) : decoder));
  return readImage(c, { shape, decoders: partly }, present);
}

function readImage(c: Cursor, plan: RowPlan, present: Present): Value[] {
  if (present !== null) return readSparse(c, plan, present);
  const { decoders } = plan;
  const count = decoders.length;
  const nulls = c.skip((count + 7) >> 3);
  const { bytes } = c;
  const image = new Array<Value>(count);
  for (let i = 0; i < count; i++) {
    image[i] = (bytes[nulls + (i >> 3)]! & (1 << (i & 7))) === 0 ? decoders[i]!(c) : null;
  }
  if (count > plan.shape.columns.length) image.length = plan.shape.columns.length;
  return image;
}

function readSparse(c: Cursor, plan: RowPlan, present: readonly boolean[]): Value[] {
  const nulls = c.skip((present.filter(Boolean).length + 7) >> 3);
  let nth = 0;
  const image = present.map((there, i) => {
    if (!there) return null;
    const isNull = (c.bytes[nulls + (nth >> 3)]! & (1 << (nth & 7))) !== 0;
    nth++;
    return isNull ? null : plan.decoders[i]!(c);
  });
  return image.slice(0, plan.shape.columns.length);
}

function inflated(c: Cursor): Cursor {
  const bytes = inflate(c);
  const cursor = new Cursor();
  cursor.reset(bytes, 0, bytes.length);
  return cursor;
}
