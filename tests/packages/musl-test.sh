#!/bin/bash
# SPDX-License-Identifier: MIT
# musl-test.sh - how far musl is from here. Debian has its headers and its libc (musl-tools), but no
# libcurl, OpenSSL, GLib or json-c for it: so everything that is shipped is compiled, and nothing linked or run;
# the unit tests would need them too. Argument: a build directory, for what configuring makes. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$(dirname "$0")/../.." || exit 1
command -v musl-gcc >/dev/null || skip_all 'no musl-gcc (musl-tools)'
build=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# musl's headers first, what it has none of from Debian's.
after=()
for folder in /usr/include/glib-2.0 "$(pkg-config --variable=libdir glib-2.0)/glib-2.0/include" /usr/include/json-c \
  "/usr/include/$(gcc -print-multiarch)" /usr/include; do
  after+=(-idirafter "$folder")
done
compile() {
  musl-gcc -std=c11 -D_GNU_SOURCE -fPIC -I"$build" -I"$build/plugin/pair" -I. -Ilib/include "${after[@]}" \
    -DCURL_DISABLE_TYPECHECK -DTHRED_NO_INLINE -DPAIR_TARGET='""' "$@" 2>"$work/said"
}

# not_yet FILE: prints it if it does not compile, and every error in it that is not for want of dladdr1(3).
not_yet() {
  compile -fsyntax-only "$1" || {
    echo "$1"
    grep 'error:' "$work/said" | grep -v -e RTLD_DL_LINKMAP -e RTLD_DL_SYMENT
  }
}
git ls-files 'lib/*.c' 'plugin/*.c' 'tools/*.c' >"$work/files"
for file in $(cat "$work/files"); do
  not_yet "$file"
done >"$work/not-yet"
is "all but four of the shipped files compile, and those want glibc's dladdr1(3) alone" \
  "lib/fetch/http-tls.c lib/symbols.c lib/tls-proof.c plugin/preload/callers.c" "$(sort "$work/not-yet" | xargs)"
matches "there are files" '^[1-9][0-9]+$' "$(wc -l <"$work/files")"

finish
