import { expect, test } from 'vitest';
import { clientText } from '../../src/mysql/client-charset.ts';

test.each([
  ['utf8mb4', 45, 'größe', Buffer.from('größe')],
  ['latin1', 8, 'größe €', Buffer.from([0x67, 0x72, 0xf6, 0xdf, 0x65, 0x20, 0x80])],
  ['latin1 without padding', 1032, 'ö', Buffer.from([0xf6])],
  ['cp850', 4, 'größe', Buffer.from([0x67, 0x72, 0x94, 0xe1, 0x65])],
  // The second byte is that of a backslash.
  ['gbk', 28, '誠', Buffer.from([0xd5, 0x5c])],
  ['sjis', 13, '表', Buffer.from([0x95, 0x5c])],
  ['a collation of MariaDB for Unicode', 2304, 'ö', Buffer.from('ö')],
  ['none', null, 'ö', Buffer.from('ö')],
])('%s', (_, collation, text, bytes) => expect(clientText(bytes, collation)).toEqual({ kind: 'text', text }));

test('letters that nobody can read are said to be so, and only they', () => {
  expect(clientText(Buffer.from([0x61, 0xe1]), 37)).toEqual({ kind: 'unknown', charset: 'keybcs2' });
  expect(clientText(Buffer.from('ALTER TABLE a'), 37)).toEqual({ kind: 'text', text: 'ALTER TABLE a' });
  expect(clientText(Buffer.from('ALTER TABLE `a`'), 10)).toEqual({ kind: 'unknown', charset: 'swe7' });
  expect(clientText(Buffer.from('BEGIN'), 10)).toEqual({ kind: 'text', text: 'BEGIN' });
});
