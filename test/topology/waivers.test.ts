/** Warnings of the files that `rules` let pass for an object until a day, and what is no waiver. */
import { expect, test } from 'vitest';
import { diagnosticsSarif } from '../../src/render/sarif.ts';
import { allFindings } from '../../src/topology/all-findings.ts';
import { loadTexts } from '../../src/topology/load.ts';
import { BASE } from './example.ts';

const OPEN = BASE.replace('"127.0.0.1:7401"', '"10.0.0.1:7401"');

function found(rules: string, today?: string) {
  const loaded = loadTexts([{ path: 'a.yaml', text: `${OPEN}rules: { ${rules} }\n` }], { today });
  return { ...loaded, findings: allFindings(loaded, null) };
}

const waive = (where: string, until = '2026-12-31'): string =>
  `waive: [{ for: ${where}, until: "${until}", reason: soon }]`;

test('a warning is let pass for its object through the last day, and not for another', () => {
  const [first, ...more] = found(`OT1036: { ${waive('node.a1')} }`, '2026-12-31').findings;
  expect(more).toEqual([]);
  expect(first).toMatchObject({
    code: 'OT1036',
    severity: 'warning',
    address: 'node.a1',
    ignored: { reason: 'soon', until: '2026-12-31', range: { file: 'a.yaml' } },
  });
  const results = (diagnosticsSarif([first!])['runs'] as { results: object[] }[])[0]!.results;
  expect(results).toMatchObject([{ suppressions: [{ justification: 'soon (until 2026-12-31)' }] }]);
  for (const [rule, today, detail] of [
    [waive('node.a1'), '2027-01-01', 'Its waiver ended on 2026-12-31.'],
    [waive('node.a1'), undefined, 'Its waiver ended on 2026-12-31.'],
    [waive('node.b1'), '2026-12-31', ''],
  ] as const) {
    const [one] = found(`OT1036: { ${rule} }`, today).findings;
    expect([one!.ignored, one!.detail.includes(detail)]).toEqual([undefined, true]);
  }
});

test('one that rules make an error is let pass as well, and ends as an error', () => {
  const rule = `OT1036: { severity: error, ${waive('node.a1')} }`;
  expect(found(rule, '2026-12-31').topology).not.toBeNull();
  const late = found(rule, '2027-01-01');
  expect([late.topology, late.findings.map(({ severity }) => severity)]).toEqual([null, ['error']]);
});

test('what is not built is waived where it is a warning, and no error is', () => {
  const channel = `channels: { shop: { between: [hz, ca], order: { shop.a: 1 }, tables: [shop.a] } }\n`;
  const both = (more: string) => {
    const text = `${OPEN}${channel.replace('tables', `${more}tables`)}rules: { OT1091: { ${waive('channel.shop')} }, OT1090: { ${waive('channel.shop')} } }\n`;
    return loadTexts([{ path: 'a.yaml', text }], { today: '2026-12-31' }).unbuilt;
  };
  expect(both('').map(({ code, ignored }) => [code, ignored?.until])).toEqual([['OT1091', '2026-12-31']]);
  const refused = both('scope: transaction, ').find(({ code }) => code === 'OT1090')!;
  expect([refused.severity, refused.ignored]).toEqual(['error', undefined]);
  expect(refused.detail).toContain('`rules` make no error milder.');
});

test('a waiver for nothing that is declared, and of a code that nobody finds in files, is an error', () => {
  const told = (rules: string) =>
    found(rules, '2026-12-31').findings.flatMap(({ code, summary, detail, fix }) =>
      code === 'OT1080' ? [[summary, detail, fix?.title]] : [],
    );
  expect(told(`OT1036: { ${waive('nodes.a1')} }`)).toEqual([
    ['`nodes.a1` is not declared', 'Did you mean `node.a1`?', 'Write `node.a1`.'],
  ]);
  expect(told(`OT7001: { ${waive('node.a1')} }`).map(([summary]) => summary)).toEqual(['`OT7001` cannot be waived']);
  // A plan is also about what goes.
  expect(told(`OT2103: { ${waive('database.old')} }`)).toEqual([]);
});

test('findings of live databases go by the same rules', () => {
  const loaded = found(`OT4021: { ${waive('database.hz')} }`, '2026-12-31');
  const live = { code: 'OT4021', severity: 'warning', summary: 's', detail: '', range: null, related: [] } as const;
  const [one, other] = loaded.graded([
    { ...live, address: 'database.hz' },
    { ...live, address: 'database.ca' },
  ]);
  expect([one!.ignored?.until, other!.ignored]).toEqual(['2026-12-31', undefined]);
});
