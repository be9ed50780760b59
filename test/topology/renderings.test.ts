/**
 * Every rendering of findings, as test/golden/findings.* has it: of one topology with an error, a warning, one that is
 * ignored, related places and fixes. OTTER_UPDATE=1 writes them anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
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

const text = { type: 'object', required: ['text'], properties: { text: { type: 'string', minLength: 1 } } };
const artifact = {
  type: 'object',
  required: ['uri'],
  additionalProperties: false,
  properties: { uri: { type: 'string', pattern: "^(file:///)?[A-Za-z0-9._~%!$&'()*+,;=@/-]+$" } },
};
const count = { type: 'integer', minimum: 1 };
const region = {
  type: 'object',
  required: ['startLine', 'startColumn', 'endLine', 'endColumn'],
  additionalProperties: false,
  properties: { startLine: count, startColumn: count, endLine: count, endColumn: count },
};
const location = {
  type: 'object',
  required: ['physicalLocation'],
  additionalProperties: false,
  properties: {
    id: { type: 'integer', minimum: 0 },
    message: text,
    physicalLocation: {
      type: 'object',
      required: ['artifactLocation', 'region'],
      additionalProperties: false,
      properties: { artifactLocation: artifact, region },
    },
  },
};
const insertion = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } };

/** What the standard (SARIF 2.1.0, chapter 3) asks of the parts that are used, and nothing but these parts. */
const ESSENTIALS = {
  type: 'object',
  required: ['$schema', 'version', 'runs'],
  properties: {
    version: { type: 'string', const: '2.1.0' },
    runs: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['tool', 'results'],
        additionalProperties: false,
        properties: {
          columnKind: { type: 'string', enum: ['utf16CodeUnits', 'unicodeCodePoints'] },
          tool: {
            type: 'object',
            required: ['driver'],
            properties: {
              driver: {
                type: 'object',
                required: ['name', 'rules'],
                additionalProperties: false,
                properties: {
                  name: { type: 'string' },
                  version: { type: 'string' },
                  rules: {
                    type: 'array',
                    uniqueItems: true,
                    items: {
                      type: 'object',
                      required: ['id'],
                      additionalProperties: false,
                      properties: { id: { type: 'string' }, shortDescription: text, fullDescription: text, help: text },
                    },
                  },
                },
              },
            },
          },
          results: {
            type: 'array',
            items: {
              type: 'object',
              required: ['ruleId', 'ruleIndex', 'level', 'message'],
              additionalProperties: false,
              properties: {
                ruleId: { type: 'string' },
                ruleIndex: { type: 'integer', minimum: 0 },
                level: { type: 'string', enum: ['none', 'note', 'warning', 'error'] },
                message: text,
                locations: { type: 'array', minItems: 1, items: location },
                relatedLocations: { type: 'array', items: location },
                fixes: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['artifactChanges'],
                    additionalProperties: false,
                    properties: {
                      description: text,
                      artifactChanges: {
                        type: 'array',
                        minItems: 1,
                        items: {
                          type: 'object',
                          required: ['artifactLocation', 'replacements'],
                          additionalProperties: false,
                          properties: {
                            artifactLocation: artifact,
                            replacements: {
                              type: 'array',
                              minItems: 1,
                              items: {
                                type: 'object',
                                required: ['deletedRegion'],
                                additionalProperties: false,
                                properties: { deletedRegion: region, insertedContent: insertion },
                              },
                            },
                          },
                        },
                      },
                    },
                  },
                },
                suppressions: {
                  type: 'array',
                  items: {
                    type: 'object',
                    required: ['kind'],
                    additionalProperties: false,
                    properties: {
                      kind: { type: 'string', enum: ['inSource', 'external'] },
                      justification: { type: 'string', minLength: 1 },
                      location,
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
};

it('SARIF is what the standard asks for', () => {
  const valid = new Ajv({ strict: false, allErrors: true }).compile(ESSENTIALS);
  const log = JSON.parse(drawn('sarif')) as {
    runs: { tool: { driver: { rules: { id: string }[] } }; results: { ruleId: string; ruleIndex: number }[] }[];
  };
  expect(valid(log) ? [] : valid.errors).toEqual([]);
  const [run] = log.runs;
  for (const { ruleId, ruleIndex } of run!.results) expect(run!.tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
  const parts = JSON.stringify(log);
  for (const part of ['relatedLocations', 'fixes', 'suppressions']) expect(parts).toContain(`"${part}"`);
});
