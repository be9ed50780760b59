/** Trees compared and repaired: what somebody did to a root, and what its disk did. */
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { NOTHING_COMPARED } from '../../src/model/files-check.ts';
import { Sides } from './sides.ts';

const REPAIR = { hash: true, repair: true };

/** Other bytes under the same size, time and inode, as a disk does it. */
function damage(file: string): void {
  const { atime, mtime } = statSync(file);
  const bytes = readFileSync(file);
  bytes[0]! ^= 1;
  writeFileSync(file, bytes);
  utimesSync(file, atime, mtime);
}

/** Writes files at a root with times that the system can be given back exactly. */
function fill(root: string, count: number, from = 0): void {
  for (let id = from; id < from + count; id += 1) {
    writeFileSync(`${root}/${id}.txt`, `file ${id} `.repeat(id + 1));
    utimesSync(`${root}/${id}.txt`, 1_700_000_000 + id, 1_700_000_000 + id);
  }
}

test('of what rows name: what was deleted, changed or damaged at the target is found and brought again, and nothing is lost', async () => {
  // A tree is brought again by itself.
  await using sides = new Sides({ from: 'a', to: 'b', follow: { channel: 'c', table: 't', path: '{p}' } });
  const [from, to] = [sides.root('a'), sides.root('b')];
  fill(from, 20);
  sides.start('a', 'b');
  await sides.bring(
    'b',
    'a',
    Array.from({ length: 20 }, (_, id) => `${id}.txt`),
  );
  await sides.equal();
  expect(await sides.compare('b', { hash: true })).toMatchObject({
    ...NOTHING_COMPARED,
    files: 20,
    bytes: expect.any(Number),
  });

  rmSync(`${to}/3.txt`);
  writeFileSync(`${to}/4.txt`, 'somebody wrote this at the target');
  writeFileSync(`${to}/own.txt`, 'only here');
  damage(`${to}/5.txt`);
  utimesSync(`${to}/6.txt`, 1, 1);
  // What the system tells is the same: without reading, the damage is not seen.
  const seen = { files: 20, missing: 1, different: 2, extra: 0, damaged: 0, repaired: 0 };
  expect(await sides.compare('b')).toMatchObject(seen);
  expect(await sides.compare('b', { hash: true })).toMatchObject({ ...seen, different: 3, damaged: 1 });
  const repaired = await sides.compare('b', REPAIR);
  expect(repaired).toMatchObject({ ...seen, different: 3, damaged: 1, repaired: 4, busy: 0 });
  for (let id = 0; id < 20; id += 1) {
    expect(readFileSync(`${to}/${id}.txt`, 'utf8')).toBe(readFileSync(`${from}/${id}.txt`, 'utf8'));
    expect(statSync(`${to}/${id}.txt`).mtime).toEqual(statSync(`${from}/${id}.txt`).mtime);
  }
  const beside = readdirSync(to).filter((name) => name.includes('.conflict-'));
  expect(beside.map((name) => name.split('.conflict-')[0]).sort()).toEqual(['4.txt', '5.txt']);
  expect(readFileSync(`${to}/${beside.find((name) => name.startsWith('4.'))!}`, 'utf8')).toContain('somebody');
  expect(await sides.compare('b', REPAIR)).toMatchObject({ missing: 0, different: 0, damaged: 0, repaired: 0 });
}, 60_000);

test('both ways: of damage the other side has the good one, whoever is preferred', async () => {
  await using sides = new Sides({ between: ['a', 'b'], conflict: { policy: 'site-priority', priority: ['a', 'b'] } });
  const [a, b] = [sides.root('a'), sides.root('b')];
  fill(a, 5);
  fill(b, 5, 5);
  sides.start('a', 'b');
  await sides.equal();
  damage(`${a}/2.txt`);
  damage(`${b}/7.txt`);
  const brought = { files: 10, different: 1, damaged: 1, repaired: 1, damaged_at_source: 0 };
  expect(await sides.compare('a', REPAIR)).toMatchObject(brought);
  expect(await sides.compare('b', REPAIR)).toMatchObject({ different: 1, damaged: 1, repaired: 1 });
  expect(readFileSync(`${a}/2.txt`, 'utf8')).toBe('file 2 '.repeat(3));
  expect(readFileSync(`${b}/7.txt`, 'utf8')).toBe('file 7 '.repeat(8));
  await sides.equal();
}, 60_000);

test('damage at the source is told, and not carried on', async () => {
  await using sides = new Sides({ from: 'a', to: 'b' } as never);
  const [from, to] = [sides.root('a'), sides.root('b')];
  fill(from, 3);
  sides.start('a', 'b');
  await sides.equal();
  damage(`${from}/1.txt`);
  expect(await sides.compare('b', REPAIR)).toMatchObject({ different: 0, damaged: 0, damaged_at_source: 1 });
  expect(readFileSync(`${to}/1.txt`, 'utf8')).toBe('file 1 '.repeat(2));
});

test('a tree that is written all the while gives no false alarm', async () => {
  await using sides = new Sides({ between: ['a', 'b'] });
  const roots = [sides.root('a'), sides.root('b')];
  fill(roots[0]!, 50);
  sides.start('a', 'b');
  await sides.equal();
  let over = false;
  let writes = 0;
  const writer = (async () => {
    while (!over) {
      const root = roots[writes % 2]!;
      writeFileSync(`${root}/${writes % 50}.txt`, `again ${writes}`);
      writes += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await vi.waitFor(() => expect(writes).toBeGreaterThan(5));
  const found = await sides.compare('b', REPAIR);
  over = true;
  await writer;
  expect(found).toMatchObject({ missing: 0, different: 0, damaged: 0, repaired: 0 });
}, 90_000);

test('where what is deleted stays elsewhere, that is no difference', async () => {
  await using sides = new Sides({ between: ['a', 'b'] });
  fill(sides.root('a'), 3);
  sides.start('a', 'b');
  await sides.equal();
  rmSync(`${sides.root('b')}/1.txt`);
  await vi.waitFor(async () => expect((await sides.compare('b')).files).toBe(3));
  expect(await sides.compare('b', REPAIR)).toMatchObject({ missing: 0, different: 0 });
  expect(readdirSync(sides.root('b'))).not.toContain('1.txt');
});
