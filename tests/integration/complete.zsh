#!/bin/zsh -f
# SPDX-License-Identifier: MIT
# complete.zsh - what zsh offers at TAB: complete.zsh FOLDER <LINES; FOLDER holds the completion
# functions. For each line of stdin: a line with the words that it was offered, sorted.
#
# zsh completes in its line editor alone, so one runs in a pseudo-terminal (zshmodules(1), zpty), where
# compadd, by which all functions hand over what they have found, writes it down.
emulate -R zsh
zmodload zsh/zpty
work=$(mktemp -d) || exit 1
trap 'rm -rf $work' EXIT

zpty inner zsh -f -i
# Until the inner shell has said $1.
wait_for() {
  local line
  while zpty -r inner line "*$1*"; do
    [[ $line == *$1* ]] && return 0
  done
  return 1
}

cat >$work/set-up <<'END'
PROMPT=
fpath=($folder $fpath)
autoload -Uz compinit
compinit -u -D
zstyle ':completion:*' use-cache no
unsetopt list_beep beep auto_list auto_menu
compadd() {
  # What is asked to store its matches elsewhere (-O, -A, -D) offers none.
  if [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]]; then
    builtin compadd "$@"
    return
  fi
  local -a hits
  builtin compadd -A hits "$@"
  (( $#hits )) && print -rl -- $hits >>$work/found
  builtin compadd "$@"
}
finish() { print ''; print DONE }
complete-and-tell() { zle complete-word; BUFFER=; zle -I; finish }
zle -N complete-and-tell
bindkey '^I' complete-and-tell
print READY
END
zpty -w inner "folder=${(q)1} work=$work; source $work/set-up"
wait_for $'READY\r' || exit 1
while IFS= read -r line; do
  : >$work/found
  zpty -w -n inner "$line"$'\t'
  wait_for $'DONE\r' || exit 1
  print -r -- ${(ou)${(f)"$(<$work/found)"}}
done
zpty -d inner
