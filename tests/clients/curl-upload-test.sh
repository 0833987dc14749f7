#!/bin/bash
# SPDX-License-Identifier: MIT
# curl-upload-test.sh - what the curl tool sends, from files, pipes and forms, under the shim: proved by
# byte count and checksum at the server. Prints TAP.
. "$(dirname "$0")/clients.sh"
need curl jq /usr/bin/python3
[ -z "$asan" ] || skip_all "curl does not start under AddressSanitizer's runtime"
start_thred
mkdir "$work/folder"
start_elsewhere "$work/folder"
mkdir "$work/small"
head -c 300000 /dev/urandom | base64 >"$work/upload"
head -c 1000 "$work/upload" >"$work/small/upload"
invoices=$api/businesses/$one/invoices/

# send CURL_ARGUMENT...: by curl under the shim; prints the status, and whatever is on stderr.
send() {
  under curl -q -sS -o /dev/null -w '%{http_code}' "$@" "$invoices" 2>&1
}

# The ways to send $from, each a function of the command that runs curl.
from_file() { "$@" -X POST -T "$from"; }
from_stdin() { "$@" -X POST -T - <"$from"; }
from_pipe() { cat "$from" | "$@" -X POST -T -; }
as_data() { "$@" --data-binary @"$from"; }
as_form() { "$@" -F text=value -F file=@"$from"; }
as_form_from_pipe() { cat "$from" | "$@" -F text=value -F 'file=@-;filename=upload;type=application/octet-stream'; }
from=$work/upload

# body HOW: what the last request must have brought.
body() {
  case $1 in
  as_form*) form "$(boundary)" text=value file=@"$from" | digest ;;
  *) digest <"$from" ;;
  esac
}


# sent NAME HOW
sent() {
  begin
  is "$1" 201 "$($2 send)"
  is '  takes the token of the business' 'business 201' "$(seen)"
  is '  and arrives whole' "$(body "$2")" "$(arrived)"
}

# sent_again NAME HOW: after `revoke`.
sent_again() {
  is "$1" 201 "$($2 send)"
  is '  is replaced inside the transfer' 'business 201,invalid 401' "$(seen)"
  is '  and it arrives whole' "$(body "$2")" "$(arrived)"
}

for how in from_file from_stdin as_data as_form as_form_from_pipe; do
  sent "$how" $how
  revoke
  sent_again "$how, revoked token" $how
done
sent from_pipe from_pipe
is 'no token was anywhere else' '0 0' "$(leaks)"

# By a shell of its own, so that there is a pipe for each run; and little, so that it comes out of it in one
# piece: libcurl makes chunks of what it reads.
from=$work/small/upload
export elsewhere from
export -f from_file from_stdin from_pipe as_data as_form as_form_from_pipe
for how in from_file from_stdin from_pipe as_data as_form as_form_from_pipe; do
  same "$how" bash -c "$how curl -q -sS \"\$elsewhere/file\""
done

from=$work/upload

# What libcurl cannot do by itself.
if when_retry_is_complete; then
  for how in from_file from_stdin as_data as_form as_form_from_pipe; do
    revoke_silently
    sent_again "$how, revoked token, no WWW-Authenticate" $how
  done
  # Nobody can read a pipe again. What comes is a 401, with all that was sent or nothing, and curl's own.
  for how in revoke revoke_silently; do
    $how
    is "from_pipe, $how: the 401 is delivered" 401 "$(from_pipe send)"
    is '  there was one request, and it was whole' "invalid 401 $(body from_pipe)" \
      "$(control requests | jq -r '.[] | select(.target | test("/oauth2/token/") | not) |
        "\(.kind) \(.status) \(.body_bytes) \(.body_sha256)"')"
  done
fi
finish
