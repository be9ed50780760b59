/** Numbers over time and shares, drawn with characters: a sparkline in one row, a chart in several, a bar. */
import { type Line, type Span, span, type Tone } from './text.ts';
import type { Glyphs } from './theme.ts';

/** Air above the highest sample of a sparkline, so that a steady value does not look like a wall. */
const HEADROOM = 1.3;

/**
 * The newest samples in `width` columns, right-aligned; a sample that is not there is a space. `floor` is the least
 * value that fills the height, so that noise stays small.
 */
export function sparkline(samples: readonly (number | null)[], width: number, floor: number, glyphs: Glyphs): string {
  const highest = Math.max(0, ...samples.slice(-Math.max(1, width)).map((value) => value ?? 0));
  return chart(samples, width, 1, Math.max(floor, highest * HEADROOM), glyphs)[0] ?? '';
}

/** The same over several rows, highest first. */
export function chart(
  samples: readonly (number | null)[],
  width: number,
  rows: number,
  floor: number,
  glyphs: Glyphs,
): string[] {
  // `slice(-0)` would be everything.
  const shown = width < 1 ? [] : samples.slice(-width);
  const top = Math.max(floor, ...shown.map((value) => value ?? 0));
  const perRow = glyphs.steps.length;
  const padding = ' '.repeat(Math.max(0, width - shown.length));
  return Array.from({ length: rows }, (_, index) => {
    const below = (rows - 1 - index) * perRow;
    const row = shown.map((value) => {
      if (value === null) return ' ';
      // Zero still leaves its lowest mark in the lowest row: measured, and nothing.
      const level = Math.max(1, Math.round((Math.max(0, value) / top) * perRow * rows)) - below;
      return level <= 0 ? ' ' : glyphs.steps[Math.min(level, perRow) - 1]!;
    });
    return padding + row.join('');
  });
}

/** The same, each sample in its own tone; a single row has air above its highest sample, as a sparkline has. */
export function chartSpans(
  samples: readonly (number | null)[],
  width: number,
  rows: number,
  floor: number,
  tone: (value: number | null) => Tone,
  glyphs: Glyphs,
): Line[] {
  const drawn = rows === 1 ? [sparkline(samples, width, floor, glyphs)] : chart(samples, width, rows, floor, glyphs);
  const shown = width < 1 ? [] : samples.slice(-width);
  return drawn.map((text) => {
    const spans: Span[] = [];
    for (const [index, char] of [...text].entries()) {
      const of = tone(shown[index - (width - shown.length)] ?? null);
      const last = spans.at(-1);
      if (last !== undefined && (last.tone === of || char === ' ')) {
        spans[spans.length - 1] = span(last.text + char, last.tone);
      } else spans.push(span(char, of));
    }
    return spans;
  });
}

export function bar(share: number, width: number, glyphs: Glyphs): string {
  const full = share >= 1 ? width : Math.min(Math.max(0, width - 1), Math.floor(share * width));
  return glyphs.barFull.repeat(Math.max(0, full)) + glyphs.barEmpty.repeat(Math.max(0, width - full));
}
