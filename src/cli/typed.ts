/**
 * Commands that are printed for a person to type: with the topology, its environment, the state and the variables that
 * this command was given, so that they do the same thing here as they are.
 *
 * Rule: no secret is printed. Where one was given, the person reads what to put there.
 */
import { isSecretName } from '../model/secret-name.ts';
import type { CommonOptions, Context, Output } from './context.ts';

/** What a command reads: the topology's files, or only its name. */
const COMMANDS: Readonly<Record<string, 'files' | 'name'>> = {
  validate: 'files',
  fmt: 'files',
  plan: 'files',
  apply: 'files',
  up: 'files',
  graph: 'files',
  conflicts: 'files',
  deadletter: 'files',
  position: 'files',
  destroy: 'name',
  node: 'name',
  status: 'name',
  dashboard: 'name',
  history: 'name',
  show: 'name',
  diff: 'name',
  rollback: 'name',
  audit: 'name',
  lock: 'name',
  pause: 'name',
  resume: 'name',
  skip: 'name',
  state: 'name',
  migrate: 'name',
};
/** With what follows, as far as it tells an argument. */
const COMMAND = new RegExp(`\\botter (${Object.keys(COMMANDS).join('|')})\\b( (?=[^-\`\\s]))?`, 'g');
type Near = { readonly parts: Pick<Context['parts'], 'exists'> };

export function asTyped(text: string, options: CommonOptions, { parts: { exists } }: Near): string {
  return text.replaceAll(COMMAND, (_, command: string, argument = '') => {
    const flags = flagsFor(command, argument !== '', options, exists);
    return `otter ${[command, ...flags].join(' ')}${argument}`;
  });
}

/** An output on which every command is written so. */
export function typing(output: Output, typed: (text: string) => string): Output {
  return {
    write: (text) => output.write(typed(text)),
    get isTTY() {
      return output.isTTY;
    },
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
  };
}

function flagsFor(
  command: string,
  withArgument: boolean,
  { topology, state, env, var: vars = [], varFile = [] }: CommonOptions,
  exists: (path: string) => boolean,
): string[] {
  const of = state === undefined ? [] : ['--state', quoted(withoutCredentials(state))];
  // A saved plan knows its topology, and variables have been filled in.
  if (command === 'apply' && withArgument) return of;
  const named = topology !== undefined && (COMMANDS[command] === 'name' || exists(topology));
  return [
    ...(named ? ['-t', quoted(topology)] : []),
    ...(env === undefined ? [] : ['--env', quoted(env)]),
    ...of,
    ...vars.flatMap((pair) => ['--var', quoted(withoutSecret(pair))]),
    ...varFile.flatMap((file) => ['--var-file', quoted(file)]),
  ];
}

function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//USER:PASSWORD@');
}

function withoutSecret(pair: string): string {
  const name = pair.split('=')[0]!;
  return isSecretName(name) ? `${name}=VALUE` : withoutCredentials(pair);
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
