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
  parsePosition,
} from '../model/position.ts';
import { wasReset } from './log-refusals.ts';

/** The name of a transaction, and its parts. */
export interface Gtid {
  readonly gtid: string;
  /** What stands before the number, with its separator: nearly always the same text as of the transaction before. */
  readonly origin: string;
  readonly number: number;
}

export interface PositionTrack {
  /** The position with everything that was passed. */
  readonly text: string;
  /** Moves on and returns the new text. */
  pass(gtid: Gtid): string;
  /** Whether the transaction was passed. */
  passed(gtid: Gtid): boolean;
}

/** @throws OtterError OT4002 */
export function trackPosition(from: string): PositionTrack | FileTrack {
  const position = parsePosition(from);
  switch (position.family) {
    case 'mariadb':
      return new Track(position, '-', byNumber);
    case 'mysql':
      return new Track(position, ':', byText);
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

  pass({ gtid }: Pick<Gtid, 'gtid'>): string {
    const moved = advance(this.#position, gtid) as FilePosition;
    const made = this.#file?.name === moved.file ? this.#file.made : moved.made;
    this.#position = { ...moved, made };
    this.text = formatPosition(this.#position);
    return this.text;
  }

  passed({ gtid }: Pick<Gtid, 'gtid'>): boolean {
    return coversGtid(this.#position, gtid);
  }
}

type Order = (a: string, b: string) => number;

const byNumber: Order = (a, b) => Number(a) - Number(b);
const byText: Order = (a, b) => (a < b ? -1 : 1);

/**
 * A position by GTIDs. Its parts move independently: a domain (up to the first `-` of a GTID), or a source with its tag (up to
 * the last `:`).
 */
class Track implements PositionTrack {
  readonly #family: 'mariadb' | 'mysql';
  readonly #separator: '-' | ':';
  readonly #order: Order;
  readonly #parts = new Map<string, Part>();
  /** Of the last GTID, and the part that it names, with its separator. */
  #origin = '';
  #name = '';
  #current: Part | null = null;
  /** Printed parts before and after it. */
  #before = '';
  #after = '';
  text: string;

  constructor(position: Exclude<Position, FilePosition>, separator: '-' | ':', order: Order) {
    this.#family = position.family;
    this.#separator = separator;
    this.#order = order;
    this.text = formatPosition(position);
    if (position.family === 'mariadb')
      for (const [domain, { sequence }] of position.domains)
        this.#parts.set(`${domain}-`, new Domain(sequence, formatBare(only(position, domain))));
    else
      for (const [source, intervals] of position.sources)
        this.#parts.set(`${source}:`, new Source(`${source}:`, intervals));
  }

  pass({ gtid, origin, number }: Gtid): string {
    let part = this.#find(origin);
    if (part === null) {
      part = this.#family === 'mariadb' ? new Domain(-1, '') : new Source(this.#name, []);
      this.#current = part;
      this.#parts.set(this.#name, part);
      this.#surround();
    }
    part.add(gtid, number);
    this.text = this.#before + part.text + this.#after;
    return this.text;
  }

  passed({ origin, number }: Gtid): boolean {
    return this.#find(origin)?.has(number) ?? false;
  }

  /** Nearly always the part is that of the GTID before. */
  #find(origin: string): Part | null {
    if (origin === this.#origin && this.#current !== null) return this.#current;
    this.#origin = origin;
    // As they are printed: a UUID may be spelled in large letters.
    this.#name = this.#separator === '-' ? origin.slice(0, origin.indexOf('-') + 1) : origin.toLowerCase();
    this.#current = this.#parts.get(this.#name) ?? null;
    if (this.#current !== null) this.#surround();
    return this.#current;
  }

  #surround(): void {
    const names = [...this.#parts.keys()].sort((a, b) => this.#order(a.slice(0, -1), b.slice(0, -1)));
    const at = names.indexOf(this.#name);
    const print = (some: readonly string[]): string[] => some.map((name) => this.#parts.get(name)!.text);
    const before = print(names.slice(0, at)).map((text) => `${text},`);
    this.#before = `${this.#family}:${before.join('')}`;
    this.#after = print(names.slice(at + 1))
      .map((text) => `,${text}`)
      .join('');
  }
}

interface Part {
  readonly text: string;
  has(number: number): boolean;
  add(gtid: string, number: number): void;
}

/** MariaDB: the last GTID says all. */
class Domain implements Part {
  #sequence: number;
  text: string;

  constructor(sequence: number, text: string) {
    this.#sequence = sequence;
    this.text = text;
  }

  has(sequence: number): boolean {
    return this.#sequence >= sequence;
  }

  add(gtid: string, sequence: number): void {
    this.#sequence = sequence;
    this.text = gtid;
  }
}

type MysqlPosition = Extract<Position, { family: 'mysql' }>;

/** MySQL: numbers without gaps only move the end of the last interval. */
class Source implements Part {
  readonly #name: string;
  #position: MysqlPosition;
  /** Printed up to where the last interval begins, and that; its end is 0 while there is none. */
  #head = '';
  #from = 0;
  #to = 0;

  constructor(name: string, intervals: readonly (readonly [number, number])[]) {
    this.#name = name;
    this.#position = { family: 'mysql', sources: new Map([[name.slice(0, -1), intervals]]) };
    this.#settle();
  }

  get text(): string {
    return this.#from === this.#to ? `${this.#head}${this.#to}` : `${this.#head}${this.#from}-${this.#to}`;
  }

  has(number: number): boolean {
    if (number >= this.#from) return number <= this.#to;
    return coversGtid(this.#position, this.#name + number);
  }

  add(_: string, number: number): void {
    if (this.#to > 0 && number === this.#to + 1) {
      this.#to = number;
      return;
    }
    const intervals = [...this.#others(), [this.#from, this.#to] as const].filter(([, to]) => to > 0);
    const known: MysqlPosition = { family: 'mysql', sources: new Map([[this.#name.slice(0, -1), intervals]]) };
    this.#position = advance(known, this.#name + number) as MysqlPosition;
    this.#settle();
  }

  /** All intervals but the last, as they were when that began. */
  #others(): (readonly [number, number])[] {
    return [...this.#position.sources.values()].flat().slice(0, -1);
  }

  #settle(): void {
    const [intervals = []] = this.#position.sources.values();
    const [from, to] = intervals.at(-1) ?? [0, 0];
    this.#from = from;
    this.#to = to;
    this.#head = `${this.#name}${intervals
      .slice(0, -1)
      .map(([low, high]) => `${low === high ? low : `${low}-${high}`}:`)
      .join('')}`;
  }
}

function only(position: Extract<Position, { family: 'mariadb' }>, domain: number): Position {
  return { family: 'mariadb', domains: new Map([[domain, position.domains.get(domain)!]]) };
}
