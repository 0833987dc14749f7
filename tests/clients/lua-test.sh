#!/bin/bash
# SPDX-License-Identifier: MIT
# lua-test.sh - Lua with Lua-cURL (libcurl's GnuTLS flavour) under the shim; and what Lua does on an error
# in a callback: longjmp over libcurl, and over us. Prints TAP.
. "$(dirname "$0")/clients.sh"
. "$(dirname "$0")/binding.sh"
need lua5.1 curl jq /usr/bin/python3
client=(lua5.1 "$(dirname "$0")/client.lua")
lua5.1 -e 'require "curl"' 2>/dev/null || skip_all 'no Lua-cURL'
start_binding

transfers lua easy "${client[@]}"
sends lua post "${client[@]}"
sends_once lua upload "${client[@]}"
without_challenge lua easy "${client[@]}"

# jumps FUNCTION SEEN: libcurl takes the handle for one that still runs, whoever left it; another one is
# new. SEEN is waited for: of a request that is broken off the server hears last.
jumps() {
  like "lua, error() in its $1 function" 'jumped, easy handle already used in multi handle, 20[01]' \
    "$(under "${client[@]}" jump "$1" "$invoices" 2>&1)"
  until_true was_seen "$2"
  is '  before and after, requests have their token' "$2" "$(seen)"
  same "lua, error() in its $1 function" "${client[@]}" jump "$1" "$elsewhere/file"
}

was_seen() {
  [ "$(seen)" = "$1" ]
}

revoke
jumps write 'business 200,invalid 401'
revoke
jumps header 'business 200,invalid 401'
begin
jumps read 'business 0,business 200'
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
