/**
 * Pages of the reference that are written from what the program itself goes by; OTTER_UPDATE=1 writes them anew. The topology's
 * language has its own test (`test/topology/reference.test.ts`), and so has the page that explains the commands (`test/cli/commands-page.test.ts`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ALERT_FACTS, WATCHED } from '../../src/model/alerts/facts.ts';
import { CODES } from '../../src/model/codes.ts';
import type { Explanation } from '../../src/model/explanation.ts';
import { OWN_TABLES } from '../../src/mysql/otter-tables.ts';
import { METRICS } from '../../src/observe/metric-list.ts';
import { KEY_KINDS } from '../../src/state/keys.ts';
import { person } from '../cli/person.ts';
import { interfacesOf } from './interfaces.ts';
import { typesPage } from './types-page.ts';

const RANGES: Readonly<Record<string, string>> = {
  OT1: 'Topology files',
  OT2: 'Plan and apply',
  OT3: 'State store and nodes',
  OT4: 'Databases and their logs',
  OT5: 'Rows on their way',
  OT6: 'Links between nodes',
  OT7: 'Command line and machine',
  OT8: 'Files and watching',
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

/** `--help` of every command. */
async function commandsPage(): Promise<string> {
  const help = async (...args: string[]): Promise<string> => (await person([...args, '--help'])).out.trim();
  const all = await help();
  const names = [...all.matchAll(/^ {2}([a-z]+) (?:\[|<| )/gm)].map(([, name]) => name!).filter((n) => n !== 'help');
  expect(names.length).toBeGreaterThan(20);
  const sections: [title: string, text: string][] = [['otter', all]];
  for (const name of names) sections.push([`otter ${name}`, await help(name)]);
  const texts = sections.map(([title, text]) => `## ${title}\n\n\`\`\`text\n${text}\n\`\`\`\n`);
  return `# Reference: commands\n\nWhat \`--help\` prints; [the page of the commands](../commands.md) says more. Written from \`src/cli/program.ts\`.\n\n${texts.join('\n')}`;
}

function statePage(): string {
  const records = ['src/model/records.ts', 'src/model/alerts/records.ts', 'src/model/files-check.ts']
    .flatMap((path) => interfacesOf(path))
    .filter(({ name }) => name !== 'NodeAnswer');
  for (const { record } of Object.values(KEY_KINDS)) {
    if (record !== null) expect(records.map(({ name }) => name)).toContain(record);
  }
  const kinds = Object.values(KEY_KINDS).map(
    ({ form, record, writer }) =>
      `| \`/otter/TOPOLOGY/${form}\` | ${record === null ? '' : `[${record}](#${record.toLowerCase()})`} | ${writer} |`,
  );
  return [
    '# Reference: the state store',
    'How it is used stands in [the state store](../state.md). Names are percent-encoded as in a URL, values are JSON. Written from\n`src/state/keys.ts`, `src/model/records.ts` and `src/model/alerts/records.ts`.',
    `| key | record | written by |\n| --- | --- | --- |\n${kinds.join('\n')}`,
    ...records.map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

/** The fields stand at the end of a page whose words are not written from anything. */
function statusPage(): string {
  const head = '## Every field\n';
  const words = readFileSync('docs/reference/status-json.md', 'utf8').split(head)[0]!;
  const tables = interfacesOf('src/model/status.ts').map(({ table }) => table.replace(/^## /, '### '));
  return `${words}${head}\nWritten from \`src/model/status.ts\`; the object that is printed is the first.\n\n${tables.join('\n\n')}\n`;
}

function eventsPage(): string {
  const tables = interfacesOf('src/model/apply-event.ts').filter(({ name }) => name !== 'EventHead');
  return [
    '# Events of an apply',
    '`otter apply --json-into FILE` writes one of these objects a line, each when it happens; `destroy` and `rollback` do too. Where there is\nsomething to write it begins with `started` (while somebody else applies, `lock_waiting` comes before); the last is always `finished`. Every one has `at` beside what stands here: the time, ISO 8601 in UTC. Keys are only added, never\nrenamed, within a `format_version`. Written from `src/model/apply-event.ts`.',
    ...tables.map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

function conflictsPage(): string {
  return [
    '# Conflicts as JSON',
    '`otter conflicts --json` prints the first object, `otter conflicts show ID --json` one of its `conflicts`. Keys are only added, never\nrenamed. Written from `src/model/conflict-json.ts`; see [the conflict log](../conflict-log.md).',
    ...interfacesOf('src/model/conflict-json.ts').map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

function verifyPage(): string {
  return [
    '# A verify as JSON',
    '`otter verify --json` prints the first object. Keys are only added, never renamed, within a `format_version`. Written from\n`src/model/verify-json.ts`; see [verify](../verify.md).',
    ...interfacesOf('src/model/verify-json.ts').map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

function lettersPage(): string {
  return [
    '# Dead letters as JSON',
    '`otter deadletter list --json` prints the first object, `otter deadletter show ID --json` one of its `letters`, `retry --json` and `drop --json`\nthe last. Keys are only added, never renamed. Written from `src/model/dead-letter-json.ts`; see [rows that cannot be applied](../deadletter.md).',
    ...interfacesOf('src/model/dead-letter-json.ts').map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

function positionsPage(): string {
  return [
    '# Positions as JSON',
    '`otter position show --json` prints the first object. Keys are only added, never renamed. Written from\n`src/model/position-json.ts`; see [where a pipeline stands](../position.md).',
    ...interfacesOf('src/model/position-json.ts').map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

function alertsJsonPage(): string {
  return [
    '# Alerts as JSON',
    '`otter alerts --json` prints the first object, `alerts test`, `silence` and `unsilence` the last ones; a webhook is posted a `Notice`, and a command\nhas it in `OTTER_NOTICE` and on its standard input. Keys are only added, never renamed. Written from `src/model/alerts/`; see [alerts](../alerts.md).',
    ...['alerts-json', 'notice'].flatMap((room) =>
      interfacesOf(`src/model/alerts/${room}.ts`).map(({ table }) => table),
    ),
    ...interfacesOf('src/model/alerts/records.ts').flatMap(({ name, table }) => (name === 'About' ? [table] : [])),
  ]
    .join('\n\n')
    .concat('\n');
}

function metricsPage(): string {
  const rows = METRICS.map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help.replaceAll('|', '\\|')} |`,
  );
  return `# Reference: metrics\n\nWhat a node serves at \`/metrics\` of its \`http\` address; [metrics, health and history](../metrics.md) says how to use it. All have the labels \`topology\` and\n\`node\` as well. The unit is in the name. Beside them are those of the process by the official client: \`process_*\` (memory, processor, open\nfiles) and \`nodejs_*\` (event loop, heap). Written from \`src/observe/metric-list.ts\`.\n\n| metric | type | labels | is |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function statsOfPage(): string {
  return [
    '# Statistics as JSON',
    '`otter stats --json` prints the first object. Keys are only added, never renamed. Written from `src/model/stats-json.ts`; see\n[what was in the last days](../history.md).',
    ...interfacesOf('src/model/stats-json.ts').map(({ table }) => table),
  ]
    .join('\n\n')
    .concat('\n');
}

/** What can be asked stands at the end of a page whose words are not written from anything. */
function alertsPage(): string {
  const head = '## Everything that can be asked\n';
  const words = readFileSync('docs/alerts.md', 'utf8').split(head)[0]!;
  const tables = WATCHED.map((watched) => {
    const rows = Object.entries(ALERT_FACTS[watched]).map(
      ([name, { type, is, words: all }]) =>
        `| \`${name}\` | ${type}${all === undefined ? '' : `: ${all.map((one) => `\`${one}\``).join(', ')}`} | ${is} |`,
    );
    return `### Of \`${watched}\`\n\n| fact | type | is |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return `${words}${head}\nWritten from \`src/model/alerts/facts.ts\`.\n\n${tables.join('\n')}`;
}

test.each([
  ['docs/reference/alerts-json.md', alertsJsonPage],
  ['docs/alerts.md', alertsPage],
  ['docs/reference/stats-json.md', statsOfPage],
  ['docs/reference/metrics.md', metricsPage],
  ['docs/reference/codes.md', codesPage],
  ['docs/reference/tables.md', tablesPage],
  ['docs/reference/commands.md', commandsPage],
  ['docs/reference/state.md', statePage],
  ['docs/reference/status-json.md', statusPage],
  ['docs/types.md', typesPage],
  ['docs/reference/conflicts-json.md', conflictsPage],
  ['docs/reference/verify-json.md', verifyPage],
  ['docs/reference/deadletter-json.md', lettersPage],
  ['docs/reference/position-json.md', positionsPage],
  ['docs/reference/apply-events.md', eventsPage],
] as const)('%s is what the program goes by', async (path, make) => {
  const page = await make();
  if (process.env['OTTER_UPDATE'] !== undefined) writeFileSync(path, page);
  expect(readFileSync(path, 'utf8')).toBe(page);
});
