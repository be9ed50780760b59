/**
 * What a window of the other site leaves here where conflicts wait for a person.
 *
 * Rules kept: a change is applied or parked, never overwritten and never passed over. It is parked when a write of this
 * site's own users stands on its row (old or new key) that its writer had not seen, when a conflict of that row is open
 * here, or when another row has its key or one of its unique values. A resolution closes what is open of its row, and is
 * parked like any change where a user's write is unseen by it; of two that had not seen each other the first-listed site's stands.
 *
 * Each key is judged by itself, and nothing but a resolution removes another row; so of a key that has nothing open at
 * either site both have the same row, see `docs/conflicts-manual.md`.
 */
import type { Write } from '../../../model/load.ts';
import type { Image } from '../../../model/row.ts';
import type { LoadChange } from '../../window.ts';
import type { LockKeys } from '../keys.ts';
import type { LastWrite, LastWrites } from '../mesh/registers.ts';
import type { MeshClaim } from '../mesh/touches.ts';
import { type LockedRow, Rows } from '../rows.ts';

/** What arrives, in its order; the rows of one resolution together. */
export interface Arrival {
  readonly kind: 'change' | 'resolution';
  readonly claims: readonly MeshClaim[];
}

export interface ManualInput {
  /** The site that decides. */
  readonly own: string;
  /** Whether it is listed before the other. */
  readonly first: boolean;
  readonly arrivals: readonly Arrival[];
  /** Every row that `footprint` of the changes found. */
  readonly present: readonly LockedRow[];
  readonly keys: LockKeys;
  readonly registers: LastWrites;
  /** Lock keys of the rows that have an open conflict here. */
  readonly open: ReadonlySet<string>;
}

export type ParkReason = 'recent write' | 'waits behind another' | 'duplicate';

/** A change of one key that is not applied. A change of a key comes as two: a delete, and an insert. */
export interface Parked {
  readonly claim: MeshClaim;
  readonly change: LoadChange;
  /** Lock key of the row. */
  readonly lock: string;
  readonly reason: ParkReason;
  /** The row here, or of a duplicate the one that is in the way; null: none. */
  readonly present: Image | null;
  /** Whether that row has another key. */
  readonly unique: boolean;
  /** The write here that it had not seen, where that is why. */
  readonly write: LastWrite | null;
}

/** A row of which a resolution arrived; what was open of it here is closed. */
export interface Resolved {
  readonly claim: MeshClaim;
  readonly lock: string;
  /** Whether the row stays as it was here. */
  readonly stays: boolean;
}

export interface ManualVerdict {
  readonly writes: readonly Write[];
  readonly parked: readonly Parked[];
  /** Parked and closed again by a resolution in the same window. */
  readonly settled: readonly Parked[];
  readonly resolved: readonly Resolved[];
  /** Rows of resolutions that gave way to one of this site, with the row here. */
  readonly outdone: readonly { readonly claim: MeshClaim; readonly lock: string; readonly present: Image | null }[];
  readonly applied: number;
  /** Rows that were not as the other site's log said though nobody wrote them. */
  readonly drift: number;
}

export function decideManual(input: ManualInput): ManualVerdict {
  const decision = new Decision(input);
  for (const { kind, claims } of input.arrivals) {
    if (kind === 'resolution') decision.resolve(claims);
    else for (const claim of claims) decision.take(claim);
  }
  return decision.verdict();
}

/** A user's write of this site, or a person's decision at it, on this row that the claim's writer had not seen. */
export function unseen(own: string, registers: LastWrites, lock: string, seen: number): LastWrite | null {
  const last = registers.last(lock);
  return last !== null && last.site === own && last.clock > seen ? last : null;
}

/** Lock keys of the rows that a change is about: one, or of a change of a key both. */
export function rowLocks(keys: LockKeys, { table, before, after }: LoadChange): string[] {
  const locks = [before, after].flatMap((image) => (image === null ? [] : [keys.row(table, image)]));
  return [...new Set(locks)];
}

type Why = Pick<Parked, 'reason' | 'write'> & { readonly holder: Image | null };

class Decision {
  readonly #input: ManualInput;
  readonly #rows: Rows;
  readonly #open: Set<string>;
  #parked: Parked[] = [];
  readonly #settled: Parked[] = [];
  readonly #resolved = new Map<string, Resolved>();
  readonly #outdone: ManualVerdict['outdone'][number][] = [];
  #applied = 0;
  #drift = 0;

  constructor(input: ManualInput) {
    this.#input = input;
    this.#rows = new Rows(input.keys, input.present);
    this.#open = new Set(input.open);
  }

  take(claim: MeshClaim): void {
    const { change } = claim;
    const locks = rowLocks(this.#input.keys, change);
    const why = this.#why(claim, locks);
    if (why !== null) {
      const [from, to] = locks;
      if (to === undefined) this.#park(claim, change, from!, why);
      else {
        this.#park(claim, { ...change, kind: 'delete', after: null }, from!, why);
        this.#park(claim, { ...change, kind: 'insert', before: null }, to, why);
      }
      return;
    }
    this.#applied += 1;
    if (this.#rows.take(change) !== null) this.#drift += 1;
  }

  resolve(claims: readonly MeshClaim[]): void {
    const taken = new Map<string, MeshClaim>();
    for (const claim of claims) {
      const [lock] = rowLocks(this.#input.keys, claim.change);
      const write = unseen(this.#input.own, this.#input.registers, lock!, claim.seen);
      if (write === null || (write.kind === 'resolution' && !this.#input.first)) taken.set(lock!, claim);
      else if (write.kind === 'resolution')
        this.#outdone.push({ claim, lock: lock!, present: this.#rows.standing(lock!) });
      else this.#park(claim, claim.change, lock!, { reason: 'recent write', write, holder: null });
    }
    for (let blocked = this.#blocked(taken); blocked !== null; blocked = this.#blocked(taken)) {
      const { lock, holder } = blocked;
      const claim = taken.get(lock)!;
      taken.delete(lock);
      this.#park(claim, claim.change, lock, { reason: 'duplicate', write: null, holder });
    }
    const before = new Map([...taken.keys()].map((lock) => [lock, this.#rows.removeStanding(lock)]));
    for (const [lock, claim] of taken) {
      const { table, after } = claim.change;
      const was = before.get(lock) ?? null;
      if (after !== null) this.#rows.replace(table, after, was);
      const stays = was === null || after === null ? was === after : after.every((value, i) => value === was[i]);
      this.#open.delete(lock);
      this.#resolved.set(lock, { claim, lock, stays });
      this.#settled.push(...this.#parked.filter((parked) => parked.lock === lock));
      this.#parked = this.#parked.filter((parked) => parked.lock !== lock);
      this.#applied += 1;
    }
  }

  verdict(): ManualVerdict {
    return {
      writes: this.#rows.writes(),
      parked: this.#parked,
      settled: this.#settled,
      resolved: [...this.#resolved.values()],
      outdone: this.#outdone,
      applied: this.#applied,
      drift: this.#drift,
    };
  }

  #why({ change, seen }: MeshClaim, locks: readonly string[]): Why | null {
    const { own, registers } = this.#input;
    for (const lock of locks) {
      const write = unseen(own, registers, lock, seen);
      if (write !== null) return { reason: 'recent write', write, holder: null };
    }
    if (locks.some((lock) => this.#open.has(lock)))
      return { reason: 'waits behind another', write: null, holder: null };
    const { table, before, after } = change;
    const blocker = after === null ? undefined : this.#rows.inTheWay(table, before, after)[0];
    return blocker === undefined ? null : { reason: 'duplicate', write: null, holder: blocker.holder };
  }

  #park(claim: MeshClaim, change: LoadChange, lock: string, { reason, write, holder }: Why): void {
    const there = this.#rows.standing(lock);
    const other = holder !== null && this.#input.keys.row(change.table, holder) !== lock;
    // Of a change of a key only the half that takes the value meets its holder.
    const unique = other && change.after !== null;
    this.#open.add(lock);
    this.#parked.push({ claim, change, lock, reason, present: unique ? holder : there, unique, write });
  }

  /** A row of the resolution that needs a value of a row that is not in it. */
  #blocked(taken: ReadonlyMap<string, MeshClaim>): { readonly lock: string; readonly holder: Image } | null {
    for (const [lock, { change }] of taken) {
      if (change.after === null) continue;
      for (const unique of this.#input.keys.uniques(change.table, change.after)) {
        const holder = this.#rows.holder(unique);
        if (holder !== null && holder !== lock && !taken.has(holder))
          return { lock, holder: this.#rows.standing(holder)! };
      }
    }
    return null;
  }
}
