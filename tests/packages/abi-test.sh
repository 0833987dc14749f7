#!/bin/bash
# SPDX-License-Identifier: MIT
# abi-test.sh - the library's interface is still that of the last release (packaging/abi). Argument: the
# library as it was built, with its debugging information. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
here=$(cd "$(dirname "$0")" && pwd)
abi=$here/../../scripts/abi
command -v abidiff >/dev/null || skip_all 'no abidiff (abigail-tools)'
case $(ldd "$1") in *libasan*) skip_all 'a build with a sanitizer is not what is released' ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

said=$("$abi" "$1" 2>&1)
status=$?
[ $status != 77 ] || skip_all "$said"
is "what programs were built with is there, and as it was" 0 "$([ $status = 0 ] && echo 0 || echo "$said")"

# The same check says so of a library in which a function is gone, or has another argument.
printf 'const char *thred_version(void) { return ""; }\n' >"$work/less.c"
cc -shared -fPIC -g "$work/less.c" -o "$work/less.so" 2>/dev/null
like "a function that is gone is found" '*thred_curl_attach*' "$("$abi" "$work/less.so" 2>&1)"
printf 'THRED_0 { thred_strerror; };\n' >"$work/other.map"
printf 'const char *thred_strerror(long code) { return code ? "" : 0; }\n' >"$work/other.c"
cc -shared -fPIC -g "$work/other.c" -Wl,--version-script="$work/other.map" -o "$work/other.so" 2>/dev/null
like "one with another argument is found" "*thred_strerror(*int*long*" "$("$abi" "$work/other.so" 2>&1 | tr '\n' ' ')"
finish
