import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { DIAGNOSTIC_FORMATS, diagnosticsText, renderDiagnostics } from '../../src/render/diagnostics.ts';
import { clip, displayWidth, printable } from '../../src/render/width.ts';

const text = 'a: 1\n\t数据库: "hz 🦦" # naïve\nlast: x';
const range = { file: 'dir/t 1.yaml', line: 2, column: 2, endLine: 2, endColumn: 5 };
const finding: Diagnostic = {
  code: 'OT1031',
  severity: 'error',
  summary: 'no region is called `数据库`',
  detail: 'Did you mean `数据`?',
  range,
  related: [{ message: 'used here', range: { ...range, line: 3, column: 7, endLine: 3, endColumn: 8 } }],
  fix: { title: 'Write `数据`.', edits: [{ range, text: '数据' }] },
};
const nowhere: Diagnostic = {
  code: 'OT1020',
  severity: 'warning',
  summary: '100%, a: b',
  detail: '',
  range: null,
  related: [],
};
const files = [{ path: 'dir/t 1.yaml', text }];

describe('findings as text', () => {
  it('underlines what is meant, wide characters too', () => {
    expect(diagnosticsText([finding, nowhere], { files })).toBe(`error[OT1031]: no region is called \`数据库\`
 --> dir/t 1.yaml:2:2
  |
2 |     数据库: "hz 🦦" # naïve
  |     ^^^^^^
 ::: dir/t 1.yaml:3:7
  |
3 | last: x
  |       - used here
  = help: Write \`数据\`.

warning[OT1020]: 100%, a: b
`);
  });

  it('has colour only when asked', () => {
    const coloured = diagnosticsText([finding], { files, colour: true });
    expect(coloured).toContain('\u001b[1;31m');
    expect(coloured.replaceAll(/\u001b\[[0-9;]*m/g, '')).toBe(diagnosticsText([finding], { files }));
  });

  it('cuts long lines around the place and counts what it leaves out', () => {
    const long = {
      ...finding,
      related: [],
      detail: '',
      range: { file: 'l', line: 1, column: 3001, endLine: 1, endColumn: 3004 },
    };
    const shown = diagnosticsText([long], {
      files: [{ path: 'l', text: `${'x'.repeat(3000)}abc${'y'.repeat(3000)}` }],
    });
    const [line, marks] = shown.split('\n').slice(3, 5) as [string, string];
    expect(displayWidth(line)).toBeLessThanOrEqual(170);
    expect(line.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('abc');
    expect(diagnosticsText(new Array(60).fill(nowhere), { files })).toContain('… and 10 more');
  });

  it('shows no control characters of the file', () => {
    expect(printable('a\u001b[31mb\u0007\u202e')).toBe('a\ufffd[31mb\ufffd\ufffd');
    const evil = diagnosticsText([{ ...finding, related: [] }], {
      files: [{ path: 'dir/t 1.yaml', text: '\n\u001b]0;x\u0007abc' }],
    });
    expect(evil).not.toMatch(/[\u001b\u0007]/);
  });

  it.each([
    ['abc', 3],
    ['数据', 4],
    ['e\u0301', 1],
    ['🦦', 2],
    ['👩‍👩‍👧', 2],
    ['ｱ', 1],
    ['Ａ', 2],
  ])('%s is %i wide', (word, width) => {
    expect(displayWidth(word)).toBe(width);
  });

  it('a clipped line keeps the marked part in place', () => {
    const { text: shown, start, end } = clip(`${'数'.repeat(200)}mark${'据'.repeat(200)}`, 200, 204, 60);
    expect(shown.slice(start, end)).toBe('mark');
    expect(displayWidth(shown)).toBeLessThanOrEqual(60);
  });
});

describe('findings for machines', () => {
  it('JSON', () => {
    expect(JSON.parse(renderDiagnostics('json', [finding, nowhere], { files }))).toEqual({
      format_version: 1,
      errors: 1,
      warnings: 1,
      findings: [
        {
          code: 'OT1031',
          severity: 'error',
          summary: 'no region is called `数据库`',
          detail: 'Did you mean `数据`?',
          place: { file: 'dir/t 1.yaml', line: 2, column: 2, end_line: 2, end_column: 5 },
          address: null,
          related: [{ message: 'used here', file: 'dir/t 1.yaml', line: 3, column: 7, end_line: 3, end_column: 8 }],
          fix: {
            title: 'Write `数据`.',
            edits: [{ file: 'dir/t 1.yaml', line: 2, column: 2, end_line: 2, end_column: 5, text: '数据' }],
          },
          ignored: null,
        },
        {
          code: 'OT1020',
          severity: 'warning',
          summary: '100%, a: b',
          detail: '',
          place: null,
          address: null,
          related: [],
          fix: null,
          ignored: null,
        },
      ],
    });
  });

  it('GitHub annotations', () => {
    expect(renderDiagnostics('github', [finding, nowhere], { files })).toBe(
      '::error file=dir/t 1.yaml,line=2,endLine=2,col=2,endColumn=4,title=OT1031::no region is called `数据库`%0Ahelp: Write `数据`.%0Adir/t 1.yaml:3:7: used here\n' +
        '::warning title=OT1020::100%25, a: b\n',
    );
  });

  it('SARIF', () => {
    const log = JSON.parse(renderDiagnostics('sarif', [finding, nowhere], { files, version: '1.2.3' }));
    expect(log).toMatchObject({
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'otter',
              version: '1.2.3',
              rules: [{ id: 'OT1020' }, { id: 'OT1031', shortDescription: { text: 'Nothing has this name' } }],
            },
          },
          columnKind: 'utf16CodeUnits',
          results: [
            {
              ruleId: 'OT1031',
              ruleIndex: 1,
              level: 'error',
              message: { text: 'no region is called `数据库`. Did you mean `数据`?' },
              locations: [
                {
                  physicalLocation: {
                    artifactLocation: { uri: 'dir/t%201.yaml' },
                    region: { startLine: 2, startColumn: 2, endLine: 2, endColumn: 5 },
                  },
                },
              ],
              relatedLocations: [{ id: 0, message: { text: 'used here' } }],
            },
            { ruleId: 'OT1020', ruleIndex: 0, level: 'warning' },
          ],
        },
      ],
    });
    expect(log.runs[0].results[1]).not.toHaveProperty('locations');
  });

  it('nothing found is a valid answer in every format', () => {
    const none = Object.fromEntries(
      DIAGNOSTIC_FORMATS.map((format) => [format, renderDiagnostics(format, [], { files })]),
    );
    expect([none['text'], none['github']]).toEqual(['', '']);
    expect(JSON.parse(none['json']!)).toEqual({ format_version: 1, errors: 0, warnings: 0, findings: [] });
    expect(JSON.parse(none['sarif']!).runs[0].results).toEqual([]);
  });
});
