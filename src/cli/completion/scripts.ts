/** What each shell sources. They ask `handoff __complete`, so that they know the verbs of the version that runs. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

// Bash breaks words at "=", ":" and "@"; what was one word is put together again, and what stands before the part that
// bash replaces is taken off.
const BASH = String.raw`# bash completion for handoff
_handoff() {
  local cur word value about glue=0 n=0 i
  local -a words=()
  COMPREPLY=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${'$'}{COMP_WORDS[i]}
    if ((n > 0)) && { ((glue)) || [[ $word == [=:]* ]]; }; then
      words[n - 1]+=$word
    else
      words[n]=$word
      n=$((n + 1))
    fi
    glue=0
    [[ $word =~ ^[=:@]+$ ]] && glue=1
  done
  cur=${'$'}{2-${'$'}{COMP_WORDS[COMP_CWORD]}}
  [[ $cur == [=:] ]] && cur=
  local before=${'$'}{words[n - 1]%"$cur"}
  while IFS=$'\t' read -r value about; do
    case $value in
      :files) compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$cur") ;;
      :dirs) compopt -o filenames 2>/dev/null; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$cur") ;;
      *) COMPREPLY+=("${'$'}{value#"$before"}") ;;
    esac
  done < <("${'$'}{COMP_WORDS[0]}" __complete -- "${'$'}{words[@]}" 2>/dev/null)
}
complete -F _handoff handoff
`;

const ZSH = String.raw`#compdef handoff
# zsh completion for handoff
_handoff() {
  local line value
  local -a found
  while IFS= read -r line; do
    value=${'$'}{line%%$'\t'*}
    case $value in
      :files) _files; return ;;
      :dirs) _files -/; return ;;
      *) found+=("${'$'}{value//:/\\:}:${'$'}{line#*$'\t'}") ;;
    esac
  done < <("${'$'}{(Q)words[1]}" __complete -- "${'$'}{(@Q)words[2,CURRENT]}" 2>/dev/null)
  _describe -V handoff found
}
if [[ ${'$'}{funcstack[1]} == _handoff ]]; then _handoff "$@"; else compdef _handoff handoff; fi
`;

const FISH = String.raw`# fish completion for handoff
function __handoff_complete
  set -l words (commandline -opc)
  set -l last (commandline -ct)
  for line in (command $words[1] __complete -- $words[2..-1] "$last" 2>/dev/null)
    switch "$line"
      case ':files*'
        __fish_complete_path "$last"
      case ':dirs*'
        __fish_complete_directories "$last"
      case '*'
        printf '%s\n' "$line"
    end
  end
end
complete -c handoff -f -a '(__handoff_complete)'
`;

export const SCRIPTS: Record<Shell, string> = { bash: BASH, zsh: ZSH, fish: FISH };
