/**
 * The slow path's decision at a site of a mesh under last-write-wins: what a window of a peer leaves here.
 *
 * Rules kept: changes are decided one by one, in the order of the source's log, each by its own version, before anything
 * is merged. A key belongs to its latest write. A unique value belongs to its latest claim, and a put claims its values
 * whatever becomes of its key. A row shows if the latest write of its key is a put that has all its values; that is a
 * function of the set of writes, so sites that hold the same writes show the same rows, in whatever order they came.
 *
 * Within a window the registers need not follow: what one source sends is later than all that it sent before.
 */
import type { Write } from '../../../model/load.ts';
import type { Image } from '../../../model/row.ts';
import type { LockKeys } from '../keys.ts';
import { type LockedRow, Rows } from '../rows.ts';
import type { LastWrites } from './registers.ts';
import { type MeshClaim, touches } from './touches.ts';
import { later } from './version.ts';

export interface MeshDecideInput {
  /** The site that decides. */
  readonly own: string;
  /** The site whose users wrote the changes. */
  readonly source: string;
  readonly claims: readonly MeshClaim[];
  /** Every row that `footprint` of the changes found; a row may be listed more than once. */
  readonly present: readonly LockedRow[];
  readonly keys: LockKeys;
  readonly registers: LastWrites;
  /** Of earlier pieces of the same transaction; those of this one are added. */
  readonly written?: Written;
}

/**
 * Keys whose latest write is one of the window, each with the clock of its transaction where that has only deleted a row which
 * an unseen write of this site deleted too; else null.
 */
export type Written = Map<string, number | null>;

/** A write of this site's own users that gave way, for good, to a later one whose writer had not seen it. */
export interface Loss {
  /** The change it lost to. */
  readonly claim: MeshClaim;
  /** Lock key of the row that it wrote. */
  readonly row: string;
  /** Clock of the transaction that lost it. */
  readonly clock: number;
  /** What it did to the row. */
  readonly kind: 'put' | 'delete';
  readonly reason: 'same row' | 'unique value';
  /** The row that goes, or null where a delete was lost. */
  readonly image: Image | null;
}

export interface MeshVerdict {
  /** In this order; rows that stay as they are are not written. */
  readonly writes: readonly Write[];
  readonly losses: readonly Loss[];
  /** Changes of which nothing was taken: their keys have later writes here. */
  readonly refused: number;
  /** Rows that were written latest and do not show: another row has one of their unique values. */
  readonly hidden: number;
}

export function decideMesh(input: MeshDecideInput): MeshVerdict {
  const decision = new Decision(input);
  for (const claim of input.claims) decision.take(claim);
  return decision.verdict();
}

class Decision {
  readonly #input: MeshDecideInput;
  readonly #rows: Rows;
  readonly #written: Written;
  readonly #losses: Loss[] = [];
  #refused = 0;
  #hidden = 0;

  constructor(input: MeshDecideInput) {
    this.#input = input;
    this.#written = input.written ?? new Map();
    this.#rows = new Rows(input.keys, input.present);
  }

  take(claim: MeshClaim): void {
    const { table, before, after } = claim.change;
    let whole = true;
    let moved: Image | null = null;
    let beaten = 0;
    let keys = 0;
    for (const { kind, lock } of touches(this.#input.keys, table, before, after)) {
      if (kind === 'claim') {
        if (!this.#claim(claim, lock)) whole = false;
        continue;
      }
      keys += 1;
      if (this.#beaten(claim, lock)) {
        beaten += 1;
        continue;
      }
      const agrees = this.#lose(claim, lock, 'same row', kind);
      this.#written.set(lock, agrees ? claim.clock : null);
      if (kind === 'put' && whole) {
        this.#rows.replace(table, after!, moved);
        continue;
      }
      moved = this.#rows.removeStanding(lock);
      if (kind === 'put') this.#hidden += 1;
    }
    if (beaten === keys) this.#refused += 1;
  }

  verdict(): MeshVerdict {
    return { writes: this.#rows.writes(), losses: this.#losses, refused: this.#refused, hidden: this.#hidden };
  }

  /** Takes the value from whichever row has it; false when a later claim has it, or had it. */
  #claim(claim: MeshClaim, unique: string): boolean {
    if (this.#beaten(claim, unique)) return false;
    const holder = this.#rows.holder(unique);
    const { table, after } = claim.change;
    // A holder that no register tells of is older than all that can still come, so it gives way too.
    if (holder !== null && holder !== this.#input.keys.row(table, after!)) {
      this.#lose(claim, holder, 'unique value', 'put');
      this.#rows.removeStanding(holder);
    }
    return true;
  }

  #beaten({ clock }: MeshClaim, lock: string): boolean {
    const { registers, source } = this.#input;
    const last = registers.last(lock);
    return last !== null && later(last, { clock, site: source });
  }

  /**
   * Notes the loss, if there is one: the row's latest write is this site's own, stands, and was not seen. True when both only
   * delete, as far as the transaction has come: what deletes a row and makes it anew wants something else.
   */
  #lose(claim: MeshClaim, row: string, reason: Loss['reason'], by: 'put' | 'delete' | 'claim'): boolean {
    const { registers, own } = this.#input;
    if (this.#written.has(row) && this.#written.get(row) !== claim.clock) return false;
    const last = registers.last(row);
    if (last === null || last.site !== own || last.clock <= claim.seen) return false;
    const image = this.#rows.standing(row);
    const kind = last.kind === 'delete' ? 'delete' : 'put';
    if (kind === 'delete' && by === 'delete') return true;
    // A row of ours that does not show was given up before.
    if (kind === 'delete' || image !== null) this.#losses.push({ claim, row, clock: last.clock, kind, reason, image });
    return false;
  }
}
