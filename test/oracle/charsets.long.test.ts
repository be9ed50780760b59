/**
 * Text of MySQL's character sets as Unicode: for every character of one or two bytes what is read is what the servers make
 * of it. What the server does not know may be refused or read; nothing may be read as something else.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DatabaseServer as LabServer, startMariaDb, startMySql } from '../../src/lab/servers.ts';
import { READABLE_CHARSETS } from '../../src/model/oracle-types.ts';
import { decoderOf } from '../../src/oracle/charsets.ts';
import { rootOf } from '../site/harness.ts';

const WIDE: Readonly<Record<string, (code: number) => string>> = {
  ucs2: (code) => hex(code, 4),
  utf16: (code) => hex(code, 4),
  utf16le: (code) => hex(code & 255, 2) + hex(code >> 8, 2),
  utf32: (code) => hex(code, 8),
};

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** Bytes of every character that may be one of the charset's, as hexadecimal. */
function characters(charset: string): string[] {
  const wide = WIDE[charset];
  if (wide !== undefined)
    return range(0, 0xffff)
      .filter((code) => code < 0xd800 || code > 0xdfff)
      .map(wide);
  if (charset === 'gbk')
    return [...range(0, 127), ...range(0x8140, 0xfefe)].map((code) => hex(code, code > 127 ? 4 : 2));
  if (/^utf8/.test(charset)) return range(0, 127).map((code) => hex(code, 2));
  return range(0, 255).map((code) => hex(code, 2));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

describe.each([
  ['MariaDB', startMariaDb],
  ['MySQL', startMySql],
] as const)('%s', (_, start) => {
  let server: LabServer;

  beforeAll(async () => {
    server = await start();
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });

  test.each(READABLE_CHARSETS)('%s', async (charset) => {
    const root = await rootOf(server);
    try {
      const decode = decoderOf(charset)!;
      const wrong: string[] = [];
      let known = 0;
      const all = characters(charset);
      await root.query(
        `CREATE DATABASE IF NOT EXISTS c; DROP TABLE IF EXISTS c.t; CREATE TABLE c.t (id INT PRIMARY KEY, b VARBINARY(4))`,
      );
      await root.query(`INSERT INTO c.t VALUES ${all.map((bytes, i) => `(${i},x'${bytes}')`).join(',')}`);
      // Of bytes that are none of its characters the servers make NULL, nothing, or a question mark.
      const [rows] = await root.query({
        sql: `SELECT HEX(b), HEX(CONVERT(CONVERT(b USING ${charset}) USING utf8mb4)) FROM c.t`,
        rowsAsArray: true,
      });
      for (const [bytes, unicode] of rows as [string, string | null][]) {
        if (unicode === null || unicode === '' || (unicode.startsWith('3F') && !/^0*3F0*$/.test(bytes))) continue;
        known += 1;
        const text = decode(Buffer.from(bytes, 'hex'));
        if (text !== null && text !== Buffer.from(unicode, 'hex').toString())
          wrong.push(`${bytes}: ${unicode} ${text}`);
      }
      expect(wrong).toEqual([]);
      expect(known).toBeGreaterThanOrEqual(128);
    } finally {
      root.destroy();
    }
  });
});
