#!/bin/bash
# SPDX-License-Identifier: MIT
# thredctl-test.sh - `thredctl token` and `thredctl flush` of the installation in THRED_TEST_ROOT.
# Prints TAP. It flushes the cache: one of its own where it may have one, else the user's.
set -u

if [ -z "${THRED_TEST_ALONE-}" ] && unshare -m true 2>/dev/null; then
  # shellcheck disable=SC2016  # the inner shell expands it
  THRED_TEST_ALONE=yes exec unshare -m sh -c 'mount -t tmpfs none /dev/shm; exec "$0"' "$0"
fi

root=${THRED_TEST_ROOT-}
if [ ! -x "$root/bin/thredctl" ] || [ ! -x "$root/bin/thred-emulator" ]; then
  echo "1..0 # SKIP THRED_TEST_ROOT names no installation"
  exit 0
fi
thredctl=$root/bin/thredctl
work=$(mktemp -d) || exit 1
dir=$work/emulator
pid=

cleanup() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

first=3c90c3cc-0d44-4b50-8888-8dd25736052a
nobody=99999999-9999-4999-8999-999999999999
tests=0
failures=0

# is NAME EXPECTED ACTUAL
is() {
  tests=$((tests + 1))
  if [ "$2" = "$3" ]; then
    echo "ok $tests - $1"
  else
    echo "not ok $tests - $1"
    printf '%s\n' "expected: $2" "actual:   $3" | head -c 2000 | sed 's/^/#   /'
    failures=$((failures + 1))
  fi
}

# matches NAME REGULAR_EXPRESSION TEXT
matches() {
  if [[ $3 =~ $2 ]]; then is "$1" yes yes; else is "$1" "$2" "$3"; fi
}

skip() {
  tests=$((tests + 1))
  echo "ok $tests - $1 # SKIP $2"
}

# run ARGUMENT...: sets status; stdout and stderr go to files.
run() {
  "$thredctl" "$@" >"$work/out" 2>"$work/err"
  status=$?
}

start() {
  "$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$dir" >"$work/ignored" 2>&1 &
  pid=$!
  local end=$((SECONDS + 20))
  until [ -s "$dir/port" ]; do
    [ $SECONDS -lt $end ] || { echo "Bail out! the emulator does not start"; exit 1; }
    sleep 0.02
  done
  port=$(cat "$dir/port")
}

# control METHOD CALL
control() {
  curl -q --silent --noproxy '*' --max-time 60 --cacert "$dir/ca.pem" --request "$1" \
    "https://127.0.0.1:$port/_emulator/$2"
}

token_requests() {
  control GET counters | sed -n 's/.*"token_requests":{"partner":\([0-9]*\),"business":\([0-9]*\)}.*/\1 \2/p'
}

jwt='[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+'

test_bare_token() {
  run token --business $first
  is 'business token: exit status' 0 "$status"
  is 'business token: nothing on stderr' '' "$(cat "$work/err")"
  matches 'business token: the bare token' "^$jwt\$" "$(cat "$work/out")"
  is 'business token: one line' 1 "$(wc -l <"$work/out")"
  is 'business token: what it cost' '1 1' "$(token_requests)"
  business=$(cat "$work/out")
  run token --partner
  is 'partner token: exit status' 0 "$status"
  matches 'partner token: the bare token' "^$jwt\$" "$(cat "$work/out")"
  is 'partner token: from the cache' '1 1' "$(token_requests)"
  is 'partner token: another one' different \
    "$([ "$(cat "$work/out")" = "$business" ] && echo same || echo different)"
  run token -b $first
  is 'the same token from the cache' "$business" "$(cat "$work/out")"
}

test_forms() {
  run token --business $first --header
  is '--header' "Authorization: Bearer $business" "$(cat "$work/out")"
  run token --business $first --json
  is '--json: one line' 1 "$(wc -l <"$work/out")"
  matches '--json: the token' "\"access_token\":\"$business\"" "$(cat "$work/out")"
  matches '--json: the version' '^\{"version":1,' "$(cat "$work/out")"
  matches '--json: the kind' '"kind":"business"' "$(cat "$work/out")"
  matches '--json: the time left' '"expires_in":3[0-9]{3}[,}]' "$(cat "$work/out")"
  run token --environment sandbox --business $first
  is '--environment' "$business" "$(cat "$work/out")"
}

test_one_write() {
  if ! strace -o "$work/trace" true 2>"$work/ignored"; then
    skip 'one write' 'strace is not to be had'
    return
  fi
  strace -f -qq -e trace=write -e write=none -o "$work/trace" "$thredctl" token --partner >"$work/out"
  is 'one write' 1 "$(grep -c 'write(1,' "$work/trace")"
}

# usage_error NAME ARGUMENT...
usage_error() {
  local name=$1
  shift
  run "$@"
  is "$name: exit status" 2 "$status"
  is "$name: nothing on stdout" '' "$(cat "$work/out")"
  matches "$name: a word on stderr" . "$(cat "$work/err")"
}

test_usage_errors() {
  usage_error 'no command'
  usage_error 'unknown command' frobnicate
  usage_error 'no kind of token' token
  usage_error 'two kinds' token --partner --business $first
  usage_error 'two forms' token --partner --header --json
  usage_error 'unknown option' token --partner --loud
  usage_error 'surplus argument' token --partner more
  usage_error 'option without its value' token --business
}

# failure NAME PATTERN ARGUMENT...
failure() {
  local name=$1 pattern=$2
  shift 2
  run "$@"
  is "$name: exit status" 1 "$status"
  is "$name: nothing on stdout" '' "$(cat "$work/out")"
  matches "$name: why" "$pattern" "$(cat "$work/err")"
}

test_failures() {
  failure 'no UUID' 'not a UUID' token --business x
  failure 'unknown business' $nobody token --business $nobody
  failure 'unknown environment' nowhere token --environment nowhere --partner
  failure 'inactive environment' production token --environment production --partner
  THRED_DISABLE=1 failure 'switched off' THRED_DISABLE token --partner
  THRED_CONF_DIR=/nonexistent failure 'no configuration' . token --partner
  "$thredctl" token --partner >/dev/full 2>"$work/err"
  is 'a full device: exit status' 1 $?
}

test_flush() {
  run flush
  is 'flush: exit status' 0 "$status"
  matches 'flush: what it did' '^[0-9]+ tokens? forgotten$' "$(cat "$work/out")"
  control POST reset >"$work/ignored"
  run token --business $first
  is 'after a flush: exit status' 0 "$status"
  is 'after a flush: asked again' '1 1' "$(token_requests)"
  is 'after a flush: a new token' different \
    "$([ "$(cat "$work/out")" = "$business" ] && echo same || echo different)"
  run flush --json
  matches 'flush --json' '^\{"version":1,"flushed":[0-9]+\}$' "$(cat "$work/out")"
  usage_error 'flush: surplus argument' flush more
}

unset "${!THRED_@}" "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy
start
export THRED_CONF_DIR=$dir/conf.d
test_bare_token
test_forms
test_one_write
test_usage_errors
test_failures
test_flush
echo "1..$tests"
[ $failures -eq 0 ]
