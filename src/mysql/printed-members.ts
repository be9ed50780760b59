/**
 * Whether the members that a server prints of an ENUM or SET are those that it has: rows carry their numbers only.
 *
 * Both families print definitions by way of utf8mb3, with a question mark for every letter outside of the first plane, also
 * in SHOW CREATE TABLE to a client that would take them. Rule kept: where what was printed may stand for several members, no
 * table is made by it.
 */
import type { CreateParts } from './create-parts.ts';
import { closed, endOf, keyOf, skipSpaces, wordsOf } from './create-words.ts';

/** Character sets that have such letters. */
const WIDE = /^(utf8mb4|utf16|utf16le|utf32|gb18030)(_|$)/i;

/** Why they may be others than are printed, or null. @param line of a column, as SHOW CREATE TABLE has it */
export function blurredMembers(line: string, options: CreateParts['options']): string | null {
  const words = wordsOf(line);
  const typeAt = skipSpaces(words, skipSpaces(words, 0) + 1);
  const open = skipSpaces(words, typeAt + 1);
  if (!['ENUM', 'SET'].includes(keyOf(words[typeAt])) || words[open] !== '(') return null;
  const end = closed(words, open);
  const members = words.slice(open, end).join('');
  if (members.includes('\ufffd')) return 'has members of bytes that its server does not print';
  if (!members.includes('?')) return null;
  const charset = said(words, end, 'CHARACTER', 'SET') ?? said(words, end, 'COLLATE') ?? options.get('DEFAULT CHARSET');
  if (charset !== undefined && !WIDE.test(charset)) return null;
  return 'has members with a question mark, which its server may have printed for another letter';
}

/** The word behind these. */
function said(words: readonly string[], from: number, ...keys: readonly string[]): string | undefined {
  for (let at = from; at < words.length; at += 1) {
    const behind = endOf(words, at, ...keys);
    if (behind >= 0 && !/^\s/.test(words[at]!)) return words[skipSpaces(words, behind)];
  }
  return undefined;
}
