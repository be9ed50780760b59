/** Topologies with mistakes as people and merges make them, and what must hold of the answer whatever they are. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Diagnostic, SourceRange } from '../../src/model/diagnostic.ts';
import { DIAGNOSTIC_FORMATS, renderDiagnostics } from '../../src/render/diagnostics.ts';
import { allFindings } from '../../src/topology/all-findings.ts';
import { mend } from '../../src/topology/fixing.ts';
import { formatText } from '../../src/topology/format.ts';
import type { LoadedTopology } from '../../src/topology/load.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { EXAMPLE } from './example.ts';

const ENVIRONMENT =
  'name: prod\ndatabases:\n  hz: { protect: true, endpoints: ["db:3306"] }\nchannels:\n  shop:\n    ddl: stop\n';
const TEXTS = [
  EXAMPLE,
  readFileSync('topologies/shop/topology.yaml', 'utf8'),
  readFileSync('test/golden/findings/topology.yaml', 'utf8'),
];

interface Mutation {
  readonly kind: 'cut' | 'double' | 'swap' | 'word' | 'sign' | 'indent' | 'join' | 'letter';
  /** Shares of the text's length. */
  readonly at: number;
  readonly other: number;
  readonly sign: string;
}

const SIGNS = [
  ':',
  '-',
  '#',
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ',',
  '*x',
  '&x ',
  '<<: ',
  '\t',
  '  ',
  '\n',
  '${var.x}',
  '${',
  '| ',
  '? ',
  '! ',
  '%',
  '@',
  '\u0000',
  '\u2028',
  '数',
  '🦦',
  '# otter:ignore OT1036 x\n',
  'null',
  '~',
  '1e999',
  '0x1',
  '..',
];

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.constantFrom('cut', 'double', 'swap', 'word', 'sign', 'indent', 'join', 'letter'),
  at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  other: fc.double({ min: 0, max: 0.999, noNaN: true }),
  sign: fc.constantFrom(...SIGNS),
});

export const mutated: fc.Arbitrary<readonly [string, string | null]> = fc
  .tuple(
    fc.constantFrom(...TEXTS),
    fc.array(mutation, { minLength: 1, maxLength: 5 }),
    fc.option(fc.array(mutation, { maxLength: 3 })),
  )
  .map(([text, changes, over]) => [
    changes.reduce(mutate, text),
    over === null ? null : over.reduce(mutate, ENVIRONMENT),
  ]);

function mutate(text: string, { kind, at, other, sign }: Mutation): string {
  const lines = text.split('\n');
  const [i, j] = [Math.floor(at * lines.length), Math.floor(other * lines.length)];
  const words = [...text.matchAll(/[\w.:-]+/g)];
  const [one, two] = [words[Math.floor(at * words.length)], words[Math.floor(other * words.length)]];
  const place = Math.floor(at * text.length);
  switch (kind) {
    case 'cut':
      return lines.toSpliced(i, 1).join('\n');
    case 'double':
      return lines.toSpliced(j, 0, lines[i]!).join('\n');
    case 'swap':
      return lines.with(i, lines[j]!).with(j, lines[i]!).join('\n');
    case 'word':
      return one === undefined ? text : text.slice(0, one.index) + two![0] + text.slice(one.index + one[0].length);
    case 'sign':
      return text.slice(0, place) + sign + text.slice(place);
    case 'indent':
      return lines.with(i, other < 0.5 ? `  ${lines[i]}` : lines[i]!.replace(/^ {1,2}/, '')).join('\n');
    case 'join':
      return i + 1 < lines.length ? lines.toSpliced(i, 2, lines[i]! + lines[i + 1]!).join('\n') : text;
    case 'letter':
      return text.slice(0, place) + text.slice(place + 1);
    default:
      return kind satisfies never;
  }
}

/** No stack trace, no finding without a place in the text, nothing written that is worse, nothing shown that moves a cursor. */
export function expectAnswer(text: string, environment: string | null): void {
  const texts = new Map([['t.yaml', text], ...(environment === null ? [] : [['env.yaml', environment] as const])]);
  const load = (instead: ReadonlyMap<string, string>): LoadedTopology => {
    const now = (path: string): { path: string; text: string } => ({
      path,
      text: instead.get(path) ?? texts.get(path)!,
    });
    return loadTexts([now('t.yaml')], {}, environment === null ? null : [now('env.yaml')]);
  };
  const loaded = load(new Map());
  const found = allFindings(loaded, null);
  expect(loaded.topology === null).toBe(loaded.diagnostics.some(({ severity }) => severity === 'error'));
  for (const finding of found) expectPlaces(finding, texts);
  for (const format of DIAGNOSTIC_FORMATS) {
    const drawn = renderDiagnostics(format, found, { files: loaded.files });
    if (format === 'text' || format === 'github')
      expect(drawn).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u2028]|\n\s+at .*:\d+:\d+/);
    else JSON.parse(drawn);
  }
  const { texts: after, mended } = mend(
    (instead) => allFindings(load(instead), null),
    (path) => texts.get(path)!,
  );
  const unreadable = (some: readonly Diagnostic[]): number => some.filter(({ code }) => code === 'OT1001').length;
  const left = allFindings(load(after), null);
  expect(unreadable(left)).toBeLessThanOrEqual(unreadable(found));
  expect(after.size > 0).toBe(mended.length > 0);
  const formatted = formatText('t.yaml', text);
  if (formatted.text === null) expect(formatted.diagnostics).not.toEqual([]);
  else expect(formatText('t.yaml', formatted.text).text).toBe(formatted.text);
}

function expectPlaces({ range, related, fix, summary }: Diagnostic, texts: ReadonlyMap<string, string>): void {
  expect(range, summary).not.toBeNull();
  const places = [range!, ...related.map((one) => one.range), ...(fix?.edits ?? []).map((edit) => edit.range)];
  for (const place of places) expectInside(place, texts.get(place.file)!, summary);
}

function expectInside({ line, column, endLine, endColumn }: SourceRange, text: string, summary: string): void {
  const lines = text.split('\n');
  expect(line, summary).toBeGreaterThanOrEqual(1);
  expect(endLine * 1e6 + endColumn, summary).toBeGreaterThanOrEqual(line * 1e6 + column);
  expect(endLine, summary).toBeLessThanOrEqual(lines.length + 1);
  expect(column, summary).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
}
