/**
 * What must hold, checked against the truth: how much of the hub's log the spoke's database really held when a
 * change was made there. No rule may look here.
 */
import type { ConflictRecord } from '../../../src/model/conflict.ts';
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import type { Image, RowChange } from '../../../src/model/row.ts';
import { columnRules } from '../../../src/replication/conflict/column-rules.ts';
import type { Refusal, Verdict } from '../../../src/replication/conflict/decide.ts';
import { notedOf } from '../../../src/replication/conflict/noting.ts';
import type { Drift } from '../../../src/replication/conflict/rows.ts';
import { isLater, type Stamp, stampOf } from '../../../src/replication/conflict/stamp.ts';
import type { Claim } from '../../../src/replication/conflict/tokens.ts';
import { type Channel, routed } from './channels.ts';
import type { Database, LogEntry } from './database.ts';
import { Losses } from './losses.ts';
import { KEYS } from './schema.ts';

export class Violation extends Error {}

export interface OracleOptions {
  readonly channel: Channel;
  /** The pipelines from and to the spoke that is watched. */
  readonly back: string;
  readonly out: string;
  readonly rule: ConflictRule;
  readonly counts: Map<string, number>;
  /** Existing rows are being copied: the hub has rows that the spoke has not seen and no entry tells of. */
  readonly copies: boolean;
  /** Violations on the way are let pass, to see whether the sites differ in the end. */
  readonly patient: boolean;
}

/** A window of the spoke at its commit. */
interface Committing {
  readonly claims: readonly Claim[];
  /** Of each, how much of the hub's log its writer's database held. */
  readonly truths: readonly number[];
  /** Null: all was taken as it was. */
  readonly verdict: Verdict | null;
  readonly holds: (lock: string) => boolean;
}

/** A write of the hub, as all others than the watched spoke are to it. */
interface Write {
  readonly sequence: number;
  readonly stamp: Stamp;
  readonly columns: ReadonlySet<string> | null;
}

/** Columns that changes of the spoke have won; null: the row. */
interface Win {
  readonly sequence: number;
  readonly columns: ReadonlySet<string> | null;
}

export class Oracle {
  readonly #options: OracleOptions;
  /** Lock key to its last write, answer or copied row in the hub's log that was not this spoke's. */
  readonly #written = new Map<string, number>();
  /** Lock key to what changes of the spoke have won there. */
  readonly #wins = new Map<string, Win[]>();
  /** Lock key to what was written there. */
  readonly #writes = new Map<string, Write[]>();

  readonly #losses: Losses;

  constructor(options: OracleOptions) {
    this.#options = options;
    this.#losses = new Losses(options.rule);
  }

  count(what: string, by = 1): void {
    const { counts } = this.#options;
    counts.set(what, (counts.get(what) ?? 0) + by);
  }

  /** An entry was added to the hub's log. */
  wrote(entry: LogEntry): void {
    const { channel, back, out, rule } = this.#options;
    const { sequence } = entry;
    const changes = routed(channel, entry.changes);
    const locks = entry.kind === 'high' && entry.pipeline === out ? [...entry.locks] : [];
    if (entry.pipeline === back) {
      for (const { locks: told, won } of entry.answers) {
        locks.push(...told);
        for (const lock of told) this.#win(lock, { sequence, columns: won });
      }
    } else {
      const told = new Set(entry.versions.flatMap((version) => version.locks));
      // Values that a window only passes through are written by nobody.
      const left = new Set(
        changes.flatMap((change) => KEYS.touched(change.table, imageBefore(change), imageAfter(change))),
      );
      for (const { locks: all, stamp, columns } of entry.versions) {
        const touched = all.filter((lock) => left.has(lock));
        locks.push(...touched);
        this.#add(touched, { sequence, stamp, columns: columns && new Set(columns) });
      }
      for (const change of changes) {
        const touched = KEYS.touched(change.table, imageBefore(change), imageAfter(change)).filter(
          (lock) => !told.has(lock),
        );
        locks.push(...touched);
        this.#add(touched, { sequence, ...notedOf(change, rule, entry.clock, KEYS) });
      }
    }
    for (const lock of locks) this.#written.set(lock, sequence);
  }

  /**
   * A change of the spoke is taken, but for the columns in which it lost; `held`: what it touches and is locked; `present`:
   * its row as it stood. Returns the columns of it that others had written unseen and that it has won; null: the row.
   */
  taken(
    claim: Claim,
    lost: ReadonlySet<string>,
    held: readonly string[],
    truth: number,
    present: Image | null,
  ): ReadonlySet<string> | null {
    const { table, before, after } = claim.change;
    const rules = columnRules(table, this.#options.rule);
    const stamp = rules.rule.policy === 'site-priority' ? null : stampOf(claim.clock, rules.by, before, after);
    const changed = (index: number): boolean => before![index] !== after![index];
    const inPlace = rules.merges && before !== null && after !== null && present !== null;
    const nulls = (index: number): boolean =>
      inPlace && changed(index) && [before, after, present].some((image) => image![index] === null);
    const named = (index: number): string => table.columns[index]!.name;
    const won = inPlace
      ? new Set(
          [
            ...rules.groups.flatMap(({ columns, names }) => (columns.some(changed) ? [...names] : [])),
            // To NULL, or from it, nothing is added.
            ...rules.counters.filter(nulls).map(named),
          ].filter((name) => !lost.has(name)),
        )
      : null;
    const adds = inPlace && rules.counters.some((index) => changed(index) && !nulls(index) && !lost.has(named(index)));
    const rows = [before, after].flatMap((image) => (image === null ? [] : [KEYS.row(table, image)]));
    let beaten: Set<string> | null = new Set();
    // What the window only passes through nobody locks, and it changes nothing there.
    for (const lock of inPlace ? held.filter((each) => each === rows[0]) : held) {
      for (const write of this.#writes.get(lock) ?? []) {
        if (write.sequence <= truth) continue;
        const columns = this.#standing(lock, write, won);
        const concerned = columns === null || [...columns].some((name) => write.columns?.has(name) ?? true);
        if (concerned && rows.includes(lock)) {
          if (columns === null) beaten = null;
          else for (const name of columns) if (write.columns?.has(name) ?? true) beaten?.add(name);
        }
        if (stamp !== null && isLater(stamp, write.stamp)) continue;
        if (concerned || (adds && write.columns === null && !this.#beaten(lock, write)))
          this.#fail(
            stamp === null
              ? 'a write of the serialiser was lost to a concurrent one'
              : 'a write was lost to an earlier one',
          );
      }
      this.#win(lock, { sequence: Number.POSITIVE_INFINITY, columns: won });
    }
    return beaten;
  }

  /** Rows with these locks have lost to a change of the window. */
  gaveWay(locks: readonly string[]): void {
    for (const lock of locks) this.#win(lock, { sequence: Number.POSITIVE_INFINITY, columns: null });
  }

  /** A window of the spoke begins to be decided: what an earlier attempt won counts no more. */
  window(): void {
    for (const [lock, wins] of this.#wins)
      this.#wins.set(
        lock,
        wins.filter(({ sequence }) => sequence !== Number.POSITIVE_INFINITY),
      );
  }

  /** Of what a change won, what the write had not lost before to an earlier change of the spoke; null: the row. */
  #standing(lock: string, write: Write, won: ReadonlySet<string> | null): ReadonlySet<string> | null {
    if (this.#beaten(lock, write)) return new Set();
    if (won === null) return null;
    const before = this.#winsSince(lock, write).flatMap(({ columns }) => [...(columns ?? [])]);
    return new Set([...won].filter((name) => !before.includes(name)));
  }

  #beaten(lock: string, write: Write): boolean {
    return this.#winsSince(lock, write).some(({ columns }) => columns === null);
  }

  /** Whether what stands there is others', and was not seen: not the spoke's own, which came back behind its back. */
  #unseen(lock: string, truth: number): boolean {
    return (this.#writes.get(lock) ?? []).some((write) => write.sequence > truth && !this.#beaten(lock, write));
  }

  #winsSince(lock: string, { sequence }: Write): Win[] {
    return (this.#wins.get(lock) ?? []).filter((win) => win.sequence > sequence);
  }

  #win(lock: string, win: Win): void {
    if (win.columns?.size === 0) return;
    this.#wins.set(lock, [...(this.#wins.get(lock) ?? []), win]);
  }

  refused(refusal: Refusal, truth: number): void {
    this.count(refusal.reason);
    const { claim, lock } = refusal;
    switch (refusal.reason) {
      case 'recent write': {
        if ((this.#written.get(lock) ?? 0) <= truth) this.#fail('a change was refused that nobody had contested');
        const rules = columnRules(claim.change.table, this.#options.rule);
        if (rules.rule.policy === 'site-priority' || refusal.entry.kind === 'chunk') return;
        const stamp = stampOf(claim.clock, rules.by, claim.change.before, claim.change.after);
        const later = this.#writes
          .get(lock)
          ?.some((write) => write.sequence > truth && !isLater(stamp, write.stamp) && !this.#beaten(lock, write));
        if (later !== true) this.#fail('a write was lost to an earlier one');
        return;
      }
      case 'duplicate':
        if (!this.#options.copies) this.#fail('a duplicate that no entry explains');
        return;
      case 'refused before':
      case 'no room':
        return;
      default:
        throw new Error(refusal satisfies never);
    }
  }

  /**
   * The hub is about to commit a window. No write of it that the spoke had not seen may be overwritten by one that must not,
   * as far as the transaction holds its locks.
   */
  committing(hub: Database, window: Committing): void {
    const losses = this.#losses;
    const { claims, truths, verdict, holds } = window;
    this.window();
    losses.begin(hub, this.#options.patient ? null : verdict);
    const refused = new Set(verdict?.refused.map(({ claim }) => claim));
    const overrulings = new Map(verdict?.overruled.map((each) => [each.claim, each]));
    for (const [index, claim] of claims.entries()) {
      if (refused.has(claim)) {
        losses.refused(claim);
        continue;
      }
      const { table, before, after } = claim.change;
      const overruling = overrulings.get(claim);
      const held = KEYS.touched(table, before, after).filter(holds);
      const lost = new Set(overruling?.lost);
      const truth = truths[index]!;
      const unseen = after !== null && this.#unseen(KEYS.row(table, after), truth);
      losses.taken(claim, this.taken(claim, lost, held, truth, losses.present(claim)), unseen);
      for (const row of overruling?.gaveWay ?? []) this.gaveWay(KEYS.touched(row.table, row.image, null));
      // Where its row was gone it is there again as a whole.
      if (overruling?.present === null) this.gaveWay(KEYS.touched(table, before, after));
    }
  }

  committed(hub: Database): void {
    if (!this.#losses.committed(hub)) this.#fail('rows are not what was decided of them');
  }

  /** At rest. */
  judge(records: readonly ConflictRecord[]): void {
    this.count('records', records.length);
    if (!this.#losses.areTold(records)) this.#fail('the conflict log does not tell what was lost');
  }

  drifted(drift: readonly Drift[]): void {
    if (drift.length > 0) this.#fail(`a taken change found its row ${drift[0]!.what}`);
  }

  #add(locks: readonly string[], write: Write): void {
    for (const lock of locks) {
      const list = this.#writes.get(lock);
      if (list === undefined) this.#writes.set(lock, [write]);
      else list.push(write);
    }
  }

  #fail(what: string): void {
    if (!this.#options.patient) throw new Violation(what);
  }
}

function imageBefore(change: RowChange): Image | null {
  return change.kind === 'insert' ? null : change.before;
}

function imageAfter(change: RowChange): Image | null {
  return change.kind === 'delete' ? null : change.after;
}
