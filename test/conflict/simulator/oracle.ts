/**
 * What must hold, checked against the truth: how much of the hub's log the spoke's database really held when a
 * change was made there. No rule may look here.
 */
import type { Drift, Refusal } from '../../../src/replication/conflict/decide.ts';
import type { LogEntry } from './database.ts';
import { KEYS } from './schema.ts';

export class Violation extends Error {}

export interface OracleOptions {
  /** The pipelines from and to the spoke that is watched. */
  readonly back: string;
  readonly out: string;
  readonly counts: Map<string, number>;
  /** Existing rows are being copied: the hub has rows that the spoke has not seen and no entry tells of. */
  readonly copies: boolean;
  /** Violations on the way are let pass, to see whether the sites differ in the end. */
  readonly patient: boolean;
}

export class Oracle {
  readonly #options: OracleOptions;
  /** Lock key to its last write in the hub's log that was not this spoke's: to it all others are the hub. */
  readonly #written = new Map<string, number>();

  constructor(options: OracleOptions) {
    this.#options = options;
  }

  count(what: string, by = 1): void {
    const { counts } = this.#options;
    counts.set(what, (counts.get(what) ?? 0) + by);
  }

  /** An entry was added to the hub's log. */
  wrote(entry: LogEntry): void {
    const { back, out } = this.#options;
    const locks = entry.kind === 'high' && entry.pipeline === out ? [...entry.locks] : [];
    if (entry.pipeline === back) locks.push(...entry.answers.flatMap((answer) => answer.locks));
    else {
      for (const change of entry.changes) {
        const before = change.kind === 'insert' ? null : change.before;
        const after = change.kind === 'delete' ? null : change.after;
        locks.push(...KEYS.touched(change.table, before, after));
      }
    }
    for (const lock of locks) this.#written.set(lock, entry.sequence);
  }

  /** A change of the spoke is taken. */
  taken(locks: readonly string[], truth: number): void {
    for (const lock of locks) {
      if ((this.#written.get(lock) ?? 0) > truth) this.#fail('a write of the serialiser was lost to a concurrent one');
    }
  }

  refused(refusal: Refusal, truth: number): void {
    this.count(refusal.reason);
    switch (refusal.reason) {
      case 'recent write':
        if ((this.#written.get(refusal.lock) ?? 0) <= truth)
          this.#fail('a change was refused that nobody had contested');
        return;
      case 'duplicate':
        if (!this.#options.copies) this.#fail('a duplicate that no entry explains');
        return;
      case 'refused before':
        return;
      default:
        throw new Error(refusal satisfies never);
    }
  }

  drifted(drift: readonly Drift[]): void {
    if (drift.length > 0) this.#fail(`a taken change found its row ${drift[0]!.what}`);
  }

  #fail(what: string): void {
    if (!this.#options.patient) throw new Violation(what);
  }
}
