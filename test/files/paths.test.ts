/** Which paths are ones below a root, and how large files are cut: pure. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { CUT_BYTES, cutPieces } from '../../src/files/cutting.ts';
import { stepsOf } from '../../src/files/difference.ts';
import { besideName, faultOf, selection } from '../../src/files/paths.ts';

test('what leaves the root, or is no path, is refused', () => {
  for (const path of [
    '',
    '/etc/passwd',
    '..',
    'a/../b',
    'a/..',
    './a',
    'a//b',
    'a/',
    'a\u0000b',
    'ā',
    '.otter',
    '.otter/s.db',
    'a/.otter',
    'a/.otter/s.db',
    'x'.repeat(256),
  ])
    expect(faultOf(path), path).not.toBe(null);
  for (const path of [
    'a',
    'a/b',
    '...',
    '..a',
    'a/.b',
    '.otter2',
    '\u00ff\u00fe',
    ' ',
    '-rf',
    'a\nb',
    `${'d/'.repeat(3_000)}x`,
  ])
    expect(faultOf(path), path).toBe(null);
});

test('no path that is let through leads out, whatever it is made of', () => {
  const part = fc.constantFrom('.', '..', '', 'a', '.otter', 'b\u00ff', '/', '\u0000');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      const path = parts.join('/');
      if (faultOf(path) !== null) return;
      expect(new URL(`file:///root/${path.replaceAll(/[^a-z./]/g, 'x')}`).pathname.startsWith('/root/')).toBe(true);
      expect(path.split('/')).not.toContain('..');
    }),
  );
});

test('patterns choose, and what is excluded is not looked into', () => {
  const chosen = selection(['**/*.jpg'], ['tmp/**', '**/*.part.jpg']);
  expect(['a.jpg', 'd/e/f.jpg', '.hidden/x.jpg'].map((path) => chosen.has(path))).toEqual([true, true, true]);
  expect(['a.png', 'tmp/a.jpg', 'x/a.part.jpg', '.otter/a.jpg'].map((path) => chosen.has(path))).toEqual([
    false,
    false,
    false,
    false,
  ]);
  expect([chosen.leavesOut('tmp'), chosen.leavesOut('d'), chosen.leavesOut('.otter')]).toEqual([true, false, true]);
  expect(besideName('d/a.jpg', 'hz', new Date(0))).toBe('d/a.jpg.conflict-hz-19700101T000000000Z');
  expect(besideName(`d/${'x'.repeat(255)}`, 'hz', new Date(0)).length).toBe(2 + 255);
});

const bytes = (length: number, seed: number): Buffer => {
  const made = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[i] = state >>> 24;
  }
  return made;
};

async function piecesOf(whole: Buffer, step: number): Promise<(readonly [number, string])[]> {
  const found: (readonly [number, string])[] = [];
  async function* source(): AsyncGenerator<Buffer> {
    for (let at = 0; at < whole.length; at += step) yield whole.subarray(at, at + step);
  }
  for await (const some of cutPieces(source())) found.push(...some);
  return found;
}

test('pieces are the same however the file is read, make up the whole, and stay where something is put in', async () => {
  const whole = bytes(6 << 20, 7);
  const once = await piecesOf(whole, 1 << 20);
  expect(await piecesOf(whole, 333_333)).toEqual(once);
  expect(once.reduce((sum, [length]) => sum + length, 0)).toBe(whole.length);
  for (const [length] of once) expect(length).toBeLessThanOrEqual(CUT_BYTES.max);
  const longer = Buffer.concat([whole.subarray(0, 3_000_000), bytes(1_000, 9), whole.subarray(3_000_000)]);
  const known = new Set(once.map(([, hash]) => hash));
  const other = (await piecesOf(longer, 1 << 20)).filter(([, hash]) => !known.has(hash));
  expect(other.reduce((sum, [length]) => sum + length, 0)).toBeLessThan(2 * CUT_BYTES.max);
});

test('what is to be copied and what comes covers the file from where it is, once', () => {
  const piece = fc.tuple(fc.integer({ min: 1, max: 4 << 20 }), fc.constantFrom('a', 'b', 'c', 'd'));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.nat(), (theirs, share) => {
      const size = theirs.reduce((sum, [length]) => sum + length, 0);
      const done = size === 0 ? 0 : share % (size + 1);
      let at = done;
      for (const step of stepsOf(
        theirs,
        new Map([
          ['a', 0],
          ['c', 99],
        ]),
        done,
      )) {
        if (step.kind === 'comes') expect(step.part[0]).toBe(at);
        at += step.kind === 'comes' ? step.part[1] : step.length;
      }
      expect(at).toBe(size);
    }),
  );
});
