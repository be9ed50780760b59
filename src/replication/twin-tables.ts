/**
 * Tables that have different names at the source and are one at the target, since its server takes the names for one: an Oracle
 * has `item` in capitals, and so `ITEM` too; a MySQL may keep all names in small letters.
 *
 * Rule kept: rows of several tables go into one only where its name was given to all of them, letter by letter.
 */
import { OtterError } from '../model/error.ts';

/** A table of the source, and its table at the target by the name that the topology gives it and by the one that it has. */
export interface TwinCandidate {
  readonly source: string;
  readonly named: string;
  readonly there: string;
}

export class TwinTables {
  /** By the name that a table has at the target: the names that it was given, by tables of the source. */
  readonly #given = new Map<string, Map<string, string>>();
  readonly #there = new Map<string, string>();

  /** The table goes there from now on, or why it must not. */
  add({ source, named, there }: TwinCandidate): OtterError | null {
    const given = this.#given.get(there) ?? new Map<string, string>();
    for (const [other, name] of given) {
      if (name !== named && other !== source) return twinObstacle({ source, there }, other);
    }
    this.delete(source);
    this.#given.set(there, given.set(source, named));
    this.#there.set(source, there);
    return null;
  }

  /** It goes nowhere any more. */
  delete(source: string): void {
    const there = this.#there.get(source);
    if (there === undefined) return;
    this.#there.delete(source);
    this.#given.get(there)!.delete(source);
  }
}

function twinObstacle({ source, there }: Omit<TwinCandidate, 'named'>, other: string): OtterError {
  return new OtterError(
    'OT5056',
    `${source} and ${other} would both go into ${there}, where names of tables are not told apart by capitals`,
    {
      where: { source, target: there },
      hint: `Give one of them another name there with \`to\`; or both the same \`to\`, letter by letter, if all rows are meant for one table.`,
    },
  );
}
