/** The functions of expressions, after those of the same names in MySQL. What one does not take is told before the first row. */
import makeBig, { type Big } from 'big.js';
import type { FunctionName } from '../../model/expression.ts';
import { ExpressionProblem } from '../../model/expression-words.ts';
import type { Image } from '../../model/row.ts';
import { type Compiled, truth } from './compiled.ts';
import { numeric } from './numbers.ts';
import { charsetOfBoth, comparer, converted, united } from './pairing.ts';
import { nameOf, SCALE_MAX, type Type, type TypeOf, whole } from './types.ts';
import { big, cutFraction, exactText, type Val } from './values.ts';

type Made = Omit<Compiled, 'at' | 'end'>;
type Place = Pick<Compiled, 'at' | 'end'>;
type Args = readonly Compiled[];

/** @param args as many as `FUNCTIONS` says. @throws ExpressionProblem */
export function callOf(name: FunctionName, args: Args, place: Place): Made {
  return CALLS[name](args, place);
}

const CALLS: Readonly<Record<FunctionName, (args: Args, place: Place) => Made>> = {
  abs: ([of]) => rounded(of!, null, (value) => value.abs()),
  ceiling: ([of]) => rounded(of!, 0, (value) => value.round(0, value.gt(0) ? makeBig.roundUp : makeBig.roundDown)),
  floor: ([of]) => rounded(of!, 0, (value) => value.round(0, value.lt(0) ? makeBig.roundUp : makeBig.roundDown)),
  round: ([of, digits]) => {
    const scale = digits === undefined ? 0 : constantWhole(digits, SCALE_MAX);
    return rounded(of!, scale, (value) => value.round(scale, makeBig.roundHalfUp));
  },
  char_length: ([of]) => ofText(of!, whole(10), (text) => big([...text].length)),
  coalesce: (args) => {
    const type = united(args);
    const values = args.map((arg) => converted(arg, type));
    const evaluate = (row: Image): Val => {
      for (const value of values) {
        const found = value(row);
        if (found !== null) return found;
      }
      return null;
    };
    return made(
      type,
      args.every(({ nullable }) => nullable),
      evaluate,
    );
  },
  concat: (args) => {
    const texts = args.map(asText);
    const type = texts.reduce<TypeOf<'text'>>(
      (all, { type: one }) => ({
        kind: 'text',
        length: all.length + one.length,
        charset: charsetOfBoth(all.charset, one.charset),
        trimmed: all.trimmed && one.trimmed,
      }),
      { kind: 'text', length: 0, charset: 'ascii', trimmed: true },
    );
    const evaluate = (row: Image): Val => {
      let joined = '';
      for (const text of texts) {
        const value = text.evaluate(row);
        if (value === null) return null;
        joined += value;
      }
      return joined;
    };
    return made(
      type,
      args.some(({ nullable }) => nullable),
      evaluate,
    );
  },
  date: ([of]) => ofDate(of!, { kind: 'date' }, (text) => text.slice(0, 10)),
  year: ([of]) => ofDate(of!, whole(4), (text) => big(text.slice(0, 4))),
  month: ([of]) => ofDate(of!, whole(2), (text) => big(text.slice(5, 7))),
  day: ([of]) => ofDate(of!, whole(2), (text) => big(text.slice(8, 10))),
  hour: ([of]) => ofDate(of!, whole(2), (text) => big(text.length > 10 ? text.slice(11, 13) : '0')),
  hex: ([of]) => {
    if (of!.type.kind !== 'bytes') throw wanted('bytes', of!);
    const length = of!.type.length * 2;
    return each(of!, { kind: 'text', length, charset: 'ascii', trimmed: true }, (value) =>
      (value as string).toUpperCase(),
    );
  },
  if: ([asked, yes, no]) => {
    const holds = truth(asked!);
    const type = united([yes!, no!]);
    const [one, other] = [converted(yes!, type), converted(no!, type)];
    return made(type, yes!.nullable || no!.nullable, (row) => (holds(row) === true ? one(row) : other(row)));
  },
  nullif: ([of, unwanted]) => {
    const { one, other, compare } = comparer(of!, unwanted!);
    const evaluate = (row: Image): Val => {
      const [a, b] = [one(row), other(row)];
      return a !== null && b !== null && compare(a, b) === 0 ? null : of!.evaluate(row);
    };
    return made(united([of!]), true, evaluate);
  },
  left: ([of, count]) => {
    const most = constantWhole(count!, 16_000_000);
    return ofText(of!, shorter(of!, most), (text) => [...text].slice(0, most).join(''));
  },
  right: ([of, count]) => {
    const most = constantWhole(count!, 16_000_000);
    return ofText(of!, shorter(of!, most), (text) => (most === 0 ? '' : [...text].slice(-most).join('')));
  },
  substring: ([of, from, count]) => {
    const begin = constantWhole(from!, 16_000_000);
    const most = count === undefined ? Number.POSITIVE_INFINITY : constantWhole(count, 16_000_000);
    if (begin === 0) throw new ExpressionProblem('the first character is number 1', from!.at, from!.end);
    return ofText(of!, shorter(of!, most), (text) => [...text].slice(begin - 1, begin - 1 + most).join(''));
  },
  lower: ([of]) => ofText(of!, of!.type, (text) => letters(text, (letter) => letter.toLowerCase())),
  upper: ([of]) => ofText(of!, of!.type, (text) => letters(text, (letter) => letter.toUpperCase())),
  trim: ([of]) => ofText(of!, of!.type.kind === 'text' ? { ...of!.type, trimmed: true } : of!.type, unspaced),
};

function made(type: Type, nullable: boolean, evaluate: Compiled['evaluate']): Made {
  return { type, nullable, constant: null, column: null, evaluate };
}

function each(of: Compiled, type: Type, make: (value: Exclude<Val, null>) => Val): Made {
  const { evaluate } = of;
  return made(type, of.nullable, (row) => {
    const value = evaluate(row);
    return value === null ? null : make(value);
  });
}

function wanted(what: string, { type, at, end }: Compiled): ExpressionProblem {
  return new ExpressionProblem(`${what} is wanted, and ${nameOf(type)} stands there`, at, end);
}

/** @param scale digits after the point that are left, null: as many as there are */
function rounded(of: Compiled, scale: number | null, make: (value: Big) => Big): Made {
  const { type, evaluate } = numeric(of);
  const result: Type =
    scale === null || of.type.kind === 'null'
      ? type
      : {
          ...whole(type.approximate ? 65 - scale : type.whole + 1),
          scale: type.approximate ? scale : Math.min(scale, type.scale),
        };
  return made(result, of.nullable, (row) => {
    const value = evaluate(row) as Big | null;
    return value === null ? null : make(value);
  });
}

function ofText(of: Compiled, type: Type, make: (text: string) => Val): Made {
  if (of.type.kind !== 'text') throw wanted('a text', of);
  return each(of, type, (value) => make(value as string));
}

function ofDate(of: Compiled, type: Type, make: (text: string) => Val): Made {
  if (of.type.kind !== 'date' && of.type.kind !== 'datetime') throw wanted('a date', of);
  return each(of, type, (value) => make(value as string));
}

function shorter({ type }: Compiled, most: number): Type {
  return type.kind === 'text' ? { ...type, length: Math.min(type.length, most), trimmed: false } : type;
}

function constantWhole({ constant, type, at, end }: Compiled, most: number): number {
  const value = type.kind === 'number' && constant !== null ? Number(String(constant)) : Number.NaN;
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new ExpressionProblem(`a whole number from 0 to ${most} must stand here`, at, end);
  return value;
}

/** One letter stays one letter, as on the servers: ß has no capital of its own. */
function letters(text: string, make: (letter: string) => string): string {
  let result = '';
  for (const letter of text) {
    const other = make(letter);
    result += [...other].length === 1 ? other : letter;
  }
  return result;
}

/** As `concat` takes it. */
function asText(of: Compiled): { readonly type: TypeOf<'text'>; readonly evaluate: (row: Image) => string | null } {
  const { type } = of;
  const spelled = (length: number, spell: (value: Exclude<Val, null>) => string): ReturnType<typeof asText> => ({
    type: { kind: 'text', length, charset: 'ascii', trimmed: true },
    evaluate: (row) => {
      const value = of.evaluate(row);
      return value === null ? null : spell(value);
    },
  });
  switch (type.kind) {
    case 'text':
      return { type, evaluate: of.evaluate as (row: Image) => string | null };
    case 'number':
      if (type.approximate)
        throw new ExpressionProblem('how a DOUBLE is written must be said: use round()', of.at, of.end);
      return spelled(type.whole + type.scale + 2, (value) => exactText(value as Big, type.scale));
    case 'date':
      return spelled(10, (value) => value as string);
    case 'datetime':
      return spelled(26, (value) => cutFraction(value as string, 19, type.fraction));
    case 'null':
      return spelled(0, () => '');
    case 'bytes':
    case 'time':
    case 'truth':
    case 'opaque':
      throw wanted('a text', of);
    default:
      return type satisfies never;
  }
}

/** Of spaces alone. */
function unspaced(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && text[from] === ' ') from += 1;
  while (to > from && text[to - 1] === ' ') to -= 1;
  return text.slice(from, to);
}
