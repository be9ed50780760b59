/** What keys and commands there are, and what phases mean. */
import { COMMANDS } from './commands.ts';
import { LAG_CALM_MS, LAG_LATE_MS } from './figures.ts';
import type { Paint } from './paint.ts';
import { BLANK, type Line, line, span, wrap } from './text.ts';

export function helpLines({ glyphs, columns }: Paint): Line[] {
  const key = (name: string, does: string): Line => line(span(`   ${name.padEnd(18)}`, 'strong'), does);
  const phase = (name: keyof typeof glyphs.phases, meaning: string): Line =>
    line(`   ${`${glyphs.phases[name]} ${name}`.padEnd(18)}`, span(meaning, 'dim'));
  const commands = Object.entries(COMMANDS).map(([word, takes]) => (takes === '' ? word : `${word} ${takes}`));
  return [
    key('1 to 8  Tab', 'the screens;  0  all pipelines'),
    key('arrows  j k  g G', 'choose a row, or scroll a page'),
    key('Enter  Esc', 'open what is chosen, and go back'),
    key('/', 'filter the list: any part of a name, phase, node, code'),
    key('s  S', 'sort by the next column; turn the order round'),
    key('y  t', 'the YAML of a thing as applied; the tables of a channel'),
    key('v', 'compare the rows of a channel (`otter verify`); asks first'),
    key('p  r', 'pause, resume a channel or pipeline; asks first (--write)'),
    key('i  l  b', 'which row of an open conflict is to stand (--write)'),
    key(':', 'a command, Tab completes it; its beginning is enough:'),
    ...wrap(commands.join(', '), Math.max(20, columns - 24)).map((text) => line(' '.repeat(21), span(text, 'dim'))),
    key('?  q  Ctrl-Z', 'help; quit; to the shell: nothing that runs is disturbed'),
    BLANK,
    phase('pending', 'declared; its nodes have not taken it up yet'),
    phase('copying', 'existing rows are copied while new changes flow'),
    phase('streaming', 'every change is applied as it is committed'),
    phase('paused', 'a person paused it, or its channel is not enabled'),
    phase('stopped', 'stopped as its channel says; a person has to act'),
    phase('failed', 'an error; it tries again if that can help'),
    BLANK,
    line(span('   Lag is the age of the newest change of the source that the target has:', 'dim')),
    line(span(`   calm below ${LAG_CALM_MS / 1000} s, late from ${LAG_LATE_MS / 1000} s.`, 'dim')),
  ];
}
