# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# instructions-of.sh - sourced: how many instructions something takes in valgrind's machine, which counts the
# same whatever else the real one does. Its CPU lacks some of a real one's (SHA's for example).

# instructions_of COMMAND... : of the whole run, under $instructions_preload. What it prints is lost; a failure is
# told.
instructions_of() {
  local file status=0
  file=$(mktemp)
  LD_PRELOAD=${instructions_preload-} valgrind -q --tool=callgrind --callgrind-out-file="$file" \
    ${instructions_in+--toggle-collect="$instructions_in"} "$@" >"$file.log" 2>&1 || status=$?
  sed -n 's/^\(summary\|totals\): //p' "$file" | head -n 1
  [ "$status" = 0 ] || tail -n 5 "$file.log" >&2
  rm -f "$file" "$file.log"
  return "$status"
}

# instructions FUNCTION COMMAND... : of one turn of COMMAND N, which does N of them; with FUNCTION, what it and
# all that it calls take. By the difference of N and 2 N turns: what only the first ones do (to make tables, to
# bind symbols) drops out. N is $instructions_turns.
instructions() {
  local function=$1 turns=${instructions_turns:-500} once twice work first
  shift
  [ -z "$function" ] || local instructions_in=$function
  work=$(mktemp)
  instructions_of "$@" "$turns" >"$work" &
  first=$!
  twice=$(instructions_of "$@" $((2 * turns))) || { wait "$first"; rm -f "$work"; return 1; }
  wait "$first" || { rm -f "$work"; return 1; }
  once=$(cat "$work")
  rm -f "$work"
  echo $(((twice - once) / turns))
}
