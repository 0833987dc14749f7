#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# oneshot-instructions.sh PROGRAM - run by bench-oneshot while its servers are there: the instructions of one
# curl, from its start to its end. The cache is warm.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/instructions-of.sh"

api=https://sandbox.thredfi.com/v1/platform/businesses/3c90c3cc-0d44-4b50-8888-8dd25736052a/invoices/
other=https://evil.example/
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# curl_run NAME PRELOAD URL [ARGUMENT]... : writes the least of three runs into $work/NAME, for a key exchange has
# other numbers each time.
curl_run() {
  local name=$1 instructions_preload=$2
  shift 2
  for _ in 1 2 3; do
    instructions_of curl -q -sf -o /dev/null --noproxy '*' --cacert "$BENCH_CA" \
      --connect-to "::127.0.0.1:$BENCH_PORT" "$@" || return 1
  done >"$work/all-$name"
  sort -n "$work/all-$name" | head -n 1 >"$work/$name"
}

curl_run own '' "$api" -H "$BENCH_HEADER"
curl_run own-shim "$BENCH_PRELOAD" "$api" -H "$BENCH_HEADER"
curl_run shim "$BENCH_PRELOAD" "$api"
curl_run other '' "$other"
curl_run other-shim "$BENCH_PRELOAD" "$other"

value() {
  cat "$work/$1"
}

more() {
  echo $(($(value "$1") - $(value "$2")))
}

"$(dirname "$1")/bench-row" oneshot-instructions "Instructions of one curl, from its start to its end" \
  "curl -H" "$(value own)" "" \
  "under the shim, a warm cache" "$(value shim)" "" "  more" "$(more shim own)" "" \
  "curl -H under the shim" "$(value own-shim)" "" "  more" "$(more own-shim own)" "" \
  "another host, without the shim" "$(value other)" "" \
  "another host, under the shim" "$(value other-shim)" "" "  more" "$(more other-shim other)" ""
