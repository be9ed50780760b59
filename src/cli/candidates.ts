/** What may stand at the cursor of a command line: commands, flags, and what their values may be (`offers.ts`). */
import { FILES } from './completion.ts';
import type { CommonOptions, Context } from './context.ts';
import { type Candidate, offered } from './offers.ts';

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

/** `words`: what stands behind `otter`, the last one being written, perhaps empty. */
export async function candidates(
  context: Context,
  words: readonly string[],
  commands: readonly Spelled[],
): Promise<string> {
  const current = words.at(-1) ?? '';
  const place = placeOf(words.slice(0, -1), commands);
  const [assigned = '', form] = /^(--[a-z-]+)=/.exec(current) ?? [];
  const flag = form === undefined ? place.flag : flagOf(form, place.command, commands);
  const found =
    form !== undefined && flag === null
      ? []
      : await at(context, { ...place, flag }, current.slice(assigned.length), commands);
  if (found === null) return `${FILES}\n`;
  const fitting = found
    .map(({ word, about }) => ({ word: `${assigned}${word}`, about }))
    .filter(({ word }) => word.startsWith(current));
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
      flag = flagOf(word, command, commands);
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

/** Of its command, where that stands before; else of any. Null for one that takes no value, or is none. */
function flagOf(form: string, command: Spelled | null, commands: readonly Spelled[]): SpelledFlag | null {
  const flags = command?.flags ?? commands.flatMap((one) => one.flags);
  const flag = flags.find(({ forms }) => forms.includes(form));
  return flag?.value == null ? null : flag;
}

/** Null where files may stand. */
async function at(
  context: Context,
  { command, flag, argument, options }: CursorPlace,
  current: string,
  commands: readonly Spelled[],
): Promise<readonly Candidate[] | null> {
  const name = command?.name ?? null;
  if (flag !== null) return valuesOf(context, options, name, flag.forms[0]!, flag.value!);
  if (command === null && !current.startsWith('-'))
    return commands.map(({ name: word, summary }) => ({ word, about: summary }));
  if (current.startsWith('-')) {
    const flags = command?.flags ?? commands[0]?.flags ?? [];
    return flags.map(({ forms, description }) => ({ word: forms[0]!, about: description }));
  }
  const value = command!.args[Math.min(argument, command!.args.length - 1)];
  const beyond = argument >= command!.args.length && !(command!.args.at(-1)?.name.endsWith('...') ?? false);
  return value === undefined || beyond ? [] : valuesOf(context, options, name, value.name, value);
}

async function valuesOf(
  context: Context,
  options: CommonOptions,
  command: string | null,
  value: string,
  { name, choices }: SpelledValue,
): Promise<readonly Candidate[] | null> {
  if (choices.length > 0) return choices.map((word) => ({ word, about: '' }));
  return (await offered(context, options, command, value)) ?? (FILE_VALUES.has(name) ? null : []);
}

/** Values that are files or folders, by their name in the help. */
const FILE_VALUES = new Set(['path', 'file', 'folder', 'planfile', 'paths...', 'dir']);
