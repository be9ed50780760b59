/**
 * What keys do: a pure step from one state of the view to the next. The dashboard only reads, so nothing here leaves it.
 */
import { UnreachableError } from '../model/error.ts';

export const SCREENS = ['overview', 'pipelines', 'nodes'] as const;
export type Screen = (typeof SCREENS)[number];

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
        | 'backspace'
        | 'interrupt';
    };

export interface View {
  readonly screen: Screen;
  /** The chosen pipeline is drawn alone. */
  readonly detail: boolean;
  readonly help: boolean;
  readonly filter: string;
  /** Keys go into the filter. */
  readonly typing: boolean;
  /** By name, so that the choice stays when rows come and go. */
  readonly pipeline: string | null;
  readonly node: string | null;
  readonly quit: boolean;
}

export const FIRST_VIEW: View = {
  screen: 'overview',
  detail: false,
  help: false,
  filter: '',
  typing: false,
  pipeline: null,
  node: null,
  quit: false,
};

export const FILTER_MAX = 40;
const PAGE_ROWS = 10;

/** The names that are on the screen now, in order. */
export interface Listed {
  readonly pipelines: readonly string[];
  readonly nodes: readonly string[];
}

export function press(view: View, key: Key, listed: Listed): View {
  if (view.typing && key.kind !== 'interrupt') return typed(view, key);
  switch (key.kind) {
    case 'char':
      return command(view, key.char, listed);
    case 'up':
      return moved(view, -1, listed);
    case 'down':
      return moved(view, 1, listed);
    case 'pageUp':
      return moved(view, -PAGE_ROWS, listed);
    case 'pageDown':
      return moved(view, PAGE_ROWS, listed);
    case 'home':
      return moved(view, -Number.MAX_SAFE_INTEGER, listed);
    case 'end':
      return moved(view, Number.MAX_SAFE_INTEGER, listed);
    case 'tab':
      return { ...onScreen(view, SCREENS[(SCREENS.indexOf(view.screen) + 1) % SCREENS.length]!) };
    case 'enter':
      return opened(view, listed);
    case 'escape':
    case 'backspace':
      return back(view);
    case 'interrupt':
      return { ...view, quit: true };
    default:
      throw new UnreachableError(key satisfies never);
  }
}

function command(view: View, char: string, listed: Listed): View {
  switch (char) {
    case 'q':
      return { ...view, quit: true };
    case '?':
    case 'h':
      return { ...view, help: !view.help };
    case '1':
    case '2':
    case '3':
      return onScreen(view, SCREENS[Number(char) - 1]!);
    case 'j':
      return moved(view, 1, listed);
    case 'k':
      return moved(view, -1, listed);
    case 'g':
      return moved(view, -Number.MAX_SAFE_INTEGER, listed);
    case 'G':
      return moved(view, Number.MAX_SAFE_INTEGER, listed);
    case '/':
      return { ...view, typing: true, help: false, detail: false };
    default:
      return view;
  }
}

/** Whatever is neither text nor about text ends the typing. */
function typed(view: View, key: Key): View {
  if (key.kind === 'char') {
    return { ...view, filter: (view.filter + key.char.replace(/[^\x20-\x7e]/g, '')).slice(0, FILTER_MAX) };
  }
  if (key.kind === 'backspace' && view.filter !== '') return { ...view, filter: view.filter.slice(0, -1) };
  if (key.kind === 'escape') return { ...view, typing: false, filter: '' };
  return { ...view, typing: false };
}

function onScreen(view: View, screen: Screen): View {
  return { ...view, screen, detail: false, help: false };
}

function opened(view: View, listed: Listed): View {
  if (view.help) return { ...view, help: false };
  if (view.screen === 'nodes' || listed.pipelines.length === 0) return view;
  return { ...view, detail: true, pipeline: chosen(view.pipeline, listed.pipelines) };
}

function back(view: View): View {
  if (view.help) return { ...view, help: false };
  if (view.detail) return { ...view, detail: false };
  if (view.filter !== '') return { ...view, filter: '' };
  return onScreen(view, 'overview');
}

function moved(view: View, by: number, listed: Listed): View {
  if (view.help) return view;
  const step = (name: string | null, names: readonly string[]): string | null => {
    const from = names.indexOf(chosen(name, names) ?? '');
    return names[Math.min(names.length - 1, Math.max(0, from + by))] ?? name;
  };
  return view.screen === 'nodes'
    ? { ...view, node: step(view.node, listed.nodes) }
    : { ...view, pipeline: step(view.pipeline, listed.pipelines) };
}

/** The chosen name, or the first when it is not listed. */
export function chosen(name: string | null, names: readonly string[]): string | null {
  return name !== null && names.includes(name) ? name : (names[0] ?? null);
}
