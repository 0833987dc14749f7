#!/bin/bash
# SPDX-License-Identifier: MIT
# rpm.sh - runs as root inside a fresh Debian: the files of the .rpm packages in /test/rpms are installed, used,
# replaced while a program runs, and removed. Prints TAP.
set -u
cd "$(dirname "$0")" || exit 1
. ./../tap.sh
work=$(mktemp -d) || exit 1
chmod 755 "$work"
user=(setpriv --reuid user --regid user --init-groups env HOME=/home/user)
names() {
  rpm -qp --qf '%{NAME}\n' /test/rpms/*.rpm
}
all_files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /test -o -path /var -o -path /home \
    -o -path /root \) -prune -o -print | sort
}

mkdir -p /usr/lib64/pkgconfig /usr/share/licenses # which are Fedora's own
all_files >"$work/before"
said=$(rpm -i --force-debian --nodeps /test/rpms/*.rpm 2>&1)
is "installs" "0 " "$? $said"
is "no credentials are made" no "$([ -e /etc/thred/credentials ] && echo yes || echo no)"
is "the administrator's directory is empty, and root's alone to write" "755 root root 0" \
  "$(stat -c '%a %U %G' /etc/thred/conf.d) $(find /etc/thred -type f | wc -l)"
is "every file is as it was packed" "" "$(rpm -V --nodeps $(names) 2>&1)"
is "nothing provides a libcurl" "" "$(rpm -qp --provides /test/rpms/*.rpm | grep -i '^libcurl')"
is "the shim's package needs libc and the library's package alone" "libc rtld thred-auth-libs" \
  "$(rpm -qp --requires /test/rpms/thred-auth-preload-*.rpm | grep -v '^rpmlib' | sed 's/[.(].*//; s/ .*//' | sort -u | xargs)"
"${user[@]}" SHIM=/usr/lib64/thred/libthred-preload.so ./demo.sh >"$work/demo"
is "the demo's requests, as an ordinary user" 0 $?
sed 's/^/    /' "$work/demo"

"${user[@]}" thred-emulator --listen 127.0.0.1:0 --dir /home/user/thred >"$work/emulator" 2>&1 &
until_true test -s /home/user/thred/port || { echo "Bail out! no emulator"; exit 1; }
set -a
# shellcheck disable=SC1091
. /home/user/thred/env.sh
set +a
mkfifo "$work/in"
"${user[@]}" thredctl exec -- /usr/bin/python3 "$PWD/program.py" <"$work/in" >"$work/out" 2>&1 &
exec 7>"$work/in"
lines() {
  [ "$(wc -l <"$work/out")" = "$1" ]
}
api=https://sandbox.thredfi.com/v1/platform/businesses/
echo $api >&7
until_true lines 1
said=$(rpm -U --force-debian --replacepkgs --nodeps /test/rpms/*.rpm 2>&1)
is "replaced while a program runs" "0 " "$? $said"
echo $api >&7
until_true lines 2
is ".. which goes on" "200 200" "$(xargs <"$work/out")"
# shellcheck disable=SC2046
kill $(jobs -p)

printf '[environment sandbox]\ncredentials = file\n' >/etc/thred/conf.d/50-sandbox.conf
# shellcheck disable=SC2046
said=$(rpm -e --force-debian --nodeps $(names) 2>&1)
is "removes" 0 "$?"
all_files >"$work/after"
is "nothing is left but the administrator's files" "/etc/thred /etc/thred/conf.d /etc/thred/conf.d/50-sandbox.conf" \
  "$(comm -13 "$work/before" "$work/after" | xargs)"
is ".. and nothing else is gone" "" "$(comm -23 "$work/before" "$work/after" | xargs)"
finish
