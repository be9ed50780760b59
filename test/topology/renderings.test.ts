/**
 * Every rendering of findings, as test/golden/findings.* has it: of one topology with an error, a warning, one that is
 * ignored, related places and fixes. OTTER_UPDATE=1 writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { diagnosticsGitlab } from '../../src/render/annotations.ts';
import type { DiagnosticFormat } from '../../src/render/diagnostics.ts';
import { renderDiagnostics } from '../../src/render/diagnostics.ts';
import { forReview } from '../../src/render/review-places.ts';
import { diagnosticsSarif } from '../../src/render/sarif.ts';
import { allFindings } from '../../src/topology/all-findings.ts';
import { loadTexts, loadTopology } from '../../src/topology/load.ts';

const loaded = loadTopology('test/golden/findings/topology.yaml', { environment: 'prod' });
const findings = allFindings(loaded, null);
const drawn = (format: DiagnosticFormat): string =>
  renderDiagnostics(format, findings, { files: loaded.files, version: '1.2.3' });

describe('findings', () => {
  it.each([
    ['text', 'txt'],
    ['json', 'json'],
    ['github', 'github.txt'],
    ['gitlab', 'gitlab.json'],
    ['sarif', 'sarif.json'],
  ] as const)('as %s', (format, ending) => {
    const path = `test/golden/findings/findings.${ending}`;
    if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(path, drawn(format));
    expect(drawn(format)).toBe(readFileSync(path, 'utf8'));
  });

  it('are the same in all of them', () => {
    const counting = findings.filter(({ ignored }) => ignored === undefined);
    expect([findings.length, counting.length]).toEqual([6, 5]);
    const codes = counting.map(({ code }) => code);
    const json = JSON.parse(drawn('json')) as { findings: { code: string; ignored: unknown }[] };
    expect(json.findings.filter(({ ignored }) => ignored === null).map(({ code }) => code)).toEqual(codes);
    expect((JSON.parse(drawn('gitlab')) as { check_name: string }[]).map((one) => one.check_name)).toEqual(codes);
    expect([...drawn('github').matchAll(/title=(OT\d+)/g)].map(([, code]) => code)).toEqual(codes);
    expect([...drawn('text').matchAll(/^\w+\[(OT\d+)\]/gm)].map(([, code]) => code)).toEqual(codes);
    const [run] = (JSON.parse(drawn('sarif')) as { runs: { results: { ruleId: string; suppressions?: unknown }[] }[] })
      .runs;
    expect(run!.results.filter(({ suppressions }) => suppressions === undefined).map((one) => one.ruleId)).toEqual(
      codes,
    );
  });

  it('have fingerprints of their own, which stay when lines move', () => {
    const prints = (text: string): string[] =>
      (JSON.parse(text) as { fingerprint: string }[]).map((one) => one.fingerprint);
    const moved = findings.map((one) =>
      one.range === null ? one : { ...one, range: { ...one.range, line: one.range.line + 3 } },
    );
    expect(new Set(prints(drawn('gitlab'))).size).toBe(5);
    expect(prints(renderDiagnostics('gitlab', moved, { files: [] }))).toEqual(prints(drawn('gitlab')));
  });
});

/** The schema of the standard, as published; it is of an older draft, in which nothing that it uses but its name means something else. */
function sarifSchema(): ValidateFunction {
  const path = createRequire(import.meta.url).resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json');
  const { $schema: _, id: $id, ...schema } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
  ajv.addFormat('uri', (uri) => /^[a-z]+:/.test(uri) && URL.canParse(uri));
  ajv.addFormat(
    'uri-reference',
    (uri) => /^[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=%-]+$/.test(uri) && URL.canParse(uri, 'file:///'),
  );
  ajv.addFormat('date-time', (time) => !Number.isNaN(Date.parse(time)));
  return ajv.compile({ ...schema, $id: String($id) });
}

it('SARIF is what the standard asks for', () => {
  const valid = sarifSchema();
  const log = JSON.parse(drawn('sarif')) as {
    runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleId: string; ruleIndex: number }[] }[];
  };
  expect(valid(log) ? [] : valid.errors).toEqual([]);
  const [run] = log.runs;
  for (const { ruleId, ruleIndex } of run!.results) expect(run!.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
  const parts = JSON.stringify(log);
  for (const part of ['relatedLocations', 'fixes', 'suppressions']) expect(parts).toContain(`"${part}"`);
  // It sees what is wrong.
  expect(valid({ ...log, runs: [{ ...run, results: [{ level: 'bad', message: {} }] }] })).toBe(false);
});

/** What GitLab reads of a code quality report: docs.gitlab.com, "Code Quality", "Code Quality report format". */
const GITLAB = {
  type: 'array',
  items: {
    type: 'object',
    required: ['description', 'check_name', 'fingerprint', 'severity', 'location'],
    properties: {
      description: { type: 'string', minLength: 1 },
      check_name: { type: 'string', pattern: '^OT[0-9]{4}$' },
      fingerprint: { type: 'string', minLength: 1 },
      severity: { enum: ['info', 'minor', 'major', 'critical', 'blocker'] },
      location: {
        type: 'object',
        required: ['path', 'lines'],
        properties: {
          // Relative to the repository, and not `./`.
          path: { type: 'string', pattern: '^(?!\\./|/)' },
          lines: { type: 'object', required: ['begin'], properties: { begin: { type: 'integer', minimum: 1 } } },
        },
      },
    },
  },
};

it('the code quality report is what GitLab reads', () => {
  const valid = new Ajv({ strict: false, allErrors: true }).compile(GITLAB);
  expect(valid(JSON.parse(drawn('gitlab'))) ? [] : valid.errors).toEqual([]);
});

describe('places, for those who review', () => {
  const odd = '/work/check out/topologies/tö pö,1:%#?😀/a b.yaml';
  const range = { file: odd, line: 2, column: 3, endLine: 2, endColumn: 7 };
  const finding: Diagnostic = {
    code: 'OT1010',
    severity: 'warning',
    summary: 'unknown key',
    detail: 'Known here: `a`.',
    range,
    related: [{ message: 'used here', range }],
    fix: { title: 'Write `a`.', edits: [{ range, text: 'a' }] },
    ignored: { reason: 'so', range },
  };
  const nowhere: Diagnostic = { ...finding, range: null, ignored: undefined };

  it('are relative to where otter runs, and every finding has one', () => {
    const moved = forReview([finding, nowhere], 'topologies/shop', '/work/check out');
    expect(JSON.stringify(moved)).not.toContain('/work/');
    const log = diagnosticsSarif(moved, '1');
    const valid = sarifSchema();
    expect(valid(log) ? [] : valid.errors).toEqual([]);
    const uris = [...JSON.stringify(log).matchAll(/"uri":"([^"]*)"/g)].map(([, uri]) => uri!);
    expect(new Set(uris)).toEqual(
      new Set(['topologies/t%C3%B6%20p%C3%B6%2C1%3A%25%23%3F%F0%9F%98%80/a%20b.yaml', 'topologies/shop']),
    );
    const results = (log['runs'] as { results: { locations: unknown[] }[] }[])[0]!.results;
    expect(results.map(({ locations }) => locations.length)).toEqual([1, 1]);
    expect(diagnosticsGitlab(moved).map(({ location }) => location.path)).toEqual(['topologies/shop']);
  });

  it('stay absolute where they are elsewhere', () => {
    const [there] = forReview([finding], 'x', '/work/other');
    expect(there!.range!.file).toBe(odd);
    expect(JSON.stringify(diagnosticsSarif([there!]))).toContain('"uri":"file:///work/check%20out/topologies/t%C3%B6');
  });

  it('columns are those of UTF-16, from 1', () => {
    const text = 'version: 1\nname: shop\nx-a: { "😀😀": [1], "😀😀": [2] }\n';
    const { diagnostics } = loadTexts([{ path: 't.yaml', text }]);
    const twice = diagnostics.find(({ code }) => code === 'OT1004')!;
    const [run] = diagnosticsSarif([twice])['runs'] as { results: { locations: unknown[] }[] }[];
    const column = text.split('\n')[2]!.lastIndexOf('"😀😀"') + 1;
    expect(run!.results[0]!.locations).toMatchObject([
      { physicalLocation: { region: { startLine: 3, startColumn: column, endLine: 3, endColumn: column + 6 } } },
    ]);
  });

  it('what GitLab shows is sentences', () => {
    expect(diagnosticsGitlab([{ ...nowhere, related: [] }])[0]!.description).toBe(
      'unknown key. Known here: `a`. help: Write `a`.',
    );
  });
});

it('annotations are commands that GitHub reads', () => {
  const key = '(?:file|line|endLine|col|endColumn|title)';
  for (const line of drawn('github').trimEnd().split('\n'))
    expect(line).toMatch(new RegExp(`^::(?:error|warning|notice) ${key}=[^,:]+(?:,${key}=[^,:]+)*::[^\\r]+$`));
});
