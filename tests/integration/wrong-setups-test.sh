#!/bin/bash
# SPDX-License-Identifier: MIT
# wrong-setups-test.sh DOCUMENT - makes every set-up of docs/troubleshooting.md, runs the command that stands
# there, and compares its words with those in the document. Prints TAP.
#
# In the document, paths are those of a package; here they lie elsewhere. Numbers that are another each
# time (milliseconds, ports, dates) are made the same on both sides.
set -u
. "$(dirname "$0")/../tap.sh"
. "$(dirname "$0")/check-servers.sh"
document=$1
conf=$work/conf.d
variables=()

# configure <<END: one host, the emulator, the credential file, and what stands on stdin behind it.
configure() {
  conf_of "$conf"
}

# leads_to PORT [LINE]...
leads_to() {
  { printf '[environment sandbox]\nconnect-to = ::127.0.0.1:%s\n' "$1"; shift; printf '%s\n' "$@"; } | configure
}

# ---- the set-ups, by their headings ----

setup_no_active_environment() { rm "$conf"/*; }
setup_an_environment_without_credentials() { rm "$conf"/*; }
setup_no_credential() { configure <<<$'[environment sandbox]\ncredentials = env'; }
setup_half_a_credential() {
  configure <<<$'[environment sandbox]\ncredentials = env'
  variables+=(THRED_API_KEY=secret)
}
setup_a_credential_file_that_others_can_read() { chmod 604 "$work/credentials"; }
setup_another_users_credential_file() {
  [ "$(id -u)" = 0 ] || return 1
  chown 12345 "$work/credentials"
}
setup_a_folder_that_the_group_may_write_to() { chmod 775 "$conf"; }
setup_a_file_that_the_group_may_write_to() { chmod 664 "$conf/60-more.conf"; }
setup_another_users_file() {
  [ "$(id -u)" = 0 ] || return 1
  chown 12345 "$conf/60-more.conf"
}
setup_a_file_that_is_not_read() { : >"$conf/sandbox.conf.txt"; }
setup_a_masked_file() { ln -s /dev/null "$conf/20-routes.conf"; }
setup_a_misspelt_key() { configure <<<$'[environment sandbox]\ntimout = 5'; }
setup_a_misspelt_group() { configure <<<$'[enviroment sandbox]\ntimeout = 5'; }
setup_a_key_given_twice() { configure <<<$'[environment sandbox]\ntimeout = 5\ntimeout = 10'; }
setup_a_value_that_is_none() { configure <<<$'[environment sandbox]\ntimeout = soon'; }
setup_a_business_that_is_no_uuid() { configure <<<$'[environment sandbox]\nbusiness = mine'; }
setup_a_host_in_two_environments() {
  configure <<<$'[environment mine]\nhosts = sandbox.thredfi.com;\ncredentials = file'
}
setup_garbage() { printf '[environment sandbox]\ntimeout = \xff\xfe\n' | configure; }
setup_a_module_that_does_not_exist() { configure <<<$'[environment sandbox]\ncredentials = fil'; }
setup_a_command_that_fails() {
  printf '#!/bin/sh\nexit 3\n' >"$work/get-key"
  chmod 755 "$work/get-key"
  configure <<<$'[environment sandbox]\ncredentials = exec\n[credentials exec]\ncommand = '"$work/get-key"
}
setup_a_host_that_nobody_names() { :; }
setup_a_url_without_tls() { :; }
setup_a_port_in_the_url() { :; }
setup_dots_in_the_path() { :; }
setup_a_path_without_a_business() { :; }
setup_a_process_whose_business_is_no_uuid() { variables+=(THRED_BUSINESS_ID=mine); }
setup_pinned_to_another_business() {
  configure <<<$'[environment sandbox]\npin-business = yes\nbusiness = '$first
}
setup_no_partner_token_allowed() { configure <<<$'[environment sandbox]\nallow = business;'; }
setup_no_partner_token_to_be_had() { configure <<<$'[environment sandbox]\nallow = business;'; }
setup_switched_off() { variables+=(THRED_DISABLE=1); }
setup_a_program_without_the_loader() {
  echo 'int main(void) { return 0; }' | cc -static -x c -o "$work/report" - 2>"$work/ignored"
}
setup_a_setuid_program() {
  [ "$(id -u)" = 0 ] && cp /bin/true "$work/report" && chown nobody "$work/report" && chmod 4755 "$work/report" &&
    ! findmnt -n -o OPTIONS -T "$work" | grep -q nosuid
}
setup_a_script_whose_interpreter_is_missing() {
  printf '#!/usr/bin/python2\n' >"$work/report"
  chmod 755 "$work/report"
}
setup_a_name_that_does_not_resolve() {
  configure <<<$'[environment sandbox]\nconnect-to = ::thred.invalid:443\nconnect-timeout = 2'
}
setup_nobody_listens() { leads_to 1; }
setup_a_server_that_says_nothing() { silent; leads_to "$port" 'connect-timeout = 1'; }
setup_a_proxy_that_refuses() {
  leads_to 1
  variables+=("https_proxy=http://127.0.0.1:$(cat "$work/emulator/proxy-port")")
}
setup_an_expired_certificate() {
  emulator "$work/expired" --expired
  leads_to "$(cat "$work/expired/port")" "ca-file = $work/expired/ca.pem"
}
setup_another_hosts_certificate() {
  emulator "$work/foreign" --name other.example
  leads_to "$(cat "$work/foreign/port")" "ca-file = $work/foreign/ca.pem"
}
setup_an_authority_that_is_not_trusted() {
  install -m 644 "$work/emulator/ca.pem" "$work/ca.pem"
  emulator "$work/unknown"
  leads_to "$(cat "$work/unknown/port")" "ca-file = $work/ca.pem"
}
setup_a_ca_file_that_is_missing() {
  rm -f "$work/ca.pem"
  configure <<<$'[environment sandbox]\nca-file = '"$work/ca.pem"
}
setup_a_clock_that_is_slow() {
  certificate 20400101000000Z 20410101000000Z
  s_server -cert "$work/pki/server.pem" -key "$work/pki/server.key"
  leads_to "$port" "ca-file = $work/pki/ca.pem"
}
setup_a_clock_that_is_far_off() { https_with 'Mon, 01 Jan 2024 00:00:00 GMT'; leads_to "$port"; }
setup_tls_that_is_too_old() {
  certificate 20240101000000Z 20490101000000Z
  s_server -cert "$work/pki/server.pem" -key "$work/pki/server.key" -tls1_1 -cipher DEFAULT:@SECLEVEL=0
  leads_to "$port" "ca-file = $work/pki/ca.pem"
}
setup_a_wrong_api_key() { control POST 'set?api_key=another'; }
setup_a_wrong_api_key_in_a_script() { control POST 'set?api_key=another'; }
setup_too_many_requests() { fault 'path=token:partner&action=status&status=429&retry_after=60'; }
setup_thred_has_a_problem() { fault 'path=token:partner&action=status&status=503'; }
setup_something_else_answers() { fault 'path=token:partner&action=html'; }
setup_another_partners_business() { configure <<<$'[environment sandbox]\nbusiness = '$nobody; }
setup_another_partners_business_in_a_script() { :; }
setup_a_business_that_may_not() {
  configure <<<$'[environment sandbox]\nbusiness = '$first
  fault 'path=token:business&action=status&status=403'
}
setup_no_shared_memory() {
  unshare -m mount -t tmpfs -o ro none /dev/shm 2>"$work/ignored" || return 1
  # shellcheck disable=SC2016  # the inner shell expands it
  around=(unshare -m sh -c 'mount -t tmpfs -o ro none /dev/shm && exec "$@"' sh)
}

# ---- the document ----

# set_ups: the headings, as the names of functions.
set_ups() {
  sed -n 's/^### //p' "$document" | tr '[:upper:]' '[:lower:]' | sed "s/'//g; s/[^a-z0-9]/_/g"
}

# block NAME: what stands in the block under that heading.
block() {
  awk -v name="$1" '
    /^### / { heading = tolower(substr($0, 5)); gsub(/'\''/, "", heading); gsub(/[^a-z0-9]/, "_", heading) }
    /^```/ { inside = !inside; next }
    inside && heading == name' "$document"
}

# same: filters what a command says; paths become a package's, and what is another each time becomes equal.
same() {
  sed -E -e "s#$conf#/etc/thred/conf.d#g; s#$work/emulator/#/etc/thred/#g; s#$work/#/etc/thred/#g" \
    -e "s#$root/etc#/etc#g; s#$root#/usr#g; s#/usr/(lib/thred/credentials|conf)#/usr/\1#g" \
    -e "s#\(owner $(id -u),#(owner 0,#g" \
    -e 's#[0-9]+ ms#1 ms#g; s#(127.0.0.1 port|: port) [0-9]+#\1 8443#g; s#(127.0.0.1:)[0-9]+#\18443#g' \
    -e 's#[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC#2026-10-01 12:00 UTC#g' \
    -e 's#OpenSSL/[0-9.]+#OpenSSL/3.0.0#g' \
    -e 's#[0-9]+ days (ahead|behind)#700 days \1#g'
}

# The command of the document, for thredctl and the paths here.
run() {
  local words
  read -ra words <<<"${1/#thredctl/"$thredctl"}"
  words=("${words[@]//\/etc\/thred\//"$work/"}")
  env "${variables[@]}" "${around[@]}" "${words[@]}" 2>&1 | same
}

# one NAME: the set-up, made afresh, and its words, each a whole line in the order of the document.
one() {
  local said command line rest
  declare -F "setup_$1" >/dev/null || { is "$1: the test can make it" yes no; return; }
  variables=("THRED_CONF_DIR=$conf") around=()
  install -m 600 "$work/emulator/credentials" "$work/credentials"
  sed -i "s#^path=.*#path=$work/credentials#" "$work/emulator/conf.d/50-emulator.conf"
  configure <<<$'[environment sandbox]\ntimeout = 15'
  if ! "setup_$1"; then
    skip "$1" 'it cannot be made here, or not by this user'
    return
  fi
  command=$(block "$1" | sed -n '1s/^\$ //p')
  said=$(run "$command")
  rest=$said
  while IFS= read -r line; do
    if [[ $'\n'"$rest"$'\n' == *$'\n'"$line"$'\n'* ]]; then
      rest=${rest#*"$line"}
    else
      is "$1: $command" "$line" "$said"
      return
    fi
  done < <(block "$1" | tail -n +2 | same)
  is "$1: what to do is said" yes "$(block "$1" | grep -Eq '^(change |thredctl: change: )' && echo yes)"
  control POST reset
}

# Each set-up of the tables has its words below, and the test makes no other.
test_document() {
  local listed made
  listed=$(sed -n 's/^| \[[^]]*\](#\([^)]*\)) | .* | .* |$/\1/p' "$document" | tr - _ | sort)
  made=$(declare -F | sed -n 's/^declare -f setup_//p' | sort)
  is 'the tables name each set-up' "$(set_ups | sort)" "$listed"
  is 'the test makes each set-up' "$(set_ups | sort)" "$made"
  is 'at least 25' yes "$([ "$(set_ups | wc -l)" -ge 25 ] && echo yes)"
}

emulator "$work/emulator"
test_document
for name in $(set_ups); do
  one "$name"
done
finish
