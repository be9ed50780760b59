/**
 * What a person has decided about open conflicts, as it stands in the log of the database where that was done: a transaction of
 * this database's own, whose answers are for the pipeline out of it. Rule kept: the rows of the answers are sent, whole,
 * and nothing that the transaction changed besides.
 */
import type { AnswerRow } from './carried.ts';
import type { ReadPart } from './reader.ts';

export class Decided {
  #rows: AnswerRow[] | null = null;

  /** The rows when the transaction has ended, `more` before that; null: it is no decision for the pipeline. */
  take({ first, last, mark, own }: ReadPart, pipeline: string): readonly AnswerRow[] | 'more' | null {
    if (first) {
      // A word that it is one stands before everything else in it.
      const told = own.some((row) => (row.kind === 'piece' || row.kind === 'answer') && row.pipeline === pipeline);
      this.#rows = told && mark === null ? [] : null;
    }
    if (this.#rows === null) return null;
    this.#rows.push(...own.flatMap((row) => (row.kind === 'answer' && row.pipeline === pipeline ? [row] : [])));
    return last ? this.#rows : 'more';
  }
}
