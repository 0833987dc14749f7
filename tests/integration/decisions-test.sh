#!/bin/bash
# SPDX-License-Identifier: MIT
# decisions-test.sh - THRED_LOG=debug and `thredctl route` say the same: for each request of a real program
# under the shim, one line that has the sentence, the rule, and the file and line. Prints TAP.
. "$(dirname "$0")/../clients/clients.sh"
need curl jq

start_thred
under true >/dev/null 2>&1 || skip_all 'thredctl exec does not work here'
[ -z "$asan" ] || skip_all 'curl hangs under AddressSanitizer'

nobody=99999999-9999-4999-8999-999999999999

# configure TEXT
configure() {
  printf '%s\n' "$1" >"$thred/conf.d/60-decisions.conf"
}

# The words of `thredctl route` that the line has to have, one on a line: the sentence, the rule, and each
# place that it names for one of these; that of the environment only if nothing else has one.
words() {
  local json text
  json=$("$root/bin/thredctl" route --json -X "$1" "$2")
  text=$("$root/bin/thredctl" route -X "$1" "$2")
  jq -r '(if .token == "none" then "no token: " + .because
          elif .token == "business" then "business token of " + .business_id
          else "partner token" end),
         (if .environment then "[environment " + .environment + "]" else empty end),
         (if .route then "[route " + .route + "]" else empty end),
         (if .file then "(" + .file + ":" + (.line | tostring) + ")" else empty end)' <<<"$json"
  sed -nE 's/^(because|route) .*(\([^ ]*:[0-9]+\))$/\2/p' <<<"$text"
}

# same NAME METHOD URL
same() {
  local lines word missing=
  lines=$(THRED_LOG=debug under curl -q -sS -o /dev/null --max-time 20 -X "$2" "$3" 2>&1 |
    grep -E '^thred-auth: debug: [A-Z]+ [a-zA-Z:]+//')
  is "$1: one line" 1 "$(grep -c . <<<"$lines")"
  while IFS= read -r word; do
    [[ $lines == *"$word"* ]] || missing+="$word; "
  done < <(words "$2" "$3")
  is "$1: has the words of thredctl route" '' "${missing:+$missing in: $lines}"
}

under curl -q -sS -o /dev/null -o /dev/null $api/businesses/$one/invoices/ $api/businesses/ # the tokens are there

same 'a business' GET $api/businesses/$one/invoices/
same 'a partner' GET $api/businesses/
same 'another method' POST $api/businesses/$one/customers
same 'tokenless' GET $api/oauth2/token
same 'http' GET http://sandbox.thredfi.com/v1/platform/businesses/
same 'a port' GET https://sandbox.thredfi.com:8443/v1/platform/businesses/
same 'a user' GET https://u:p@sandbox.thredfi.com/v1/platform/businesses/
same 'a trailing dot' GET https://sandbox.thredfi.com./v1/platform/businesses/
same 'a host without an environment' GET https://unknown.thredfi.com/v1/platform/businesses/
same 'an inactive environment' GET https://api.thredfi.com/v1/platform/businesses/
same 'an encoded slash' GET $api/businesses%2F$one/invoices/
same 'no business' GET https://sandbox.thredfi.com/v1/anything

configure "[environment sandbox]
business = $one
pin-business = yes"
same 'pinned' GET $api/businesses/$two/invoices/
same 'the default business' GET https://sandbox.thredfi.com/v1/anything
configure '[environment sandbox]
allow = business;'
same 'not allowed' GET $api/businesses/
configure "[route ours]
path = /v1/platform/businesses/$nobody/**
token = none"
same 'a rule of ours' GET $api/businesses/$nobody/invoices/

# Broken, the comparison notices.
is 'words: the sentence is among them' 'no token: the route says none' \
  "$(words GET $api/businesses/$nobody/invoices/ | head -n 1)"
finish
