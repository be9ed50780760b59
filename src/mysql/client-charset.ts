/**
 * The text of a statement, from the charset of the client that wrote it: the log has its bytes as they came.
 *
 * The event names the charset by a collation (MySQL manual, "Character Sets and Collations in MySQL"; numbers as in
 * information_schema.COLLATIONS). What is not listed here is Unicode, which clients send as UTF-8.
 */
import { isAscii } from 'node:buffer';
import iconv from 'iconv-lite';

interface Charset {
  readonly name: string;
  /** For iconv-lite; null: nobody here can read it. */
  readonly encoding: string | null;
  readonly collations: readonly number[];
}

const CHARSETS: readonly Charset[] = [
  { name: 'armscii8', encoding: 'armscii8', collations: [32, 64] },
  { name: 'big5', encoding: 'big5', collations: [1, 84] },
  { name: 'cp1250', encoding: 'cp1250', collations: [26, 34, 44, 66, 99] },
  { name: 'cp1251', encoding: 'cp1251', collations: [14, 23, 50, 51, 52] },
  { name: 'cp1256', encoding: 'cp1256', collations: [57, 67] },
  { name: 'cp1257', encoding: 'cp1257', collations: [29, 58, 59] },
  { name: 'cp850', encoding: 'cp850', collations: [4, 80] },
  { name: 'cp852', encoding: 'cp852', collations: [40, 81] },
  { name: 'cp866', encoding: 'cp866', collations: [36, 68] },
  { name: 'cp932', encoding: 'cp932', collations: [95, 96] },
  { name: 'dec8', encoding: null, collations: [3, 69] },
  { name: 'eucjpms', encoding: 'euc-jp', collations: [97, 98] },
  { name: 'euckr', encoding: 'euc-kr', collations: [19, 85] },
  { name: 'gb18030', encoding: 'gb18030', collations: [248, 249, 250] },
  { name: 'gb2312', encoding: 'gbk', collations: [24, 86] },
  { name: 'gbk', encoding: 'gbk', collations: [28, 87] },
  { name: 'geostd8', encoding: null, collations: [92, 93] },
  { name: 'greek', encoding: 'iso-8859-7', collations: [25, 70] },
  { name: 'hebrew', encoding: 'iso-8859-8', collations: [16, 71] },
  { name: 'hp8', encoding: null, collations: [6, 72] },
  { name: 'keybcs2', encoding: null, collations: [37, 73] },
  { name: 'koi8r', encoding: 'koi8-r', collations: [7, 74] },
  { name: 'koi8u', encoding: 'koi8-u', collations: [22, 75] },
  { name: 'latin1', encoding: 'cp1252', collations: [5, 8, 15, 31, 47, 48, 49, 94] },
  { name: 'latin2', encoding: 'iso-8859-2', collations: [2, 9, 21, 27, 77] },
  { name: 'latin5', encoding: 'iso-8859-9', collations: [30, 78] },
  { name: 'latin7', encoding: 'iso-8859-13', collations: [20, 41, 42, 79] },
  { name: 'macce', encoding: 'maccenteuro', collations: [38, 43] },
  { name: 'macroman', encoding: 'macroman', collations: [39, 53] },
  { name: 'sjis', encoding: 'shift_jis', collations: [13, 88] },
  { name: 'swe7', encoding: null, collations: [10, 82] },
  { name: 'tis620', encoding: 'tis620', collations: [18, 89] },
  { name: 'ujis', encoding: 'euc-jp', collations: [12, 91] },
];

const BY_COLLATION = new Map(CHARSETS.flatMap((charset) => charset.collations.map((id) => [id, charset] as const)));

/** MariaDB numbers a collation that does not pad 1024 above the one that does; from twice that on, all is Unicode. */
const NO_PAD = 1024;

export type ClientText =
  | { readonly kind: 'text'; readonly text: string }
  /** Letters of a charset that cannot be read here. */
  | { readonly kind: 'unknown'; readonly charset: string };

/** @param collation of the client's charset, null when the event does not say */
export function clientText(bytes: Buffer, collation: number | null): ClientText {
  const charset = collation === null ? undefined : BY_COLLATION.get(collation % NO_PAD);
  // Seven bits say the same everywhere, but in Swedish.
  if (isAscii(bytes) && !(charset?.name === 'swe7' && SWEDISH.test(bytes.latin1Slice())))
    return { kind: 'text', text: bytes.latin1Slice() };
  if (charset === undefined || collation! >= 2 * NO_PAD) return { kind: 'text', text: bytes.utf8Slice() };
  if (charset.encoding === null) return { kind: 'unknown', charset: charset.name };
  return { kind: 'text', text: iconv.decode(bytes, charset.encoding) };
}

/** Signs whose places have letters in swe7. */
const SWEDISH = /[$@[\\\]^`{|}~]/;
