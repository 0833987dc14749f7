# SPDX-License-Identifier: MIT
# common.sh - sourced by the scripts: where things are, what must be installed, how to build.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$top"

# Nothing of the caller's may lead the programs under test elsewhere.
unset THRED_CONF_DIR THRED_PARTNER_UUID THRED_API_KEY THRED_BUSINESS_ID THRED_LOG THRED_DISABLE \
  THRED_MODULE_DIR http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY NO_PROXY no_proxy

say() {
  printf '\n== %s\n' "$*"
}

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# is_installed PACKAGE: itself, or another that provides it (there is a nodejs that is npm, too, and no
# package npm goes beside that one).
is_installed() {
  local status
  status=$(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) || status=
  [[ $status != *'ok installed'* ]] || return 0
  [ -n "$(dpkg-query -W -f '${Status}, ${Provides},\n' | sed -n "/ok installed.*, $1[ ,]/p")" ]
}

# install_packages [LIST]: installs the packages of scripts/packages, or of LIST, that are missing.
install_packages() {
  local missing=() package
  for package in $(sed 's/#.*//' "${1-scripts/packages}"); do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  as_root apt-get update -q >/dev/null
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
    "${missing[@]}" >/dev/null
}

# build DIR [MESON OPTION]... : configures (once), compiles and installs into DIR/root.
build() {
  local dir=$1
  shift
  if [ -f "$dir/build.ninja" ]; then
    # Another's would be changed, and installed from into the system.
    grep -qF "\"$top/$dir/root\"" "$dir/meson-info/intro-buildoptions.json" ||
      die "$dir was set up by hand, or in another place: remove it, or move it away"
    meson configure "$dir" "$@" >/dev/null
  else
    meson setup "$dir" --prefix="$top/$dir/root" --libdir=lib --sysconfdir=etc "$@" >"$dir.log" 2>&1 || {
      cat "$dir.log" >&2
      die "meson setup failed"
    }
  fi
  ninja -C "$dir" --quiet
  meson install -C "$dir" --quiet
}

# install_stand_ins DIR: what the stand-ins of tests/stand-ins need from npm, into DIR/stand-ins, of the
# versions and with the checksums of package-lock.json; no package runs a script. Without them the tests
# that need them are skipped, and say why: DIR/stand-ins/why.
install_stand_ins() {
  local to=$1/stand-ins
  if cmp -s tests/stand-ins/package-lock.json "$to/installed"; then
    return
  fi
  rm -rf "$to"
  mkdir -p "$to"
  cp tests/stand-ins/package.json tests/stand-ins/package-lock.json "$to"
  if ! command -v npm >/dev/null; then
    echo "npm is not installed" >"$to/why"
  elif (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1); then
    cp "$to/package-lock.json" "$to/installed"
  else
    echo "npm ci failed: $(grep -m 1 -i 'err' "$to/npm.log" | head -c 200)" >"$to/why"
  fi
  if [ -f "$to/why" ]; then
    say "tests that need AWS's signer will be skipped: $(cat "$to/why")"
  fi
}
