/**
 * What things look like: the characters of a UTF-8 terminal and of an ASCII one, and the colours of tones.
 * Every meaning has a character or a word of its own, so nothing is lost without colour.
 */

import { UnreachableError } from '../model/error.ts';
import type { Phase } from '../model/records.ts';
import type { Line, Tone } from './text.ts';

export interface Glyphs {
  /** Eight steps from nearly nothing to full. */
  readonly steps: readonly string[];
  readonly barFull: string;
  readonly barEmpty: string;
  readonly more: string;
  readonly rule: string;
  readonly chosen: string;
  readonly none: string;
  readonly dot: string;
  readonly alive: string;
  readonly away: string;
  readonly hint: string;
  readonly phases: Readonly<Record<Phase, string>>;
  /** Body of an arrow while rows flow, while they are copied, and while nothing moves. */
  readonly flow: {
    readonly streaming: string;
    readonly copying: string;
    readonly still: string;
    readonly failed: string;
  };
  readonly right: string;
  readonly left: string;
  /** A column that rows are sorted by, smallest first and largest first. */
  readonly up: string;
  readonly down: string;
  /** Between a place and one inside it. */
  readonly within: string;
  readonly keys: { readonly move: string; readonly enter: string };
  readonly box: {
    readonly topLeft: string;
    readonly topRight: string;
    readonly bottomLeft: string;
    readonly bottomRight: string;
    readonly across: string;
    readonly down: string;
    /** The side of a box where an arrow leaves to the right, and to the left. */
    readonly outRight: string;
    readonly outLeft: string;
  };
}

const UNICODE: Glyphs = {
  steps: ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  barFull: '█',
  barEmpty: '░',
  more: '…',
  rule: '─',
  chosen: '▸',
  none: '–',
  dot: '·',
  alive: '●',
  away: '✕',
  hint: '→',
  phases: { pending: '○', copying: '◐', streaming: '●', paused: '‖', stopped: '■', failed: '✕' },
  flow: { streaming: '─', copying: '╌', still: '┄', failed: '┄' },
  right: '▶',
  left: '◀',
  up: '▴',
  down: '▾',
  within: '›',
  keys: { move: '↑↓', enter: '⏎' },
  box: {
    topLeft: '╭',
    topRight: '╮',
    bottomLeft: '╰',
    bottomRight: '╯',
    across: '─',
    down: '│',
    outRight: '├',
    outLeft: '┤',
  },
};

const ASCII: Glyphs = {
  steps: ['_', '.', ':', '-', '=', '+', '*', '#'],
  barFull: '#',
  barEmpty: '.',
  more: '~',
  rule: '-',
  chosen: '>',
  none: '-',
  dot: '|',
  alive: 'o',
  away: 'x',
  hint: '->',
  phases: { pending: '.', copying: '%', streaming: 'o', paused: '=', stopped: '#', failed: 'x' },
  flow: { streaming: '-', copying: '=', still: '.', failed: '.' },
  right: '>',
  left: '<',
  up: '^',
  down: 'v',
  within: '>',
  keys: { move: 'j/k', enter: 'Enter' },
  box: {
    topLeft: '+',
    topRight: '+',
    bottomLeft: '+',
    bottomRight: '+',
    across: '-',
    down: '|',
    outRight: '|',
    outLeft: '|',
  },
};

export function glyphs(ascii: boolean): Glyphs {
  return ascii ? ASCII : UNICODE;
}

/** Whether the terminal's own settings say that only ASCII is safe. */
export function localeIsAscii(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale =
    [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '') ?? '';
  return !/utf-?8/i.test(locale);
}

/** https://no-color.org: any value but the empty one. `FORCE_COLOR=0` says the same. */
export function wantsNoColour(env: Readonly<Record<string, string | undefined>>): boolean {
  const noColour = env['NO_COLOR'];
  return (noColour !== undefined && noColour !== '') || env['FORCE_COLOR'] === '0' || env['FORCE_COLOR'] === 'false';
}

/**
 * What turns each tone on and off again in a terminal, of the sixteen colours that follow the person's own light or dark
 * palette. A row is one text with these in it: many small texts cost ink several times as much.
 */
const CODES: Readonly<Record<Tone, readonly [on: string, off: string]>> = {
  plain: ['', ''],
  dim: ['\x1b[2m', '\x1b[22m'],
  strong: ['\x1b[1m', '\x1b[22m'],
  accent: ['\x1b[1m\x1b[36m', '\x1b[39m\x1b[22m'],
  good: ['\x1b[32m', '\x1b[39m'],
  busy: ['\x1b[36m', '\x1b[39m'],
  warn: ['\x1b[33m', '\x1b[39m'],
  bad: ['\x1b[1m\x1b[31m', '\x1b[39m\x1b[22m'],
  chosen: ['\x1b[7m\x1b[36m', '\x1b[39m\x1b[27m'],
};

/** The line as a terminal draws it. */
export function coloured(of: Line): string {
  let text = '';
  for (const part of of) {
    const [on, off] = CODES[part.tone];
    // Spaces look the same in every tone but one.
    text += part.tone === 'chosen' || part.text.trim() !== '' ? on + part.text + off : part.text;
  }
  return text.trimEnd();
}

export function phaseTone(phase: Phase): Tone {
  switch (phase) {
    case 'pending':
      return 'dim';
    case 'copying':
      return 'busy';
    case 'streaming':
      return 'good';
    case 'paused':
      return 'warn';
    case 'stopped':
      return 'warn';
    case 'failed':
      return 'bad';
    default:
      throw new UnreachableError(phase satisfies never);
  }
}
