/**
 * Positions in a server's log, as values.
 *
 * A position is written `mariadb:0-1-42,1-2-7` (one GTID per domain), `mysql:UUID:1-5:9,UUID:TAG:1-3` (a GTID set, tags
 * as MySQL 8.3 prints them) or `file:binlog.000003:4711@UUID#1732400000` (MySQL without GTIDs). The empty position of a
 * family covers nothing. Sources: MariaDB manual "Global Transaction ID", MySQL manual "GTID Format and Storage".
 *
 * A file name and an offset mean something on one server only, and there only until its log is reset; so such a position
 * says which server it is of (`server_uuid`) and when the file was made (in seconds, as the file itself has it). A
 * transaction is named by where it ends: `binlog.000003:4711`.
 */
import { OtterError } from './error.ts';

/** Closed intervals of transaction numbers, sorted, disjoint, not adjacent. */
type Intervals = readonly (readonly [number, number])[];

export type Position =
  | { readonly family: 'mariadb'; readonly domains: ReadonlyMap<number, { server: number; sequence: number }> }
  | { readonly family: 'mysql'; readonly sources: ReadonlyMap<string, Intervals> }
  | FilePosition;

export interface FilePosition extends LogPoint {
  readonly family: 'file';
  /** Null: not known. */
  readonly server: string | null;
  /** When the file was made, in seconds; null: not known. */
  readonly made: number | null;
}

/** @throws OtterError OT4002 when the text is not a position. */
export function parsePosition(text: string): Position {
  const colon = text.indexOf(':');
  const family = text.slice(0, colon);
  const body = text.slice(colon + 1);
  switch (family) {
    case 'mariadb':
      return { family, domains: parseDomains(body, text) };
    case 'mysql':
      return { family, sources: parseSources(body, text) };
    case 'file': {
      const match = /^([^@]+):(\d+)(?:@([^#]+))?(?:#(\d+))?$/.exec(body);
      if (match === null) throw malformed(text);
      const [, file, offset, server = null, made] = match;
      return { family, file: file!, offset: Number(offset), server, made: made === undefined ? null : Number(made) };
    }
    default:
      throw malformed(text);
  }
}

export function formatPosition(position: Position): string {
  return `${position.family}:${formatBare(position)}`;
}

/** The position as the server's own variables and statements spell it (`gtid_slave_pos`, `gtid_executed`). */
export function formatBare(position: Position): string {
  switch (position.family) {
    case 'mariadb':
      return [...position.domains]
        .sort(([a], [b]) => a - b)
        .map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`)
        .join(',');
    case 'mysql':
      return [...position.sources]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([source, intervals]) => `${source}:${intervals.map(formatInterval).join(':')}`)
        .join(',');
    case 'file': {
      const { file, offset, server, made } = position;
      return `${file}:${offset}${server === null ? '' : `@${server}`}${made === null ? '' : `#${made}`}`;
    }
  }
}

/** The position after one more transaction. Of a transaction in another file it is not known when that was made. */
export function advance(position: Position, gtid: string): Position {
  switch (position.family) {
    case 'mariadb': {
      const { domain, server, sequence } = parseMariaGtid(gtid);
      return { family: 'mariadb', domains: new Map(position.domains).set(domain, { server, sequence }) };
    }
    case 'mysql': {
      const { source, number } = parseMysqlGtid(gtid);
      const sources = new Map(position.sources);
      sources.set(source, addNumber(sources.get(source) ?? [], number));
      return { family: 'mysql', sources };
    }
    case 'file': {
      const end = parsePoint(gtid);
      return { ...position, ...end, made: end.file === position.file ? position.made : null };
    }
  }
}

/** Whether the transaction, which must be named as the position's family names them, is part of the position. */
export function coversGtid(position: Position, gtid: string): boolean {
  switch (position.family) {
    case 'mariadb': {
      const { domain, sequence } = parseMariaGtid(gtid);
      const at = position.domains.get(domain);
      return at !== undefined && at.sequence >= sequence;
    }
    case 'mysql': {
      const { source, number } = parseMysqlGtid(gtid);
      return (position.sources.get(source) ?? []).some(([from, to]) => from <= number && number <= to);
    }
    case 'file': {
      const end = parsePoint(gtid);
      return sameLog(position, end) && comparePoints(position, end) >= 0;
    }
  }
}

/** Whether `outer` contains everything in `inner`. Positions of different families contain nothing of each other. */
export function covers(outer: Position, inner: Position): boolean {
  if (outer.family === 'mariadb' && inner.family === 'mariadb') {
    return [...inner.domains].every(
      ([domain, { sequence }]) => (outer.domains.get(domain)?.sequence ?? -1) >= sequence,
    );
  }
  if (outer.family === 'mysql' && inner.family === 'mysql') {
    return [...inner.sources].every(([source, intervals]) =>
      intervals.every(([from, to]) =>
        (outer.sources.get(source) ?? []).some(([low, high]) => low <= from && to <= high),
      ),
    );
  }
  if (outer.family === 'file' && inner.family === 'file') return coversFile(outer, inner);
  return false;
}

/** As `covers`, of two places in what is known to be one log: its files are told apart by their numbers. */
export function reaches(outer: Position, inner: Position): boolean {
  if (outer.family === 'file' && inner.family === 'file')
    return sameLog(outer, inner) && comparePoints(outer, inner) >= 0;
  return covers(outer, inner);
}

/** Files of one log were made in the order of their numbers; where they were not, the log was reset in between. */
function coversFile(outer: FilePosition, inner: FilePosition): boolean {
  const order = comparePoints(outer, inner);
  if (outer.server !== inner.server || !sameLog(outer, inner)) return false;
  if (outer.made === null || inner.made === null) return order === 0 && outer.made === inner.made;
  return order >= 0 && (outer.file === inner.file ? outer.made === inner.made : outer.made >= inner.made);
}

/** A byte offset in a log file; what the reader barrier compares. */
export interface LogPoint {
  readonly file: string;
  readonly offset: number;
}

/** Negative when `a` lies before `b`. File names of one server differ only in the number at their end. */
export function comparePoints(a: LogPoint, b: LogPoint): number {
  return fileNumber(a.file) - fileNumber(b.file) || a.offset - b.offset;
}

export function parseMariaGtid(gtid: string): { domain: number; server: number; sequence: number } {
  const first = gtid.indexOf('-');
  const second = gtid.indexOf('-', first + 1);
  const domain = Number(gtid.slice(0, first));
  const server = Number(gtid.slice(first + 1, second));
  const sequence = Number(gtid.slice(second + 1));
  if (first < 1 || second < 0 || !Number.isSafeInteger(domain + server + sequence)) throw malformed(gtid);
  return { domain, server, sequence };
}

/** `uuid:5` or `uuid:tag:5`; the source keeps its tag. */
export function parseMysqlGtid(gtid: string): { source: string; number: number } {
  const colon = gtid.lastIndexOf(':');
  const number = Number(gtid.slice(colon + 1));
  if (colon < 1 || !Number.isSafeInteger(number)) throw malformed(gtid);
  return { source: gtid.slice(0, colon).toLowerCase(), number };
}

/** `binlog.000003:4711` */
export function parsePoint(text: string): LogPoint {
  const colon = text.lastIndexOf(':');
  const offset = Number(text.slice(colon + 1));
  if (colon < 1 || !Number.isSafeInteger(offset)) throw malformed(text);
  return { file: text.slice(0, colon), offset };
}

function parseDomains(body: string, text: string): Map<number, { server: number; sequence: number }> {
  const domains = new Map<number, { server: number; sequence: number }>();
  for (const part of body.split(',')) {
    if (part.trim() === '') continue;
    if (!/^\d+-\d+-\d+$/.test(part.trim())) throw malformed(text);
    const { domain, server, sequence } = parseMariaGtid(part.trim());
    domains.set(domain, { server, sequence });
  }
  return domains;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TAG = /^[a-z_][a-z0-9_]{0,31}$/;

function parseSources(body: string, text: string): Map<string, Intervals> {
  const sources = new Map<string, Intervals>();
  for (const part of body.split(',')) {
    if (part.trim() === '') continue;
    const [uuid = '', ...rest] = part.trim().toLowerCase().split(':');
    if (!UUID.test(uuid) || rest.length === 0) throw malformed(text);
    let source = uuid;
    for (const piece of rest) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(piece.trim());
      if (match !== null) {
        const from = Number(match[1]);
        sources.set(source, normalise([...(sources.get(source) ?? []), [from, Number(match[2] ?? from)]]));
      } else if (TAG.test(piece.trim())) {
        source = `${uuid}:${piece.trim()}`;
      } else {
        throw malformed(text);
      }
    }
  }
  return sources;
}

function formatInterval([from, to]: readonly [number, number]): string {
  return from === to ? `${from}` : `${from}-${to}`;
}

/** The common case, the next number after the last interval, copies only the list's end. */
function addNumber(intervals: Intervals, number: number): Intervals {
  const last = intervals.at(-1);
  if (last !== undefined && last[1] + 1 === number) return [...intervals.slice(0, -1), [last[0], number]];
  return normalise([...intervals, [number, number]]);
}

function normalise(intervals: Intervals): Intervals {
  const merged: [number, number][] = [];
  for (const [from, to] of [...intervals].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

function fileNumber(file: string): number {
  return Number(/\.(\d+)$/.exec(file)?.[1] ?? Number.NaN);
}

/** File names of one log differ only in the number at their end. */
function sameLog({ file }: LogPoint, other: LogPoint): boolean {
  if (file === other.file) return true;
  const name = (of: string): string => of.replace(/\.\d+$/, '');
  return name(file) === name(other.file);
}

function malformed(text: string): OtterError {
  return new OtterError('OT4002', `not a log position: ${text.slice(0, 200)}`);
}
