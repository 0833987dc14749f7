# SPDX-License-Identifier: MIT
# package-rpm.sh - sourced by scripts/package: the packages of packaging/rpm, built on Debian. What Fedora's
# rpm knows and Debian's does not (its macros for meson, where it looks for dependencies) is given or
# left out; who builds on Fedora needs the .spec and the tarball alone.

# rpm_build RUN OPTION...: as an ordinary user in a fresh root; what comes out is moved to $work/rpm/RUN. In
# the same folder each time, since the source package quotes the .spec with all that its macros say.
rpm_build() {
  local run=$1 root=$work/root-rpm topdir=/build/rpmbuild out=$work/rpm/$1
  shift
  root_new "$root" "$build_root"
  # What rpm does to all files before they are packed wants bash by the name of sh, and file(1).
  ln -sf bash "$root/bin/sh"
  mkdir -p "$root$topdir"/{SOURCES,SPECS,BUILD,RPMS,SRPMS}
  cp "$tarball" "$root$topdir/SOURCES"
  tar -xOf "$tarball" "thred-auth-$version/packaging/rpm/thred-auth.spec" >"$root$topdir/SPECS/thred-auth.spec"
  tar -xOf "$tarball" "thred-auth-$version/packaging/rpm/macros.meson" >"$root/build/macros"
  chown -R 4711:4711 "$root/build"
  # The source package tells the times of both files, and all others its digest.
  find "$root$topdir"/S* -type f -exec touch -d "@$(git log -1 --format=%ct)" {} +
  IN_ROOT_HOST=$run in_root "$root" user rpmbuild -ba --nodeps --load /build/macros --define "_topdir $topdir" \
    --define '_buildhost clean' "$@" "$topdir/SPECS/thred-auth.spec" >"$work/rpm-$run.log" 2>&1 || {
    tail -60 "$work/rpm-$run.log" >&2
    die "rpmbuild failed: $work/rpm-$run.log"
  }
  rm -rf "$out"
  mkdir -p "$out"
  find "$root$topdir/RPMS" "$root$topdir/SRPMS" -name '*.rpm' -exec mv -t "$out" {} +
  chown -R 0:0 "$out"
  root_gone "$root"
}

package_rpm() {
  local files
  # shellcheck disable=SC2046
  build_root=$(root_tar rpm "$(dpkg --print-architecture)" build-essential debugedit file rpm \
    $(deb_build_depends | grep -v debhelper))
  say "building with rpmbuild, and running the unit tests"
  rpm_build first
  grep -A9 '^Ok:' "$work/rpm-first.log" || true
  say "building with rpmbuild again"
  rpm_build second --nocheck
  mapfile -t files < <(cd "$work/rpm/first" && ls -- *.rpm)
  same_files rpm "$work/rpm/first" "$work/rpm/second" "${files[@]}"
  rm -rf "$dist/rpm"
  mkdir -p "$dist/rpm"
  cp -t "$dist/rpm" "$work/rpm/first"/*
  git rev-parse "HEAD^{tree}" >"$dist/rpm/commit"
  say "rpmlint"
  rpmlint --strict --config packaging/rpm/rpmlint.toml packaging/rpm/thred-auth.spec "$dist/rpm"/*.rpm
  rpm_sizes
}

rpm_sizes() {
  local file
  for file in "$dist/rpm"/*."$(uname -m)".rpm; do
    printf '%5d KB  %s: %s\n' "$(($(stat -c %s "$file") / 1000))" "$(rpm -qp --qf '%{NAME}' "$file")" \
      "$(rpm -qp --requires "$file" | grep -v '^rpmlib' | sed 's/()(64bit)$//; /^lib.*(.*)/d' | sort -u | paste -sd' ')"
  done
}
