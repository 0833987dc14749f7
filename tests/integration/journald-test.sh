#!/bin/bash
# SPDX-License-Identifier: MIT
# journald-test.sh - the real journald takes what we log, and journalctl finds it by the commands that
# docs/logging.md shows. In a mount namespace, with the test's own /run and journal. Prints TAP.
. "$(dirname "$0")/../clients/clients.sh"
need curl journalctl

journald=/lib/systemd/systemd-journald
docs=$(realpath "$(dirname "$0")/../../docs/logging.md")
[ -x $journald ] || skip_all "no $journald"
[ -n "${THRED_TEST_ALONE-}" ] || skip_all 'no mount namespace'
[ -z "$asan" ] || skip_all 'curl hangs under AddressSanitizer'
for place in /run /var/log /var/lib/systemd /usr/lib/systemd/catalog; do
  mount -t tmpfs none $place 2>/dev/null || skip_all "no $place of its own"
done
mkdir -p /run/systemd/journal /run/log/journal /var/lib/systemd/catalog
cp "$root/lib/systemd/catalog/thred-auth.catalog" /usr/lib/systemd/catalog/
journalctl --update-catalog

$journald >"$work/journald" 2>&1 &
pids+=($!)
daemon=$!
until_true test -S /run/systemd/journal/socket || skip_all "journald does not start: $(cat "$work/journald")"

start_thred
export PATH=$root/bin:$PATH
printf '[thred]\nlog = info\n' >"$thred/conf.d/60-journald.conf"

# call: a request of an unchanged program.
call() {
  under curl -q -sS -o /dev/null $api/businesses/ 2>>"$work/curl"
}
call
chmod 644 "$thred/credentials" # which is refused
call
call

# command NUMBER: as the document shows it.
command() {
  # shellcheck disable=SC2016  # nothing to expand
  sed -n '/^```$/,/^```$/p' "$docs" | grep -v '^```' | sed -n "$1p"
}
shown() {
  bash -c "$(command "$1")" 2>&1
}
# has NUMBER TEXT...: what its output has to have in it.
has() {
  local text output
  output=$(shown "$1")
  for text in "${@:2}"; do
    is "$(command "$1"): $text" '' "$([[ $output == *"$text"* ]] || printf '%s' "$output")"
  done
}

until_true sh -c "journalctl -q THRED_EVENT=token-failure | grep -q 'no token'"
has 1 'gave a partner token' 'no token [environment sandbox]: file: '
has 2 'Subject: Requests go out without a token' 'In the environment sandbox' 'thredctl check'
has 3 'no token [environment sandbox]: file: '
is 'nothing but that' 2 "$(shown 3 | wc -l)" # one for each of the two processes
chmod 600 "$thred/credentials"
has 4 'thred-auth: debug: GET https://sandbox.thredfi.com/v1/platform/businesses/: partner token [environment sandbox]' \
  '"count":'
is 'four commands are shown' '' "$(command 5)"

# Stopped, it holds nobody up: as many lines as it has room for, and more.
kill -STOP $daemon
printf '[thred]\nlog = debug\n' >"$thred/conf.d/60-journald.conf"
mapfile -t urls < <(for i in {1..600}; do echo "$api/businesses/?$i"; done)
before=$SECONDS
is 'a stopped journald: the requests' 600 \
  "$(under curl -q -sS -w '%{http_code}\n' "${urls[@]}" 2>/dev/null | grep -c '}*200$')"
is 'a stopped journald: nobody waits' yes "$([ $((SECONDS - before)) -lt 60 ] && echo yes)"
kill -CONT $daemon
finish
