# bash completion for thred-emulator                            -*- shell-script -*-
# SPDX-License-Identifier: MIT

_thred_emulator()
{
  local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then # a program to run, with its own words
      if declare -F _command_offset >/dev/null; then
        _command_offset $((i + 1))
      else
        mapfile -t COMPREPLY < <(if ((COMP_CWORD == i + 1)); then compgen -c -- "$cur" | sort -u; else compgen -f -- "$cur"; fi)
      fi
      return
    fi
  done
  case $previous in
    -d | --dir | -g | --git)
      mapfile -t COMPREPLY < <(compgen -d -- "$cur")
      compopt -o filenames 2>/dev/null
      ;;
    -f | --faults | -r | --report)
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      compopt -o filenames 2>/dev/null
      ;;
    --isolate) mapfile -t COMPREPLY < <(compgen -W 'auto required off' -- "$cur") ;;
    -l | --listen) mapfile -t COMPREPLY < <(compgen -W 127.0.0.1:0 -- "$cur") ;;
    -n | --name | -k | --api-key) ;;
    *)
      mapfile -t COMPREPLY < <(compgen -W '-l --listen -d --dir --isolate -f --faults -r --report -n --name
        --expired -k --api-key --no-http --no-proxy -g --git -V --version -h --help' -- "$cur")
      ;;
  esac
}

complete -F _thred_emulator thred-emulator
