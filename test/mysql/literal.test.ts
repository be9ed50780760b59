/** Literals of bytes: right for any bytes at any place of a buffer, and the buffer is left as it was. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { binaryLiteral, textLiteral } from '../../src/mysql/literal.ts';

/** What a server makes of a quoted literal. */
function unquote(literal: string): string {
  expect(literal).toMatch(/^'.*'$/s);
  return literal.slice(1, -1).replace(/\\(.)/gs, (_, c: string) => (c === '0' ? '\0' : c));
}

const surrounded = fc.tuple(
  fc.uint8Array({ maxLength: 3 }),
  fc.uint8Array({ maxLength: 60 }),
  fc.uint8Array({ maxLength: 3 }),
);

describe('textLiteral', () => {
  test('valid UTF-8 is quoted and comes back', () => {
    const texts = fc.tuple(
      fc.uint8Array({ maxLength: 3 }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.uint8Array({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(texts, ([before, text, after]) => {
        fc.pre(text.isWellFormed());
        const body = Buffer.from(text);
        const bytes = Buffer.concat([before, body, after]);
        const copy = Buffer.from(bytes);
        expect(unquote(textLiteral('utf8mb4')(bytes, before.length, before.length + body.length))).toBe(text);
        expect(bytes.equals(copy)).toBe(true);
      }),
    );
  });

  test('any bytes: the value can be had back, and nothing ends the literal early', () => {
    fc.assert(
      fc.property(
        surrounded,
        fc.constantFrom('utf8mb4', 'ascii', 'latin1', 'gbk', 'sjis', 'ucs2'),
        ([before, body, after], charset) => {
          const bytes = Buffer.concat([before, body, after]);
          const literal = textLiteral(charset)(bytes, before.length, before.length + body.length);
          const hex = /^(?:_([a-z0-9]+) )?x'([0-9a-f]*)'$/.exec(literal);
          const back = hex === null ? Buffer.from(unquote(literal)) : Buffer.from(hex[2]!, 'hex');
          expect(back.equals(Buffer.from(body))).toBe(true);
          if (hex?.[1] !== undefined) expect(hex[1]).toBe(charset);
          expect(literal.slice(1, -1).replace(/\\./gs, '')).not.toMatch(hex === null ? /'/ : /^$/);
        },
      ),
    );
  });

  test.each([
    ['utf8mb4', Buffer.from("it's"), "'it\\'s'"],
    ['utf8mb4', Buffer.from('\u{fffd}'), "'\u{fffd}'"],
    ['utf8mb4', Buffer.from([0xff]), "x'ff'"],
    ['utf8mb4', Buffer.from([0xed, 0xa0, 0x80]), "x'eda080'"],
    ['latin1', Buffer.from('plain'), "'plain'"],
    ['latin2', Buffer.from([0x61, 0x7f]), "_latin2 x'617f'"],
    ['latin1', Buffer.from([0xe9]), "_latin1 x'e9'"],
    ['sjis', Buffer.from('a'), "_sjis x'61'"],
    ['swe7', Buffer.from('[]'), "_swe7 x'5b5d'"],
    ['binary', Buffer.from('a'), "x'61'"],
  ])('%s %o', (charset, bytes, literal) => {
    expect(textLiteral(charset)(bytes, 0, bytes.length)).toBe(literal);
  });
});

test('binaryLiteral', () => {
  expect(binaryLiteral(Buffer.from([0, 255]), 0, 0)).toBe("x''");
  expect(binaryLiteral(Buffer.from([1, 0, 255, 2]), 1, 3)).toBe("x'00ff'");
});
