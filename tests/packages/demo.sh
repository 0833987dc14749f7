#!/bin/bash
# SPDX-License-Identifier: MIT
# demo.sh - the demo's requests by an ordinary user, with what packages have installed and nothing else:
# the programs of PATH, the shim by the path that an administrator writes. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
unset THRED_CONF_DIR THRED_PARTNER_UUID THRED_API_KEY THRED_BUSINESS_ID THRED_LOG LD_PRELOAD

work=$(mktemp -d) || exit 1
thred=$work/thred
emulator=
cleanup() {
  [ -z "$emulator" ] || { kill "$emulator" && wait "$emulator"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

thred-emulator --listen 127.0.0.1:0 --dir "$thred" >"$work/emulator.log" 2>&1 &
emulator=$!
until_true test -s "$thred/port" || { echo "Bail out! $(cat "$work/emulator.log")"; exit 1; }
# shellcheck disable=SC1091
. "$thred/env.sh"

api=https://sandbox.thredfi.com/v1/platform
one=3c90c3cc-0d44-4b50-8888-8dd25736052a
two=11111111-1111-4111-8111-111111111111

control() {
  curl -q -sS --fail --noproxy '*' --cacert "$thred/ca.pem" "https://localhost:$(cat "$thred/port")/_emulator/$1" "${@:2}"
}

# status COMMAND...: what the server answered to the curl that COMMAND runs.
status() {
  "$@" -sS -o /dev/null -w '%{http_code}' 2>&1
}

# The last request that the emulator saw: which token it carried, and what it got.
last_request() {
  control requests | jq -r '.[-1] | "\(.kind) \(.status)"'
}

token_requests() {
  control counters | jq -c '[.token_requests.partner, .token_requests.business]'
}

is "without it, Thred refuses" 401 "$(status curl "$api/businesses/")"
is "thredctl exec -- curl" 200 "$(status thredctl exec -- curl "$api/businesses/")"
is ".. with the partner token" "partner 200" "$(last_request)"
for business in $one $two; do
  is "an invoice for $business" 201 "$(status thredctl exec -- curl -d '{"amount": 1999}' "$api/businesses/$business/invoices/")"
  is ".. with a business token" "business 201" "$(last_request)"
done
is "the documentation's host gets none" "200 none 200" \
  "$(status thredctl exec -- curl https://docs.thredfi.com/) $(last_request)"
is "one request for each token" '[1,2]' "$(token_requests)"

# What ld.so makes of $LIB is the folder of the program's own architecture.
# shellcheck disable=SC2016
shim=${SHIM-/usr/'$LIB'/thred/libthred-preload.so}
is "LD_PRELOAD=$shim" 200 "$(status env "LD_PRELOAD=$shim" curl "$api/businesses/")"

before=$(token_requests)
copies=()
for _ in $(seq 20); do
  thredctl exec -- curl -sS --fail -o /dev/null "$api/businesses/" 2>>"$work/copies" &
  copies+=($!)
done
good=0
for copy in "${copies[@]}"; do
  wait "$copy" && good=$((good + 1))
done
is "twenty copies at once" 20 "$good"
is ".. and no further token request" "$before" "$(token_requests)"

control revoke -X POST >/dev/null
is "every token is revoked, and curl does not notice" 200 "$(status thredctl exec -- curl "$api/businesses/")"
is ".. of which the server knows" true "$(control counters | jq '.unauthorized > 1')"
is "thredctl token --header | curl -H @-" 200 "$(thredctl token --header --partner |
  status curl -H @- "$api/businesses/")"
like "thredctl route names rule, file and line" '*/usr/lib/thred/conf.d/20-routes.conf*' \
  "$(thredctl route -X POST "$api/businesses/$one/invoices/")"
thredctl check >"$work/check" 2>&1
is "thredctl check" 0 $?
thredctl doctor curl >"$work/doctor" 2>&1
is "thredctl doctor curl" 0 $?
is "no token outside its audience" 0 "$(control counters | jq .foreign_authorization)"
finish
