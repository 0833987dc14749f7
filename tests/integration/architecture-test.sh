#!/bin/bash
# SPDX-License-Identifier: MIT
# architecture-test.sh ROOT - docs/architecture.md is about these sources: each file and function that it
# names is there, and each file that is there has its place in "Where what is". Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
shopt -s nullglob extglob

cd "$1" || exit 1
page=docs/architecture.md

# Folders that the page has no table for: it has a sentence instead.
without_table=(docs docs/benchmarks docs/man tests 'tests/*')

# is_there NAME: a path from the top, a file anywhere, or a pattern of either.
is_there() {
  local found=($1)
  [ ${#found[@]} -gt 0 ] && [ -e "${found[0]}" ] && return
  [ -n "$(find lib plugin tools conf.d docs tests scripts packaging -name "${1##*/}" -path "*$1" -print -quit)" ]
}

# words FILE: what stands in it between backticks, a line each.
words() { grep -oE '`[^`]+`' "$1" | tr -d '`'; }

# absent FILE: names of files in it that are not there.
absent() {
  words "$1" | grep -E '^[a-zA-Z0-9*./_-]+\.(c|cpp|h|sh|md|map|map\.in|conf|py|build)$' | sort -u |
    grep -vxE 'NAME(-\*)?\.c|X\.[ch]|(.*/)?NAME\.c' | while read -r name; do
    is_there "$name" || echo "$name"
  done
}

# unknown FILE: rows "| files | functions | what |" with a function that none of their files has.
unknown() {
  local row files function
  grep -E '^\| (· )?`(lib|plugin)/([^|]*\|){3}$' "$1" | while IFS= read -r row; do
    mapfile -t files < <(cut -d '|' -f 2 <<<"$row" | grep -oE '`[^`]+`' | tr -d '`')
    cut -d '|' -f 3 <<<"$row" | grep -oE '`[^`]+`' | tr -d '`' | while read -r function; do
      grep -qsE "^[a-zA-Z].*\b$function\)?(\(| =)" "${files[@]}" || echo "${files[*]}: $function"
    done
  done
}

# table FILE FOLDER: the names and patterns of the first column of its table.
table() {
  sed -n "\\|^### \`$2/\`\$|,/^##* /p" "$1" | grep '^| `' | cut -d '|' -f 2 | grep -oE '`[^`]+`' | tr -d '`'
}

# home FILE FOLDER: the folder with the table that is about FOLDER: its own, or one above. Fails without one.
home() {
  local folder=$2
  until grep -qxF "### \`$folder/\`" "$1"; do
    [[ $folder == */* ]] || return 1
    folder=${folder%/*}
  done
  echo "$folder"
}

# homeless FILE FOLDER: files in it that its table has no place for.
homeless() {
  local path name pattern found home
  home=$(home "$1" "$2") || { echo "$2 has no table"; return; }
  mapfile -t patterns < <(table "$1" "$home")
  for path in "$2"/*; do
    name=${path#"$home/"}
    [ -f "$path" ] && [ "${path##*/}" != meson.build ] || continue
    found=
    for pattern in "${patterns[@]}"; do
      # "*" is no slash, here; and a header goes with its source.
      [[ ${name//[^\/]/} == "${pattern//[^\/]/}" ]] || continue
      if [[ $name == $pattern || ($name == *.h && ${name%.h}.c == $pattern && -f ${path%.h}.c) ]]; then
        found=yes
      fi
    done
    [ -n "$found" ] || echo "$path"
  done
}

# empty FILE: places in its tables that no file has.
empty() {
  local folder pattern found
  sed -n 's/^### `\(.*\)\/`$/\1/p' "$1" | while read -r folder; do
    table "$1" "$folder" | while read -r pattern; do
      found=("$folder"/$pattern)
      [ ${#found[@]} -gt 0 ] && [ -e "${found[0]}" ] || echo "$folder/$pattern"
    done
  done
}

# folders: those that have files.
folders() {
  find lib plugin tools conf.d docs tests scripts packaging -type f ! -name meson.build ! -name '.*' -printf '%h\n' | sort -u
}

# stands_elsewhere FOLDER: the page tells of it in words.
stands_elsewhere() {
  local pattern
  for pattern in "${without_table[@]}"; do
    # shellcheck disable=SC2053  # a pattern
    [[ $1 != $pattern ]] || return 0
  done
  return 1
}

is 'each file that the page names is there' '' "$(absent $page)"
is 'each function is in the file that it stands beside' '' "$(unknown $page)"
is 'the way of a request is there' yes "$([ "$(grep -cE '^\| (· )?`(lib|plugin)/([^|]*\|){3}$' $page)" -ge 25 ] && echo yes)"
while read -r folder; do
  stands_elsewhere "$folder" || is "$folder: each file has its place" '' "$(homeless $page "$folder")"
done < <(folders)
is 'each place has its file' '' "$(empty $page)"

# And what is wrong is found.
bad=$(mktemp)
trap 'rm -f "$bad"' EXIT
{
  printf '%s\n' '| `lib/route.c` | `route_decide`, `route_no_such` | x |' '`lib/no-such.c`' '### `conf.d/`' '' '| f | w |'
  printf '%s\n' '|---|---|' '| `10-*.conf`, `30-*.conf` | x |'
} >"$bad"
is 'a bad page: a file' 'lib/no-such.c' "$(absent "$bad" | grep lib/)"
is '  a function' 'lib/route.c: route_no_such' "$(unknown "$bad")"
is '  a file without a place' conf.d/20-routes.conf "$(homeless "$bad" conf.d)"
is '  a place without a file' 'conf.d/30-*.conf' "$(empty "$bad")"
is '  a folder without a table' 'lib has no table' "$(homeless "$bad" lib)"
finish
