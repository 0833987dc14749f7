#!/bin/bash
# SPDX-License-Identifier: MIT
# config-test.sh - `thredctl config`: every value with its file and line, held against the files; and the
# files that `config --init` writes. Of the installation in THRED_TEST_ROOT. Prints TAP.
set -u
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../tap.sh"
root=${THRED_TEST_ROOT-}
[ -x "$root/bin/thredctl" ] || skip_all 'THRED_TEST_ROOT names no installation'
command -v jq >/dev/null || skip_all 'no jq'
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset "${!THRED_@}" NO_COLOR
export PATH=$root/bin:$PATH HOME=$work XDG_CONFIG_HOME=$work/config
shipped=$root/lib/thred/conf.d
conf=$work/conf.d
secret=sk_live_51Hq8Zx9Kc2Lm4Np6Rt
umask 022
mkdir "$conf"
cd "$work" || exit 1
export THRED_CONF_DIR=$conf

# run ARGUMENT...: sets status; stdout and stderr go to files.
run() {
  thredctl "$@" >"$work/out" 2>"$work/err"
  status=$?
}

# write NAME <<END: a file of conf.d.
write() {
  install -m 644 /dev/stdin "$conf/$1"
}

# shellcheck disable=SC2016  # jq's variables
# query FILTER ARGUMENT...: jq -r FILTER of what `thredctl config --json ARGUMENT...` prints.
query() {
  local filter=$1
  shift
  thredctl config --json "$@" | jq -r "$filter"
}

# value KEY: of the environment sandbox.
value() {
  query ".groups[] | select(.kind == \"environment\" and .name == \"sandbox\") | .values[] | select(.key == \"$1\")
    | \"\(.value) \(.origin) \(.file):\(.line)\""
}

test_text() {
  write 50.conf <<<$'[environment sandbox]\ncredentials = file\ntimeout = 20\n[credentials file]\npath = /etc/x'
  write 60.conf <<<$'# comment\n[environment sandbox]\ntimeout = 10'
  run config sandbox
  is 'an environment: exit status' 0 "$status"
  is 'an environment: nothing on stderr' '' "$(cat "$work/err")"
  is 'an environment: all of it' "[environment sandbox]  active
hosts                   sandbox.thredfi.com;sandbox-backend.thredfi.com; ($shipped/10-environments.conf:$(grep -n '^hosts = sandbox' "$shipped/10-environments.conf" | cut -d: -f1), shipped)
credentials             file ($conf/50.conf:2, administrator)
next                    (not set)
business                (not set)
pin-business            no (default)
allow                   partner;business; (default)
refresh-before          300 (default)
existing-authorization  keep (default)
connect-timeout         5 (default)
timeout                 10 ($conf/60.conf:3, administrator)
  in place of           20 ($conf/50.conf:3, administrator)
key-created             (not set)
ca-file                 (not set)
connect-to              (not set)

variable     THRED_CONF_DIR=$conf" "$(cat "$work/out")"
  run config
  is 'all: exit status' 0 "$status"
  is 'all: the groups' "thred environment credentials route" \
    "$(sed -n 's/^\[\([a-z]*\).*/\1/p' "$work/out" | uniq | paste -sd' ')"
  is 'all: an inactive environment has what is set' 1 "$(sed -n '/^\[environment production/,/^$/p' "$work/out" |
    grep -c '^[a-z]')"
  is 'all: the files, in order' "read         $shipped/10-environments.conf (shipped)
read         $shipped/20-routes.conf (shipped)
read         $conf/50.conf (administrator)
read         $conf/60.conf (administrator)" "$(grep '^read ' "$work/out")"
  is 'all: no problem' 0 "$(grep -c '^problem' "$work/out")"
  THRED_DISABLE=1 THRED_API_KEY=$secret run config
  is 'a variable that changes all' 1 "$(grep -c -x 'variable     THRED_DISABLE=1' "$work/out")"
  is 'the key in the environment' 0 "$(grep -c $secret "$work/out")"
}

# Each value of a file stands at its place there: nothing of it is made up.
test_places() {
  local file line key n=0 wrong=''
  while IFS=$'\t' read -r file line key; do
    n=$((n + 1))
    sed -n "${line}p" "$file" | grep -q "^$key *=" || wrong+="$file:$line $key; "
  done < <(query '.groups[].values[] | .key as $key | (., .overrides[]) | select(.file) | [.file, .line, $key] | @tsv')
  is 'places: every value stands at its own' '' "$wrong"
  is 'places: there are many' yes "$([ "$n" -ge 50 ] && echo yes || echo "$n")"
  is 'places: as many as there are settings' "$(cat "$shipped"/*.conf "$conf"/*.conf | grep -c '^[a-z-]* *=')" "$n"
  is 'places: as route says' "$(value credentials | sed 's/.* //')" \
    "$(thredctl route --json https://sandbox.thredfi.com/v1/platform/nothing//x | jq -r '"\(.file):\(.line)"')"
}

test_json() {
  is 'JSON: its keys' '["version","groups","files","variables","problems"]' "$(query 'keys_unsorted | tojson')"
  is 'JSON: of a group' '["kind","name","state","file","line","values"]' \
    "$(query '[.groups[] | keys_unsorted] | unique | .[] | tojson')"
  is 'JSON: of a value' '["key","value","hidden","origin","file","line","overrides"]' \
    "$(query '[.groups[].values[] | keys_unsorted] | unique | .[] | tojson')"
  is 'JSON: of an override' '["value","hidden","origin","file","line","fate"]' \
    "$(query '[.groups[].values[].overrides[] | keys_unsorted] | unique | .[] | tojson')"
  is 'JSON: of a file' '["path","origin","fate","why"]' "$(query '[.files[] | keys_unsorted] | unique | .[] | tojson')"
  is 'JSON: [thred] has no name' null "$(query '.groups[] | select(.kind == "thred") | .name')"
  is 'JSON: a value' "10 administrator $conf/60.conf:3" "$(value timeout)"
  is 'JSON: a default' 'keep default null:null' "$(value existing-authorization)"
  is 'JSON: not set' 'null default null:null' "$(value key-created)"
  is 'JSON: one group' 'environment sandbox' "$(query '.groups[] | "\(.kind) \(.name)"' sandbox)"
  is 'JSON: the files only' 'null 4' "$(query '"\(.groups) \(.files | length)"' --files)"
  is 'JSON: the variables' "$conf" "$(query '.variables.THRED_CONF_DIR')"
}

test_narrowed() {
  local words
  for words in thred 'environment sandbox' 'credentials file' 'route businesses' sandbox; do
    # shellcheck disable=SC2086  # one word or two
    is "narrowed: $words" 1 "$(query '.groups | length' $words)"
    is "narrowed: '$words'" 1 "$(query '.groups | length' "$words")"
  done
  run config sandbx
  is 'narrowed: mistyped: exit status' 1 "$status"
  is 'narrowed: mistyped' "thredctl: config: there is no group 'sandbx'; did you mean 'sandbox'?" "$(cat "$work/err")"
  run config credentials fiel
  is 'narrowed: mistyped, in two words' \
    "thredctl: config: there is no group 'credentials fiel'; did you mean 'credentials file'?" "$(cat "$work/err")"
  run config frobnicate
  is 'narrowed: nothing is near' "thredctl: config: there is no group or environment 'frobnicate'; 'thredctl config' shows all" \
    "$(cat "$work/err")"
  run config --files sandbox
  is 'narrowed: with --files: exit status' 2 "$status"
  run config --init "$work/no" --json
  is '--init with --json: exit status' 2 "$status"
  is '--init with --json: nothing is written' no "$([ -e "$work/no" ] && echo yes || echo no)"
}

test_files() {
  ln -s /dev/null "$conf/20-routes.conf"
  write 70.conf <<<$'[thred]\nlog = debug'
  chmod 666 "$conf/70.conf"
  run config --files
  is 'files: exit status' 0 "$status"
  is 'files: what becomes of each' "read $shipped/10-environments.conf
replaced $shipped/20-routes.conf
masked $conf/20-routes.conf
read $conf/50.conf
read $conf/60.conf
refused $conf/70.conf" "$(sed -E 's/^([a-z]+) +([^ ]+) .*/\1 \2/' "$work/out")"
  matches 'files: why one is masked' 'masked +[^ ]+ \(administrator\): it is a link to /dev/null' "$(cat "$work/out")"
  matches 'files: why one is replaced' "replaced +[^ ]+ \\(shipped\\): $conf/20-routes.conf has its name" "$(cat "$work/out")"
  matches 'files: why one is refused' "refused +[^ ]+ \\(administrator\\): .*0?666" "$(cat "$work/out")"
  is 'files: no group' 0 "$(grep -c '^\[' "$work/out")"
  run config
  matches 'a refused file: what it names is off' "^\[thred\]  disabled by the error in $conf/70.conf:1" "$(cat "$work/out")"
  matches 'a refused file: is a problem, at the end' "^problem      $conf/70.conf: " "$(tail -1 "$work/out")"
  is 'files: as JSON' 'masked refused replaced read' "$(query '[.files[].fate] | unique | sort_by(. == "read") | join(" ")')"
  THRED_CONF_DIR=$work/nowhere run config --files
  matches 'a missing directory' "missing      $work/nowhere \(administrator\)" "$(cat "$work/out")"
  rm "$conf/20-routes.conf" "$conf/70.conf"
}

# Typed into the wrong place, one that counts and one that is overridden.
test_secrets() {
  write 80.conf <<END
[environment sandbox]
next = $secret
timeout = $secret
[credentials file]
path = /etc/x
api-key = short-one
command = get --token $secret
[credentials other]
$secret = yes
password = /etc/password
[route other]
path = /v1/$secret
token = none
END
  write 90.conf <<<$'[credentials file]\napi-key = other-one'
  local form
  for form in '' --json; do
    # shellcheck disable=SC2086
    run config $form
    is "secrets: config $form: exit status" 0 "$status"
    is "secrets: config $form: none" 0 "$(grep -c -e "$secret" -e short-one -e other-one "$work/out" "$work/err" | cut -d: -f2 | sort -u)"
  done
  is 'secrets: in their place' "api-key                 (hidden) ($conf/90.conf:2, administrator)
  in place of           (hidden) ($conf/80.conf:6, administrator)" "$(thredctl config credentials file | grep -A1 ^api-key)"
  is 'secrets: as JSON' 'null true' "$(query '.groups[0].values[] | select(.key == "api-key") | "\(.value) \(.hidden)"' credentials file)"
  is 'secrets: the path of one is shown' /etc/password \
    "$(query '.groups[0].values[] | select(.key == "password") | .value' credentials other)"
  rm "$conf/80.conf" "$conf/90.conf"
}

# ---- config --init ----

# settings FILE: what is set in it, and what is switched off there, as "key = value".
settings() {
  sed -n 's/^#\{0,1\}\([a-z-]* = .*\)/\1/p' "$1"
}

test_init() {
  local init=$work/init/conf.d key
  mkdir "$work/init"
  (umask 077 && thredctl config --init "$init") >"$work/out" 2>"$work/err"
  is 'init: exit status' 0 $?
  is 'init: nothing on stderr' '' "$(cat "$work/err")"
  is 'init: what is there, whatever the umask' '755 . 644 ./50-thred.conf 600 ./credentials.template' \
    "$(cd "$init" && find . -printf '%m %p\n' | sort -k2 | paste -sd' ')"
  is 'init: it says what it wrote' "$init/credentials.template $init/50-thred.conf" \
    "$(sed -n 's/^written *\([^ ]*\) .*/\1/p' "$work/out" | paste -sd' ')"
  matches 'init: it says what to do next' 'next +install .*credentials.template.*THRED_CONF_DIR.*thredctl check' \
    "$(tr '\n' ' ' <"$work/out")"
  THRED_CONF_DIR=$init run config
  is 'init: no problem' 0 "$(grep -c '^problem' "$work/out")"
  is 'init: it is read' 1 "$(grep -c "^read *$init/50-thred.conf" "$work/out")"
  is 'init: sandbox is active' 1 "$(grep -c '^\[environment sandbox\]  active' "$work/out")"
  export THRED_CONF_DIR=$init
  for key in $(query '.groups[] | select(.kind == "thred" or .name == "sandbox") | .values[].key'); do
    matches "init: $key is explained" "(^|
)$key = " "$(settings "$init/50-thred.conf")"
  done
  is 'init: what is switched off shows what holds' '' "$(query '.groups[] | select(.kind == "thred" or .name == "sandbox")
    | .values[] | select(.origin == "default" and .value) | "\(.key) = \(.value)"' |
    grep -v -x -F -f <(settings "$init/50-thred.conf"))"
  mkdir "$work/on"
  sed 's/^#\([a-z[]\)/\1/' "$init/50-thred.conf" >"$work/on/50-thred.conf"
  export THRED_CONF_DIR=$work/on
  is 'init: all of it switched on: no problem' '' "$(query '.problems[].text')"
  is 'init: all of it switched on: it counts' 'env other' "$(query '[.groups[] | select(.kind == "thred" or .name == "sandbox")
    | .values[] | .origin == "administrator"] | all | if . then "env other" else "some do not" end')"
  export THRED_CONF_DIR=$conf
}

# All that is missing is the credential.
test_init_check() {
  local init=$work/init/conf.d offline=''
  ! thredctl check --help | grep -q -e --offline || offline=--offline
  cp -r "$init" "$work/mine"
  sed -i "s|^path = .*|path = $work/credentials|" "$work/mine/50-thred.conf"
  # shellcheck disable=SC2086
  THRED_CONF_DIR=$work/mine run check $offline
  is 'init: check before there is a credential: exit status' 1 "$status"
  matches 'init: check before there is a credential: why' "$work/credentials" "$(cat "$work/out")"
  install -m 600 "$init/credentials.template" "$work/credentials"
  THRED_CONF_DIR=$work/mine run check $offline
  is 'init: check with the template alone: exit status' 1 "$status"
  sed -i 's/^#\(THRED_PARTNER_UUID=\)/\13c90c3cc-0d44-4b50-8888-8dd25736052a/; s/^#\(THRED_API_KEY=\)/\1some-key/' "$work/credentials"
  THRED_CONF_DIR=$work/mine run check $offline
  is "init: check $offline with the template filled in: exit status" 0 "$status"
  is 'init: no secret in the template' '' "$(grep '=.' "$init/credentials.template")"
}

# refused NAME ARGUMENT...: `config --init` writes nothing.
refused() {
  local name=$1 before
  shift
  before=$(find "$work/init" -ls)
  run config --init "$@"
  is "init: $name: exit status" 1 "$status"
  is "init: $name: nothing on stdout" '' "$(cat "$work/out")"
  is "init: $name: nothing is written" "$before" "$(find "$work/init" -ls)"
}

# What it says is to be copied into a shell.
test_init_quoted() {
  local init="$work/init/two words; it's"
  run config --init "$init"
  is 'init: a name that a shell would take apart: exit status' 0 "$status"
  (eval "set -- $(sed -n 's/^next *//p' "$work/out")"; printf %s "$5") >"$work/word"
  is 'init: a name that a shell would take apart: install' "$init/credentials.template" "$(cat "$work/word")"
  (eval "$(sed -n 's/^ *\(export [^,]*\),.*/\1/p' "$work/out")"; printf %s "$THRED_CONF_DIR") >"$work/word"
  is 'init: a name that a shell would take apart: export' "$init" "$(cat "$work/word")"
}

test_init_refused() {
  refused 'twice' "$work/init/conf.d"
  matches 'init: twice: why' 'is there already and is left as it is' "$(cat "$work/err")"
  rm "$work/init/conf.d/credentials.template"
  refused 'one of the files is there' "$work/init/conf.d"
  mkdir "$work/init/link"
  ln -s "$work/init/link/target" "$work/init/link/50-thred.conf"
  refused 'a link that leads nowhere' "$work/init/link"
  mkdir -m 777 "$work/init/open"
  chmod 777 "$work/init/open"
  refused 'a directory that others may write' "$work/init/open"
  refused 'a directory that cannot be made' "$work/init/no/such"
  refused 'a file in the place of the directory' "$work/init/conf.d/50-thred.conf"
  run config --init
  is 'init: no directory: exit status' 2 "$status"
}

# Several at once: one of them has written both files, whole.
test_init_race() {
  local i statuses=''
  mkdir "$work/race"
  for i in 1 2 3 4 5 6; do
    thredctl config --init "$work/race" >/dev/null 2>&1 &
    pids[i]=$!
  done
  for i in 1 2 3 4 5 6; do
    wait "${pids[i]}"
    statuses+=$?
  done
  is 'init: six at once: one has done it' 011111 "$(grep -o . <<<"$statuses" | sort | tr -d '\n')"
  is 'init: six at once: what is there' '50-thred.conf credentials.template' \
    "$(find "$work/race" -type f -printf '%f\n' | sort | paste -sd' ')"
  is 'init: six at once: it is whole' "$(wc -l <"$work/mine/50-thred.conf")" "$(wc -l <"$work/race/50-thred.conf")"
}

test_text
test_places
test_json
test_narrowed
test_files
test_secrets
test_init
test_init_check
test_init_quoted
test_init_refused
test_init_race
finish
