/**
 * The reader's position as text, moved on by one transaction at a time. Parsing and printing whole positions for every
 * transaction would cost more than decoding its rows, so only the part that changed is printed again.
 */
import {
  advance,
  coversGtid,
  type FilePosition,
  formatBare,
  formatPosition,
  type Position,
  parseMariaGtid,
  parseMysqlGtid,
  parsePosition,
} from '../model/position.ts';
import { wasReset } from './log-refusals.ts';

export interface PositionTrack {
  /** The position with everything that was passed. */
  readonly text: string;
  /** Moves on and returns the new text. */
  pass(gtid: string): string;
  /** Whether the transaction was passed. */
  passed(gtid: string): boolean;
}

/** @throws OtterError OT4002 */
export function trackPosition(from: string): PositionTrack | FileTrack {
  const position = parsePosition(from);
  switch (position.family) {
    case 'mariadb':
      return new Track(position, (gtid) => parseMariaGtid(gtid).domain, splitMariadb);
    case 'mysql':
      return new Track(position, (gtid) => parseMysqlGtid(gtid).source, splitMysql);
    case 'file':
      return new FileTrack(position);
    default:
      return position satisfies never;
  }
}

/** Where the log is by file and offset. */
export class FileTrack implements PositionTrack {
  #position: FilePosition;
  /** The file that is being read. */
  #file: { readonly name: string; readonly made: number } | null = null;
  text: string;

  constructor(position: FilePosition) {
    this.#position = position;
    this.text = formatPosition(position);
  }

  /** What the log says of the file that comes now. @throws OtterError OT4020 when it is not the one that was begun */
  enter(file: string, made: number): void {
    const position = this.#position;
    if (file === position.file && position.made !== null && position.made !== made) throw wasReset(position, made);
    this.#file = { name: file, made };
  }

  pass(gtid: string): string {
    const moved = advance(this.#position, gtid) as FilePosition;
    const made = this.#file?.name === moved.file ? this.#file.made : moved.made;
    this.#position = { ...moved, made };
    this.text = formatPosition(this.#position);
    return this.text;
  }

  passed(gtid: string): boolean {
    return coversGtid(this.#position, gtid);
  }
}

/** The parts of a position that move independently: a domain, or a source with its tag. */
type Split<P> = (position: P) => Map<string | number, P>;

class Track<P extends Position> implements PositionTrack {
  readonly #family: string;
  readonly #partOf: (gtid: string) => string | number;
  readonly #parts: Map<string | number, Position>;
  readonly #order: (string | number)[];
  /** Printed parts before and after the one that moved last. */
  #current: string | number | null = null;
  #before = '';
  #after = '';
  text: string;

  constructor(position: P, partOf: (gtid: string) => string | number, split: Split<P>) {
    this.#family = position.family;
    this.#partOf = partOf;
    this.#parts = new Map<string | number, Position>(split(position));
    this.#order = [...this.#parts.keys()].sort((a, b) => (a < b ? -1 : 1));
    this.text = formatPosition(position);
  }

  pass(gtid: string): string {
    const part = this.#partOf(gtid);
    let position = this.#parts.get(part);
    if (position === undefined) {
      position = parsePosition(`${this.#family}:`);
      this.#order.push(part);
      this.#order.sort((a, b) => (a < b ? -1 : 1));
      this.#current = null;
    }
    const moved = advance(position, gtid);
    this.#parts.set(part, moved);
    if (this.#current !== part) this.#surround(part);
    this.text = this.#before + formatBare(moved) + this.#after;
    return this.text;
  }

  passed(gtid: string): boolean {
    const position = this.#parts.get(this.#partOf(gtid));
    return position !== undefined && coversGtid(position, gtid);
  }

  #surround(part: string | number): void {
    const at = this.#order.indexOf(part);
    const print = (parts: (string | number)[]): string[] => parts.map((p) => formatBare(this.#parts.get(p)!));
    this.#before = `${this.#family}:${print(this.#order.slice(0, at))
      .map((text) => `${text},`)
      .join('')}`;
    this.#after = print(this.#order.slice(at + 1))
      .map((text) => `,${text}`)
      .join('');
    this.#current = part;
  }
}

function splitMariadb(
  position: Position & { family: 'mariadb' },
): Map<string | number, Position & { family: 'mariadb' }> {
  return new Map(
    [...position.domains].map(([domain, at]) => [domain, { ...position, domains: new Map([[domain, at]]) }]),
  );
}

function splitMysql(position: Position & { family: 'mysql' }): Map<string | number, Position & { family: 'mysql' }> {
  return new Map(
    [...position.sources].map(([source, at]) => [source, { ...position, sources: new Map([[source, at]]) }]),
  );
}
