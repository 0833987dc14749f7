#!/bin/bash
# SPDX-License-Identifier: MIT
# two-architectures.sh - runs as root inside a Debian of amd64 and i386, where curl is a program of 32 bits and
# Python one of 64: the packages of both are installed together, and one LD_PRELOAD does for both. Prints TAP.
set -u
cd "$(dirname "$0")" || exit 1
. ./../tap.sh
work=$(mktemp -d) || exit 1
user=(setpriv --reuid user --regid user --init-groups env HOME=/home/user)

apt-get -qy --no-install-recommends install libthred-preload libthred-preload:i386 thred-credentials:i386 \
  thredctl thred-emulator >"$work/apt" 2>&1
is "the shims of both are installed" 0 $?
is ".. each in its folder" "i386-linux-gnu x86_64-linux-gnu" "$(cd /usr/lib && ls -d *-linux-gnu/thred | cut -d/ -f1 | xargs)"

"${user[@]}" thred-emulator --listen 127.0.0.1:0 --dir /home/user/thred >"$work/emulator" 2>&1 &
until_true test -s /home/user/thred/port || { echo "Bail out! no emulator"; exit 1; }
set -a
# shellcheck disable=SC1091
. /home/user/thred/env.sh
set +a
api=https://sandbox.thredfi.com/v1/platform/businesses/
# shellcheck disable=SC2016
shim='LD_PRELOAD=/usr/$LIB/thred/libthred-preload.so'
is "curl is of 32 bits" 1 "$(od -An -tu1 -j4 -N1 "$(command -v curl)" | xargs)"
is ".. and gets its token" 200 "$("${user[@]}" "$shim" curl -sS -o /dev/null -w '%{http_code}' $api 2>&1)"
is "Python is of 64 bits" 2 "$(od -An -tu1 -j4 -N1 "$(readlink -f /usr/bin/python3)" | xargs)"
is ".. and gets its token" 200 "$(echo $api | "${user[@]}" "$shim" python3 program.py 2>&1)"
is "each has a cache of its own" 2 "$(find /dev/shm -name 'thred-auth-v*' | wc -l)"
matches "thredctl doctor says which shim a program of 32 bits wants" '32|i386|architecture' "$("${user[@]}" thredctl doctor curl 2>&1)"
# shellcheck disable=SC2046
kill $(jobs -p)
finish
