/** What keys do: a pure step from one view to the next, and what the person wants beside it. Who carries that out is `controller.ts`. */
import { UnreachableError } from '../model/error.ts';
import { commandOf, completions, type Names } from './commands.ts';
import { changes, type Deed, type Take } from './desk.ts';
import { type Place, SCREENS } from './places.ts';
import {
  back,
  chosenOf,
  filtered,
  filterOf,
  here,
  moved,
  nextScreen,
  onScreen,
  opened,
  scrolled,
  sortedAround,
  sortedByNext,
  TYPED_MAX,
  type View,
  wentTo,
} from './view.ts';

/** A key by name, or a character typed. */
export type Key =
  | { readonly kind: 'char'; readonly char: string }
  | {
      readonly kind:
        | 'up'
        | 'down'
        | 'pageUp'
        | 'pageDown'
        | 'home'
        | 'end'
        | 'enter'
        | 'escape'
        | 'tab'
        | 'backTab'
        | 'backspace'
        | 'interrupt';
    };

/** What is on the screen, as far as keys ask. */
export interface Seen {
  /** Of the rows, in order; empty on a page. */
  readonly names: readonly string[];
  /** What Enter on a row leads to; null: nothing. */
  readonly open: (name: string) => Place | null;
  /** That can be sorted by. */
  readonly columns: number;
  /** Lines of a page that is longer than the screen; 0 of a list. */
  readonly lines: number;
  /** What `p`, `r`, `v` and `y` are about: an address, or null. */
  readonly about: string | null;
  /** For `:`. */
  readonly known: Names;
  /** Whether what changes something may be done. */
  readonly write: boolean;
  /** The deed under way: a word that is to be typed, that it runs, or that it has ended. */
  readonly work: { readonly asks: string } | 'runs' | 'ended' | null;
}

export type Want =
  | { readonly kind: 'deed'; readonly deed: Deed }
  | { readonly kind: 'answer'; readonly yes: boolean }
  /** What runs is to end; what has ended is to go away. */
  | { readonly kind: 'leave' };

export interface Step {
  readonly view: View;
  readonly want: Want | null;
}

const PAGE_ROWS = 10;
const READ_ONLY = 'this dashboard only reads: start it with --write to change things';

export function press(before: View, key: Key, seen: Seen): Step {
  const view = { ...before, said: null };
  if (key.kind !== 'interrupt' && seen.work !== null) return inWork(view, key, seen.work);
  if (key.kind !== 'interrupt' && view.typing !== null) return typed(view, key, view.typing, seen);
  switch (key.kind) {
    case 'char':
      return command(view, key.char, seen);
    case 'up':
      return just(stepped(view, -1, seen));
    case 'down':
      return just(stepped(view, 1, seen));
    case 'pageUp':
      return just(stepped(view, -PAGE_ROWS, seen));
    case 'pageDown':
      return just(stepped(view, PAGE_ROWS, seen));
    case 'home':
      return just(stepped(view, -Number.MAX_SAFE_INTEGER, seen));
    case 'end':
      return just(stepped(view, Number.MAX_SAFE_INTEGER, seen));
    case 'tab':
      return just(nextScreen(view, 1));
    case 'backTab':
      return just(nextScreen(view, -1));
    case 'enter':
      return just(entered(view, seen));
    case 'escape':
    case 'backspace':
      return just(back(view));
    case 'interrupt':
      return just({ ...view, quit: true });
    default:
      throw new UnreachableError(key satisfies never);
  }
}

function just(view: View, want: Want | null = null): Step {
  return { view, want };
}

function command(view: View, char: string, seen: Seen): Step {
  const screen = SCREENS[Number(char) - 1];
  if (screen !== undefined) return just(onScreen(view, screen));
  switch (char) {
    case 'q':
      return just({ ...view, quit: true });
    case '?':
    case 'h':
      return just({ ...view, help: !view.help, scroll: 0 });
    case '0':
      return just(wentTo(view, { kind: 'pipelines', name: null }));
    case 'j':
      return just(stepped(view, 1, seen));
    case 'k':
      return just(stepped(view, -1, seen));
    case 'g':
      return just(stepped(view, -Number.MAX_SAFE_INTEGER, seen));
    case 'G':
      return just(stepped(view, Number.MAX_SAFE_INTEGER, seen));
    case '/':
      return just(seen.lines > 0 || view.help ? view : { ...view, typing: 'filter' });
    case ':':
      return just({ ...view, typing: 'command', typed: '' });
    case 's':
      return just(sortedByNext(view, seen.columns));
    case 'S':
      return just(seen.columns === 0 ? view : sortedAround(view));
    default:
      return onThing(view, char, seen);
  }
}

/** Keys that are about the chosen thing, or the one that is opened. */
function onThing(view: View, char: string, seen: Seen): Step {
  const { about } = seen;
  const place = here(view);
  if (place.kind === 'conflict') {
    const take = ({ i: 'incoming', l: 'local', b: 'base' } as Partial<Record<string, Take>>)[char];
    if (take !== undefined) return wanted(view, { kind: 'resolve', id: place.name, take }, seen);
  }
  if (about === null) return just(view);
  const [, kind, name] = /^([a-z]+)\.(.*)$/s.exec(about)!;
  const channel = name!.replace(/\/.*$/, '');
  const rests = kind === 'channel' || kind === 'pipeline';
  switch (char) {
    case 'p':
      return rests ? wanted(view, { kind: 'pause', address: name! }, seen) : just(view);
    case 'r':
      return rests ? wanted(view, { kind: 'resume', address: name! }, seen) : just(view);
    case 'v':
      return rests ? wanted(view, { kind: 'verify', channel }, seen) : just(view);
    case 't':
      return just(rests && place.kind !== 'tables' ? opened(view, { kind: 'tables', name: channel }) : view);
    case 'y':
      if (place.kind === 'yaml') return just(view);
      return just(opened(view, { kind: 'yaml', name: kind === 'pipeline' ? `channel.${channel}` : about }));
    default:
      return just(view);
  }
}

function wanted(view: View, deed: Deed, { write }: Seen): Step {
  if (changes(deed) && !write) return just({ ...view, said: READ_ONLY });
  return just({ ...view, typed: '' }, { kind: 'deed', deed });
}

function entered(view: View, { names, open }: Seen): View {
  if (view.help) return { ...view, help: false };
  const name = chosenOf(view, names);
  const place = name === null ? null : open(name);
  if (place === null) return view;
  return opened(moved(view, 0, names), place);
}

function stepped(view: View, by: number, { names, lines }: Seen): View {
  return lines > 0 || view.help ? scrolled(view, by, lines) : moved(view, by, names);
}

// ---------------------------------------------------------------- text

/** What a terminal may put into a line; the rest is dropped. */
function added(text: string, char: string): string {
  return (text + char.replace(/[^\x20-\x7e]/g, '')).slice(0, TYPED_MAX);
}

/** Whatever is neither text nor about text ends the typing. */
function typed(view: View, key: Key, typing: NonNullable<View['typing']>, seen: Seen): Step {
  if (typing === 'command') return typedCommand(view, key, seen);
  if (key.kind === 'char') return just(filtered(view, added(filterOf(view), key.char)));
  if (key.kind === 'backspace' && filterOf(view) !== '') return just(filtered(view, filterOf(view).slice(0, -1)));
  if (key.kind === 'up' || key.kind === 'down') return just(stepped(view, key.kind === 'up' ? -1 : 1, seen));
  const done = { ...view, typing: null };
  return just(key.kind === 'escape' ? filtered(done, '') : done);
}

function typedCommand(view: View, key: Key, seen: Seen): Step {
  const { typed: text } = view;
  const done: View = { ...view, typing: null, typed: '' };
  if (key.kind === 'char') return just({ ...view, typed: added(text, key.char) });
  if (key.kind === 'backspace') return just(text === '' ? done : { ...view, typed: text.slice(0, -1) });
  if (key.kind === 'tab') return just({ ...view, typed: completions(text, seen.known)[0] ?? text });
  if (key.kind === 'enter') return text.trim() === '' ? just(done) : carriedOut(done, text, seen);
  return just(key.kind === 'escape' ? done : view);
}

/** Also what a dashboard is opened with. */
export function carriedOut(view: View, text: string, seen: Pick<Seen, 'known' | 'write'>): Step {
  const meant = commandOf(text, seen.known);
  switch (meant.kind) {
    case 'go':
      return just(wentTo(view, meant.place));
    case 'deed':
      return wanted(view, meant.deed, seen as Seen);
    case 'help':
      return just({ ...view, help: true });
    case 'quit':
      return just({ ...view, quit: true });
    case 'wrong':
      return just({ ...view, said: meant.why });
    default:
      throw new UnreachableError(meant satisfies never);
  }
}

/** While something is done all keys are about it. A question is answered by the word that it names, and by nothing else. */
function inWork(view: View, key: Key, work: NonNullable<Seen['work']>): Step {
  if (work === 'ended') {
    return key.kind === 'enter' || key.kind === 'escape' || (key.kind === 'char' && key.char === 'q')
      ? just({ ...view, typed: '' }, { kind: 'leave' })
      : just(view);
  }
  if (work === 'runs') return key.kind === 'escape' ? just(view, { kind: 'leave' }) : just(view);
  if (key.kind === 'char') return just({ ...view, typed: added(view.typed, key.char) });
  if (key.kind === 'backspace') return just({ ...view, typed: view.typed.slice(0, -1) });
  if (key.kind === 'escape') return just({ ...view, typed: '' }, { kind: 'answer', yes: false });
  if (key.kind !== 'enter') return just(view);
  // As it is shown in lists, and as it is written where a shell reads it.
  return view.typed.trim().replace('>', ':') === work.asks.replace('>', ':')
    ? just({ ...view, typed: '' }, { kind: 'answer', yes: true })
    : just({ ...view, said: `only "${work.asks}" is taken; Esc leaves it` });
}
