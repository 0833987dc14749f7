#!/bin/bash
# SPDX-License-Identifier: MIT
# status-test.sh - `thredctl status`, of a cache of its own in which real programs have real tokens from
# the emulator. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"
here=$(cd "$(dirname "$0")" && pwd)

if [ -z "${THRED_TEST_ALONE-}" ]; then
  unshare -m true 2>/dev/null || skip_all 'no mount namespace of its own is to be had here'
  # shellcheck disable=SC2016  # the inner shell expands it
  THRED_TEST_ALONE=yes exec unshare -m sh -c 'mount -t tmpfs none /dev/shm; exec "$0"' "$0"
fi

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
command -v jq >/dev/null || skip_all 'no jq'
thredctl=$root/bin/thredctl
work=$(mktemp -d) || exit 1
dir=$work/emulator
pid=

# The emulator would wait for the answer that it was told to delay.
cleanup() {
  [ -z "$pid" ] || { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

first=3c90c3cc-0d44-4b50-8888-8dd25736052a
second=11111111-1111-4111-8111-111111111111
api=https://sandbox.thredfi.com/v1/platform

# run ARGUMENT...: sets status; stdout and stderr go to files.
run() {
  "$thredctl" status "$@" >"$work/out" 2>"$work/err"
  status=$?
}

start() {
  "$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$dir" >"$work/ignored" 2>&1 &
  pid=$!
  until_true test -s "$dir/port" || { echo "Bail out! the emulator does not start"; exit 1; }
  port=$(cat "$dir/port")
}

# control METHOD CALL
control() {
  curl -q --silent --noproxy '*' --max-time 60 --cacert "$dir/ca.pem" --request "$1" \
    "https://127.0.0.1:$port/_emulator/$2" >"$work/ignored"
}

token() {
  "$thredctl" token "$@" >"$work/ignored" 2>&1
}

# segment FILTER: of the only one. of BUSINESS FILTER: of the only token of that business ("null": partner).
segment() {
  "$thredctl" status --json | jq -c ".segments[0] | $1"
}
of() {
  "$thredctl" status --json |
    jq -c --arg id "$1" ".segments[0].tokens[] | select((.business_id // \"null\") == \$id) | $2"
}

# row BUSINESS KEY: the line of this key in the block of the token that the last `run` showed.
row() {
  awk -v token="$1" -v key="$2" '$1 == "token" { here = index($0, token) > 0 }
    here && index($0, key) == 1 { print substr($0, 14) }' "$work/out"
}

# becomes BUSINESS FILTER: whether it is true; for until_true.
becomes() {
  [ "$(of "$1" "$2")" = true ]
}

# ---- no segment ----

test_nothing() {
  run
  is 'no segment: exit status' 0 "$status"
  is 'no segment: it says so' 'segment      none: no program of this user has needed a token yet' \
    "$(cat "$work/out")"
  run --json
  is 'no segment: as JSON' '{"version":1,"none_because":"no program of this user has needed a token yet",'\
'"segments":[],"not_shown":[]}' "$(cat "$work/out")"
  run --metrics
  is 'no segment: as metrics' '0 0' \
    "$(sed -n 's/^thred_cache_segment_present{.*} //p' "$work/out" | paste -s -d ' ')"
  metrics 'no segment'
  is 'no segment: none is made' '' "$(ls -A /dev/shm)"
}

test_no_shm() {
  # shellcheck disable=SC2016
  unshare -m sh -c 'umount /dev/shm; mount --bind "$1" /dev/shm && exec "$2" status' sh "$work" \
    "$thredctl" >"$work/out" 2>"$work/err"
  is 'no tmpfs: exit status' 0 $?
  matches 'no tmpfs: it says so' '^segment      none: /dev/shm is not a tmpfs: each program' "$(cat "$work/out")"
}

# Neither a file nor a key is made, and nothing is written but the report.
test_only_looks() {
  if ! strace -o "$work/trace" true 2>"$work/ignored"; then
    skip 'only looks' 'strace is not to be had'
    return
  fi
  # LeakSanitizer, in a sanitized build, does not work under strace, and says so.
  strace -f -qq -E ASAN_OPTIONS=detect_leaks=0 -o "$work/trace" -e trace=openat,open,creat,write,pwrite64,mmap,unlink,rename,add_key,keyctl,fcntl,flock \
    "$thredctl" status >"$work/out"
  is "$1: opened for reading alone" '' \
    "$(grep -E '^[0-9]+ +(open|creat)' "$work/trace" | grep -E 'O_(WRONLY|RDWR|CREAT|TRUNC)|creat\(')"
  is "$1: written nowhere else" '' "$(grep -E 'p?write(64)?\(' "$work/trace" | grep -v 'write(1,')"
  is "$1: no key is made or changed" '' \
    "$(grep -E 'add_key|keyctl' "$work/trace" | grep -v KEYCTL_SEARCH)"
  is "$1: no lock is taken" '' "$(grep -E 'flock\(|F_(OFD_)?SETLK' "$work/trace")"
  is "$1: the segment is not mapped" '' "$(grep -E 'mmap\(.*MAP_SHARED.*PROT_WRITE|mmap\(.*PROT_WRITE.*MAP_SHARED' "$work/trace")"
}

# ---- tokens ----

test_good() {
  token --business $first
  run
  is 'good: exit status' 0 "$status"
  is 'good: nothing on stderr' '' "$(cat "$work/err")"
  matches 'good: the segment' "^segment      $(ls /dev/shm/thred-auth-*)" "$(cat "$work/out")"
  matches 'good: the room' $'\nroom         2 of 64 entries used\n +2 of 256 chunks used, 254 free\n +1 of 8 conf' \
    "$(cat "$work/out")"
  matches 'good: the counters' $'\ncounters     2 fetches begun\n +2 tokens published\n' "$(cat "$work/out")"
  is 'good: the environment' sandbox "$(row $first environment)"
  is 'good: the host' sandbox.thredfi.com "$(row $first host)"
  matches 'good: the state' '^expires in 59 min [0-9]+ s; asked for [0-9]+ s ago$' "$(row $first state)"
  matches 'good: the generation' '^[0-9]+$' "$(row $first generation)"
  is 'good: how it was used' 'read 0 times by a process, published once, refused 0 times by a 401' \
    "$(row $first used)"
  is 'good: no lease' '' "$(row $first lease)"
  token --business $first
  is 'good: a hit' 1 "$(of $first .hits)"
  is 'good: no token in it' 0 "$({ "$thredctl" status; "$thredctl" status --json; "$thredctl" status --metrics; } |
    grep -c -F "$("$thredctl" token --business $first | cut -d. -f3)")"
}

# The shape that thredctl(1) promises.
test_json() {
  run --json
  is 'JSON: exit status' 0 "$status"
  is 'JSON: one line' 1 "$(wc -l <"$work/out")"
  is 'JSON: the version first' '{"version":1,' "$(head -c 13 "$work/out")"
  is 'JSON: its keys' '["version","none_because","segments","not_shown"]' "$(jq -c keys_unsorted "$work/out")"
  is 'JSON: of a segment' '["path","state","problem","sealed","key","size","entries","chunks",'\
'"configurations","counters","tokens"]' "$(jq -c '.segments[0] | keys_unsorted' "$work/out")"
  is 'JSON: counters' '["claims","published","failed","refused","evicted","repaired","taken_over"]' \
    "$(jq -c '.segments[0].counters | keys_unsorted' "$work/out")"
  is 'JSON: of a token' '["entry","environment","host","kind","business_id","state","age","lifetime",'\
'"expires_in","generation","hits","publishes","refusals","failure","renewals_failed","renewal_in",'\
'"limited_for","lease"]' "$(jq -c '.segments[0].tokens[0] | keys_unsorted' "$work/out")"
  is 'JSON: the segment' "[\"$(ls /dev/shm/thred-auth-*)\",\"good\",null,$(stat -c %s /dev/shm/thred-auth-*),2,64,1]" \
    "$(jq -c '.segments[0] | [.path, .state, .problem, .size, .entries.used, .entries.of,
      .configurations.used]' "$work/out")"
  is 'JSON: a token' '["sandbox","sandbox.thredfi.com","business","good",3600,1,0,null,0,0,0,null]' \
    "$(of $first '[.environment, .host, .kind, .state, .lifetime, .publishes, .refusals, .failure,
      .renewals_failed, .renewal_in, .limited_for, .lease]')"
  is 'JSON: its times' true "$(of $first '.age >= 0 and .age < 60 and .expires_in > 3500 and .expires_in < 3600')"
  is 'JSON: partner' '["partner",null]' "$(of null '[.kind, .business_id]')"
}

# What it looks at stays as it is, to the time of the last access.
test_unchanged() {
  local file before
  file=$(ls /dev/shm/thred-auth-*)
  before=$(stat -c '%i %s %x %y %z' "$file"; sha256sum "$file"; ls -A /dev/shm)
  "$thredctl" status >"$work/ignored"
  is 'unchanged' "$before" "$(stat -c '%i %s %x %y %z' "$file"; sha256sum "$file"; ls -A /dev/shm)"
}

test_refused() {
  if nm -D "$root/lib/thred/libthred-preload.so" | grep -q __asan; then
    skip 'refused' 'the shim of a sanitized build fits no program of the system'
    return
  fi
  local get=("$thredctl" exec -- curl -s -o "$work/ignored" -w '%{http_code}' "$api/businesses/$first/bills/")
  # shellcheck source=/dev/null
  (. "$dir/env.sh" && "${get[@]}" >"$work/code")
  is 'refused: before' 200 "$(cat "$work/code")"
  control POST 'revoke?kind=business'
  # shellcheck source=/dev/null
  (. "$dir/env.sh" && "${get[@]}" >"$work/code")
  is 'refused: another token' 200 "$(cat "$work/code")"
  run
  matches 'refused: counted' ', published 2 times, refused once by a 401$' "$(row $first used)"
  is 'refused: as JSON' '[2,1,"good"]' "$(of $first '[.publishes, .refusals, .state]')"
  is 'refused: in the segment' 1 "$(segment .counters.refused)"
}

test_failing() {
  control POST 'fault?path=token:business&action=status&status=503&times=0&retry_after=30'
  token --business $second
  run
  is 'failing: the state' 'no token' "$(row $second state)"
  matches 'failing: the error' '^the token endpoint answered an error or nonsense \(HTTP 503\), [0-9] s ago; nobody asks again for (29|30) s$' \
    "$(row $second problem)"
  is 'failing: as JSON' '["server",503,1,true]' \
    "$(of $second '.failure | [.reason, .status, .in_a_row, .retry_in > 20 and .retry_in <= 30]')"
  metrics failing
  is 'failing: as metrics' '503 1' "$(sed -n "s/^thred_cache_token_failure\(_http_status\|s\){.*$second.*} //p" \
    "$work/metrics" | sort -rn | paste -s -d ' ')"
  control DELETE fault
  "$thredctl" flush >"$work/ignored"
  is 'flushed: no failure and no token' '[null,"none",0]' "$(of $second '[.failure, .state, .publishes]')"
}

test_refused_credential() {
  control POST 'fault?path=token:partner&action=status&status=401&times=0'
  token --partner
  run
  matches 'refused credential: the error' '^the token endpoint refused the credential \(HTTP 401\), ' \
    "$(row partner problem)"
  matches 'refused credential: the change' 'thredctl check' "$(row partner change)"
  is 'refused credential: as JSON' '["refused",401]' "$(of null '.failure | [.reason, .status]')"
  control DELETE fault
  "$thredctl" flush >"$work/ignored"
}

test_fetching() {
  local fetcher
  token --partner
  control POST 'set?delay_ms=20000'
  "$thredctl" token --business $second >"$work/ignored" 2>&1 &
  fetcher=$!
  until_true becomes $second '.lease != null'
  is 'fetching: who' "[$fetcher,\"thredctl\",\"lives\",true]" \
    "$(of $second '.lease | [.pid, .program, .owner, .age < 20 and .expires_in > 0 and .expires_in < 20]')"
  run
  matches 'fetching: who, for people' "^process $fetcher \(thredctl\) is fetching it, since [0-9]+ s; [0-9]+ s left\$" \
    "$(row $second lease)"
  metrics fetching
  is 'fetching: as metrics' 1 "$(sed -n "s/^thred_cache_token_lease_held{.*$second.*} //p" "$work/metrics")"
  kill -KILL $fetcher
  wait $fetcher 2>"$work/ignored"
  is 'fetching: it died' "[$fetcher,null,\"died\"]" "$(of $second '.lease | [.pid, .program, .owner]')"
  run
  matches 'fetching: it died, for people' "^process $fetcher was fetching it and has died: the next request takes over\$" \
    "$(row $second lease)"
  control POST 'set?delay_ms=0'
  token --business $second
  is 'fetching: taken over' '[1,"good",null]' "$(of $second '[.publishes, .state, .lease]')"
  is 'fetching: counted' 1 "$(segment .counters.taken_over)"
}

# ---- metrics ----

# metrics NAME: are they well-formed? They stay in a file.
metrics() {
  "$thredctl" status --metrics >"$work/metrics"
  is "metrics: $1: exit status" 0 $?
  is "metrics: $1: well-formed" '' "$(awk -f "$here/metrics-check.awk" "$work/metrics")"
}

# unwell NAME SED: what checks them sees a mistake.
unwell() {
  sed -E "$2" "$work/metrics" >"$work/spoiled"
  ! cmp -s "$work/metrics" "$work/spoiled"
  is "metrics: the check sees $1: it is there" 0 $?
  awk -f "$here/metrics-check.awk" "$work/spoiled" >"$work/ignored"
  is "metrics: the check sees $1" 1 $?
}

test_metrics() {
  metrics tokens
  is 'metrics: the segment' "$(stat -c %s /dev/shm/thred-auth-*)" \
    "$(sed -n 's/^thred_cache_segment_size_bytes{.*} //p' "$work/metrics")"
  matches 'metrics: a token' "^thred_cache_token_remaining_seconds\{uid=\"$(id -u)\",segment=\"(un)?sealed\",environment=\"sandbox\",host=\"sandbox.thredfi.com\",kind=\"business\",business=\"$first\",entry=\"[0-9]+\"\} 35[0-9][0-9]\.[0-9]{3}\$" \
    "$(grep "^thred_cache_token_remaining_seconds.*$first" "$work/metrics")"
  is 'metrics: a counter' '# TYPE thred_cache_token_publishes counter' \
    "$(grep '^# TYPE thred_cache_token_publishes' "$work/metrics")"
  unwell 'no end' '/^# EOF/d'
  unwell 'a counter without _total' 's/^(thred_cache_fetches)_total/\1/'
  unwell 'a time' 's/^(thred_cache_entries\{.*)/\1 1700000000/'
  unwell 'another type' 's/^(# TYPE thred_cache_entries) gauge/\1 info/'
  unwell 'a quote in a label' 's/business="3/business="3"/'
  unwell 'no unit' '/^# UNIT thred_cache_token_age/d'
  unwell 'a sample twice' 's/^(thred_cache_entries\{.*)/\1\n\1/'
  unwell 'no number' 's/^(thred_cache_entries\{.*) [0-9]+$/\1 many/'
}

test_output() {
  mkdir "$work/prom"
  echo old >"$work/prom/thred.prom"
  umask 022
  run --metrics --output "$work/prom/thred.prom"
  is 'output: exit status' 0 "$status"
  is 'output: nothing on stdout' '' "$(cat "$work/out")"
  is 'output: it is all there' '# EOF' "$(tail -n 1 "$work/prom/thred.prom")"
  is 'output: others can read it' 644 "$(stat -c %a "$work/prom/thred.prom")"
  is 'output: nothing else' thred.prom "$(ls -A "$work/prom")"
  (umask 077 && "$thredctl" status --json -o "$work/prom/status.json")
  is 'output: JSON' 1 "$(jq .version "$work/prom/status.json")"
  is 'output: as the umask says' 600 "$(stat -c %a "$work/prom/status.json")"
  run --metrics --output "$work/nowhere/thred.prom"
  is 'output: no directory: exit status' 1 "$status"
  matches 'output: no directory: it is named' 'nowhere/thred.prom' "$(cat "$work/err")"
  "$thredctl" status >/dev/full 2>"$work/err"
  is 'output: a full device' 1 $?
}

# ---- watching ----

test_watch() {
  is 'watch: JSON, one a line' 3 "$("$thredctl" status --json --watch=0.1 | head -n 3 | grep -c '^{"version":1,')"
  is 'watch: one after the other' 2 "$("$thredctl" status -w 0.1 | grep -m 2 -c '^time         2')"
  timeout -s INT 0.5 "$thredctl" status --metrics --watch=0.1 --output "$work/prom/again.prom"
  is 'watch: into a file' '# EOF' "$(tail -n 1 "$work/prom/again.prom")"
  if ! script -qec true /dev/null >"$work/ignored" 2>&1; then
    skip 'watch: on a terminal' 'script(1) has no terminal'
    return
  fi
  TERM=xterm script -qec "stty rows 12; timeout --foreground -s INT 0.7 $thredctl status --watch 0.1; echo \"status \$?\"" \
    /dev/null >"$work/out" 2>&1 </dev/null
  local text begin=$'\033[?1049h' end=$'\033[?7h\033[?25h\033[?1049l'
  text=$(cat "$work/out")
  matches 'watch: on a terminal: ended by the signal' 'status 124' "$text"
  is 'watch: on a terminal: the screen is taken once, and given back' "1 1" \
    "$(grep -o -F "$begin" "$work/out" | wc -l) $(grep -o -F "$end" "$work/out" | wc -l)"
  is 'watch: on a terminal: nothing behind that' status "$(awk -F "${end//[/\\[}" 'NF { text = $0 } END { print text }' "$work/out" |
    tr -d '\r' | sed 's/.*\(status\) 124.*/\1/')"
  matches 'watch: on a terminal: cut to it' 'more lines in a larger window' "$text"
  matches 'watch: on a terminal: in colour' $'\033\\[32mexpires|more lines' "$text"
  is 'watch: on a terminal: again in place' yes \
    "$([ "$(grep -o $'\033\\[Htime' "$work/out" | wc -l)" -ge 2 ] && echo yes)"
  TERM=dumb script -qec "timeout --foreground -s INT 0.3 $thredctl status --watch=0.1" /dev/null >"$work/out" 2>&1 </dev/null
  is 'watch: a dumb terminal' 0 "$(grep -c $'\033' "$work/out")"
}

# coloured CODE PATTERN: on a terminal; for until_true.
coloured() {
  TERM=xterm script -qec "$thredctl status" /dev/null </dev/null 2>/dev/null |
    grep -q $'^state *\033\\['"$1m$2"
}

test_colours() {
  script -qec true /dev/null >"$work/ignored" 2>&1 || return
  "$thredctl" flush >"$work/ignored"
  control POST 'set?lifetime=2'
  token --business $first
  is 'colours: soon over' yes "$(until_true coloured 33 'expires in' && echo yes)"
  is 'colours: over' yes "$(until_true coloured 31 'expired' && echo yes)"
  run
  matches 'colours: over, for people' '^expired; asked for [0-9]+ s ago: the next request fetches another$' \
    "$(row $first state)"
  is 'colours: over, as JSON' '["expired",0]' "$(of $first '[.state, .expires_in]')"
  control POST 'set?lifetime=3600'
}

# ---- mistakes ----

# usage_error NAME ARGUMENT...
usage_error() {
  local name=$1
  shift
  run "$@"
  is "$name: exit status" 2 "$status"
  is "$name: nothing on stdout" '' "$(cat "$work/out")"
  matches "$name: a word on stderr" . "$(cat "$work/err")"
}

test_usage() {
  usage_error 'surplus argument' more
  usage_error 'two forms' --json --metrics
  usage_error 'output for people' --output "$work/x"
  usage_error 'watch: no number' --watch=soon
  usage_error 'watch: too often' --watch=0
  run --help
  is '--help: exit status' 0 "$status"
  matches '--help: an example' $'Example:\n  thredctl ' "$(cat "$work/out")"
}

# ---- segments that are none ----

# printable NAME: whatever the segment is, what is printed can be.
printable() {
  local form
  for form in '' --json --metrics; do
    # shellcheck disable=SC2086  # none at all
    run $form
    is "$1: ${form:-text}: exit status" 0 "$status"
    is "$1: ${form:-text}: printable" 0 "$(LC_ALL=C grep -c -v '^[ -~]*$' "$work/out")"
  done
  is "$1: JSON" 1 "$("$thredctl" status --json | jq .version)"
  metrics "$1"
}

test_garbage() {
  local file size
  file=$(ls /dev/shm/thred-auth-*)
  size=$(stat -c %s "$file")
  # All but the header; then so that the fingerprints fit, and the garbage is shown.
  head -c $((size - 256)) /dev/urandom | dd of="$file" bs=64k seek=256 oflag=seek_bytes conv=notrunc status=none
  printable 'garbage'
  is 'garbage: the state' '"good"' "$(segment .state)"
  tr '\0' '\377' </dev/zero | head -c $((size - 256)) |
    dd of="$file" bs=64k seek=256 oflag=seek_bytes conv=notrunc status=none
  printable 'all ones'
  is 'all ones: all entries are shown' 64 "$(segment '.tokens | length')"
  head -c "$size" /dev/urandom >"$file"
  printable 'no header'
  is 'no header: the state' '"spoiled"' "$(segment .state)"
  is 'no header: nothing else' '[null,null,null,[]]' "$(segment '[.size, .entries, .counters, .tokens]')"
  run
  matches 'no header: for people' $'\nproblem      it is no whole segment of this version: the next program' \
    "$(cat "$work/out")"
  chmod 644 "$file"
  run
  matches 'another mode: for people' $'\nproblem      it is not a regular file of this user with mode 0600 .*mode 0644.*\nchange       ' \
    "$(cat "$work/out")"
  : >"$file"
  chmod 600 "$file"
  printable 'an empty file'
  rm "$file"
  touch /dev/shm/thred-auth-v1-of-old
  run
  matches 'another version: it is named' $'\nnot shown    /dev/shm/thred-auth-v1-of-old \\(of another' "$(cat "$work/out")"
  rm /dev/shm/thred-auth-v1-of-old
}

unset "${!THRED_@}" LD_PRELOAD "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy NO_COLOR
test_nothing
test_no_shm
test_only_looks 'no segment'
start
printf '[thred]\nentries = 64\n' >"$dir/conf.d/60-small.conf"
chmod 600 "$dir/conf.d/60-small.conf"
export THRED_CONF_DIR=$dir/conf.d THRED_LOG=error
test_good
test_json
test_unchanged
test_only_looks 'a segment'
test_metrics
test_output
test_watch
test_refused
test_failing
test_refused_credential
test_fetching
test_colours
test_usage
test_garbage
finish
