#!/bin/bash
# SPDX-License-Identifier: MIT
# curlpp-test.sh CLIENT - a C++ program with curlpp, which meson builds, under the shim. Prints TAP.
client=("$1")
. "$(dirname "$0")/clients.sh"
. "$(dirname "$0")/binding.sh"
need curl jq /usr/bin/python3
start_binding

for mode in easy multi; do
  transfers curlpp $mode "${client[@]}"
  without_challenge curlpp $mode "${client[@]}"
done
sends curlpp post "${client[@]}"
sends curlpp form "${client[@]}"
sends_once curlpp upload "${client[@]}"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
