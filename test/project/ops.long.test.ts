/** systemd takes the unit that is shipped, without a word. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findAll } from '../../src/lab/binaries.ts';
import { run } from '../../src/lab/command.ts';
import { providePackages } from '../../src/lab/install.ts';

test('the unit is valid, and one with a slip is not', async () => {
  const analyze = await providePackages(
    'systemd-analyze',
    ['systemd'],
    async () => findAll(['systemd-analyze'])[0] ?? null,
    {},
  );
  const folder = await mkdtemp(join(tmpdir(), 'otter-unit-'));
  try {
    const verify = async (text: string): Promise<{ readonly code: number | null; readonly output: string }> => {
      const path = join(folder, 'otter@.service');
      await writeFile(path, text);
      return run(analyze, ['verify', join(folder, 'otter@hz-1.service')]);
    };
    // Otter is not installed there.
    const unit = (await readFile('ops/systemd/otter@.service', 'utf8')).replace(
      '/opt/otter/bin/otter',
      process.execPath,
    );
    expect(await verify(unit)).toMatchObject({ code: 0, output: '' });
    expect((await verify(unit.replace('TimeoutStopSec=30', 'TimeoutStopSec=soon'))).output).toContain(
      'Failed to parse',
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
