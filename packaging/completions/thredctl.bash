# bash completion for thredctl                                  -*- shell-script -*-
# SPDX-License-Identifier: MIT
# Works with and without the package bash-completion; with it, what `thredctl exec` runs is completed
# as that program's own completion does.

# The names of the groups of a kind, as this user's configuration has them. $1: thredctl, as typed
_thredctl_names()
{
  "$1" config --json 2>/dev/null | grep -o "\"kind\":\"$2\",\"name\":\"[A-Za-z0-9_-]*" | sed 's/.*"//'
}

_thredctl_options()
{
  case $1 in
    exec) echo -b --business -h --help ;;
    token) echo -e --environment -b --business -p --partner --header --json -h --help ;;
    route) echo -X --method --json -h --help ;;
    status) echo --json --metrics -o --output -w --watch -h --help ;;
    check) echo --offline --json -h --help ;;
    config) echo --files --init --json -h --help ;;
    doctor | flush) echo --json -h --help ;;
    help) echo -h --help ;;
    '') echo --version -h --help ;;
  esac
}

# What stands behind `exec`, once its own options are over. False: they are not.
_thredctl_exec()
{
  local i
  for ((i = 2; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      --) ((i++)); break ;;
      -b | --business)
        [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++)) # "=" is a word of its own (COMP_WORDBREAKS)
        ((i++))
        ;;
      -*) ;;
      *) break ;;
    esac
  done
  ((i < COMP_CWORD)) || [[ $cur != -* ]] && ((i <= COMP_CWORD)) || return 1
  if declare -F _command_offset >/dev/null; then
    _command_offset "$i"
  elif ((i == COMP_CWORD)); then
    _thredctl_programs
  else
    _thredctl_files -f
  fi
  return 0
}

# $1: -f, or -d for folders only
_thredctl_files()
{
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
  compopt -o filenames 2>/dev/null
}

_thredctl_programs()
{
  mapfile -t COMPREPLY < <(if [[ $cur == */* ]]; then compgen -f -- "$cur"; else compgen -c -- "$cur" | sort -u; fi)
  compopt -o filenames 2>/dev/null
}

# The value of the option $1. False: it takes none, or it is none.
_thredctl_value()
{
  case $command:$1 in
    *:-e | *:--environment)
      mapfile -t COMPREPLY < <(compgen -W "$(_thredctl_names "${COMP_WORDS[0]}" environment)" -- "$cur")
      ;;
    *:-X | *:--method)
      mapfile -t COMPREPLY < <(compgen -W 'DELETE GET HEAD OPTIONS PATCH POST PUT' -- "$cur")
      ;;
    status:-o | status:--output)
      _thredctl_files -f
      ;;
    config:--init)
      _thredctl_files -d
      ;;
    *:-b | *:--business) ;; # only who asks knows its UUID
    *) return 1 ;;
  esac
  return 0
}

_thredctl()
{
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command='' words=''
  COMPREPLY=()
  if ((COMP_CWORD > 1)); then
    command=${COMP_WORDS[1]}
  fi
  if [[ $command == exec ]] && _thredctl_exec; then
    return
  fi
  if [[ $cur == = ]]; then
    cur=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  if _thredctl_value "$previous"; then
    return
  fi
  if [[ $cur == -* ]]; then
    words=$(_thredctl_options "$command")
  else
    case $command:$COMP_CWORD in
      :* | help:2) words='exec token route status check config doctor flush help' ;;
      config:2) words="thred environment credentials route $(_thredctl_names "${COMP_WORDS[0]}" environment)" ;;
      config:3) words=$(_thredctl_names "${COMP_WORDS[0]}" "$previous") ;;
      doctor:*)
        _thredctl_programs
        return
        ;;
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _thredctl thredctl
