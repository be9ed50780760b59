/** A label and what is to be said of it, as a line; longer texts go on beneath. */
import { type Line, line, printable, type Span, span } from './text.ts';

export const LABEL_WIDTH = 13;

export function fact(label: string, ...value: readonly (Span | string)[]): Line {
  return line(span(`   ${label.padEnd(LABEL_WIDTH)}`, 'dim'), ...value);
}

export function labelled(label: string, rows: readonly string[], tone: Span['tone']): Line[] {
  return rows.map((text, index) => fact(index === 0 ? label : '', span(printable(text), tone)));
}
