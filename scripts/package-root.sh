# SPDX-License-Identifier: MIT
# package-root.sh - sourced: clean Debian systems, made by mmdebstrap from the sources that this
# machine's apt has, in which packages are built and installed.

roots=$top/build-package/roots

# The repositories of Debian's that apt uses here, for another architecture too.
apt_sources() {
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' | sort -u
}

# What apt has been told here about reaching them: proxies, and whether old lists are good.
apt_options() {
  apt-config dump | grep -E '^Acquire::(Check-|Retries|(http|https|ftp)::[Pp]roxy|Languages)' || true
}

# root_made TAR ARCHITECTURES PACKAGE...: from the sources on stdin.
root_made() {
  local tar=$1 arch=$2
  shift 2
  apt_options >"$roots/apt.conf"
  # shellcheck disable=SC2016  # mmdebstrap's shell expands it
  mmdebstrap --quiet --variant=minbase --architectures="$arch" --format=tar --include="$(IFS=,; echo "$*")" \
    --aptopt="$roots/apt.conf" --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash --uid 4711 user' \
    bookworm "$tar.new" - >&2 && mv "$tar.new" "$tar"
}

# root_tar NAME ARCHITECTURES PACKAGE...: prints the path of a tar file of a minimal system with these
# packages. It is made once a week, or when the list changes.
root_tar() {
  local name=$1 arch=$2 tar
  shift 2
  tar=$roots/$name-$arch-$(printf '%s\n' "$@" | sort | sha256sum | cut -c1-12).tar
  if [ -z "$(find "$tar" -mtime -7 2>/dev/null)" ]; then
    say "a clean root for $name, $arch" >&2
    mkdir -p "$roots"
    rm -f "$roots/$name-$arch"-*.tar
    [ -n "$(apt_sources)" ] || apt-get update -q >/dev/null
    # A mirror's lists of updates for another architecture may be broken for days.
    apt_sources | root_made "$tar" "$arch" "$@" || {
      say "once more, with the release alone" >&2
      apt_sources | grep ' bookworm ' | root_made "$tar" "$arch" "$@"
    } || die "no clean root for $name, $arch"
  fi
  echo "$tar"
}

# root_new DIR TAR: lays it out, in the place of what was there.
root_new() {
  root_gone "$1"
  mkdir -p "$1"
  tar -xf "$2" -C "$1"
}

root_gone() {
  rm -rf --one-file-system "$1"
}

# in_root DIR USER COMMAND...: runs it there, with nothing of this machine's but the kernel and, if
# IN_ROOT_NET is set, the network. No process outlives it. IN_ROOT_ENV: words NAME=VALUE for env(1).
in_root() {
  local dir=$1 user=$2 net=--net
  shift 2
  [ -z "${IN_ROOT_NET-}" ] || net=
  # shellcheck disable=SC2016,SC2086
  unshare --mount --pid --ipc --uts $net --fork --kill-child bash -c '
    set -e
    dir=$1 user=$2 host=$3; shift 3
    hostname "$host"
    ip link set lo up
    mount --make-rprivate /
    mount -t proc proc "$dir/proc"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$dir/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$dir/dev/pts"
    home=/root; [ "$user" = root ] || home=/home/$user
    exec chroot --userspec="$user" "$dir" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" \
      LANG=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive $IN_ROOT_ENV "$@"
  ' in_root "$dir" "$user" "${IN_ROOT_HOST-clean}" "$@"
}
