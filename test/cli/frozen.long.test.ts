/** An apply that is frozen in the middle, past its lease, on etcd: another resumes it, and the frozen one writes nothing more. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, vi } from 'vitest';
import { startEtcd } from '../../src/lab/servers.ts';
import { openStore } from '../../src/state/open.ts';
import { Otter } from '../e2e/otter.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const REGIONS = 4000;
const regions = Array.from({ length: REGIONS }, (_, n) => `  r${n}: {}`).join('\n');
const TOPOLOGY = `version: 1\nname: main\nregions:\n${regions}\n`;

test('frozen past its lease, resumed by another, woken: its late write is refused, and it ends with 6 or 7', async () => {
  await using etcd = await startEtcd();
  await using store = openStore(etcd.url);
  await using otter = await Otter.in({ OTTER_STATE: etcd.url });
  await otter.write(TOPOLOGY);
  const env = { PATH: process.env['PATH'] ?? '', HOME: otter.folder, OTTER_STATE: etcd.url };
  const frozen = spawn(process.execPath, [MAIN, 'apply', '--auto-approve', '--no-wait'], {
    cwd: otter.folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [frozen.stdout, frozen.stderr]) stream.on('data', (data) => (said += String(data)));
  const ended = new Promise<number>((resolve) => frozen.on('close', (code) => resolve(code ?? -1)));
  await vi.waitFor(() => expect(said).toContain('Written 3 of'), { timeout: 60_000, interval: 2 });
  frozen.kill('SIGSTOP');
  const listed = await otter.run('lock', 'list', '--json');
  expect(JSON.parse(listed.out)).toMatchObject({ lock: { pid: frozen.pid, lives: true } });
  // Who comes too early is told; the lock goes with the lease.
  expect((await otter.run('apply', '--resume', '--no-wait')).code).toBe(6);
  const events = join(otter.folder, 'events.ndjson');
  await writeFile(events, '');
  const next = await otter.run('apply', '--resume', '--no-wait', '--lock-timeout', '60s', '--json-into', events);
  expect(next, next.err).toMatchObject({ code: 0 });
  expect(next.err).toMatch(/Resuming serial 1: \d+ of 4000 changes are applied\./);
  const { revision } = await store.list('/otter/main/');
  frozen.kill('SIGCONT');
  expect([6, 7]).toContain(await ended);
  expect(said).toContain('the lock of main was lost');
  expect(said).not.toMatch(/OT9001|\n\s+at /);
  const { entries } = await store.list('/otter/main/');
  expect(entries.filter((entry) => entry.revision > revision).map(({ key }) => key)).toEqual([]);
  expect((await otter.run('plan', '--detailed-exitcode')).code).toBe(0);
  expect(entries.filter(({ key }) => key.startsWith('/otter/main/spec/'))).toHaveLength(REGIONS);
});
