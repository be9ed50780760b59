/** A part of an expression as a function over rows, and what is known of its values before the first one. */
import type { Big } from 'big.js';
import { ExpressionProblem } from '../../model/expression-words.ts';
import type { Image } from '../../model/row.ts';
import { nameOf, type Type } from './types.ts';
import type { Val } from './values.ts';

export interface Compiled {
  readonly type: Type;
  readonly nullable: boolean;
  /** Its place in the text. */
  readonly at: number;
  readonly end: number;
  /** The text of a constant text, which may also mean a date. */
  readonly constant: Exclude<Val, null> | null;
  /** Index of the column that it is and nothing more. */
  readonly column: number | null;
  readonly evaluate: (row: Image) => Val;
}

export type Truth = (row: Image) => boolean | null;

/** A condition, or a number, which holds unless it is zero. */
export function truth({ type, evaluate, at, end }: Compiled): Truth {
  switch (type.kind) {
    case 'truth':
    case 'null':
      return evaluate as Truth;
    case 'number':
      return (row) => {
        const value = evaluate(row);
        return value === null ? null : !(value as Big).eq(0);
      };
    case 'text':
    case 'bytes':
    case 'date':
    case 'datetime':
    case 'time':
    case 'opaque':
      throw new ExpressionProblem(`${nameOf(type)} stands where a condition is wanted`, at, end);
    default:
      return type satisfies never;
  }
}
