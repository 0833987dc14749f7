#!/bin/bash
# SPDX-License-Identifier: MIT
# pycurl-test.sh - Python with pycurl (libcurl's GnuTLS flavour, loaded RTLD_LOCAL) under the shim. Prints TAP.
. "$(dirname "$0")/clients.sh"
. "$(dirname "$0")/binding.sh"
need /usr/bin/python3 curl jq
client=(/usr/bin/python3 "$(dirname "$0")/client.py") # the one that Debian's pycurl is for
/usr/bin/python3 -c 'import pycurl' 2>/dev/null || skip_all 'no pycurl'
start_binding

for mode in easy multi events; do
  transfers pycurl $mode "${client[@]}"
  without_challenge pycurl $mode "${client[@]}"
done
for mode in post form rewindable; do
  sends pycurl $mode "${client[@]}"
done
sends_once pycurl upload "${client[@]}"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
