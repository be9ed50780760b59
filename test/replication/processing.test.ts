/** What a processor sees of values, and what of its answers travels. */
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Processor } from '../../src/model/processor.ts';
import type { Image } from '../../src/model/row.ts';
import { doubleLiteral } from '../../src/mysql/decode.ts';
import { plainColumn } from '../../src/replication/plain-values.ts';
import { processing } from '../../src/replication/processing.ts';
import { column, shape } from './model.ts';

const of = (type: string, charset: string | null = null) => plainColumn({ ...column('c', type), charset });

describe('values', () => {
  it.each([
    ['int', '-12', -12],
    ['bigint unsigned', '18446744073709551615', 18446744073709551615n],
    ['decimal(20,2)', '12345678901234567.80', '12345678901234567.80'],
    ['double', '1e+300', 1e300],
    ['double', '-0e0', -0],
    ['float', '0.10000000149011612e0', 0.1],
    ['float', '-3.4028234663852886e+38', -3.4028235e38],
    ['float', '1.401298464324817e-45', 1e-45],
    ['float(7,4)', '0.10000000149011612e0', 0.1],
    ['year', "'2024'", 2024],
    ['year', "'0000'", 0],
    ['bit(64)', '18446744073709551615', 18446744073709551615n],
    ["enum('a','b')", '2', 'b'],
    ["enum('a','b')", '0', ''],
    ["set('a','b','c')", '5', 'a,c'],
    ['date', "'2024-02-30'", '2024-02-30'],
    ['datetime(2)', "'2024-02-03 01:02:03.40'", '2024-02-03 01:02:03.40'],
    ['timestamp', "'2024-02-03 01:02:03'", '2024-02-03 01:02:03'],
    ['time(1)', "'-838:59:58.5'", '-838:59:58.5'],
    ['varchar(20)', "'it\\'s \\\\'", "it's \\"],
    ['varbinary(4)', "x'00ff'", new Uint8Array([0, 255])],
  ])('%s %s is %s and is written as it was', (type, literal, value) => {
    const { read, write } = of(type, type.startsWith('var') ? 'utf8mb4' : null);
    expect(read(literal)).toEqual(value);
    expect(write(read(literal))).toBe(literal);
  });

  it('what nothing is known of is passed on as it is, to a column of the same type', () => {
    const { read, write } = of('geometry');
    expect(read("x'01'")).toMatchObject({ kept: 'geometry' });
    expect(write(read("x'01'"))).toBe("x'01'");
    expect(() => of('point').write(read("x'01'"))).toThrow('a column of type point');
    expect(() => write({ kept: 'geometry' })).toThrow('not one of such a column');
  });

  it.each([
    ['int', 1.5, 'not whole'],
    ['int', 2 ** 60, 'does not hold exactly'],
    ['int', 'x', 'a string where a number'],
    ['int', null, 'null where a number'],
    ['decimal(9,2)', '1.001', 'more than 2 decimals'],
    ['decimal(9,2)', Number.NaN, 'a number where a number'],
    ['double', Number.POSITIVE_INFINITY, 'where a number'],
    ['float', 0.1 * 3, 'a FLOAT does not hold'],
    ['float', 1e39, 'a FLOAT does not hold'],
    ['double(9,2)', 0.125, 'more than 2 decimals'],
    ['datetime(1)', '2024-01-01 00:00:00.12', 'more than 1 decimals'],
    ['time', '00:00:00.5', 'more than 0 decimals'],
    ['date', '2024-1-1', 'where a date'],
    ['varchar(3)', 'abc ', 'too long'],
    ['tinytext', 'é'.repeat(128), 'too long'],
    ['varchar(9)', '\ud800', 'half of a surrogate'],
    ["enum('a')", 'A', 'no member'],
    ["set('a')", 'a,b', 'no member'],
    ['blob', 'text', 'where a Uint8Array'],
  ])('%s does not take %s', (type, value, problem) => {
    expect(() => of(type, 'utf8mb4').write(value)).toThrow(problem);
  });

  it('any FLOAT is read as a number that is stored as it, and written as it was', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (single) => {
        const literal = doubleLiteral(single);
        const { read, write } = of('float');
        expect(Math.fround(read(literal) as number)).toBe(single);
        expect(write(read(literal))).toBe(literal);
        expect(write(single)).toBe(literal);
      }),
    );
  });

  it('any decimal is written with all its digits', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: 0, max: 20 }), (n, scale) => {
        const digits = String(n < 0n ? -n : n).padStart(scale + 1, '0');
        const text = `${n < 0n ? '-' : ''}${digits.slice(0, digits.length - scale)}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
        const { read, write } = of(`decimal(65,${scale})`);
        expect(write(read(text))).toBe(text);
      }),
    );
  });
});

const table = shape({
  columns: [column('id'), column('v', 'varchar(9)', { nullable: true }), column('w', 'int', { nullable: false })],
});
const columns = table.columns.map((each) => ({ name: each.name, shape: { ...each, charset: 'utf8mb4' } }));

function run(processor: Processor, row: Image = ['1', "'x'", '2']): readonly Image[] {
  return processing(processor, { module: 'm.mjs', digest: '' }, table, columns, [0])(row);
}

test('none, one or several rows; null where the column takes it', () => {
  expect(run(() => null)).toEqual([]);
  expect(run((row) => row)).toEqual([['1', "'x'", '2']]);
  expect(run((row) => [{ ...row, v: null }, row])).toEqual([
    ['1', null, '2'],
    ['1', "'x'", '2'],
  ]);
});

test('a column may be called then', () => {
  const odd = shape({ columns: [column('id'), column('then')] });
  const all = odd.columns.map((each) => ({ name: each.name, shape: each }));
  expect(processing((row) => row, { module: 'm.mjs', digest: '' }, odd, all, [0])(['1', '2'])).toEqual([['1', '2']]);
});

test('what is left alone stays what it was, though several values read alike; what is changed in place does not', () => {
  const types = ["enum('','a')", 'double', 'varbinary(4)', 'float'];
  const odd = shape({ columns: [column('id'), ...types.map((type, i) => column(`c${i}`, type, { nullable: true }))] });
  const all = odd.columns.map((each) => ({ name: each.name, shape: each }));
  const row = ['1', '0', '-0e0', "x'0001'", '0.10000000149011612e0'];
  const of = (processor: Processor): readonly Image[] =>
    processing(processor, { module: 'm.mjs', digest: '' }, odd, all, [0])(row);
  expect(of((given) => ({ ...given }))).toEqual([row]);
  const changing: Processor = (given) => {
    const changed = given as Record<string, unknown>;
    changed['c1'] = 2;
    (changed['c2'] as Uint8Array)[0] = 255;
    return given;
  };
  expect(of(changing)).toEqual([['1', '0', '2e0', "x'ff01'", '0.10000000149011612e0']]);
});

test.each<[string, unknown]>([
  ['part of the key', (row: object) => ({ ...row, id: 2 })],
  ['no value of v', ({ id }: { id: number }) => ({ id })],
  ['a column x that does not travel', (row: object) => ({ ...row, x: 1 })],
  ['a promise', async (row: object) => row],
  // Nobody waits for it: what it ends with must not end the process.
  ['a promise', async () => Promise.reject(new Error('secret'))],
  ['a promise', (row: object) => [row, Promise.reject(new Error('secret'))]],
  ['undefined where a row', () => undefined],
  // A hole is nothing.
  [
    'undefined where a row',
    (row: object) => {
      const rows: object[] = [];
      rows[1] = row;
      return rows;
    },
  ],
  [
    'it threw SyntaxError',
    (row: object) =>
      new Proxy(row, {
        ownKeys: () => {
          throw new SyntaxError('secret');
        },
      }),
  ],
  [
    'it threw EvalError',
    (row: object) =>
      new Proxy([row], {
        get: () => {
          throw new EvalError('secret');
        },
      }),
  ],
  ['a column 0 that does not travel', (row: object) => [[row]]],
  ['string where a row', () => 'secret'],
  ['no value of id', () => new Map([['id', 1]])],
  [
    'it threw TypeError',
    (row: object) =>
      Object.defineProperty({ ...row }, 'v', {
        enumerable: true,
        get: () => {
          throw new TypeError('secret');
        },
      }),
  ],
  ['null for w, which takes none', (row: object) => ({ ...row, w: null })],
  [
    'it threw RangeError at line',
    () => {
      throw new RangeError('secret');
    },
  ],
])('refused by the key of the row: %s', (problem, processor) => {
  const failing = (): unknown => run(processor as Processor);
  expect(failing).toThrow(problem);
  expect(failing).toThrow('the row id=1 of shop.t');
  expect(failing).not.toThrow('secret');
});
