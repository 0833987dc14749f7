#!/bin/bash
# SPDX-License-Identifier: MIT
# curl-memcheck-test.sh - the curl tool under the shim and under valgrind: for `scripts/lanes memcheck`, which
# gives the command in MEMCHECK. Prints TAP.
. "$(dirname "$0")/clients.sh"
need curl jq valgrind
[ -n "${MEMCHECK-}" ] || skip_all 'it is run by scripts/lanes memcheck'
start_thred

# status ARGUMENT...: of each transfer; what valgrind finds is shown.
status() {
  LD_PRELOAD=$root/lib/thred/libthred-preload.so $MEMCHECK curl -q -sS -o "$work/body" -w '%{http_code} ' "$@" 2>&1
  echo "exit $?"
}

begin
is 'the list of businesses' '200 exit 0' "$(status $api/businesses/)"
is '  takes the partner token' 'partner 200' "$(seen)"
begin
is 'invoices of a business' '200 exit 0' "$(status $api/businesses/$one/invoices/)"
is "  take the business's token" 'business 200' "$(seen)"
revoke
is 'a revoked token, two transfers' '200 200 exit 0' \
  "$(status $api/businesses/$one/invoices/ -o "$work/other" $api/businesses/$two/invoices/)"
begin
is 'two at once' '200 200 exit 0' \
  "$(status --parallel --no-progress-meter $api/businesses/$one/invoices/ -o "$work/other" $api/businesses/$two/invoices/)"
finish
