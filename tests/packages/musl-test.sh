#!/bin/bash
# SPDX-License-Identifier: MIT
# musl-test.sh - how far musl is from here. Debian has its headers and its libc (musl-tools), but no libcurl,
# OpenSSL, GLib, json-c or cmocka for it. So everything that is shipped is compiled; what it calls must be musl's or
# such a library's; what needs libc alone is linked and run: the shim, three modules, and the unit tests of the
# cache, the log and the process, with stand-ins for cmocka and for what the cache wants of OpenSSL (tests/packages/musl).
# Argument: a configured build directory. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$(dirname "$0")/../.." || exit 1
command -v musl-gcc >/dev/null || skip_all 'no musl-gcc (musl-tools)'
build=$(cd "$1" && pwd) || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/objects" "$work/hot" "$work/loaded"

# ---- what it has, and the compiler ----

# Its libc is its loader, too.
musl=/lib/ld-musl-$(uname -m).so.1
defined_in() {
  nm -D --defined-only "$@" 2>/dev/null | awk 'NF == 3 { sub(/@.*/, "", $3); print $3 }' | sort -u
}
defined_in "$musl" >"$work/libc"

# config.h as meson would make it there: without what is not in its libc.
while read -r line; do
  function=$(sed -n 's/^#define THRED_HAS_\([A-Z0-9_]*\) 1$/\L\1/p' <<<"$line")
  [ -n "$function" ] && ! grep -qx "$function" "$work/libc" || echo "$line"
done <"$build/config.h" >"$work/config.h"
is "what glibc has and musl has not" \
  "dladdr1 dlvsym posix_spawn_file_actions_addclosefrom_np pthread_mutex_clocklock sem_clockwait" \
  "$(diff "$build/config.h" "$work/config.h" | sed -n 's/.*THRED_HAS_\([A-Z0-9_]*\) 1$/\L\1/p' | sort | xargs)"

# musl's headers first, what it has none of from Debian's.
after=()
for folder in /usr/include/glib-2.0 "$(pkg-config --variable=libdir glib-2.0)/glib-2.0/include" /usr/include/json-c \
  "/usr/include/$(gcc -print-multiarch)" /usr/include; do
  after+=(-idirafter "$folder")
done
# compile ARGUMENT...: what is not declared is an error, as is what glibc declares otherwise.
compile() {
  musl-gcc -std=c11 -D_GNU_SOURCE -O2 -fPIC -fvisibility=hidden -Wall -Werror -Wno-maybe-uninitialized -I"$work" -I"$build/plugin/pair" -I. \
    -Ilib/include "${after[@]}" -DCURL_DISABLE_TYPECHECK -DOPENSSL_NO_FILENAMES -DPAIR_TARGET='""' "$@" 2>"$work/said"
}
# passes NAME COMMAND...: and shows what the compiler said.
passes() {
  local name=$1
  shift
  if "$@"; then is "$name" 0 0; else is "$name" 0 "$(head -c 1000 "$work/said")"; fi
}

# ---- everything is compiled ----

git ls-files 'lib/*.c' 'plugin/*.c' 'tools/*.c' >"$work/files"
matches "there are files" '^[1-9][0-9][0-9]+$' "$(wc -l <"$work/files")"
while read -r file; do
  flags=()
  [[ $file != plugin/preload/* ]] || flags=(-DTHRED_NO_INLINE)
  compile "${flags[@]}" -c "$file" -o "$work/objects/${file//\//:}.o" || echo "$file: $(grep -m 1 -e 'error:' "$work/said")"
done <"$work/files" >"$work/not-yet"
is "all $(wc -l <"$work/files") shipped files compile" "" "$(cat "$work/not-yet")"

# What one finds elsewhere, of Debian's for glibc: names are all that can be seen to. plugin/pair's are the linker's.
for library in crypto ssl curl glib-2.0 json-c keyutils elf microhttpd; do
  defined_in "$(gcc -print-file-name=lib$library.so)"
done >"$work/libraries"
nm --defined-only "$work/objects"/*.o | awk 'NF == 3 { print $3 }' >"$work/own"
echo '_GLOBAL_OFFSET_TABLE_' >>"$work/own"
is "all that they call is musl's, or of the libraries that they are linked with" "" \
  "$(find "$work/objects" -name '*.o' ! -name 'plugin:pair:*' -exec nm -u {} + | awk 'NF == 2 { print $2 }' | sort -u |
    grep -vxF -f "$work/libc" -f "$work/libraries" -f "$work/own")"

# ---- the shim and three modules are linked, with musl alone ----

aliases=()
while read -r hook; do
  aliases+=("-Wl,--defsym=thred_hook_$hook=$hook")
done < <(sed -n 's/^ *\(curl_[a-z_]*\);$/\1/p' plugin/preload/libthred-preload.map)
shim=$work/libthred-preload.so
passes "the shim links" compile -shared "$work/objects"/plugin:preload:*.o -nostartfiles "${aliases[@]}" -Wl,-z,defs,-z,now \
  -Wl,-soname,libthred-preload.so -Wl,--version-script=plugin/preload/libthred-preload.map -o "$shim"
for module in env file systemd; do
  secrets=()
  [ $module = env ] || secrets=("$work/objects"/plugin:credentials:module-{options,secrets}.c.o "$work/objects/lib:secure.c.o")
  passes "the module $module links" compile -shared "$work/objects/plugin:credentials:$module.c.o" "${secrets[@]}" \
    -Wl,-z,defs -Wl,--version-script=plugin/credentials/module.map -o "$work/$module.so"
done

# What a libcurl has to have for the shim, and the one of this test has no use for.
for function in curl_easy_{reset,pause,escape,duphandle} curl_multi_{init,add_handle,remove_handle,cleanup,info_read} \
  curl_multi_{perform,socket_action,setopt} curl_mime_{data_cb,filedata} curl_version_info; do
  echo "void *$function(void); __attribute__((visibility(\"default\"))) void *$function(void) { return 0; }"
done >"$work/rest.c"
passes "a libcurl to run it with" compile -fvisibility=default -shared tests/packages/musl/libcurl.c "$work/rest.c" \
  -Wl,-soname,libcurl.so.4 -o "$work/libcurl.so.4"
passes "a program" compile tests/packages/musl/program.c "$work/libcurl.so.4" -Wl,-rpath,"$work" -o "$work/program"
requests=(https://www.example.com/ https://sandbox.thredfi.com/v1/platform/businesses/)
is "it runs" "calls libcurl.so.4 ${requests[*]}" "$("$work/program" "${requests[@]}" 2>&1 | xargs)"
env LD_PRELOAD="$shim" THRED_LOG=info "$work/program" "${requests[@]}" >"$work/out" 2>"$work/log"
is ".. under the shim, which hands its calls on" "0 calls libthred-preload.so ${requests[*]}" "$? $(xargs <"$work/out")"
matches ".. and looks for the library when a request is for Thred" '^thred-auth: .*libthred-auth\.so\.0' "$(cat "$work/log")"
env LD_PRELOAD="$shim" THRED_LOG=info "$work/program" "${requests[0]}" >"$work/out" 2>"$work/log"
is ".. and not before" "0 calls libthred-preload.so ${requests[0]} | " "$? $(xargs <"$work/out") | $(cat "$work/log")"

# ---- what needs libc alone is run ----

for file in tests/packages/musl/{cmocka,no-crypto}.c; do
  compile -c "$file" -o "$work/hot/$(basename "$file").o" || is "$file compiles" 0 "$(cat "$work/said")"
done
find "$work/objects" -name 'lib:*.o' ! -name 'lib:fetch:*' ! -name 'lib:aead.c.o' ! -name 'lib:digest.c.o' -exec cp -t "$work/hot" {} +
ar rcs "$work/hot.a" "$work/hot"/*.o

# runs NAME SOURCE...: links and runs it, with `arguments`. All its tests have to pass.
arguments=()
runs() {
  local name=$1 status count
  shift
  compile "$@" "$work/hot.a" -o "$work/test" || {
    is "$name links" "" "$(grep -m 4 -E 'undefined|error' "$work/said")"
    return
  }
  (cd "$work" && THRED_LOG=error timeout 120 "$work/test" "${arguments[@]}" >"$work/out" 2>"$work/log")
  status=$?
  count=$(sed -n 's/^1\.\.//p' "$work/out")
  is "$name, ${count:-no} tests" "0 ${count:-some}" "$status $(grep -c '^ok' "$work/out")"
  [ "$status" = 0 ] || grep -h -v '^ok' "$work/log" "$work/out" | head -20 | sed 's/^/#   /'
}

# Objects for lib/link-map.h and lib/symbols.h to look at.
object() {
  compile -fvisibility=default -shared -x c - -x none "${@:2}" -Wl,-rpath,"$work/needed" -o "$1" || is "$1 links" 0 "$(cat "$work/said")"
}
mkdir "$work/needed"
object "$work/needed/libneeded.so" -Wl,-soname,libneeded.so <<<'int taken(void); int taken(void) { return 3; }
  int needed(void); int needed(void) { return 2; }'
user() {
  object "$work/loaded/$1.so" "$work/needed/libneeded.so" <<<"$2; int use(void); int use(void) { return $3; }"
}
arguments=("$work/loaded")
for fixed in '-fPIE -pie' '-fno-pic -no-pie'; do
  for name in user-needed replaced replacement; do
    user $name 'int needed(void)' 'needed()'
  done
  user user-taken 'int taken(void)' 'taken()'
  user user-address 'int needed(void); int (*address)(void) = needed' 'address()'
  user user-atoi 'int atoi(const char *)' 'atoi("1")'
  # shellcheck disable=SC2086
  runs "loaded objects, $fixed" $fixed -fvisibility=default -Wl,--export-dynamic tests/packages/musl/test-objects.c \
    "$work/needed/libneeded.so" -Wl,-rpath,"$work/needed"
done
arguments=()

# A test of tests/unit, and what else it is made of.
child=tests/unit/child.c
segment="$child tests/unit/segment-fixture.c"
cache="tests/unit/cache-fixture.c $child"
unit_tests() {
  local name
  for name in claims configs copies failures hostile processes room tokens; do
    echo "cache-$name $cache"
  done
  for name in segment segment-lock segment-private segment-spoiled; do
    echo "cache-$name $segment"
  done
  # pread64 is a macro there.
  cat <<LIST
cache-status $cache tests/unit/segment-fixture.c -Wl,--wrap=pread -D__wrap_pread64=__wrap_pread -D__real_pread64=__real_pread
cache-seal $segment tests/unit/no-keyring.c
key-age
log
log-sinks tests/integration/isolation.c tests/integration/journal.c
log-state
nearest tools/thredctl/nearest.c
process $child -Wl,--wrap=getauxval
secret-memory $segment
LIST
}
while read -r name sources; do
  # shellcheck disable=SC2086
  runs "$name" "tests/unit/test-$name.c" $sources
done < <(unit_tests)

finish
