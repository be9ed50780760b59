/** What may be typed after `:`, and the names that complete it: a place to go to, or a deed. Pure. */
import { UnreachableError } from '../model/error.ts';
import type { Deed, Take } from './desk.ts';
import { type Place, SCREENS } from './places.ts';

/** Names that commands take. */
export interface Names {
  readonly channels: readonly string[];
  readonly pipelines: readonly string[];
  readonly nodes: readonly string[];
  readonly databases: readonly string[];
}

export type Command =
  | { readonly kind: 'go'; readonly place: Place }
  | { readonly kind: 'deed'; readonly deed: Deed }
  | { readonly kind: 'help' }
  | { readonly kind: 'quit' }
  | { readonly kind: 'wrong'; readonly why: string };

/** What each takes, as it is shown in help. */
export const COMMANDS = {
  ...(Object.fromEntries(SCREENS.map((screen) => [screen, ''])) as Record<(typeof SCREENS)[number], ''>),
  pipelines: '[CHANNEL]',
  pipeline: 'PIPELINE',
  tables: 'CHANNEL',
  node: 'NODE',
  conflict: 'ID',
  yaml: 'ADDRESS',
  pause: 'CHANNEL|PIPELINE',
  resume: 'CHANNEL|PIPELINE',
  verify: '[CHANNEL]',
  resolve: 'ID incoming|local|base',
  help: '',
  quit: '',
} as const;
type Word = keyof typeof COMMANDS;
const WORDS = Object.keys(COMMANDS) as Word[];
const TAKES: readonly string[] = ['incoming', 'local', 'base'] satisfies Take[];

/** A word may be cut as far as it is still the only one. */
export function commandOf(typed: string, names: Names): Command {
  const [first = '', name = '', more = '', ...rest] = typed.trim().split(/\s+/);
  const word = wordOf(first);
  if (word === null) return wrong(`there is no command ${first}; ? lists them`);
  if (rest.length > 0 || (more !== '' && word !== 'resolve'))
    return wrong(`${word} takes ${COMMANDS[word] || 'nothing more'}`);
  if (COMMANDS[word] === '' && name !== '') return wrong(`${word} takes nothing more`);
  if (name === '' && COMMANDS[word] !== '' && !COMMANDS[word].startsWith('['))
    return wrong(`${word} wants ${COMMANDS[word]}`);
  return meaning(word, name, more, names);
}

function meaning(word: Word, name: string, more: string, names: Names): Command {
  const pipeline = name.replace(/^pipeline\./, '').replace(':', '>');
  const channel = name.replace(/^channel\./, '');
  switch (word) {
    case 'pipelines':
      if (name === '') return go({ kind: 'pipelines', name: null });
      return known(names.channels, channel, 'channel') ?? go({ kind: 'pipelines', name: channel });
    case 'pipeline':
      return known(names.pipelines, pipeline, 'pipeline') ?? go({ kind: 'pipeline', name: pipeline });
    case 'tables':
      return known(names.channels, channel, 'channel') ?? go({ kind: 'tables', name: channel });
    case 'node':
      return known(names.nodes, name, 'node') ?? go({ kind: 'node', name });
    case 'conflict':
      return go({ kind: 'conflict', name });
    case 'yaml':
      return go({ kind: 'yaml', name: addressOf(name, names) });
    case 'pause':
    case 'resume':
      if (name.includes('/')) return known(names.pipelines, pipeline, 'pipeline') ?? rest(word, pipeline);
      return known(names.channels, channel, 'channel') ?? rest(word, channel);
    case 'verify':
      if (name === '') return { kind: 'deed', deed: { kind: 'verify', channel: null } };
      return known(names.channels, channel, 'channel') ?? { kind: 'deed', deed: { kind: 'verify', channel } };
    case 'resolve':
      if (!TAKES.includes(more)) return wrong(`resolve wants ${COMMANDS.resolve}`);
      return { kind: 'deed', deed: { kind: 'resolve', id: name, take: more as Take } };
    case 'help':
    case 'quit':
      return { kind: word };
    case 'overview':
    case 'channels':
    case 'nodes':
    case 'conflicts':
    case 'files':
    case 'alerts':
    case 'runs':
    case 'events':
      return go({ kind: word });
    default:
      throw new UnreachableError(word satisfies never);
  }
}

function rest(kind: 'pause' | 'resume', address: string): Command {
  return { kind: 'deed', deed: { kind, address } };
}

function go(place: Place): Command {
  return { kind: 'go', place };
}

function wrong(why: string): Command {
  return { kind: 'wrong', why };
}

function known(names: readonly string[], name: string, what: string): Command | null {
  return names.includes(name) ? null : wrong(`there is no ${what} ${name}`);
}

/** Whole, or the only one that begins so; one that is both whole and a beginning is whole. */
function wordOf(typed: string): Word | null {
  const exact = WORDS.find((word) => word === typed);
  if (exact !== undefined) return exact;
  const [one, ...more] = typed === '' ? [] : WORDS.filter((word) => word.startsWith(typed));
  return one !== undefined && more.every((other) => other.startsWith(one)) ? one : null;
}

/** Bare names mean what is called so; a pipeline is seen as its channel declares it. */
function addressOf(name: string, { channels, nodes, databases }: Names): string {
  if (/^\w+\./.test(name)) return name.replace(/^pipeline\.([^/]+)\/.*$/, 'channel.$1');
  const bare = name.replace(/\/.*$/, '');
  if (channels.includes(bare)) return `channel.${bare}`;
  if (databases.includes(bare)) return `database.${bare}`;
  return nodes.includes(bare) ? `node.${bare}` : bare;
}

/** How the line may go on, the first being what Tab takes; whole lines. */
export function completions(typed: string, names: Names): readonly string[] {
  const space = typed.lastIndexOf(' ');
  if (space < 0) return WORDS.filter((word) => word.startsWith(typed) && word !== typed);
  const head = typed.slice(0, space + 1);
  const words = head.trim().split(/\s+/);
  const begun = typed.slice(space + 1);
  return argumentsOf(wordOf(words[0] ?? ''), words.length, names)
    .filter((one) => one.startsWith(begun) && one !== begun)
    .map((one) => `${head}${one}`);
}

function argumentsOf(word: Word | null, place: number, names: Names): readonly string[] {
  if (word === 'resolve') return place === 2 ? TAKES : [];
  return word === null || place > 1 ? [] : ARGUMENTS[COMMANDS[word]](names);
}

const pipelinesTyped = ({ pipelines }: Names): readonly string[] => pipelines.map((name) => name.replace('>', ':'));

const ARGUMENTS: Readonly<Record<(typeof COMMANDS)[Word], (names: Names) => readonly string[]>> = {
  '': () => [],
  // Their numbers are in the databases.
  ID: () => [],
  'ID incoming|local|base': () => [],
  CHANNEL: ({ channels }) => channels,
  '[CHANNEL]': ({ channels }) => channels,
  PIPELINE: pipelinesTyped,
  'CHANNEL|PIPELINE': (names) => [...names.channels, ...pipelinesTyped(names)],
  NODE: ({ nodes }) => nodes,
  ADDRESS: ({ channels, databases, nodes }) => [
    ...channels.map((name) => `channel.${name}`),
    ...databases.map((name) => `database.${name}`),
    ...nodes.map((name) => `node.${name}`),
  ],
};
