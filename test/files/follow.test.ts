/** Files that rows name, brought by the side of their target. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { Sides } from './sides.ts';

const FOLLOW = { channel: 'shop', table: 'shop.product', path: '{image}' };

test('what is missing is counted, is looked for again, and comes by itself when it is there, also after a restart', async () => {
  await using sides = new Sides({ from: 'a', to: 'b', follow: FOLLOW, missing: 'continue' } as never);
  const [from, to] = [sides.root('a'), sides.root('b')];
  mkdirSync(`${from}/cat`);
  writeFileSync(`${from}/cat/1.jpg`, 'one');
  sides.start('a', 'b');
  const wanted = ['cat/1.jpg', 'cat/2.jpg', 'cat/3.jpg'];
  expect(await sides.bring('b', 'a', wanted)).toEqual(['cat/2.jpg', 'cat/3.jpg']);
  expect(readFileSync(`${to}/cat/1.jpg`, 'utf8')).toBe('one');
  expect(sides.figures('b')).toMatchObject({ missing: 2, failures: 0 });

  writeFileSync(`${from}/cat/2.jpg`, 'two');
  await vi.waitFor(() => expect(sides.figures('b').missing).toBe(1), { timeout: 10_000 });
  expect(readFileSync(`${to}/cat/2.jpg`, 'utf8')).toBe('two');

  await sides.stop('b');
  writeFileSync(`${from}/cat/3.jpg`, 'three');
  sides.start('b');
  await vi.waitFor(() => expect(readFileSync(`${to}/cat/3.jpg`, 'utf8')).toBe('three'), { timeout: 10_000 });
  await vi.waitFor(() => expect(sides.figures('b').missing).toBe(0), { timeout: 10_000 });
});
