/**
 * What the serialiser's other spokes must know of rows that were applied for one: when each was written where it was
 * written, and what columns. The rows in the log do not say: they bear the time at which they were applied, and a row
 * that gives a unique value to another is deleted and inserted.
 */
import type { LoadTable } from '../../model/load.ts';
import type { ConflictRule } from '../../model/pipeline.ts';
import type { Version } from '../../model/row.ts';
import { columnRules } from './column-rules.ts';
import type { Verdict } from './decide.ts';
import type { LockKeys } from './keys.ts';
import { needsAll } from './noting.ts';
import type { Noted } from './recent.ts';
import { stampOf } from './stamp.ts';
import type { Claim } from './tokens.ts';

/** Versions of what was taken of a window, in its order. `verdict`: left out when all of it was. */
export function versionsOf(
  claims: readonly Claim[],
  ruleOf: (table: LoadTable) => ConflictRule,
  keys: LockKeys,
  verdict?: Pick<Verdict, 'refused' | 'overruled'>,
): Version[] {
  const refused = new Set(verdict?.refused.map(({ claim }) => claim));
  const overruled = new Map(verdict?.overruled.map((each) => [each.claim, each]));
  return claims.flatMap((claim): Version[] => {
    const { change, clock } = claim;
    const { table, before, after } = change;
    const rule = ruleOf(table);
    if (refused.has(claim) || !needsAll(rule)) return [];
    const rules = columnRules(table, rule);
    const stamp = stampOf(clock, rules.by, before, after);
    const overruling = overruled.get(claim);
    const lost = new Set(overruling?.lost);
    // Where its row was gone it is there again as a whole.
    const inPlace =
      overruling?.present !== null &&
      rules.merges &&
      before !== null &&
      after !== null &&
      keys.row(table, before) === keys.row(table, after);
    const columns = inPlace
      ? table.columns.flatMap(({ name }, index) => (before[index] === after[index] || lost.has(name) ? [] : [name]))
      : null;
    const gaveWay = overruling?.gaveWay ?? [];
    return [
      { locks: keys.touched(table, before, after), stamp, columns },
      ...gaveWay.map((row) => ({ locks: keys.touched(row.table, row.image, null), stamp, columns: null })),
    ];
  });
}

/** Reads versions back out of the log, where they stand before the rows that they are of. */
export class Versions {
  readonly #byLock = new Map<string, Version[]>();

  get size(): number {
    return this.#byLock.size;
  }

  clear(): void {
    this.#byLock.clear();
  }

  add(versions: readonly Version[]): void {
    for (const version of versions) {
      for (const lock of version.locks) {
        const list = this.#byLock.get(lock);
        if (list === undefined) this.#byLock.set(lock, [version]);
        else list.push(version);
      }
    }
  }

  /**
   * What to note of a row that was applied, for each of its lock keys. Values that a window only passed through are in no
   * row, and are nobody's.
   * @param own what its row in the log says, for keys of which nothing is told
   */
  *of(locks: readonly string[], own: Noted): Generator<readonly [string, Noted]> {
    for (const lock of locks) {
      const versions = this.#byLock.get(lock);
      if (versions === undefined) yield [lock, own];
      else
        for (const { stamp, columns } of versions)
          yield [lock, { stamp, columns: columns === null ? null : new Set(columns), all: own.all }];
    }
  }
}
