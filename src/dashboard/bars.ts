/** The bars above and below a page: tabs, the way here, and the keys that do something where one is, or what is being typed. */
import { completions, type Names } from './commands.ts';
import type { Shown } from './controller.ts';
import type { Paint } from './paint.ts';
import { type Place, SCREENS, screenOf } from './places.ts';
import { apart, fitted, type Line, line, lineWidth, span } from './text.ts';
import { filterOf, sortingOf, type View } from './view.ts';

export function tabsLine(view: View, { glyphs, columns }: Paint): Line {
  const current = screenOf(view.path);
  const gap = columns >= 96 ? '  ' : ' ';
  const tabs = SCREENS.flatMap((screen, index): Line => {
    const here = screen === current && !view.help;
    return [
      span(index === 0 ? ' ' : gap),
      span(String(index + 1), here ? 'accent' : 'dim'),
      span(` ${screen}`, here ? 'accent' : 'plain'),
    ];
  });
  return fitted(tabs, columns, glyphs.more);
}

/** Where the person is, and how the list is narrowed; a blank line on a screen that nothing is opened in. */
export function crumbLine(view: View, { glyphs, columns }: Paint): Line {
  const filter = filterOf(view);
  const [, ...inner] = view.path;
  const names = inner.flatMap((place): Line => [span(` ${glyphs.within} `, 'dim'), span(nameOf(place), 'accent')]);
  const left: Line = names.length === 0 ? [] : [span(` ${screenOf(view.path)}`, 'dim'), ...names];
  const right: Line = filter === '' ? [] : [span(`/${filter} `, 'warn')];
  return apart(left, right, columns, glyphs.more);
}

function nameOf(place: Place): string {
  const { kind } = place;
  if (kind === 'pipelines') return place.name ?? 'all pipelines';
  if (kind === 'tables') return 'tables';
  if (kind === 'yaml') return `${place.name} as applied`;
  if (kind === 'run') return `run ${place.name}`;
  return 'name' in place ? place.name : kind;
}

/** What is typed, what was wrong with the last key, or which keys do something here; those that matter least go first. */
export function footerLine(shown: Shown, names: Names, about: string | null, { glyphs, columns }: Paint): Line {
  const { view, work } = shown;
  if (view.said !== null) return fitted([span(` ${view.said}`, 'warn')], columns, glyphs.more);
  if (view.typing === 'command') return commandLine(view, names, { glyphs, columns });
  if (view.typing === 'filter') {
    return fitted(
      [span(' / ', 'accent'), span(filterOf(view)), span('_', 'accent'), span('   Enter keeps, Esc clears', 'dim')],
      columns,
      glyphs.more,
    );
  }
  const hints = work === null ? hintsOf(shown, about, glyphs) : [];
  const room = columns - 1;
  const shownHints = hints.filter(({ rank }) => lineWidth(hintLine(hints.filter((one) => one.rank <= rank))) <= room);
  return fitted(hintLine(shownHints), columns, glyphs.more);
}

/** What is typed, and how it may go on. */
function commandLine({ typed }: View, names: Names, { glyphs, columns }: Pick<Paint, 'glyphs' | 'columns'>): Line {
  const [first, ...more] = completions(typed, names);
  const ghost = first === undefined ? '' : first.slice(typed.length);
  const others = more.slice(0, 8).map((one) => one.slice(one.lastIndexOf(' ') + 1));
  return fitted(
    [
      span(' : ', 'accent'),
      span(typed, 'strong'),
      span('_', 'accent'),
      span(ghost, 'dim'),
      span(ghost === '' ? '' : '   Tab', 'strong'),
      span(others.length === 0 ? '' : `   ${others.join('  ')}`, 'dim'),
    ],
    columns,
    glyphs.more,
  );
}

interface Hint {
  readonly key: string;
  readonly does: string;
  /** The higher goes first when there is no room. */
  readonly rank: number;
}

function hintLine(hints: readonly Hint[]): Line {
  return hints.flatMap(({ key, does }) => line(span(` ${key} `, 'strong'), span(`${does} `, 'dim')));
}

function hintsOf({ view, write }: Shown, about: string | null, glyphs: Paint['glyphs']): Hint[] {
  const place = view.path.at(-1)!;
  const isPage = ['pipeline', 'node', 'conflict', 'run', 'yaml'].includes(place.kind);
  const rests = about !== null && /^(channel|pipeline)\./.test(about);
  const hint = (when: boolean, key: string, does: string, rank: number): Hint[] => (when ? [{ key, does, rank }] : []);
  return [
    ...hint(true, glyphs.keys.move, isPage ? 'scroll' : 'move', 4),
    ...hint(!isPage && !['events', 'files', 'alerts', 'tables'].includes(place.kind), glyphs.keys.enter, 'open', 2),
    ...hint(view.path.length > 1 || filterOf(view) !== '', 'Esc', 'back', 1),
    ...hint(!isPage, '/', 'filter', 5),
    ...hint(!isPage, 's', sortingOf(view) === null ? 'sort' : 'sorted', 10),
    ...hint(rests && place.kind !== 'tables', 't', 'tables', 9),
    ...hint(about !== null, 'y', 'yaml', 8),
    ...hint(rests && write, 'p', 'pause', 3),
    ...hint(rests && write, 'r', 'resume', 3),
    ...hint(rests, 'v', 'verify', 7),
    ...hint(true, ':', 'command', 6),
    ...hint(true, '?', 'help', 0),
    ...hint(true, 'q', 'quit', 0),
  ];
}
