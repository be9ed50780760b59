/**
 * Expressions over a row, as topologies write them in `where` and `columns.set`: SQL's operators, columns, constants and a few
 * functions. Read by `expression-parser.ts`, given a meaning in `replication/expression/`; nothing of it is ever run as code.
 */

export type Comparison = '=' | '<=>' | '<>' | '<' | '<=' | '>' | '>=';
export type Sum = '+' | '-' | '*' | '/' | 'div' | '%';

/** `at` and `end`: where it stands in the text. */
export type Expression = { readonly at: number; readonly end: number } & (
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'number'; readonly digits: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly hex: string }
  | { readonly kind: 'truth'; readonly value: boolean }
  | { readonly kind: 'null' }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not' | 'minus'; readonly of: Expression }
  | { readonly kind: 'compare'; readonly sign: Comparison; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'sum'; readonly sign: Sum; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'is'; readonly of: Expression; readonly what: 'null' | 'true' | 'false' }
  | { readonly kind: 'in'; readonly of: Expression; readonly list: readonly Expression[] }
  | { readonly kind: 'like'; readonly of: Expression; readonly pattern: string; readonly escape: string }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly Expression[] }
  | { readonly kind: 'case'; readonly whens: readonly When[]; readonly otherwise: Expression | null }
);

export interface When {
  readonly when: Expression;
  readonly gives: Expression;
}

/** Functions, with how many arguments they take. */
export const FUNCTIONS = {
  abs: [1, 1],
  ceiling: [1, 1],
  char_length: [1, 1],
  coalesce: [1, 50],
  concat: [1, 50],
  date: [1, 1],
  day: [1, 1],
  floor: [1, 1],
  hex: [1, 1],
  hour: [1, 1],
  if: [3, 3],
  left: [2, 2],
  lower: [1, 1],
  month: [1, 1],
  nullif: [2, 2],
  right: [2, 2],
  round: [1, 2],
  substring: [2, 3],
  trim: [1, 1],
  upper: [1, 1],
  year: [1, 1],
} as const satisfies Record<string, readonly [number, number]>;

export type FunctionName = keyof typeof FUNCTIONS;

/** Names of the columns that it reads, as written. */
export function columnsOf(expression: Expression, found: Set<string> = new Set()): ReadonlySet<string> {
  if (expression.kind === 'column') found.add(expression.name);
  for (const part of partsOf(expression)) columnsOf(part, found);
  return found;
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
    case 'compare':
    case 'sum':
      return [expression.left, expression.right];
    case 'not':
    case 'minus':
    case 'is':
    case 'like':
      return [expression.of];
    case 'in':
      return [expression.of, ...expression.list];
    case 'call':
      return expression.args;
    case 'case':
      return [
        ...expression.whens.flatMap(({ when, gives }) => [when, gives]),
        ...(expression.otherwise === null ? [] : [expression.otherwise]),
      ];
    case 'column':
    case 'number':
    case 'text':
    case 'bytes':
    case 'truth':
    case 'null':
      return [];
    default:
      return expression satisfies never;
  }
}
