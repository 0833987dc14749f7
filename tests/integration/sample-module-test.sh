#!/bin/bash
# SPDX-License-Identifier: MIT
# sample-module-test.sh - docs/examples/credential-pass.c is built by the commands that it shows, with
# the installation in THRED_TEST_ROOT, and delivers. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
source=$(realpath "$(dirname "$0")/../../docs/examples/credential-pass.c")
work=$(mktemp -d) || exit 1
dir=$work/emulator
pid=

cleanup() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

# The lines of the comment from the first that begins with cc on, up to the one with `install`.
commands() {
  sed -n 's/^ \* *\(cc .*\)/\1/p; s/^ \* *\(  *\$(pkg-config --cflags.*\)/\1/p; s/^ \* *\(install .*\)/\1/p' "$source"
}

is 'the example shows how it is built' 3 "$(commands | wc -l)"

# The installed modules are not touched: the folder that pkg-config names is one of this test's.
# With THRED_MODULE_DIR the miss part is looked for beside that folder.
mkdir -m 755 "$work/thred" "$work/thred/credentials" "$work/src" "$work/pc"
cp "$source" "$work/src/credential-pass.c"
cp "$root/lib/thred/libthred-fetch.so" "$work/thred/"
cp "$root/lib/thred/credentials/file.so" "$work/thred/credentials/"
sed "s|^moduledir=.*|moduledir=$work/thred/credentials|" "$root/lib/pkgconfig/thred-auth.pc" >"$work/pc/thred-auth.pc"
(cd "$work/src" && PKG_CONFIG_PATH=$work/pc bash -e <<<"$(commands)") >"$work/build.log" 2>&1
is 'it is built and installed' 0 $?
is 'without a warning' '' "$(cat "$work/build.log")"
is 'it exports one symbol' thred_credential_module \
  "$(nm -D --defined-only "$work/thred/credentials/pass.so" | awk '{print $3}')"

"$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$dir" >"$work/ignored" 2>&1 &
pid=$!
until_true test -s "$dir/port" || { echo "Bail out! the emulator does not start"; exit 1; }

unset "${!THRED_@}" LD_PRELOAD "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy
export THRED_CONF_DIR=$dir/conf.d THRED_MODULE_DIR=$work/thred/credentials
uuid=$(sed -n 's/^THRED_PARTNER_UUID=//p' "$dir/credentials")
sed -n 's/^THRED_API_KEY=//p' "$dir/credentials" >"$work/key"

# configure FILE [LINE]
configure() {
  install -m 600 /dev/stdin "$dir/conf.d/60-pass.conf" <<<"[environment sandbox]
credentials = pass
[credentials pass]
uuid = $uuid
file = $1
${2-}"
}

configure "$work/key"
matches 'check: it delivers' 'credentials  SUCCESS   pass, and is used' "$("$root/bin/thredctl" check --offline 2>&1)"
matches 'Thred takes the credential' '^[A-Za-z0-9_-]+\.' "$("$root/bin/thredctl" token --partner 2>&1)"
configure "$work/none"
matches 'check: no such file' 'NOTFOUND  pass: .*/none: cannot be opened' "$("$root/bin/thredctl" check --offline 2>&1)"
: >"$work/empty"
configure "$work/empty"
matches 'check: an empty one' 'UNAVAIL   pass: the API key is empty' "$("$root/bin/thredctl" check --offline 2>&1)"
configure "$work/key" 'fil = x'
matches 'check: a mistake' "60-pass.conf:6: the module pass has no option 'fil'" "$("$root/bin/thredctl" check --offline 2>&1)"
finish
