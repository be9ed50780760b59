/**
 * Every rendering of findings, as test/golden/findings.* has it: of one topology with an error, a warning, one that is
 * ignored, related places and fixes. OTTER_UPDATE=1 writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { DiagnosticFormat } from '../../src/render/diagnostics.ts';
import { renderDiagnostics } from '../../src/render/diagnostics.ts';
import { allFindings } from '../../src/topology/all-findings.ts';
import { loadTopology } from '../../src/topology/load.ts';

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

it('annotations are commands that GitHub reads', () => {
  const key = '(?:file|line|endLine|col|endColumn|title)';
  for (const line of drawn('github').trimEnd().split('\n'))
    expect(line).toMatch(new RegExp(`^::(?:error|warning|notice) ${key}=[^,:]+(?:,${key}=[^,:]+)*::[^\\r]+$`));
});
