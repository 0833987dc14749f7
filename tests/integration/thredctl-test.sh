#!/bin/bash
# SPDX-License-Identifier: MIT
# thredctl-test.sh - the commands of thredctl, of the installation in THRED_TEST_ROOT. Prints TAP.
# It flushes the cache: one of its own where it may have one, else the user's.
set -u
. "$(dirname "$0")/../tap.sh"

if [ -z "${THRED_TEST_ALONE-}" ] && unshare -m true 2>/dev/null; then
  # shellcheck disable=SC2016  # the inner shell expands it
  THRED_TEST_ALONE=yes exec unshare -m sh -c 'mount -t tmpfs none /dev/shm; exec "$0"' "$0"
fi

root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] && [ -x "$root/bin/thred-emulator" ] ||
  skip_all 'THRED_TEST_ROOT names no installation'
thredctl=$root/bin/thredctl
shim=$root/lib/thred/libthred-preload.so
routes=$root/lib/thred/conf.d/20-routes.conf
work=$(mktemp -d) || exit 1
dir=$work/emulator
pid=

cleanup() {
  [ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT

first=3c90c3cc-0d44-4b50-8888-8dd25736052a
nobody=99999999-9999-4999-8999-999999999999
# run ARGUMENT...: sets status; stdout and stderr go to files.
run() {
  "$thredctl" "$@" >"$work/out" 2>"$work/err"
  status=$?
}

start() {
  "$root/bin/thred-emulator" --listen 127.0.0.1:0 --dir "$dir" >"$work/ignored" 2>&1 &
  pid=$!
  local end=$((SECONDS + 20))
  until [ -s "$dir/port" ]; do
    [ $SECONDS -lt $end ] || { echo "Bail out! the emulator does not start"; exit 1; }
    sleep 0.02
  done
  port=$(cat "$dir/port")
}

# control METHOD CALL
control() {
  curl -q --silent --noproxy '*' --max-time 60 --cacert "$dir/ca.pem" --request "$1" \
    "https://127.0.0.1:$port/_emulator/$2"
}

token_requests() {
  control GET counters | sed -n 's/.*"token_requests":{"partner":\([0-9]*\),"business":\([0-9]*\)}.*/\1 \2/p'
}

jwt='[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+'

test_bare_token() {
  run token --business $first
  is 'business token: exit status' 0 "$status"
  is 'business token: nothing on stderr' '' "$(cat "$work/err")"
  matches 'business token: the bare token' "^$jwt\$" "$(cat "$work/out")"
  is 'business token: one line' 1 "$(wc -l <"$work/out")"
  is 'business token: what it cost' '1 1' "$(token_requests)"
  business=$(cat "$work/out")
  run token --partner
  is 'partner token: exit status' 0 "$status"
  matches 'partner token: the bare token' "^$jwt\$" "$(cat "$work/out")"
  is 'partner token: from the cache' '1 1' "$(token_requests)"
  is 'partner token: another one' different \
    "$([ "$(cat "$work/out")" = "$business" ] && echo same || echo different)"
  run token -b $first
  is 'the same token from the cache' "$business" "$(cat "$work/out")"
}

test_forms() {
  run token --business $first --header
  is '--header' "Authorization: Bearer $business" "$(cat "$work/out")"
  run token --business $first --json
  is '--json: one line' 1 "$(wc -l <"$work/out")"
  matches '--json: the token' "\"access_token\":\"$business\"" "$(cat "$work/out")"
  matches '--json: the version' '^\{"version":1,' "$(cat "$work/out")"
  matches '--json: the kind' '"kind":"business"' "$(cat "$work/out")"
  matches '--json: the time left' '"expires_in":3[0-9]{3}[,}]' "$(cat "$work/out")"
  run token --environment sandbox --business $first
  is '--environment' "$business" "$(cat "$work/out")"
}

test_one_write() {
  if ! strace -o "$work/trace" true 2>"$work/ignored"; then
    skip 'one write' 'strace is not to be had'
    return
  fi
  strace -f -qq -e trace=write -e write=none -o "$work/trace" "$thredctl" token --partner >"$work/out"
  is 'one write' 1 "$(grep -c 'write(1,' "$work/trace")"
}

# usage_error NAME ARGUMENT...
usage_error() {
  local name=$1
  shift
  run "$@"
  is "$name: exit status" 2 "$status"
  is "$name: nothing on stdout" '' "$(cat "$work/out")"
  matches "$name: a word on stderr" . "$(cat "$work/err")"
}

test_usage_errors() {
  usage_error 'no command'
  usage_error 'unknown command' frobnicate
  usage_error 'no kind of token' token
  usage_error 'two kinds' token --partner --business $first
  usage_error 'two forms' token --partner --header --json
  usage_error 'unknown option' token --partner --loud
  usage_error 'surplus argument' token --partner more
  usage_error 'option without its value' token --business
}

# failure NAME PATTERN ARGUMENT...
failure() {
  local name=$1 pattern=$2
  shift 2
  run "$@"
  is "$name: exit status" 1 "$status"
  is "$name: nothing on stdout" '' "$(cat "$work/out")"
  matches "$name: why" "$pattern" "$(cat "$work/err")"
}

test_failures() {
  failure 'no UUID' 'not a UUID' token --business x
  failure 'unknown business' $nobody token --business $nobody
  failure 'unknown environment' nowhere token --environment nowhere --partner
  failure 'inactive environment' production token --environment production --partner
  THRED_DISABLE=1 failure 'switched off' THRED_DISABLE token --partner
  THRED_CONF_DIR=/nonexistent failure 'no configuration' . token --partner
  "$thredctl" token --partner >/dev/full 2>"$work/err"
  is 'a full device: exit status' 1 $?
}

test_flush() {
  run flush
  is 'flush: exit status' 0 "$status"
  matches 'flush: what it did' '^[0-9]+ tokens? forgotten$' "$(cat "$work/out")"
  control POST reset >"$work/ignored"
  run token --business $first
  is 'after a flush: exit status' 0 "$status"
  is 'after a flush: asked again' '1 1' "$(token_requests)"
  is 'after a flush: a new token' different \
    "$([ "$(cat "$work/out")" = "$business" ] && echo same || echo different)"
  run flush --json
  matches 'flush --json' '^\{"version":1,"flushed":[0-9]+\}$' "$(cat "$work/out")"
  usage_error 'flush: surplus argument' flush more
}

# ---- route ----

api=https://sandbox.thredfi.com/v1/platform

# row KEY: its value in the text that the last `run route` printed.
row() {
  sed -n "s/^$1  *//p" "$work/out"
}

# key NAME: its value in the JSON that the last `run route --json` printed.
key() {
  jq -r ".$1" "$work/out"
}

# at PATH: the place of the shipped route with this path, FILE:LINE.
at() {
  echo "$routes:$(grep -n -x -F "path = $1" "$routes" | cut -d: -f1)"
}

# configure NAME <<END: a directory with the emulator's configuration and what stands on stdin behind
# it. Sets conf.
configure() {
  conf=$work/conf-$1
  mkdir -m 700 "$conf"
  install -m 600 "$dir/conf.d/"*.conf "$conf"
  install -m 600 /dev/stdin "$conf/60-$1.conf"
}

# token NAME TOKEN ARGUMENT...: `thredctl route ARGUMENT...` explains that TOKEN would be attached.
token() {
  local name=$1 token=$2
  shift 2
  run route "$@"
  is "route: $name: exit status" 0 "$status"
  is "route: $name: nothing on stderr" '' "$(cat "$work/err")"
  is "route: $name: the token" "$token" "$(row token)"
}

# refused NAME REASON BECAUSE URL: none would, for this reason.
refused() {
  token "$1" none "$4"
  matches "route: $1: because" "$3" "$(row because)"
  run route --json "$4"
  is "route: $1: the reason as JSON" "none $2" "$(key token) $(key reason)"
}

test_route_tokens() {
  local where=$dir/conf.d/50-emulator.conf
  where+=:$(grep -n '^credentials' "$where" | cut -d: -f1)
  token business business -X POST "$api/businesses/${first^^}/invoices/"
  is 'route: business: all of it' "url          $api/businesses/${first^^}/invoices/
method       POST
environment  sandbox ($where)
token        business
business     $first (from the path)
route        business-resources: * /v1/platform/businesses/{business_id}/** ($(at '/v1/platform/businesses/{business_id}/**'))" \
    "$(cat "$work/out")"
  token partner partner $api/businesses/
  is 'route: partner: the method' GET "$(row method)"
  is 'route: partner: the route' \
    "businesses: GET;POST; /v1/platform/businesses ($(at /v1/platform/businesses))" "$(row route)"
  is 'route: partner: no business' '' "$(row business)"
  token 'route that says none' none $api/oauth2/token
  is 'route: none: the route' \
    "partner-token: * /v1/platform/oauth2/token ($(at /v1/platform/oauth2/token))" "$(row route)"
  is 'route: none: because' 'the route says none' "$(row because)"
  refused 'route that says none' tokenless 'says none' $api/oauth2/token
  token 'a method with a route of its own' partner -X POST $api/$first/oauth2/token
  is 'route: a method with a route of its own: the route' \
    "business-token: POST; /v1/platform/{business_id}/oauth2/token" "$(row route | sed 's/ (.*//')"
  token 'another method' none $api/$first/oauth2/token
  token 'the method behind the URL' partner $api/$first/oauth2/token --method POST
  token 'a method of token characters' business -X "M-SEARCH!#\$%&'*+.^_\`|~9" $api/businesses/$first/bills
  is 'route: a method of token characters: as it is' "M-SEARCH!#\$%&'*+.^_\`|~9" "$(row method)"
  token 'behind --' partner -- $api/businesses/
}

test_route_urls() {
  refused 'another host' not-thred 'not in thredfi.com' https://example.com/
  refused 'unknown host' unknown-host 'names the host' https://nobody.thredfi.com/
  run route https://nobody.thredfi.com/
  matches 'route: unknown host: the change' "hosts.*$dir/conf.d\$" "$(row change)"
  refused http not-https 'https:' "http://sandbox.thredfi.com/v1/"
  refused port bad-port 443 https://sandbox.thredfi.com:8443/v1/
  refused 'trailing dot' bad-host plainly https://sandbox.thredfi.com./v1/
  refused 'dot segment' bad-path segments $api/../v1/
  refused 'what libcurl refuses' bad-url refuses https://sandbox.thredfi.com:x/
  refused 'inactive environment' inactive credentials https://api.thredfi.com/v1/
  run route https://api.thredfi.com/v1/
  is 'route: inactive environment: its place' \
    "production ($root/lib/thred/conf.d/10-environments.conf:$(grep -n -F '[environment production]' \
      "$root/lib/thred/conf.d/10-environments.conf" | cut -d: -f1))" "$(row environment)"
  matches 'route: inactive environment: the change' \
    "credentials.*\[environment production\].*$dir/conf.d\$" "$(row change)"
}

# The URL stays the user's secret and harmless to the terminal.
test_route_output() {
  local url plain forms=(https://me:secret@sandbox.thredfi.com/v1/a@b
    https://me@else:secret@sandbox.thredfi.com/v1/a@b https:/me:secret@sandbox.thredfi.com/v1/a@b
    https:///me:secret@sandbox.thredfi.com/v1/a@b 'https://me:\secret@sandbox.thredfi.com/v1/a@b'
    me:secret@sandbox.thredfi.com//v1/a@b)
  for url in "${forms[@]}"; do
    plain=${url%%me*}${url#*secret@}
    token "$url" none "$url"
    is "route: $url: as it is printed" "$plain" "$(row url)"
    is "route: $url: no secret" 0 "$(grep -c -e secret -e 'me[@:]' "$work/out")"
    run route --json "$url"
    is "route: $url: in JSON" "$plain" "$(key url)"
  done
  refused userinfo userinfo 'user or password' https://me:secret@sandbox.thredfi.com/
  token 'control characters' none $'https://sandbox.thredfi.com/\e[31m\n\x9b\x7f'
  is 'route: control characters: as they are printed' \
    'https://sandbox.thredfi.com/\033[31m\n\233\177' "$(row url)"
  run route --json $'https://sandbox.thredfi.com/\e\n\x9b'
  is 'route: control characters: as JSON' bad-url "$(key reason)"
}

# shellcheck disable=SC2016  # nothing to expand
test_route_business() {
  token 'no business' none $api/bills/
  matches 'route: no business: the change' \
    'THRED_BUSINESS_ID.*`business` in \[environment sandbox\]' "$(row change)"
  refused 'no business' no-business 'no business is known' $api/bills/
  THRED_BUSINESS_ID=${first^^} token 'business of the process' business $api/bills/
  is 'route: business of the process: from' "$first (from THRED_BUSINESS_ID)" "$(row business)"
  THRED_BUSINESS_ID=$nobody token 'the path wins' business $api/businesses/$first/bills/
  is 'route: the path wins: from' "$first (from the path)" "$(row business)"
  THRED_BUSINESS_ID=mine token 'business of the process is no UUID' none $api/bills/
  matches 'route: business of the process is no UUID: the change' 'not a UUID' "$(row change)"
  configure business <<<$'[environment sandbox]\nbusiness = '$first
  THRED_CONF_DIR=$conf token 'business of the environment' business $api/bills/
  is 'route: business of the environment: from' "$first (default of the environment)" "$(row business)"
  THRED_CONF_DIR=$conf run route --json $api/bills/
  is 'route: business of the environment: as JSON' "$first environment" \
    "$(key business_id) $(key business_from)"
}

# shellcheck disable=SC2016
test_route_policy() {
  configure pin <<<$'[environment sandbox]\npin-business = yes\nbusiness = '$first
  THRED_CONF_DIR=$conf token 'the pinned one' business $api/businesses/$first/bills/
  THRED_CONF_DIR=$conf refused pinned pinned pin-business $api/businesses/$nobody/bills/
  THRED_CONF_DIR=$conf run route $api/businesses/$nobody/bills/
  matches 'route: pinned: the change' "$first.*pin-business.*\[environment sandbox\].*$conf\$" "$(row change)"
  matches 'route: pinned: the rule' "pin-business.*($conf/[a-z0-9-]*\.conf:2)" "$(row because)"
  is 'route: pinned: the business' "$nobody (from the path)" "$(row business)"
  configure allow <<<$'[environment sandbox]\nallow = business;'
  THRED_CONF_DIR=$conf refused 'not allowed' not-allowed 'allow leaves out' $api/businesses/
  THRED_CONF_DIR=$conf run route $api/businesses/
  matches 'route: not allowed: the change' 'partner to `allow` in \[environment sandbox\]' "$(row change)"
  is 'route: not allowed: the route' \
    "businesses: GET;POST; /v1/platform/businesses ($(at /v1/platform/businesses))" "$(row route)"
  configure mistake <<<$'[environment sandbox]\ncredentials = nowhere\nfrobnicate = yes'
  THRED_CONF_DIR=$conf token 'a mistake' none $api/businesses/
  matches 'route: a mistake: it is named' "$conf/60-mistake.conf:[0-9]+: " "$(row problem)"
  THRED_DISABLE=1 token 'switched off' none $api/businesses/
  matches 'route: switched off: because' THRED_DISABLE "$(row because)"
  THRED_DISABLE=1 run route --json $api/businesses/
  is 'route: switched off: as JSON' 'none disabled' "$(key token) $(key reason)"
}

test_route_json() {
  run route --json -X POST $api/businesses/$first/invoices/
  is 'route --json: exit status' 0 "$status"
  is 'route --json: one line' 1 "$(wc -l <"$work/out")"
  is 'route --json: all of it' "$(jq -n -c --arg url "$api/businesses/$first/invoices/" \
    --arg id $first --arg file "$routes" --argjson line "$(at '/v1/platform/businesses/{business_id}/**' |
      sed 's/.*://')" '{version: 1, $url, method: "POST", environment: "sandbox", token: "business",
    business_id: $id, business_from: "path", route: "business-resources",
    route_path: "/v1/platform/businesses/{business_id}/**", route_methods: "*", $file, $line,
    reason: "token", because: "a token goes to this URL"}')" "$(cat "$work/out")"
  run route --json https://example.com/
  is 'route --json: what was not decided' '["business_from","business_id","environment","file","line",'\
'"route","route_methods","route_path"]' "$(jq -c '[to_entries[] | select(.value == null).key] | sort' "$work/out")"
  run route --json https://api.thredfi.com/
  is 'route --json: the place of an environment' "$root/lib/thred/conf.d/10-environments.conf" "$(key file)"
}

test_route_errors() {
  usage_error 'route: no URL' route
  usage_error 'route: a method and no URL' route -X POST
  usage_error 'route: no method' route $api -X
  usage_error 'route: two URLs' route $api $api
  usage_error 'route: a method with a space' route -X 'GET /' $api
  usage_error 'route: an empty method' route -X '' $api
  usage_error 'route: a method with a line end' route -X $'GET\r\n' $api
  usage_error 'route: unknown option' route --loud $api
  mkdir -m 700 "$work/no-modules"
  THRED_MODULE_DIR=$work/no-modules failure 'route: no usable configuration' 'route: .' route $api
  "$thredctl" route $api >/dev/full 2>"$work/err"
  is 'route: a full device: exit status' 1 $?
}

# ---- exec ----

# A sanitizer's runtime must be in a program from its start: such a shim fits no program of the system.
shim_fits() {
  ! nm -D "$shim" | grep -q __asan
}

# shown NAME EXPECTED ARGUMENT...: what `thredctl exec ARGUMENT...` prints.
shown() {
  local name=$1 expected=$2
  shift 2
  run exec "$@"
  is "exec: $name: exit status" 0 "$status"
  is "exec: $name" "$expected" "$(cat "$work/out")"
}

# shellcheck disable=SC2016  # the inner shell expands it
test_exec_preload() {
  local print='echo "$LD_PRELOAD"'
  shown 'the shim' "$shim" -- sh -c "$print"
  LD_PRELOAD=libm.so.6 shown 'in front of another' "$shim:libm.so.6" sh -c "$print"
  LD_PRELOAD='libm.so.6 libdl.so.2' shown 'in front of others, with spaces' \
    "$shim:libm.so.6:libdl.so.2" sh -c "$print"
  LD_PRELOAD=":libm.so.6: $shim:libdl.so.2:$shim" shown 'moved to the front, not doubled' \
    "$shim:libm.so.6:libdl.so.2" sh -c "$print"
  shown 'exec in exec' "$shim" "$thredctl" exec sh -c "$print"
}

# shellcheck disable=SC2016
test_exec_business() {
  local print='echo "${THRED_BUSINESS_ID-none}"'
  shown 'no business' none sh -c "$print"
  shown 'business in lower case' $first --business ${first^^} -- sh -c "$print"
  shown 'short option, without --' $first -b $first sh -c "$print"
  THRED_BUSINESS_ID=$nobody shown 'the business of the caller stays' $nobody sh -c "$print"
  THRED_BUSINESS_ID=$nobody shown 'the option wins' $first -b $first sh -c "$print"
}

# shellcheck disable=SC2016
test_exec_command() {
  local print='printf "[%s]" "$0" "$@"'
  shown 'options of the command' '[-b][--business=x][--help][--][-q]' \
    sh -c "$print" -b --business=x --help -- -q
  shown 'options of the command behind --' '[--][-b][--help]' -- sh -c "$print" -- -b --help
  shown 'an empty argument' '[][ a ]' sh -c "$print" '' ' a '
  for expected in 0 1 2 7 255; do
    run exec sh -c "exit $expected"
    is "exec: exit status $expected" "$expected" "$status"
  done
  run exec -- sh -c 'kill -TERM $$'
  is 'exec: a signal' 143 "$status"
  printf '#!/bin/sh\necho "dash $1"\n' >"$work/-dash"
  chmod 755 "$work/-dash"
  PATH=$work:$PATH shown 'a command that begins with a dash' 'dash -x' -- -dash -x
}

# shellcheck disable=SC2016
test_exec_surroundings() {
  local fds='cd /proc/$$/fd && echo *' others='^(LD_PRELOAD|_)='
  is 'exec: the rest of the environment' "$(env | grep -v -E "$others" | sort)" \
    "$("$thredctl" exec env | grep -v -E "$others" | sort)"
  is 'exec: the descriptors' "$(sh -c "$fds" 7</dev/null)" \
    "$("$thredctl" exec sh -c "$fds" 7</dev/null)"
  is 'exec: standard input' in "$(echo in | "$thredctl" exec cat)"
  THRED_DISABLE=1 shown 'switched off' ran echo ran
  is 'exec: switched off: silent' '' "$(cat "$work/err")"
}

test_check() {
  local where=$dir/conf.d/50-emulator.conf stack
  where+=:$(grep -n '^credentials' "$where" | cut -d: -f1)
  run check --offline
  is 'check: exit status' 0 "$status"
  is 'check: all of it' "environment  sandbox ($where)
credentials  SUCCESS   file, and is used
verdict      all is well" "$(cat "$work/out")"
  is 'check: offline, no token is asked for' "$(token_requests)" "$(run check --offline; token_requests)"
  stack='credentials = env [NOTFOUND=continue] gone file env'
  configure check <<<"[environment sandbox]
$stack
next = later
key-created = $(date -u -d '-85 days' +%F)
[credentials gone]
module = file
path = /nonexistent/credentials
[credentials later]
module = systemd"
  THRED_CONF_DIR=$conf THRED_API_KEY=half run check --offline
  is 'check: a stack: exit status' 0 "$status"
  is 'check: a stack: each of its sources' "environment  sandbox ($conf/60-check.conf:2)
key-created  $(date -u -d '-85 days' +%F), 85 days ago: it is to be changed within 90 days
credentials  UNAVAIL   env: THRED_API_KEY is set, but THRED_PARTNER_UUID is not set or empty
             NOTFOUND  gone (module file): /nonexistent/credentials: No such file or directory
             SUCCESS   file, and is used
             UNAVAIL   env: THRED_API_KEY is set, but THRED_PARTNER_UUID is not set or empty
next         NOTFOUND  later (module systemd): CREDENTIALS_DIRECTORY is not set: systemd has handed no \
credential to this process
warning      the API key is 85 days old; Thred asks for a new one every 90 days
change       have Thred make a new one, put it where \`next\` looks, then in the first place, and its date in \`key-created\`
verdict      all is well; 1 warning: sandbox" "$(cat "$work/out")"
  THRED_CONF_DIR=$conf run check --offline --json
  is 'check --json' '{"version":1,"good":true,"age":85,"usable":true,"problems":[],"used":["file"],
"status":["NOTFOUND","NOTFOUND","SUCCESS","NOTFOUND","NOTFOUND"]}' "$(jq -c '{version, good,
    age: .environments[0].key_age_days, usable: .environments[0].usable, problems,
    used: [.environments[0].credentials[] | select(.used).name],
    status: [.environments[0] | (.credentials + .next)[].status]}' "$work/out" | sed 's/,"status"/,\n"status"/')"
  configure nothing <<<$'[environment sandbox]\ncredentials = env'
  THRED_CONF_DIR=$conf run check --offline
  is 'check: nothing delivers: exit status' 1 "$status"
  matches 'check: nothing delivers: said' 'problem +no source delivers a credential' "$(cat "$work/out")"
  configure broken <<<$'[environment sandbox]\ntimeout = soon'
  THRED_CONF_DIR=$conf run check --offline
  is 'check: a mistake: exit status' 1 "$status"
  matches 'check: a mistake: where' "problem +$conf/60-broken.conf:2: " "$(cat "$work/out")"
  THRED_CONF_DIR=/nonexistent run check
  is 'check: nothing is active: exit status' 1 "$status"
  matches 'check: nothing is active: said' 'problem +no environment is active' "$(cat "$work/out")"
  THRED_CONF_DIR=/nonexistent run check --json
  is 'check: nothing is active: as JSON' 'false []' "$(jq -r '"\(.good) \(.environments)"' "$work/out")"
  THRED_DISABLE=1 run check
  is 'check: switched off: exit status' 1 "$status"
  run check too much
  is 'check: an argument: exit status' 2 "$status"
}

test_exec_errors() {
  usage_error 'exec: no command' exec
  usage_error 'exec: no command behind --' exec --
  usage_error 'exec: no command behind --business' exec --business $first
  usage_error 'exec: business without its value' exec --business
  usage_error 'exec: unknown option' exec --loud true
  usage_error 'exec: no UUID' exec --business mine true
  matches 'exec: no UUID: it is named' "'mine'" "$(cat "$work/err")"
  run exec --help
  is 'exec --help: exit status' 0 "$status"
  matches 'exec --help' 'thredctl exec ' "$(cat "$work/out")"
}

test_exec_failures() {
  # An unreadable directory of the caller's PATH would make it another error.
  PATH=/usr/bin:/bin failure 'exec: not found' "'no-such-command': No such file" exec no-such-command -x
  failure 'exec: not executable' "'$work/out': Permission denied" exec "$work/out"
  failure 'exec: an empty name' "'': No such file" exec ''
}

# Hides the shim in a mount namespace of its own: the installation stays whole for others.
test_exec_without_shim() {
  # shellcheck disable=SC2016
  local hide='mount -t tmpfs none "$1" && shift && exec "$@"'
  if ! unshare -m sh -c "$hide" sh "$root/lib/thred" true 2>"$work/ignored"; then
    skip 'exec: no shim' 'mount namespaces are not to be had'
    return
  fi
  unshare -m sh -c "$hide" sh "$root/lib/thred" "$thredctl" exec echo ran >"$work/out" 2>"$work/err"
  is 'exec: no shim: exit status' 1 $?
  is 'exec: no shim: nothing is run' '' "$(cat "$work/out")"
  matches 'exec: no shim: it is named' "$shim.*No such file" "$(cat "$work/err")"
}

test_exec() {
  test_exec_errors
  test_exec_without_shim
  if ! shim_fits; then
    skip 'exec' 'the shim of a sanitized build fits no program of the system'
    return
  fi
  test_exec_preload
  test_exec_business
  test_exec_command
  test_exec_surroundings
}

unset "${!THRED_@}" LD_PRELOAD "${!http_proxy@}" "${!https_proxy@}" HTTPS_PROXY ALL_PROXY all_proxy
start
export THRED_CONF_DIR=$dir/conf.d
test_bare_token
test_forms
test_one_write
test_usage_errors
test_failures
test_flush
test_route_tokens
test_route_urls
test_route_output
test_route_business
test_route_policy
test_route_json
test_route_errors
test_exec_failures
test_check
test_exec
finish
