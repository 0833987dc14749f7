#!/bin/bash
# SPDX-License-Identifier: MIT
# hardening-test.sh - how every shipped object is linked and compiled, as readelf shows it; and a bad one,
# made here, in which each of the checks finds its fault. Prints TAP.
#
# Each check is a function that prints what is wrong with an object: nothing, if it is as it should be.
# THRED_TEST_FORTIFIED is "yes" if the build is one in which _FORTIFY_SOURCE works (meson.build).
set -u
. "$(dirname "$0")/../tap.sh"
export LC_ALL=C

root=${THRED_TEST_ROOT-}
source=$(realpath "$(dirname "$0")/../..")
[ -x "$root/bin/thredctl" ] || skip_all 'THRED_TEST_ROOT names no installation'
command -v readelf objcopy objdump strings cc >/dev/null || skip_all 'no binutils, or no compiler'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
root=$(realpath "$root")

# A sanitizer brings libraries, symbols and functions of its own.
sanitized=
! readelf --dyn-syms -W "$root/lib/thred/libthred-preload.so" | grep -qE '__(asan|tsan|ubsan|msan)_' ||
  sanitized='the build has a sanitizer'
machine=$(uname -m)

# ---- what readelf tells ----

dynamic() {
  readelf -dW "$1"
}

needed() {
  dynamic "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | paste -sd ' '
}

# symbols FILE IMPORTED|EXPORTED: NAME, with its version.
symbols() {
  readelf --dyn-syms -W "$1" | awk -v which="$2" '$1 ~ /^[0-9]+:$/ && $5 != "LOCAL" && $8 != "" &&
    ($7 == "UND") == (which == "IMPORTED") { print $8 }' | sort
}

is_program() {
  [ "$(readelf -dW "$1" | grep -c 'FLAGS_1.*PIE')" = 1 ] || readelf -lW "$1" | grep -q 'INTERP'
}

# ---- the checks ----

relro() {
  readelf -lW "$1" | grep -q GNU_RELRO || echo 'no GNU_RELRO segment'
  dynamic "$1" | grep -qE 'BIND_NOW|FLAGS_1.* NOW' || echo 'not BIND_NOW'
}

executable_stack() {
  readelf -lW "$1" | awk '/GNU_STACK/ { seen = 1; if ($0 ~ /RWE/) print "executable stack" }
    END { if (!seen) print "no GNU_STACK" }'
}

# A folder of the installation's own, where the pair (plugin/pair) finds the shim, is the one exception.
run_path() {
  local allowed=$work/none
  case "$1" in "$root"/lib/thred/curl/*) allowed="Library runpath: [$root/lib/thred]" ;; esac
  dynamic "$1" | grep -E '\((RPATH|RUNPATH)\)' | grep -vF "$allowed" | sed 's/.*(R/(R/'
}

text_relocations() {
  dynamic "$1" | grep -oE '\(TEXTREL\)|FLAGS.*TEXTREL' | head -n 1
}

written_and_run() {
  readelf -lW "$1" | awk '$1 == "LOAD" && /RWE/ { print "a segment to write and run" }'
}

# libelf's and GLib's variables may be copied into a program; functions of ours have no business there.
program() {
  readelf -hW "$1" | grep -q 'Type: *DYN' || echo 'not position-independent'
  dynamic "$1" | grep -qE 'FLAGS_1.*PIE' || echo 'not marked PIE'
  readelf --dyn-syms -W "$1" | awk '$4 == "FUNC" && $5 != "LOCAL" && $7 != "UND" { print "exports", $8 }'
}

stays() {
  dynamic "$1" | grep -qE 'FLAGS_1.*NODELETE' || echo 'not NODELETE'
}

canary() {
  symbols "$1" IMPORTED | grep -q '^__stack_chk_fail' || echo 'no stack canary'
}

fortified() {
  symbols "$1" IMPORTED | grep -qE '_chk(@|$)' || echo 'no fortified function'
}

# -fcf-protection. gcc marks every object; ld takes the mark away if Debian's start files have none, so
# what is exported is looked at, too: an indirect call of it must find endbr64.
control_flow() {
  case "$1" in
  */libthred-preload.so | */libcurl*.so.4)
    readelf -nW "$1" | grep -q 'IBT, SHSTK' || echo 'not marked IBT, SHSTK' ;;
  *) objdump -d --no-show-raw-insn "$1" | awk '/^[0-9a-f]+ <.*>:$/ { names++ } /endbr64/ { marks++ }
       END { if (marks < 3) print "no endbr64" }' ;;
  esac
}

# Names of source files, and of the source tree outside the installation's own prefix.
source_paths() {
  local section
  for section in .rodata .data .data.rel.ro; do
    objcopy -O binary --only-section="$section" "$1" "$work/section" 2>"$work/ignored" && strings -a "$work/section"
  done | sed "s|$root||g" | grep -E "$source|(^|/)(lib|plugin|tools|tests)/[^ ]*\.[ch]\$"
  rm -f "$work/section"
}

needs() { # FILE LIBRARY...
  local file=$1 is
  shift
  is=$(needed "$file" | tr ' ' '\n' | grep -vE '^(ld-linux.*|libdl)\.so\.[0-9]+$' | paste -sd ' ')
  [ "$is" = "$*" ] || echo "needs $is"
}

exports() { # FILE, and the list on standard input
  diff <(sort) <(symbols "$1" EXPORTED) | grep '^[<>]' | sed 's/^</missing:/; s/^>/not expected:/'
}

# ---- what is expected ----

# versioned VERSION: the library's.
library_exports() {
  sed 's/$/@@THRED_0/' <<'LIST'
thred_curl_attach
thred_curl_attach_with
thred_curl_detach
thred_curl_detach_with
thred_curl_duphandle
thred_curl_duphandle_with
thred_curl_prepare
thred_curl_prepare_with
thred_curl_set_business
thred_curl_set_business_with
thred_curl_set_headers
thred_curl_set_headers_with
thred_curl_set_prereq
thred_curl_set_prereq_with
thred_last_message
thred_strerror
thred_token_clear
thred_token_get
thred_token_try_get
thred_version
LIST
  printf '%s\n' thred_preload_api@@THRED_PRIVATE THRED_0 THRED_PRIVATE
}

hooks='curl_easy_cleanup curl_easy_duphandle curl_easy_init curl_easy_pause curl_easy_perform
curl_easy_reset curl_easy_setopt curl_mime_data_cb curl_mime_filedata curl_multi_add_handle
curl_multi_cleanup curl_multi_get_handles curl_multi_info_read curl_multi_init curl_multi_notify_disable
curl_multi_notify_enable curl_multi_perform curl_multi_remove_handle curl_multi_setopt curl_multi_socket
curl_multi_socket_action curl_multi_socket_all'

# The hook of dlopen is there for some architectures only (plugin/preload/dlopen.c).
shim_exports() {
  printf '%s\n' $hooks thred_preload_add_pair thred_preload_call
  printf 'thred_hook_%s\n' $hooks
  case $machine in x86_64 | aarch64) echo dlopen ;; esac
}

pair_exports() { # VERSION
  printf "%s@@$1\n" $hooks
  echo "$1"
}

expected_exports() { # FILE
  case "$1" in
  */libthred-auth.so*) library_exports ;;
  */libthred-fetch.so) echo thred_fetch ;;
  */libthred-preload.so) shim_exports ;;
  */credentials/*.so) echo thred_credential_module ;;
  */libcurl-gnutls.so.4) pair_exports CURL_GNUTLS_3 ;;
  */libcurl.so.4) pair_exports CURL_OPENSSL_4 ;;
  *) echo 'a list in this test' ;;
  esac
}

# ---- every object ----

# clean CHECK OBJECT [ARGUMENT...]
clean() {
  is "${2#"$root/"}: $1" '' "$("$@")"
}

# clean_unless REASON CHECK OBJECT [ARGUMENT...]
clean_unless() {
  local reason=$1
  shift
  if [ -n "$reason" ]; then skip "${2#"$root/"}: $1" "$reason"; else clean "$@"; fi
}

not_fortified=$sanitized
[ "${THRED_TEST_FORTIFIED-}" = yes ] || not_fortified=${sanitized:-the build is not optimized}
no_cet=$sanitized
[ "$machine" = x86_64 ] || no_cet='no x86-64'

look_at() {
  local object=$1
  clean relro "$object"
  clean executable_stack "$object"
  clean run_path "$object"
  clean text_relocations "$object"
  clean written_and_run "$object"
  clean_unless "$sanitized" source_paths "$object"
  clean_unless "$no_cet" control_flow "$object"
  if is_program "$object"; then
    clean_unless "$sanitized" program "$object"
  else
    clean stays "$object"
    clean_unless "$sanitized" exports "$object" < <(expected_exports "$object")
  fi
  # The pair is made of jumps alone.
  case "$object" in "$root"/lib/thred/curl/*) return ;; esac
  clean canary "$object"
  clean_unless "$not_fortified" fortified "$object"
}

mapfile -t objects < <(find "$root/bin" "$root/lib" -type f ! -name '*.a' -exec sh -c \
  'for f; do [ "$(head -c 4 "$f" | tail -c 3)" != ELF ] || printf "%s\n" "$f"; done' sh {} + | sort)
# Two programs, library, miss part, shim, seven modules; and the pair's two, where they can be.
is 'every object is looked at' yes "$([ ${#objects[@]} -ge 12 ] && echo yes || printf '%s\n' "${objects[@]}")"
for object in "${objects[@]}"; do
  look_at "$object"
done
clean_unless "$sanitized" needs "$root/lib/thred/libthred-preload.so" libc.so.6
clean_unless "$sanitized" needs "$root/lib/libthred-auth.so.0" libc.so.6 libcrypto.so.3
for module in env file systemd; do
  clean_unless "$sanitized" needs "$root/lib/thred/credentials/$module.so" libc.so.6
done

# ---- the checks find what is wrong ----

# What the control must be: a plain object with everything that is not allowed.
cat >"$work/bad.c" <<'SOURCE'
#include <stdio.h>
#include <string.h>
extern int elsewhere;
int *relocated = &elsewhere;
const char *file(void) { return __FILE__; }
int copy(const char *from) { char to[64]; strcpy(to, from); return puts(to) + *relocated; }
SOURCE
cat >"$work/main.c" <<'SOURCE'
void leaks(void) {}
int main(void) { leaks(); return 0; }
SOURCE
mkdir -p "$work/lib"
cp "$work/bad.c" "$work/lib/bad.c"

# bad NAME FLAG... : a library of its own.
bad() {
  local name=$1
  shift
  cc -w -shared -fPIC -O2 -U_FORTIFY_SOURCE -fno-stack-protector -fcf-protection=none "$work/lib/bad.c" \
    -o "$work/$name.so" -Wl,-z,norelro -Wl,-z,lazy "$@" 2>"$work/cc.log" ||
    echo "# $name: $(head -n 1 "$work/cc.log")"
}

# finds NAME PATTERN CHECK FILE [ARGUMENT...]
finds() {
  local name=$1 pattern=$2
  shift 2
  matches "a bad object: $name" "$pattern" "$("$@")"
}

bad plain -Wl,-z,execstack -Wl,-rpath,/tmp/somewhere -lm
finds 'no RELRO' 'no GNU_RELRO' relro "$work/plain.so"
finds 'bound lazily' 'not BIND_NOW' relro "$work/plain.so"
finds 'executable stack' 'executable stack' executable_stack "$work/plain.so"
finds 'RUNPATH' 'somewhere' run_path "$work/plain.so"
finds 'unloadable' 'not NODELETE' stays "$work/plain.so"
finds 'no canary' 'no stack canary' canary "$work/plain.so"
finds 'not fortified' 'no fortified' fortified "$work/plain.so"
finds 'a symbol too many' 'not expected: copy' exports "$work/plain.so" <<<thred_fetch
finds 'a symbol too few' 'missing: thred_fetch' exports "$work/plain.so" <<<thred_fetch
finds 'the path of a source' 'lib/bad.c' source_paths "$work/plain.so"
finds 'another library' 'needs .*libc' needs "$work/plain.so" libcrypto.so.3
if [ "$machine" = x86_64 ]; then
  finds 'no endbr64' 'no endbr64' control_flow "$work/plain.so"
  cp "$work/plain.so" "$work/libthred-preload.so"
  finds 'not marked for CET' 'not marked' control_flow "$work/libthred-preload.so"
fi
bad rpath -Wl,--disable-new-dtags -Wl,-rpath,/tmp/somewhere
finds 'RPATH' 'somewhere' run_path "$work/rpath.so"
printf '%s\n' '.section .mixed,"awx",@progbits' '.long 0' '.section .note.GNU-stack,"",@progbits' >"$work/mixed.s"
bad rwx "$work/mixed.s"
finds 'a segment to write and run' 'write and run' written_and_run "$work/rwx.so"
# Read-only data that has to be relocated: the oldest way to a text relocation.
printf '%s\n' '.section .rodata' '.quad elsewhere' '.section .note.GNU-stack,"",@progbits' >"$work/text.s"
case $machine in
x86_64) bad text "$work/text.s" -Wl,-z,notext && finds 'text relocations' 'TEXTREL' text_relocations "$work/text.so" ;;
esac
cc -w -no-pie -fno-pie -rdynamic "$work/main.c" -o "$work/fixed" 2>"$work/cc.log"
finds 'a program at a fixed address' 'not position-independent' program "$work/fixed"
finds 'a program that exports' 'exports leaks' program "$work/fixed"
finish
