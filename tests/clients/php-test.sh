#!/bin/bash
# SPDX-License-Identifier: MIT
# php-test.sh - PHP (libcurl's OpenSSL flavour; extensions opened with RTLD_DEEPBIND), under the shim.
. "$(dirname "$0")/clients.sh"
need php curl jq python3
[ -z "$asan" ] || skip_all "AddressSanitizer's runtime refuses RTLD_DEEPBIND"
php -r 'exit(extension_loaded("curl") ? 0 : 1);' || skip_all 'no curl extension'
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"

# The status of each URL; one easy handle for all, or with "multi" a handle each at the same time.
cat >"$work/client.php" <<'PHP'
<?php
function handle($url) {
    $curl = curl_init($url);
    curl_setopt($curl, CURLOPT_CAINFO, getenv("CURL_CA_BUNDLE"));
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    return $curl;
}

function easy($urls) {
    $curl = handle($urls[0]);
    $statuses = [];
    foreach ($urls as $url) {
        curl_setopt($curl, CURLOPT_URL, $url);
        curl_exec($curl);
        $statuses[] = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    }
    return $statuses;
}

function multi($urls) {
    $together = curl_multi_init();
    $handles = array_map("handle", $urls);
    foreach ($handles as $curl)
        curl_multi_add_handle($together, $curl);
    do {
        curl_multi_exec($together, $running);
        if ($running)
            curl_multi_select($together, 1.0);
    } while ($running);
    $statuses = [];
    foreach ($handles as $curl) {
        $statuses[] = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        curl_multi_remove_handle($together, $curl);
    }
    return $statuses;
}
PHP
cat >"$work/cli.php" <<'PHP'
<?php
require __DIR__ . "/client.php";
echo implode(" ", $argv[1](array_slice($argv, 2))), "\n";
PHP
# Under `php -S`: /MODE?URL&URL...
cat >"$work/router.php" <<'PHP'
<?php
require_once __DIR__ . "/client.php";
$mode = basename(parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH));
echo implode(" ", $mode(array_map("urldecode", explode("&", $_SERVER["QUERY_STRING"])))), "\n";
PHP

php_server=
# start_server WORKERS
start_server() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  PHP_CLI_SERVER_WORKERS=$1 LD_PRELOAD=$asan "$root/bin/thredctl" exec -- \
    php -S "127.0.0.1:$port" "$work/router.php" >"$work/server.log" 2>&1 &
  php_server=$!
  pids+=("$php_server")
  server=http://127.0.0.1:$port
  until_true curl -q -s -o /dev/null --noproxy '*' "$server/easy?$elsewhere/file" ||
    bail_out "php -S: $(cat "$work/server.log")"
}

# ask MODE URL...: what the server got.
ask() {
  local mode=$1 query
  shift
  query=$(printf '%s\n' "$@" | jq -Rr @uri | paste -sd '&')
  curl -q -sS --noproxy '*' "$server/$mode?$query"
}

urls=("$api/businesses/" "$api/businesses/$one/invoices/" "$api/businesses/$two/invoices/")
# both MODE NAME COMMAND...: the transfers of one way to run PHP.
both() {
  local name=$1
  shift
  begin
  is "$name" '200 200 200' "$("$@" "${urls[@]}" 2>&1)"
  is '  the token of each' 'business 200,partner 200' "$(seen)"
  revoke
  is "$name, revoked tokens" '200 200 200' "$("$@" "${urls[@]}" 2>&1)"
  is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
  begin
  is "$name: docs.thredfi.com" 200 "$("$@" https://docs.thredfi.com/ 2>&1)"
  is '  gets none' 'none 200' "$(seen)"
}

for mode in easy multi; do
  both "php, $mode" under php "$work/cli.php" $mode
  same "php, $mode" php "$work/cli.php" $mode "$elsewhere/file" "$elsewhere/missing"
done
for workers in 1 3; do
  start_server $workers
  for mode in easy multi; do
    both "php -S, workers: $workers, $mode" ask $mode
  done
  is '  ten requests later' "$(printf '200\n%.0s' $(seq 10))" \
    "$(for i in $(seq 10); do ask easy "$api/businesses/?n=$i"; done)"
  # The workers are its children, and do not end with it.
  { pkill -TERM -P "$php_server"; kill "$php_server" && wait "$php_server"; } 2>/dev/null
done

is 'thredctl doctor php' 'yes RTLD_DEEPBIND' \
  "$("$root/bin/thredctl" doctor php | sed -n 's/^reachable *//p; s/.*\(RTLD_DEEPBIND\).*/\1/p' | paste -sd ' ')"
begin
THRED_DISABLE=1 under php "$work/cli.php" easy "$api/businesses/" >/dev/null 2>&1
is 'switched off' 'none 401' "$(seen)"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
