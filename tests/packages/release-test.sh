#!/bin/bash
# SPDX-License-Identifier: MIT
# release-test.sh - `scripts/release --prepare` on a copy of the tree: one number and one day everywhere. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$(dirname "$0")/../.." || exit 1
for program in git dpkg-parsechangelog; do
  command -v $program >/dev/null || skip_all "no $program"
done
git rev-parse -q --verify HEAD >/dev/null 2>&1 || skip_all 'not a git tree'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
git clone -q --shared . "$work/tree"
cp -a scripts packaging meson.build CHANGELOG.md "$work/tree"
cd "$work/tree" || exit 1
git add -A
git -c user.name=test -c user.email=test@example commit -q --allow-empty -m "as it is here"

is "a version that is none" 2 "$(scripts/release --prepare 1.0 >/dev/null 2>&1; echo $?)"
like "a step back" '*comes before*' "$(scripts/release --prepare 0.0.1 2>&1)"
scripts/release --prepare 7.8.9 >"$work/said" 2>&1
is "the next version" 0 $?
is "meson.build has it" 1 "$(grep -c "^  version: '7.8.9',$" meson.build)"
is "Debian's changelog has it" 7.8.9-1 "$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)"
is "the .spec has it, and an entry" 2 "$(grep -c -e '^Version: *7.8.9$' -e ' - 7.8.9-1$' packaging/rpm/thred-auth.spec)"
is "CHANGELOG.md has it, and room for the next" 2 \
  "$(grep -c -e '^## \[Unreleased\]$' -e "^## \[7.8.9\] - $(date -u +%Y)-" CHANGELOG.md)"
is "nothing else is changed" "CHANGELOG.md meson.build packaging/debian/changelog packaging/rpm/thred-auth.spec" \
  "$(git status --porcelain | sed 's/^...//' | sort | xargs)"
finish
