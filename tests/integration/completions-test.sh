#!/bin/bash
# SPDX-License-Identifier: MIT
# completions-test.sh - what bash, zsh and fish offer at TAB, of the installation in THRED_TEST_ROOT; and
# that they know every command and option that the programs' own --help shows. Prints TAP.
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../tap.sh"
root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset "${!THRED_@}" LD_PRELOAD BASH_ENV ENV
bash_files=$root/share/bash-completion/completions
zsh_files=$root/share/zsh/site-functions
fish_files=$root/share/fish/vendor_completions.d
bash_completion=/usr/share/bash-completion/bash_completion
export PATH=$root/bin:$PATH HOME=$work XDG_CONFIG_HOME=$work/config
mkdir "$work/conf.d" "$work/here"
export THRED_CONF_DIR=$work/conf.d
printf '[environment %s]\nhosts = %s.thredfi.com;\n' mine mine >"$work/conf.d/50.conf"
printf '[credentials %s]\nmodule = env\n' one two >"$work/conf.d/60.conf"
cd "$work/here" || exit 1

# ---- the shells: each reads lines, and prints for each what is offered, sorted, in one line ----

# In a shell for each line: a completion that is loaded on the way is not there for the next one.
# $1: a file to read first
bash_offers() {
  local line
  while IFS= read -r line; do
    # shellcheck disable=SC2016  # the inner shell expands it
    bash --norc -c '
      if [ -n "$1" ]; then . "$1"; fi
      . "$2/thredctl"
      . "$2/thred-emulator"
      COMP_LINE=$3 COMP_POINT=${#3}
      read -ra COMP_WORDS <<<"${3//=/ = }" # as COMP_WORDBREAKS has it
      case $3 in *[\ =]) COMP_WORDS+=("") ;; esac
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      spec=$(complete -p "${COMP_WORDS[0]}") || exit
      [[ $spec =~ -F\ ([a-z_]+) ]] && "${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
      printf "%s\n" "${COMPREPLY[@]}" | sort -u | paste -sd " "' bash "$1" "$bash_files" "$line" 2>/dev/null # compopt: no line editor
  done
}

zsh_offers() {
  "$here/complete.zsh" "$zsh_files"
}

fish_offers() {
  # shellcheck disable=SC2016
  fish --no-config -c 'source $argv[1]/thredctl.fish; source $argv[1]/thred-emulator.fish
    while read -l line
      echo (complete -C "$line" | string replace -r "\t.*" "" | sort -u)
    end' "$fish_files"
}

# ---- what they offer ----

commands='check config doctor exec flush help route status token'
# line | what it is to offer; "~": that and perhaps more, for the machine has other programs, too
cases="thredctl | $commands
thredctl ch| check
thredctl s| status
thredctl zz|
thredctl token --par| --partner
thredctl token --j| --json
thredctl token --environment | development mine production sandbox staging
thredctl token --environment m| mine
thredctl token -e mi| mine
thredctl route --method P| PATCH POST PUT
thredctl route --j| --json
thredctl route -X G| GET
thredctl config | credentials development environment mine production route sandbox staging thred
thredctl config m| mine
thredctl config credentials | one two
thredctl config route business-a| business-archive
thredctl config --f| --files
thredctl status --m| --metrics
thredctl status --w| --watch
thredctl status --o| --output
thredctl check --j| --json
thredctl help fl| flush
thredctl doctor thredct| thredctl
thredctl exec --b| --business
thredctl exec thredct|~thredctl
thredctl exec -b 1 thredct|~thredctl
thredctl exec -- thredct|~thredctl
thred-emulator --no-h| --no-http
thred-emulator --exp| --expired
thred-emulator --faults | a-file
thred-emulator -- thredct|~thredctl"
touch "$work/here/a-file"
lines=$(cut -d'|' -f1 <<<"$cases")

# offered SHELL [CASES]: what it offers for the lines stands in its file.
offered() {
  local shell=$1 cases=${2-$cases} line expected actual
  while IFS='|' read -r line expected && IFS= read -r actual <&3; do
    # an option that takes a value may come with its "="
    actual=$(sed -E 's/=( |$)/\1/g' <<<"$actual")
    if [[ $expected == '~'* ]]; then
      matches "$shell: $line" "(^| )${expected#'~'}( |$)" "$actual"
    else
      is "$shell: $line" "${expected# }" "$actual"
    fi
  done <<<"$cases" 3<"$work/$shell"
  is "$shell: a line for each" "$(wc -l <<<"$cases")" "$(wc -l <"$work/$shell")"
}

test_bash() {
  bash_offers '' <<<"$lines" >"$work/bash"
  offered bash
  is 'bash: --environment=' mine "$(bash_offers '' <<<'thredctl token --environment=mi')"
  is 'bash: behind exec, a file' a-file "$(bash_offers '' <<<'thredctl exec cat a-')"
  if [ ! -r "$bash_completion" ]; then
    skip 'bash with bash-completion' 'it is not installed'
    return
  fi
  local some
  some=$(grep -e ' exec ' -e ' --environment ' -e ' doctor ' -e '^thred-emulator' <<<"$cases")
  cut -d'|' -f1 <<<"$some" | bash_offers "$bash_completion" >"$work/bash with bash-completion"
  offered 'bash with bash-completion' "$some"
  is 'bash with bash-completion: behind exec' $'token\n--json\nflush' \
    "$(bash_offers "$bash_completion" <<<'thredctl exec thredctl tok
thredctl exec -b 1 -- thredctl doctor --js
thred-emulator --expired -- thredctl help flu')"
}

# With the line editor itself, in a terminal: what was completed is run.
test_bash_in_a_terminal() {
  local out
  out=$(printf '. %q\nthredctl hel\tflu\t\nexit\n' "$bash_files/thredctl" |
    timeout 20 script -qec 'bash --norc -i' /dev/null)
  matches 'bash: in a terminal' 'thredctl flush \[OPTION' "$out"
}

test_zsh() {
  command -v zsh >/dev/null || { skip zsh 'it is not installed'; return; }
  zsh_offers <<<"$lines" >"$work/zsh"
  offered zsh
  is 'zsh: in a word, and behind exec' $'mine\ntoken\n--json\nflush' "$(zsh_offers <<<'thredctl token --environment=mi
thredctl exec thredctl tok
thredctl exec -b 1 -- thredctl doctor --js
thred-emulator --expired -- thredctl help flu')"
}

test_fish() {
  command -v fish >/dev/null || { skip fish 'it is not installed'; return; }
  fish_offers <<<"$lines" >"$work/fish"
  offered fish
  is 'fish: in a word, and behind exec' $'--environment=mine\ntoken\n--json\nflush' \
    "$(fish_offers <<<'thredctl token --environment=mi
thredctl exec thredctl tok
thredctl exec -b 1 -- thredctl doctor --js
thred-emulator --expired -- thredctl help flu')"
}

# ---- nothing is missing ----

# options_of COMMAND...: the long options that its --help shows.
options_of() {
  "$@" --help | sed -n '/Options:$/,/^$/s/^ .*\(--[a-z][a-z-]*\).*/\1/p' | sort -u
}

# The lines to complete, "PROGRAM COMMAND --", and what each is to offer at least: FILE of lines "LINE|OPTION".
known() {
  local command option
  for command in $(thredctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    echo "thredctl |$command"
    for option in $(options_of thredctl "$command"); do
      echo "thredctl $command --|$option"
    done
  done
  for option in $(options_of thred-emulator); do
    echo "thred-emulator --|$option"
  done
}

# all SHELL OFFERS: each of them is offered.
all() {
  local line word missing='' offer
  declare -A offers
  while IFS= read -r line && IFS= read -r offer <&3; do
    offers[$line]=" $(sed -E 's/=( |$)/\1/g' <<<"$offer") "
  done < <(cut -d'|' -f1 "$work/known" | sort -u) 3< <(cut -d'|' -f1 "$work/known" | sort -u | "$2" '')
  while IFS='|' read -r line word; do
    [[ ${offers[$line]} == *" $word "* ]] || missing+="$line offers no $word; "
  done <"$work/known"
  is "$1: every command and option is known" '' "$missing"
}

test_all() {
  known >"$work/known"
  is 'what --help shows: a command' 1 "$(grep -c -x 'thredctl |config' "$work/known")"
  is 'what --help shows: an option' 1 "$(grep -c -x 'thredctl token --|--environment' "$work/known")"
  is "what --help shows: the emulator's" 1 "$(grep -c -x 'thred-emulator --|--listen' "$work/known")"
  all bash bash_offers
  command -v zsh >/dev/null && all zsh zsh_offers
  command -v fish >/dev/null && all fish fish_offers
}

# In /usr the files have to stand where this system's zsh looks.
test_place() {
  local place
  if ! command -v zsh >/dev/null || ! command -v meson >/dev/null || ! command -v jq >/dev/null; then
    skip 'zsh finds what is installed in /usr' 'no zsh, meson or jq'
    return
  fi
  meson setup "$work/usr" "$here/../.." --prefix=/usr -Dtests=false >"$work/setup.log" 2>&1 ||
    cat "$work/setup.log" >&2
  place=$(jq -r '.[] | select(endswith("/_thredctl"))' "$work/usr/meson-info/intro-installed.json")
  is 'zsh finds what is installed in /usr' "${place%/*}" \
    "$(zsh -fc 'print -l $fpath' | grep -x -e "${place%/*}")"
}

test_place
test_bash
test_bash_in_a_terminal
test_zsh
test_fish
test_all
finish
