#!/bin/bash
# SPDX-License-Identifier: MIT
# cli-test.sh - what all commands of thredctl have in common: help, examples that run, JSON, colours,
# statuses, and what is said of a mistyped word. Of the installation in THRED_TEST_ROOT. Prints TAP.
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../tap.sh"

# Examples flush the cache: one of its own where it may have one.
if [ -z "${THRED_TEST_ALONE-}" ] && unshare -m true 2>/dev/null; then
  # shellcheck disable=SC2016  # the inner shell expands it
  THRED_TEST_ALONE=yes exec unshare -m sh -c 'mount -t tmpfs none /dev/shm; exec "$0"' "$0"
fi

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
command -v jq >/dev/null || skip_all 'no jq'
work=$(mktemp -d) || exit 1
dir=$work/emulator
pid=
cleanup() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
unset "${!THRED_@}" LD_PRELOAD NO_COLOR "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy
export PATH=$root/bin:$PATH
mkdir "$work/here"
cd "$work/here" || exit 1

# run ARGUMENT...: sets status; stdout and stderr go to files.
run() {
  timeout 30 thredctl "$@" >"$work/out" 2>"$work/err"
  status=$?
}

start() {
  thred-emulator --listen 127.0.0.1:0 --dir "$dir" >"$work/ignored" 2>&1 &
  pid=$!
  until_true test -s "$dir/port" || { echo 'Bail out! the emulator does not start'; exit 1; }
  export THRED_CONF_DIR=$dir/conf.d CURL_HOME=$work
  # The examples' curl is the user's, whose settings lead it to the emulator.
  printf '%s\n' "connect-to = \"::127.0.0.1:$(cat "$dir/port")\"" "cacert = \"$dir/ca.pem\"" >"$work/.curlrc"
}

commands_of() {
  sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$1"
}

# examples: those of a help on stdin.
examples() {
  sed -n '/^Examples*:/,/^$/s/^  \(.*\)/\1/p'
}

# ---- help ----

test_help() {
  local command text
  run --help
  is '--help: exit status' 0 "$status"
  is '--help: nothing on stderr' '' "$(cat "$work/err")"
  help=$(cat "$work/out")
  run -h
  is '-h' "$help" "$(cat "$work/out")"
  run help
  is 'help: exit status' 0 "$status"
  is 'help' "$help" "$(cat "$work/out")"
  run
  is 'no command: exit status' 2 "$status"
  is 'no command: the help, on stderr' "$help" "$(cat "$work/err")"
  like 'the commands' '*exec*token*route*check*config*doctor*flush*help*' "$(commands_of "$help" | paste -sd' ')"
  for command in $(commands_of "$help"); do
    run "$command" --help
    text=$(cat "$work/out")
    is "$command --help: exit status" 0 "$status"
    is "$command --help: nothing on stderr" '' "$(cat "$work/err")"
    run help "$command"
    is "help $command: the same" "0 $text" "$status $(cat "$work/out")"
    matches "$command --help: has an example" "^thredctl $command" "$(examples <<<"$text")"
    matches "--help: has an example of $command" "(^|
)thredctl $command" "$(examples <<<"$help")"
  done
  run --version
  matches '--version' '^thredctl [0-9.]+$' "$(cat "$work/out")"
  thredctl help >/dev/full 2>"$work/err"
  is 'help: a full device: exit status' 1 $?
  is 'help: a full device: said' 'thredctl: cannot write to standard output' "$(cat "$work/err")"
  thredctl config --help >/dev/full 2>"$work/err"
  is 'config --help: a full device: exit status' 1 $?
  is 'config --help: a full device: said' 'thredctl: config: cannot write to standard output' "$(cat "$work/err")"
  thredctl --version >/dev/full 2>"$work/err"
  is '--version: a full device' '1 thredctl: cannot write to standard output' "$? $(cat "$work/err")"
}

# ---- the examples, as they stand there ----

is_sanitized() {
  nm -D "$root/lib/thred/libthred-preload.so" | grep -q __asan
}

# works EXAMPLE: what a shell makes of it ends well.
works() {
  local limit=30 good='^0$'
  if [[ $1 == *' exec '* ]] && is_sanitized; then
    skip "$1" 'the shim of a sanitized build fits no program of the system'
    return
  fi
  if [[ $1 == *' php'* ]] && ! command -v php >/dev/null; then
    skip "$1" 'php is not installed'
    return
  fi
  if [[ $1 == *' --watch'* ]]; then # goes on until it is ended
    limit=1 good='^124$'
  fi
  timeout $limit bash -c "$1" >"$work/out" 2>"$work/err" </dev/null
  matches "$1: exit status" "$good" "$?"
  is "$1: nothing on stderr" '' "$(cat "$work/err")"
  matches "$1: something on stdout" . "$(cat "$work/out")"
}

test_examples() {
  local command example
  for command in $(commands_of "$help"); do
    thredctl "$command" --help | examples
  done >"$work/examples"
  examples <<<"$help" >>"$work/examples"
  is 'examples: as many as commands, at least' yes \
    "$([ "$(sort -u "$work/examples" | wc -l)" -ge "$(commands_of "$help" | wc -l)" ] && echo yes || echo no)"
  while IFS= read -r example <&3; do
    works "$example"
  done 3< <(sort -u "$work/examples")
}

# ---- mistyped ----

# says MESSAGE ARGUMENT...: exit status 2, nothing on stdout, and this one line on stderr.
says() {
  local message=$1
  shift
  run "$@"
  is "$*: exit status" 2 "$status"
  is "$*: nothing on stdout" '' "$(cat "$work/out")"
  is "$*: what it says" "thredctl: $message" "$(cat "$work/err")"
}

test_mistyped() {
  says "unknown command 'chekc'; did you mean 'check'?" chekc
  says "unknown command 'conifg'; did you mean 'config'?" conifg --json
  says "unknown command 'flsh'; did you mean 'flush'?" help flsh
  says "unknown command 'frobnicate' (see 'thredctl --help')" frobnicate
  says "unknown command '' (see 'thredctl --help')" ''
  says "unknown command '\\033[31m' (see 'thredctl --help')" $'\e[31m'
  says "unknown option '--versoin'; did you mean '--version'?" --versoin
  says "unknown option '--hepl'; did you mean '--help'?" --hepl
  says "unknown option '--loud' (see 'thredctl --help')" --loud
  says "token: unknown option '--jsn'; did you mean '--json'? (see 'thredctl token --help')" token --jsn
  says "token: unknown option '-json'; did you mean '--json'? (see 'thredctl token --help')" token --partner -json
  says "token: unknown option '--busines'; did you mean '--business'? (see 'thredctl token --help')" token --busines=1
  says "token: unknown option '--enviroment'; did you mean '--environment'? (see 'thredctl token --help')" \
    token -b --busines --enviroment x
  says "token: unknown option '--loud' (see 'thredctl token --help')" token --loud
  says "check: unknown option '--hlep'; did you mean '--help'? (see 'thredctl check --help')" check --hlep
  says "exec: unknown option '--busines'; did you mean '--business'? (see 'thredctl exec --help')" exec --busines 1 true
  says "route: unknown option '--metod'; did you mean '--method'? (see 'thredctl route --help')" route https://x/ --metod GET
  says "route: unknown option '-Y' (see 'thredctl route --help')" route -Y GET https://x/
  says "doctor: unknown option '--\\033' (see 'thredctl doctor --help')" doctor $'--\e'
  says "help: name one command" help token route
  says "flush: unexpected argument 'more' (see 'thredctl flush --help')" flush more
  if is_sanitized; then
    skip 'exec: an option of the program' 'the shim of a sanitized build fits no program of the system'
    return
  fi
  run exec -- sh -c 'exit 3' --busines
  is 'exec: an option of the program: its exit status' 3 "$status"
  is 'exec: an option of the program: not ours' '' "$(cat "$work/err")"
}

# ---- JSON ----

# json ARGUMENT...: one line that jq reads, with version 1 as its first key.
json() {
  run "$@"
  matches "$*: exit status" '^[01]$' "$status"
  is "$*: one line" 1 "$(wc -l <"$work/out")"
  is "$*: version 1, first" '["version",1]' "$(jq -c '[keys_unsorted[0], .version]' "$work/out" 2>&1)"
}

# Every command with --json in its help is asked; so none is forgotten here.
test_json() {
  local command
  for command in $(commands_of "$help"); do
    thredctl "$command" --help | grep -q -e '--json' || continue
    case $command in
      token) json token --json --partner ;;
      route) json route --json https://sandbox.thredfi.com/v1/platform/businesses/ ;;
      doctor) json doctor --json sh && json doctor --json /nonexistent ;;
      *) json "$command" --json ;;
    esac
  done
  json config --json sandbox
  json config --json --files
  THRED_CONF_DIR=/nonexistent json check --json
  THRED_CONF_DIR=/nonexistent json config --json
  THRED_CONF_DIR=/nonexistent json route --json https://sandbox.thredfi.com/
}

# ---- colours ----

# on_terminal VARIABLE=VALUE... COMMAND: what goes to a terminal.
on_terminal() {
  local command=${*: -1}
  set -- "${@:1:$#-1}"
  env "$@" script -qec "$command" /dev/null </dev/null 2>&1
}

test_colours() {
  local escape=$'\e[' command
  if ! command -v script >/dev/null; then
    skip colours 'no script(1)'
    return
  fi
  for command in 'thredctl doctor sh' 'thredctl config' 'thredctl route https://sandbox.thredfi.com/v1/platform/businesses/'; do
    matches "$command: on a terminal" $'\e\\[(2|3[12])m[^\e]+\e\\[0m' "$(on_terminal TERM=xterm "$command")"
    matches "$command: NO_COLOR without a value" $'\e\\[0m' "$(on_terminal TERM=xterm NO_COLOR= "$command")"
    is "$command: NO_COLOR" '' "$(on_terminal TERM=xterm NO_COLOR=1 "$command" | grep -F "$escape")"
    is "$command: TERM=dumb" '' "$(on_terminal TERM=dumb "$command" | grep -F "$escape")"
    is "$command: TERM not set" '' "$(on_terminal -u TERM "$command" | grep -F "$escape")"
    is "$command: in a pipe" '' "$(TERM=xterm $command | grep -F "$escape")"
    is "$command: the same words" "$($command)" \
      "$(on_terminal TERM=xterm "$command" | sed $'s/\e\\[[0-9]*m//g' | tr -d '\r')"
  done
  is 'JSON on a terminal: none' '' "$(on_terminal TERM=xterm 'thredctl config --json' | grep -F "$escape")"
}

start
test_help
test_examples
test_mistyped
test_json
test_colours
finish
