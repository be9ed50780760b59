/** Lines of files, wherever the pieces that are read end. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLines } from '../../src/state/lines.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'otter-lines-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function lines(text: string): Promise<string[]> {
  const file = join(folder, 'file');
  await writeFile(file, text);
  return [...readLines(file)];
}

test('are the same as of the whole text, with signs of several bytes across the pieces', async () => {
  for (const length of [0, 1, 700_000, 1_048_575, 1_048_576, 1_048_577, 3_000_000]) {
    const text = `head\n\n${'x'.repeat(length)}水獺\n${'獺'.repeat(length / 3)}\nend`;
    const read = await lines(text);
    expect(read.length === 5 && read.join('\n') === text, String(length)).toBe(true);
  }
  expect(await lines('')).toEqual([]);
  expect(await lines('one\n')).toEqual(['one']);
});

test('of what has no end, and of what is not there, say why', () => {
  expect(() => [...readLines('/dev/zero')]).toThrow('a line of more than');
  expect(() => [...readLines(join(folder, 'nothing'))]).toThrow('ENOENT');
});
