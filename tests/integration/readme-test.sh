#!/bin/bash
# SPDX-License-Identifier: MIT
# readme-test.sh - README.md, CONTRIBUTING.md, packaging/README.md and docs/*.md tell no lies: every block of code in them is
# written where it says, compiled, or run as it stands, on a machine whose /usr has the installation and
# where the emulator is Thred; and every link leads somewhere. Prints TAP.
. "$(dirname "$0")/stage/installed.sh"

for tool in curl jq cc pkg-config git ip setpriv systemd-analyze php-fpm8.2 cgi-fcgi; do
  command -v $tool >/dev/null || skip_all "no $tool"
done
blocks_of() { awk -v to="$work/blocks/$1" -f "$source/tests/integration/stage/blocks.awk" "${2-$source/$1}"; }
api=https://sandbox.thredfi.com/v1/platform

# Blocks that are not run here, by page and first line, and why. Whatever is neither here nor can be run
# fails.
not_run() {
  cat <<'LIST'
README.md|scripts/demo     # installs what is missing, builds, shows the main job against a local emulator|they build all of it; scripts/test runs the demo
README.md|sudo apt-get update|this test has its installation in /usr already
CONTRIBUTING.md|bash -c '. scripts/common.sh; install_packages; build build -Dwerror=true'|how this test's installation came to be
CONTRIBUTING.md|ninja -C build && meson install -C build --quiet|the same
CONTRIBUTING.md|scripts/test                  # everything: gcc and clang, the sanitizers, the fuzzers, the demo|this test is part of it
CONTRIBUTING.md|scripts/bench                 # everything, on a machine that does nothing else, into docs/benchmarks.md|needs a quarter of an hour of a quiet machine; scripts/test runs --check, and with --long --quick
CONTRIBUTING.md|meson test -C build --no-rebuild route|meson is what runs this test, and those
CONTRIBUTING.md|git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format --dry-run --Werror|a check of scripts/test's own
packaging/README.md|scripts/package deb           # Debian 12's, into dist/deb|wants a network and clean roots; scripts/test --packages runs the first three, release-test.sh the last
docs/curl-suite.md|scripts/test --curl-suite                              # builds thred-auth, runs every test of curl|takes hours
docs/fuzzing.md|scripts/fuzz                           # all of them, five seconds each, two at a time|needs a build of its own; scripts/test runs it
docs/logging.md|journalctl -t thred-auth|run by journald-test.sh
docs/logging.md|journalctl -t thred-auth -x -p warning|run by journald-test.sh
docs/logging.md|journalctl THRED_EVENT=token-failure THRED_ENVIRONMENT=sandbox|run by journald-test.sh
docs/fuzzing.md|build-fuzz/tests/fuzz/fuzz-config build-fuzz/tests/fuzz/finding-config-crash-...|there is no finding
LIST
}

# Pages whose blocks another test takes, one by one.
elsewhere() {
  cat <<'LIST'
docs/troubleshooting.md|tests/integration/wrong-setups-test.sh
LIST
}

# What Thred saw of a block, by page and first line: KIND STATUS. Of every other block that is run: that
# none of its requests was refused.
expected() {
  cat <<'LIST'
README.md|thredctl exec -- curl https://sandbox.thredfi.com/v1/platform/businesses/|partner 200
README.md|cc list.c $(pkg-config --cflags --libs thred-auth libcurl) -o list|partner 200
README.md|sudo systemctl daemon-reload|partner 200
README.md|thredctl exec --business 3c90c3cc-0d44-4b50-8888-8dd25736052a -- git clone https://sandbox.thredfi.com/git/ledger.git|business 200
README.md|thredctl token --header --partner | curl -H @- https://sandbox.thredfi.com/v1/platform/businesses/|partner 200
LIST
}

# listed LIST PAGE LINE: the third column of that row; fails without one.
listed() {
  "$1" | page=$2 line=$3 awk -F '|' 'BEGIN { page = ENVIRON["page"]; line = ENVIRON["line"] } {
    rest = substr($0, length($1) + 2)
    if ($1 == page && index(rest, line "|") == 1) { print substr(rest, length(line) + 2); found = 1; exit }
  } END { exit !found }'
}

# credential NAME: the emulator's, where a page has dots.
credential() { sed -n "s/^$1=//p" "$work/thred/credentials"; }

# write BLOCK: a block that begins with a comment that names a file is that file. Fails without one.
write() {
  local name mode=644 head
  head=$(head -n 1 "$1")
  [[ $head =~ ^(#|\;|/\*)\ ([^ :]+[./][^ :]*) ]] || return 1
  name=${BASH_REMATCH[2]}
  [[ ! $head =~ mode\ 0?([0-7]{3}) ]] || mode=${BASH_REMATCH[1]}
  mkdir -p "$(dirname "$name")"
  if [[ $head == *'at its end'* ]]; then
    cat "$1" >>"$name"
  else
    sed "s|^THRED_PARTNER_UUID=\.\.\.|THRED_PARTNER_UUID=$(credential THRED_PARTNER_UUID)|
         s|^THRED_API_KEY=\.\.\.|THRED_API_KEY=$(credential THRED_API_KEY)|" "$1" | install -m "$mode" /dev/stdin "$name"
  fi
}

# configuration BLOCK: one without a file's name, as a file of the administrator's: thredctl finds no fault in it.
configuration() {
  local name=99-example.conf
  install -m 644 "$1" /etc/thred/conf.d/$name
  thredctl check --json | jq -r --arg name $name '.problems[] | select((.file // "") | endswith("/" + $name)) | "\(.line): \(.text)"'
  rm /etc/thred/conf.d/$name
}

# run PAGE BLOCK: what is wrong with it; nothing, if all is well.
run() {
  local page=$1 block=$2 wanted saw
  begin
  # A transcript: what is typed stands behind "$ ".
  if grep -q '^\$ ' "$block"; then
    sed -n 's/^\$ //p' "$block" >"$block.typed"
    block=$block.typed
  fi
  as_me timeout 60 bash -eu -o pipefail "$block" >"$work/said" 2>&1 </dev/null || {
    echo "exit status $?: $(tail -n 5 "$work/said")"
    return
  }
  saw=$(seen)
  if wanted=$(listed expected "$page" "$(head -n 1 "$2")"); then
    [ "$saw" = "$wanted" ] || echo "Thred saw '$saw', not '$wanted': $(tail -n 5 "$work/said")"
  elif [[ $saw =~ \ [45] ]]; then
    echo "Thred saw '$saw': $(tail -n 5 "$work/said")"
  fi
}

# judge PAGE BLOCK LANGUAGE: the same for any block.
judge() {
  ! listed not_run "$1" "$(head -n 1 "$2")" >/dev/null || return 0
  case $3 in
  ini | c)
    write "$2" || { [ "$3" = ini ] && configuration "$2"; } || echo 'it names no file'
    ;;
  sh | console | -) run "$1" "$2" ;;
  text) ;; # says that it is none
  *) echo "what is $3?" ;;
  esac
}

# page NAME: its blocks, from top to bottom, in a folder of their own.
page() {
  local page=$1 number line language why
  mkdir -p "$work/blocks/$page"
  install -d -o me "$work/place/$page"
  cd "$work/place/$page" || exit 1
  while read -r number line language; do
    if [[ $page == README.md && $(head -n 1 "$work/blocks/$page/$number") == 'thred-emulator -- '* ]] &&
      ! thred-emulator --help | grep -q -e ' -- '; then
      skip "$page:$line: thred-emulator -- COMMAND" 'this emulator has it not'
      continue
    fi
    judge "$page" "$work/blocks/$page/$number" "$language" >"$work/why"
    is "$page:$line: $(head -n 1 "$work/blocks/$page/$number")" '' "$(cat "$work/why")"
  done < <(blocks_of "$page")
  cd "$source" || exit 1
}

# What stands in lists above is there to be listed.
stale() {
  local list=$1 page line
  while IFS= read -r line; do
    page=${line%%|*}
    line=${line#*|}
    line=${line%|*}
    [ ! -f "$source/$page" ] || grep -qFx -e "$line" -e "    $line" "$source/$page" || echo "$page: $line"
  done < <($list)
}

# links PAGE: files that it leads to and that are not there.
links() {
  local target
  for target in $(grep -oE '\]\([^)#:]+\)' "$source/$1" | sed 's/^](//; s/)$//'); do
    [ -e "$source/$(dirname "$1")/$target" ] || echo "$target"
  done
}

# php SCRIPT: its output, as a web server would get it from PHP-FPM.
php() {
  SCRIPT_FILENAME=$1 REQUEST_METHOD=GET cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock | sed '1,/^\r$/d'
}

# What the sections on git, systemd and PHP take for granted.
furnish() {
  git init -q -b main "$work/ledger"
  git -C "$work/ledger" -c user.name=t -c user.email=t@example commit -q --allow-empty -m 'the ledger'
  mkdir "$work/repositories"
  git clone -q --bare "$work/ledger" "$work/repositories/ledger.git"
  install -m 644 /dev/stdin /etc/systemd/system/report.service <<UNIT
[Unit]
Description=A report
[Service]
Type=oneshot
User=daemon
ExecStart=/usr/bin/curl -sS --fail -o /dev/null $api/businesses/
UNIT
  install -D -m 644 /dev/stdin /run/www/get.php <<'PHP'
<?php
$curl = curl_init("https://sandbox.thredfi.com" . getenv("QUERY_STRING"));
curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
curl_exec($curl);
echo posix_geteuid() ? "" : "as root: ", curl_getinfo($curl, CURLINFO_RESPONSE_CODE), curl_error($curl), "\n";
PHP
  chmod 755 /run/www
}

furnish
start_thred --git "$work/repositories"

# Without what the README says next, these fail: so its blocks are what makes them work.
begin
thredctl exec -- curl -s -o /dev/null $api/businesses/
is 'before the first step there is no token' 'none 401' "$(seen)"

page README.md

# ---- PHP-FPM as the README has set it up, and the other way round ----

begin
is 'PHP-FPM: a worker, not as root, has a token' 200 "$(QUERY_STRING=/v1/platform/businesses/ php /run/www/get.php)"
is '  the partner token' 'partner 200' "$(seen)"
systemctl restart php8.2-fpm
begin
is '  env[THRED_BUSINESS_ID] of the pool' 404 "$(QUERY_STRING=/v1/platform/nothing/ php /run/www/get.php)"
is '  with the token of that business' 'business 404' "$(seen)"
begin
echo "env[LD_PRELOAD] = $root/lib/thred/libthred-preload.so" >>/etc/php/8.2/fpm/pool.d/www.conf
mv /etc/systemd/system/php8.2-fpm.service.d "$work/drop-in"
systemctl restart php8.2-fpm
is '  env[LD_PRELOAD] instead is too late, as the README says' '401 none 401' \
  "$(QUERY_STRING=/v1/platform/businesses/ php /run/www/get.php) $(seen)"
mv "$work/drop-in" /etc/systemd/system/php8.2-fpm.service.d

# ---- the service ----

mv /etc/systemd/system/report.service.d/thred.conf "$work/thred.conf"
is 'without its drop-in the service is refused' 22 "$(systemctl restart report >/dev/null 2>&1; echo $?)"
for drop_in in service php-fpm; do
  unit=report
  [ $drop_in = service ] || unit=php8.2-fpm
  # As the comment in the file says.
  sed -n 's/^# *install -D -m 644 //p' /usr/share/doc/thred-auth/systemd/$drop_in.conf | sed "s/NAME/$unit/" >"$work/to"
  read -r from to <"$work/to"
  is "packaging/systemd/$drop_in.conf says where it goes" "$drop_in.conf /etc/systemd/system/$unit.service.d/thred.conf" "$from $to"
  install -D -m 644 /usr/share/doc/thred-auth/systemd/$drop_in.conf "$to"
  is '  systemd has nothing against it' '' "$(systemctl daemon-reload 2>&1)"
  is '  the README shows the same' "$(grep -v -e '^#' -e '^$' $to)" \
    "$(grep -l "^# $to" "$work"/blocks/README.md/* | xargs grep -v -e '^#' -e '^$')"
done
begin
systemctl restart report
is '  and the service has its token' 'partner 200' "$(seen)"
sed -i 's/^#Environment=/Environment=/; s/^LoadCredential=/LoadCredentials=/' /etc/systemd/system/report.service.d/thred.conf
matches '  a mistake in one is seen' 'LoadCredentials' "$(systemctl daemon-reload 2>&1)"

cd "$source" || exit 1

# ---- the other pages: each on what the README has left behind ----

for file in CONTRIBUTING.md packaging/README.md docs/*.md; do
  if other=$(elsewhere | sed -n "s#^$file|##p" | grep .); then
    is "$file: $other takes it" 0 "$(grep -q "$file" "$other" 2>/dev/null; echo $?)"
  else
    page "$file"
  fi
done

is 'what the README installs is of what scripts/packages does' '' \
  "$(sed -n '/apt-get install/,/[^\\]$/p' "$source/README.md" | tr -d '\\' | sed 's/.*apt-get install//' | xargs -n 1 |
    grep -vxFf <(sed 's/ *#.*//' "$source/scripts/packages"))"
is 'no block is listed that is not there' '' "$(stale not_run; stale expected)"
for file in README.md CONTRIBUTING.md SECURITY.md packaging/README.md docs/*.md; do
  [ -f "$file" ] || continue
  is "$file: its links lead somewhere" '' "$(links "$file")"
done

# ---- and what is wrong is found ----

cat >"$work/bad" <<'PAGE'
    curl -sS https://sandbox.thredfi.com/v1/platform/businesses/

```sh
false
```

```ini
[environment sandbox]
credential = file
```

```perl
1
```
PAGE
mkdir "$work/blocks/bad"
blocks_of bad "$work/bad" >"$work/found"
is 'a bad page: its blocks' '001 1 -,002 3 sh,003 7 ini,004 12 perl' "$(paste -sd, "$work/found")"
matches '  a request that is refused' 'none 401' "$(judge bad "$work/blocks/bad/001" -)"
matches '  a command that fails' 'exit status 1' "$(judge bad "$work/blocks/bad/002" sh)"
matches '  a configuration with a mistake' 'credential' "$(judge bad "$work/blocks/bad/003" ini)"
matches '  a language that nobody knows' 'perl' "$(judge bad "$work/blocks/bad/004" perl)"
finish
