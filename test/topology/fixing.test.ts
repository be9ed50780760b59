/** What `validate --fix` writes: the one answer, at its place, and nothing else; and comments that ignore findings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Diagnostic, SourceRange } from '../../src/model/diagnostic.ts';
import { allFindings } from '../../src/topology/all-findings.ts';
import { edited, mend } from '../../src/topology/fixing.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { BASE } from './example.ts';

function find(text: string): readonly Diagnostic[] {
  return allFindings(loadTexts([{ path: 't.yaml', text }]), null);
}

/** The text with all fixes, and what is still found in it. */
function fixed(text: string): { readonly text: string; readonly left: string[] } {
  const { texts } = mend(
    (instead) => find(instead.get('t.yaml') ?? text),
    () => text,
  );
  const after = texts.get('t.yaml') ?? text;
  return { text: after, left: find(after).map(({ code, range }) => `${code} ${range?.line}:${range?.column}`) };
}

const channel = (body: string): string => `${BASE}channels:\n  shop:\n${body}`;
const GOOD = channel('    between: [hz, ca] # both\n    tables: [shop.orders]\n');

describe('a fix', () => {
  it.each([
    ['a misspelt key', 'between:', 'betwen:'],
    ['a key in quotes', 'between:', '"betwen":'],
    ['a misspelt value', 'engine: mysql', 'engine: mysqll'],
    ['another case', 'engine: mysql', 'engine: MySQL'],
    ['a misspelt name', '[hz, ca]', '[hz, cax]'],
    [
      'a word of another YAML',
      'tables: [shop.orders]',
      'tables: [shop.orders]\n    enabled: yes',
      '\n    enabled: true',
    ],
    ['a number in quotes', 'tables:', 'priority: "3"\n    tables:', 'priority: 3\n    '],
    ['a text that is a number', 'user: otter', 'user: 0123', '"0123"'],
    ['a table for a list of them', 'tables: [shop.orders]', 'tables: shop.orders', '[shop.orders]'],
    ['one in quotes', 'tables: [shop.orders]', 'tables: "shop.[0-3]"', '["shop.[0-3]"]'],
    ['one that wants quotes', 'tables: [shop.orders]', 'tables: shop.[0-3]', '["shop.[0-3]"]'],
    ['a list of one', 'endpoints: ["10.0.1.2:3306"]', 'endpoints: 10.0.1.2:3306', '[10.0.1.2:3306]'],
    ['what it is called elsewhere', 'user: otter', 'username: otter'],
    ['zeros of numbered tables', '[shop.orders]', '["shop.item_[00-7]"]', '["shop.item_[00-07]"]'],
    ['a missing version', 'version: 1\n', ''],
  ])('%s', (_, ...[right, wrong, instead]: readonly string[]) => {
    const wrongText = GOOD.replace(right!, wrong!);
    expect(find(wrongText)).not.toEqual([]);
    const { text, left } = fixed(wrongText);
    expect(left).toEqual([]);
    if (instead === undefined) expect(text.replaceAll('"between"', 'between')).toBe(GOOD);
    else expect(text).toContain(instead);
  });

  it('one mistake may hide the next', () => {
    const { text, left } = fixed(
      GOOD.replace('between: [hz, ca]', 'betwen: [hz, cax]').replace('engine: mysql', 'engin: mysqll'),
    );
    expect(left).toEqual([]);
    expect(text).toBe(GOOD);
  });

  it('keeps quotes, and writes them where a word means something else', () => {
    const wrong = channel(
      "    from: hz\n    to: ca\n    initial: 'copi'\n    tables: [{ from: shop.a, columns: { mask: { x: nul } } }]\n",
    );
    const { text, left } = fixed(wrong);
    expect(left).toEqual([]);
    expect(text).toContain("initial: 'copy'");
    expect(text).toContain('mask: { x: "null" }');
  });

  it('in an anchor is one, however often it is used', () => {
    const { text, left } = fixed(
      `x-m: &m { region: a, engine: mysqll, user: otter, password: { env: P } }\n${BASE}  one: { <<: *m, endpoints: ["10.0.1.3:3306"] }\n  two: { <<: *m, endpoints: ["10.0.1.4:3306"] }\n`,
    );
    expect(left).toEqual([]);
    expect(text).toContain('engine: mysql, user');
  });

  it.each([
    [
      'two names that are as near',
      `${BASE}  hy: { region: b, engine: mysql, endpoints: ["10.0.1.3:3306"], user: otter, password: { env: P } }\nchannels: { shop: { between: [hx, ca], tables: [shop.a] } }\n`,
    ],
    ['a name that the list has already', channel('    between: [hz, hzz]\n    tables: [shop.a]\n')],
    ['a key that is there already', channel('    from: hz\n    to: ca\n    form: x\n    tables: [shop.a]\n')],
    ['a single letter', channel('    between: [hz, c]\n    tables: [shop.a]\n')],
    [
      'a database that exists, and is not in the channel',
      `${BASE}  caa: { region: b, engine: mysql, endpoints: ["10.0.1.3:3306"], user: otter, password: { env: P } }\nchannels: { shop: { between: [hz, ca], conflict: { priority: [hz, caa] }, tables: [shop.a] } }\n`,
    ],
    ['a secret', BASE.replace('{ env: P }', 'hunter2')],
    [
      'what a variable gives',
      `vars: { e: { default: mysqll } }\n${BASE.replace('engine: mysql,', 'engine: "${var.e}",')}`,
    ],
  ])('is not made of %s', (_, text) => {
    expect(find(text).some(({ severity }) => severity === 'error')).toBe(true);
    expect(fixed(text).text).toBe(text);
  });

  it('of a variable that is misspelt, or not named as one, in a longer text', () => {
    const { text, left } = fixed(
      `vars: { host: { default: h } }\n${BASE.replace('10.0.1.1:3306', '${var.hsot}:3306').replace('10.0.1.2:3306', '${host}:3307')}`,
    );
    expect(left).toEqual([]);
    expect(text).toContain('["${var.host}:3306"]');
    expect(text).toContain('["${var.host}:3307"]');
  });

  it('edits land where they should, whatever their order', () => {
    const at = (line: number, column: number, endColumn: number): SourceRange => ({
      file: 't',
      line,
      column,
      endLine: line,
      endColumn,
    });
    const edits = [
      { range: at(1, 1, 1), text: '>' },
      { range: at(2, 2, 3), text: '' },
      { range: at(1, 3, 4), text: 'long' },
      { range: at(3, 1, 1), text: '!' },
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(edits, { minLength: 4 }), (some) => {
        expect(edited('abc\ndef\n', some)).toBe('>ablong\ndf\n!');
      }),
    );
  });
});

describe('a comment that ignores a finding', () => {
  const open = (comment: string, before = ''): string =>
    BASE.replace(
      '  a1: { region: a, listen: "127.0.0.1:7401" }',
      `${before}  a1: { region: a, listen: "10.0.0.1:7401" }${comment}`,
    );
  const told = (text: string): string[] =>
    find(text).map(({ code, ignored }) => (ignored === undefined ? code : `${code} ignored: ${ignored.reason}`));

  it.each([
    ['none', open(''), ['OT1036']],
    ['on the line', open(' # otter:ignore OT1036 our own network'), ['OT1036 ignored: our own network']],
    ['on the line before', open('', '  # otter:ignore OT1036: ours\n'), ['OT1036 ignored: ours']],
    [
      'above other comments and a blank line',
      open('', '  # otter:ignore OT1036 ours\n\n  # more\n'),
      ['OT1036 ignored: ours'],
    ],
    [
      'at another line',
      open('', '# otter:ignore OT1036 ours\n')
        .replace('# otter:ignore OT1036 ours\n  a1', '  a1')
        .replace('databases:', '# otter:ignore OT1036 ours\ndatabases:'),
      ['OT1036', 'OT1072'],
    ],
    ['with another code', open(' # otter:ignore OT1035 ours'), ['OT1036', 'OT1072']],
    ['without a reason', open(' # otter:ignore OT1036'), ['OT1036', 'OT1070']],
    ['without a code', open(' # otter:ignore because'), ['OT1036', 'OT1070']],
    ['of another tool', open(' # otter:ignored OT1036'), ['OT1036']],
    ['in a text', `x-note: "# otter:ignore OT1036"\n${open('')}`, ['OT1036']],
    [
      'of what only the databases tell',
      open(' # otter:ignore OT1036 ours').replace('version: 1', 'version: 1 # otter:ignore OT4001 known'),
      ['OT1036 ignored: ours'],
    ],
  ])('%s', (_, text, expected) => {
    expect(told(text)).toEqual(expected);
  });

  it('cannot ignore an error, nor what is not built and would change rows', () => {
    const unknown = channel('    between: [hz, cb] # otter:ignore OT1031 it comes later\n    tables: [shop.a]\n');
    expect(told(unknown)).toEqual(['OT1031', 'OT1071']);
    const parking = channel(
      '    between: [hz, ca]\n    scope: transaction # otter:ignore OT1090 we know\n    tables: [shop.a]\n',
    );
    expect(told(parking)).toEqual(['OT1090', 'OT1071']);
    expect(loadTexts([{ path: 't.yaml', text: parking }]).unbuilt[0]).toMatchObject({ severity: 'error' });
  });

  it('goes away when it is not needed, with its line', () => {
    const clean = channel('    between: [hz, ca]\n    tables: [shop.a]\n');
    expect(fixed(clean.replace('channels:', '# otter:ignore OT1036 x\nchannels:  # otter:ignore OT1035 y')).text).toBe(
      clean,
    );
  });
});
