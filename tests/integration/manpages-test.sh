#!/bin/bash
# SPDX-License-Identifier: MIT
# manpages-test.sh - what the man pages say is what the header, the library and the parser know, and nothing
# is missing; they are all installed, and no formatter has anything against them. Of the installation in
# THRED_TEST_ROOT. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
. "$(dirname "$0")/manpages.sh"

root=${THRED_TEST_ROOT-}
header=$top/lib/include/thred/thred.h
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset "${!THRED_@}" LD_PRELOAD MANOPT
export LC_ALL=C.UTF-8
cd "$man" || exit 1

# ---- installed, and well formed ----

# Pages that lead to another one.
links() {
  grep -l '^\.so ' man3/*
}

# Pages of their own.
bodies() {
  grep -L '^\.so ' man[0-9]/*
}

test_installed() {
  is 'every page is installed, and no other' \
    "$(cd "$pages" && printf '%s\n' ./*.scd | sed 's|^\./||; s|\.scd$||' | sort)" \
    "$(bodies | sed 's|.*/||' | sort)"
  local link
  for link in $(links); do
    is "$link leads to a page" there "$([ -s "$(sed -n 's/^\.so //p' "$link")" ] && echo there)"
  done
}

test_man_opens_links() {
  command -v man >/dev/null || { skip 'man opens a link' 'no man'; return; }
  matches 'man opens a link' 'int thred_curl_attach_with\(CURL \*curl' \
    "$(MANPATH=$man man -P cat thred_curl_attach_with 2>&1)"
}

# scdoc writes a paragraph before and after all it can. At 80 columns a table of paths may be too narrow.
test_formatters() {
  if command -v mandoc >/dev/null; then
    # shellcheck disable=SC2046  # names without blanks
    is 'mandoc -T lint' '' "$(mandoc -T lint -W warning $(bodies) 2>&1 | grep -v 'skipping paragraph macro: PP')"
  else
    skip 'mandoc -T lint' 'no mandoc'
  fi
  if command -v man >/dev/null; then
    is 'man --warnings' '' "$(bodies | MANWIDTH=100 xargs -P 2 -I{} sh -c 'man --warnings -E UTF-8 -l {} 2>&1 >/dev/null')"
  else
    skip 'man --warnings' 'no man'
  fi
}

# ---- references ----

# What pages call *NAME*(SECTION), of thred-auth's own.
references() {
  grep -hoE '\*(lib)?[Tt]hred[A-Za-z0-9._-]*\*\([0-9]\)' "$pages"/*.scd | sort -u | tr -d '*' |
    sed 's/\(.*\)(\(.\))/man\2\/\1.\2/'
}

test_references() {
  is 'pages refer to pages that there are' '' "$(references | while read -r page; do
    [ -e "$page" ] || echo "$page"
  done)"
  is 'each page is named by another' '' "$(bodies | while read -r page; do
    name=${page##*/}
    grep -qF "*${name%.*}*(${name##*.})" $(printf '%s\n' "$pages"/*.scd | grep -vF "/$name.scd") || echo "$name"
  done)"
  is 'each page ends with SEE ALSO' '' "$(grep -L '^# SEE ALSO$' "$pages"/*.scd)"
}

# Of documents and programs, to documents.
test_paths() {
  is 'documents that are named are there' '' "$(cd "$top" && grep -rhoE '(^|[^-/a-z$])docs/[A-Za-z0-9_./-]+\.(scd|md|c)\b' \
    ./*.md docs tests scripts lib plugin tools --include='*.md' --include='*.scd' --include='*.[ch]' --include='*.sh' |
    sed 's/^[^d]//' | sort -u | while read -r path; do [ -e "$path" ] || echo "$path"; done)"
}

# ---- the library ----

# The public functions of libthred-auth.
symbols() {
  nm -D --defined-only "$root/lib/libthred-auth.so.0" | sed -n 's/.* T \(.*\)@@THRED_[0-9].*/\1/p' | sort
}

sections=$'NAME\nSYNOPSIS\nDESCRIPTION\nRETURN VALUE\nERRORS\nTHREADS AND SIGNALS\nSOURCES\nEXAMPLE\nSEE ALSO'

test_functions() {
  is 'every public function has a page, and no other' "$(symbols; echo thred_curl_api)" \
    "$(printf '%s\n' man3/thred_*.3 | sed 's|man3/||; s|\.3$||' | grep -v '^thred_curl_api$'; echo thred_curl_api)"
  is 'there are some' yes "$([ "$(symbols | wc -l)" -gt 10 ] && echo yes)"
  local symbol page
  for symbol in $(symbols) thred_curl_api; do
    page=$(sed -n 's|^\.so man3/||p' "man3/$symbol.3")
    matches "$symbol: the SYNOPSIS" "$symbol\(" "$(block "${page:-$symbol.3}" SYNOPSIS 1)"
  done
  for page in "$pages"/thred_*.3.scd; do
    is "${page##*/}: sections" "$sections" "$(sed -n 's/^# //p' "$page" | grep -xF "$sections")"
  done
}

# "NUMBER NAME" of each error, of the header and of the page.
errors_of_header() {
  sed -n 's/^  \(THRED_E_[A-Z_]*\) = \([0-9]*\).*/\2 \1/p' "$header"
}

errors_of_page() {
  section libthred-auth.3 ERRORS | tr -d '\\' | awk '/^\|.*\*[0-9]+\*$/ { gsub(/[^0-9]/, ""); number = $0; next }
    number && /THRED_E_/ { sub(/.*THRED_E_/, "THRED_E_"); print number, $1; number = "" }'
}

test_errors() {
  is 'libthred-auth(3) has every error, with its number' "$(errors_of_header)" "$(errors_of_page)"
  is 'the pages of functions name no other' '' "$(comm -13 <(errors_of_header | cut -d' ' -f2 | sort) \
    <(grep -hoE 'THRED_E_[A-Z_]+' <(tr -d '\\' <<<"$(cat "$pages"/*.3.scd)") | sort -u))"
}

# ---- environment variables ----

test_environment() {
  is 'thred-auth(7) has every variable that is read' \
    "$(cd "$top" && grep -rhoE '(env\(|define [A-Z_]+ +)"THRED_[A-Z_]+"' lib plugin tools/thredctl --include='*.[ch]' |
      grep -o 'THRED_[A-Z_]*\b"' | tr -d '"' | sort -u)" \
    "$(section thred-auth.7 ENVIRONMENT | grep '^\*' | grep -oE 'THRED_[A-Z_]+' | sort -u)"
}

# ---- configuration ----

# keys GROUP: "KEY = VALUES" of thred.conf(5).
keys() {
  section thred.conf.5 "$1" | sed -n 's/^\*\([a-z-]*\)\* = /\1 = /p'
}

thred='THE GROUP [thred]' environment='THE GROUPS [environment NAME]' route='THE GROUPS [route NAME]'
credentials='THE GROUPS [credentials NAME]'

# The parser says itself which keys there are.
test_keys() {
  local said group
  said=$(problems <<<$'[thred]\nx = 1\n[environment e]\nx = 1\n[route r]\nx = 1\n[credentials c]\nmodule = !')
  for group in thred environment route; do
    is "thred.conf(5): the keys of $group" \
      "$(sed -n "s/.*\[$group[ a-z]*\] x: unknown key; here are //p" <<<"$said" | sed 's/, /\n/g' | sort)" \
      "$(keys "${!group}" | sed 's/ =.*//' | sort)"
  done
  matches 'the keys of credentials: the parser' '\[credentials c\] module: ' "$said"
  is 'thred.conf(5): the keys of credentials' module "$(keys "$credentials" | sed 's/ =.*//')"
}

# .. and what they may be.
test_values() {
  local said group key line values
  said=$(problems < <(for group in thred environment route; do
    echo "[$group$([ $group = thred ] || echo ' x')]"
    keys "${!group}" | sed 's/ =.*/ = ?!/'
  done) | sed -nE 's/.*\] ([a-z-]+): "\?!" is (not a whole number from|not one of:|neither) (.*)/\1 \3/p' |
    sed -E 's/ nor /, /; s/ to / to /')
  is 'the parser tells of ranges and words' yes "$([ "$(grep -c . <<<"$said")" -ge 8 ] && echo yes)"
  while read -r key values; do
    [ "$key" != allow ] || continue
    is "thred.conf(5): the values of $key" "$key = ${values//, / | }" \
      "$( (keys "$thred"; keys "$environment"; keys "$route") | grep "^$key = ")"
  done <<<"$said"
}

# CONFIG_DEFAULT_* of the parser: "KEY VALUE".
defaults() {
  sed -n '/CONFIG_DEFAULT_/s/.*CONFIG_DEFAULT_\([A-Z_]*\) = \([^,]*\),*/\1 \2/p' "$top/lib/fetch/config-values.h" |
    while read -r key value; do
      value=$(sed 's/SNAPSHOT_ALLOW_\([A-Z]*\)/\1;/g; s/SNAPSHOT_[A-Z]*_//; s/[ |]//g' <<<"$value")
      key=${key,,}
      echo "${key//_/-} ${value,,}"
    done
}

test_defaults() {
  local key value
  while read -r key value; do
    matches "thred.conf(5): the default of $key" "Default: $value(\.|$)" \
      "$( (section thred.conf.5 "$thred"; section thred.conf.5 "$environment") | sed -n "/^\*$key\* = /,/^$/p")"
  done < <(defaults)
}

# Each shipped module says itself which options it has.
test_module_options() {
  local said module
  said=$(problems < <(
    printf '[environment sandbox]\ncredentials ='
    printf ' %s' "$root"/lib/thred/credentials/*.so | sed 's|[^ ]*/||g; s|\.so||g'
    for module in "$root"/lib/thred/credentials/*.so; do
      printf '\n[credentials %s]\nx = 1\n' "$(basename "$module" .so)"
    done))
  for module in "$root"/lib/thred/credentials/*.so; do
    module=$(basename "$module" .so)
    is "thred-credential-$module(5): its options" \
      "$(sed -n "s/.* the module $module has no option 'x' (it has: \(.*\))/\1/p" <<<"$said" | sed 's/, /\n/g' | sort)" \
      "$(section "thred-credential-$module.5" OPTIONS | grep '^\*' | grep -oE '\*[a-z-]+\*' | tr -d '*' | sort -u)"
  done
}

test_installed
test_man_opens_links
test_formatters
test_references
test_paths
test_functions
test_errors
test_environment
test_keys
test_values
test_defaults
test_module_options
finish
