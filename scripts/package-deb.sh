# SPDX-License-Identifier: MIT
# package-deb.sh - sourced by scripts/package: Debian's packages.

# What packaging/debian/control says that building needs; without versions, which its tool checks.
deb_build_depends() {
  perl -MDpkg::Control::Info -MDpkg::Deps -e '
    my $source = Dpkg::Control::Info->new("packaging/debian/control")->get_source();
    my $deps = deps_parse($source->{"Build-Depends"}, use_arch => 0, use_profiles => 0);
    for my $dep ($deps->get_deps()) {
      my ($name) = map { $_->{package} } $dep->isa("Dpkg::Deps::OR") ? ($dep->get_deps())[0] : $dep;
      print $name eq "debhelper-compat" ? "debhelper" : $name, "\n";
    }'
}

# deb_source ARCH: lays out $work/source-$arch, the tree that Debian's tools take: the tarball, and debian/ where
# they look for it.
deb_source() {
  local arch=$1
  rm -rf "$work/source-$arch"
  mkdir -p "$work/source-$arch"
  cp "$tarball" "$work/source-$arch/thred-auth_$version.orig.tar.xz"
  tar -xf "$tarball" -C "$work/source-$arch"
  cp -a "$work/source-$arch/thred-auth-$version/packaging/debian" "$work/source-$arch/thred-auth-$version/"
}

# deb_build ARCH PLACE OPTIONS ENV: builds as an ordinary user in a fresh root, in the folder PLACE, and
# moves what comes out to $work/deb-ARCH/PLACE.
deb_build() {
  local arch=$1 place=$2 options=$3 environment=$4 root=$work/root-build-$1 out=$work/deb-$1/$2
  root_new "$root" "$build_root"
  mkdir -p "$root/$place"
  cp -a "$work/source-$arch/." "$root/$place"
  chown -R 4711:4711 "$root/$place"
  IN_ROOT_HOST=$place IN_ROOT_ENV="DEB_BUILD_OPTIONS=$options $environment" in_root "$root" user \
    bash -c "cd /$place/thred-auth-$version && umask ${3:+0002} && exec dpkg-buildpackage -us -uc -j$(nproc)" \
    >"$work/deb-$arch-$place.log" 2>&1 || {
    tail -60 "$work/deb-$arch-$place.log" >&2
    die "dpkg-buildpackage failed: $work/deb-$arch-$place.log"
  }
  rm -rf "$out"
  mkdir -p "$out"
  find "$root/$place" -maxdepth 1 -type f -exec mv -t "$out" {} +
  chown -R 0:0 "$out"
  root_gone "$root"
}

# The second build is elsewhere, later, by a machine of another name with another idea of the time and
# the language. It runs no tests: the first one has, and that this changes nothing is part of it.
package_deb() {
  local arch=$1 first=$work/deb-$1/first second=$work/deb-$1/second files
  build_root=$(root_tar build "$arch" build-essential $(deb_build_depends))
  deb_source "$arch"
  say "building for $arch, and running the unit tests"
  deb_build "$arch" first '' ''
  grep -A9 '^Ok:' "$work/deb-$arch-first.log" || true
  say "building for $arch again"
  deb_build "$arch" second nocheck 'TZ=Asia/Kathmandu LC_ALL=C'
  mapfile -t files < <(cd "$first" && ls -- *.deb *.dsc *.tar.*)
  same_files "deb, $arch" "$first" "$second" "${files[@]}"
  mkdir -p "$dist/deb"
  find "$dist/deb" -name "*_$arch.*" -delete
  cp -t "$dist/deb" "$first"/*
  git rev-parse "HEAD^{tree}" >"$dist/deb/commit-$arch"
  say "lintian"
  # Not for an upload to Debian yet, so there is no bug that the first version closes.
  lintian --allow-root --suppress-tags initial-upload-closes-no-bugs --display-info --pedantic --fail-on error,warning,info,pedantic \
    --tag-display-limit 0 "$dist/deb"/*"_$arch.changes"
  echo "lintian: clean"
  deb_sizes "$arch"
}

# Of what is in dist/deb: size, size installed, what it depends on.
deb_sizes() {
  local deb
  for deb in "$dist/deb"/*"_$1.deb"; do
    printf '%-28s %5d KB, %6s KB installed; %s\n' "$(dpkg-deb -f "$deb" Package)" \
      "$(($(stat -c %s "$deb") / 1000))" "$(dpkg-deb -f "$deb" Installed-Size)" "$(dpkg-deb -f "$deb" Pre-Depends Depends | sed 's/^[A-Za-z-]*: //' | paste -sd,)"
  done
}
