#!/bin/bash
# SPDX-License-Identifier: MIT
# curl-test.sh - the curl tool, one transfer and many, under the shim. Prints TAP.
. "$(dirname "$0")/clients.sh"
need curl jq /usr/bin/python3
[ -z "$asan" ] || skip_all "curl does not start under AddressSanitizer's runtime"
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"

# status URL... : of each transfer, by curl under the shim; anything on stderr is shown.
status() {
  under curl -q -sS -o /dev/null -w '%{http_code} ' "$@" 2>&1
}

begin
is 'without the shim there is no token' '401 ' "$(curl -q -sS -o /dev/null -w '%{http_code} ' $api/businesses/)"
begin
is 'the list of businesses' '200 ' "$(status $api/businesses/)"
is '  takes the partner token' 'partner 200' "$(seen)"
begin
is 'invoices of a business' '200 ' "$(status $api/businesses/$one/invoices/)"
is "  take the business's token" 'business 200' "$(seen)"
begin
is 'a POST' '201 ' "$(status -d '{"amount":1}' -H 'Content-Type: application/json' $api/businesses/$one/invoices/)"
is '  takes it too' 'business 201' "$(seen)"

revoke
is 'a revoked token' '200 ' "$(status $api/businesses/$one/invoices/)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
revoke
is 'a revoked token, with --fail' '200 ' "$(status --fail $api/businesses/$one/invoices/)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
revoke
is 'a revoked token, several transfers over one handle' '200 200 200 ' \
  "$(status $api/businesses/ -o /dev/null $api/businesses/$one/invoices/ -o /dev/null $api/businesses/$two/invoices/)"
is 'the body is that of the last answer alone' 0 \
  "$(revoke; under curl -q -sS $api/businesses/ | jq -e '.count > 0 and (has("error") | not)' >/dev/null; echo $?)"

under curl -q -sS -o /dev/null $api/businesses/$one/invoices/
begin
urls=()
for i in $(seq 100); do urls+=(-o /dev/null "$api/businesses/$one/invoices/?n=$i" -o /dev/null "$api/businesses/?n=$i"); done
all_good=$(printf '200 %.0s' $(seq 200))
is 'curl -Z: 200 transfers' "$all_good" "$(under curl -q -sS -Z -w '%{http_code} ' "${urls[@]}" 2>/dev/null)"
is '  with the token of each' 'business 200,partner 200' "$(seen)"
is '  in as many requests' 200 "$(control counters | jq .requests)"
revoke
is 'curl -Z: 200 transfers, revoked tokens' "$all_good" \
  "$(under curl -q -sS -Z -w '%{http_code} ' "${urls[@]}" 2>/dev/null)"
is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"

begin
is 'docs.thredfi.com' '200 ' "$(status https://docs.thredfi.com/)"
is '  gets none' 'none 200' "$(seen)"
begin
status -H 'Authorization: Bearer mine' $api/businesses/ >/dev/null
is 'its own header stays' 'invalid 401' "$(seen)"
begin
status -u me:secret $api/businesses/ >/dev/null
is 'its own password stays' 'basic 401' "$(seen)"
begin
status -H 'Authorization:' $api/businesses/ >/dev/null
is 'none, when it says so' 'none 401' "$(seen)"
begin
status -k $api/businesses/ >/dev/null
is 'none without verification' 'none 401' "$(seen)"
begin
echo 'machine other.example login me password secret' >"$work/netrc"
status -n --netrc-file "$work/netrc" $api/businesses/ >/dev/null
is 'a netrc file with others in it is none of its own' 'partner 200' "$(seen)"
begin
status -n --netrc-file <(echo 'machine sandbox.thredfi.com login me password secret') $api/businesses/ >/dev/null
is 'a netrc file through a pipe is left to curl' 'basic 401' "$(seen)"
begin
control "fault?host=evil.example&path=/&action=redirect&status=307&to=$api/businesses/" -X POST >/dev/null
is 'a redirect from elsewhere' '401 ' "$(status -L https://evil.example/)"
is '  brings none' 'none 307,none 401' "$(seen)"
begin
control "fault?host=sandbox.thredfi.com&path=/v1&action=redirect&status=307&to=https://evil.example/" -X POST >/dev/null
is 'a redirect to elsewhere' '200 ' "$(status -L $api/businesses/)"
is '  takes none along' 'none 200,partner 307' "$(seen)"
begin
control "fault?host=sandbox.thredfi.com&path=/v1&action=redirect&status=307&to=$api/businesses/$one/invoices/" -X POST >/dev/null
is 'a redirect to another path' '200 ' "$(status -L $api/businesses/)"
is '  gets the token of that' 'business 200,partner 307' "$(seen)"
is 'no token was anywhere else' '0 0' "$(leaks)"

same 'curl' curl -q -sS "$elsewhere/file"
same 'curl -u' curl -q -sS -u me:secret "$elsewhere/file"
same 'curl -H' curl -q -sS -H 'Authorization: Bearer x' "$elsewhere/file?thredfi.com"
same 'curl -d' curl -q -sS -d a=b "$elsewhere/file"
same 'curl -f of what is missing' curl -q -sS -f "$elsewhere/missing"
# Its progress meter shows times.
same 'curl -Z' sh -c 'exec curl -q -s -Z -o /dev/null -o /dev/null -o /dev/null "$@" 2>/dev/null' - "$elsewhere/file" "$elsewhere/file?2" "$elsewhere/missing"
finish
