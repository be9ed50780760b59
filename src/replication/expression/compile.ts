/**
 * An expression and the columns of a table become a function over rows: three-valued logic, exact numbers, and texts that are
 * equal only when they are the same, letter by letter.
 *
 * The same function is used for copied rows and for rows of the log, so both get the same answer; it reads nothing but the row.
 */
import { UnreachableError } from '../../model/error.ts';
import type { Comparison, Expression } from '../../model/expression.ts';
import { ExpressionProblem } from '../../model/expression-words.ts';
import type { ColumnShape, Image } from '../../model/row.ts';
import { nearest } from '../../model/suggest.ts';
import { type Compiled, type Truth, truth } from './compiled.ts';
import { callOf } from './functions.ts';
import { likePattern } from './like.ts';
import { negative, sumOf } from './numbers.ts';
import { comparer, converted, united } from './pairing.ts';
import { NULL, nameOf, TRUTH, type Type, typeOfColumn, whole } from './types.ts';
import { big, readable, readerOf, type Val } from './values.ts';

/** @throws ExpressionProblem of a column that is not there, or of what cannot be compared, joined or added. */
export function compile(expression: Expression, columns: readonly ColumnShape[]): Compiled {
  return new Compiler(columns).of(expression);
}

/** @throws ExpressionProblem when it is no condition. */
export function compileCondition(expression: Expression, columns: readonly ColumnShape[]): (row: Image) => boolean {
  const holds = truth(compile(expression, columns));
  return (row) => holds(row) === true;
}

class Compiler {
  readonly #columns: readonly ColumnShape[];

  constructor(columns: readonly ColumnShape[]) {
    this.#columns = columns;
  }

  of(node: Expression): Compiled {
    const { at, end } = node;
    const common = { at, end, constant: null, column: null } as const;
    switch (node.kind) {
      case 'column':
        return this.#column(node.name, at, end);
      case 'number': {
        const value = big(node.digits);
        return { ...common, type: literalNumber(node.digits), nullable: false, constant: value, evaluate: () => value };
      }
      case 'text': {
        const { text } = node;
        const charset = /^[\x01-\x7f]*$/.test(text) ? 'ascii' : 'utf8mb4';
        const type: Type = { kind: 'text', length: [...text].length, charset, trimmed: !text.endsWith(' ') };
        return { ...common, type, nullable: false, constant: text, evaluate: () => text };
      }
      case 'bytes': {
        const { hex } = node;
        const type: Type = { kind: 'bytes', length: hex.length / 2 };
        return { ...common, type, nullable: false, evaluate: () => hex };
      }
      case 'truth': {
        const { value } = node;
        return { ...common, type: TRUTH, nullable: false, evaluate: () => value };
      }
      case 'null':
        return { ...common, type: NULL, nullable: true, evaluate: () => null };
      case 'and':
      case 'or': {
        const [left, right] = [this.of(node.left), this.of(node.right)];
        const evaluate = node.kind === 'and' ? both(truth(left), truth(right)) : either(truth(left), truth(right));
        return { ...common, type: TRUTH, nullable: left.nullable || right.nullable, evaluate };
      }
      case 'not': {
        const of = this.of(node.of);
        const holds = truth(of);
        const evaluate = (row: Image): Val => {
          const value = holds(row);
          return value === null ? null : !value;
        };
        return { ...common, type: TRUTH, nullable: of.nullable, evaluate };
      }
      case 'minus':
        return { ...negative(this.of(node.of)), at, end };
      case 'compare':
        return { ...this.#compared(node.sign, this.of(node.left), this.of(node.right)), at, end };
      case 'sum':
        return { ...sumOf(node.sign, this.of(node.left), this.of(node.right)), at, end };
      case 'is':
        return { ...common, type: TRUTH, nullable: false, evaluate: is(this.of(node.of), node.what) };
      case 'in':
        return { ...common, type: TRUTH, ...this.#in(this.of(node.of), node.list) };
      case 'like': {
        const of = this.of(node.of);
        if (of.type.kind !== 'text' && of.type.kind !== 'null')
          throw new ExpressionProblem(`LIKE wants a text, and ${nameOf(of.type)} stands there`, of.at, of.end);
        const matches = likePattern(node.pattern, node.escape);
        const evaluate = (row: Image): Val => {
          const value = of.evaluate(row);
          return value === null ? null : matches(value as string);
        };
        return { ...common, type: TRUTH, nullable: of.nullable, evaluate };
      }
      case 'call':
        return {
          ...callOf(
            node.name,
            node.args.map((arg) => this.of(arg)),
            { at, end },
          ),
          at,
          end,
        };
      case 'case':
        return { ...common, ...this.#case(node) };
      default:
        throw new UnreachableError(node satisfies never);
    }
  }

  #column(name: string, at: number, end: number): Compiled {
    const exact = this.#columns.findIndex((column) => column.name === name);
    const index =
      exact >= 0 ? exact : this.#columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
    if (index < 0) {
      const near = nearest(
        name,
        this.#columns.map((column) => column.name),
      );
      const hint = near === null ? `write '${name}' if a text is meant` : `did you mean ${near}?`;
      throw new ExpressionProblem(`there is no column ${name}; ${hint}`, at, end);
    }
    const column = this.#columns[index]!;
    const type = typeOfColumn(column);
    const read = readerOf(column);
    const evaluate = (row: Image): Val => {
      const literal = row[index]!;
      return literal === null ? null : read(literal);
    };
    const unread = type.kind === 'text' && !readable(type.charset);
    return {
      type: unread ? { kind: 'opaque', what: `${column.type} in ${type.charset}` } : type,
      nullable: column.nullable,
      at,
      end,
      constant: null,
      column: index,
      evaluate,
    };
  }

  #compared(sign: Comparison, left: Compiled, right: Compiled): Omit<Compiled, 'at' | 'end'> {
    const { one, other, compare } = comparer(left, right);
    const asked = ASKED[sign];
    const evaluate = (row: Image): Val => {
      const [a, b] = [one(row), other(row)];
      if (a === null || b === null) return sign === '<=>' ? a === b : null;
      return asked(compare(a, b));
    };
    const nullable = sign !== '<=>' && (left.nullable || right.nullable);
    return { type: TRUTH, nullable, constant: null, column: null, evaluate };
  }

  #in(of: Compiled, list: readonly Expression[]): Pick<Compiled, 'nullable' | 'evaluate'> {
    const equal = list.map((one) => this.#compared('=', of, this.of(one)));
    const evaluate = (row: Image): Val => {
      let found: boolean | null = false;
      for (const one of equal) {
        const value = one.evaluate(row);
        if (value === true) return true;
        if (value === null) found = null;
      }
      return found;
    };
    return { nullable: equal.some(({ nullable }) => nullable), evaluate };
  }

  #case({ whens, otherwise }: Extract<Expression, { kind: 'case' }>): Pick<Compiled, 'type' | 'nullable' | 'evaluate'> {
    const asked = whens.map(({ when }) => truth(this.of(when)));
    const given = whens.map(({ gives }) => this.of(gives));
    const rest = otherwise === null ? null : this.of(otherwise);
    const all = rest === null ? given : [...given, rest];
    const type = united(all);
    const values = all.map((one) => converted(one, type));
    const evaluate = (row: Image): Val => {
      const found = asked.findIndex((holds) => holds(row) === true);
      return (found >= 0 ? values[found] : rest === null ? undefined : values.at(-1))?.(row) ?? null;
    };
    return { type, nullable: rest === null || all.some(({ nullable }) => nullable), evaluate };
  }
}

const ASKED: Readonly<Record<Comparison, (order: number) => boolean>> = {
  '=': (order) => order === 0,
  '<=>': (order) => order === 0,
  '<>': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function literalNumber(digits: string): Type {
  if (/e/i.test(digits)) return { kind: 'number', whole: 65, scale: 0, approximate: true };
  const [before = '', after = ''] = digits.split('.');
  return { ...whole(Math.max(1, before.replace(/^0+/, '').length)), scale: after.length };
}

function both(left: Truth, right: Truth): Truth {
  return (row) => {
    const a = left(row);
    if (a === false) return false;
    const b = right(row);
    return b === false ? false : a === null || b === null ? null : true;
  };
}

function either(left: Truth, right: Truth): Truth {
  return (row) => {
    const a = left(row);
    if (a === true) return true;
    const b = right(row);
    return b === true ? true : a === null || b === null ? null : false;
  };
}

function is(of: Compiled, what: 'null' | 'true' | 'false'): (row: Image) => Val {
  if (what === 'null') {
    // Of whatever type: the value itself is not looked at.
    const { column } = of;
    return column === null ? (row) => of.evaluate(row) === null : (row) => row[column] === null;
  }
  const holds = truth(of);
  return (row) => holds(row) === (what === 'true');
}
