/** `otter completion SHELL`: a script with which a shell completes commands and flags. Files are completed as ever. */
import { type Context, EXIT } from './context.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** A command as it is typed. */
export interface Spelled {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly flag: string; readonly description: string }[];
}

export function completion(context: Context, shell: string, commands: readonly Spelled[]): number {
  context.stdout.write(shell === 'fish' ? fish(commands) : shell === 'zsh' ? zsh(commands) : bash(commands));
  return EXIT.done;
}

function bash(commands: readonly Spelled[]): string {
  const cases = commands.map(
    ({ name, flags }) => `    ${name}) words='${flags.map(({ flag }) => flag).join(' ')} --help' ;;`,
  );
  const names = commands.map(({ name }) => name);
  return `_otter() {
  local word command='' words='${names.join(' ')} --help --version'
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
      ${names.join(' | ')}) command=$word; break ;;
    esac
  done
  case $command in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ -z $command || \${COMP_WORDS[COMP_CWORD]} == -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  fi
}
complete -o default -F _otter otter
`;
}

/** zsh runs what bash runs. */
function zsh(commands: readonly Spelled[]): string {
  return `autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n${bash(commands)}`;
}

function fish(commands: readonly Spelled[]): string {
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, (c) => `\\${c}`)}'`;
  const lines = commands.flatMap(({ name, summary, flags }) => [
    `complete -c otter -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...flags.map(
      ({ flag, description }) =>
        `complete -c otter -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d ${quoted(description)}`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}
