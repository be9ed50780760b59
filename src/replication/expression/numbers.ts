/**
 * Sums. Of exact numbers the result is exact; a division has four digits more after the point than what is divided, as on the
 * servers, and by zero it is NULL. Where a FLOAT or DOUBLE takes part, it is the sum that every machine makes of DOUBLEs.
 * Source: MySQL manual, "Precision Math" and "Arithmetic Operators".
 */
import makeBig, { type Big } from 'big.js';
import type { Sum } from '../../model/expression.ts';
import { ExpressionProblem } from '../../model/expression-words.ts';
import type { Image } from '../../model/row.ts';
import type { Compiled } from './compiled.ts';
import { converted } from './pairing.ts';
import { nameOf, SCALE_MAX, type TypeOf, whole } from './types.ts';
import { big, type Val, ValueProblem } from './values.ts';

type Made = Omit<Compiled, 'at' | 'end'>;
type NumberType = TypeOf<'number'>;

const DOUBLE: NumberType = { kind: 'number', whole: 65, scale: 0, approximate: true };

/** @throws ExpressionProblem */
export function sumOf(sign: Sum, left: Compiled, right: Compiled): Made {
  const [a, b] = [numeric(left), numeric(right)];
  const type = resultOf(sign, a.type, b.type);
  if (type.scale > SCALE_MAX)
    throw new ExpressionProblem(`more than ${SCALE_MAX} digits after the point: use round()`, left.at, right.end);
  const combine = type.approximate ? APPROXIMATE[sign] : exact(sign, type.scale);
  const evaluate = (row: Image): Val => {
    const [x, y] = [a.evaluate(row) as Big | null, b.evaluate(row) as Big | null];
    return x === null || y === null ? null : combine(x, y);
  };
  const divides = sign === '/' || sign === 'div' || sign === '%';
  return { type, nullable: divides || left.nullable || right.nullable, constant: null, column: null, evaluate };
}

export function negative(of: Compiled): Made {
  const { type, evaluate } = numeric(of);
  const negate = (row: Image): Val => (evaluate(row) as Big | null)?.neg() ?? null;
  return { type, nullable: of.nullable, constant: null, column: null, evaluate: negate };
}

/** @throws ExpressionProblem */
export function numeric(part: Compiled): { readonly type: NumberType; readonly evaluate: (row: Image) => Val } {
  const { type, at, end } = part;
  if (type.kind === 'number') return { type, evaluate: part.evaluate };
  // What is counted with a NULL that is written is a DOUBLE to the servers, and so is what it meets in a CASE.
  if (type.kind === 'null') return { type: DOUBLE, evaluate: part.evaluate };
  const one = whole(1);
  if (type.kind === 'truth') return { type: one, evaluate: converted(part, one) };
  throw new ExpressionProblem(`a number is wanted, and ${nameOf(type)} stands there`, at, end);
}

function resultOf(sign: Sum, a: NumberType, b: NumberType): NumberType {
  if (a.approximate || b.approximate) return sign === 'div' ? whole(20) : DOUBLE;
  const scale = Math.max(a.scale, b.scale);
  switch (sign) {
    case '+':
    case '-':
      return { ...whole(Math.max(a.whole, b.whole) + 1), scale };
    case '*':
      return { ...whole(a.whole + b.whole), scale: a.scale + b.scale };
    case '/':
      return { ...whole(a.whole + b.scale), scale: Math.min(SCALE_MAX, a.scale + 4) };
    case 'div':
      return whole(a.whole + b.scale);
    case '%':
      return { ...whole(Math.min(a.whole, b.whole)), scale };
    default:
      return sign satisfies never;
  }
}

type Combine = (x: Big, y: Big) => Big | null;

function exact(sign: Sum, scale: number): Combine {
  switch (sign) {
    case '+':
      return (x, y) => x.plus(y);
    case '-':
      return (x, y) => x.minus(y);
    case '*':
      return (x, y) => x.times(y);
    case '/':
      return quotient(scale, makeBig.roundHalfUp);
    case 'div':
      return quotient(0, makeBig.roundDown);
    case '%':
      return (x, y) => (y.eq(0) ? null : x.mod(y));
    default:
      return sign satisfies never;
  }
}

/** `Big` takes digits and rounding from its constructor, so each division has one of its own. */
function quotient(scale: number, rounding: 0 | 1): Combine {
  const Own = makeBig();
  Own.DP = scale;
  Own.RM = rounding;
  return (x, y) => (y.eq(0) ? null : big(new Own(x).div(y).toFixed(scale)));
}

const APPROXIMATE: Readonly<Record<Sum, Combine>> = {
  '+': (x, y) => near(number(x) + number(y)),
  '-': (x, y) => near(number(x) - number(y)),
  '*': (x, y) => near(number(x) * number(y)),
  '/': (x, y) => (y.eq(0) ? null : near(number(x) / number(y))),
  div: quotient(0, makeBig.roundDown),
  '%': (x, y) => (y.eq(0) ? null : near(number(x) % number(y))),
};

function number(value: Big): number {
  // Of -0 too, which has a text of its own only here.
  return Number(value.valueOf());
}

function near(value: number): Big {
  if (!Number.isFinite(value)) throw new ValueProblem('a result that is too large for a DOUBLE');
  return big(value);
}
