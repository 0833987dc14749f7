#!/bin/bash
# SPDX-License-Identifier: MIT
# doctor-test.sh - `thredctl doctor`, asked about programs that are made here, of every kind that matters;
# and what `thredctl exec` does with its answer. What it says is held against what the loader does.
set -u
. "$(dirname "$0")/../tap.sh"
root=${THRED_TEST_ROOT-}
thredctl=$root/bin/thredctl
shim=$root/lib/thred/libthred-preload.so
pair=$root/lib/thred/curl
[ -x "$thredctl" ] || skip_all 'THRED_TEST_ROOT names no installation'
command -v cc jq readelf >/dev/null || skip_all 'no compiler, jq or readelf'
! nm -D "$shim" | grep -q __asan || skip_all 'the shim of a sanitized build fits no program of the system'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset "${!THRED_@}" LD_PRELOAD LD_LIBRARY_PATH ASAN_OPTIONS
cd "$work" || exit 1
chmod 755 "$work" # for another user

# ---- programs ----

# make NAME FLAG... <<<SOURCE
make() {
  local name=$1
  shift
  cc -x c -o "$name" - -x none "$@" 2>"$work/cc.log"
}

# script NAME LINE: a script with this first line.
script() {
  printf '%s\n' "$2" >"$1"
  chmod 755 "$1"
}

empty='int main(void) { return 0; }'
uses='#include <curl/curl.h>
int main(void) { return !curl_easy_init(); }'
# Says whether it is under the shim.
tells='#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int main(void) { puts(dlsym(RTLD_DEFAULT, "thred_preload_call") ? "shim" : "none"); }'
make plain <<<"$tells"
make curl-user -lcurl <<<"$uses"
echo '#include <curl/curl.h>
void *use(void); void *use(void) { return curl_easy_init(); }' | cc -x c -shared -fPIC -o libmiddle.so - -x none -lcurl
make through -L. -lmiddle -Wl,-rpath,"$work" <<<'void *use(void); int main(void) { return !use(); }'
make opens <<<'#include <dlfcn.h>
int main(void) { return !dlsym(dlopen("libcurl.so.4", RTLD_NOW), "curl_easy_init"); }'
make own <<<'int curl_easy_perform(void *c) { return !c; } int main(void) { return curl_easy_perform(0); }'
make own-stripped -s <<<'#include <stdio.h>
int main(int c, char **v) { (void)v; return c > 9 ? puts("libcurl/7.88.1") : 0; }'

# ---- asking ----

ask() {
  "$thredctl" doctor --json "$@" >"$work/out" 2>"$work/err"
  status=$?
}

# key FILTER: of the last answer.
key() {
  jq -r "$1" "$work/out"
}

# expect NAME STATUS REASON PROGRAM
expect() {
  ask "$4"
  is "$1" "$2 $3" "$status $(key .reason)"
}

# no NAME REASON PATTERN PROGRAM: it is not reached, and the sentence says why.
no() {
  expect "$1" 1 "$2" "$4"
  matches "$1: the sentence" "$3" "$(key .because)"
  matches "$1: what to change" . "$(key '.change // ""')"
}

yes() {
  expect "$1" 0 reachable "$2"
  is "$1: nothing to change" null "$(key .change)"
}

# ---- what is reached ----

yes 'a program without libcurl' ./plain
is '  it is so' shim "$("$thredctl" exec ./plain)"
matches '  and it says that there is none' 'linked with no libcurl' "$(key '.notes[]')"
yes 'a program with libcurl' ./curl-user
is '  which one' 'CURL_OPENSSL_4 null' "$(key '.libcurl[] | "\(.flavour) \(.through)"')"
is '  its version' "$(curl-config --version 2>/dev/null | sed 's/.* //' || curl -V | sed -n '1s/^curl \([0-9.]*\).*/\1/p')" "$(key '.libcurl[].version')"
is '  no pair for that' null "$(key .library_path)"
yes 'libcurl through a library' ./through
is '  which' "$work/libmiddle.so" "$(key '.libcurl[].through')"
ask curl
is 'a name in PATH' "0 $(command -v curl)" "$status $(key '.files[0]')"
if [ -x /usr/lib/git-core/git-remote-https ]; then
  yes 'the GnuTLS flavour' /usr/lib/git-core/git-remote-https
  is '  which one' CURL_GNUTLS_3 "$(key '.libcurl[].flavour')"
else
  skip 'the GnuTLS flavour' 'no git-remote-https'
fi

# ---- what is not there ----

no 'no such name' not-found "'no-such-program'" no-such-program
no 'no such file' not-found 'No such file' ./no-such-file
no 'an empty name' not-found . ''
no 'a folder' not-executable 'not a regular file' .
cp plain not-executable && chmod 644 not-executable
no 'not executable' not-executable 'may not be executed' ./not-executable
mkfifo fifo && chmod 755 fifo
no 'a FIFO' not-executable 'not a regular file' ./fifo
ln -s loop loop
no 'a loop of links' not-found 'symbolic links' ./loop
mkdir one two && cp not-executable one/found && cp plain two/found
PATH=$work/one:$work/two:$PATH yes 'in PATH, behind one that may not be executed' found
is '  the file' "$work/two/found" "$(key '.files[0]')"

# ---- other programs ----

if make static -static <<<"$empty"; then
  no 'statically linked' static 'statically linked' ./static
else
  skip 'statically linked' 'no static libc'
fi
if make static-pie -static-pie <<<"$empty"; then
  no 'statically linked, PIE' static 'statically linked' ./static-pie
else
  skip 'statically linked, PIE' 'no static libc'
fi
make musl -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1 <<<"$empty"
no musl musl ld-musl ./musl
make foreign -Wl,--dynamic-linker=/nix/store/x-glibc/lib/ld-linux.so.2 <<<"$empty"
no 'another loader' loader /nix/store ./foreign
# change FILE OFFSET BYTES: in a copy of plain.
change() {
  cp plain "$1"
  printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
change machine 18 '\xf7\x00'
no 'another machine' architecture 'for ' ./machine
change class 4 '\x01'
no 'another class' architecture '32-bit' ./class
make missing -L. -lmiddle <<<'void *use(void); int main(void) { return !use(); }'
no 'a library that is not found' loader 'libmiddle.so: cannot open' ./missing
no 'a libcurl inside' own-libcurl 'contain a libcurl' ./own
no 'a libcurl inside, without symbols' own-libcurl 'libcurl/7.88.1' ./own-stripped
printf '\177ELF' >stump && chmod 755 stump
no 'a stump' unreadable 'not an ELF' ./stump
for at in 70 200 1000 5000; do
  head -c "$at" plain >"stump-$at" && chmod 755 "stump-$at"
  ask "./stump-$at"
  is "cut off at $at: no" 1 "$status"
done
mkdir old
echo 'const char *curl_easy_init(void); const char *curl_easy_init(void) { return "libcurl/7.64.0"; }' |
  cc -x c -shared -fPIC -Wl,-soname,libcurl.so.4 -o old/libcurl.so.4 -
make old-user -Lold -l:libcurl.so.4 -Wl,-rpath,"$work/old" <<<"$uses"
no 'an old libcurl' old-libcurl '7.64.0.*7.80' ./old-user
is '  which' "$work/old/libcurl.so.4 null" "$(key '.libcurl[] | "\(.path) \(.flavour)"')"

# ---- elevated rights ----

other=$([ "$(id -u)" = 0 ] && id -u nobody)
if [ -n "$other" ]; then
  cp plain setuid && chown nobody setuid && chmod 4755 setuid
  no setuid secure setuid ./setuid
  is '  it is so' none "$("$thredctl" exec ./setuid)"
  cp plain setgid && chgrp nogroup setgid && chmod 2755 setgid
  no setgid secure setgid ./setgid
  is '  it is so' none "$("$thredctl" exec ./setgid)"
  cp plain own-setuid && chmod 4755 own-setuid
  yes 'setuid, of its own user' ./own-setuid
  is '  it is so' shim "$("$thredctl" exec ./own-setuid)"
else
  skip 'setuid, setgid' 'not root'
fi
cp plain capable
if [ -n "$other" ] && command -v setcap setpriv >/dev/null && setcap cap_net_raw=ep capable 2>"$work/ignored" &&
  setpriv --reuid nobody --clear-groups test -r "$shim"; then
  as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
  is 'file capabilities' 'secure' "$(as_nobody "$thredctl" doctor --json ./capable | jq -r .reason)"
  is '  it is so' none "$(as_nobody "$thredctl" exec ./capable)"
  yes 'file capabilities, for root' ./capable
  is '  it is so' shim "$("$thredctl" exec ./capable)"
else
  skip 'file capabilities' 'they are not to be had'
fi

# ---- AddressSanitizer ----

make asan-preload -fsanitize=address <<<'#include <stdio.h>
#include <stdlib.h>
int main(void) { puts(getenv("LD_PRELOAD")); }'
if make asan -fsanitize=address <<<"$tells" && ./asan >"$work/ignored" 2>&1; then
  yes 'AddressSanitizer' ./asan
  matches '  its runtime comes first' '/libasan\.so' "$(key .preload_first)"
  is '  and exec puts it there' shim "$(ASAN_OPTIONS=detect_leaks=0 "$thredctl" exec ./asan 2>&1)"
  is '  once' "$(key .preload_first):$shim:libm.so.6" "$(LD_PRELOAD=$(key .preload_first):libm.so.6 \
    ASAN_OPTIONS=detect_leaks=0 "$thredctl" exec ./asan-preload)"
  is '  behind another object it refuses to start' 'not first' \
    "$(LD_PRELOAD=$shim ./asan 2>&1 | grep -q 'come first' && echo 'not first')"
else
  skip AddressSanitizer 'it is not to be had'
fi

# ---- scripts ----

script sh '#!/bin/sh'
yes 'a script' ./sh
is '  its interpreter' '["./sh","/bin/sh"]' "$(key '.files | tojson')"
script blanks $'#! \t/bin/sh  -e '
yes 'a script, with blanks' ./blanks
printf 'echo hello\n' >headless && chmod 755 headless
yes 'a script without #!' ./headless
is '  goes to the shell' '["./headless","/bin/sh"]' "$(key '.files | tojson')"
script env '#!/usr/bin/env sh'
yes 'env' ./env
matches '  is followed' 'env.*/sh"' "$(key '.files | tojson')"
script env-s '#!/usr/bin/env -S A=1 -u B sh -e'
yes 'env -S' ./env-s
matches '  is followed' 'env.*/sh"' "$(key '.files | tojson')"
script env-i '#!/usr/bin/env -S -i sh'
no 'env -i' env LD_PRELOAD ./env-i
script env-u '#!/usr/bin/env -S -u LD_PRELOAD sh'
no 'env -u LD_PRELOAD' env LD_PRELOAD ./env-u
script env-none '#!/usr/bin/env no-such-interpreter'
no 'env, of what is not there' interpreter-missing 'no-such-interpreter' ./env-none
script none '#!/no/such/interpreter'
no 'an interpreter that is not there' interpreter-missing '/no/such/interpreter' ./none
script nothing '#!'
no 'no interpreter' interpreter-missing 'names no interpreter' ./nothing
previous=/bin/sh
for i in 1 2 3 4 5 6; do
  script "chain-$i" "#!$previous"
  previous=$work/chain-$i
done
yes 'scripts that are interpreters' ./chain-5
no 'too many of them' script-loop 'more than 5' ./chain-6
is '  the kernel agrees' '0 126' "$(./chain-5 >"$work/ignored" 2>&1; echo -n "$? "
  perl -e 'exec { "./chain-6" } "x" or exit 126' 2>"$work/ignored"; echo $?)"
script circle "#!$work/circle"
no 'its own interpreter' script-loop 'more than 5' ./circle
[ -z "$other" ] || {
  script suid-script '#!./setuid'
  no 'a script of a setuid program' secure setuid ./suid-script
}

# ---- the pair ----

has_pair() {
  [ -e "$pair/libcurl.so.4" ]
}

# library_path SHELL: what a program that exec runs has.
library_path() {
  "$thredctl" exec -- "$@" -c 'echo "${LD_LIBRARY_PATH-none}"'
}

if has_pair; then
  yes 'a program that opens libcurl' ./opens
  matches '  gets the pair' "^$pair(:|\$)" "$(key .library_path)"
  matches '  and is told so' "puts $pair" "$(key '.notes[]')"
  cp "$(readlink -f /bin/bash)" luajit
  yes 'an interpreter with FFI, by its name' ./luajit
  is '  exec puts the pair in front' "$(key .library_path)" "$(library_path ./luajit)"
  is '  of what is there' "$(key .library_path):/a:/b" "$(LD_LIBRARY_PATH=/a:/b library_path ./luajit)"
  is '  once' "$(key .library_path):/a" "$(LD_LIBRARY_PATH=/a "$thredctl" exec -- ./luajit -c \
    "\"$thredctl\" exec -- ./luajit -c 'echo \$LD_LIBRARY_PATH'")"
  is '  not for others' none "$(library_path bash)"
  script ffi-script "#!$work/luajit"
  yes 'a script of it' ./ffi-script
  matches '  too' "^$pair" "$(key .library_path)"
  mkdir -p wrapper && cp sh wrapper/python3
  yes 'a wrapper by the name of one' ./wrapper/python3
  matches '  too' "^$pair" "$(key .library_path)"

  # Another libcurl than the one that the pair leads to: the program must keep it.
  mkdir other && cp "$(readlink -f "$(ldd ./curl-user | sed -n 's/.*libcurl\.so\.4 => \([^ ]*\).*/\1/p')")" other/libcurl.so.4
  LD_LIBRARY_PATH=$work/other yes 'another libcurl on LD_LIBRARY_PATH' ./opens
  is '  stays' null "$(key .library_path)"
  matches '  and it says so' "finds libcurl.so.4 at $work/other" "$(key '.notes[]')"
  is '  for exec as well' "$work/other" "$(LD_LIBRARY_PATH=$work/other library_path ./luajit)"
  make rpath -Wl,--disable-new-dtags,-rpath,"$work/other" <<<'#include <dlfcn.h>
int main(void) { return !dlsym(dlopen("libcurl.so.4", RTLD_NOW), "curl_easy_init"); }'
  yes 'another libcurl by DT_RPATH' ./rpath
  is '  stays' null "$(key .library_path)"
  real=$(readelf -dW "$pair/libcurl.so.4" | sed -n 's/.*NEEDED.*\[\(.*libcurl.*\)\]/\1/p')
  mkdir same && ln -s "$real" same/libcurl.so.4
  make rpath-same -Wl,--disable-new-dtags,-rpath,"$work/same" <<<'#include <dlfcn.h>
int main(void) { return !dlsym(dlopen("libcurl.so.4", RTLD_NOW), "curl_easy_init"); }'
  yes 'the same libcurl by DT_RPATH' ./rpath-same
  is '  cannot be stood in for' null "$(key .library_path)"
  matches '  and it says so' DT_RPATH "$(key '.notes[]')"
else
  skip 'the pair' 'none for this architecture'
fi
cp "$(readlink -f /bin/bash)" php8.9
yes PHP ./php8.9
matches '  RTLD_DEEPBIND' RTLD_DEEPBIND "$(key '.notes[]')"

# ---- for people ----

"$thredctl" doctor curl >"$work/text" 2>&1
is 'text: exit status' 0 $?
is 'text' 'program file libcurl reachable' "$(awk '{print $1}' "$work/text" | paste -sd ' ')"
matches 'text: the verdict' $'\nreachable +yes' "$(cat "$work/text")"
"$thredctl" doctor ./static-none >"$work/text" 2>&1
is 'text: no: exit status' 1 $?
matches 'text: no: why' $'reachable +no\nbecause +.*No such file' "$(cat "$work/text")"
cp plain $'line\nend\e[31m'
"$thredctl" doctor $'./line\nend\e[31m' >"$work/text" 2>&1
is 'text: nothing moves a terminal' 0 "$(grep -c $'\e' "$work/text")"
ask ./plain
is 'JSON: one line' 1 "$(wc -l <"$work/out")"
is 'JSON: all keys' '["because","change","files","libcurl","library_path","notes","preload_first","program","reachable","reason","version"]' \
  "$(key '[keys[]] | sort | tojson')"
is 'nothing on stderr' '' "$(cat "$work/err")"

# ---- usage ----

usage_error() {
  "$thredctl" doctor "${@:2}" >"$work/out" 2>"$work/err"
  is "$1: exit status" 2 $?
  is "$1: nothing on stdout" '' "$(cat "$work/out")"
}

usage_error 'no program'
usage_error 'two programs' sh sh
usage_error 'unknown option' --loud sh
"$thredctl" doctor curl >/dev/full 2>"$work/err"
is 'a full device: exit status' 1 $?
"$thredctl" doctor --help >"$work/text"
is '--help' 0 $?
finish
