/** Texts and members as expressions read them are what the servers say they are. */
import type { Connection } from 'mysql2/promise';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DatabaseServer } from '../../../src/lab/servers.ts';
import { textLiteral } from '../../../src/mysql/literal.ts';
import { membersOf } from '../../../src/replication/expression/types.ts';
import { READABLE, readerOf, ValueProblem } from '../../../src/replication/expression/values.ts';
import { FAMILIES, rootOf, STARTS } from '../../site/harness.ts';

let server: DatabaseServer;
let root: Connection;
beforeAll(async () => {
  server = await STARTS[FAMILIES[0]!]();
  root = await rootOf(server);
});
afterAll(async () => {
  root.destroy();
  await server[Symbol.asyncDispose]();
});

const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex');

/** Characters of one or two bytes; of those of Unicode, every one that has no second half. */
function candidates(charset: string): string[] {
  if (/^(ucs2|utf16|utf16le|utf32)$/.test(charset)) {
    const points = Array.from({ length: 0x600 }, (_, i) => i * 41).filter((point) => point < 0xd800 || point > 0xdfff);
    return points.map((point) => {
      const two = charset === 'utf16le' ? [point & 255, point >> 8] : [point >> 8, point & 255];
      return hex(charset === 'utf32' ? [0, 0, ...two] : two);
    });
  }
  const singles = Array.from({ length: 256 }, (_, byte) => hex([byte]));
  const pairs = Array.from({ length: 126 * 32 }, (_, i) => hex([0x81 + (i % 126), 0x40 + ((i * 7) % 191)]));
  return [...singles, ...pairs];
}

test.each(READABLE)(
  '%s',
  async (charset) => {
    const read = readerOf({ type: 'varchar(9)', charset, collation: null });
    const write = textLiteral(charset);
    const all = candidates(charset);
    const wrong: string[] = [];
    let equal = 0;
    for (let from = 0; from < all.length; from += 1000) {
      const some = all.slice(from, from + 1000);
      // What is no character of it becomes a question mark, or nothing, on the way there and back.
      const list = some.map(
        (bytes) =>
          `SELECT HEX(CONVERT(CONVERT(x'${bytes}' USING ${charset}) USING utf8mb4)), HEX(CONVERT(CONVERT(CONVERT(x'${bytes}' USING ${charset}) USING utf8mb4) USING ${charset}))`,
      );
      const [rows] = await root.query({ sql: list.join(' UNION ALL '), rowsAsArray: true });
      for (const [at, [text, back]] of (rows as [string, string][]).entries()) {
        const bytes = some[at]!;
        if (back?.toLowerCase() !== bytes) continue;
        const raw = Buffer.from(`00${bytes}00`, 'hex');
        try {
          const found = Buffer.from(read(write(raw, 1, raw.length - 1)) as string).toString('hex');
          if (found === text.toLowerCase()) equal += 1;
          else wrong.push(`${bytes}: ${text} is read as ${found}`);
        } catch (error) {
          // Told aloud, and no other character.
          if (!(error instanceof ValueProblem)) throw error;
        }
      }
    }
    expect(wrong).toEqual([]);
    expect(equal).toBeGreaterThan(90);
  },
  30_000,
);

test('members of an ENUM with quotes, commas and backslashes', async () => {
  await root.query(
    "CREATE DATABASE m; CREATE TABLE m.t (e ENUM('a,b', 'it''s', 'back\\\\slash', 'äß', '') CHARACTER SET utf8mb4)",
  );
  const [rows] = await root.query("SELECT column_type AS t FROM information_schema.columns WHERE table_schema = 'm'");
  const [{ t }] = rows as [{ t: string }];
  expect(membersOf(t)).toEqual(['a,b', "it's", 'back\\slash', 'äß', '']);
});
