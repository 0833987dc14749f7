# SPDX-License-Identifier: MIT
# curl-source.sh - sourced by curl-suite: Debian's source package of curl, built as Debian builds the
# OpenSSL flavour, with a shared libcurl that is not installed. All of it is kept under $cache.

source_options=()

# apt with lists of its own: the machine's sources, asked for source packages. Needs no root and leaves
# /etc/apt and /var/lib/apt as they are.
private_apt() {
  local apt=$cache/apt file name
  rm -rf "$apt"
  mkdir -p "$apt/sources" "$apt/lists/partial" "$apt/cache"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    grep -qis debian "$file" || continue # other archives have no source packages, or not of curl
    name=${file##*/}
    case $name in
    *.sources) sed 's/^Types:.*/Types: deb-src/' "$file" >"$apt/sources/$name" ;;
    *) sed -n 's/^deb /deb-src /p' "$file" >"$apt/sources/${name%.list}.list" ;;
    esac
  done
  source_options=(-q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources"
    -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=)
}

# Debian's tree has the changes for all three flavours applied; the last two make it GnuTLS, then NSS.
leave_other_flavours() {
  local patch
  for patch in $(tac debian/patches/series | grep -E '^[0-9]+_(gnutls|nss)\.patch$'); do
    patch -R -p1 -s <"debian/patches/$patch"
  done
}

fetch_curl() {
  private_apt
  mkdir "$cache/fetch"
  cd "$cache/fetch"
  apt-get "${source_options[@]}" update
  apt-get "${source_options[@]}" --download-only source curl
  dpkg-source --no-check -x curl_*.dsc source
  cd source
  leave_other_flavours
  dpkg-parsechangelog -S Version >"$cache/version"
}

# The switches of debian/rules. Not its linker flags: without -z now the loader binds a function when it
# is first called, which is what curl-proof.sh reads.
configure_curl() {
  ./buildconf
  ./configure --prefix=/usr --disable-dependency-tracking --disable-static --disable-symbol-hiding \
    --enable-versioned-symbols --enable-threaded-resolver --with-lber-lib=lber --with-gssapi=/usr \
    --with-nghttp2 --without-libssh --with-libssh2 --with-openssl --with-ca-path=/etc/ssl/certs \
    --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt CFLAGS=-O2
}

make_curl() {
  make -j"$(nproc)"
  make -j"$(nproc)" -C tests all # the programs and the servers of the tests
}

# step WHAT COMMAND: in a shell of its own, its output in a log that is shown if it fails. Not the
# condition of an if: bash would not stop at the first error in it.
step() {
  local log=$cache/${2//_/-}.log status=0
  say "curl: $1 ($log)"
  set +e
  (
    set -e
    "$2"
  ) >"$log" 2>&1
  status=$?
  set -e
  [ $status = 0 ] && return
  tail -n 40 "$log" >&2
  die "curl could not be made: $1"
}

# The tree in $cache/source, as it was built there: what libtool makes names the folder.
get_curl() {
  [ "$(cat "$cache/built" 2>/dev/null)" = "$cache" ] && return
  rm -rf "$cache"
  mkdir -p "$cache"
  step "fetching the source package" fetch_curl
  mv "$cache/fetch/source" "$cache/source"
  cd "$cache/source"
  step "configuring" configure_curl
  step "compiling" make_curl
  cd "$top"
  echo "$cache" >"$cache/built"
}
