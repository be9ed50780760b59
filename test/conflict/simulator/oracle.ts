/**
 * What must hold, checked against the truth: how much of the serialiser's log the spoke's database really held when a
 * change was made there. No rule may look here.
 */
import type { Drift, Refusal } from '../../../src/replication/conflict/decide.ts';
import type { LogEntry } from './database.ts';
import { KEYS } from './schema.ts';

export class Violation extends Error {}

export class Oracle {
  /** Lock key to its last write in the serialiser's log: by a user, an answer, or a chunk's high watermark. */
  readonly #written = new Map<string, number>();
  readonly counts = new Map<string, number>();
  /** Existing rows are being copied: the serialiser has rows that the spoke has not seen and no entry tells of. */
  readonly #copies: boolean;
  /** Violations on the way are let pass, to see whether the sites differ in the end. */
  readonly #patient: boolean;

  constructor(copies: boolean, patient: boolean) {
    this.#copies = copies;
    this.#patient = patient;
  }

  count(what: string, by = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + by);
  }

  /** An entry was added to the serialiser's log. */
  wrote(entry: LogEntry): void {
    const locks = [...entry.locks, ...entry.answers.flatMap((answer) => answer.locks)];
    if (entry.kind === 'user') {
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
        if (!this.#copies) this.#fail('a duplicate that no entry explains');
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
    if (!this.#patient) throw new Violation(what);
  }
}
