# SPDX-License-Identifier: MIT
# installed.sh - sourced by tests of what documents show, as they show it: a machine on which the
# installation of THRED_TEST_ROOT stands in /usr and the emulator is Thred, with an ordinary user `me` who
# may use sudo. Its own /etc, /run, /dev/shm and network; nothing outside changes. Sets root, source, work
# and pids; offers as_me, start_thred, control, begin and seen.
set -u
. "$(dirname "$0")/../tap.sh"

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] && [ -d "$root/etc/thred/conf.d" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
root=$(realpath "$root")
! ldd "$root/lib/thred/libthred-preload.so" | grep -q libasan ||
  skip_all "AddressSanitizer's runtime keeps programs of others from starting"
[ "$(id -u)" = 0 ] || skip_all 'only root may set a machine up'

if [ -z "${THRED_TEST_STAGE-}" ]; then
  unshare -mn true 2>/dev/null || skip_all 'no namespaces here'
  THRED_TEST_STAGE=yes exec unshare -mn "$0" "$@"
fi

source=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d) || exit 1
chmod 755 "$work"
pids=()

cleanup() {
  local pid
  for pid in "${pids[@]}" $(cat /run/stage-pids 2>/dev/null); do
    { kill "$pid" && wait "$pid"; } 2>/dev/null
  done
  umount -l "$work/etc" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

bail_out() {
  echo "Bail out! $1"
  exit 1
}

# ours PATH TARGET: PATH below /usr leads to TARGET of the installation.
ours() {
  mkdir -p "$(dirname "$work/usr/$1")"
  ln -s "$root/$2" "$work/usr/$1"
}

# Users other than root get to the sources and the installation, whoever's home they lie in.
open_up() {
  local closed= path=/ part
  while IFS= read -r part; do
    path=${path%/}/$part
    case $(stat -c %A "$path") in
    *[xt]) ;;
    *) closed=$path && break ;;
    esac
  done < <(tr / '\n' <<<"${root#/}")
  [ -n "$closed" ] || return 0
  # Not below $work, which is removed at the end.
  mount --rbind "$closed" /mnt && mount -t tmpfs -o mode=755 none "$closed" || return 1
  for path in "$source" "$root"; do
    [[ $path != "$closed"/* ]] || { mkdir -p "$path" && mount --bind "/mnt/${path#"$closed/"}" "$path"; } || return 1
  done
  umount -l /mnt
}

# The user `me`; and sudo, which is setpriv(1) with root's rights: this machine has nobody else on it.
add_user() {
  echo 'me:x:4242:4242::/run/home:/bin/bash' >>/etc/passwd
  echo 'me:x:4242:' >>/etc/group
  install -d -o me -g me /run/home
  install -m 4755 "$(command -v setpriv)" /run/as-root
  install -D -m 755 -t "$work/bin" "$source/tests/integration/stage/sudo" "$source/tests/integration/stage/systemctl"
}

# as_me COMMAND...
as_me() {
  HOME=/run/home USER=me setpriv --reuid me --regid me --init-groups "$@"
}

lay_out() {
  local library=lib/${triplet-$(cc -print-multiarch)} file
  open_up && mount -t tmpfs none /dev/shm && mount -t tmpfs -o mode=755 none /run &&
    ip link set lo up || return 1
  mkdir "$work/etc" && mount -t tmpfs -o mode=755 none "$work/etc" && cp -a /etc/. "$work/etc" &&
    mount --bind "$work/etc" /etc || return 1
  rm -rf /etc/thred /etc/systemd/system/*
  cp -a "$root/etc/thred" /etc/thred && mount --bind /etc/thred "$root/etc/thred" || return 1
  for file in "$root"/lib/libthred-auth.so*; do
    ours "$library/${file##*/}" "lib/${file##*/}"
  done
  ours "$library/thred" lib/thred
  ours "$library/pkgconfig/thred-auth.pc" lib/pkgconfig/thred-auth.pc
  ours bin/thredctl bin/thredctl
  ours bin/thred-emulator bin/thred-emulator
  ours include/thred include/thred
  ours share/doc/thred-auth share/doc/thred-auth
  mount -t overlay overlay -o "lowerdir=$work/usr:/usr" /usr && add_user
}

# The emulator, where every program looks for Thred: port 443, a CA of the system's, no variable at all.
start_thred() {
  local host
  "$root/bin/thred-emulator" --listen 127.0.0.1:443 --dir "$work/thred" "$@" >"$work/emulator.log" 2>&1 &
  pids+=($!)
  until_true test -s "$work/thred/port" || bail_out "the emulator does not start: $(cat "$work/emulator.log")"
  for host in $(sed -n 's/^hosts = //p' "$root/lib/thred/conf.d/10-environments.conf" | tr ';' ' ') docs.thredfi.com; do
    echo "127.0.0.1 $host"
  done >>/etc/hosts
  cat "$work/thred/ca.pem" >>/etc/ssl/certs/ca-certificates.crt
}

control() {
  curl -q -sS --fail "https://localhost/_emulator/$1" "${@:2}"
}

# seen: what came since the last `begin`, but for token requests: "KIND STATUS", each once, in order of the
# alphabet.
seen() {
  control requests | jq -r '.[] | select(.target | test("/oauth2/token/") | not) | "\(.kind) \(.status)"' |
    sort -u | paste -sd, -
}

begin() {
  control reset -X POST >/dev/null
}

unset "${!THRED_@}" LD_PRELOAD CREDENTIALS_DIRECTORY "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY \
  ALL_PROXY all_proxy NO_PROXY no_proxy CURL_CA_BUNDLE SSL_CERT_FILE SSLKEYLOGFILE PKG_CONFIG_PATH LD_LIBRARY_PATH
export HOME=$work/home LC_ALL=C GIT_CONFIG_NOSYSTEM=1
PATH=$work/bin:$PATH
mkdir "$HOME"
lay_out 2>"$work/lay-out.log" || skip_all "no machine of its own: $(cat "$work/lay-out.log")"
