#!/bin/bash
# SPDX-License-Identifier: MIT
# autopkgtest.sh - runs as root inside a fresh Debian: the tests of debian/tests as Debian's autopkgtest runs
# them, on that very system, as an ordinary user, with the packages of /test/repository. Argument: the .dsc. Prints TAP.
set -u
cd "$(dirname "$0")" || exit 1
. ./../tap.sh
work=$(mktemp -d) || exit 1
chmod 755 "$work"

autopkgtest --user user --summary-file "$work/summary" --output-dir "$work/out" \
  /test/repository/here/*.deb "$1" -- null >"$work/said" 2>&1
is "autopkgtest" 0 $?
# Each with what it has printed: where, in the fresh system, is gone afterwards.
while read -r name; do
  matches "$name" '^PASS' "$(awk -v name="$name" '$1 == name { print $2; exit }' "$work/summary")"
  sed 's/^/#   /' "$work/out/$name-stdout" | tail -40
done < <(sed -n 's/^Tests: *//p' /test/control)
grep -q ' PASS' "$work/summary" || tail -40 "$work/said" | sed 's/^/#   /'
finish
