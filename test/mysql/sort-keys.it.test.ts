/** Sort keys against the server's own `=`, for every collation that a server has. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/lab/random.ts';
import { Scales } from '../../src/mysql/sort-keys.ts';
import { LONG } from '../project/long.ts';
import { type Context, type Family, open } from './context.ts';

/** Letters that some collation takes for others, and what stands at the end of a text unseen. */
const LETTERS = [
  ...'aAáäbßslłıiIİcChHoöœfﬁ1１٣3ΩωアあァーКкดึ中đdñn',
  ...['ss', 'ch', 'CH', 'll', 'ae', 'æ', '😀', '😁', '𐐀', '𐐨', "'", '-', '\t', '\u0001', '\u0301', '\u0308', '\u0303'],
];
const ENDS = ['', '', ' ', '  ', '\u00a0', '\u3000', ' \u200b', ' \u00ad', '\u200b', ' \u00a0', '\u0301'];
const PAIRS = 120;

describe.each<Family>(['mariadb', 'mysql'])('%s', (family) => {
  let context: Context;
  beforeAll(async () => {
    context = await open(family);
  });
  afterAll(async () => {
    await context?.[Symbol.asyncDispose]();
  });

  test('two texts have one sort key when the server calls them equal', async () => {
    const { root } = context;
    const random = seededRandom(11);
    const pick = (from: readonly string[]): string => from[random.between(0, from.length - 1)]!;
    const variant = (letter: string): string =>
      pick([letter, letter, letter.toUpperCase(), letter.toLowerCase(), letter.normalize('NFD'), pick(LETTERS)]);
    const pairs = Array.from({ length: PAIRS }, () => {
      const letters = Array.from({ length: random.between(0, 3) }, () => pick(LETTERS));
      return [letters.join('') + pick(ENDS), letters.map(variant).join('') + pick(ENDS)] as const;
    });
    // Characters that the charset of the collation does not have are all one, `?`.
    const literal = (text: string): string => `_utf8mb4 x'${Buffer.from(text).toString('hex')}'`;
    const found = await root.rows<{ name: string }>(
      `SELECT IF(COLLATION_NAME LIKE 'uca1400%', CONCAT('utf8mb4_', COLLATION_NAME), COLLATION_NAME) AS name
       FROM information_schema.COLLATIONS WHERE COLLATION_NAME NOT IN ('binary')`,
    );
    const wrong: string[] = [];
    const equal = new Set<string>();
    for (const { name } of LONG ? found : found.filter((_, index) => index % 3 === 0)) {
      const charset = name.split('_')[0]!;
      const as = (text: string): string => `CONVERT(${literal(text)} USING ${charset}) COLLATE ${name}`;
      const same = await root.rows<{ same: number | string }>(
        pairs.map(([one, other]) => `SELECT (${as(one)}) = (${as(other)}) AS same`).join(' UNION ALL '),
      );
      const keys = await new Scales().sortKeys(
        root,
        name,
        pairs.flatMap((pair) => pair.map(literal)),
      );
      for (const [index, pair] of pairs.entries()) {
        const are = Number(same[index]!.same) === 1;
        if (are) equal.add(`${index}`);
        if ((keys[2 * index] === keys[2 * index + 1]) !== are) wrong.push(`${name} ${JSON.stringify(pair)}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(found.length).toBeGreaterThan(200);
    expect(equal.size).toBeGreaterThan(30);
  }, 60_000);
});
