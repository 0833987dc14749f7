# SPDX-License-Identifier: MIT
# common.sh - sourced by the scripts: where things are, what must be installed, how to build.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
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

# install_packages [LIST]: installs the packages of scripts/packages, or of LIST, that are missing.
install_packages() {
  local missing=() package
  for package in $(sed 's/#.*//' "${1-scripts/packages}"); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
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
