#!/bin/bash
# SPDX-License-Identifier: MIT
# modules-test.sh - the installed modules that need no server, from the configuration to a token that
# Thred takes, as their man pages show it. Of the installation in THRED_TEST_ROOT. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
docs=$(realpath "$(dirname "$0")/../../docs/man")
work=$(mktemp -d) || exit 1
dir=$work/emulator
pid=
key_id=

cleanup() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
  [ -z "$key_id" ] || keyctl unlink "$key_id" @u
  rm -rf "$work"
}
trap cleanup EXIT

"$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$dir" >"$work/ignored" 2>&1 &
pid=$!
until_true test -s "$dir/port" || { echo "Bail out! the emulator does not start"; exit 1; }

unset "${!THRED_@}" CREDENTIALS_DIRECTORY LD_PRELOAD "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY \
  ALL_PROXY all_proxy
export THRED_CONF_DIR=$dir/conf.d
uuid=$(sed -n 's/^THRED_PARTNER_UUID=//p' "$dir/credentials")
key=$(sed -n 's/^THRED_API_KEY=//p' "$dir/credentials")

# delivers NAME <<END: with what stands on stdin for a configuration, the stack delivers, and Thred
# takes it.
delivers() {
  install -m 600 /dev/stdin "$dir/conf.d/60-modules.conf"
  matches "$1: check" 'SUCCESS +[a-z-]+(| \(module [a-z]+\)), and is used' "$("$root/bin/thredctl" check --offline 2>&1)"
  "$root/bin/thredctl" flush >/dev/null 2>&1
  matches "$1: token" '^[A-Za-z0-9_-]+\.' "$("$root/bin/thredctl" token --partner 2>&1)"
}

# example NAME: the first configuration that the module's man page shows.
example() {
  sed -n '/^```$/,/^```$/p' "$docs/thred-credential-$1.5.scd" | sed '1d' | sed '/^```$/,$d'
}

THRED_PARTNER_UUID=$uuid THRED_API_KEY=$key delivers env < <(example env)

delivers file < <(example file | sed "s|/etc/thred/credentials|$dir/credentials|")
printf '%s\n' "$uuid" >"$work/partner-uuid"
printf '%s\n' "$key" >"$work/api-key"
chmod 400 "$work/partner-uuid" "$work/api-key"
delivers 'file, two of them' <<END
[environment sandbox]
credentials = mounted
[credentials mounted]
module = file
uuid-path = $work/partner-uuid
key-path = $work/api-key
END

mkdir -m 500 "$work/run"
install -m 400 "$dir/credentials" "$work/run/thred"
CREDENTIALS_DIRECTORY=$work/run delivers systemd < <(example systemd)
# A restarted service with another key has nothing of the old one's.
chmod 700 "$work/run"
sed 's/^THRED_API_KEY=.*/THRED_API_KEY=another/' "$dir/credentials" | install -m 400 /dev/stdin "$work/run/thred"
matches 'systemd, with another key' 'does not accept|refused|401' \
  "$(CREDENTIALS_DIRECTORY=$work/run "$root/bin/thredctl" token --partner 2>&1)"

cat >"$work/get-thred-key" <<END
#!/bin/sh
[ "\$1" = --json ] || exit 2
echo '{"version":1,"partner_uuid":"$uuid","api_key":"$key","expires_in":3600}'
END
chmod 700 "$work/get-thred-key"
delivers exec < <(example exec | sed "s|/usr/local/bin|$work|")

# The page's own command, with another name for the key.
name=thred-modules-$$
command=$(grep '^keyctl ' "$docs/thred-credential-keyring.5.scd")
is 'keyring: the page shows how' 'keyctl padd user thred @u <credentials' "$command"
if key_id=$(cd "$dir" && eval "${command/ thred / $name }" 2>"$work/err"); then
  delivers keyring < <(example keyring; printf '[credentials keyring]\ndescription = %s\n' "$name")
else
  key_id=
  skip 'keyring' "no keyring here: $(head -1 "$work/err")"
fi
finish
