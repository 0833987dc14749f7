#!/bin/bash
# SPDX-License-Identifier: MIT
# examples-test.sh BUILT SOURCES - the programs of docs/examples, as the build made them, against the
# emulator; and the command that each shows for building it.
. "$(dirname "$0")/../clients/clients.sh"
need curl jq cc pkg-config

built=$1
sources=$2
# Their leaks count, unlike those of the programs of others.
[ -z "$asan" ] || export ASAN_OPTIONS=abort_on_error=1

# shows FILE: the command in its comment that builds it.
shows() {
  sed -n '/^ \*     c[c+]/,/^ \*$/ s/^ \*     *//p' "$sources/$1" | sed '/^\.\//d; s/\\$//' | paste -sd ' ' - | tr -s ' '
}

# builds FILE PROGRAM: by that command, with the installed thred-auth.
builds() {
  local command
  command=$(shows "$1")
  like "$1 shows how it is built" "c[c+]* $1 *-o $2*" "$command"
  (cd "$work" && cp "$sources/$1" . && PKG_CONFIG_PATH=$root/lib/pkgconfig bash -c "${command/ / -Wall -Wextra -Werror }") \
    >"$work/cc.log" 2>&1
  # What ld says of AddressSanitizer's runtime is not about the example.
  is '  and so it is, without a warning' '0 ' "$? $(grep -v 'libasan' "$work/cc.log")"
}

# flushed: no token is known any more.
flushed() {
  "$root/bin/thredctl" flush >/dev/null
  begin
}

token_requests() {
  control counters | jq -r '.token_requests | "\(.partner) \(.business)"'
}

# example NAME ARGUMENT...: what it says, its exit status at the end.
example() {
  local status=0
  "$built/$1" "${@:2}" >"$work/said" 2>&1 || status=$?
  cat "$work/said"
  echo "exit $status"
}

start_thred
partner=$api/businesses/
invoices=$api/businesses/$one/invoices/

# ---- books.c ----

builds books.c books
flushed
like 'books: partner, business, business' \
  "*200 GET $partner*201 POST $invoices*200 GET $api/businesses/$two/bills/*exit 0" \
  "$(example books GET "$partner" POST "$invoices" GET "$api/businesses/$two/bills/")"
is '  the token of each' 'business 200,business 201,partner 200' "$(seen)"
revoke
like '  revoked tokens are replaced inside the transfers' '*200 GET*exit 0' "$(example books GET "$partner")"
is '  as the emulator saw it' 'invalid 401,partner 200' "$(seen)"
like '  a status that is none of success' '*401 GET *exit 1' "$(example books GET "$api/nothing/")"
like '  no server' '*books: https://127.0.0.1:1/: *exit 1' "$(https_proxy='' example books GET https://127.0.0.1:1/)"
like '  a word too few' 'usage: *exit 2' "$(example books GET)"

# ---- many.c: each token takes a second, and the loop goes on ----

builds many.c many
flushed
control 'set?delay_ms=1000' -X POST >/dev/null
said=$(example many 60 "$partner" "$invoices")
like 'many: all at once' '60 of 60 requests succeeded; *exit 0' "$said"
is '  the token of each' 'business 200,partner 200' "$(seen)"
is '  one request for each token' '1 1' "$(token_requests)"
pause=$(sed -n 's/.*held up for \([0-9]*\) ms.*/\1/p' <<<"$said")
is '  nor was the loop held up by one' yes "$([ "${pause:-9999}" -lt 900 ] && echo yes || echo "$pause ms")"
begin
like '  some that fail' '*nothing/: status 401*15 of 30 requests succeeded; *exit 1' "$(example many 30 "$partner" "$api/nothing/")"
like '  a word too few' 'usage: *exit 2' "$(example many 10)"

# ---- ledger.cpp ----

if [ -x "$built/ledger" ] && command -v c++ >/dev/null; then
  builds ledger.cpp ledger
  flushed
  like 'ledger: an entry, and the accounts' '{*}*exit 0' "$(example ledger "$one")"
  is '  the token of the business' 'business 200,business 201' "$(seen)"
  is '  its own headers went along' 'application/json ledger-example-1' \
    "$(control requests | jq -r '.[] | .headers | select(."idempotency-key") | "\(."content-type") \(."idempotency-key")"')"
  revoke
  like '  revoked tokens are replaced inside the transfers' '{*}*exit 0' "$(example ledger "$one")"
  is '  as the emulator saw it' 'business 200,business 201,invalid 401' "$(seen)"
  like '  a business that is none of ours' 'ledger: status 401: *exit 1' \
    "$(example ledger 99999999-9999-4999-8999-999999999999)"
  like '  a word too few' 'usage: *exit 2' "$(example ledger)"
else
  skip 'ledger' 'no curlpp, or no C++ compiler'
fi

# ---- get-token.c ----

if [ ! -x "$built/get-token" ]; then
  skip 'get-token' 'no libmicrohttpd, or an old one'
  finish
  exit
fi
builds get-token.c get-token
flushed
# As its comment says: the partner token stays inside the library.
sed -n 's/^ \* *\(\[environment .*\]\)/\1/p; s/^ \* *\(allow = .*\)/\1/p' "$sources/get-token.c" |
  install -m 600 /dev/stdin "$thred/conf.d/60-allow.conf"
is 'get-token shows a configuration' 2 "$(wc -l <"$thred/conf.d/60-allow.conf")"
known=1111222233334444555566667777888899990000
other=aaaabbbbccccddddeeeeffff0000111122223333
lost=lostlostlostlostlostlostlostlostlostlost
printf '%s\n' "$known $one" "$other $two" "$lost 99999999-9999-4999-8999-999999999999" "short $one" >"$work/sessions"
"$built/get-token" 0 "$work/sessions" >"$work/get-token.out" 2>"$work/get-token.err" &
service=$!
pids+=($service)
until_true test -s "$work/get-token.out" || bail_out "get-token: $(cat "$work/get-token.err")"
url=$(cat "$work/get-token.out")

# ask CURL_ARGUMENT...: the body; its status and headers in $work/head.
ask() {
  curl -q -s --noproxy '*' --max-time 20 -D "$work/head" "$@" "$url"
}
status() {
  sed -n '1s/[^ ]* \([0-9]*\).*/\1/p' "$work/head"
}

answer=$(ask -X POST -b "session=$known")
is 'get-token: a session that it knows' '200 access_token,expires_in yes' \
  "$(status) $(jq -r 'keys | join(",")' <<<"$answer") $(jq -r 'if .expires_in > 0 and .expires_in <= 3600 then "yes" else .expires_in end' <<<"$answer")"
matches '  no cache keeps it' 'Cache-Control: no-store' "$(cat "$work/head")"
is '  nor does any site get leave to read it' '' "$(grep -i access-control "$work/head")"
token=$(jq -r .access_token <<<"$answer")
reaches() {
  curl -q -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" "$1"
}
is '  the token reaches the business, no other one, and nothing of the partner' '200 403 403' \
  "$(reaches "$invoices") $(reaches "$api/businesses/$two/invoices/") $(reaches "$partner")"
is '  which the library gives to nobody here' 1 "$("$root/bin/thredctl" token --partner >/dev/null 2>&1; echo $?)"
is '  asked again, it is the same from the cache' "$token" "$(ask -X POST -b "session=$known" | jq -r .access_token)"

control 'set?delay_ms=1500' -X POST >/dev/null
ask -X POST -b "session=$other" -D "$work/slow-head" >"$work/slow" &
slow=$!
asked_for_two() { [ "$(token_requests)" = '1 2' ]; }
until_true asked_for_two
before=$(date +%s%N)
is '  while another token is fetched' "$token" "$(ask -X POST -b "session=$known" | jq -r .access_token)"
took=$((($(date +%s%N) - before) / 1000000))
is '  nobody else waits' yes "$([ $took -lt 1000 ] && kill -0 $slow 2>/dev/null && echo yes || echo "$took ms")"
wait $slow
is '  and it comes' 2 "$(jq -r 'keys | length' <"$work/slow")"
begin

# refused NAME STATUS CURL_ARGUMENT...
refused() {
  local body
  body=$(ask "${@:3}")
  is "  $1" "$2 null" "$(status) $(jq -r .access_token <<<"$body")"
}
refused 'no cookie' 401 -X POST
refused 'a wrong one' 401 -X POST -b "session=${known%0}1"
refused 'one that is too short' 401 -X POST -b session=short
refused 'an empty one' 401 -X POST -b session=
refused 'another cookie' 401 -X POST -b "other=$known"
refused 'the business that the browser wants instead' 401 -X POST -d "business=$one"
refused 'GET' 405 -b "session=$known"
refused 'a business that is none of ours' 403 -X POST -b "session=$lost"
grep -v "$known" "$work/sessions" >"$work/fewer"
cp "$work/fewer" "$work/sessions"
refused 'a session that has ended' 401 -X POST -b "session=$known"
url=${url%/getToken}/other refused 'another path' 404 -X POST -b "session=$other"
is '  no token in its log' '' "$(grep -F "${token:0:20}" "$work/get-token.err")"
kill -TERM $service
wait $service
is '  it ends when told' 0 $?

is 'no token was anywhere else' '0 0' "$(leaks)"
finish
