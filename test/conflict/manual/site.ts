/** A model of one of two sites whose conflicts wait for a person: its rows, its log, what is open, and what was seen. */
import type { LoadTable } from '../../../src/model/load.ts';
import type { Image } from '../../../src/model/row.ts';
import { footprint } from '../../../src/replication/conflict/footprint.ts';
import { LockKeys } from '../../../src/replication/conflict/keys.ts';
import { type Arrival, decideManual, type ParkReason } from '../../../src/replication/conflict/manual/decide.ts';
import { Registers, type WriteKind } from '../../../src/replication/conflict/mesh/registers.ts';
import { touches } from '../../../src/replication/conflict/mesh/touches.ts';
import type { LoadChange } from '../../../src/replication/window.ts';
import { column, load, ModelTable, shape } from '../../replication/model.ts';
import { digest } from '../mesh/site.ts';

/** Rules that are known to be wrong. */
export type Fault =
  | 'nothing unseen'
  | 'nothing open'
  | 'first everywhere'
  | 'second everywhere'
  | 'a resolution is a change'
  | 'a resolution overwrites'
  | 'holders are left out';

export const FAULTS: readonly Fault[] = [
  'nothing unseen',
  'nothing open',
  'first everywhere',
  'second everywhere',
  'a resolution is a change',
  'a resolution overwrites',
  'holders are left out',
];

export const SHAPE = shape({
  columns: [column('id'), column('u'), column('v')],
  uniques: [{ name: 'u', columns: [1] }],
});
const TABLE: LoadTable = load(SHAPE);
const KEYS = new LockKeys();

export interface Entry {
  readonly kind: Arrival['kind'];
  readonly clock: number;
  readonly seen: number;
  readonly changes: readonly LoadChange[];
}

export interface Waiting {
  readonly lock: string;
  readonly incoming: Image | null;
  readonly base: Image | null;
  readonly reason: ParkReason;
}

export function change(before: Image | null, after: Image | null): LoadChange {
  const kind = before === null ? 'insert' : after === null ? 'delete' : 'update';
  return { kind, table: TABLE, before, after, fkChecks: true };
}

export class ModelSite {
  readonly name: 'a' | 'b';
  readonly log: Entry[] = [];
  table: ModelTable;
  open: Waiting[] = [];
  /** Everything that was ever parked, by its row. */
  readonly parked: Waiting[] = [];
  readonly #fault: Fault | null;
  #clock = 0;
  /** Entries of the other's log that were applied, and their clock. */
  #applied = 0;
  #seen = 0;
  #registers = new Registers({ sites: ['a', 'b'], digest });
  /** Nothing is forgotten here: the last own write of each row. */
  readonly truth = new Map<string, { readonly clock: number; readonly resolution: boolean }>();

  constructor(name: 'a' | 'b', rows: readonly Image[], fault: Fault | null) {
    this.name = name;
    this.table = new ModelTable(SHAPE, rows);
    this.#fault = fault;
  }

  get rows(): readonly Image[] {
    return this.table.rows;
  }

  row(lock: string): Image | null {
    return this.rows.find((image) => KEYS.row(SHAPE, image) === lock) ?? null;
  }

  /** A transaction of users; false where the server refuses it. */
  write(changes: readonly LoadChange[]): boolean {
    const table = new ModelTable(SHAPE, this.rows);
    try {
      for (const { before, after } of changes) {
        if (before !== null) table.apply([{ kind: 'delete', table: TABLE, rows: [before] }]);
        if (after !== null) table.apply([{ kind: 'insert', table: TABLE, rows: [after] }]);
      }
    } catch {
      return false;
    }
    this.table = table;
    this.#log('change', changes);
    return true;
  }

  /** What somebody decides about something that waits. */
  resolve(waiting: Waiting, image: Image | null): void {
    const { lock, incoming } = waiting;
    const present = this.row(lock);
    const values = (row: Image | null): string[] => (row === null ? [] : KEYS.uniques(SHAPE, row));
    const claimed = new Set([...values(image), ...values(incoming)]);
    const holders = this.rows.filter(
      (row) => KEYS.row(SHAPE, row) !== lock && values(row).some((value) => claimed.has(value)),
    );
    const gone = holders.filter((row) => values(row).some((value) => values(image).includes(value)));
    const away = [...gone, ...(present === null ? [] : [present])];
    this.table.apply([{ kind: 'delete', table: TABLE, rows: away }]);
    if (image !== null) this.table.apply([{ kind: 'insert', table: TABLE, rows: [image] }]);
    this.open = this.open.filter((each) => each.lock !== lock);
    const told = this.#fault === 'holders are left out' ? [] : holders;
    const key = image ?? present ?? incoming ?? waiting.base!;
    this.#log('resolution', [
      image === null ? change(key, null) : change(null, image),
      ...told.map((row) => (gone.includes(row) ? change(row, null) : change(null, row))),
    ]);
  }

  /** Applies as much of the other's log in one window. Returns a broken promise, or null. */
  take(other: ModelSite, entries: number): string | null {
    const window = other.log.slice(this.#applied, this.#applied + entries);
    if (window.length === 0) return null;
    const before = new Map(this.rows.map((row) => [KEYS.row(SHAPE, row), row]));
    const waited = new Set(this.open.map(({ lock }) => lock));
    const arrivals = window.map(
      ({ kind, clock, seen, changes }): Arrival => ({
        kind: this.#fault === 'a resolution is a change' ? 'change' : kind,
        claims: changes.map((each) => ({
          change: each,
          clock,
          seen:
            this.#fault === 'nothing unseen' || (kind === 'resolution' && this.#fault === 'a resolution overwrites')
              ? Number.POSITIVE_INFINITY
              : seen,
        })),
      }),
    );
    const verdict = decideManual({
      own: this.name,
      first: this.#fault === 'first everywhere' || (this.name === 'a' && this.#fault !== 'second everywhere'),
      arrivals,
      present: this.#found(window),
      keys: KEYS,
      registers: this.#registers,
      open: new Set(this.#fault === 'nothing open' ? [] : this.open.map(({ lock }) => lock)),
    });
    this.table.apply(verdict.writes);
    const closed = new Set(verdict.resolved.map(({ lock }) => lock));
    this.open = this.open.filter(({ lock }) => !closed.has(lock));
    for (const { lock, change: half, reason } of verdict.parked) {
      const waiting = { lock, incoming: half.after, base: half.before, reason };
      this.open.push(waiting);
      this.parked.push(waiting);
    }
    this.#applied += window.length;
    const last = window.at(-1)!;
    this.#clock = Math.max(this.#clock, last.clock);
    const unseenBy = last.seen;
    this.#seen = last.clock;
    this.#registers.evict({ [this.name]: unseenBy, [other.name]: Number.POSITIVE_INFINITY });
    return this.#overwritten(before, waited, window);
  }

  /** The owner is another one now: what it knows is from the log. */
  restart(other: ModelSite): void {
    this.#registers = new Registers({ sites: ['a', 'b'], digest });
    const seenByOther = other.#seenOfThisAt(this.#applied);
    for (const entry of this.log) if (entry.clock > seenByOther) this.#note(entry);
  }

  /** What this log's entries up to there had seen of the other. */
  #seenOfThisAt(entries: number): number {
    return entries === 0 ? 0 : this.log[entries - 1]!.seen;
  }

  #log(kind: Entry['kind'], changes: readonly LoadChange[]): void {
    this.#clock += 1;
    const entry = { kind, clock: this.#clock, seen: this.#seen, changes };
    this.log.push(entry);
    this.#note(entry);
  }

  #note({ kind, clock, changes }: Entry): void {
    for (const { before, after } of changes)
      for (const { kind: touch, lock } of touches(KEYS, SHAPE, before, after)) {
        if (touch === 'claim') continue;
        const noted: WriteKind = kind === 'resolution' ? 'resolution' : touch;
        this.#registers.note({ site: this.name, clock }, noted, digest(lock));
        this.truth.set(lock, { clock, resolution: kind === 'resolution' });
      }
  }

  #found(window: readonly Entry[]) {
    const asked = footprint(window.flatMap(({ changes }) => changes));
    const isAsked = (row: Image): boolean =>
      asked.some(({ columns, rows }) => rows.some((each) => columns.every((index) => each[index] === row[index])));
    return this.rows.filter(isAsked).map((image) => ({ table: TABLE, image }));
  }

  /** A row that changed though an own user's write stands on it that nothing in the window about it had seen. */
  #overwritten(
    before: ReadonlyMap<string, Image>,
    waited: ReadonlySet<string>,
    window: readonly Entry[],
  ): string | null {
    const after = new Map(this.rows.map((row) => [KEYS.row(SHAPE, row), row]));
    for (const lock of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(lock), after.get(lock)];
      if (JSON.stringify(was) === JSON.stringify(is)) continue;
      const own = this.truth.get(lock);
      const about = window.filter(({ changes }) =>
        changes.some((each) => touches(KEYS, SHAPE, each.before, each.after).some((touch) => touch.lock === lock)),
      );
      if (waited.has(lock) && about.every(({ kind }) => kind !== 'resolution'))
        return `${lock} waited, and was changed`;
      if (about.length === 0) return `${lock} was changed by nothing about it`;
      if (own !== undefined && !own.resolution && about.every(({ seen }) => seen < own.clock))
        return `${lock} was overwritten unseen`;
    }
    return null;
  }
}

export function lockOf(row: Image): string {
  return KEYS.row(SHAPE, row);
}
