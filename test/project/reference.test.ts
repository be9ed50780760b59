/**
 * Pages of the reference that are written from what the program itself goes by; OTTER_UPDATE=1 writes them anew. The topology's
 * language has its own test (`test/topology/reference.test.ts`), and so have the commands (`test/cli/commands-page.test.ts`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CODES } from '../../src/model/codes.ts';
import type { Explanation } from '../../src/model/explanation.ts';
import { OWN_TABLES } from '../../src/mysql/otter-tables.ts';

const RANGES: Readonly<Record<string, string>> = {
  OT1: 'Topology files',
  OT2: 'Plan and apply',
  OT3: 'State store and nodes',
  OT4: 'Databases and their logs',
  OT5: 'Rows on their way',
  OT6: 'Links between nodes',
  OT7: 'Command line and machine',
  OT9: 'Bugs',
};

function codesPage(): string {
  const sections = Object.entries(RANGES).flatMap(([range, title]) => {
    const codes = (Object.entries(CODES) as [string, Explanation][]).filter(([code]) => code.startsWith(range));
    const entries = codes
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([code, { title: name, meaning, action }]) => `### ${code}: ${name}\n\n${meaning}\n\n*What to do:* ${action}\n`,
      );
    return codes.length === 0 ? [] : [`## ${title}\n`, ...entries];
  });
  return `# Reference: codes\n\nEvery error and finding has a code; \`otter explain CODE\` says the same. Written from \`src/model/codes/\`.\n\n${sections.join('\n')}`;
}

function tablesPage(): string {
  const tables = Object.entries(OWN_TABLES).map(([name, { is, columns, key }]) => {
    const rows = Object.entries(columns).map(
      ([column, [type, meaning]]) =>
        `| \`${column}\` | \`${type}\`${key.includes(column) ? ', key' : ''} | ${meaning} |`,
    );
    return `## ${name}\n\n${is}.\n\n| column | type | is |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `# Reference: otter's own tables\n\nIn the schema \`otter\` (or \`schema:\` of the database) of every database of a topology. A node makes them when it first owns the database and drops them\nwhen the database leaves the topology; they are for reading only. Several topologies share them. Written from \`src/mysql/otter-tables.ts\`.\n\n${tables.join('\n')}`;
}

test.each([
  ['docs/reference/codes.md', codesPage],
  ['docs/reference/tables.md', tablesPage],
] as const)('%s is what the program goes by', (path, page) => {
  if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(path, page());
  expect(readFileSync(path, 'utf8')).toBe(page());
});
