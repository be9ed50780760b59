import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  apart,
  cut,
  fitted,
  line,
  lineText,
  lineWidth,
  printable,
  span,
  textWidth,
  wrap,
} from '../../src/dashboard/text.ts';

const anyText = fc.string({ unit: 'grapheme', maxLength: 60 });
const anyLine = fc.array(
  anyText.map((text) => span(text)),
  { maxLength: 5 },
);

describe('lines of text', () => {
  it('are exactly as wide as asked', () => {
    fc.assert(
      fc.property(
        anyLine,
        fc.integer({ min: 0, max: 80 }),
        fc.constantFrom('left' as const, 'right' as const),
        (of, width, align) => {
          expect(lineWidth(fitted(of, width, '…', align))).toBe(width);
        },
      ),
    );
  });

  it('keep a text that fits, and mark one that was cut', () => {
    expect(cut('abcdef', 6, '…')).toBe('abcdef');
    expect(cut('abcdef', 4, '…')).toBe('abc…');
    expect(lineText(fitted(line('abc', 'def'), 4, '…'))).toBe('abc…');
    expect(lineText(fitted(line('abc', 'def'), 3, '…'))).toBe('ab…');
    expect(lineText(fitted(line('abc', 'def'), 6, '…'))).toBe('abcdef');
  });

  it('count wide characters twice and marks not at all', () => {
    expect(textWidth('杭州')).toBe(4);
    expect(textWidth('e\u0301')).toBe(1);
    expect(cut('杭州杭州', 5, '…')).toBe('杭州…');
  });

  it('put what is at the right edge first when it is tight', () => {
    expect(lineText(apart(line('a long name'), line('now'), 10, '…'))).toBe('a lon… now');
    expect(lineText(apart(line('a'), line('now'), 10, '…'))).toBe('a      now');
  });

  it('wrap words into rows and lose none', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const rows = wrap(text, width);
        for (const row of rows) expect(textWidth(row)).toBeLessThanOrEqual(width);
        expect(rows.join('').replace(/\s/g, '')).toBe(printable(text).replace(/\s/g, ''));
      }),
    );
  });

  it('carry nothing that moves a cursor', () => {
    expect(printable('a\x1b[2Jb\r\nc\x07')).toBe('ab c');
    expect(printable('shop.\u202eredro\u202c \u2067x\u2069\u2028y\u200f')).toBe('shop.redro x y');
  });
});
