/** What hostile hands, disks and moments do to files, and what is not lost by it. */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Catalogue } from '../../src/files/catalogue.ts';
import { selection } from '../../src/files/paths.ts';
import { Directories, findRoot } from '../../src/files/root.ts';
import { Tree } from '../../src/files/tree.ts';
import { Sides } from './sides.ts';

const WAIT = { timeout: 20_000, interval: 20 };
const FOLLOW = { from: 'a', to: 'b', follow: { channel: 'c', table: 't', path: '{p}' } } as const;

test('a deletion is found at the start, whatever stands beside the name', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  mkdirSync(`${a}/img`);
  writeFileSync(`${a}/img/x`, 'x');
  writeFileSync(`${a}/img0`, 'y');
  sides.start('a', 'b');
  await sides.equal();
  await sides.stop('a');
  unlinkSync(`${a}/img0`);
  sides.start('a');
  await vi.waitFor(() => expect(existsSync(`${b}/img0`)).toBe(false), WAIT);
});

test('what rows name is brought again where it was deleted meanwhile', async () => {
  await using sides = new Sides(FOLLOW);
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  sides.start('a', 'b');
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  expect(existsSync(`${b}/x`)).toBe(true);
  unlinkSync(`${b}/x`);
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  expect(existsSync(`${b}/x`)).toBe(true);
});

test('the same both ways', async () => {
  await using sides = new Sides({ between: ['a', 'b'], follow: FOLLOW.follow });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  sides.start('a', 'b');
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  unlinkSync(`${b}/x`);
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  expect(existsSync(`${b}/x`)).toBe(true);
});

test('what rows name is as at its source, also where it was changed meanwhile', async () => {
  await using sides = new Sides(FOLLOW);
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  sides.start('a', 'b');
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  writeFileSync(`${b}/x`, 'spoiled');
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  expect(readFileSync(`${b}/x`, 'utf8')).toBe('x');
});

test('one way, what is changed or deleted at the target is brought again by itself', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  writeFileSync(`${a}/y`, 'y');
  sides.start('a', 'b');
  await sides.equal();
  writeFileSync(`${b}/x`, 'spoiled');
  unlinkSync(`${b}/y`);
  await vi.waitFor(() => expect([readFileSync(`${b}/x`, 'utf8'), existsSync(`${b}/y`)]).toEqual(['x', true]), WAIT);
});

test('what rows name is not said to be there when it was rewritten while it came', async () => {
  await using sides = new Sides(FOLLOW);
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  sides.start('a', 'b');
  sides.passing = ({ head }) => {
    if (head.kind === 'known' && readFileSync(`${a}/x`, 'utf8') === 'x') writeFileSync(`${a}/x`, 'rewritten');
  };
  await expect(sides.bring('b', 'a', ['x'])).rejects.toThrow('it was written, or away');
  expect(await sides.bring('b', 'a', ['x'])).toEqual([]);
  expect(readFileSync(`${b}/x`, 'utf8')).toBe('rewritten');
});

test('what is to come after its row comes though it was rewritten while it came', async () => {
  await using sides = new Sides({ ...FOLLOW, order: 'row-first' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  sides.start('a', 'b');
  sides.passing = ({ head }) => {
    if (head.kind === 'known' && readFileSync(`${a}/x`, 'utf8') === 'x') writeFileSync(`${a}/x`, 'rewritten');
  };
  await sides.bring('b', 'a', ['x'], true);
  await vi.waitFor(() => expect(readFileSync(`${b}/x`, 'utf8')).toBe('rewritten'), WAIT);
});

test('a file that is away only while it is read comes all the same', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  let away = false;
  sides.passing = ({ head }) => {
    if (head.kind === 'changes' && head.changes.length > 0 && !away) {
      away = true;
      renameSync(`${a}/x`, `${sides.folder}/x`);
    }
    if (head.kind === 'read' && existsSync(`${sides.folder}/x`)) renameSync(`${sides.folder}/x`, `${a}/x`);
  };
  sides.start('a', 'b');
  await vi.waitFor(() => expect(existsSync(`${b}/x`)).toBe(true), WAIT);
});

test('a pipe in the place of a file that is known hangs nobody', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  for (let i = 0; i < 6; i += 1) writeFileSync(`${a}/x${i}`, 'the same content');
  sides.start('a', 'b');
  await sides.equal();
  for (let i = 0; i < 6; i += 1) {
    unlinkSync(`${b}/x${i}`);
    execFileSync('mkfifo', [`${b}/x${i}`]);
  }
  await vi.waitFor(() => expect(sides.figures('b').refused).toBe(6), WAIT);
  for (let i = 0; i < 6; i += 1) writeFileSync(`${a}/new${i}`, 'the same content');
  await vi.waitFor(() => expect(readFileSync(`${b}/new5`, 'utf8')).toBe('the same content'), WAIT);
});

test('what belongs to a set from now on comes, whichever side hears of it first', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'], exclude: ['*.tmp'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x.tmp`, 'x');
  writeFileSync(`${a}/y`, 'y');
  sides.start('a', 'b');
  await vi.waitFor(() => expect(existsSync(`${b}/y`)).toBe(true), WAIT);
  sides.update({ exclude: [] }, 'a');
  writeFileSync(`${a}/z`, 'z');
  await vi.waitFor(() => expect(existsSync(`${b}/z`)).toBe(true), WAIT);
  await vi.waitFor(() => expect(sides.figures('b').backlogFiles).toBe(0), WAIT);
  sides.update({ exclude: [] }, 'b');
  await vi.waitFor(() => expect(existsSync(`${b}/x.tmp`)).toBe(true), WAIT);
});

test('a large file that is wanted several times at once comes whole', async () => {
  await using sides = new Sides(FOLLOW);
  const [a, b] = [sides.root('a'), sides.root('b')];
  const bytes = Buffer.alloc(30 << 20);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  writeFileSync(`${a}/large`, bytes);
  sides.start('a', 'b');
  const all = await Promise.all([1, 2, 3].map(() => sides.bring('b', 'a', ['large']).catch((e: Error) => e.message)));
  expect(all).toEqual([[], [], []]);
  expect(readFileSync(`${b}/large`).equals(bytes)).toBe(true);
  expect(sides.logged.filter((l) => /not brought/.test(l))).toEqual([]);
});

test('a source that is put back from an older copy, with what is known of it, is what counts', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  for (let i = 0; i < 5; i += 1) writeFileSync(`${a}/${i}`, `old ${i}`);
  sides.start('a', 'b');
  await sides.equal();
  await sides.stop('a');
  cpSync(a, `${sides.folder}/backup`, { recursive: true, preserveTimestamps: true });
  sides.start('a');
  for (let i = 0; i < 5; i += 1) writeFileSync(`${a}/${i}`, `new ${i}`);
  await sides.equal();
  await sides.stop('a');
  rmSync(a, { recursive: true });
  renameSync(`${sides.folder}/backup`, a);
  for (let i = 10; i < 20; i += 1) writeFileSync(`${a}/${i}`, `after ${i}`);
  sides.start('a');
  await vi.waitFor(() => expect(existsSync(`${b}/19`)).toBe(true), WAIT);
  await vi.waitFor(() => expect(readFileSync(`${b}/3`, 'utf8')).toBe('old 3'), WAIT);
});

test('a root that is empty at the start deletes nothing, until there is a file', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  mkdirSync(`${a}/d`);
  for (let i = 0; i < 50; i += 1) writeFileSync(`${a}/d/${i}`, `old ${i}`);
  sides.start('a', 'b');
  await sides.equal();
  await sides.stop('a');
  rmSync(`${a}/d`, { recursive: true });
  sides.start('a');
  await vi.waitFor(() => expect(sides.logged.join('\n')).toContain('it is empty, though'), WAIT);
  expect(existsSync(`${b}/d/49`)).toBe(true);
  writeFileSync(`${a}/meant`, '');
  expect(Object.keys(await sides.equal())).toEqual(['meant']);
});

test('what otter keeps in a root is made anew when somebody removes it', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  for (let i = 0; i < 5; i += 1) writeFileSync(`${a}/${i}`, `old ${i}`);
  sides.start('a', 'b');
  await sides.equal();
  rmSync(`${b}/.otter`, { recursive: true });
  writeFileSync(`${a}/x`, 'x');
  await vi.waitFor(() => expect(existsSync(`${b}/x`)).toBe(true), WAIT);
});

test('what otter keeps in a root below this one is nobody’s file', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  mkdirSync(`${a}/sub/.otter`, { recursive: true });
  writeFileSync(`${a}/sub/.otter/s.db`, 'db');
  writeFileSync(`${a}/sub/x`, 'db');
  sides.start('a', 'b');
  await vi.waitFor(() => expect(existsSync(`${b}/sub/x`)).toBe(true), WAIT);
  writeFileSync(`${a}/later`, 'x');
  await vi.waitFor(() => expect(existsSync(`${b}/later`)).toBe(true), WAIT);
  expect(existsSync(`${b}/sub/.otter/s.db`)).toBe(false);
});

test('times before 1970 and behind 2100 are kept, and no conflict', async () => {
  await using sides = new Sides({ between: ['a', 'b'], watch: ['**'] });
  const a = sides.root('a');
  for (const [i, t] of [-1.5, -0.25, -1e9 - 0.123457, 0, 4e9 + 0.123456, 9e9 + 0.654321].entries()) {
    writeFileSync(`${a}/${i}`, `${i}`);
    utimesSync(`${a}/${i}`, t, t);
  }
  sides.start('a', 'b');
  await sides.equal();
  expect(sides.figures('a').conflicts + sides.figures('b').conflicts).toBe(0);
});

test('a directory that is entered is that one, however many are open', async () => {
  await using sides = new Sides({ between: ['a', 'b'] });
  const a = sides.root('a');
  for (let i = 0; i < 600; i += 1) {
    mkdirSync(`${a}/d${i}`);
    writeFileSync(`${a}/d${i}/name`, `d${i}`);
  }
  const root = await findRoot(a);
  await using directories = new Directories(root);
  const work = async (seed: number): Promise<void> => {
    for (let n = 0; n < 100; n++) {
      const i = (seed * 7919 + n * 31 * (1 + (seed % 5))) % 600;
      using entered = await directories.enter(`d${i}`);
      expect(readFileSync(entered!.at('name'), 'utf8')).toBe(`d${i}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => work(i)));
});

test('a file may become a directory, and a directory a file', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/x`, 'x');
  mkdirSync(`${a}/d`);
  writeFileSync(`${a}/d/y`, 'y');
  sides.start('a', 'b');
  await sides.equal();
  unlinkSync(`${a}/x`);
  mkdirSync(`${a}/x`);
  writeFileSync(`${a}/x/in`, 'in');
  rmSync(`${a}/d`, { recursive: true });
  writeFileSync(`${a}/d`, 'file');
  await sides.equal();
  expect(existsSync(`${b}/x/in`)).toBe(true);
});

test('a look through the root that is cut short takes nothing for gone', async () => {
  await using sides = new Sides({ from: 'a', to: 'b' });
  const a = sides.root('a');
  for (let i = 0; i < 20; i += 1) {
    mkdirSync(`${a}/d${i}`);
    for (let n = 0; n < 8; n += 1) writeFileSync(`${a}/d${i}/${n}`, `${i} ${n}`);
  }
  const catalogue = new Catalogue(`${sides.folder}/c.db`);
  const strayed = (): void => undefined;
  const options = { root: await findRoot(a), region: 'a', catalogue, selection: () => selection(null, []), strayed };
  const tree = new Tree({ ...options, refused: strayed });
  const how = { deep: true, again: strayed, pace: async (): Promise<void> => undefined };
  await tree.scan('', { ...how, signal: new AbortController().signal });
  for (let after = 1; after < 40; after += 1) {
    for (let i = 0; i < 20; i += 1) for (let n = 0; n < 8; n += 1) utimesSync(`${a}/d${i}/${n}`, after, after);
    for (const { path, content } of catalogue.since(0, 1_000)) expect([path, content === null]).toEqual([path, false]);
    const cut = new AbortController();
    let left = after;
    const pace = async (): Promise<void> => {
      left -= 1;
      if (left === 0) cut.abort(new Error('cut'));
    };
    await expect(tree.scan('', { ...how, pace, signal: cut.signal })).rejects.toThrow('cut');
  }
  const all = catalogue.since(0, 1_000);
  expect(all).toHaveLength(160);
  for (const { path, content } of all)
    expect([path, content?.hash]).toEqual([path, hash('sha256', readFileSync(`${a}/${path}`))]);
  catalogue.close();
});
