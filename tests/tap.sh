# SPDX-License-Identifier: MIT
# tap.sh - sourced by the tests that are shell scripts: assertions that print TAP.

tests=0
failures=0

# is NAME EXPECTED ACTUAL
is() {
  tests=$((tests + 1))
  if [ "$2" = "$3" ]; then
    echo "ok $tests - $1"
  else
    echo "not ok $tests - $1"
    printf '%s\n' "expected: $2" "actual:   $3" | head -c 2000 | sed 's/^/#   /'
    failures=$((failures + 1))
  fi
}

# matches NAME REGULAR_EXPRESSION TEXT
matches() {
  if [[ $3 =~ $2 ]]; then is "$1" yes yes; else is "$1" "$2" "$3"; fi
}

# like NAME PATTERN TEXT: a glob that the whole text must match.
like() {
  # shellcheck disable=SC2053  # the right side is meant to be a pattern
  if [[ $3 == $2 ]]; then is "$1" yes yes; else is "$1" "$2" "$3"; fi
}

# skip NAME REASON
skip() {
  tests=$((tests + 1))
  echo "ok $tests - $1 # SKIP $2"
}

# skip_all REASON: the whole program.
skip_all() {
  echo "1..0 # SKIP $1"
  exit 0
}

# finish: the plan, and the program's exit status.
finish() {
  echo "1..$tests"
  [ $failures -eq 0 ]
}

# until_true COMMAND...: asks again for up to twenty seconds.
until_true() {
  local end=$((SECONDS + 20))
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.02
  done
}
