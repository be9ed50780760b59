/**
 * The rows of an XA transaction that was prepared before a reader began, or that were too many to be kept: read from the log
 * a second time, by streams of their own, when the log says that they count.
 *
 * Where it was prepared is looked for from the commit backwards, file by file, without reading rows: mostly it is near. Rule
 * kept: what is not found is told, since nobody can know what it changed.
 */
import { OtterError } from '../model/error.ts';
import type { LogBatch, LogItem, Statement } from '../model/ports.ts';
import { comparePoints, coversGtid, type LogPoint, parsePosition } from '../model/position.ts';
import { undecided } from './log-refusals.ts';
import type { Prepared } from './logged-xa.ts';

/** A log that is read. */
interface Reading extends AsyncDisposable {
  /** Behind the last whole transaction that was read. */
  readonly position: string;
  next(signal: AbortSignal): Promise<LogBatch>;
}

export interface PreparedLookupOptions {
  /** Names of the files that there are, oldest first. */
  readonly files: () => Promise<readonly string[]>;
  /** Reads on from a place; no rows, but what was prepared. */
  readonly look: (place: LogPoint, prepared: (prepared: Prepared) => void) => Reading;
  /** Reads the rows from a place on. @param between definitions between there and the commit */
  readonly read: (place: LogPoint, between: readonly Statement[]) => Reading;
}

/** Items of a transaction that is committed later: rows, and what cannot be read. */
export type PreparedItem = Extract<LogItem, { kind: 'rows' | 'unreadable' }>;

/** Where the first event of a file stands. */
const FIRST_OFFSET = 4;
/** The command that asks for the log has 32 bits for the offset. */
const OFFSET_MAX = 0xffff_ffff;

/**
 * What was prepared last under this name before a place in the log. An item for tables that are not known says that it is not there.
 * @throws OtterError when the log cannot be followed
 */
export async function* lookUpPrepared(
  wanted: Wanted,
  options: PreparedLookupOptions,
  signal: AbortSignal,
): AsyncGenerator<PreparedItem, void, void> {
  let found: Found | null = null;
  try {
    found = await find(wanted, options, signal);
  } catch (error) {
    // Purged meanwhile.
    if (!(error instanceof OtterError) || error.code !== 'OT4020') throw error;
  }
  if (found === null || found.prepared.place.offset > OFFSET_MAX) {
    yield { kind: 'unreadable', gtid: '', tables: null, gone: false, error: undecided() };
    return;
  }
  const { prepared, between } = found;
  await using log = options.read(prepared.place, between);
  for (;;) {
    const { items } = await log.next(signal);
    for (const item of items) if (item.kind !== 'statement' && item.gtid === prepared.gtid) yield item;
    if (coversGtid(parsePosition(log.position), prepared.gtid)) return;
  }
}

interface Wanted {
  readonly xid: string;
  /** It was prepared before this. */
  readonly before: LogPoint;
}

interface Found {
  readonly prepared: Prepared;
  readonly between: readonly Statement[];
}

async function find(
  { xid, before }: Wanted,
  options: PreparedLookupOptions,
  signal: AbortSignal,
): Promise<Found | null> {
  const files = await options.files();
  const last = files.indexOf(before.file);
  let later: readonly Statement[] = [];
  for (let index = last; index >= 0; index -= 1) {
    let found: Prepared | null = null;
    const statements: Statement[] = [];
    const end = index === last ? before : { file: files[index + 1]!, offset: FIRST_OFFSET };
    await using log = options.look({ file: files[index]!, offset: FIRST_OFFSET }, (prepared) => {
      if (prepared.xid === xid && comparePoints(prepared.place, before) < 0) found = prepared;
    });
    for (;;) {
      const { items, point } = await log.next(signal);
      for (const item of items) if (item.kind === 'statement') statements.push(item);
      // What stands at the place itself may be the end of what is looked for.
      if (comparePoints(point, end) >= (index === last ? 1 : 0)) break;
    }
    const prepared = found as Prepared | null;
    if (prepared !== null) {
      const passed = parsePosition(prepared.position);
      return { prepared, between: [...statements.filter(({ gtid }) => !coversGtid(passed, gtid)), ...later] };
    }
    later = [...statements, ...later];
  }
  return null;
}
