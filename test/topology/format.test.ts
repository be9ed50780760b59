/** `otter fmt`: one layout, the same meaning, nothing lost; and a second time changes nothing. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node } from 'yaml';
import { Document, isMap, isScalar, isSeq, Scalar, visit } from 'yaml';
import { formatText } from '../../src/topology/format.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { sameMeaning } from '../../src/topology/same-meaning.ts';
import { EXAMPLE } from './example.ts';

function format(text: string): string {
  const { text: formatted, diagnostics } = formatText('t.yaml', text);
  expect(diagnostics, text).toEqual([]);
  expect(formatted).not.toBeNull();
  return formatted!;
}

describe('the layout', () => {
  it.each([
    [
      'two spaces a level, also of lists',
      'a:\n    b:\n    - c\n    -   d: 1\n        e: 2\n',
      'a:\n  b:\n    - c\n    - d: 1\n      e: 2\n',
    ],
    ['spaces of flow collections', 'a: {b: [ 1,2 ],c:   {}, d: [ ]}\n', 'a: { b: [1, 2], c: {}, d: [] }\n'],
    ['one blank line at most, none at the ends', '\n\na: 1\n\n\n\nb: 2\n\n\n', 'a: 1\n\nb: 2\n'],
    ['no space at line ends, a line end at the end', 'a: 1   \nb:   2', 'a: 1\nb: 2\n'],
    ['quotes stay', `a: "1"\nb: 'x'\nc: "\\u00e9"\n`, `a: "1"\nb: 'x'\nc: "\\u00e9"\n`],
    [
      'anchors, aliases and merge keys',
      'x-a:   &a   {b: 1}\nc: {<<: *a}\n?   d\n:  *a\n',
      'x-a: &a { b: 1 }\nc: { <<: *a }\n? d\n: *a\n',
    ],
    ['a comment keeps its column while there is room', 'a:  1     # x\nbbb:   2  # y\nc: {d:   1} # z\n', null],
    [
      'comments of their own',
      '#a\na:\n    # b\n\n    b: 1\n    # c\n# d\nc: 1\n',
      '#a\na:\n  # b\n\n  b: 1\n  # c\n# d\nc: 1\n',
    ],
    [
      'brackets over several lines',
      'a:\n    b: [\n     1,\n     # c\n       2\n     ]\n',
      'a:\n  b: [\n      1,\n      # c\n      2\n    ]\n',
    ],
    [
      'block texts',
      'a:\n    b: |-\n          x\n            y\n\n          z\n    c: >+2\n        q\n\nd: 1\n',
      'a:\n  b: |-\n    x\n      y\n\n    z\n  c: >+2\n      q\n\nd: 1\n',
    ],
    ['texts over several lines', 'a: one\n      two\nb: "c\n  d\\\n   e"\n', 'a: one\n  two\nb: "c\n  d\\\n  e"\n'],
    ['CRLF stays', 'a:   1\r\nb: 2\r\n', 'a: 1\r\nb: 2\r\n'],
    ['nothing', '', ''],
    ['only comments', '\n#  x\n\n\n# y\n', '#  x\n\n# y\n'],
    ['a document mark', '%YAML 1.2\n---\na:    1\n', '%YAML 1.2\n---\na: 1\n'],
  ])('%s', (_, written, wanted) => {
    const formatted = format(written);
    if (wanted !== null) expect(formatted).toBe(wanted);
    else expect(formatted).toBe('a: 1      # x\nbbb: 2    # y\nc: { d: 1 } # z\n');
    expect(format(formatted)).toBe(formatted);
  });

  it('what has syntax errors is left alone, with the finding', () => {
    const { text, diagnostics } = formatText('t.yaml', 'a: [1\nb: 2\n');
    expect(text).toBeNull();
    expect(diagnostics.map(({ code, range }) => [code, range?.line])).toContainEqual(['OT1001', 2]);
  });

  it('what is wrong in another way is formatted all the same', () => {
    expect(format('a:   1\na:  *none\n')).toBe('a: 1\na: *none\n');
  });
});

describe('what ships', () => {
  it('is formatted', () => {
    const files = readdirSync('topologies', { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.ya?ml$/.test(name),
    );
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) {
      const text = readFileSync(`topologies/${file}`, 'utf8');
      expect(format(text)).toBe(text);
    }
  });
});

/** Texts as people write them: any indent, blocks and flows, comments, anchors, blank lines, every kind of scalar. */
const words = fc.constantFrom(
  'a',
  'shop',
  'x y',
  '12',
  'true',
  'null',
  '',
  "it's",
  'a: b',
  '# no',
  '数',
  'l1\nl2',
  ' lead',
  'tail ',
  '*x',
  '- d',
);
const scalars = fc.oneof(words, fc.integer(), fc.boolean(), fc.constant(null));
const trees = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    scalars,
    fc.dictionary(words, tie('node'), { maxKeys: 4 }),
    fc.array(tie('node'), { maxLength: 4 }),
  ),
})).node;
const layouts = fc.record({
  indent: fc.integer({ min: 1, max: 6 }),
  indentSeq: fc.boolean(),
  simpleKeys: fc.constant(false),
});

function written(tree: unknown, layout: { indent: number; indentSeq: boolean }, dice: () => number): string {
  const document = new Document({ root: tree }, { aliasDuplicateObjects: false });
  let anchors = 0;
  visit(document, {
    Node: (_, node) => {
      const any = node as Node & {
        flow?: boolean;
        type?: string;
        spaceBefore?: boolean;
        comment?: string;
        anchor?: string;
      };
      const roll = dice();
      if ((isMap(node) || isSeq(node)) && roll < 0.25) any.flow = true;
      if (isScalar(node) && typeof node.value === 'string' && roll < 0.5) {
        const types = [
          Scalar.QUOTE_DOUBLE,
          Scalar.QUOTE_SINGLE,
          Scalar.BLOCK_LITERAL,
          Scalar.BLOCK_FOLDED,
          Scalar.PLAIN,
        ];
        any.type = types[Math.floor(roll * 10)]!;
      }
      if (roll > 0.9) any.comment = ` c${anchors}`;
      else if (roll > 0.8) any.commentBefore = ` b${anchors}\n and`;
      else if (roll > 0.7) any.spaceBefore = true;
      else if (roll > 0.65) any.anchor = `n${anchors++}`;
    },
  });
  return document.toString({ lineWidth: dice() < 0.3 ? 30 : 0, flowCollectionPadding: dice() < 0.5, ...layout });
}

describe('whatever is written', () => {
  it('is laid out once and for all, and means the same', () => {
    fc.assert(
      fc.property(
        trees,
        layouts,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        (tree, layout, dice) => {
          const text = written(tree, layout, () => dice.next().value);
          fc.pre(formatText('t.yaml', text).diagnostics.every(({ code }) => code !== 'OT1001' && code !== 'OT1003'));
          const formatted = format(text);
          expect(format(formatted)).toBe(formatted);
          expect(sameMeaning(text, formatted)).toBe(true);
          expect(formatted).not.toMatch(/\n\n\n\S|A\n/);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('a topology stays the topology that it is, wherever space is put in or taken away', () => {
    const before = loadTexts([{ path: 't.yaml', text: EXAMPLE }]).topology;
    const gaps = [...EXAMPLE.matchAll(/ +/g)].map(({ index, 0: found }) => ({ index, length: found.length }));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(gaps.length - 1), fc.integer({ min: 0, max: 4 })), { maxLength: 12 }),
        (changes) => {
          const text = [...changes]
            .map(([gap, length]) => ({ ...gaps[gap]!, now: length }))
            .sort((a, b) => b.index - a.index)
            .reduce(
              (whole, { index, length, now }) => whole.slice(0, index) + ' '.repeat(now) + whole.slice(index + length),
              EXAMPLE,
            );
          const loaded = loadTexts([{ path: 't.yaml', text }]);
          fc.pre(JSON.stringify(loaded.topology) === JSON.stringify(before));
          const formatted = format(text);
          expect(loadTexts([{ path: 't.yaml', text: formatted }]).topology).toEqual(before);
        },
      ),
      { numRuns: 40 },
    );
  });
});
