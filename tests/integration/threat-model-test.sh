#!/bin/bash
# SPDX-License-Identifier: MIT
# threat-model-test.sh ROOT - what docs/threat-model.md names as shown by a test is there: `test-NAME` and its
# cases, fuzzers, scripts, and no claim without one.
set -u
. "$(dirname "$0")/../tap.sh"

cd "$1"
page=docs/threat-model.md

# named WORD [CASE]... : a test program, a fuzzer or a script, with these cases in it.
named() {
  local name=$1 file case
  shift
  file=$(find tests scripts -type f \( -path "*/$name" -o -path "*/$name.c" -o -path "*/$name.sh" \) \
    -not -path '*/corpus/*' | head -n 1)
  [ -n "$file" ] || { echo "# no file $name"; return 1; }
  for case in "$@"; do
    grep -qw -- "$case" "$file" "${file%/*}/$(basename "${name#test-}")"-*.c 2>/dev/null ||
      { echo "# $file has no $case"; return 1; }
  done
}

# Each row of a table of claims: "| claim | shown by |".
rows=0 bad=0
while IFS= read -r row; do
  rows=$((rows + 1))
  mapfile -t words < <(grep -oE '`[^`]+`' <<<"${row##*| }" | tr -d '`')
  [ ${#words[@]} -gt 0 ] || { echo "# no test: $row"; bad=$((bad + 1)); }
  for word in "${words[@]}"; do
    mapfile -t cases < <(tr ',' '\n' <<<"${word#*:}" | tr -d ' ')
    [ "$word" != "${word#*:}" ] || cases=()
    named "${word%%:*}" "${cases[@]}" || { echo "# in: $row"; bad=$((bad + 1)); }
  done
done < <(sed -n '/^## Claims/,$p' "$page" | grep '^| ' | grep -v '^| claim ' | grep -v '^|--')

is 'the page has its claims' yes "$([ $rows -ge 30 ] && echo yes || echo "$rows")"
is 'each names tests that are there' 0 $bad
finish
