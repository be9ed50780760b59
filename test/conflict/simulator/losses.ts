/**
 * What was lost, by the rows and by the truth alone, held against the conflict log.
 *
 * Each window is done again over the hub's rows, change by change: what did not come to stand as its writer wanted it is
 * lost; so is a row that went though nobody's change says so; and what had been written unseen and is written over. Rows
 * must come out as the hub committed them, and every loss must stand in the log once, and nothing else.
 */
import type { ConflictRecord, NamedImage } from '../../../src/model/conflict.ts';
import type { ConflictRule } from '../../../src/model/pipeline.ts';
import type { Image } from '../../../src/model/row.ts';
import { columnRules } from '../../../src/replication/conflict/column-rules.ts';
import type { Verdict } from '../../../src/replication/conflict/decide.ts';
import type { Claim } from '../../../src/replication/conflict/tokens.ts';
import type { Database } from './database.ts';
import { KEYS } from './schema.ts';
import { Duplicate, Transaction } from './transaction.ts';

/** How often a record is to be found. */
interface Expected {
  least: number;
  most: number;
}

const NOTHING: ReadonlySet<string> = new Set();

export class Losses {
  readonly #rule: ConflictRule;
  readonly #expected = new Map<string, Expected>();
  /** The window at hand, whose transaction may yet be rolled back. */
  #window: (readonly [what: string, must: boolean])[] = [];
  #rows: Transaction | null = null;
  #lost: ReadonlyMap<Claim, ReadonlySet<string>> = new Map();
  #wrong = false;

  constructor(rule: ConflictRule) {
    this.#rule = rule;
  }

  /** A window is about to be committed over these rows. `verdict`: what is said to have come of it; null: all was taken. */
  begin(hub: Database, verdict: Verdict | null): void {
    this.#window = [];
    this.#wrong = false;
    this.#rows = verdict === null ? null : new Transaction(hub, null);
    this.#lost = new Map(verdict?.overruled.map(({ claim, lost }) => [claim, new Set(lost)]));
  }

  /** The next change was refused. */
  refused(claim: Claim): void {
    this.#window.push([textOf(claim, 'refused'), true]);
  }

  /** The row that the next change starts from, as it stands: on the fast path as the change says. */
  present({ change: { table, before, after } }: Claim): Image | null {
    if (this.#rows === null) return before;
    return this.#rows.at(KEYS.row(table, before ?? after!))?.image ?? null;
  }

  /**
   * The next change was taken.
   * @param beaten columns of its row that others had written and it had not seen; null: the row
   * @param unseen whether the row of the key that it takes is one that it had not seen
   */
  taken(claim: Claim, beaten: ReadonlySet<string> | null, unseen: boolean): void {
    const rows = this.#rows;
    if (rows === null) {
      if (beaten === null || beaten.size > 0) this.#window.push([textOf(claim, 'beaten on the fast path'), true]);
      return;
    }
    const { table, before, after } = claim.change;
    const lost = this.#lost.get(claim) ?? NOTHING;
    const present = this.present(claim);
    const image = this.#placed(claim, present, lost);
    const own = KEYS.row(table, before ?? after!);
    const others = new Set(image === null ? [] : holdersOf(rows, claim, image));
    others.delete(own);
    for (const other of others) {
      const gone = rows.at(other)!.image;
      const must = unseen || image === null || other !== KEYS.row(table, image);
      this.#window.push([textOf(claim, lost.size > 0 ? 'merged' : 'incoming', gone), must]);
      rows.delete(table.target, gone);
    }
    if (lost.size > 0) this.#window.push([textOf(claim, 'merged', present), true]);
    else if (beaten === null || beaten.size > 0)
      this.#window.push([textOf(claim, 'incoming', present), differ(claim, present, beaten)]);
    if (present !== null) rows.delete(table.target, present);
    try {
      if (image !== null) rows.insert(table.target, image);
    } catch (error) {
      if (!(error instanceof Duplicate)) throw error;
      this.#wrong = true;
    }
  }

  /** The window was committed. False: the rows are not what the changes make of them. */
  committed(hub: Database): boolean {
    for (const [text, must] of this.#window) {
      const expected = this.#expected.get(text) ?? { least: 0, most: 0 };
      expected.most += 1;
      if (must) expected.least += 1;
      this.#expected.set(text, expected);
    }
    if (this.#wrong || this.#rows === null) return !this.#wrong;
    return this.#rows.changes.every((change) =>
      [change.kind === 'insert' ? null : change.before, change.kind === 'delete' ? null : change.after].every(
        (image) => {
          if (image === null) return true;
          const row = KEYS.row(change.table, image);
          return same(this.#rows!.at(row)?.image ?? null, hub.rows.get(row)?.image ?? null);
        },
      ),
    );
  }

  /** Whether these records tell of every loss once, and of nothing else. */
  areTold(records: readonly ConflictRecord[]): boolean {
    const found = new Map<string, number>();
    for (const record of records) {
      const text = recorded(record);
      found.set(text, (found.get(text) ?? 0) + 1);
    }
    for (const [text, { least }] of this.#expected) if ((found.get(text) ?? 0) < least) return false;
    for (const [text, count] of found) if (count > (this.#expected.get(text)?.most ?? 0)) return false;
    return true;
  }

  /** The row that the change makes of the one that is there. */
  #placed({ change: { table, before, after } }: Claim, present: Image | null, lost: ReadonlySet<string>): Image | null {
    const { merges, groups, counters } = columnRules(table, this.#rule);
    if (before === null || after === null || present === null || !merges) return after;
    const changed = (index: number): boolean => before[index] !== after[index];
    const named = (index: number): string => table.columns[index]!.name;
    const image = [...present];
    for (const { columns } of groups)
      if (columns.some(changed) && !columns.some((index) => lost.has(named(index))))
        for (const index of columns) image[index] = after[index]!;
    for (const index of counters) {
      if (!changed(index) || lost.has(named(index))) continue;
      const [there, from, to] = [present[index]!, before[index]!, after[index]!];
      image[index] =
        there === null || from === null || to === null ? to : `${Number(there) + Number(to) - Number(from)}`;
    }
    return image;
  }
}

/** Rows that have the key or a unique value of the image. */
function holdersOf(rows: Transaction, { change: { table } }: Claim, image: Image): string[] {
  const row = KEYS.row(table, image);
  const there = rows.at(row) === null ? [] : [row];
  return [...there, ...KEYS.uniques(table, image).flatMap((unique) => rows.holder(unique) ?? [])];
}

/** Whether anything that one can see was written over; null: of all columns. */
function differ(
  { change: { table, before } }: Claim,
  present: Image | null,
  columns: ReadonlySet<string> | null,
): boolean {
  if (before === null || present === null) return before !== present;
  return table.columns.some(
    ({ name }, index) => before[index] !== present[index] && (columns === null || columns.has(name)),
  );
}

function same(one: Image | null, other: Image | null): boolean {
  if (one === null || other === null) return one === other;
  return one.every((value, index) => value === other[index]);
}

function textOf({ gtid, change: { table, before, after } }: Claim, what: string, local: Image | null = null): string {
  const images = what === 'refused' ? [before, after] : [before, after, local];
  return [gtid, table.target.name, what, ...images.map((image) => image?.join() ?? '-')].join(';');
}

function recorded({ incomingGtid, table, winner, base, incoming, local }: ConflictRecord): string {
  const values = (image: NamedImage | null): string => (image === null ? '-' : Object.values(image).join());
  const what = winner === 'local' ? 'refused' : winner;
  const images = what === 'refused' ? [base, incoming] : [base, incoming, local];
  return [incomingGtid, table.name, what, ...images.map(values)].join(';');
}
