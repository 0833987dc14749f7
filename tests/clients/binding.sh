# SPDX-License-Identifier: MIT
# binding.sh - sourced, after clients.sh, by the tests of libcurl in other languages: what each of them
# must show. Their clients print the status of each transfer, with spaces between; of a form they make
# the string "value" as `text`, then FILE as `file`.
#
#   CLIENT easy URL...           one handle for all, one after another
#   CLIENT multi URL...          a handle each, all at once
#   CLIENT post FILE URL         a string that the program holds
#   CLIENT form FILE URL         a form
#   CLIENT upload FILE URL       what a function of the program's reads, with no way to go back

urls=("$api/businesses/" "$api/businesses/$one/invoices/" "$api/businesses/$two/invoices/")
invoices=$api/businesses/$one/invoices/

# start_binding: what the checks below need, at Thred and elsewhere.
start_binding() {
  start_thred
  mkdir "$work/folder"
  echo hello >"$work/folder/file"
  start_elsewhere "$work/folder"
  head -c 100000 /dev/urandom | base64 >"$work/invoice"
}

# transfers NAME MODE CLIENT...
transfers() {
  local name="$1, $2" run=("${@:3}" "$2")
  begin
  is "$name" '200 200 200' "$(under "${run[@]}" "${urls[@]}" 2>&1)"
  is '  the token of each' 'business 200,partner 200' "$(seen)"
  revoke
  is "$name, revoked tokens" '200 200 200' "$(under "${run[@]}" "${urls[@]}" 2>&1)"
  is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
  begin
  is "$name: docs.thredfi.com" 200 "$(under "${run[@]}" https://docs.thredfi.com/ 2>&1)"
  is '  gets none' 'none 200' "$(seen)"
  same "$name" "${run[@]}" "$elsewhere/file" "$elsewhere/missing"
}

# body MODE: what the last request that MODE made must have brought, as "BYTES SHA256".
body() {
  if [ "$1" = form ]; then
    form "$(boundary)" text=value file=@"$work/invoice" | digest
  else
    digest <"$work/invoice"
  fi
}

# accepted NAME MODE CLIENT...
accepted() {
  begin
  is "$1, $2" 201 "$(under "${@:3}" "$2" "$work/invoice" "$invoices" 2>&1)"
  is '  takes the token of the business' 'business 201' "$(seen)"
  is '  and arrives whole' "$(body "$2")" "$(arrived)"
  same "$1, $2" "${@:3}" "$2" "$work/invoice" "$elsewhere/file"
}

# resent NAME MODE CLIENT...: a revoked token is replaced, and what is sent again is whole.
resent() {
  is "$1, $2, revoked token" 201 "$(under "${@:3}" "$2" "$work/invoice" "$invoices" 2>&1)"
  is '  is replaced inside the transfer' 'business 201,invalid 401' "$(seen)"
  is '  and it arrives whole' "$(body "$2")" "$(arrived)"
}

# sends NAME MODE CLIENT...: of what can be sent again.
sends() {
  accepted "$@"
  revoke
  resent "$@"
  when_retry_is_complete || return 0
  revoke_silently
  resent "$1, no WWW-Authenticate" "${@:2}"
}

# sends_once NAME MODE CLIENT...: of what nobody can rewind. The program gets the 401, as without us.
sends_once() {
  accepted "$@"
  when_retry_is_complete || return 0
  revoke
  is "$1, $2, revoked token: the 401 is delivered" 401 "$(under "${@:3}" "$2" "$work/invoice" "$invoices" 2>&1)"
  is '  there was one request' 'invalid 401' "$(seen)"
}

# without_challenge NAME MODE CLIENT...
without_challenge() {
  when_retry_is_complete || return 0
  revoke_silently
  is "$1, $2, revoked tokens, no WWW-Authenticate" '200 200 200' "$(under "${@:3}" "$2" "${urls[@]}" 2>&1)"
  is '  are replaced all the same' 'business 200,invalid 401,partner 200' "$(seen)"
}
