/**
 * Through a table from its first key to its last, in pieces after each of which one can go on later.
 *
 * Where both servers sort the key alike they sum up the rows between two keys themselves, and rows are read only where the sums
 * differ. Elsewhere the rows of each source are looked up at the target, and then the keys of the target at the sources.
 */
import type { Checksum, KeyRange } from '../model/comparing.ts';
import { type Image, rowBytes } from '../model/row.ts';
import { sortsAlike, travelsWhole } from '../replication/compared.ts';
import {
  type Candidate,
  type ComparedGroup,
  type ComparedSource,
  checkSource,
  checkTarget,
  leadsBack,
} from './rows.ts';

/** Where to go on. */
export interface Cursor {
  /** A source by its index, or the target. */
  readonly pass: number | 'target';
  readonly after: Image | null;
}

export interface Piece {
  readonly candidates: readonly Candidate[];
  /** Rows of sources that were compared. */
  readonly rows: number;
  /** Null: that was the last. */
  readonly next: Cursor | null;
}

export interface WalkOptions {
  /** Whether rows that only the target has are looked for. */
  readonly extras: boolean;
  /** Waits as long as it must so that no more is read in a second than is wanted. */
  readonly pace: (rows: number, bytes: number) => Promise<void>;
  /** Whether bytes count for it. */
  readonly sized: boolean;
  readonly signal: AbortSignal;
  readonly sizes?: WalkSizes;
}

export interface WalkSizes {
  /** Rows that are summed up together, and that are narrowed down to where sums differ: ever fewer. */
  readonly ranges: readonly number[];
  /** Rows that are read together. */
  readonly page: number;
}

export const START: Cursor = { pass: 0, after: null };

const SIZES: WalkSizes = { ranges: [20_000, 1_000], page: 1_000 };
const PAGE_BYTES = 4 << 20;
/** Sums of so many ranges that differ though their rows are equal: the servers spell values otherwise. */
const USELESS_MAX = 3;
const ALL: KeyRange = { after: null, upTo: null };

export async function* walk(group: ComparedGroup, from: Cursor, options: WalkOptions): AsyncGenerator<Piece, void> {
  const [only] = group.sources;
  if (group.sources.length === 1 && (await sumsUp(group))) {
    yield* new Ranges(group, options).walk(from.after);
    return;
  }
  let { after } = from;
  if (from.pass !== 'target') {
    for (let index = from.pass; index < group.sources.length; index += 1) {
      const last = index === group.sources.length - 1 && !options.extras;
      for await (const page of pagesOf(group, index, { ...ALL, after }, options)) {
        const candidates = await checkSource(group, index, page.rows);
        const following: Cursor = index + 1 < group.sources.length ? { pass: index + 1, after: null } : TARGET;
        const next = page.next === null ? (last ? null : following) : { pass: index, after: page.next };
        yield { candidates, rows: page.rows.length, next };
      }
      after = null;
    }
  }
  if (!options.extras || only === undefined || !leadsBack(group)) return;
  for await (const page of keysOf(group, { ...ALL, after }, options)) {
    const candidates = await checkTarget(group, page.rows);
    yield { candidates, rows: 0, next: page.next === null ? null : { pass: 'target', after: page.next } };
  }
}

const TARGET: Cursor = { pass: 'target', after: null };

async function sumsUp({ sources: [source], target }: ComparedGroup): Promise<boolean> {
  if (source === undefined || !travelsWhole(source.route)) return false;
  const [here, there] = await Promise.all([source.database.facts(), target.facts()]);
  return sortsAlike(source, here.family === there.family);
}

class Ranges {
  readonly #group: ComparedGroup;
  readonly #options: WalkOptions;
  #useless = 0;

  constructor(group: ComparedGroup, options: WalkOptions) {
    this.#group = group;
    this.#options = options;
  }

  async *walk(from: Image | null): AsyncGenerator<Piece, void> {
    let after = from;
    for (;;) {
      const upTo = await this.#bound({ after, upTo: null }, this.#sizes.ranges[0]!);
      const candidates: Candidate[] = [];
      const rows = await this.#range({ after, upTo }, 0, candidates);
      yield { candidates, rows, next: upTo === null ? null : { pass: 0, after: upTo } };
      if (upTo === null) return;
      after = upTo;
    }
  }

  get #source(): ComparedSource {
    return this.#group.sources[0]!;
  }

  get #sizes(): WalkSizes {
    return this.#options.sizes ?? SIZES;
  }

  #bound(range: KeyRange, rows: number): Promise<Image | null> {
    this.#options.signal.throwIfAborted();
    return this.#source.database.bound(this.#source.full, range, rows);
  }

  /** Returns how many rows of the source lie in it. */
  async #range(range: KeyRange, level: number, candidates: Candidate[]): Promise<number> {
    if (this.#useless >= USELESS_MAX) return this.#read(range, candidates);
    const [here, there] = await this.#sums(range);
    await this.#options.pace(here.rows + there.rows, here.bytes + there.bytes);
    if (here.rows === there.rows && here.sum !== null && here.sum === there.sum) {
      this.#useless = 0;
      return here.rows;
    }
    const size = this.#sizes.ranges[level + 1];
    if (size === undefined || here.rows <= size) {
      const before = candidates.length;
      const rows = await this.#read(range, candidates);
      this.#useless = candidates.length === before ? this.#useless + 1 : 0;
      return rows;
    }
    let rows = 0;
    for (let { after } = range; ; ) {
      const end = await this.#bound({ after, upTo: range.upTo }, size);
      rows += await this.#range({ after, upTo: end ?? range.upTo }, level + 1, candidates);
      if (end === null) return rows;
      after = end;
    }
  }

  #sums(range: KeyRange): Promise<[Checksum, Checksum]> {
    const { target, shape } = this.#group;
    const { database, full, route, there } = this.#source;
    const here = route.picks ?? full.columns.map((_, index) => index);
    const { sized } = this.#options;
    return Promise.all([database.checksum(full, here, range, sized), target.checksum(shape, there, range, sized)]);
  }

  async #read(range: KeyRange, candidates: Candidate[]): Promise<number> {
    let rows = 0;
    for await (const page of pagesOf(this.#group, 0, range, this.#options)) {
      candidates.push(...(await checkSource(this.#group, 0, page.rows)));
      rows += page.rows.length;
    }
    if (!this.#options.extras) return rows;
    for await (const page of keysOf(this.#group, range, this.#options))
      candidates.push(...(await checkTarget(this.#group, page.rows)));
    return rows;
  }
}

interface Page {
  readonly rows: readonly Image[];
  /** Last primary key of it; null: no row is left. */
  readonly next: Image | null;
}

/** Rows of a source, whole. */
function pagesOf(group: ComparedGroup, index: number, range: KeyRange, options: WalkOptions): AsyncGenerator<Page> {
  const { database, full } = group.sources[index]!;
  const columns = full.columns.map((_, at) => at);
  const key = full.primaryKey;
  return pages(
    (rest, limit) => database.rows(full, columns, rest, limit, PAGE_BYTES),
    (row) => key.map((at) => row[at]!),
    range,
    options,
  );
}

/** Keys of the target. */
function keysOf({ target, shape }: ComparedGroup, range: KeyRange, options: WalkOptions): AsyncGenerator<Page> {
  return pages(
    (rest, limit) => target.rows(shape, shape.primaryKey, rest, limit, PAGE_BYTES),
    (row) => row,
    range,
    options,
  );
}

async function* pages(
  read: (range: KeyRange, limit: number) => Promise<readonly Image[]>,
  keyOf: (row: Image) => Image,
  { after: from, upTo }: KeyRange,
  { pace, signal, sizes: { page: limit } = SIZES }: WalkOptions,
): AsyncGenerator<Page> {
  for (let after = from; ; ) {
    signal.throwIfAborted();
    const rows = await read({ after, upTo }, limit);
    const bytes = rows.reduce((sum, row) => sum + rowBytes(row), 0);
    await pace(rows.length, bytes);
    after = rows.length === 0 || (rows.length < limit && bytes < PAGE_BYTES) ? null : keyOf(rows.at(-1)!);
    yield { rows, next: after };
    if (after === null) return;
  }
}
