import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { resolveSecret } from '../../src/executor/secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'otter-secret-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('from the environment, also an empty one', () => {
  expect(resolveSecret({ env: 'A' }, { A: ' s3cret ' })).toBe(' s3cret ');
  expect(resolveSecret({ env: 'A' }, { A: '' })).toBe('');
});

test('from a file, without the line end an editor leaves', () => {
  const file = join(folder, 'one');
  for (const text of ['s3cret', 's3cret\n', 's3cret\r\n']) {
    writeFileSync(file, text);
    expect(resolveSecret({ file }, {})).toBe('s3cret');
  }
  writeFileSync(file, ' s3 \n\n');
  expect(resolveSecret({ file }, {})).toBe(' s3 \n');
});

test('what cannot be resolved is said by its reference, never by a value', () => {
  expect(() => resolveSecret({ env: 'A' }, { B: 's3cret' })).toThrow(
    expect.objectContaining({ code: 'OT3020', message: expect.stringContaining('A') }),
  );
  expect(() => resolveSecret({ file: join(folder, 'none') }, {})).toThrow(/none cannot be read \(ENOENT\)/);
  expect(() => resolveSecret({ file: folder }, {})).toThrow(/EISDIR/);
  const long = join(folder, 'long');
  writeFileSync(long, 's3cret'.repeat(1000));
  expect(() => resolveSecret({ file: long }, {})).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining('s3cret') }),
  );
});
