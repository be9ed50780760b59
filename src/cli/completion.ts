/**
 * `otter completion SHELL`: a script with which a shell asks otter itself for what may stand at the cursor.
 *
 * Rule kept here: the scripts know nothing of commands; what is said on stderr is not seen, so a person who presses Tab
 * is never told of an error.
 */
import { type Context, EXIT } from './context.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** The first word of the command line with which a shell asks; see `candidates.ts`. */
export const ASKED_BY_SHELL = '__complete';

/** In place of candidates: files may stand here. */
export const FILES = ':files';

export function completion(context: Context, shell: string): number {
  context.stdout.write(shell === 'fish' ? FISH : shell === 'zsh' ? ZSH : BASH);
  return EXIT.done;
}

/** Words are split at spaces alone: bash itself splits at `:` and `=`, and puts in what follows the last of them. */
const BASH = `# bash completion of otter: eval "$(otter completion bash)", or a file in /etc/bash_completion.d
_otter() {
  local line=\${COMP_LINE:0:COMP_POINT}
  local cur=\${line##*[[:space:]]} IFS=$' \\t\\n' found
  local -a typed
  read -ra typed <<< "\${line%"$cur"}"
  COMPREPLY=()
  while IFS= read -r found; do
    [[ $found == ${FILES} ]] && { COMPREPLY=(); return; }
    COMPREPLY+=("\${found%%$'\\t'*}")
  done < <("\${typed[0]}" ${ASKED_BY_SHELL} "\${typed[@]:1}" "$cur" 2> /dev/null)
  local mark before
  for mark in = :; do
    [[ $cur == *$mark* && $COMP_WORDBREAKS == *$mark* ]] || continue
    before=\${cur%"\${cur##*"$mark"}"}
    COMPREPLY=("\${COMPREPLY[@]#"$before"}")
    cur=\${cur#"$before"}
  done
}
complete -o default -F _otter otter
`;

const ZSH = `#compdef otter
# zsh completion of otter: a file _otter in a folder of $fpath, or eval "$(otter completion zsh)" after compinit
_otter() {
  local -a lines described
  local line
  lines=("\${(@f)$("\${words[1]}" ${ASKED_BY_SHELL} "\${(@)words[2,CURRENT]}" 2> /dev/null)}")
  if [[ \${lines[1]} == ${FILES} ]]; then
    compset -P '*='
    _files
    return
  fi
  for line in "\${lines[@]}"; do
    [[ -n $line ]] && described+=("\${\${line//:/\\\\:}/$'\\t'/:}")
  done
  _describe otter described
}
if [[ \${funcstack[1]} == _otter ]]; then _otter "$@"; else compdef _otter otter; fi
`;

const FISH = `# fish completion of otter: otter completion fish > ~/.config/fish/completions/otter.fish
function __otter_complete
    set -l typed (commandline -opc)
    set -l found (command $typed[1] ${ASKED_BY_SHELL} $typed[2..-1] (commandline -ct) 2> /dev/null)
    if test "$found[1]" = '${FILES}'
        set -l flag (string match -r -- '^--[a-z-]+=' (commandline -ct))
        for path in (__fish_complete_path (string replace -r -- '^--[a-z-]+=' '' (commandline -ct)))
            printf '%s\\n' "$flag$path"
        end
    else
        printf '%s\\n' $found
    end
end
complete -c otter -f -a '(__otter_complete)'
`;
