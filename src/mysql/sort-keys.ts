/**
 * Texts as a server compares them: two are equal to its `=` exactly when their sort keys are.
 *
 * WEIGHT_STRING is nearly that. A comparison fills up the shorter text, which in a collation of the Unicode algorithm is
 * more than spaces at its end: NO-BREAK SPACE weighs as much, and what weighs nothing may stand behind a space. MariaDB fills
 * up each level for itself, the second and third also where a collation pads nothing. So what weighs like a space is taken
 * off the end of each level.
 * Sources: MariaDB and MySQL manuals, WEIGHT_STRING; compared with `=` for every collation in `test/mysql/sort-keys`.
 */
import type { Session } from './connection.ts';

interface Scale {
  /** SQL of the weights of a text, level by level, with a space between. */
  readonly weigh: (text: string) => string;
  /** Weight of a space at each level, '' where the end is left as it is. */
  readonly pads: readonly string[];
  /** What is left to be done to the weights. */
  readonly fold?: (weights: string) => string;
}

const TEXTS_AT_ONCE = 500;
/** A space at the first level of the Unicode algorithm, in its versions. */
const UNICODE = /^020[9A]/;
const LEVELS = [1, 2, 3] as const;

/** Where no weights are asked for: there are none, or many characters that differ share one. */
const EXACT: ReadonlyMap<string, Scale> = new Map([
  ['binary', { weigh: (text) => `HEX(${text})`, pads: [''] }],
  ['big5_chinese_ci', { weigh: (text) => `HEX(RTRIM(${text}))`, pads: [''], fold: upperLatin }],
  ['big5_chinese_nopad_ci', { weigh: (text) => `HEX(${text})`, pads: [''], fold: upperLatin }],
]);

export class Scales {
  readonly #known = new Map<string, Scale>();

  /** @param literals SQL literals of texts */
  async sortKeys(connection: Session, collation: string, literals: readonly string[]): Promise<string[]> {
    const { weigh, pads, fold = (weights) => weights } = await this.#of(connection, collation);
    const charset = charsetOf(collation);
    const keys: string[] = [];
    for (let start = 0; start < literals.length; start += TEXTS_AT_ONCE) {
      const sql = literals
        .slice(start, start + TEXTS_AT_ONCE)
        .map((literal) => `SELECT ${weigh(`CONVERT(${literal} USING ${charset})`)}`);
      for (const [weights] of await answers(connection, sql.join(' UNION ALL ')))
        keys.push(fold(trimmed(weights!, pads)));
    }
    return keys;
  }

  async #of(connection: Session, collation: string): Promise<Scale> {
    const known = this.#known.get(collation);
    if (known !== undefined) return known;
    const scale = await readScale(connection, collation);
    this.#known.set(collation, scale);
    return scale;
  }
}

async function readScale(connection: Session, collation: string): Promise<Scale> {
  const exact = EXACT.get(collation);
  if (exact !== undefined) return exact;
  const space = `CONVERT(' ' USING ${charsetOf(collation)})`;
  const padding = !/0900|nopad|^binary$/.test(collation);
  const whole = (text: string): string => `HEX(WEIGHT_STRING(${text} COLLATE ${collation}))`;
  const [[weight, version, bytes]] = (await answers(
    connection,
    `SELECT ${whole(space)}, VERSION(),
      (SELECT MAXLEN FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME='${charsetOf(collation)}')`,
  )) as [[string, string, string]];
  if (UNICODE.test(weight) && weight.length > 4 && version.includes('MariaDB')) {
    const byLevel = (text: string): string =>
      `CONCAT_WS(' ',${LEVELS.map((level) => `HEX(WEIGHT_STRING(${text} COLLATE ${collation} LEVEL ${level}))`).join()})`;
    const [[weights]] = (await answers(connection, `SELECT ${byLevel(space)}`)) as [[string]];
    const [first, ...others] = weights.split(' ') as [string, ...string[]];
    return { weigh: byLevel, pads: [padding ? first : '', ...others] };
  }
  if (!padding) return { weigh: whole, pads: [''] };
  // Where spaces weigh in several places they are gone before; elsewhere they and their like go after.
  return {
    weigh: (text) => whole(`RTRIM(${text})`),
    pads: [UNICODE.test(weight) || (Number(bytes) === 1 && weight.length === 2) ? weight : ''],
  };
}

function trimmed(weights: string, pads: readonly string[]): string {
  return weights
    .split(' ')
    .map((level, index) => {
      const pad = pads[index] ?? '';
      let end = level.length;
      while (pad !== '' && level.endsWith(pad, end)) end -= pad.length;
      return level.slice(0, end);
    })
    .join(' ');
}

/** Codes in hexadecimal of one byte, or of two of which the first is above all letters: these stay as they are. */
function upperLatin(hex: string): string {
  return hex.replace(/[89A-F].{3}|../g, (code) => {
    const byte = Number.parseInt(code, 16);
    return code.length === 2 && byte >= 0x61 && byte <= 0x7a ? (byte - 0x20).toString(16).toUpperCase() : code;
  });
}

function charsetOf(collation: string): string {
  return collation.split('_')[0]!;
}

async function answers(connection: Session, sql: string): Promise<string[][]> {
  const rows = (await connection.query(sql, { driver: { rowsAsArray: true } })) as (string | null)[][];
  return rows.map((row) => row.map((value) => value ?? ''));
}
