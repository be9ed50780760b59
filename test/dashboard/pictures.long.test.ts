/** Every screen of a real run. With OTTER_UPDATE=1 the pictures of docs/dashboard are made anew. */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pane } from './pane.ts';
import { type Real, startReal } from './real.ts';
import { svgOf } from './svg.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const PICTURES = fileURLToPath(new URL('../../docs/dashboard/', import.meta.url));

let real: Real;

beforeAll(async () => {
  real = await startReal();
}, 180_000);
afterAll(async () => {
  await real?.[Symbol.asyncDispose]();
});

async function dashboard(columns: number, rows: number, ...args: string[]): Promise<Pane> {
  const { folder } = real.otter;
  const env = { ...real.env, OTTER_STATE: `file:${folder}/state.db`, HOME: folder };
  const command = [process.execPath, MAIN, 'dashboard', '-t', 'topologies/main.yaml'];
  return Pane.open(args, { columns, rows, env, command, folder });
}

/** Goes there, waits for what stands there, and keeps the picture when that is wanted. */
async function picture(
  pane: Pane,
  name: string,
  columns: number,
  keys: readonly string[],
  shows: RegExp,
): Promise<void> {
  await pane.type(...keys);
  await pane.shows(shows);
  if (process.env['OTTER_UPDATE'] !== '1') return;
  await mkdir(PICTURES, { recursive: true });
  await writeFile(`${PICTURES}${name}.svg`, svgOf(await pane.coloured(), columns, `otter dashboard: ${name}`));
}

const go = (command: string): string[] => ['Escape', ':', command, 'Enter'];

describe('every screen of a real run', () => {
  it('at 110 x 32', async () => {
    await using pane = await dashboard(110, 32, '--write');
    // Long enough for histories that show something.
    await pane.shows('shop/ca>hz');
    const take = (name: string, keys: readonly string[], shows: RegExp) => picture(pane, name, 110, keys, shows);
    await pane.type(...go('pipeline shop/hz:ca'));
    const long = process.env['OTTER_UPDATE'] === '1' ? /in the last (1m|[5-9]\d s)/ : /in the last/;
    await expect.poll(() => pane.screen(), { timeout: 120_000 }).toMatch(long);
    await take('pipeline', [], /Window +\d+ rows/);
    await take('copy', go('pipeline archive/hz:fr'), /Copy +█/);
    await take('failed', go('pipeline bi/hz:fr'), /Last error +OT5016/);
    await take('channels', ['2'], /archive[\s\S]*bi[\s\S]*crm/);
    await take('pipelines', ['0'], /all pipelines[\s\S]*paused/);
    await take('tables', go('tables shop'), /shop\.order_item/);
    await take('nodes', ['3'], /MEMORY[\s\S]*hz-1/);
    await take('node', ['Enter'], /Lease +renewed/);
    await take('conflicts', ['4', '/', 'open', 'Enter'], /open[\s\S]*crm\.client/);
    await take('conflict', go('conflict ca:1'), /COLUMN +INCOMING +HERE +BASE/);
    await take('resolve', ['i'], /type yes and Enter/);
    await pane.type('Escape');
    await pane.shows('Left; nothing more is done.');
    await pane.type('Enter');
    await take('files', ['5'], /No file set/);
    await take('alerts', ['6'], /bi-failed +✕ fires[\s\S]*not told[\s\S]*silenced/);
    await take('runs', ['7'], /apply +● done/);
    await take('run', ['Enter'], /database\.hz/);
    await take('events', ['8'], /pause: channel\.cms/);
    await take('yaml', go('yaml shop'), /policy: site-priority/);
    await take('help', ['?'], /nothing that runs is disturbed/);
    await take('overview', ['?', '1'], /hangzhou[\s\S]*NODES/);
    await pane.type('q');
    await pane.shows('ended with 0');
  });

  it('the overview as small and as large as it may be', async () => {
    await using small = await dashboard(80, 24);
    await small.shows('shop/ca>hz');
    await picture(small, 'overview-80x24', 80, [], /NODES/);
    await using large = await dashboard(200, 60);
    await large.shows('shop/ca>hz');
    await picture(large, 'overview-200x60', 200, [], /NODES/);
  });
});

describe('what is done in the dashboard', () => {
  it('a pause and its end', async () => {
    await using pane = await dashboard(100, 30, '--write', '--open', 'pipelines shop');
    await pane.shows(/▸ shop\/hz>ca/);
    await pane.type('p');
    await pane.shows(/otter pause shop\/hz:ca[\s\S]*type shop\/hz:ca and Enter/);
    await pane.type('shop/hz:ca', 'Enter');
    await pane.shows('is paused: it keeps its place');
    await pane.type('Enter');
    await pane.shows(/▸ shop\/hz>ca +‖ paused/);
    await pane.type('r');
    await pane.type('shop/hz:ca', 'Enter');
    await pane.shows('pipeline.shop/hz>ca goes on.');
    await pane.type('Enter');
    await pane.shows(/▸ shop\/hz>ca +● streaming/);
    await pane.type('8');
    await pane.shows(/audit +\S+ +resume: pipeline\.shop\/hz>ca: done/);
  });

  it('a comparison, which may be left', async () => {
    await using pane = await dashboard(100, 30, '--open', 'pipelines crm');
    await pane.shows('crm/hz>ca');
    await pane.type('v');
    await pane.shows('type verify and Enter');
    await pane.type('verify', 'Enter');
    await pane.shows(/crm\.client[\s\S]*There are rows that differ/);
  });

  it('a conflict is resolved, and is in the audit', async () => {
    await using pane = await dashboard(100, 34, '--write', '--open', 'conflicts');
    await pane.shows('crm.client');
    await pane.type('/', 'open', 'Enter', 'Enter');
    await pane.shows('To stand:');
    await pane.type('l');
    await pane.shows('type yes and Enter');
    await pane.type('yes', 'Enter');
    await pane.shows('Resolved.');
    await pane.type('Enter');
    await pane.shows(/resolved[\s\S]*Resolved/);
    await pane.type('8');
    await pane.shows(/conflicts resolve: (hz|ca):\d+: done/);
  });

  it('nothing without --write', async () => {
    await using pane = await dashboard(100, 30, '--open', 'pipelines shop');
    await pane.shows('shop/hz>ca');
    for (const key of ['p', 'r']) {
      await pane.type(key);
      await pane.shows('this dashboard only reads');
      await pane.type('j');
    }
  });
});

it('a session that was recorded is shown once more, without a state store', async () => {
  const file = `${real.otter.folder}/session.jsonl`;
  await using pane = await dashboard(100, 30, '--record', file, '--open', 'runs');
  await pane.shows('done');
  await pane.type('4');
  await pane.shows('crm.client');
  await pane.type('q');
  await pane.shows('ended with 0');
  const text = await real.otter.run('dashboard', '--replay', file, '--once', '--open', 'runs');
  expect([text.code, text.err]).toEqual([0, '']);
  expect(text.out).toMatch(/apply +\S done/);
  const rows = await real.otter.run('dashboard', '--replay', file, '--once', '--open', 'conflicts');
  expect(rows.out).toContain('This is not in the recording');
  await using again = await Pane.open(['--replay', file, '--speed', '5'], {
    command: [process.execPath, MAIN, 'dashboard'],
  });
  await again.shows('shop/ca>hz');
  await again.type('q');
  await again.shows('ended with 0');
});
