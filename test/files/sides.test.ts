/** Trees kept the same by two sides: one way and both, renames, deletions, conflicts, cuts, and names of any bytes. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Catalogue } from '../../src/files/catalogue.ts';
import { Sides } from './sides.ts';

const WAIT = { timeout: 20_000, interval: 20 };

test('a tree comes over as it is, and follows what is changed', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  mkdirSync(`${a}/x/y/z`, { recursive: true });
  for (let i = 0; i < 300; i += 1) writeFileSync(`${a}/x/y/${i}.txt`, `file ${i}`);
  writeFileSync(`${a}/x/empty`, '');
  writeFileSync(Buffer.concat([Buffer.from(`${a}/x/`), Buffer.from([0xff, 0xfe, 0x41])]), 'no UTF-8');
  chmodSync(`${a}/x/y/1.txt`, 0o640);
  sides.start('a', 'b');
  expect(Object.keys(await sides.equal())).toHaveLength(302);
  writeFileSync(`${a}/x/y/2.txt`, 'changed');
  chmodSync(`${a}/x/y/3.txt`, 0o600);
  mkdirSync(`${a}/new/deep`, { recursive: true });
  writeFileSync(`${a}/new/deep/file`, 'there');
  writeFileSync(Buffer.concat([Buffer.from(`${a}/x/`), Buffer.from([0xff, 0x42])]), 'no UTF-8, later');
  expect(Object.keys(await sides.equal())).toHaveLength(304);
  // Nothing is deleted: that is the default.
  unlinkSync(`${a}/x/y/4.txt`);
  writeFileSync(`${a}/last`, 'x');
  await vi.waitFor(() => expect(existsSync(`${b}/last`)).toBe(true), WAIT);
  expect(existsSync(`${b}/x/y/4.txt`)).toBe(true);
});

test('with mirror, what goes goes everywhere, and what is only renamed is not sent again', async () => {
  await using sides = new Sides({ between: ['a', 'b'], watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  mkdirSync(`${a}/old`);
  writeFileSync(`${a}/old/picture`, Buffer.alloc(200_000, 'p'));
  writeFileSync(`${b}/theirs`, 'from the other side');
  sides.start('a', 'b');
  expect(Object.keys(await sides.equal()).sort()).toEqual(['old/picture', 'theirs']);
  const received = sides.figures('b').bytesReceived;
  renameSync(`${a}/old`, `${a}/new`);
  unlinkSync(`${a}/theirs`);
  expect(await sides.equal().then(Object.keys)).toEqual(['new/picture']);
  expect(existsSync(`${b}/old`)).toBe(false);
  expect(sides.figures('b').bytesReceived).toBe(received);
});

test('what both sides wrote at once is one file in the end, with the other beside it', async () => {
  await using sides = new Sides({ between: ['a', 'b'], watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  for (let i = 0; i < 20; i += 1) {
    writeFileSync(`${a}/${i}`, `from a ${i}`);
    writeFileSync(`${b}/${i}`, `from b ${i}`);
  }
  writeFileSync(`${a}/same`, 'same');
  writeFileSync(`${b}/same`, 'same');
  sides.start('a', 'b');
  const names = Object.keys(await sides.equal());
  expect(names).toHaveLength(41);
  expect(readFileSync(`${b}/7`, 'utf8')).toBe('from a 7');
  const beside = names.find((name) => /^7\.conflict-b-\d{8}T\d{9}Z$/.test(name));
  expect(readFileSync(`${a}/${beside}`, 'utf8')).toBe('from b 7');
  expect(sides.figures('a').conflicts + sides.figures('b').conflicts).toBe(20);
});

test('links and devices are left alone, and nothing is written through one', async () => {
  await using sides = new Sides({ between: ['a', 'b'], watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  const outside = `${sides.folder}/outside`;
  mkdirSync(outside);
  writeFileSync(`${outside}/secret`, 'not ours');
  symlinkSync(outside, `${a}/way-out`);
  symlinkSync(`${outside}/secret`, `${a}/link`);
  mkdirSync(`${a}/dir`);
  writeFileSync(`${a}/dir/file`, 'inside');
  symlinkSync(outside, `${b}/dir`);
  writeFileSync(`${a}/plain`, 'plain');
  sides.start('a', 'b');
  await vi.waitFor(() => expect(readFileSync(`${b}/plain`, 'utf8')).toBe('plain'), WAIT);
  await vi.waitFor(() => expect(sides.figures('b').failures).toBe(1), WAIT);
  expect(readdirSync(outside)).toEqual(['secret']);
  expect(existsSync(`${b}/link`)).toBe(false);
  expect(existsSync(`${b}/way-out`)).toBe(false);
  expect(sides.figures('a').refused).toBeGreaterThan(0);
});

test('a large file is gone on with after a cut, and of a changed one only what differs comes', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', watch: ['**'] });
  const a = sides.root('a');
  const bytes = Buffer.alloc(40 << 20);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  writeFileSync(`${a}/large`, bytes);
  let came = 0;
  sides.passing = ({ body }) => {
    came += body.length;
    if (came > 20 << 20) {
      sides.passing = () => undefined;
      sides.cut();
    }
  };
  sides.start('a', 'b');
  await sides.equal();
  const first = sides.figures('b').bytesReceived;
  expect(first).toBeLessThan(50 << 20);
  expect(sides.asked.some((one) => one.op === 'read' && one.files[0]!.from > 0)).toBe(true);
  const changed = Buffer.concat([bytes.subarray(0, 5 << 20), Buffer.from('put in'), bytes.subarray(5 << 20)]);
  writeFileSync(`${a}/large`, changed);
  appendFileSync(`${a}/large`, 'and at the end');
  await sides.equal();
  expect(sides.figures('b').bytesReceived - first).toBeLessThan(2 << 20);
});

test('a side that was stopped goes on where it was, and a lost catalogue sends nothing again', async () => {
  await using sides = new Sides({ between: ['a', 'b'], watch: ['**'] });
  const [a, b] = [sides.root('a'), sides.root('b')];
  for (let i = 0; i < 50; i += 1) writeFileSync(`${a}/${i}`, `file ${i}`);
  sides.start('a', 'b');
  await sides.equal();
  await sides.stop('b');
  writeFileSync(`${a}/3`, 'changed meanwhile');
  writeFileSync(`${b}/4`, 'changed there');
  sides.start('b');
  await sides.equal();
  expect(readFileSync(`${a}/4`, 'utf8')).toBe('changed there');
  await sides.stop('b');
  rmSync(`${b}/.otter`, { recursive: true });
  sides.start('b');
  expect(Object.keys(await sides.equal())).toHaveLength(50);
  expect(sides.figures('b').bytesReceived).toBe(0);
});

test('whoever has a root open has it alone, and a root that is gone deletes nothing', async () => {
  await using sides = new Sides({ between: ['a', 'b'], watch: ['**'], delete: 'mirror' });
  const [a, b] = [sides.root('a'), sides.root('b')];
  writeFileSync(`${a}/file`, 'there');
  sides.start('a', 'b');
  await sides.equal();
  expect(() => new Catalogue(`${a}/.otter/s.db`)).toThrow(expect.objectContaining({ code: 'OT8002' }));
  // As a disk that is taken away: another directory stands there.
  renameSync(a, `${a}-away`);
  mkdirSync(a);
  await vi.waitFor(() => expect(sides.logged.some((line) => line.includes('OT8001'))).toBe(true), WAIT);
  renameSync(a, `${a}-empty`);
  renameSync(`${a}-away`, a);
  writeFileSync(`${a}/later`, 'goes on');
  await vi.waitFor(() => expect(existsSync(`${b}/later`)).toBe(true), WAIT);
  expect(readFileSync(`${b}/file`, 'utf8')).toBe('there');
});
