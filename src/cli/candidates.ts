/**
 * What may stand at the cursor of a command line: commands, flags, their values, and names out of the topology's files
 * and the state.
 *
 * Rule kept here: it is quick and silent; a topology that is wrong and a state that does not answer give what they give.
 */

import { readApplied } from '../executor/applied.ts';
import { readHistory } from '../executor/snapshot.ts';
import { CODES } from '../model/codes.ts';
import { compileChannel } from '../model/pipeline.ts';
import { addressOf, nameOf } from '../planner/change.ts';
import { loadTopology } from '../topology/load.ts';
import { environments } from '../topology/read.ts';
import { FILES } from './completion.ts';
import { type CommonOptions, type Context, sources, stateUrl, topologyPath } from './context.ts';

/** A command as it is typed. */
export interface Spelled {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly SpelledFlag[];
  /** Of each argument its name, as in the usage, and what it may be; the last may be repeated. */
  readonly args: readonly SpelledValue[];
}

export interface SpelledFlag {
  /** All its forms, the long one first. */
  readonly forms: readonly string[];
  readonly description: string;
  /** Null for a flag that takes none. */
  readonly value: SpelledValue | null;
}

export interface SpelledValue {
  readonly name: string;
  readonly choices: readonly string[];
}

export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** How long the state may take to answer. */
const STATE_MS = 1_500;

/** `words`: what stands behind `otter`, the last one being written, perhaps empty. */
export async function candidates(
  context: Context,
  words: readonly string[],
  commands: readonly Spelled[],
): Promise<string> {
  const current = words.at(-1) ?? '';
  const place = placeOf(words.slice(0, -1), commands);
  const assigned = /^(--[a-z-]+)=/.exec(current);
  if (assigned !== null) return FILES;
  const found = await at(context, place, current, commands);
  if (found === null) return `${FILES}\n`;
  const fitting = found.filter(({ word }) => word.startsWith(current));
  return fitting.map(({ word, about }) => `${about === '' ? word : `${word}\t${about}`}\n`).join('');
}

interface CursorPlace {
  readonly command: Spelled | null;
  /** Whose value is written. */
  readonly flag: SpelledFlag | null;
  /** How many arguments stand before. */
  readonly argument: number;
  /** Flags that every command takes, as far as they were given. */
  readonly options: CommonOptions;
}

function placeOf(before: readonly string[], commands: readonly Spelled[]): CursorPlace {
  const all = commands.flatMap(({ flags }) => flags);
  const given = new Map<string, string[]>();
  let command: Spelled | null = null;
  let flag: SpelledFlag | null = null;
  let argument = 0;
  for (const word of before) {
    const [, form, value] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [];
    if (flag !== null) {
      given.set(flag.forms[0]!, [...(given.get(flag.forms[0]!) ?? []), word]);
      flag = null;
    } else if (form !== undefined) given.set(form, [...(given.get(form) ?? []), value!]);
    else if (word.startsWith('-') && word !== '-') {
      const known: SpelledFlag | undefined = all.find(({ forms }) => forms.includes(word));
      flag = known?.value == null ? null : known;
    } else if (command === null) command = commands.find(({ name }) => name === word) ?? null;
    else argument++;
  }
  const last = (name: string): string | undefined => given.get(name)?.at(-1);
  const [topology, state, env] = [last('--topology'), last('--state'), last('--env')];
  const options: CommonOptions = {
    ...(topology === undefined ? {} : { topology }),
    ...(state === undefined ? {} : { state }),
    ...(env === undefined ? {} : { env }),
    var: given.get('--var') ?? [],
    varFile: given.get('--var-file') ?? [],
  };
  return { command, flag, argument, options };
}

/** Null where files may stand. */
async function at(
  context: Context,
  { command, flag, argument, options }: CursorPlace,
  current: string,
  commands: readonly Spelled[],
): Promise<readonly Candidate[] | null> {
  if (flag !== null) return valuesOf(context, flag.value!, options);
  if (command === null && !current.startsWith('-'))
    return commands.map(({ name, summary }) => ({ word: name, about: summary }));
  if (current.startsWith('-')) {
    const flags = command?.flags ?? commands[0]?.flags ?? [];
    return flags.map(({ forms, description }) => ({ word: forms[0]!, about: description }));
  }
  const value = command!.args[Math.min(argument, command!.args.length - 1)];
  const beyond = argument >= command!.args.length && !(command!.args.at(-1)?.name.endsWith('...') ?? false);
  return value === undefined || beyond ? [] : valuesOf(context, value, options);
}

async function valuesOf(
  context: Context,
  { name, choices }: SpelledValue,
  options: CommonOptions,
): Promise<readonly Candidate[] | null> {
  if (choices.length > 0) return choices.map((word) => ({ word, about: '' }));
  const live = Object.hasOwn(LIVE, name) ? LIVE[name]! : null;
  if (live === null) return FILE_VALUES.has(name) ? null : [];
  return (await live(context, options)).sort((a, b) => (a.word < b.word ? -1 : a.word > b.word ? 1 : 0));
}

const FILE_VALUES = new Set(['path', 'file', 'folder', 'planfile', 'paths...', 'dir']);

/** What a value of this name may be, as it is at the moment. */
const LIVE: Readonly<Record<string, (context: Context, options: CommonOptions) => Promise<Candidate[]>>> = {
  address: addresses,
  channel: async (context, options) => kinds(await addresses(context, options), 'channel'),
  // Of `otter node` and of `--env`.
  name: async (context, options) => kinds(await addresses(context, options), 'node'),
  environment: async (context, options) =>
    environments(topologyPath(context, options)).map((word) => ({ word, about: 'environment' })),
  serial: serials,
  code: async () => Object.entries(CODES).map(([word, { title }]) => ({ word, about: title })),
};

function kinds(all: readonly Candidate[], kind: string): Candidate[] {
  return all.filter(({ word }) => word.startsWith(`${kind}.`)).map(({ word }) => ({ word: nameOf(word), about: kind }));
}

/** Declared or applied; pipelines are spelled so that a shell takes them as they are. */
async function addresses(context: Context, options: CommonOptions): Promise<Candidate[]> {
  const loaded = quietly(() => loadTopology(topologyPath(context, options), sources(context, options)));
  const found = new Map<string, string>();
  for (const address of loaded?.addresses ?? []) found.set(address, 'declared');
  for (const [name, spec] of Object.entries(loaded?.topology?.channel ?? {})) {
    for (const pipeline of compileChannel(name, spec)) found.set(pipeline.name.replace('>', ':'), 'pipeline');
  }
  const name = loaded?.name ?? options.topology;
  if (name !== undefined) {
    const applied = await fromState(context, options, async (store, signal) => readApplied(store, name, signal));
    for (const { kind, name: applies } of applied?.applied.specs ?? []) {
      const address = addressOf(kind, applies);
      if (!found.has(address)) found.set(address, 'applied');
    }
    for (const pipeline of Object.keys(applied?.live.pipelines ?? {}))
      found.set(pipeline.replace('>', ':'), 'pipeline');
  }
  return [...found].map(([word, about]) => ({ word, about }));
}

async function serials(context: Context, options: CommonOptions): Promise<Candidate[]> {
  const name =
    quietly(() => loadTopology(topologyPath(context, options), sources(context, options)))?.name ?? options.topology;
  if (name === undefined) return [];
  const records = await fromState(context, options, async (store) => readHistory(store, name));
  return (records ?? []).map(({ serial, at, by }) => ({ word: String(serial), about: `${at} ${by}` }));
}

type Store = ReturnType<Context['parts']['openStore']>;

/** Null when it is not there, or does not answer in time. */
async function fromState<T>(
  context: Context,
  options: CommonOptions,
  read: (store: Store, signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const url = stateUrl(context, options);
  if (url.startsWith('file:') && !context.parts.exists(url.slice('file:'.length))) return null;
  try {
    await using store = context.parts.openStore(url, { make: false });
    const late = new Promise<null>((resolve) => {
      setTimeout(() => resolve(null), STATE_MS).unref();
    });
    return await Promise.race([read(store, AbortSignal.timeout(STATE_MS)).catch(() => null), late]);
  } catch {
    return null;
  }
}

function quietly<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}
