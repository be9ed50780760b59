/** Every benchmark does what it says, in small: which figures come of it is not looked at. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { readRun } from '../../bench/shared/report.ts';

const BENCH = fileURLToPath(new URL('../../bench', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'otter-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('all parts run, and tell of themselves', async () => {
  const file = join(folder, 'run.json');
  const args = [join(BENCH, 'shared/run.ts'), '--quick', '--no-table', '--json', file];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
  const parts = readdirSync(BENCH).filter((name) => name.endsWith('.ts'));
  const { sections } = readRun(readFileSync(file, 'utf8'), file);
  expect(sections.map(({ part }) => part)).toEqual(parts.map((name) => basename(name, '.ts')).sort());
  for (const { part, figures } of sections) expect(figures.length, part).toBeGreaterThan(0);
});
