import { expect, test } from 'vitest';
import { indexLimits } from '../../src/executor/index-limits.ts';

test('limits are what the environment says, else the usual ones', () => {
  const usual = { bytes: 268_435_456, fileBytes: 17_179_869_184, folder: '/tmp' };
  expect(indexLimits({}, '/tmp')).toEqual(usual);
  expect(indexLimits({ OTTER_INDEX_BYTES: '', OTTER_INDEX_FILE_BYTES: '', OTTER_SPILL_DIR: '' }, '/tmp')).toEqual(
    usual,
  );
  const env = { OTTER_INDEX_BYTES: '1000', OTTER_INDEX_FILE_BYTES: '2000', OTTER_SPILL_DIR: '/var/tmp' };
  expect(indexLimits(env, '/tmp')).toEqual({ bytes: 1000, fileBytes: 2000, folder: '/var/tmp' });
});

test('what is no number of bytes is refused by name', () => {
  for (const name of ['OTTER_INDEX_BYTES', 'OTTER_INDEX_FILE_BYTES'])
    for (const text of ['0', '-1', '1e3', '16GiB', ' 5', '99999999999999999999'])
      expect(() => indexLimits({ [name]: text }, '/tmp')).toThrow(expect.objectContaining({ code: 'OT7003' }));
});
