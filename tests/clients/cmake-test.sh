#!/bin/bash
# SPDX-License-Identifier: MIT
# cmake-test.sh - cmake's file(DOWNLOAD) and file(UPLOAD) under the shim. Prints TAP.
. "$(dirname "$0")/clients.sh"
need cmake curl jq /usr/bin/python3
[ -z "$asan" ] || skip_all "cmake does not run under AddressSanitizer's runtime"
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"
head -c 100000 /dev/urandom | base64 >"$work/invoice"

# Prints libcurl's code of the transfer.
cat >"$work/client.cmake" <<'CMAKE'
if(ACTION STREQUAL "DOWNLOAD")
  file(DOWNLOAD ${URL} ${FILE} STATUS status TLS_VERIFY ON TLS_CAINFO $ENV{CURL_CA_BUNDLE})
else()
  file(UPLOAD ${FILE} ${URL} STATUS status TLS_VERIFY ON TLS_CAINFO $ENV{CURL_CA_BUNDLE})
endif()
list(GET status 0 code)
message("code ${code}")
CMAKE
run() {
  "${@:4}" cmake -DACTION="$1" -DURL="$2" -DFILE="$3" -P "$work/client.cmake"
}

begin
is 'file(DOWNLOAD)' 'code 0' "$(run DOWNLOAD $api/businesses/ "$work/list" under 2>&1)"
is '  takes the partner token' 'partner 200' "$(seen)"
is '  and gets the list' true "$(jq '.count > 0' "$work/list")"
begin
is 'file(DOWNLOAD) of a business' 'code 0' "$(run DOWNLOAD $api/businesses/$one/invoices/ "$work/list" under 2>&1)"
is '  takes its token' 'business 200' "$(seen)"
revoke
is 'file(DOWNLOAD), revoked token' 'code 0' "$(run DOWNLOAD $api/businesses/$one/invoices/ "$work/list" under 2>&1)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
begin
is 'file(UPLOAD)' 'code 0' "$(run UPLOAD $api/businesses/$one/invoices/ "$work/invoice" under 2>&1)"
is '  takes the token' 'business 200' "$(seen)"
is '  and arrives whole' "$(digest <"$work/invoice")" "$(arrived)"
revoke
is 'file(UPLOAD), revoked token' 'code 0' "$(run UPLOAD $api/businesses/$one/invoices/ "$work/invoice" under 2>&1)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
is '  and it arrives whole' "$(digest <"$work/invoice")" "$(arrived)"
begin
is 'docs.thredfi.com' 'code 0' "$(run DOWNLOAD https://docs.thredfi.com/ "$work/list" under 2>&1)"
is '  gets none' 'none 200' "$(seen)"
if when_retry_is_complete; then
  revoke_silently
  is 'file(DOWNLOAD), no WWW-Authenticate' 'code 0' "$(run DOWNLOAD $api/businesses/ "$work/list" under 2>&1)"
  is '  is replaced inside the transfer' 'invalid 401,partner 200' "$(seen)"
  is '  and the list is whole' true "$(jq '.count > 0' "$work/list")"
  revoke_silently
  is 'file(UPLOAD), no WWW-Authenticate' 'code 0' "$(run UPLOAD $api/businesses/$one/invoices/ "$work/invoice" under 2>&1)"
  is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
  is '  and it arrives whole' "$(digest <"$work/invoice")" "$(arrived)"
fi
is 'no token was anywhere else' '0 0' "$(leaks)"
same 'file(DOWNLOAD)' cmake -DACTION=DOWNLOAD -DURL="$elsewhere/file" -DFILE="$work/list" -P "$work/client.cmake"
same 'file(UPLOAD)' cmake -DACTION=UPLOAD -DURL="$elsewhere/file" -DFILE="$work/invoice" -P "$work/client.cmake"
finish
