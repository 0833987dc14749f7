#!/bin/bash
# SPDX-License-Identifier: MIT
# deb.sh - runs as root inside a fresh Debian, with repositories of two versions: installs, upgrades and
# downgrades while programs run under the shim, removes, purges. Prints TAP.
#
#   deb.sh PREVIOUS THIS     the versions; the older one's files are the newer one's under another name
set -u
cd "$(dirname "$0")" || exit 1
. ./../tap.sh
previous=$1 this=$2
work=$(mktemp -d) || exit 1
chmod 755 "$work"
everything='thredctl thred-emulator libthred-preload libthred-auth-dev thred-credentials-vault thred-credentials-aws'

apt_does() {
  apt-get -qy --no-install-recommends "$@" >"$work/apt" 2>&1 || { cat "$work/apt" >&2; return 1; }
}

# at VERSION: every package of ours in that version, for apt.
at() {
  local package
  for package in $everything libthred-auth0 thred-credentials; do
    echo "$package=$1"
  done
}

installed_version() {
  dpkg-query -W -f '${Version}' libthred-preload
}

# All files but what dpkg, apt and ld.so keep for themselves.
all_files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /test -o -path /var/cache -o -path /var/log \
    -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /home -o -path /root \) -prune -o -print | grep -v -x /etc/ld.so.cache | sort
}

user=(setpriv --reuid user --regid user --init-groups env HOME=/home/user)

# start NAME FD: a program of the user's under the shim, which makes a request to each URL that it reads, and
# logs to NAME.log. Its process is $started.
start() {
  mkfifo "$work/$1.in"
  "${user[@]}" THRED_LOG=warning thredctl exec -- /usr/bin/python3 "$PWD/program.py" <"$work/$1.in" >"$work/$1.out" 2>"$work/$1.log" &
  started=$!
  eval "exec $2>'$work/$1.in'"
}

more_than() {
  [ "$(wc -l <"$2")" -gt "$1" ]
}

# ask NAME FD URL: what it was answered.
ask() {
  local before
  before=$(wc -l <"$work/$1.out")
  echo "$3" >&"$2"
  until_true more_than "$before" "$work/$1.out" && tail -1 "$work/$1.out"
}

# How much of ours a process has that is not on the disk any more.
old_objects() {
  grep -c 'thred.*(deleted)' "/proc/$1/maps"
}

business=3c90c3cc-0d44-4b50-8888-8dd25736052a
api=https://sandbox.thredfi.com/v1/platform/businesses

start_thred() {
  "${user[@]}" thred-emulator --listen 127.0.0.1:0 --dir /home/user/thred >"$work/emulator" 2>&1 &
  until_true test -s /home/user/thred/port || { echo "Bail out! no emulator"; exit 1; }
  set -a
  # shellcheck disable=SC1091
  . /home/user/thred/env.sh
  set +a
}

revoke() {
  curl -q -sS --fail --noproxy '*' --cacert /home/user/thred/ca.pem -o /dev/null -X POST \
    "https://localhost:$(cat /home/user/thred/port)/_emulator/revoke"
}

# ---- a fresh system ----

all_files >"$work/before"
# shellcheck disable=SC2046
apt_does install $(at "$previous")
is "installs, with nothing but what it depends on" 0 $?
is "the previous version" "$previous" "$(installed_version)"
is "no credentials are made" no "$([ -e /etc/thred/credentials ] && echo yes || echo no)"
is "the administrator's directory is empty, and root's alone to write" "755 root root 0" \
  "$(stat -c '%a %U %G' /etc/thred/conf.d) $(find /etc/thred -type f | wc -l)"
is "what is shipped stands in /usr/lib/thred/conf.d" "10-environments.conf 20-routes.conf" \
  "$(find /usr/lib/thred/conf.d -type f -printf '%f\n' | sort | xargs)"
is "nothing is setuid, setgid or writable by others" "" \
  "$(for p in $(dpkg-query -W -f '${Package} ${Source}\n' | awk '$2 == "thred-auth" {print $1}'); do
    dpkg -L "$p"; done | sort -u | xargs -I{} find {} -maxdepth 0 ! -type l -perm /6022)"
unset LD_PRELOAD
"${user[@]}" ./demo.sh >"$work/demo"
is "the demo's requests, as an ordinary user" 0 $?
sed 's/^/    /' "$work/demo"

# ---- an upgrade while programs run ----

start_thred
start early 7
early=$started
start fresh 8
is "a program under the shim" 200 "$(ask early 7 "$api/")"
is "one that has not yet asked Thred for anything" 200 "$(ask fresh 8 https://docs.thredfi.com/)"
# shellcheck disable=SC2046
apt_does install $(at "$this")
is "upgrades" "0 $this" "$? $(installed_version)"
is "the program goes on" 200 "$(ask early 7 "$api/")"
is ".. with what it had not loaded before" 200 "$(ask early 7 "$api/$business/invoices/")"
revoke
is ".. and gets new tokens" "200 200" "$(ask early 7 "$api/") $(ask early 7 "$api/$business/invoices/")"
is "the one that had not asked yet gets its token from the new version" 200 "$(ask fresh 8 "$api/")"
start late 9
is "a new process" 200 "$(ask late 9 "$api/")"
is ".. has the new version, and nothing of the old one" 0 "$(old_objects "$started")"
is ".. which the first one has" yes "$([ "$(old_objects "$early")" -gt 0 ] && echo yes)"

# ---- an update that raises a number between the parts ----

libdir=$(dirname "$(ls /usr/lib/*/libthred-auth.so.0)")

# raise FILE TABLE: in its place by rename, as dpkg does it. put_back FILE.
raise() {
  cp --preserve=all "$(realpath "$1")" "$work/$(basename "$1")" &&
    python3 other-number.py "$1" "$(realpath "$1").dpkg-new" "$2" && mv "$(realpath "$1").dpkg-new" "$(realpath "$1")"
}
put_back() {
  mv "$work/$(basename "$1")" "$(realpath "$1")"
}

start waiting 10
waiting=$started
is "a program under the shim that has not asked Thred for anything" 200 "$(ask waiting 10 "https://localhost:$(cat /home/user/thred/port)/_emulator/counters")"
start cached 11
is "one that has its token from the cache, and fetched none" "200 0" "$(ask cached 11 "$api/") $(grep -c libthred-fetch "/proc/$started/maps")"
raise "$libdir/libthred-auth.so.0" thred_preload_api
is "a library of another lib/preload-abi.h" 0 $?
is "a program that has yet to open it goes on, without a token" "401 401" "$(ask waiting 10 "$api/") $(ask waiting 10 "$api/")"
is ".. says so once, where THRED_LOG is set" "1 1" "$(grep -c 'belongs to another version' "$work/waiting.log") $(wc -l <"$work/waiting.log")"
is ".. and one that has opened its own has its token" 200 "$(ask early 7 "$api/")"
put_back "$libdir/libthred-auth.so.0"
is "back: until it is started again" 401 "$(ask waiting 10 "$api/")"
raise "$libdir/thred/libthred-fetch.so" thred_fetch
is "a libthred-fetch.so of another lib/fetch-abi.h" 0 $?
is "the token that there is goes on" 200 "$(ask cached 11 "$api/")"
revoke
is ".. and is the last one" "401 401" "$(ask cached 11 "$api/") $(ask cached 11 "$api/")"
matches ".. as the log says" 'libthred-fetch.so belongs to another version' "$(cat "$work/cached.log")"
is "who has opened its own fetches a new one" 200 "$(ask early 7 "$api/")"
put_back "$libdir/thred/libthred-fetch.so"
is "every program still runs" yes "$(kill -0 "$early" "$waiting" "$started" && echo yes)"

# ---- and back ----

# shellcheck disable=SC2046
apt_does install --allow-downgrades $(at "$previous")
is "downgrades" "0 $previous" "$? $(installed_version)"
revoke
is "all three go on" "200 200 200" "$(ask early 7 "$api/") $(ask fresh 8 "$api/") $(ask late 9 "$api/")"
is "a new process too" 200 "$("${user[@]}" thredctl exec -- curl -sS -o /dev/null -w '%{http_code}' "$api/")"

# ---- and away ----

printf '[environment sandbox]\ncredentials = file\n' >/etc/thred/conf.d/50-sandbox.conf
(umask 077; printf 'THRED_PARTNER_UUID=..\nTHRED_API_KEY=..\n' >/etc/thred/credentials)
# shellcheck disable=SC2086
apt_does remove $everything libthred-auth0 thred-credentials
is "removes" 0 $?
is "programs that run go on" "200 200" "$(ask early 7 "$api/") $(ask fresh 8 "$api/")"
# shellcheck disable=SC2046
kill $(jobs -p)
# shellcheck disable=SC2046,SC2086
apt_does purge $everything libthred-auth0 thred-credentials
is "purges" 0 $?
apt_does autoremove --purge
all_files >"$work/after"
is "nothing is left but the administrator's files" \
  "/etc/thred /etc/thred/conf.d /etc/thred/conf.d/50-sandbox.conf /etc/thred/credentials" \
  "$(comm -13 "$work/before" "$work/after" | xargs)"
is ".. and nothing else is gone" "" "$(comm -23 "$work/before" "$work/after" | xargs)"
is "dpkg knows nothing of them" "" "$(dpkg-query -W -f '${Package} ${Source}\n' 2>/dev/null | grep thred)"
rm -rf "$work"
finish
