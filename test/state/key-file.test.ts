/** The file of recent writes, as the system sees it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, ftruncateSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { KeyStore, PrintedWrite } from '../../src/model/key-store.ts';
import { openKeyFile } from '../../src/state/key-file.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-key-file-'));
});
afterEach(async () => {
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true });
});

const printOf = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n * 2_654_435_761, n, n, n]).buffer);
const writes = (from: number, count: number): PrintedWrite[] =>
  Array.from({ length: count }, (_, i) => ({
    print: printOf(from + i),
    write: { origin: 1, what: 2, number: 2 ** 53 - 1, order: Number.NEGATIVE_INFINITY, clock: 1.7e15 + 0.5 },
  }));
const fill = (file: KeyStore, count: number): void => {
  for (let from = 0; from < count; from += 10_000) file.append(from, writes(from, 10_000));
};

test('it keeps what it was given, exactly, and gives the disk back piece by piece', () => {
  const file = openKeyFile(folder);
  fill(file, 20_000);
  const { write } = writes(0, 1)[0]!;
  expect(file.of(printOf(7))).toEqual([{ seq: 7, write }]);
  expect(file.of(printOf(20_000))).toEqual([]);
  file.append(20_000, writes(7, 1));
  expect(file.of(printOf(7)).map(({ seq }) => seq)).toEqual([20_000, 7]);
  file.remove(7);
  expect(file.from(6, 2).map(({ seq }) => seq)).toEqual([6, 8]);
  const { bytes, usedBytes } = file;
  expect(bytes).toBeGreaterThan(20_000 * 50);
  file.removeBelow(15_000);
  expect(file.from(0, 1)).toMatchObject([{ seq: 15_000 }]);
  expect(file.bytes).toBe(bytes);
  expect(file.usedBytes).toBeLessThan(usedBytes / 2);
  file.close();
});

test('it has no name, so that nothing is left of it when its process is killed', async () => {
  const file = openKeyFile(folder);
  fill(file, 10_000);
  expect(await readdir(folder)).toEqual([]);
  file.close();
  const source = `
    const { openKeyFile } = await import(${JSON.stringify(new URL('../../src/state/key-file.ts', import.meta.url).href)});
    const file = openKeyFile(${JSON.stringify(folder)});
    file.append(0, [{ print: new Uint8Array(16), write: { origin: 0, what: 0, number: 1, order: 0, clock: 0 } }]);
    console.log('open');
    setInterval(() => file.bytes, 1000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(await readdir(folder)).toEqual([]);
});

test('a folder that is not there, or in which nothing can be made, is said in words', () => {
  const missing = join(folder, 'missing');
  const words = (where: string) => ({
    code: 'OT5032',
    retry: 'backoff',
    message: expect.stringContaining(`the file of recent writes in ${where} cannot be used: `),
    hint: expect.stringContaining('OTTER_SPILL_DIR'),
  });
  expect(() => openKeyFile(missing)).toThrow(expect.objectContaining(words(missing)));
  expect(() => openKeyFile('/proc')).toThrow(expect.objectContaining(words('/proc')));
});

test.runIf(process.platform === 'linux')(
  'a file that lost what was in it answers with an error, not as if nobody wrote',
  () => {
    const file = openKeyFile(folder);
    // More than is kept in memory.
    fill(file, 400_000);
    const open = readdirSync('/proc/self/fd').find((fd) => linkOf(fd).startsWith(`${folder}/`))!;
    const other = openSync(`/proc/self/fd/${open}`, 'r+');
    ftruncateSync(other, 4_096);
    closeSync(other);
    const asked = (): void => {
      for (let n = 0; n < 400_000; n += 1_000) expect(file.of(printOf(n))).toHaveLength(1);
    };
    expect(asked).toThrow(expect.objectContaining({ code: 'OT5032' }));
    file.close();
  },
);

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The one by which the folder itself was read.
    return '';
  }
}
