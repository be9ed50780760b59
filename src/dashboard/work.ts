/** A deed that was begun in the dashboard, as far as a person sees it: what it has said, what it asks, how it ended; and how it is drawn. */
import type { Deed } from './desk.ts';
import type { Paint } from './paint.ts';
import { BLANK, type Line, line, printable, span, wrap } from './text.ts';

export interface Work {
  readonly deed: Deed;
  readonly said: readonly string[];
  readonly asks: { readonly question: string; readonly word: string } | null;
  /** Null while it is done. `verdict`: in words, where there is more to say. */
  readonly ended: { readonly how: 'done' | 'failed' | 'left'; readonly verdict: string | null } | null;
}

/** A comparison of many tables says many lines. */
const SAID_MAX = 500;

export function begun(deed: Deed): Work {
  return { deed, said: [], asks: null, ended: null };
}

export function said(work: Work, text: string): Work {
  const lines = text.split('\n').map((one) => one.trimEnd());
  while (lines.at(-1) === '') lines.pop();
  return { ...work, said: [...work.said, ...lines].slice(-SAID_MAX) };
}

/** In the place of the page: the newest of what was said, and beneath it what is asked or how it ended. */
export function workLines(work: Work, typed: string, height: number, { glyphs, columns }: Paint): Line[] {
  const width = Math.max(20, columns - 6);
  const foot = footOf(work, typed, glyphs).slice(0, Math.max(1, height));
  const room = Math.max(0, height - foot.length - 2);
  const text = work.said.flatMap((one) => (one.trim() === '' ? [''] : broken(one, width)));
  return [
    line(span(`   ${titleOf(work.deed)}`, 'accent')),
    BLANK,
    ...(room < 1 ? [] : text.slice(-room)).map((one) => line(`   ${one}`)),
    ...foot,
  ];
}

/** Columns of a table stay where they are while they fit. */
function broken(text: string, width: number): string[] {
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
  return clean.length <= width ? [clean] : wrap(clean, width);
}

function footOf({ asks, ended }: Work, typed: string, glyphs: Paint['glyphs']): Line[] {
  if (ended !== null) {
    const words = { done: 'Done.', failed: 'It failed.', left: 'Left; nothing more is done.' };
    const [sign, tone] = ended.how === 'done' ? ([glyphs.alive, 'good'] as const) : ([glyphs.away, 'bad'] as const);
    const text = `   ${sign} ${ended.verdict ?? words[ended.how]}`;
    return [BLANK, line(span(text, tone), span('   Enter goes back', 'dim'))];
  }
  if (asks === null)
    return [BLANK, line(span(`   ${glyphs.phases.copying} `, 'busy'), span('it is being done; Esc leaves it', 'dim'))];
  return [
    BLANK,
    line(span(`   ${printable(asks.question)}`, 'warn')),
    line(
      '   type ',
      span(asks.word, 'strong'),
      ' and Enter; Esc leaves it: ',
      span(typed, 'strong'),
      span('_', 'accent'),
    ),
  ];
}

export function titleOf(deed: Deed): string {
  switch (deed.kind) {
    case 'pause':
    case 'resume':
      return `otter ${deed.kind} ${deed.address.replace('>', ':')}`;
    case 'verify':
      return `otter verify${deed.channel === null ? '' : ` ${deed.channel}`}`;
    case 'resolve':
      return `otter conflicts resolve ${deed.id} --take ${deed.take}`;
  }
}
