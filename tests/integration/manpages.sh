# SPDX-License-Identifier: MIT
# manpages.sh - sourced by the tests of the man pages: their sources, section by section. Sets top (of the
# sources), pages (their folder) and man (where they are installed, of THRED_TEST_ROOT).
# shellcheck shell=bash disable=SC2034  # for who sources it

top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
pages=$top/docs/man
man=${THRED_TEST_ROOT-}/share/man
[ -s "$man/man7/thred-auth.7" ] || skip_all 'THRED_TEST_ROOT names no installation with man pages (scdoc)'

# section PAGE NAME: its lines.
section() {
  awk -v name="# $2" '!open && /^# / { here = $0 == name; next }
    /^```$/ { open = !open }
    here' "$pages/$1.scd"
}

# block PAGE SECTION NUMBER: the lines of its NUMBERth literal block, as the page shows them.
block() {
  section "$1" "$2" | awk -v number="$3" '/^```$/ { open = !open; count += open; next }
    open && count == number' | sed 's/\\\(.\)/\1/g'
}

# blocks PAGE SECTION: how many there are.
blocks() {
  echo $(($(section "$1" "$2" | grep -c '^```$') / 2))
}

# problems: what the parser has against the configuration on stdin. `thredctl route` tells it with a host that
# no environment has, and asks nobody.
problems() {
  rm -rf "$work/conf.d"
  mkdir -m 700 "$work/conf.d"
  install -m 600 /dev/stdin "$work/conf.d/50-x.conf"
  THRED_CONF_DIR=$work/conf.d "$root/bin/thredctl" route https://nobody.thredfi.com/ 2>&1 | sed -n 's/^problem  *//p'
}
