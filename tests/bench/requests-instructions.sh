#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# requests-instructions.sh PROGRAM [NAME WAY URL SHIM BASE]... - run by bench-requests while its servers are
# there: the instructions of a request, in a program that makes it so. SHIM: "shim" or nothing. BASE: the name of
# what it is compared with, or nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/instructions-of.sh"

program=$1 instructions_turns=${BENCH_TURNS-300}
shift
declare -A count
rows=()
while [ $# -gt 0 ]; do
  name=$1 way=$2 url=$3 shim=$4 base=$5
  shift 5
  [ -z "$shim" ] || instructions_preload=$BENCH_PRELOAD
  count[$name]=$(instructions requests_steady "$program" perform "$url" "$way")
  unset instructions_preload
  rows+=("$name" "${count[$name]}" "")
  [ -z "$base" ] || rows+=("  more" $((count[$name] - count[$base])) "")
done
"$(dirname "$program")/bench-row" requests-instructions "Instructions of a request, in the program" "${rows[@]}"
printf '\nUp to 1,000 of these, more on a busy machine, are how often libcurl polled before the answer was there.\n'
