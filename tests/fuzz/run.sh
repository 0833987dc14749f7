#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh PROGRAM NAME MAX_LEN - runs one fuzzer for THRED_FUZZ_SECONDS (5) and says what came of it, as
# TAP. The seeds in the tree are only read; what is found lies beside the program, in found/NAME.
# THRED_FUZZ_FRESH=1 begins with the seeds alone and libFuzzer's seed 1, else with what was found, too.
set -u
program=$1 name=$2 max_len=$3
here=$(cd "$(dirname "$0")" && pwd)
to=$(dirname "$program")
found=$to/found/$name
log=$to/$name.log
args=(-max_total_time="${THRED_FUZZ_SECONDS-5}" -timeout=10 -rss_limit_mb=1024 -max_len="$max_len"
  -print_final_stats=1 -artifact_prefix="$to/finding-$name-")
[ ! -f "$here/$name.dict" ] || args+=(-dict="$here/$name.dict")
if [ -n "${THRED_FUZZ_FRESH-}" ]; then
  rm -rf "$found"
  args+=(-seed=1)
fi
mkdir -p "$found"
# GLib's own allocator would hide an access beyond a piece of it.
export G_SLICE=always-malloc THRED_LOG=error ASAN_OPTIONS=quarantine_size_mb=64
echo "1..1"
if "$program" "${args[@]}" "$found" "$here/corpus/$name" >"$log" 2>&1; then
  last=$(grep -o 'cov: [0-9]* ft: [0-9]* corp: [0-9]*' "$log" | tail -1)
  runs=$(sed -n 's/stat::number_of_executed_units: *//p' "$log")
  echo "ok 1 - $name: $runs runs, $last"
else
  sed 's/^/# /' "$log" | tail -60
  echo "not ok 1 - $name: see $log; $(grep -o 'Test unit written to .*' "$log" | tail -1)"
fi
