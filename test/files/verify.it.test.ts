/** `otter verify files.X` as a person types it, with nodes as processes. */
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import type { FilesVerifyJson } from '../../src/model/verify-json.ts';
import { Otter } from '../e2e/otter.ts';

test('a damaged file is found by reading, brought again, and nobody is told of any other; the audit has it', async () => {
  await using otter = await Otter.in({});
  const [west, east] = [`${otter.folder}/west`, `${otter.folder}/east`];
  for (const root of [west, east]) mkdirSync(root);
  for (let id = 0; id < 30; id += 1) {
    writeFileSync(`${west}/${id}.pdf`, `manual ${id} `.repeat(50));
    // A time that the system can be given back exactly.
    utimesSync(`${west}/${id}.pdf`, 1_700_000_000, 1_700_000_000);
  }
  await otter.write(`version: 1
name: main
regions: { west: {}, east: {} }
nodes: { west-1: { region: west, listen: "127.0.0.1:${await freePort()}" }, east-1: { region: east, listen: "127.0.0.1:${await freePort()}" } }
databases: {}
channels: {}
files:
  manuals: { from: west, to: east, roots: { west: ${west}, east: ${east} }, watch: ["**/*.pdf"] }
`);
  otter.node('west-1');
  otter.node('east-1');
  expect(await otter.run('apply', '--auto-approve', '--timeout', '60s')).toMatchObject({ code: 0 });
  const json = async (...flags: string[]): Promise<FilesVerifyJson> =>
    JSON.parse((await otter.run('verify', 'files.manuals', '--json', ...flags)).out) as FilesVerifyJson;
  await expect.poll(async () => (await json()).flows[0]?.files, { timeout: 60_000, interval: 500 }).toBe(30);
  const equal = await otter.run('verify', 'files.manuals');
  expect(equal, equal.err).toMatchObject({ code: 0, out: expect.stringContaining('30 files, nothing differs') });

  const file = `${east}/7.pdf`;
  const [{ atime, mtime }, bytes] = [statSync(file), readFileSync(file)];
  bytes[3]! ^= 4;
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
  const found = await otter.run('verify', 'files.manuals', '--hash');
  expect(found, found.err).toMatchObject({ code: 2, out: expect.stringContaining('1 of them damaged on disk') });
  expect((await otter.run('logs', 'east-1', '--no-follow')).out).toContain('7.pdf');
  expect(await json('--hash', '--repair')).toMatchObject({
    equal: true,
    complete: true,
    flows: [{ name: 'files.manuals/west>east', files: 30, different: 1, damaged: 1, repaired: 1 }],
  });
  expect(readFileSync(file, 'utf8')).toBe('manual 7 '.repeat(50));
  expect((await otter.run('audit')).out).toContain('files.manuals');

  const strange = await otter.run('verify', 'files.manual');
  expect(strange).toMatchObject({ code: 3, err: expect.stringContaining('files.manuals') });
  expect(await otter.run('verify', 'files.manuals', '--limit', '3')).toMatchObject({
    code: 3,
    err: expect.stringContaining('--limit is for tables'),
  });
});
