/** What expressions mean: precedence, three-valued logic, exact numbers, texts as they are, and what is told before the first row. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExpression } from '../../../src/model/expression-parser.ts';
import { ExpressionProblem } from '../../../src/model/expression-words.ts';
import type { ColumnShape, Value } from '../../../src/model/row.ts';
import { compile, compileCondition } from '../../../src/replication/expression/compile.ts';
import { columnFor } from '../../../src/replication/expression/types.ts';
import { writerOf } from '../../../src/replication/expression/values.ts';
import { column } from '../model.ts';

const COLUMNS: Readonly<Record<string, readonly [type: string, charset: string | null]>> = {
  id: ['int(11)', null],
  big: ['bigint(20) unsigned', null],
  price: ['decimal(10,2)', null],
  ratio: ['double', null],
  single: ['float', null],
  name: ['varchar(20)', 'utf8mb4'],
  code: ['char(4)', 'latin1'],
  state: ["enum('draft','it''s','a,b')", 'utf8mb4'],
  flags: ["set('x','y','z')", 'utf8mb4'],
  raw: ['varbinary(8)', null],
  born: ['date', null],
  made: ['datetime(3)', null],
  seen: ['timestamp', null],
  took: ['time(2)', null],
  made_in: ['year(4)', null],
  bits: ['bit(8)', null],
  shape: ['point', null],
  doc: ['json', null],
  hidden: ['varchar(9)', 'swe7'],
};
const shapes: readonly ColumnShape[] = Object.entries(COLUMNS).map(([name, [type, charset]]) =>
  column(name, type, { charset, nullable: name !== 'id' }),
);
type Row = Readonly<Record<string, Value>>;
const images = (row: Row): Value[] => Object.keys(COLUMNS).map((name) => row[name] ?? null);

/** The literal that the expression makes. */
function made(text: string, row: Row = {}): Value {
  const { type, evaluate } = compile(parseExpression(text), shapes);
  const value = evaluate(images(row));
  return value === null ? null : writerOf(type)(value);
}
const typed = (text: string): string => {
  const { type, nullable } = compile(parseExpression(text), shapes);
  const shape = columnFor(type, 'x', nullable);
  return `${shape.type}${shape.charset === null ? '' : ` ${shape.charset}`}${nullable ? ' NULL' : ''}`;
};
const problem = (text: string): string => {
  try {
    compile(parseExpression(text), shapes);
  } catch (error) {
    if (error instanceof ExpressionProblem) return `${error.at}: ${error.message}`;
    throw error;
  }
  return 'none';
};

describe('precedence', () => {
  test.each([
    ['1 + 2 * 3', '7'],
    ['(1 + 2) * 3', '9'],
    ['7 - 2 - 1', '4'],
    ['-2 - -3', '1'],
    ['NOT 1 = 2', '1'],
    ['NOT 1 = 1 OR 1 = 1', '1'],
    ['1 = 1 OR 1 = 1 AND 1 = 2', '1'],
    ['2 BETWEEN 1 AND 3 AND 1 = 2', '0'],
    ['NOT 2 IN (1, 2)', '0'],
    ['7 DIV 2 + 7 % 4', '6'],
    ['mod(7, 4)', '3'],
    ["CASE WHEN 1 = 2 THEN 'a' WHEN 1 = 1 THEN 'b' ELSE 'c' END", "'b'"],
    ["CASE 3 WHEN 1 THEN 'a' END", null],
  ])('%s', (text, expected) => expect(made(text)).toBe(expected));
});

describe('three values', () => {
  const values = ['NULL', 'TRUE', 'FALSE'] as const;
  const and = (a: string, b: string): Value =>
    a === 'FALSE' || b === 'FALSE' ? '0' : a === 'TRUE' && b === 'TRUE' ? '1' : null;
  const or = (a: string, b: string): Value =>
    a === 'TRUE' || b === 'TRUE' ? '1' : a === 'FALSE' && b === 'FALSE' ? '0' : null;
  test.each(values.flatMap((a) => values.map((b) => [a, b] as const)))('%s, %s', (a, b) => {
    expect(made(`${a} AND ${b}`)).toBe(and(a, b));
    expect(made(`${a} OR ${b}`)).toBe(or(a, b));
  });
  test.each([
    ['id = NULL', null],
    ['NOT NULL', null],
    ['NULL <=> NULL', '1'],
    ['id <=> NULL', '0'],
    ['id IN (1, NULL)', '1'],
    ['id IN (2, NULL)', null],
    ['id NOT IN (2, NULL)', null],
    ['name IS NULL', '1'],
    ['shape IS NOT NULL', '0'],
    ['(id = NULL) IS TRUE', '0'],
    ['(id = NULL) IS NOT FALSE', '1'],
    ['name = name', null],
    ['id + NULL', null],
    ["concat('a', name)", null],
    ["coalesce(name, 'none')", "'none'"],
    ['nullif(id, 1)', null],
    ['nullif(id, 2)', '1'],
    ['if(name IS NULL, 1, 2)', '1'],
    ['id / 0', null],
    ['id DIV 0', null],
    ['id % 0', null],
  ])('%s', (text, expected) => expect(made(text, { id: '1' })).toBe(expected));
  test('a filter takes only what is true', () => {
    const keeps = compileCondition(parseExpression("name <> 'x'"), shapes);
    expect([keeps(images({ name: "'y'" })), keeps(images({ name: "'x'" })), keeps(images({}))]).toEqual([
      true,
      false,
      false,
    ]);
    expect(compileCondition(parseExpression('id'), shapes)(images({ id: '0' }))).toBe(false);
  });
});

describe('numbers are exact', () => {
  test.each([
    ['price * id', '-0.02', 'decimal(20,2) NULL'],
    ['big + 1', '18446744073709551616', 'decimal(21,0) NULL'],
    ['0.1 + 0.2', '0.3', 'decimal(3,1)'],
    ['price / 3', '-0.003333', 'decimal(14,6) NULL'],
    ['2 / 3', '0.6667', 'decimal(5,4) NULL'],
    ['-7 DIV 2', '-3', 'tinyint NULL'],
    ['-7 % 2', '-1', 'tinyint NULL'],
    ['round(price * 10)', '0', 'bigint NULL'],
    ['round(2.5)', '3', 'tinyint'],
    ['round(-2.5)', '-3', 'tinyint'],
    ['round(ratio, 2)', '0.30', 'decimal(65,2) NULL'],
    ['floor(-1.5)', '-2', 'tinyint'],
    ['ceiling(-1.5)', '-1', 'tinyint'],
    ['abs(price)', '0.01', 'decimal(10,2) NULL'],
    ['price * 0', '0.00', 'decimal(11,2) NULL'],
    ['ratio * 10', '3.0000000000000004e0', 'double NULL'],
    ['single = 0.1', '1', 'tinyint(1) NULL'],
    ['single * 2', '0.2e0', 'double NULL'],
    // What a NULL that is written makes DOUBLE, also where it is not met (9522346061756737 % 100 is 37).
    ['9522346061756737 % CASE WHEN id IS NOT NULL THEN 100 ELSE 1 + NULL END', '36e0', 'double NULL'],
    ['9522346061756737 % CASE WHEN id IS NOT NULL THEN 100 ELSE round(NULL) END', '36e0', 'double NULL'],
    ['coalesce(single, 1)', '0.1e0', 'double'],
    ['single IN (0.10000000149011612)', '0', 'tinyint(1) NULL'],
    ['ratio = 0.30000000000000004', '1', 'tinyint(1) NULL'],
    ['big = 18446744073709551615', '1', 'tinyint(1) NULL'],
    ['big = 18446744073709551614', '0', 'tinyint(1) NULL'],
    ['made_in + 1', '2025', 'mediumint NULL'],
    ['bits = 5', '1', 'tinyint(1) NULL'],
    ["concat(price, '')", "'-0.01'", 'char(12) ascii NULL'],
  ])('%s', (text, expected, type) => {
    const row = {
      id: '2',
      big: '18446744073709551615',
      price: '-0.01',
      ratio: '0.30000000000000004e0',
      single: '0.10000000149011612e0',
      made_in: "'2024'",
      bits: '5',
    };
    expect(made(text, row)).toBe(expected);
    expect(typed(text)).toBe(type);
  });
  test('sums are those of whole numbers, however large', () => {
    const digits = fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n });
    fc.assert(
      fc.property(digits, digits, (a, b) => {
        const [x, y] = [`(${a})`, `(${b})`];
        expect(made(`${x} + ${y}`)).toBe(String(a + b));
        expect(made(`${x} - ${y}`)).toBe(String(a - b));
        expect(made(`${x} * ${y}`)).toBe(String(a * b));
        expect(made(`${x} < ${y}`)).toBe(a < b ? '1' : '0');
        if (b === 0n) return;
        expect(made(`${x} DIV ${y}`)).toBe(String(a / b));
        expect(made(`${x} % ${y}`)).toBe(String(a % b));
      }),
    );
  });
});

describe('texts are as they are', () => {
  const row = {
    name: "'It\\'s  '",
    code: "_latin1 x'e9e0'",
    state: '2',
    flags: '5',
    raw: "x'00ff'",
  };
  test.each([
    ["name = 'It''s  '", '1'],
    ["name = 'It''s'", '0'],
    ["name = 'it''s  '", '0'],
    ["lower(name) = 'it\\'s  '", '1'],
    ["code = 'éà'", '1'],
    ['upper(code)', "'ÉÀ'"],
    ["upper('ß')", "'ß'"],
    ["state = 'it''s'", '1'],
    ["flags = 'x,z'", '1'],
    ["raw = x'00FF'", '1'],
    ["raw < x'0100'", '1'],
    ['hex(raw)', "'00FF'"],
    ['char_length(code)', '2'],
    ["concat(code, '|', state)", "'éà|it\\'s'"],
    ["left('añb😀c', 4)", "'añb😀'"],
    ["right('añb😀c', 2)", "'😀c'"],
    ["substring('abcdef', 2, 3)", "'bcd'"],
    ["trim('  a b ')", "'a b'"],
    ["'\uffff' < '😀'", '1'],
    ["'a' < 'B'", '0'],
    ["'a%c' LIKE 'a\\%_'", '1'],
    ["'abc' LIKE 'a\\%_'", '0'],
    ["'xaabaab' LIKE '%aab'", '1'],
    ["'a|b' LIKE 'a||b' ESCAPE '|'", '1'],
    ["'Abc' LIKE 'a%'", '0'],
    ["'' LIKE '%'", '1'],
  ])('%s', (text, expected) => expect(made(text, row)).toBe(expected));
  test('LIKE is what a regular expression says', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '%', '_', '.', '😀'), maxLength: 8 });
    fc.assert(
      fc.property(letters, letters, (text, pattern) => {
        const source = [...pattern]
          .map((c) => (c === '%' ? '[^]*' : c === '_' ? '[^]' : c === '.' ? '\\.' : c))
          .join('');
        const quoted = (t: string): string => `'${t}'`;
        expect(made(`${quoted(text)} LIKE ${quoted(pattern)}`)).toBe(
          new RegExp(`^${source}$`, 'u').test(text) ? '1' : '0',
        );
      }),
    );
  });
});

describe('dates', () => {
  const row = {
    born: "'2024-02-29'",
    made: "'2024-02-29 10:00:00.500'",
    seen: "'2024-01-01 00:00:00'",
    took: "'-01:00:00.25'",
  };
  test.each([
    ["born = '2024-02-29'", '1'],
    ["born < '2024-03-01 00:00:00'", '1'],
    ["made > '2024-02-29'", '1'],
    ["made = '2024-02-29T10:00:00.5'", '1'],
    ['made > born', '1'],
    ['date(made) = born', '1'],
    ['date(made)', "'2024-02-29'"],
    ['coalesce(made, born)', "'2024-02-29 10:00:00.500'"],
    ['year(born) * 100 + month(born)', '202402'],
    ['day(made) + hour(made)', '39'],
    ["seen >= '2024-01-01'", '1'],
    ["took < '00:00:00'", '1'],
    ["took = '-01:00:00.25'", '1'],
    ["concat(made, '')", "'2024-02-29 10:00:00.500'"],
    ["born BETWEEN '2024-01-01' AND '2024-12-31'", '1'],
  ])('%s', (text, expected) => expect(made(text, row)).toBe(expected));
});

test.each([
  ['nam = 1', '0: there is no column nam; did you mean name?'],
  ['region = 1', "0: there is no column region; write 'region' if a text is meant"],
  ["id = '5'", '0: a number cannot be compared with a text: leave out the quotes'],
  ['name = 5', '0: a text cannot be compared with a number: put the number in quotes'],
  ["raw = 'a'", "0: bytes cannot be compared with a text: bytes are written x'00ff'"],
  ['made > seen', '0: a date with time cannot be compared with a TIMESTAMP, whose zone is not known'],
  ["born > 'yesterday'", "7: 'yesterday' is compared with a date: write it as '2024-12-31' or '2024-12-31 23:59:59'"],
  ["doc = 'x'", '0: of type json cannot be compared with a text, only with IS NULL'],
  ["hidden = 'x'", '0: of type varchar(9) in swe7 cannot be compared with a text, only with IS NULL'],
  ['name AND 1', '0: a text stands where a condition is wanted'],
  ["id + 'a'", '5: a number is wanted, and a text stands there'],
  ['concat(ratio)', '7: how a DOUBLE is written must be said: use round()'],
  ["if(1, 'a', 2)", '11: a number stands beside a text'],
  [
    'price * price * price * price * price * price * price * price * price * price * price * price * price * price * price * price',
    '0: more than 30 digits after the point: use round()',
  ],
  ['id = id = id', '8: put one of two comparisons in brackets'],
  ['id = (select 1)', '6: `select` stands where a column, a constant or a function is expected'],
  ['lower(name, 1)', '0: lower takes 1 arguments, not 2'],
  ['loewr(name)', '0: there is no function loewr here; did you mean lower?'],
  ['id = 1; drop table x', '6: `;` has no meaning here'],
  ['id = 1 -- x', "10: there is no column x; write 'x' if a text is meant"],
  ['@x = 1', '0: variables of a server have no place here'],
  ['t.id = 1', '1: columns stand without their table'],
  ['1abc', '0: a name that begins with a digit stands in backticks'],
  ["x'abc'", '0: bytes have an even number of digits'],
  [`${'('.repeat(300)}1${')'.repeat(300)}`, '201: too many brackets inside each other'],
  [`1${' + 1'.repeat(300)}`, '804: too many operators in one row'],
  ['', '0: the text ends where a column, a constant or a function is expected'],
])('%s', (text, expected) => expect(problem(text)).toBe(expected));

test('whatever is written is read, or is a problem with its place', () => {
  const words = [
    'id',
    'name',
    '(',
    ')',
    ',',
    "'a'",
    '1',
    '+',
    '=',
    'AND',
    'NOT',
    'IS',
    'NULL',
    'IN',
    'CASE',
    'END',
    '`',
    "'",
    'if(',
    "x'",
  ];
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(fc.constantFrom(...words)).map((parts) => parts.join(' ')),
        fc.string(),
      ),
      (text) => {
        try {
          compile(parseExpression(text), shapes);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionProblem);
          expect((error as ExpressionProblem).at).toBeLessThanOrEqual(text.length);
        }
      },
    ),
  );
});
