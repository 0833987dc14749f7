#!/bin/bash
# SPDX-License-Identifier: MIT
# emulator-run-test.sh PROBE REFUSER SOURCE_ROOT - `thred-emulator -- COMMAND`: what the command finds, as root
# and as an ordinary user; what becomes of its status, its signals and what it leaves behind; where there
# are no namespaces; --faults and --report. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thred-emulator" ] && [ -x "$root/bin/thredctl" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
command -v curl jq python3 unshare setpriv >/dev/null || skip_all 'no curl, jq, python3, unshare or setpriv'
! nm -D "$root/lib/thred/libthred-preload.so" 2>/dev/null | grep -q __asan ||
  skip_all 'the shim of a sanitized build fits no program of the system'
probe=$(realpath "$1") refuser=$(realpath "$2") source=$3
page=$source/docs/man/thred-emulator.1.scd
example=$source/docs/examples/faults.conf
work=$(mktemp -d) || exit 1
trap '[ $BASHPID != $$ ] || rm -rf "$work"' EXIT
unset "${!THRED_@}" LD_PRELOAD LD_LIBRARY_PATH no_proxy NO_PROXY
export PATH=$root/bin:$PATH LC_ALL=C
# A proxy of the caller's leads out of the namespace.
export https_proxy=http://192.0.2.1:3128 HTTPS_PROXY=http://192.0.2.1:3128 all_proxy=http://192.0.2.1:3128
api=https://sandbox.thredfi.com/v1/platform
one=3c90c3cc-0d44-4b50-8888-8dd25736052a
export api one probe
scripts=$work

# Each user has a directory of his own; `as` runs a command as him, in that.
as=()
begin_as() {
  who=$1 home=$work/$1
  mkdir -m 700 "$home"
  if [ "$who" = user ] && [ "$(id -u)" = 0 ]; then
    as=(setpriv --reuid 12345 --regid 12345 --clear-groups)
    chown 12345:12345 "$home"
  fi
  export HOME=$home
  cd "$home" || exit 1
}
as() { "${as[@]}" "$@"; }
run() { as thred-emulator "$@"; }
chmod 755 "$work"
left_behind() { find "$TMPDIR" -mindepth 1 | head -n 1; }

# ---- what the command finds ----

cat >"$scripts/looks" <<'COMMAND'
say() { printf '%s: %s\n' "$1" "$2"; }
code() { curl -q -s -o /dev/null -w '%{http_code}' "$@"; }
say stdin "$(cat)"
say arguments "$*"
say user "$(id -u) $(id -g)"
say directory "$(pwd)"
say descriptors "$(ls /proc/self/fd | grep -c '^[3-9]$')"
say signals "$(grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -s '\t\n' ' ')"
say limit "$(ulimit -n)"
say shm "$(find /dev/shm -mindepth 1 | wc -l)"
say proxies "$(env | grep -ci 'proxy=')"
for host in sandbox sandbox-backend backend api staging-backend dev-backend; do
  say "$host" "$(code "https://$host.thredfi.com/v1/platform/businesses/")"
done
say ipv6 "$(! [ -e /proc/net/if_inet6 ] && echo 401 || code -6 "$api/businesses/")"
say plain "$(code http://sandbox.thredfi.com/)"
say shim "$(thredctl exec -- curl -q -s -o /dev/null -w '%{http_code}' "$api/businesses/$one/invoices/")"
say production "$(thredctl exec -- curl -q -s -o /dev/null -w '%{http_code}' https://api.thredfi.com/v1/platform/businesses/)"
say linked "$(PROBE_PORT=443 PROBE_CA=$CURL_CA_BUNDLE "$probe" get "$api/businesses/" 2>&1)"
say sealed "$(ls /dev/shm | grep -q unsealed && echo no || echo yes)"
say segment "$(ls /dev/shm | grep -c "^thred-auth-v[0-9]*-$(id -u)-")"
say php "$(command -v php >/dev/null || { echo 200; exit; }
  thredctl exec -- php -r '$c = curl_init($argv[1]); curl_setopt($c, CURLOPT_RETURNTRANSFER, true); curl_exec($c);
    echo curl_getinfo($c, CURLINFO_RESPONSE_CODE);' "$api/businesses/")"
say outside "$(curl -q -s --max-time 20 https://example.com/; echo $?)"
say address "$(curl -q -s --max-time 20 --insecure https://192.0.2.1/; echo $?)"
# Without libcurl, and told nothing: names, ports and authorities are the system's.
for name in CURL_CA_BUNDLE SSL_CERT_FILE GIT_SSL_CAINFO REQUESTS_CA_BUNDLE NODE_EXTRA_CA_CERTS; do unset $name; done
say python "$(python3 -c 'import sys, urllib.request
print(urllib.request.urlopen("https://docs.thredfi.com/x").status)' 2>&1)"
say curl "$(code "$api/businesses/")"
say openssl "$(! command -v openssl >/dev/null && echo 0 ||
  openssl s_client -connect api.thredfi.com:443 -verify_return_error </dev/null >/dev/null 2>&1; echo $?)"
: >made-by-the-command
exit 7
COMMAND

found() { sed -n "s/^$1: //p" "$work/out"; }

test_looks() {
  echo 'line of stdin' | run --isolate=required --report report.json -- \
    sh "$scripts/looks" a '' 'two words' >"$work/out" 2>"$work/err"
  is "$who: the command's status" 7 $?
  is "$who: nothing on stderr" '' "$(cat "$work/err")"
  local expected key
  while read -r key expected; do
    is "$who: $key" "$expected" "$(found "$key" | sed 's/ $//')"
  done <<TABLE
stdin line of stdin
arguments a  two words
user $(as id -u) $(as id -g)
directory $home
descriptors $(as sh -c 'ls /proc/self/fd | grep -c "^[3-9]$"')
signals $(as grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -s '\t\n' ' ')
limit $(ulimit -n)
shm 0
proxies 0
sandbox 401
sandbox-backend 401
backend 401
api 401
staging-backend 401
dev-backend 401
ipv6 401
plain 401
shim 200
production 200
linked 0 200
sealed $(as keyctl show @u >/dev/null 2>&1 && echo yes || echo no)
segment 1
php 200
outside 6
address 7
python 200
curl 401
openssl 0
TABLE
  is "$who: its files are its own" "$(as id -u)" "$(stat -c %u made-by-the-command)"
  is "$who: the report" '1 7 null true 0' "$(jq -r '"\(.version) \(.status) \(.signal) \(.isolated)" +
    " \(.counters.foreign_authorization)"' report.json)"
  is "$who: one token for all of them, and one of each host" '{"partner":2,"business":1}' \
    "$(jq -c .counters.tokens_issued report.json)"
  is "$who: each path in it" '{"host":"docs.thredfi.com","path":"/x","method":"GET","requests":1,"statuses":{"200":1}}' \
    "$(jq -c '.paths[] | select(.host == "docs.thredfi.com")' report.json)"
  is "$who: no secret in it" 0 "$(grep -ciE 'bearer|basic ' report.json)"
  is "$who: nothing stays" '' "$(left_behind)"
}

# ---- its end ----

status_of() {
  run "$@" >"$work/out" 2>"$work/err"
  echo $?
}

test_status() {
  is "$who: true" 0 "$(status_of -- true)"
  is "$who: a signal" 143 "$(status_of --report report.json -- sh -c 'kill $$')"
  is "$who: a signal in the report" '143 15' "$(jq -r '"\(.status) \(.signal)"' report.json)"
  is "$who: not found" 127 "$(status_of -- "$work/nothing")"
  like "$who: not found, said" "thred-emulator: cannot run '$work/nothing': No such file*" "$(cat "$work/err")"
  is "$who: cannot be run" 126 "$(status_of -- "$work")"
  is "$who: a status as high as they go" 255 "$(status_of -- sh -c 'exit 255')"
  is "$who: --no-http" 7 "$(status_of --no-http -- curl -q -s http://sandbox.thredfi.com/)"
  is "$who: an option of the command's is its own" 3 "$(status_of -- sh -c 'exit $#' - --version -- --help)"
  # An inherited SIG_IGN for SIGCHLD takes the status of children away.
  is "$who: SIGCHLD ignored before" 5 "$(env --ignore-signal=CHLD "${as[@]}" thred-emulator --isolate=off -- sh -c 'exit 5'; echo $?)"
}

# start COMMAND: in the background; $! is the emulator. (A shell starts what is in the background with SIGINT
# and SIGQUIT ignored, and no shell can trap what was ignored when it began.)
start() {
  : >"$work/out"
  exec_start "$1" &
}
exec_start() { exec env --default-signal=INT,QUIT "${as[@]}" thred-emulator "${how[@]}" -- sh -c "$1" >"$work/out" 2>"$work/err"; }
is_up() { grep -q up "$work/out"; }
# What nobody has reaped yet (an orphan's new parent may take seconds) runs no more: proc(5), stat.
is_gone() {
  local stat
  ! { read -r stat <"/proc/$1/stat"; } 2>/dev/null || [[ ${stat##*) } == [ZX]* ]]
}

test_signals() {
  local signal
  for signal; do
    start "trap 'echo $signal; exit 9' $signal; echo up; while :; do sleep 0.05; done"
    until_true is_up
    kill "-$signal" $!
    wait $!
    is "$who ${how[*]}: SIG$signal reaches the command" "9 up $signal" "$? $(xargs <"$work/out")"
  done
}

# What a terminal's ^C does: the command gets it once, from the terminal.
test_terminal() {
  env --default-signal=INT,QUIT python3 - "${as[@]}" thred-emulator "${how[@]}" -- sh -c 'trap "echo INT" INT; echo up; sleep 10; sleep 0.2; exit 6' \
    >"$work/out" <<'PYTHON'
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
try:
    while True:
        text += os.read(terminal, 1000)
        if text.endswith(b"up\r\n"):
            os.write(terminal, b"\x03")
except OSError:
    pass
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.count(b"INT"))
PYTHON
  is "$who ${how[*]}: ^C" '6 1' "$(cat "$work/out")"
}

# A child, an orphan, and one in a session of its own.
leaves='sleep 1000 & echo $!
(sleep 1000 & echo $!)
setsid sh -c "echo \$\$; exec sleep 1000" &
sleep 0.1'

test_left_behind() {
  # SIGTERM is asked for, SIGKILL two seconds later is what it gets.
  : >"$work/deaf"
  [ "$who" != user ] ||
    run -- sh -c 'setsid sh -c "trap \"\" TERM; echo \$\$; while :; do sleep 0.05; done" & sleep 0.1' >"$work/deaf" &
  local deaf=$!
  run "${how[@]}" -- sh -c "$leaves" >"$work/out" 2>"$work/err" # ends: nobody holds the output
  is "$who ${how[*]}: three were left" 3 "$(wc -l <"$work/out")"
  is "$who ${how[*]}: and are gone" '' "$(for pid in $(cat "$work/out"); do is_gone "$pid" || echo "$pid"; done)"
  is "$who ${how[*]}: a daemon's end is seen" 0 \
    "$(status_of "${how[@]}" -- timeout 10 sh -c 'pid=$(sh -c "sleep 0.1 >/dev/null & echo \$!"); while kill -0 $pid 2>/dev/null; do sleep 0.05; done')"
  wait $deaf
  is "$who ${how[*]}: nor is one that ignores SIGTERM" '' "$(for pid in $(cat "$work/deaf"); do is_gone "$pid" || echo "$pid"; done)"
}

test_killed() {
  start "$leaves
  echo \$PPID; echo \$\$; echo \$THRED_EMULATOR_DIR; echo up; sleep 1000"
  until_true is_up
  local emulator=$! pid
  kill -9 $emulator
  wait $emulator 2>/dev/null
  for pid in $emulator $(grep '^[0-9]' "$work/out"); do
    until_true is_gone "$pid" || echo "# $pid is there still"
  done
  is "$who ${how[*]}: SIGKILL ends all of it" '' "$(for pid in $(grep '^[0-9]' "$work/out"); do is_gone "$pid" || echo "$pid"; done)"
  is "$who ${how[*]}: and its directory goes" '' "$(until_true test ! -e "$(grep / "$work/out")"; left_behind)"

  start 'echo $PPID; echo $$; echo up; sleep 1000'
  until_true is_up
  local minder command
  { read -r minder && read -r command; } <"$work/out"
  kill -9 "$minder"
  wait $! 2>/dev/null
  is "$who ${how[*]}: the process between killed" 125 $?
  is "$who ${how[*]}: ends the command" 0 "$(until_true is_gone "$command"; echo $?)"
  is "$who ${how[*]}: nothing stays" '' "$(left_behind)"
}

test_directory() {
  run --dir kept -- sh -c 'echo "$THRED_EMULATOR_DIR $(cat "$THRED_EMULATOR_DIR/port")"' >"$work/out"
  is "$who: --dir is used, and stays" "$home/kept 443 there" "$(cat "$work/out") $([ -e kept/ca.pem ] && echo there)"
}

# What lies in /dev/shm, which is another one for the command.
test_shared_memory() {
  local shm
  shm=$(as mktemp -d -p /dev/shm) || { skip "$who: /dev/shm" 'it cannot be written to'; return; }
  mkdir "$shm/temporary directory"
  chmod 777 "$shm" "$shm/temporary directory"
  (cd "$shm" && TMPDIR="$shm/temporary directory" run --isolate=required -- sh -c 'pwd; ls /dev/shm; touch made
    thredctl exec -- curl -q -s -o /dev/null -w "%{http_code}\n" "$api/businesses/"') >"$work/out" 2>&1
  is "$who: the working directory and TMPDIR in /dev/shm" "0 $shm ${shm##*/} 200" "$? $(paste -sd' ' "$work/out")"
  TMPDIR=/dev/shm run --isolate=required -- sh -c 'cat "$THRED_EMULATOR_DIR/port"' >"$work/out" 2>&1
  is "$who: TMPDIR=/dev/shm" '0 443' "$? $(cat "$work/out")"
  is "$who: what it made in there is outside, too, and nothing else" "$shm/made" "$(find "$shm" -type f -o -name 'thred-emulator*')"
  rm -r "$shm"
}

# ---- no namespaces ----

refused() { "$refuser" "${as[@]}" thred-emulator "$@"; }

test_refused() {
  refused -- thredctl exec -- curl -q -s -o /dev/null -w '%{http_code}' "$api/businesses/" >"$work/out" 2>"$work/err"
  is "$who refused: the proxy leads there" '0 200' "$? $(cat "$work/out")"
  like "$who refused: says what, and why" \
    'thred-emulator: no namespaces for the command: unshare: Operation not permitted: a seccomp filter is in force, as Docker?s
thred-emulator: going on with a proxy and environment variables (--isolate=off); *CURL_CA_BUNDLE*libcurl alone*' "$(cat "$work/err")"
  refused --isolate=required -- touch not-run >"$work/out" 2>"$work/err"
  is "$who refused: required" '125 missing' "$? $([ -e not-run ] && echo there || echo missing)"
  like "$who refused: required, said" 'thred-emulator: no namespaces for the command: unshare: *' "$(cat "$work/err")"
  refused --isolate=off --report report.json -- true 2>"$work/err"
  is "$who refused: off says nothing" '0 false' "$?$(cat "$work/err") $(jq .isolated report.json)"
  is "$who refused: nothing stays" '' "$(left_behind)"
  # In a user namespace that may have no other: user_namespaces(7).
  as unshare --user --map-root-user --mount sh -c 'echo 0 >/proc/sys/user/max_net_namespaces &&
    echo 0 >/proc/sys/user/max_user_namespaces && exec thred-emulator --isolate=required -- true' 2>"$work/err"
  like "$who at the limit" '125 thred-emulator: no namespaces for the command: unshare: No space left on device: one of /proc/sys/user/max_user_namespaces,*' "$? $(cat "$work/err")"
}

test_off() {
  no_proxy=localhost,.thredfi.com NO_PROXY=other.example run --isolate=off -- \
    sh -c 'echo "${no_proxy-none} $NO_PROXY"; curl -q -s -o /dev/null -w "%{http_code}" https://api.thredfi.com/' \
    >"$work/out" 2>"$work/err"
  is "$who off: no_proxy cannot lead to the real Thred" $'none other.example\n404' "$(sed 's/401/404/' "$work/out")"
  like "$who off: and that is said" "thred-emulator: no_proxy holds '.thredfi.com', *" "$(cat "$work/err")"
  is "$who off: --listen" 0 "$(status_of --isolate=off --listen 127.0.0.2:0 -- sh -c 'case $https_proxy in http://127.0.0.2:*) ;; *) exit 1 ;; esac')"
}

# ---- --faults ----

cat >"$scripts/suffers" <<'COMMAND'
code() { curl -q -s -o /dev/null -w '%{http_code} ' "$@"; }
member() { sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p"; }
. "$THRED_EMULATOR_DIR/credentials"
login() { curl -q -s --user "$THRED_PARTNER_UUID:$THRED_API_KEY" --data grant_type=client_credentials "$api/oauth2/token/"; }
answer=$(login)
token=$(curl -q -s -X POST -H "Authorization: Bearer $(echo "$answer" | member access_token)" "$api/$one/oauth2/token/" | member access_token)
get() { code -H "Authorization: Bearer $token" "$api/businesses/$one/$1"; }
echo "lifetime: $(echo "$answer" | member expires_in)"
echo "third token: $(login | member expires_in) $(login | member error) $(login | member expires_in)"
echo "invoices: $(get invoices/; get invoices/; get invoices/?page=2; get invoices/?page=2; get invoices/)"
echo "customers: $(for i in 1 2; do curl -q -s -o /dev/null -w '%{time_total}\n' "$api/businesses/$one/customers/"; done |
  awk '{ slow += $1 >= 0.2 } END { print slow }')"
echo "transactions: $(for i in 1 2 3 4 5 6 7; do get transactions/; done)"
COMMAND

test_faults() {
  run --faults "$example" --report report.json -- sh "$scripts/suffers" >"$work/out" 2>"$work/err"
  is "$who: the example runs" 0 "$?$(cat "$work/err")"
  local key expected
  while IFS=: read -r key expected; do
    is "$who, example: $key" "$expected" " $(found "$key")"
  done <<'TABLE'
lifetime: 30
third token: 30 out of order 30
invoices: 401 200 401 200 200 
customers: 2
transactions: 200 200 200 200 200 401 401 
TABLE
  is "$who: what is left of them" '["status","delay"] 6' "$(jq -c '[.faults[].action]' report.json) $(jq .counters.faults report.json)"
  # The library under the same: a 401 costs it one more request, and its program nothing.
  run --faults "$example" --report report.json -- thredctl exec -- \
    curl -q -s -o /dev/null -w '%{http_code}' "$api/businesses/$one/invoices/" >"$work/out"
  is "$who: the library answers a 401" '200 {"401":1,"200":1}' \
    "$(cat "$work/out") $(jq -c '.paths[] | select(.path | endswith("invoices/")) | .statuses' report.json)"
}

# What a file must not hold: "MESSAGE|LINE"
bad_lines() {
  cat <<'TABLE'
'foult' is neither 'set' nor 'fault'.|foult action=drop
Unknown parameter 'stat'.|fault action=status stat=500
Given twice: parameter 'status'.|fault status=500 status=501
'drop' is not NAME=VALUE.|fault drop
action=status needs status.|fault action=status
lifetime=soon is not a number from 0 to*|set lifetime=soon
times=-1 is not a number from*|fault action=drop times=-1
each=yes needs times of 1 or more.|fault action=drop each=yes times=0
kind and business say what action=revoke revokes.|fault action=drop kind=partner
kind is partner or business.|fault action=revoke kind=all
Text ended before matching quote*|fault action=raw body='{
TABLE
}

test_bad_faults() {
  local message line
  while IFS='|' read -r message line; do
    printf '# a comment\n\nset lifetime=5\n%s\n' "$line" >bad.conf
    is "$who: $line" 125 "$(status_of --faults bad.conf -- touch not-run)"
    like "$who: $line: said" "thred-emulator: bad.conf:4: $message" "$(cat "$work/err")"
  done < <(bad_lines)
  is "$who: nothing was run" missing "$([ -e not-run ] && echo there || echo missing)"
  is "$who: no such file" 125 "$(status_of --faults missing.conf -- true)"
  like "$who: no such file, said" 'thred-emulator: --faults: *missing.conf*No such file*' "$(cat "$work/err")"
  # What has no end, or waits for a writer.
  mkfifo pipe.conf
  for line in pipe.conf /dev/zero .; do
    is "$who: $line" 125 "$(status_of --faults "$line" -- true)"
    like "$who: $line, said" "thred-emulator: --faults: $line is not a file of at most 1 MiB" "$(cat "$work/err")"
  done
  rm pipe.conf
  printf 'fault action=drop \033[2J=1\n' >bad.conf
  is "$who: an escape in a fault" 125 "$(status_of --faults bad.conf -- true)"
  like "$who: an escape in a fault, said" "thred-emulator: bad.conf:1: *'?\[2J'*" "$(cat "$work/err")"
}

# ---- the command line, and the man page ----

test_command_line() {
  local message
  is 'no command' 125 "$(status_of --)"
  is '--isolate=maybe' 125 "$(status_of --isolate=maybe -- true)"
  is '--listen in a network of its own' 125 "$(status_of --listen 127.0.0.1:0 -- true)"
  is 'unknown option' 125 "$(status_of --nothing -- true)"
  is '--isolate without a command' 2 "$(status_of --dir x --isolate=off)"
  is 'a command without --' 2 "$(status_of true)"
  like 'a command without --, said' "thred-emulator: unexpected argument 'true'; a command stands behind --*" "$(cat "$work/err")"
  is '--report in no directory' 125 "$(status_of --report nowhere/report.json -- true)"
  like '--report in no directory, said' 'thred-emulator: --report: cannot open nowhere/report.json: No such file*' "$(cat "$work/err")"
  is 'the report is full' 125 "$(status_of --report /dev/full -- true)"
  is '  which does not hide a failure' 4 "$(status_of --report /dev/full -- sh -c 'exit 4')"
  is '--faults, --report without a command' 0 "$(served; echo $?)"
}

# The same options for an emulator that stays.
served() {
  "${as[@]}" thred-emulator --dir served --faults "$example" --report served.json >"$work/out" 2>"$work/err" &
  until_true test -s served/port
  kill $!
  wait $! && [ "$(jq -c '[.status, .isolated, (.faults | length)]' served.json)" = '[null,false,4]' ]
}

# documented BLOCK: the commands of the man page's block that begins with this line; they stand in a place
# where they can work.
documented() {
  first=$1 awk '/^```/ { inside = !inside; on = 0; next } inside && $0 == ENVIRON["first"] { on = 1 } on' "$page" |
    sed 's/\\\\$/\\/'
}

test_documented() {
  cp "$example" faults.conf
  printf 'check:\n\tthredctl exec -- curl -q -sS --fail -o /dev/null %s/businesses/\n' "$api" >Makefile
  local first commands
  while read -r first; do
    commands=$(documented "$first")
    matches "the man page has: $first" . "$commands"
    (PATH=$root/bin:$PATH; set -e; eval "$commands") >"$work/out" 2>"$work/err"
    is "  and it works" 0 "$?$(grep thred-emulator: "$work/err")"
  done <<'BLOCKS'
thred-emulator -- thredctl exec -- \\
thred-emulator --faults faults.conf --report report.json -- make check
BLOCKS
  documented '# The third request for a partner token is answered 500.' >page.conf
  is 'the faults of the man page' '0 5' "$(status_of --faults page.conf -- true)$(cat "$work/err") $(grep -c '^[sf]' page.conf)"
  # The jobs of the two CI services, as far as they are commands.
  local line
  while read -r line; do
    is "a job: $line" yes "$(grep -qE "^ +(- )?(run: )?${line//./\\.}$" "$page" && echo yes)"
  done <<'LINES'
thred-emulator --report report.json -- make check
jq -e .counters.foreign_authorization==0 report.json
LINES
}

# ---- the parts ----

isolated_user() {
  begin_as user
  if ! as test -x "$root/bin/thred-emulator"; then
    skip 'as an ordinary user' "$root cannot be reached by others"
    return
  elif ! as unshare --user --net --mount true 2>"$work/err"; then
    skip 'as an ordinary user' "the kernel gives him no namespaces: $(cat "$work/err")"
    return
  fi
  how=(--isolate=required)
  test_looks
  test_status
  test_signals TERM INT
  test_terminal
  test_left_behind
  test_killed
  test_directory
  test_shared_memory
  test_faults
  test_bad_faults
  test_refused
}

isolated_root() {
  [ "$(id -u)" = 0 ] || return
  begin_as root
  if ! unshare --net --mount true 2>"$work/err"; then
    skip 'as root' "the kernel gives no namespaces: $(cat "$work/err")"
    return
  fi
  how=(--isolate=required)
  test_looks
  test_killed
  test_shared_memory
  # As in a container that filters nothing: root, but no CAP_SYS_ADMIN.
  as=(setpriv --bounding-set -sys_admin)
  is 'root without CAP_SYS_ADMIN' '0 200' "$(status_of --isolate=required -- \
    thredctl exec -- curl -q -s -o /dev/null -w '%{http_code}' "$api/businesses/") $(cat "$work/out")"
}

not_isolated() {
  begin_as "$(id -un)"
  how=(--isolate=off)
  test_off
  test_signals HUP USR1
  test_left_behind
  test_killed
  test_command_line
  test_documented
}

# Each waits for processes most of the time, so they run at once, each in a directory of its own.
parts=(isolated_user isolated_root not_isolated)
for part in "${parts[@]}"; do
  mkdir "$work/$part"
  mkdir -m 1777 "$work/$part/tmp"
  (
    work=$work/$part
    export TMPDIR=$work/tmp
    "$part"
    echo "$tests $failures" >"$work/counts"
  ) >"$work/$part.tap" &
done
wait
for part in "${parts[@]}"; do
  awk -v n=$tests '/^(not )?ok / { sub(/ok [0-9]+/, "ok " ++n) } 1' "$work/$part.tap"
  if read -r passed failed <"$work/$part/counts"; then
    tests=$((tests + passed)) failures=$((failures + failed))
  else
    is "$part came to its end" yes no
  fi
done
finish
