#!/bin/bash
# SPDX-License-Identifier: MIT
# manpages-examples-test.sh - what the man pages show works: programs are compiled as they stand and run
# against the emulator, configurations are read, commands are run, routes decide as they say. Of the
# installation in THRED_TEST_ROOT. It flushes the cache: one of its own where it may have one, else the
# user's. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"

if [ -z "${THRED_TEST_ALONE-}" ] && unshare -m true 2>/dev/null; then
  # shellcheck disable=SC2016  # the inner shell expands it
  THRED_TEST_ALONE=yes exec unshare -m sh -c 'mount -t tmpfs none /dev/shm; exec "$0"' "$0"
fi
. "$(dirname "$0")/manpages.sh"

root=$THRED_TEST_ROOT
command -v cc >/dev/null || skip_all 'no compiler'
work=$(mktemp -d) || exit 1
dir=$work/thred
pid=

cleanup() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
unset "${!THRED_@}" LD_PRELOAD LD_LIBRARY_PATH "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy
export PATH=$root/bin:$PATH PKG_CONFIG_PATH=$root/lib/pkgconfig
first=3c90c3cc-0d44-4b50-8888-8dd25736052a
# A sanitized library wants its runtime first; a sanitized shim fits no program of the system.
sanitize=
! nm -D "$root/lib/libthred-auth.so.0" | grep -q __asan || sanitize=-fsanitize=address,undefined

# shown PAGE SECTION NUMBER: a block, with the paths of this test in place of those that it shows.
shown() {
  block "$@" | sed "s|/tmp/thred|$dir|g; s|/etc/thred/credentials|$dir/credentials|g"
}

# under_shim NAME COMMAND...: unless that cannot be.
under_shim() {
  if [ -n "$sanitize" ]; then skip "$1" 'a sanitized shim'; else "${@:2}"; fi
}

# ---- thred-auth(7), from its first command on ----

# The last block of QUICK START begins the emulator that the rest of this test uses.
test_quick_start() {
  local start=4
  matches 'QUICK START starts the emulator' '^thred-emulator .* &$' "$(block thred-auth.7 'QUICK START' $start | sed -n 1p)"
  eval "$(shown thred-auth.7 'QUICK START' $start | sed -n 's/ &$/ >"$work\/ignored" 2>\&1 \&/p')"
  pid=$!
  until_true test -s "$dir/port" || { echo "Bail out! the emulator does not start"; exit 1; }
  eval "$(shown thred-auth.7 'QUICK START' $start | sed -n 2p)"
  under_shim 'against the emulator' matches 'QUICK START: against the emulator' "$first" \
    "$(eval "$(shown thred-auth.7 'QUICK START' $start | sed -n 3p)" 2>&1)"
  # An administrator's way: the page's files in place of the emulator's own.
  matches 'QUICK START: the key' '^THRED_PARTNER_UUID=.*
THRED_API_KEY=' "$(shown thred-auth.7 'QUICK START' 2)"
  shown thred-auth.7 'QUICK START' 1 | install -m 600 /dev/stdin "$THRED_CONF_DIR/60-sandbox.conf"
  sed -i '/^credentials *=/d' "$THRED_CONF_DIR/50-emulator.conf"
  while read -r command; do
    eval "$command" >"$work/out" 2>&1
    set -- is "QUICK START: $command" "0 " "$? $(grep -i -e problem -e NOTFOUND -e UNAVAIL "$work/out")"
    if [[ $command == *exec* ]]; then under_shim "$command" "$@"; else "$@"; fi
  done < <(shown thred-auth.7 'QUICK START' 3)
}

# commands PAGE SECTION: runs each that its blocks show; a block that begins with a group is none.
commands() {
  local number command
  for number in $(seq "$(blocks "$1" "$2")"); do
    while read -r command; do
      run_command "$command"
    done < <(shown "$1" "$2" "$number" | grep -v -e '^\[' -e '^Environment=')
  done
}

run_command() {
  if [[ $1 == *exec* && -n $sanitize ]]; then
    skip "$1" 'a sanitized shim'
  elif [[ $1 == *php && ! -x $(command -v php) ]]; then
    skip "$1" 'no php'
  elif [[ $1 == *flush && -z ${THRED_TEST_ALONE-} ]]; then
    skip "$1" 'other tests use the cache'
  else
    eval "$1" >"$work/out" 2>"$work/err"
    is "$1" 0 $?
    [[ $1 != *debug* ]] || matches 'THRED_LOG=debug tells' 'thred-auth: debug: .*partner' "$(cat "$work/err")"
  fi
}

test_preload() {
  matches 'thred-preload(7): SYNOPSIS' $'LD_PRELOAD=_\\$libdir/thred/libthred-preload.so_' "$(section thred-preload.7 SYNOPSIS)"
  under_shim 'LD_PRELOAD' matches 'LD_PRELOAD' "$first" "$(LD_PRELOAD=$root/lib/thred/libthred-preload.so curl -s \
    https://sandbox.thredfi.com/v1/platform/businesses/ 2>&1)"
}

# ---- programs ----

# What a program has to be told to take the emulator for Thred, beside https_proxy: whose certificates it has.
cat >"$work/emulated.c" <<'C'
#include <curl/curl.h>
#include <stdlib.h>
void emulated(CURL *curl);
void emulated(CURL *curl)
{
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
}
C

# programs: "PAGE-NUMBER" of each, in $work.
programs() {
  local page number
  for page in "$pages"/*.3.scd; do
    page=$(basename "$page" .scd)
    for number in $(seq "$(blocks "$page" EXAMPLE)"); do
      block "$page" EXAMPLE "$number" >"$work/block"
      grep -q '^int main' "$work/block" && mv "$work/block" "$work/$page-$number.c" && echo "$page-$number"
    done
  done
}

warnings='-std=c11 -Wall -Wextra -Wpedantic -Wstrict-prototypes -Werror'

# As the page shows it, but for a line behind each handle that is made.
compile() {
  # shellcheck disable=SC2086  # lists of options
  sed -E 's/^( *)CURL \*([a-z]+) = (curl_easy_)?init\(\);/&\n\1void emulated(CURL *);\n\1emulated(\2);/' "$1.c" |
    cc $warnings $sanitize -x c - -x none emulated.o -o "$1" $libs -Wl,--disable-new-dtags,-rpath,"$root/lib" -ldl
}

# Exit status and standard output that each has to have.
outcome() {
  case $1 in
  libthred-auth.3-* | thred_curl_api.3-1) echo "^0 .*$first" ;;
  thred_curl_attach.3-1) echo '^0 .*200 https://[^ ]*/businesses/.*200 https://[^ ]*/bills/' ;;
  thred_curl_set_prereq.3-1) echo '^0 .*[^0-9]1 request\(s\)' ;;
  thred_curl_set_business.3-1) echo '^0 ' ;;
  thred_curl_detach.3-1) echo '^0 .*200, then .*401' ;;
  thred_curl_*) echo '^0 .*200' ;;
  thred_token_get.3-1) echo '^0 a token of [0-9]+ bytes, good for 3[0-9]{3} s.another one' ;;
  thred_token_try_get.3-1) echo '^0 there it is' ;;
  thred_token_clear.3-1) echo '^0 gone' ;;
  thred_strerror.3-1) echo '^0 5: the handle is not attached' ;;
  thred_last_message.3-1) echo '^0 .*knows no such business: sandbox.thredfi.com knows no business 9{8}-' ;;
  thred_version.3-1) echo "^0 libthred-auth $(pkg-config --modversion thred-auth)\$" ;;
  *) echo 'none: a new example has to be told here' ;;
  esac
}

test_programs() {
  local all name log
  all=$(programs)
  is 'there is a program in every page of a function' "$(cd "$pages" && printf '%s\n' thred_*.3.scd | sed 's/\.scd$//')" \
    "$(sed -n 's/^\(thred_.*\)-1$/\1/p' <<<"$all")"
  libs=$(pkg-config --cflags --libs thred-auth libcurl)
  export libs sanitize warnings root
  export -f compile
  (cd "$work" && cc -c emulated.c && xargs -P 2 -I{} bash -c 'compile {} >{}.log 2>&1' <<<"$all")
  for name in $all; do
    is "$name: compiles" '' "$(cat "$work/$name.log")"
    log=$(LD_LIBRARY_PATH=$root/lib ASAN_OPTIONS=detect_leaks=0 "$work/$name" 2>&1)
    matches "$name: runs" "$(outcome "$name")" "$? $log"
  done
}

# What stands in a SYNOPSIS does not contradict the header.
test_synopsis() {
  local page
  for page in "$pages"/*.3.scd; do
    page=$(basename "$page" .scd)
    block "$page" SYNOPSIS 1 | grep -v '^cc ' >"$work/synopsis-$page.c"
  done
  # shellcheck disable=SC2046,SC2086
  is 'every SYNOPSIS agrees with the header' '' "$(cc $warnings $(pkg-config --cflags thred-auth libcurl) -fsyntax-only \
    "$work"/synopsis-*.c 2>&1)"
}

# The module of thred-credential-module(3), built and installed by the page's own commands: into a folder of
# this test's, with the miss part beside it.
test_module() {
  mkdir -m 755 "$work/lib" "$work/lib/credentials" "$work/src"
  cp "$root/lib/thred/libthred-fetch.so" "$work/lib/"
  sed "s|^moduledir=.*|moduledir=$work/lib/credentials|" "$root/lib/pkgconfig/thred-auth.pc" >"$work/src/thred-auth.pc"
  block thred-credential-module.3 EXAMPLE 1 >"$work/src/our.c"
  # shellcheck disable=SC2046,SC2086
  is 'the module: without a warning' '' "$(cc $warnings $(pkg-config --cflags thred-auth) -fsyntax-only "$work/src/our.c" 2>&1)"
  (cd "$work/src" && PKG_CONFIG_PATH=$work/src bash -e <<<"$(block thred-credential-module.3 EXAMPLE 2)") >"$work/log" 2>&1
  is 'the module: is built and installed' '0 ' "$? $(cat "$work/log")"
  mkdir -m 700 "$work/our.d"
  cp "$THRED_CONF_DIR"/50-*.conf "$work/our.d"
  install -m 600 /dev/stdin "$work/our.d/60-our.conf" <<<$'[environment sandbox]\ncredentials = our'
  uuid=$(sed -n 's/^THRED_PARTNER_UUID=//p' "$dir/credentials") key=$(sed -n 's/^THRED_API_KEY=//p' "$dir/credentials")
  matches 'the module: Thred takes what it delivers' '^[A-Za-z0-9_-]+\.' "$(OUR_UUID=$uuid OUR_KEY=$key THRED_CONF_DIR=$work/our.d \
    THRED_MODULE_DIR=$work/lib/credentials thredctl token --partner 2>&1)"
  matches 'the module: it says what is missing' 'NOTFOUND.*OUR_KEY is not set' "$(THRED_CONF_DIR=$work/our.d \
    THRED_MODULE_DIR=$work/lib/credentials thredctl check 2>&1)"
}

# ---- configuration ----

# test_configuration PAGE SECTION: each block that begins with a group is read, by itself, without a word.
test_configuration() {
  local number shown
  for number in $(seq "$(blocks "$1" "$2")"); do
    shown=$(shown "$1" "$2" "$number")
    [[ $shown == \[* ]] || continue
    is "$1, $2: configuration $number" '' "$(problems <<<"$shown")"
  done
}

test_configurations() {
  local page name
  for page in thred.conf.5 thred-routes.5 thred-credentials.5; do
    for name in SYNOPSIS DESCRIPTION EXAMPLE EXAMPLES; do
      test_configuration "$page" "$name"
    done
  done
}

# "NAME METHODS TOKEN PATH" of each route that is shipped.
shipped_routes() {
  awk '/^\[route /{ name = $2; sub(/\]/, "", name) } /^method = /{ method = $3 } /^path = /{ path = $3 }
    /^token = /{ print name, method, $3, path }' "$root/lib/thred/conf.d/20-routes.conf"
}

test_routes() {
  local method token route path
  is 'thred-routes(5) has the shipped routes' "$(shipped_routes | sort)" \
    "$(block thred-routes.5 'THE SHIPPED ROUTES' 1 | tr -s ' ' | sort)"
  while read -r method token route path; do
    is "thred-routes(5): $method $path" "$token $route" \
      "$(thredctl route --json -X "$method" "https://sandbox.thredfi.com$path" | jq -r '"\(.token) \(.route)"')"
  done < <(block thred-routes.5 EXAMPLES 1)
}

test_quick_start
commands thred-auth.7 'WHERE TO LOOK WHEN IT FAILS'
commands thred-preload.7 EXAMPLES
test_preload
test_synopsis
test_programs
test_module
test_configurations
test_routes
finish
