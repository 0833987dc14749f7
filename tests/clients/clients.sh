# SPDX-License-Identifier: MIT
# clients.sh - sourced by the tests of real programs: an emulator that looks to them as if it were Thred,
# `under` to run them under the shim, and a server that keeps the bytes of what is not for Thred.
set -u
. "$(dirname "$0")/../tap.sh"

# A cache of its own, where it may have one: the tests of other programs run at the same time.
if [ -z "${THRED_TEST_ALONE-}" ] && unshare -m true 2>/dev/null; then
  # shellcheck disable=SC2016  # the inner shell expands it
  THRED_TEST_ALONE=yes exec unshare -m sh -c 'mount -t tmpfs none /dev/shm; exec "$0" "$@"' "$0" "$@"
fi

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
work=$(mktemp -d) || exit 1
thred=$work/thred
pids=()

cleanup() {
  local pid
  for pid in "${pids[@]}"; do
    { kill "$pid" && wait "$pid"; } 2>/dev/null
  done
  rm -rf "$work"
}
trap cleanup EXIT

bail_out() {
  echo "Bail out! $1"
  exit 1
}

# Nothing of the user's own may count.
unset THRED_LOG THRED_DISABLE THRED_BUSINESS_ID THRED_PARTNER_UUID THRED_API_KEY LD_PRELOAD \
  http_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY SSLKEYLOGFILE
export HOME=$work/home LC_ALL=C GIT_CONFIG_NOSYSTEM=1
mkdir "$HOME"

# A shim that was built with AddressSanitizer brings its runtime, which must be there from the start. Many
# programs of Debian 12 hang in it by themselves (curl, in setlocale); those tests are skipped.
asan=$(ldd "$root/lib/thred/libthred-preload.so" | sed -n 's/.*libasan.* => \([^ ]*\).*/\1/p')
if [ -n "$asan" ]; then
  export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0:abort_on_error=1
fi

# need PROGRAM...: the test is skipped without one of them.
need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || skip_all "no $program"
  done
}

# under COMMAND...: as a user would run it.
under() {
  LD_PRELOAD=$asan "$root/bin/thredctl" exec -- "$@"
}

# start_thred ARGUMENT...: the emulator; its env.sh leads every program of this shell there.
start_thred() {
  "$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$thred" "$@" >"$work/emulator.log" 2>&1 &
  pids+=($!)
  until_true test -s "$thred/port" || bail_out "the emulator does not start: $(cat "$work/emulator.log")"
  . "$thred/env.sh"
}

control() {
  curl -q -sS --fail --noproxy '*' --cacert "$thred/ca.pem" \
    "https://127.0.0.1:$(cat "$thred/port")/_emulator/$1" "${@:2}"
}

one=3c90c3cc-0d44-4b50-8888-8dd25736052a
two=11111111-1111-4111-8111-111111111111
api=https://sandbox.thredfi.com/v1/platform

# begin: what comes now starts with an empty log; the cache stays as it is.
begin() {
  control reset -X POST >/dev/null
}

# revoke: tokens that every cache believes in. They are new ones, since what follows a 401 is limited to ten
# token requests a minute; but where others use the cache, it stays as it is.
revoke() {
  local token
  [ -z "${THRED_TEST_ALONE-}" ] || "$root/bin/thredctl" flush >/dev/null
  for token in --partner "--business=$one" "--business=$two"; do
    "$root/bin/thredctl" token "$token" >/dev/null
  done
  begin
  control revoke -X POST >/dev/null
}

# revoke_silently: and a 401 has no WWW-Authenticate (RFC 9110, 11.6.1, wants one).
revoke_silently() {
  revoke
  control 'set?www_authenticate=no' -X POST >/dev/null
}

# seen: what the emulator answered since, but for token requests: "KIND STATUS", each once, a line each.
seen() {
  control requests | jq -r '.[] | select(.target | test("/oauth2/token/") | not) | "\(.kind) \(.status)"' |
    sort | uniq | paste -sd, -
}

# digest: of stdin, as "BYTES SHA256".
digest() {
  local bytes
  bytes=$(tee "$work/digested" | wc -c)
  echo "$bytes $(sha256sum <"$work/digested" | cut -d' ' -f1)"
}

# arrived: the body of each request that was taken, but for token requests: as `digest` has it, a line each.
arrived() {
  control requests | jq -r '.[] | select(.target | test("/oauth2/token/") | not) | select(.status < 300) |
    "\(.body_bytes) \(.body_sha256)"'
}

# boundary: of the form in the last request.
boundary() {
  control requests | jq -r '.[-1].headers["content-type"]' | sed 's/.*boundary=//'
}

# form BOUNDARY NAME=VALUE|NAME=@FILE...: a form as libcurl writes it (RFC 7578).
form() {
  local boundary=$1 part
  shift
  for part; do
    printf -- '--%s\r\nContent-Disposition: form-data; name="%s"' "$boundary" "${part%%=*}"
    case $part in
    *=@*)
      printf '; filename="%s"\r\nContent-Type: application/octet-stream\r\n\r\n' "$(basename "$part")"
      cat "${part#*=@}"
      ;;
    *) printf '\r\n\r\n%s' "${part#*=}" ;;
    esac
    printf '\r\n'
  done
  printf -- '--%s--\r\n' "$boundary"
}

# when_retry_is_complete: guards the checks of the retry where libcurl has none of its own, which is being
# built: THRED_TEST_RETRY=1 runs them.
when_retry_is_complete() {
  [ -n "${THRED_TEST_RETRY-}" ]
}

# leaks: tokens where none may be.
leaks() {
  control counters | jq -r '"\(.foreign_authorization) \(.connect_authorization)"'
}

# start_elsewhere FOLDER: a server that is not Thred's; sets elsewhere.
start_elsewhere() {
  /usr/bin/python3 "$(dirname "$0")/capture.py" "$1" "$work/captured" "$work/elsewhere-port" 2>"$work/capture.log" &
  pids+=($!)
  until_true test -s "$work/elsewhere-port" || bail_out "capture.py: $(cat "$work/capture.log")"
  elsewhere=http://127.0.0.1:$(cat "$work/elsewhere-port")
}

# record COMMAND...: its status, its output and what it sent, as one text.
record() {
  rm -f "$work"/captured.*
  "$@" >"$work/out" 2>"$work/err"
  echo "status $?"
  md5sum <"$work/out"
  cat "$work/err"
  # Sorted: what is sent at the same time comes in any order.
  for request in "$work"/captured.*; do
    # libcurl draws the boundary of each form by lot.
    [ -f "$request" ] && sed -E 's/-{24}[0-9a-f]{16}/boundary/g' "$request" | base64 -w0 && echo
  done | sort
}

# same NAME COMMAND...: to a host that is not Thred's, nothing is other than without the shim.
same() {
  local name=$1 without with
  shift
  without=$(record "$@")
  with=$(record under "$@")
  is "$name: status, output and bytes as without the shim" "$without" "$with"
  matches "$name: something was sent" $'\n[A-Za-z0-9+/=]{40,}' "$without"
}
