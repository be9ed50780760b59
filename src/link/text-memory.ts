/**
 * A text that changes a little with every delivery (a gtid, a position), sent as its difference to the one before it.
 *
 * Rule: both sides hold one memory per text, made from the same start and told everything in the same order; then
 * `restore(difference(text))` is `text`, whatever the texts are.
 */
import type { WireText } from './wire.ts';

/** Shorter agreements are not worth an array. */
const SHARED_MIN = 6;
/** Numbers of more digits are not exact. */
const DIGITS_MAX = 15;

export class TextMemory {
  #text: string;
  /** The text is `#prefix` and then `#number` in digits; without digits at its end, `#number` is -1. */
  #prefix = '';
  #number = -1;

  constructor(text: string) {
    this.#text = text;
    this.#split(text);
  }

  difference(text: string): WireText {
    if (text === this.#text) return 0;
    const before = this.#text;
    this.#text = text;
    if (this.#number >= 0 && text.startsWith(this.#prefix)) {
      const number = digitsAt(text, this.#prefix.length);
      const growth = number - this.#number;
      if (number >= 0 && growth > 0) {
        this.#number = number;
        return growth;
      }
    }
    this.#split(text);
    return textDifference(before, text);
  }

  /** Null when the difference does not fit the text before. */
  restore(difference: unknown): string | null {
    if (difference === 0) return this.#text;
    if (typeof difference === 'number') {
      if (this.#number < 0 || !isCount(difference) || !Number.isSafeInteger(this.#number + difference)) return null;
      this.#number += difference;
      this.#text = this.#prefix + this.#number;
      return this.#text;
    }
    const text = applyDifference(this.#text, difference);
    if (text === null) return null;
    this.#text = text;
    this.#split(text);
    return text;
  }

  #split(text: string): void {
    let start = text.length;
    while (start > 0 && isDigit(text.charCodeAt(start - 1))) start--;
    this.#number = digitsAt(text, start);
    this.#prefix = text.slice(0, start);
  }
}

/** One text against another, without a memory. */
export function textDifference(before: string, after: string): WireText {
  if (before === after) return 0;
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let end = 0;
  while (
    end < shorter - start &&
    before.charCodeAt(before.length - 1 - end) === after.charCodeAt(after.length - 1 - end)
  )
    end++;
  return start + end < SHARED_MIN ? after : [start, end, after.slice(start, after.length - end)];
}

/** The counterpart; null when it does not fit. */
export function applyDifference(before: string, difference: unknown): string | null {
  if (difference === 0) return before;
  if (typeof difference === 'string') return difference;
  if (!Array.isArray(difference) || difference.length !== 3) return null;
  const [start, end, between] = difference as readonly unknown[];
  if (!isCount(start) || !isCount(end) || start + end > before.length || typeof between !== 'string') return null;
  return before.slice(0, start) + between + before.slice(before.length - end);
}

/** The number that the text from `start` on spells exactly, or -1. */
function digitsAt(text: string, start: number): number {
  const digits = text.length - start;
  if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && text.charCodeAt(start) === 48)) return -1;
  let number = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (!isDigit(code)) return -1;
    number = number * 10 + (code - 48);
  }
  return number;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
