/**
 * What must hold, checked against the truth: which writes each database really held, and in which order they were made.
 * No rule may look here. What a site shows is computed from the definition: the latest write of each key, the latest
 * claim of each value, and nothing is ever forgotten.
 */
import type { Image, RowChange, TableShape } from '../../../src/model/row.ts';
import type { Loss } from '../../../src/replication/conflict/mesh/decide.ts';
import { later } from '../../../src/replication/conflict/mesh/version.ts';
import type { StoredRow } from '../simulator/database.ts';
import { Violation } from '../simulator/oracle.ts';
import { KEYS } from '../simulator/schema.ts';
import type { MeshDatabase, MeshEntry, Truth } from './database.ts';

/** One write of a key: what a change does to one row. */
interface KeyWrite {
  readonly truth: Truth;
  /** In the log of its own site. */
  readonly sequence: number;
  readonly table: TableShape;
  readonly row: string;
  /** Null for a delete. */
  readonly image: Image | null;
  readonly uniques: readonly string[];
  /** Somebody wrote over it who had it before them. */
  replaced: boolean;
  lost: boolean;
}

/** All writes that users made, each once, however many sites they reach. */
export class Ledger {
  readonly writes: KeyWrite[] = [];
  readonly #byEntry = new Map<MeshEntry, readonly (readonly KeyWrite[])[]>();

  /** For each change of a user's entry its writes: the delete of the old key, the put of the new one. */
  of(entry: MeshEntry): readonly (readonly KeyWrite[])[] {
    let list = this.#byEntry.get(entry);
    if (list === undefined) {
      list = entry.changes.map((change) => this.#writesOf(entry, change));
      this.#byEntry.set(entry, list);
      for (const writes of list) this.writes.push(...writes);
    }
    return list;
  }

  #writesOf({ truth, sequence }: MeshEntry, change: RowChange): KeyWrite[] {
    const { table } = change;
    const common = { truth, sequence, table, replaced: false, lost: false };
    const from = change.kind === 'insert' ? null : KEYS.row(table, change.before);
    const to = change.kind === 'delete' ? null : KEYS.row(table, change.after);
    const writes: KeyWrite[] = [];
    if (from !== null && from !== to) writes.push({ ...common, row: from, image: null, uniques: [] });
    if (change.kind !== 'delete' && to !== null)
      writes.push({ ...common, row: to, image: change.after, uniques: KEYS.uniques(table, change.after) });
    return writes;
  }
}

function saw(write: KeyWrite, earlier: KeyWrite): boolean {
  const { site } = earlier.truth.version;
  if (site === write.truth.version.site) return write.sequence >= earlier.sequence;
  return (write.truth.saw[site] ?? 0) >= earlier.sequence;
}

/** Same transaction: the one that comes later in it. */
function beats(write: KeyWrite, other: KeyWrite): boolean {
  return !later(other.truth.version, write.truth.version);
}

export interface SiteOracleOptions {
  readonly database: MeshDatabase;
  readonly ledger: Ledger;
  readonly counts: Map<string, number>;
  /** Existing rows are being copied here: until they are, less is shown than elsewhere. */
  readonly copies: boolean;
  /** Violations on the way are let pass, to see whether the sites differ in the end. */
  readonly patient: boolean;
}

export class SiteOracle {
  readonly #options: SiteOracleOptions;
  readonly #latest = new Map<string, KeyWrite>();
  readonly #claimed = new Map<string, KeyWrite>();
  /** Own deletes of rows that the transaction at hand has deleted too. */
  readonly #agreed = new Map<string, KeyWrite>();

  constructor(options: SiteOracleOptions) {
    this.#options = options;
  }

  count(what: string, by = 1): void {
    const { counts } = this.#options;
    counts.set(what, (counts.get(what) ?? 0) + by);
  }

  /** Rows that every site has before anything is written: older than every write, and seen by all. */
  begin(rows: Iterable<StoredRow>): void {
    const truth = { version: { clock: 0, site: '' }, saw: {} };
    for (const { table, image } of rows) {
      const uniques = KEYS.uniques(table, image);
      const common = { truth, sequence: 0, table, image, uniques, replaced: false, lost: false };
      this.#take({ ...common, row: KEYS.row(table, image) });
    }
  }

  /** Users wrote here. */
  wrote(entry: MeshEntry): void {
    for (const writes of this.#options.ledger.of(entry)) {
      for (const write of writes) {
        const before = this.#latest.get(write.row);
        if (before !== undefined && (before.image === null || this.shows(before))) before.replaced = true;
        this.#take(write);
        if (this.#latest.get(write.row) !== write || (write.image !== null && !this.shows(write)))
          this.fail('a write of users did not stay at its own site');
      }
    }
  }

  /** A window was applied: entries of users of the source, and what the rules say was lost. */
  applied(entries: readonly MeshEntry[], losses: readonly Loss[]): void {
    const expected: string[] = [];
    const touched = new Set<string>();
    for (const entry of entries) {
      this.#agreed.clear();
      for (const writes of this.#options.ledger.of(entry)) {
        for (const write of writes) {
          for (const lost of this.#step(write, touched)) {
            expected.push(`${lost.row}@${lost.truth.version.clock}`);
            if (lost.lost) this.fail('a write was lost twice');
            lost.lost = true;
          }
        }
      }
    }
    this.count('losses', expected.length);
    const found = losses.map(({ row, clock }) => `${row}@${clock}`);
    if (expected.sort().join() !== found.sort().join()) this.fail('losses are not what was lost');
    for (const row of touched) this.#compare(row);
  }

  /** Whether the latest write of its key shows as a row. */
  shows(write: KeyWrite): boolean {
    return write.image !== null && write.uniques.every((unique) => this.#claimed.get(unique) === write);
  }

  /** At rest: whatever does not stand was lost once, or replaced by somebody who had seen it. */
  judge(): void {
    for (const row of this.#latest.keys()) this.#compare(row);
    const { writes } = this.#options.ledger;
    for (const write of writes) {
      const latest = this.#latest.get(write.row)!;
      const stands = latest === write ? write.image === null || this.shows(write) : false;
      if (stands || write.lost) continue;
      if (!writes.some((other) => this.#replaces(other, write))) this.fail('a write went in silence');
      if (!write.replaced && write.image !== null) this.count('beaten out of sight');
    }
  }

  fail(what: string): void {
    if (!this.#options.patient) throw new Violation(what);
  }

  #replaces(other: KeyWrite, write: KeyWrite): boolean {
    if (other === write || !beats(other, write)) return false;
    const meets = other.row === write.row || other.uniques.some((unique) => write.uniques.includes(unique));
    return meets && (saw(other, write) || (write.image === null && other.image === null));
  }

  /** Takes a write of a peer; returns what is lost to it of this site's own. */
  #step(write: KeyWrite, touched: Set<string>): KeyWrite[] {
    const near = new Set([write.row, ...write.uniques.flatMap((unique) => this.#claimed.get(unique)?.row ?? [])]);
    const before = [...near].flatMap((row) => {
      const latest = this.#latest.get(row);
      return latest !== undefined && (latest.image === null || this.shows(latest)) ? [latest] : [];
    });
    this.#take(write);
    for (const row of near) touched.add(row);
    const agreed = this.#agreed.get(write.row);
    if (agreed !== undefined && write.image !== null && this.#latest.get(write.row) === write) {
      this.#agreed.delete(write.row);
      this.count('agreed');
      return [agreed, ...this.#lostOf(before, write)];
    }
    return this.#lostOf(before, write);
  }

  #lostOf(before: readonly KeyWrite[], write: KeyWrite): KeyWrite[] {
    return before.filter((old) => {
      if (old.truth.version.site !== this.#options.database.site || saw(write, old)) return false;
      const now = this.#latest.get(old.row)!;
      if (old.image === null && now !== old && now.image === null) this.#agreed.set(old.row, old);
      return old.image === null ? now !== old && now.image !== null : now !== old || !this.shows(old);
    });
  }

  #take(write: KeyWrite): void {
    const latest = this.#latest.get(write.row);
    if (latest === undefined || beats(write, latest)) this.#latest.set(write.row, write);
    else if (saw(write, latest)) this.fail('a write lost to one that it had seen');
    for (const unique of write.uniques) {
      const claimed = this.#claimed.get(unique);
      if (claimed === undefined || beats(write, claimed)) this.#claimed.set(unique, write);
      else if (saw(write, claimed)) this.fail('a claim lost to one that it had seen');
    }
  }

  /** The database shows what the definition says. */
  #compare(row: string): void {
    if (this.#options.copies) return;
    const write = this.#latest.get(row);
    const shown = this.#options.database.rows.get(row)?.image ?? null;
    const expected = write !== undefined && this.shows(write) ? write.image : null;
    if (shown === expected) return;
    if (shown === null || expected === null || shown.some((value, index) => value !== expected[index]))
      this.fail('a site shows other rows than its writes say');
  }
}
