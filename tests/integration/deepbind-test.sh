#!/bin/bash
# SPDX-License-Identifier: MIT
# deepbind-test.sh PROBE FOLDER - dlopen under the shim: RTLD_DEEPBIND goes for objects that need libcurl
# and stays for all others; whatever else dlopen is given, it does what it does without the shim. FOLDER
# has the plug-ins. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
probe=$(realpath "$1") plugins=$2
root=${THRED_TEST_ROOT-}
shim=$root/lib/thred/libthred-preload.so
[ -f "$shim" ] || skip_all 'THRED_TEST_ROOT names no installation'
nm -D "$shim" | grep -q ' T dlopen$' || skip_all 'no stub for this architecture'
! nm -D "$shim" | grep -q __asan || skip_all 'AddressSanitizer refuses RTLD_DEEPBIND'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset LD_PRELOAD LD_LIBRARY_PATH THRED_DISABLE

# opened FLAG FILE...: under the shim, without the figure of errno.
opened() {
  LD_PRELOAD=$shim "$probe" "$@" 2>&1 | sed 's/, errno [0-9]*$//'
}

plain=$plugins/deepbind-plain.so curl=$plugins/deepbind-libcurl.so
is 'without libcurl, RTLD_DEEPBIND' 'its own' "$(opened deep "$plain")"
is 'without libcurl, without the flag' "the program's" "$(opened flat "$plain")"
is 'with libcurl, RTLD_DEEPBIND' "the program's" "$(opened deep "$curl")"
is 'with libcurl, without the flag' "the program's" "$(opened flat "$curl")"
is 'one after the other' $'its own\n'"the program's" "$(opened deep "$plain" "$curl")"
is 'with libcurl, switched off' 'its own' "$(THRED_DISABLE=1 opened deep "$curl")"
is 'with libcurl, without the shim' 'its own' "$(LD_PRELOAD='' "$probe" deep "$curl" | sed 's/,.*//')"
ln -s "$curl" "$work/link.so"
is 'with libcurl, through a link' "the program's" "$(opened deep "$work/link.so")"
is 'with libcurl, a relative path' "the program's" "$(cd "$plugins" && opened deep ./deepbind-libcurl.so)"

# as_ever NAME FLAG FILE...: text and errno are those of dlopen without the shim.
as_ever() {
  local name=$1
  shift
  is "$name: as without the shim" "$("$probe" "$@" 2>&1)" "$(LD_PRELOAD=$shim "$probe" "$@" 2>&1)"
}

head -c 5000 /dev/urandom >"$work/random"
printf '\177ELF' >"$work/magic"
: >"$work/empty"
mkdir "$work/folder"
ln -s loop "$work/loop"
cp "$curl" "$work/unreadable" && chmod 0 "$work/unreadable"
for flag in deep flat; do
  as_ever "$flag, what is no object" $flag "$work/random" "$work/magic" "$work/empty" /dev/null /dev/zero
  as_ever "$flag, what is no file" $flag "$work/folder" "$work/missing" "$work/loop" "$work/unreadable/x" ''
  as_ever "$flag, NULL" $flag NULL
  as_ever "$flag, the loader's own search" $flag libm.so.6 no-such.so.1 '$ORIGIN/no-such.so' \
    "$(printf 'x%.0s' $(seq 5000))/y"
  # Only the probe's RUNPATH leads there: the loader must still see who calls dlopen.
  as_ever "$flag, RUNPATH of the caller" $flag deepbind-below.so
  is "  and it is found ($flag)" 1 "$(opened $flag deepbind-below.so | grep -c -e own -e program)"
  # \$ORIGIN is the caller's.
  as_ever "$flag, \$ORIGIN" $flag '$ORIGIN/deepbind-plain.so'
done

# Cut off, and changed: never read past the end, never another result. The stub reads before the loader does.
size=$(stat -c %s "$curl")
cut=()
for at in 1 16 63 64 65 120 200 500 1000 2000 4095 4096 4097 $((size / 2)) $((size - 1)); do
  head -c "$at" "$curl" >"$work/cut-$at"
  cut+=("$work/cut-$at")
done
for file in "${cut[@]}"; do
  # A file whose end is missing can kill the process in the loader, with the shim as without.
  without=$("$probe" deep "$file" 2>&1; echo "status $?")
  with=$(LD_PRELOAD=$shim "$probe" deep "$file" 2>&1; echo "status $?")
  if [[ $without == *'its own'* ]]; then without=${without/its own/the program\'s}; fi
  is "cut off at ${file##*-}" "${without##*: line*: }" "${with##*: line*: }"
done

# A FIFO: who writes to it is read once, by the loader.
mkfifo "$work/fifo"
for shimmed in '' "$shim"; do
  (head -c 4000 /dev/zero >"$work/fifo") &
  text=$(LD_PRELOAD=$shimmed timeout 20 "$probe" deep "$work/fifo" 2>&1; echo "status $?")
  wait
  [ -n "$shimmed" ] || without=$text
done
is 'a FIFO: as without the shim' "$without" "$text"
finish
