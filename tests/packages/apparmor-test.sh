#!/bin/bash
# SPDX-License-Identifier: MIT
# apparmor-test.sh - packaging/apparmor: AppArmor's parser takes the abstraction, and it covers every file that
# curl opens under the shim and not without it. Of the installation in THRED_TEST_ROOT, which stands for
# /usr. Whether a kernel then lets it is not seen here: it need not have AppArmor. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] || skip_all 'THRED_TEST_ROOT names no installation'
packaging=$(cd "$(dirname "$0")/../../packaging/apparmor" && pwd)
for program in strace apparmor_parser curl; do
  command -v $program >/dev/null || skip_all "no $program"
done
case $(ldd "$root/lib/thred/libthred-preload.so") in *libasan*) skip_all 'a build with a sanitizer opens more' ;; esac
work=$(mktemp -d) || exit 1
emulator=
cleanup() {
  [ -z "$emulator" ] || { kill "$emulator" && wait "$emulator"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

is "the parser takes it" "" "$(apparmor_parser --skip-kernel-load --skip-cache --abort-on-error --base /etc/apparmor.d \
  -I "$packaging" "$packaging/example" 2>&1 | grep -v '^Cache read/write disabled')"

"$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$work/thred" >/dev/null 2>&1 &
emulator=$!
until_true test -s "$work/thred/port" || { echo "Bail out! no emulator"; exit 1; }
# shellcheck disable=SC1091
. "$work/thred/env.sh"

# opened COMMAND...: the files that it opens, itself and its threads; a number for each that is one.
opened() {
  strace -f -qq -e trace=open,openat,openat2,link,linkat -o "$work/trace" "$@" >"$work/status" 2>/dev/null
  grep -v -e ENOENT -e O_TMPFILE "$work/trace" | sed '/O_DIRECTORY/s,\("/[^"]*\)",\1/",' | grep -o '"/[^"]*"' | tr -d '"' |
    sed "s,^$root/,/usr/,; s,//*,/,g; s,^/proc/[0-9]*/,/proc/self/," | sort -u
}

request() {
  opened "$@" -sS -o /dev/null -w '%{http_code}' https://sandbox.thredfi.com/v1/platform/businesses/
}

# What the abstraction's rules say, as regular expressions; then those of abstractions/base and openssl
# that matter here; the rest is this test's own emulator and its links of a descriptor.
rules() {
  sed -n 's/^ *\(owner \)\{0,1\}\([@/][^ ]*\) [rwlkm]*,$/\2/p' "$packaging/abstractions/thred" |
    sed 's/@{multiarch}/[^\/]*-linux-gnu[^\/]*/g; s/@{PROC}/\/proc/g; s/@{pid}/(self|[0-9]+)/g; s/@{HOME}/\/(root|home\/[^\/]+)/g
      s/\./\\./g; s/{/(/g; s/}/)/g; s/,/|/g; s/\*\*/\x01/g; s/\([^]]\)\*/\1[^\/]*/g; s/\x01/.*/g'
  printf '%s\n' '/(usr/)?lib/.*\.so[.0-9]*' '/etc/ld\.so\.cache' '/etc/ssl/openssl\.cnf' '/usr/lib/ssl/openssl\.cnf' \
    '/proc/self/(fd/[0-9]+|maps|auxv)' '/proc/sys/vm/overcommit_memory' "$work/.*"
}

rules >"$work/rules"
request curl >"$work/plain"
request env LD_PRELOAD="$root/lib/thred/libthred-preload.so" curl | comm -13 "$work/plain" - >"$work/more"
is "curl gets its token" 200 "$(cat "$work/status")"
matches "it opens the shim" '/usr/lib/thred/libthred-preload.so' "$(cat "$work/more")"
is "every file that it opens has its rule" "" "$(grep -v -x -E -f "$work/rules" "$work/more")"
finish
