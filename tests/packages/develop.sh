#!/bin/bash
# SPDX-License-Identifier: MIT
# develop.sh - libthred-auth-dev as a programmer uses it: pkg-config from C and C++, CMake, a credential
# module, and the built program's requests. Argument: the folder with the examples. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
unset THRED_CONF_DIR THRED_PARTNER_UUID THRED_API_KEY THRED_BUSINESS_ID THRED_LOG LD_PRELOAD

here=$(cd "$(dirname "$0")" && pwd)
examples=$(cd "$1" && pwd)
work=$(mktemp -d) || exit 1
emulator=
cleanup() {
  [ -z "$emulator" ] || { kill "$emulator" && wait "$emulator"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

# passes NAME COMMAND...: and shows what a command that fails said.
passes() {
  local name=$1
  shift
  if "$@" >"$work/said" 2>&1; then is "$name" 0 0; else is "$name" 0 "$(tail -20 "$work/said")"; fi
}

# shellcheck disable=SC2046
passes "C, by pkg-config" cc -std=c11 -Wall -Wextra -Werror "$examples/books.c" \
  $(pkg-config --cflags --libs thred-auth libcurl) -o "$work/books"
cp "$here/attach.c" "$work/attach.cpp"
# shellcheck disable=SC2046
passes "C++, by pkg-config" c++ -std=c++17 -Wall -Wextra -Werror "$work/attach.cpp" \
  $(pkg-config --cflags --libs thred-auth libcurl) -o "$work/attach"
passes ".. and it runs" "$work/attach"
passes "CMake finds it" cmake -S "$here/cmake" -B "$work/cmake"
passes ".. builds C and C++ with it" cmake --build "$work/cmake"
passes ".. which run" "$work/cmake/attach-c"
passes ".. which run" "$work/cmake/attach-cpp"
# shellcheck disable=SC2046
passes "a credential module" cc -std=c11 -Wall -fPIC -shared "$examples/credential-pass.c" \
  $(pkg-config --cflags thred-auth) -o "$work/pass.so"
passes "where modules lie" test -f "$(pkg-config --variable=moduledir thred-auth)/env.so"
passes "where the configuration lies" test -d "$(pkg-config --variable=confdir thred-auth)"

thred-emulator --listen 127.0.0.1:0 --dir "$work/thred" >"$work/emulator.log" 2>&1 &
emulator=$!
until_true test -s "$work/thred/port" || { echo "Bail out! $(cat "$work/emulator.log")"; exit 1; }
export THRED_CONF_DIR=$work/thred/conf.d BOOKS_CA=$work/thred/ca.pem BOOKS_CONNECT_TO=::127.0.0.1:$(cat "$work/thred/port")
# shellcheck disable=SC1091
. "$work/thred/env.sh"
api=https://sandbox.thredfi.com/v1/platform/businesses
passes "the example's requests" "$work/books" GET $api/ POST $api/3c90c3cc-0d44-4b50-8888-8dd25736052a/invoices/
finish
