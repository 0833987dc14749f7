#!/bin/bash
# SPDX-License-Identifier: MIT
# check-test.sh - `thredctl check` of the installation in THRED_TEST_ROOT: each step of the way to a token,
# broken for real, and the files that decide. Prints TAP.
# shellcheck disable=SC2016  # backquotes stand in messages: nothing is to be expanded
set -u
. "$(dirname "$0")/../tap.sh"
. "$(dirname "$0")/check-servers.sh"
conf=$work/conf
export THRED_CONF_DIR=$conf

# check [ARGUMENT]...: sets status; the output goes to a file.
check() {
  "$thredctl" check "$@" >"$work/out" 2>"$work/err"
  status=$?
}

# row KEY: its values in what the last check printed.
row() {
  sed -n "s/^$1  *//p" "$work/out"
}

# leads_to PORT [LINE]...: a configuration whose connect-to does, and what else it has.
leads_to() {
  { printf '[environment sandbox]\nconnect-to = ::127.0.0.1:%s\n' "$1"; shift; printf '%s\n' "$@"; } |
    conf_of "$conf"
}

# broken NAME STEP SAID CAUSE CHANGE: patterns for the step's line, the problem and what is to be done.
broken() {
  check
  is "$1: exit status" 1 "$status"
  like "$1: the step" "failed, *: $3" "$(row "$2")"
  like "$1: the cause" "sandbox.thredfi.com$4" "$(row problem)"
  like "$1: what to change" "$5" "$(row change)"
  is "$1: the verdict" "1 problem: sandbox.thredfi.com ($2)" "$(row verdict)"
  is "$1: nothing behind it" '' "$(sed -n "/^$2 /,/^problem/p" "$work/out" | sed '1d;$d')"
  is "$1: nothing on stderr" '' "$(cat "$work/err")"
}

test_good() {
  conf_of "$conf" <<<$'[environment sandbox]\nbusiness = '$first
  check
  is 'good: exit status' 0 "$status"
  is 'good: every step, and the verdict' "environment  sandbox ($conf/50-emulator.conf:5)
credentials  SUCCESS   file, and is used
host         sandbox.thredfi.com
name         ok, N ms: 127.0.0.1, where \`connect-to\` leads
connection   ok, N ms: port $(cat "$work/emulator/port")
tls          ok, N ms
partner      ok, N ms: a token for 3600 s
business     ok, N ms: a token of $first for 3600 s
verdict      all is well" "$(sed 's/[0-9]* ms/N ms/' "$work/out")"
  control GET requests
  is 'good: nothing was asked for but the tokens' "[\"/v1/platform/$first/oauth2/token/\",\"/v1/platform/oauth2/token/\"]" \
    "$(jq -c '[.[].target] | unique' "$work/answer")"
  is 'good: each once' 2 "$(jq length "$work/answer")"
  check --json
  is 'good: as JSON' '{"version":1,"good":true,"verdict":"all is well","problems":[],"changes":[],"warnings":[]}
{"environment":"sandbox","host":"sandbox.thredfi.com"}
["name","connection","tls","partner","business"]
[true]
true' "$(jq -c '{version, good, verdict, problems, changes, warnings},
      (.hosts[0] | del(.steps)), [.hosts[0].steps[].step], ([.hosts[0].steps[].good] | unique),
      ([.hosts[0].steps[].ms >= 0] | all)' "$work/out")"
  is 'good: one line of JSON' 1 "$(wc -l <"$work/out")"
}

connections() {
  control GET counters
  jq .connections "$work/answer"
}

test_offline() {
  local before
  before=$(connections)
  check --offline
  is 'offline: exit status' 0 "$status"
  is 'offline: nobody is asked' "$before" "$(connections)"
  is 'offline: no host' '' "$(row host)"
  check --offline --json
  is 'offline: as JSON' '[]' "$(jq -c .hosts "$work/out")"
}

# What programs have is neither used nor changed.
test_cache() {
  local token
  token=$("$thredctl" token --partner)
  check
  is 'the cache: its token stays' "$token" "$("$thredctl" token --partner)"
  control POST 'set?api_key=another'
  check
  is 'the cache: a revoked key is seen behind it' 1 "$status"
  is 'the cache: .. and does not take its token' "$token" "$("$thredctl" token --partner)"
  control POST reset
  cp "$work/emulator/ca.pem" "$work/ca-copy.pem" # another place in the cache
  conf_of "$conf" <<<$'[environment sandbox]\nca-file = '"$work/ca-copy.pem"
  fault 'path=token:partner&action=status&status=503&retry_after=600'
  check
  control DELETE fault
  like 'the cache: a failure is not left in it' '*.*.*' "$("$thredctl" token --partner 2>&1)"
}

test_name() {
  printf '[environment sandbox]\nconnect-to = ::no.invalid:443\nconnect-timeout = 2\n' | conf_of "$conf"
  # Without a network no name server is asked, which could take its time.
  if unshare -n true 2>"$work/ignored"; then
    thredctl=$work/without-network
    printf '#!/bin/sh\nexec unshare -n %s "$@"\n' "$root/bin/thredctl" >"$thredctl"
    chmod +x "$thredctl"
  fi
  broken 'no such name' name 'Could not resolve host: no.invalid' \
    ': the name that connect-to leads to does not resolve: ::no.invalid:443' 'mend `connect-to` in *'
  thredctl=$root/bin/thredctl
}

test_connection() {
  leads_to 1
  broken 'a closed port' connection '*' ': no connection: Connection refused' \
    'start what `connect-to` in \[environment sandbox\] leads to (::127.0.0.1:1), or mend it'
  silent
  leads_to "$port" 'connect-timeout = 1'
  broken 'a silent server' tls '*' ': the connection stands, and *says nothing of TLS within 1 s' '*`connect-timeout`*'
  leads_to 1 'hosts = sandbox.thredfi.com;sandbox-backend.thredfi.com;'
  check
  is 'two hosts: each of them' '2 problems: sandbox.thredfi.com (connection); sandbox-backend.thredfi.com (connection)' \
    "$(row verdict)"
}

test_certificates() {
  emulator "$work/expired" --expired
  emulator "$work/foreign" --name other.example
  leads_to "$(cat "$work/expired/port")" "ca-file = $work/expired/ca.pem"
  broken 'an expired certificate' tls '*expired' ': its certificate has expired by the clock *UTC)' 'set the clock *'
  leads_to "$(cat "$work/foreign/port")" "ca-file = $work/foreign/ca.pem"
  broken 'a foreign certificate' tls '*' ": its certificate is another host's" 'let `connect-to` *'
  leads_to "$(cat "$work/foreign/port")"
  broken 'an unknown authority' tls '*' ': its certificate comes from an authority that is not trusted here' \
    "put that authority's certificate (PEM) into \`ca-file\` of *, $work/emulator/ca.pem"
  certificate 20400101000000Z 20410101000000Z
  s_server -cert "$work/pki/server.pem" -key "$work/pki/server.key"
  leads_to "$port" "ca-file = $work/pki/ca.pem"
  broken 'a certificate of the future' tls '*' ': its certificate is not valid yet by the clock *UTC)' 'set the clock *'
}

test_tls() {
  s_server -cert "$work/pki/server.pem" -key "$work/pki/server.key" -tls1_1 -cipher DEFAULT:@SECLEVEL=0
  leads_to "$port" "ca-file = $work/pki/ca.pem"
  broken 'TLS 1.1' tls '*' ': the server speaks no TLS 1.2, *' '*must switch on TLS 1.2 or 1.3'
  leads_to "$(cat "$work/emulator/http-port")"
  broken 'no TLS' tls '*' ': *TLS*' 'see what listens there *'
  leads_to "$(cat "$work/emulator/port")" "ca-file = $work/none.pem"
  broken 'no ca-file' tls '*' ": ca-file: $work/none.pem: No such file or directory" 'put the certificates *'
  install -m 664 "$work/emulator/ca.pem" "$work/open.pem"
  leads_to "$(cat "$work/emulator/port")" "ca-file = $work/open.pem"
  broken 'a ca-file that others may change' tls '*' ": ca-file: $work/open.pem: refused: *" "chmod go-w $work/open.pem"
  : >"$work/empty.pem"
  leads_to "$(cat "$work/emulator/port")" "ca-file = $work/empty.pem"
  broken 'an empty ca-file' tls '*' ": no authority's certificate can be read from $work/empty.pem" 'put certificates *'
}

# answered NAME FAULT SAID CAUSE CHANGE: the partner token's endpoint.
answered() {
  fault "path=token:partner&action=$2"
  broken "$1" partner "$3" "$4" "$5"
  control DELETE fault
}

test_answers() {
  conf_of "$conf" </dev/null
  control POST 'set?api_key=another'
  broken 'a wrong key' partner 'HTTP 401' ' refused the partner UUID and API key: HTTP 401 *' 'put the partner*valid API key *'
  control POST reset
  answered 403 'status&status=403' 'HTTP 403' ' refused *: HTTP 403 *' 'ask Thred *'
  answered 429 'status&status=429&retry_after=7' 'HTTP 429' ' answered *HTTP 429 *' 'ask again in 7 s*'
  answered 503 'status&status=503' 'HTTP 503' ' answered *HTTP 503 *' 'ask again in a minute; *'
  answered 404 'status&status=404' 'HTTP 404' ' answered *HTTP 404 *' "see what answers in Thred's place*"
  answered garbage garbage 'HTTP 200' ' answered *no JSON object*' "see what answers in Thred's place*"
  answered 'a page' html 'HTTP 200' ' answered *text/html in place of JSON' "see what answers in Thred's place*"
  answered 'a redirect' 'redirect&to=https://other.example/' 'HTTP 302' ' answered *not followed' "see what answers*"
  answered 'no answer' drop '*Empty reply*' ': the token request failed: *' 'see what stands between *'
  printf '[environment sandbox]\ntimeout = 1\n' | conf_of "$conf"
  answered 'a late answer' 'delay&delay_ms=5000' '*imeout*' ': the token request failed: *' '*`timeout` in *1 s?'
}

test_business() {
  conf_of "$conf" <<<$'[environment sandbox]\nbusiness = '$nobody
  broken "another's business" business 'HTTP 404' " knows no business $nobody of this partner: *" 'set `business` in *'
  conf_of "$conf" <<<$'[environment sandbox]\nbusiness = '$first
  fault 'path=token:business&action=status&status=403'
  broken 'a business that is refused' business 'HTTP 403' '*HTTP 403*' 'set `business` in *'
  control DELETE fault
}

# The library asks by the proxy of the environment; so does check.
test_proxy() {
  local proxy
  proxy=http://127.0.0.1:$(cat "$work/emulator/proxy-port")
  conf_of "$conf" </dev/null
  https_proxy=$proxy check
  like 'a proxy: it is said' "ok, * ms: 127.0.0.1, a proxy's, as the environment has it" "$(row name)"
  is 'a proxy: exit status' 0 "$status"
  leads_to 1
  https_proxy=$proxy broken 'a proxy that refuses' connection '*403' ': the proxy answered CONNECT with HTTP 403' 'have the proxy *'
  https_proxy=http://user:secret@127.0.0.1:1 broken 'a proxy that is down' connection '*' \
    ': no connection: Connection refused' 'https_proxy is set: *'
  is 'a proxy: its password is not shown' 0 "$(grep -c secret "$work/out")"
}

# warned NAME WHERE WHAT CHANGE
warned() {
  check --offline
  is "$1: exit status" 0 "$status"
  like "$1: the warning" "$3" "$(row warning)"
  like "$1: what to change" "$4" "$(row change)"
  is "$1: the verdict" "all is well; 1 warning: $2" "$(row verdict)"
}

test_clock() {
  https_with 'Mon, 01 Jan 2024 00:00:00 GMT'
  leads_to "$port"
  check
  is 'the clock: it works' 0 "$status"
  like 'the clock: the warning' 'sandbox.thredfi.com: the clock of this machine is * days ahead of the server*' "$(row warning)"
}

# The first source's key is refused, and next's is not.
test_rotation() {
  printf 'THRED_PARTNER_UUID=%s\nTHRED_API_KEY=old\n' "$first" >"$work/old"
  chmod 600 "$work/old"
  conf_of "$conf" <<<"[environment sandbox]
credentials = old
next = file
[credentials old]
module = file
path = $work/old"
  check
  is 'a rotation: exit status' 0 "$status"
  like 'a rotation: the warning' 'sandbox.thredfi.com: it refused the key that `credentials` delivered, *' "$(row warning)"
}

test_sources() {
  conf_of "$conf" <<<$'[environment sandbox]\ncredentials = env'
  check
  is 'no credential: exit status' 1 "$status"
  is 'no credential: the way is tried all the same' 'not asked: there is no credential' "$(row partner)"
  is 'no credential: the verdict' '1 problem: sandbox' "$(row verdict)"
  chmod 644 "$work/emulator/credentials"
  conf_of "$conf" </dev/null
  check --offline
  matches 'an open credential file: refused, and how to mend it' \
    'UNAVAIL   file: .*/credentials: refused: it is open to others \(owner [0-9]+, mode 0644\): chmod ' "$(cat "$work/out")"
  chmod 600 "$work/emulator/credentials"
}

test_files() {
  local command=$work/get-key
  conf_of "$conf" </dev/null
  : >"$conf/mine.cfg"
  warned 'a file without .conf' "$conf/mine.cfg" "$conf/mine.cfg is not read: *" 'rename it*'
  mv "$conf/mine.cfg" "$conf/"$'mine\e[31m\n'
  warned 'a name that a terminal would obey' "$conf/mine\033[31m\n" "$conf/mine"'\\033\[31m\\012 is not read: *' 'rename it*'
  rm "$conf/mine"*
  conf_of "$conf" </dev/null
  ln -s /dev/null "$conf/20-routes.conf"
  warned 'a masked file' "$conf/20-routes.conf" "$conf/20-routes.conf is a link to /dev/null: *" "* rm $conf/20-routes.conf"
  printf '#!/bin/sh\nexit 1\n' >"$command"
  chmod 775 "$command"
  conf_of "$conf" <<<$'[environment sandbox]\ncredentials = file exec\n[credentials exec]\ncommand = '"$command"
  warned 'a command that others may change' "$command" "$command: others than root and this user may change it *" "chmod go-w $command"
  mkdir -m 770 "$work/open"
  cp -p "$work/emulator/credentials" "$work/open"
  conf_of "$conf" <<<$'[credentials file]\npath = '"$work/open/credentials"
  warned 'a folder that others may write to' "$work/open" "$work/open: *another file in the place of *" "chmod go-w $work/open"
  chmod 700 "$work/open"
  if [ "$(id -u)" = 0 ]; then
    chmod 640 "$work/open/credentials"
    warned 'a key for a group' "$work/open/credentials" "$work/open/credentials: all of group root may read it *" '*chmod 600*'
  else
    skip 'a key for a group' 'only root may have such a file'
  fi
  mkdir -m 770 "$work/it's open"
  cp -p "$work/emulator/credentials" "$work/it's open"
  conf_of "$conf" <<<$'[credentials file]\npath = '"$work/it's open/credentials"
  warned 'a folder with a space in its name' "$work/it's open" "$work/it's open: *" "chmod go-w '$work/it'*'s open'"
}

test_refused_files() {
  conf_of "$conf" <<<$'[environment sandbox]\ntimeout = 5'
  chmod 664 "$conf/60-more.conf"
  check --offline
  is 'a group-writable file: exit status' 1 "$status"
  like 'a group-writable file: what to change' "chmod go-w $conf/60-more.conf*" "$(row change)"
  chmod 644 "$conf/60-more.conf"
  chmod 775 "$conf"
  check --offline
  like 'a group-writable folder: what to change' "chmod go-w $conf*" "$(row change)"
}

test_no_shm() {
  conf_of "$conf" </dev/null
  # shellcheck disable=SC2016  # the inner shell expands it
  if ! unshare -m sh -c 'mount -t tmpfs -o ro none /dev/shm && exec "$0" check' "$thredctl" >"$work/out" 2>"$work/ignored"; then
    skip 'no /dev/shm' 'mount namespaces are not to be had'
    return
  fi
  like 'no /dev/shm: the warning' 'no segment can be had in /dev/shm: *' "$(row warning)"
}

emulator "$work/emulator"
test_good
test_offline
test_cache
test_name
test_connection
test_certificates
test_tls
test_answers
test_business
test_proxy
test_clock
test_rotation
test_sources
test_files
test_refused_files
test_no_shm
finish
