/** Two nodes as processes and a large tree, both ways, with kills of either at any moment: equal by hash in the end. */
import { appendFileSync, mkdirSync, readdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { freePort } from '../../src/lab/free-port.ts';
import { Otter } from '../e2e/otter.ts';
import { treeOf } from './sides.ts';

const FILES = 8_000;
const LARGE = 4;

test('a tree of many small files and some large ones is the same on both sides, whoever is killed when', {
  timeout: 900_000,
}, async () => {
  await using otter = await Otter.in();
  const [west, east] = [`${otter.folder}/west`, `${otter.folder}/east`];
  for (let i = 0; i < FILES; i += 1) {
    const [root, directory] = [i % 5 === 0 ? east : west, `d${i % 97}/e${i % 7}`];
    mkdirSync(`${root}/${directory}`, { recursive: true });
    writeFileSync(`${root}/${directory}/${i}.txt`, `file ${i} `.repeat(i % 300));
  }
  for (let i = 0; i < LARGE; i += 1) writeFileSync(`${west}/large-${i}`, Buffer.alloc((20 + i) << 20, `large ${i} `));
  await otter.write(`version: 1
name: main
regions: { west: {}, east: {} }
nodes:
  west-1: { region: west, listen: "127.0.0.1:${await freePort()}" }
  east-1: { region: east, listen: "127.0.0.1:${await freePort()}" }
files:
  tree: { between: [west, east], roots: { west: ${west}, east: ${east} }, watch: ["**"], delete: mirror }
`);
  otter.node('west-1');
  otter.node('east-1');
  const applied = await otter.run('apply', '--auto-approve', '--timeout', '120s');
  expect(applied, applied.err).toMatchObject({ code: 0 });
  for (let round = 0; round < 8; round += 1) {
    const name = round % 2 === 0 ? 'east-1' : 'west-1';
    await sleep(700 + 400 * round);
    await otter.end(name, 'SIGKILL');
    otter.node(name);
    appendFileSync(`${west}/large-${round % LARGE}`, `more ${round}`);
    writeFileSync(`${east}/d1/round-${round}`, 'from the east');
    if (round === 3) renameSync(`${west}/d2`, `${west}/renamed`);
    if (round === 5) unlinkSync(`${west}/d3/e3/${readdirSync(`${west}/d3/e3`)[0]}`);
  }
  const equal = async (): Promise<void> => {
    await otter.until(
      'nothing is left',
      (_, { files }) => files.length > 0 && files.every(({ ready }) => ready),
      300_000,
    );
    expect(treeOf(east)).toEqual(treeOf(west));
  };
  // What is ready may be so before the last change was seen.
  await expect
    .poll(
      async () =>
        equal().then(
          () => 'equal',
          (error: Error) => error.message,
        ),
      { timeout: 300_000 },
    )
    .toBe('equal');
  expect(Object.keys(treeOf(east)).length).toBeGreaterThan(FILES);
});
