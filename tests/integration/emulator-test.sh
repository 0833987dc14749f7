#!/bin/bash
# SPDX-License-Identifier: MIT
# emulator-test.sh PATH_TO_EMULATOR - thred-emulator as curl(1) sees it. Prints TAP.
set -u
. "$(dirname "$0")/../tap.sh"

if [ $# -ne 1 ] || [ ! -x "$1" ]; then
  echo "usage: $0 PATH_TO_EMULATOR" >&2
  exit 2
fi
emulator=$1
work=$(mktemp -d) || exit 1
dir=$work/emulator
pids=()

cleanup() {
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  rm -rf "$work"
}
trap cleanup EXIT

known=3c90c3cc-0d44-4b50-8888-8dd25736052a
second=11111111-1111-4111-8111-111111111111
unknown=99999999-9999-4999-8999-999999999999
base=https://sandbox.thredfi.com
sibling=https://sandbox-backend.thredfi.com
partner_endpoint=$base/v1/platform/oauth2/token/
business_endpoint=$base/v1/platform/$known/oauth2/token/
businesses=$base/v1/platform/businesses/
invoices=$businesses$known/invoices/

# Nothing of the caller's may lead curl and git elsewhere.
unset no_proxy NO_PROXY HTTPS_PROXY "${!GIT_@}"
export HOME=$work GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0

ready() { [ -s "$dir/port" ]; }

# start DIR ARGUMENT...: sets dir, pid and port.
start() {
  dir=$1
  shift
  "$emulator" --listen 127.0.0.1:0 --dir "$dir" "$@" >"$work/stdout" 2>"$work/stderr" &
  pid=$!
  pids+=("$pid")
  until_true ready || {
    echo "Bail out! the emulator does not start: $(cat "$work/stderr")"
    exit 1
  }
  port=$(cat "$dir/port")
  proxy_port=$(cat "$dir/proxy-port" 2>/dev/null)
}

# fetch CURL_ARGUMENT...: one or more requests to the emulator, whatever their host.
fetch() {
  curl -q --silent --noproxy '*' --max-time 60 --cacert "$dir/ca.pem" \
    --connect-to "::127.0.0.1:$port" "$@"
}

# via CURL_ARGUMENT...: through the proxy.
via() {
  curl -q --silent --noproxy '' --max-time 60 --cacert "$dir/ca.pem" \
    --proxy "http://127.0.0.1:$proxy_port" "$@"
}

status() { fetch --output /dev/null --write-out '%{http_code}' "$@"; }
headers() { fetch --output /dev/null --dump-header - "$@" | tr -d '\r'; }
header() { headers "${@:2}" | sed -n "s/^$1: //Ip"; }
member() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p"; }
number() { sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p"; }

# control METHOD PATH_AND_QUERY CURL_ARGUMENT...
control() { fetch --request "$1" "https://localhost/_emulator/$2" "${@:3}"; }
counters() { control GET counters; }
counter() { counters | number "$1"; }
counter_pair() { counters | sed -n "s/.*\"$1\":{\"partner\":\\([0-9]*\\),\"business\":\\([0-9]*\\)}.*/\\1 \\2/p"; }
requests() { control GET requests; }
last_request() { requests | tail -n 1; }
reset() { control POST reset >"$work/ignored"; }

login() { fetch --user "$THRED_PARTNER_UUID:$THRED_API_KEY" --data grant_type=client_credentials "$@"; }
partner_token() { login "$partner_endpoint" | member access_token; }
# business_token PARTNER_TOKEN [URL]
business_token() {
  fetch --request POST --header "Authorization: Bearer $1" "${2:-$business_endpoint}" |
    member access_token
}
# status_with TOKEN CURL_ARGUMENT...
status_with() { status --header "Authorization: Bearer $1" "${@:2}"; }

# as_told COMMAND...: where nothing but env.sh says how to reach the emulator.
as_told() (
  # shellcheck disable=SC1091  # made by the emulator
  . "$dir/env.sh"
  "$@"
)

read_credentials() {
  THRED_PARTNER_UUID=$(sed -n 's/^THRED_PARTNER_UUID=//p' "$dir/credentials")
  THRED_API_KEY=$(sed -n 's/^THRED_API_KEY=//p' "$dir/credentials")
}

test_files() {
  like 'one line on stdout' "thred-emulator: https://127.0.0.1:$port dir $dir" "$(cat "$work/stdout")"
  is 'nothing on stderr' '' "$(cat "$work/stderr")"
  is 'DIR is private' 700 "$(stat -c %a "$dir")"
  is 'credentials are private' 600 "$(stat -c %a "$dir/credentials")"
  is 'server.pem is private' 600 "$(stat -c %a "$dir/server.pem")"
  is 'conf.d is private' 700 "$(stat -c %a "$dir/conf.d")"
  is 'the configuration is private' 600 "$(stat -c %a "$dir/conf.d/50-emulator.conf")"
  is 'credentials have two lines' 2 "$(wc -l <"$dir/credentials")"
  is 'the configuration names port, CA and credentials' \
    "[thred] environment=sandbox [environment sandbox] credentials=file connect-to=::127.0.0.1:$port ca-file=$dir/ca.pem [credentials file] path=$dir/credentials" \
    "$(sed 's/ *= */=/' "$dir/conf.d/50-emulator.conf" | grep . | tr '\n' ' ' | sed 's/ $//')"
  like 'server.pem has certificate and key' '*BEGIN CERTIFICATE*BEGIN PRIVATE KEY*' "$(cat "$dir/server.pem")"
  is 'http-port is the port of a plain-HTTP listener' 200 \
    "$(curl -q -s --noproxy '*' -o /dev/null -w '%{http_code}' "http://127.0.0.1:$(cat "$dir/http-port")/")"
}

test_tls() {
  is 'the CA and the name are accepted' 200 "$(status https://www.thredfi.com/)"
  is 'an IP address is in the certificate' 200 "$(status "https://127.0.0.1:$port/")"
  status https://other.example/ >"$work/ignored"
  is 'a name that is not in the certificate is refused' 60 $?
  curl -q -s --noproxy '*' -o /dev/null --connect-to "::127.0.0.1:$port" $base/
  is 'without the CA it is refused' 60 $?
}

test_partner_endpoint() {
  reset
  local answer
  answer=$(login "$partner_endpoint")
  like 'partner token: answer' '{"access_token":"*.*.*","token_type":"Bearer","expires_in":3600}' "$answer"
  is 'partner token: without trailing slash' 200 "$(login -o /dev/null -w '%{http_code}' "${partner_endpoint%/}")"
  is 'partner token: upper-case UUID' 200 \
    "$(status --user "${THRED_PARTNER_UUID^^}:$THRED_API_KEY" -X POST "$partner_endpoint")"
  is 'partner token: not kept by caches' no-store "$(login -o /dev/null -D - "$partner_endpoint" | tr -d '\r' | sed -n 's/^Cache-Control: //p')"
  is 'partner token: wrong key' 401 "$(status --user "$THRED_PARTNER_UUID:wrong" -X POST "$partner_endpoint")"
  is 'partner token: key with a tail' 401 "$(status --user "$THRED_PARTNER_UUID:${THRED_API_KEY}x" -X POST "$partner_endpoint")"
  is 'partner token: wrong UUID' 401 "$(status --user "$known:$THRED_API_KEY" -X POST "$partner_endpoint")"
  is 'partner token: no credential' 401 "$(status -X POST "$partner_endpoint")"
  is 'partner token: base64 that is none' 401 "$(status -H 'Authorization: Basic !!!!' -X POST "$partner_endpoint")"
  is 'partner token: base64 without a colon' 401 "$(status -H 'Authorization: Basic YWJj' -X POST "$partner_endpoint")"
  is 'partner token: a bearer is no credential' 401 "$(status_with "$partner" -X POST "$partner_endpoint")"
  is 'partner token: GET' 405 "$(status --user "$THRED_PARTNER_UUID:$THRED_API_KEY" "$partner_endpoint")"
  like 'partner token: challenge' 'Basic*' "$(header WWW-Authenticate -X POST "$partner_endpoint")"
  like 'partner token: error body' '{"error":"*","error_code":"authentication_required","details":{}}' \
    "$(fetch -X POST "$partner_endpoint")"
  is 'token_requests counts all' '14 0' "$(counter_pair token_requests)"
  is 'tokens_issued counts what was given' '4 0' "$(counter_pair tokens_issued)"
  is 'token requests are no resource requests' '0 0' "$(counter requests) $(counter unauthorized)"
  is 'two tokens differ' different "$([ "$(partner_token)" = "$(partner_token)" ] && echo equal || echo different)"
}

test_business_endpoint() {
  reset
  local answer
  answer=$(fetch -X POST -H "Authorization: Bearer $partner" "$business_endpoint")
  like 'business token: answer' \
    "{\"access_token\":\"*.*.*\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"scope\":\"business_access\",\"business_id\":\"$known\"}" "$answer"
  is 'business token: upper-case id' 200 "$(status_with "$partner" -X POST "$base/v1/platform/${known^^}/oauth2/token")"
  is 'business token: with a business token' 403 "$(status_with "$business" -X POST "$business_endpoint")"
  is 'business token: unknown business' 404 "$(status_with "$partner" -X POST "$base/v1/platform/$unknown/oauth2/token/")"
  like 'business token: unknown business, body' '*"error_code":"business_not_found"*' \
    "$(fetch -X POST -H "Authorization: Bearer $partner" "$base/v1/platform/$unknown/oauth2/token/")"
  is 'business token: no token' 401 "$(status -X POST "$business_endpoint")"
  is 'business token: Basic' 401 "$(status --user "$THRED_PARTNER_UUID:$THRED_API_KEY" -X POST "$business_endpoint")"
  is 'token_requests.business' '0 7' "$(counter_pair token_requests)"
  is 'tokens_issued.business' '0 2' "$(counter_pair tokens_issued)"
  is 'claims name the business' "$known" \
    "$(cut -d. -f2 <<<"$business" | tr '_-' '/+' | sed 's/$/===/' | base64 -di 2>/dev/null | member business_id)"
}

# METHOD PATH PARTNER BUSINESS OTHER_BUSINESS: the status with each token; without one it is 401.
scope_table() {
  cat <<TABLE
GET /v1/platform/businesses/ 200 403 403
GET /v1/platform/businesses 200 403 403
GET /v1/platform/businesses/?page=2 200 403 403
POST /v1/platform/businesses/ 201 403 403
DELETE /v1/platform/businesses/ 405 403 403
GET /v1/platform/businesses/$known/ 200 403 403
PATCH /v1/platform/businesses/$known 200 403 403
GET /v1/platform/businesses/$unknown/ 404 403 403
POST /v1/platform/businesses/$known/archive/ 200 403 403
POST /v1/platform/businesses/$known/unarchive/ 200 403 403
GET /v1/platform/businesses/$known/invoices/ 403 200 403
GET /v1/platform/businesses/${known^^}/invoices 403 200 403
GET /v1/platform/businesses/$known/invoices/?business_id=$second 403 200 403
POST /v1/platform/businesses/$known/invoices/ 403 201 403
PUT /v1/platform/businesses/$known/invoices/$second/ 403 200 403
DELETE /v1/platform/businesses/$known/invoices/$second/ 403 204 403
GET /v1/platform/businesses/$known/reports/profit-and-loss/ 403 200 403
GET /v1/platform/businesses/$known/%69nvoices/ 403 200 403
GET /v1/platform/transaction-categories/$known 403 200 403
GET /v1/platform/transaction-categories/$known/ 403 200 403
GET /api/ai-tools/$known/chat/ 403 200 403
GET /v1/platform/businesses/no-uuid/ 404 404 404
GET /v1/platform/nothing/ 404 404 404
GET /v1/platform/businesses/$known//invoices/ 404 404 404
GET /git/books.git/info/refs?service=git-upload-pack 404 404 404
POST /git/books.git/git-upload-pack 404 404 404
GET / 404 404 404
TABLE
}

test_scopes() {
  local method path for_partner for_business for_other
  while read -r method path for_partner for_business for_other; do
    is "scope: $method $path" "401 401 $for_partner $for_business $for_other" \
      "$(status -X "$method" "$base$path") $(status_with wrong -X "$method" "$base$path") $(
        status_with "$partner" -X "$method" "$base$path") $(
        status_with "$business" -X "$method" "$base$path") $(
        status_with "$other_business" -X "$method" "$base$path")"
  done < <(scope_table)
  is 'public: product-pricing' 200 "$(status $base/api/v1/product-pricing/plans/)"
  is 'public: friday token' 200 "$(status -d '{}' $base/api/friday/token)"
  is 'dot segments match nothing' 404 \
    "$(status_with "$business" --path-as-is "$businesses$known/x/../../$second/invoices/")"
}

test_refusals() {
  is 'no token: challenge' Bearer "$(header WWW-Authenticate "$invoices")"
  is 'wrong token: challenge' 'Bearer error="invalid_token"' \
    "$(header WWW-Authenticate -H 'Authorization: Bearer wrong' "$invoices")"
  like 'no token: body' '*"error_code":"authentication_required"*' "$(fetch "$invoices")"
  like 'wrong token: body' '*"error_code":"invalid_token"*' "$(fetch -H 'Authorization: Bearer x' "$invoices")"
  like 'wrong scope: body' '*"error_code":"permission_denied"*' \
    "$(fetch -H "Authorization: Bearer $partner" "$invoices")"
  is 'a token is good at the host that issued it only' '401 401 200' \
    "$(status_with "$partner" "$sibling/v1/platform/businesses/") $(
      status_with "$business" "$sibling/v1/platform/businesses/$known/invoices/") $(
      status_with "$(login "$sibling/v1/platform/oauth2/token/" | member access_token)" "$sibling/v1/platform/businesses/")"
  is 'the scheme has no case' 200 "$(status -H "Authorization: bEaReR $business" "$invoices")"
  is 'two Authorization headers are none' 401 \
    "$(status -H "Authorization: Bearer $business" -H "Authorization: Bearer $business" "$invoices")"
  like 'businesses are listed' "*\"$known\"*\"$second\"*" "$(fetch -H "Authorization: Bearer $partner" "$businesses")"
  local made
  made=$(fetch -X POST -H "Authorization: Bearer $partner" "$businesses" | member id)
  is 'a new business exists' 200 "$(status_with "$partner" "$businesses$made/")"
  is 'a new business has tokens' 200 "$(status_with "$partner" -X POST "$base/v1/platform/$made/oauth2/token/")"
}

test_bodies() {
  head -c 20000000 /dev/zero | tr '\0' 'x' >"$work/large"
  local sum
  sum=$(sha256sum <"$work/large" | cut -d' ' -f1)
  like 'a large upload is counted and hashed' "{\"id\":\"*\",\"bytes\":20000000,\"sha256\":\"$sum\"}" \
    "$(fetch -X POST -T "$work/large" -H "Authorization: Bearer $business" "$invoices")"
  like 'a chunked upload too' "*\"bytes\":20000000,\"sha256\":\"$sum\"*" \
    "$(fetch -X POST -T - -H "Authorization: Bearer $business" "$invoices" <"$work/large")"
  like 'Expect: 100-continue' '*HTTP/1.1 100 Continue*HTTP/1.1 201*' \
    "$(headers -H 'Expect: 100-continue' -d '{"a":1}' -H "Authorization: Bearer $business" "$invoices")"
  like 'multipart' '*"bytes":[1-9]*' \
    "$(fetch -F "file=@$work/large" -H "Authorization: Bearer $business" "$businesses$known/documents/upload")"
  like 'the log has the hash' "*\"body_bytes\":7,\"body_sha256\":\"$(printf '{"a":1}' | sha256sum | cut -d' ' -f1)\"*" \
    "$(fetch -o /dev/null -d '{"a":1}' -H "Authorization: Bearer $business" "$invoices" && last_request)"
  is 'keep-alive' '1 0 0 ' "$(fetch -o /dev/null -o /dev/null -o /dev/null -w '%{num_connects} ' $base/a $base/b $base/c)"
  is 'HEAD' 200 "$(status_with "$partner" --head "$businesses")"
  like 'answers have a length' '[1-9]*' "$(header Content-Length $base/)"
  is 'headers of 40 KiB' 404 "$(status_with "$partner" -H "X-Long: $(head -c 40960 "$work/large")" $base/x)"
}

test_log() {
  reset
  is 'reset clears log and counters' '[] 0' "$(requests) $(counter connections)"
  status -X POST -d ab -H 'Authorization: Bearer one' -H 'Authorization: Bearer two' -H 'X-Test: yes' \
    "$invoices?a=b%20c" >"$work/ignored"
  like 'a request is logged whole' \
    '*"n":1,"connection":*,"scheme":"https","host":"sandbox.thredfi.com","method":"POST","target":"/v1/platform/businesses/'$known'/invoices/[?]a=b%20c","authorization":\["Bearer one","Bearer two"\],"kind":"invalid","business":null,"status":401,"body_bytes":2,*"x-test":"yes"*' \
    "$(requests)"
  status_with "$business" "$invoices" >"$work/ignored"
  like 'kind business' "*\"kind\":\"business\",\"business\":\"$known\",\"status\":200,*" "$(last_request)"
  status_with "$partner" "$businesses" >"$work/ignored"
  like 'kind partner' '*"n":3,*"kind":"partner","business":null,"status":200,*' "$(last_request)"
  status --user a:b "$businesses" >"$work/ignored"
  like 'kind basic' '*"kind":"basic",*"status":401,*' "$(last_request)"
  status "$businesses" >"$work/ignored"
  like 'kind none' '*"authorization":\[\],"kind":"none",*' "$(last_request)"
  is 'counters of resources' '5 2 3 0 0' \
    "$(counter requests) $(counter ok) $(counter unauthorized) $(counter forbidden) $(counter not_found)"
  status_with "$partner" "$invoices" >"$work/ignored"
  status_with "$partner" $base/nothing >"$work/ignored"
  is 'counters of refusals' '7 1 1' "$(counter requests) $(counter forbidden) $(counter not_found)"
  is 'connections' 7 "$(counter connections)"
  reset
  fetch -o /dev/null -o /dev/null "$businesses" "$businesses"
  is 'requests of one connection say so' 1 "$(requests | number connection | sort -u | wc -l)"
  is 'one connection is counted once' 1 "$(counter connections)"
}

test_foreign_hosts() {
  reset
  is 'another host answers anything' \
    '{"host":"evil.example","method":"PUT","path":"/any/path","body_bytes":3}' \
    "$(fetch -X PUT -d abc 'https://evil.example/any/path?q')"
  is 'foreign_requests' '1 0' "$(counter foreign_requests) $(counter foreign_authorization)"
  status_with "$partner" https://docs.thredfi.com/ >"$work/ignored"
  is 'foreign_authorization' '2 1' "$(counter foreign_requests) $(counter foreign_authorization)"
  like 'a token at another host is named' '*"host":"docs.thredfi.com",*"kind":"partner"*' "$(last_request)"
  local http
  http=$(cat "$dir/http-port")
  is 'plain HTTP checks tokens too' 401 \
    "$(curl -q -s --noproxy '*' -o /dev/null -w '%{http_code}' --connect-to "::127.0.0.1:$http" "${businesses/https/http}")"
  is 'plain_http_requests' '1 1' "$(counter plain_http_requests) $(counter foreign_authorization)"
  curl -q -s --noproxy '*' -o /dev/null -H 'Authorization: Bearer x' --connect-to "::127.0.0.1:$http" "${businesses/https/http}"
  is 'Authorization over plain HTTP is foreign' '2 2 2' \
    "$(counter plain_http_requests) $(counter foreign_authorization) $(counter foreign_requests)"
  like 'plain HTTP is logged' '*"scheme":"http"*' "$(last_request)"
  curl -q -s -o /dev/null -x "http://127.0.0.1:$http" --noproxy '' http://third.example/x
  like 'as a proxy it logs the whole target' '*"host":"third.example",*"target":"http://third.example/x"*' "$(last_request)"
  curl -q -s -o /dev/null -x "http://127.0.0.1:$http" --noproxy '' https://third.example/x
  like 'CONNECT is logged and refused' '*"method":"CONNECT",*"status":405*' "$(last_request)"
}

# What the proxy says to a head: STATUS HEAD, with printf(1)'s escapes.
heads() {
  cat <<'TABLE'
200 CONNECT sandbox.thredfi.com:443 HTTP/1.1\r\nHost: sandbox.thredfi.com:443\r\n\r\n
200 CONNECT [::1]:80 HTTP/1.1\r\n\r\n
200 CONNECT any.example:443 HTTP/1.0\n\n
403 CONNECT sandbox.thredfi.com:22 HTTP/1.1\r\n\r\n
403 CONNECT sandbox.thredfi.com:0 HTTP/1.1\r\n\r\n
403 CONNECT sandbox.thredfi.com:4430 HTTP/1.1\r\n\r\n
405 GET http://sandbox.thredfi.com/ HTTP/1.1\r\n\r\n
405 POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc
405 connect sandbox.thredfi.com:443 HTTP/1.1\r\n\r\n
400 CONNECT sandbox.thredfi.com HTTP/1.1\r\n\r\n
400 CONNECT :443 HTTP/1.1\r\n\r\n
400 CONNECT a@b:443 HTTP/1.1\r\n\r\n
400 CONNECT sandbox.thredfi.com:443000 HTTP/1.1\r\n\r\n
400 CONNECT sandbox.thredfi.com:443/ HTTP/1.1\r\n\r\n
400 CONNECT sandbox.thredfi.com:443 HTTP/2\r\n\r\n
400 CONNECT sandbox.thredfi.com:443\r\n\r\n
400 CONNECT sandbox.thredfi.com:443 HTTP/1.1\r\nno field\r\n\r\n
400 CONNECT sandbox.thredfi.com:443 HTTP/1.1\r\n folded: x\r\n\r\n
400 CONNECT sandbox.thredfi.com:443 HTTP/1.1\r\na: b\0\r\n\r\n
400 garbage\r\n\r\n
400 \r\n
400 \x16\x03\x01\x02
TABLE
}

# say TEXT: to the proxy; the status of what it answers.
say() {
  exec 7<>"/dev/tcp/127.0.0.1/$proxy_port"
  printf '%b' "$1" >&7
  head -n 1 <&7 | sed -n 's/^HTTP.1.1 \([0-9]*\) .*/\1/p'
  exec 7>&-
}

test_proxy_heads() {
  reset
  local expected head
  while IFS=' ' read -r expected head; do
    is "proxy: $head" "$expected" "$(say "$head")"
  done < <(heads)
  is 'proxy: a head of less than 16 KiB' 200 "$(say "CONNECT a:443 HTTP/1.1\r\nX: $(head -c 16000 "$work/large")\r\n\r\n")"
  is 'proxy: a longer one' 400 "$(say "CONNECT a:443 HTTP/1.1\r\nX: $(head -c 20000 "$work/large")\r\n\r\n")"
  is 'proxy: one of many fields' 200 "$(say "CONNECT a:443 HTTP/1.1\r\n$(head -c 3200 "$work/large" | sed 's/x/x:\\r\\n/g')\r\n")"
  is 'proxy: tunnels are counted, refusals are not' '5 0' "$(counter connects) $(counter connect_authorization)"
  say 'CONNECT a:443 HTTP/1.1\r\nAuthorization: x\r\n\r\n' >"$work/ignored"
  say 'CONNECT a:443 HTTP/1.1\r\nA: b\r\nproxy-authorization : x\r\n\r\n' >"$work/ignored"
  say 'CONNECT a:22 HTTP/1.1\r\nX: a bearer y\r\n\r\n' >"$work/ignored"
  is 'proxy: heads that tell too much are counted' '6 3' "$(counter connects) $(counter connect_authorization)"
  say 'GET http://a/ HTTP/1.1\r\nAuthorization: x\r\n\r\n' >"$work/ignored"
  say 'CONNECT a:443 HTTP/1.1\r\nX-Authorization: forbearers\r\n\r\n' >"$work/ignored"
  is 'proxy: no others are' '7 3' "$(counter connects) $(counter connect_authorization)"
  reset
  is 'proxy: reset clears its counters' '0 0' "$(counter connects) $(counter connect_authorization)"
}

via_status() { via --output /dev/null --write-out '%{http_code}' "$@"; }

test_proxy() {
  reset
  is 'proxy: leads to the emulator' '401 200' "$(via_status "$businesses") $(
    via_status -H "Authorization: Bearer $partner" "$businesses")"
  is 'proxy: whatever the host' '{"host":"evil.example","method":"GET","path":"/x","body_bytes":0}' "$(via https://evil.example/x)"
  is 'proxy: port 80 is plain HTTP' '401 1' "$(via_status -p "${businesses/https/http}") $(counter plain_http_requests)"
  is 'proxy: what it carries it does not see' '4 0' "$(counter connects) $(counter connect_authorization)"
  is "proxy: the emulator's own ports" '200 200' "$(say "CONNECT 127.0.0.1:$port HTTP/1.1\r\n\r\n") $(
    say "CONNECT 127.0.0.1:$(cat "$dir/http-port") HTTP/1.1\r\n\r\n")"
  is 'proxy: another port' 403 "$(via -o /dev/null -w '%{http_connect}' https://sandbox.thredfi.com:8443/)"
  like 'proxy: no CONNECT' 'HTTP/1.1 405 *Allow: CONNECT*This proxy knows CONNECT alone.' "$(via -i http://evil.example/)"
  via -o /dev/null --proxy-user a:b https://evil.example/
  is "proxy: the program's own credentials are counted" 1 "$(counter connect_authorization)"
  local sum
  sum=$(sha256sum <"$work/large" | cut -d' ' -f1)
  like 'proxy: a large upload' "*\"bytes\":20000000,\"sha256\":\"$sum\"}" \
    "$(via -X POST -T "$work/large" -H "Authorization: Bearer $business" "$invoices")"
  fault 'action=huge'
  is 'proxy: a large answer' 67108864 "$(via -o /dev/null -w '%{size_download}' "$businesses")"
}

# half_closed: a client that has said all, even before the proxy answers, and listens on.
half_closed() {
  python3 - "$proxy_port" <<'CLIENT'
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
client.sendall(b"CONNECT evil.example:80 HTTP/1.1\r\n\r\n"
               b"GET /half HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
client.shutdown(socket.SHUT_WR)
print(client.makefile("rb").read().decode())
CLIENT
}

# in_use: the emulator's threads and descriptors.
in_use() { echo "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l) $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"; }
# gave_back THREADS DESCRIPTORS: it has no more than these.
gave_back() {
  local now
  read -r -a now <<<"$(in_use)"
  [ "${now[0]}" -le "$1" ] && [ "${now[1]}" -le "$2" ]
}

test_proxy_patience() {
  reset
  local before
  read -r -a before <<<"$(in_use)"
  fault 'action=delay&delay_ms=300'
  like 'proxy: half-close' 'HTTP/1.1 200 Connection established*HTTP/1.1 200 OK*"path":"/half"*' "$(half_closed)"
  exec 8<>"/dev/tcp/127.0.0.1/$proxy_port" 9<>"/dev/tcp/127.0.0.1/$proxy_port"
  printf 'CONNECT a:443 ' >&9
  is 'proxy: silent clients hold up nobody' 401 "$(via_status "$businesses")"
  exec 8>&- 9>&-
  local urls=() i
  for i in $(seq 250); do
    urls+=(-o /dev/null "$base/v1/platform/businesses/?n=$i")
  done
  reset
  # All are under way before the first is answered.
  fault 'action=delay&delay_ms=1000&times=250'
  via --parallel --parallel-immediate --parallel-max 250 -w '%{http_code}\n' \
    -H "Authorization: Bearer $partner" "${urls[@]}" >"$work/parallel" 2>"$work/ignored"
  is 'proxy: 250 tunnels at once' '250 200' "$(sort "$work/parallel" | uniq -c | xargs)"
  is 'proxy: each is counted' 250 "$(counter connects)"
  is 'proxy: threads and descriptors are given back' 0 "$(until_true gave_back "${before[@]}"; echo $?)"
}

test_env() {
  is 'env.sh is private' 600 "$(stat -c %a "$dir/env.sh")"
  is 'env.sh exports' 'CURL_CA_BUNDLE GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS REQUESTS_CA_BUNDLE SSL_CERT_FILE THRED_CONF_DIR https_proxy' \
    "$(sed 's/^export \([A-Za-z_]*\)=.*/\1/' "$dir/env.sh" | LC_ALL=C sort | xargs)"
  # shellcheck disable=SC2016  # the inner shell expands it
  is 'env.sh: values' "$dir/conf.d http://127.0.0.1:$proxy_port $dir/ca.pem" \
    "$(as_told sh -c 'echo "$THRED_CONF_DIR $https_proxy $CURL_CA_BUNDLE"')"
  is 'env.sh: plain curl' '401 200' "$(as_told curl -q -s -o /dev/null -w '%{http_code}' "$businesses") $(
    as_told curl -q -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $partner" "$businesses")"
}

# with_token TOKEN GIT_ARGUMENT...
with_token() { as_told git -c http.extraHeader="Authorization: Bearer $1" "${@:2}" >"$work/out" 2>"$work/err"; }

# A hundred branches, so that a client that wants them all compresses its wish, and a file that is
# larger than what git sends in one piece.
make_history() {
  as_told git init -q "$work/tree"
  head -c 3000000 /dev/urandom >"$work/random"
  {
    local i
    for i in $(seq 100); do
      printf 'commit refs/heads/b%d\ncommitter T <t@example.com> %d +0000\ndata 2\nx\n\n' "$i" "$i"
    done
    printf 'commit refs/heads/main\ncommitter T <t@example.com> 1 +0000\ndata 2\nx\n\n'
    printf 'M 644 inline large\ndata 3000000\n'
    cat "$work/random"
  } | as_told git -C "$work/tree" fast-import --quiet
}

# make_hook TEXT: what the repository does before it takes a push.
make_hook() {
  printf '#!/bin/sh\n%s\n' "$1" >"$work/repositories/books.git/hooks/pre-receive"
  chmod +x "$work/repositories/books.git/hooks/pre-receive"
}

test_git() {
  reset
  make_history
  make_hook "env >'$work/hook'"
  with_token "$business" -C "$work/tree" push --all "$books"
  is 'git push' '0 101' "$? $(git --git-dir="$work/repositories/books.git" for-each-ref | wc -l)"
  is 'git push: who it was' "$known 127.0.0.1" "$(sed -n 's/^REMOTE_USER=//p; s/^REMOTE_ADDR=//p' "$work/hook" | LC_ALL=C sort -r | xargs)"
  is 'git push: the program sees no token' 0 "$(grep -c -e Bearer. -e "${business: -20}" "$work/hook")"
  like 'git push: in pieces' '*"transfer-encoding":"chunked"*' "$(requests)"
  with_token "$other_business" clone --branch main "$books" "$work/clone"
  is 'git clone' '0 same' "$? $(cmp -s "$work/random" "$work/clone/large" && echo same)"
  with_token "$business" -c protocol.version=0 clone --mirror "$books" "$work/mirror"
  is 'git clone, of old' '0 101' "$? $(git --git-dir="$work/mirror" for-each-ref | wc -l)"
  like 'git clone: compressed' '*"content-encoding":"gzip"*' "$(requests)"
  is 'git: no CONNECT has a token' '0 0' "$(counter connect_authorization) $(counter foreign_authorization)"
  is 'git: all good' "$(counter requests)" "$(counter ok)"
  as_told git clone "$books" "$work/refused" >"$work/out" 2>"$work/err"
  is 'git clone without a token' '128 401' "$? $(last_request | number status)"
  with_token "$partner" clone "$books" "$work/refused"
  is 'git clone with a partner token' '128 403' "$? $(last_request | number status)"
  with_token "$business" clone "$base/git/none.git" "$work/refused"
  is 'git clone of nothing' '128 404' "$? $(last_request | number status)"
}

# Paths that must not lead out of the directory, or to what is no repository in it.
git_strays() {
  cat <<'TABLE'
/git/../outside.git/info/refs
/git/%2e%2e/outside.git/info/refs
/git/..%2foutside.git/info/refs
/git/books.git/../../outside.git/info/refs
/git/books.git/%2e%2E/%2e./outside.git/info/refs
/git/books.git/..%2f..%2foutside.git/info/refs
/git/%252e%252e/outside.git/info/refs
/git//outside.git/info/refs
/git/x/../../outside.git/info/refs
/git/books/info/refs
/git/.git/info/refs
/git/books.git
/git/books.git/config
/git/books.git%00/info/refs
/git/books.git/nothing
/git/books.git/info/refs?service=git-explode
TABLE
}

test_git_refusals() {
  local refs="$books/info/refs?service=git-upload-pack" path expected
  is 'git: tokens' '401 401 403 200 200' "$(status "$refs") $(status_with wrong "$refs") $(
    status_with "$partner" "$refs") $(status_with "$business" "$refs") $(status_with "$other_business" "$refs")"
  is 'git: challenge' Bearer "$(header WWW-Authenticate "$refs")"
  is 'git: headers are passed on' 'application/x-git-upload-pack-advertisement no-cache' \
    "$(headers -H "Authorization: Bearer $business" "$refs" | sed -n 's/^Content-Type: //p; s/^Cache-Control: \([^,]*\).*/\1/p' | LC_ALL=C sort | xargs)"
  while read -r path; do
    expected=404
    if [[ $path == *explode ]]; then expected=403; fi
    is "git: $path" "401 $expected" "$(status --path-as-is "$base$path") $(status_with "$business" --path-as-is "$base$path")"
  done < <(git_strays)
  is 'git: a body that is too large' 413 \
    "$(head -c 68000000 /dev/zero | status_with "$business" -X POST -T - "$books/git-upload-pack")"
  like 'git: other hosts have none' '{"host":"evil.example",*' "$(fetch https://evil.example/git/books.git/info/refs)"
}

# The emulator ends while a repository takes its time.
is_gone() { ! kill -0 "$1" 2>/dev/null; }
test_git_stop() {
  make_hook "echo \$\$ >'$work/hook'; exec sleep 600"
  rm "$work/hook"
  with_token "$business" -C "$work/tree" push "$books" main:other &
  local client=$!
  until_true test -s "$work/hook" || echo '# the hook was not run'
  kill "$pid"
  wait "$pid"
  is 'git: it can be stopped' 0 $?
  is 'git: nothing goes on' 0 "$(until_true is_gone "$(cat "$work/hook")"; echo $?)"
  wait $client 2>/dev/null
}

revoked() { [ "$(status_with "$1" "$2")" = 401 ]; }

test_tokens() {
  reset
  control POST 'set?lifetime=1' >"$work/ignored"
  local short
  like 'lifetime' '*"expires_in":1}' "$(login "$partner_endpoint")"
  short=$(partner_token)
  is 'a short token works' 200 "$(status_with "$short" "$businesses")"
  is 'a token expires' 0 "$(until_true revoked "$short" "$businesses"; echo $?)"
  control POST 'set?partner_lifetime=100' --data business_lifetime=200 >"$work/ignored"
  like 'partner_lifetime' '*"expires_in":100}' "$(login "$partner_endpoint")"
  like 'business_lifetime' '*"expires_in":200,*' "$(fetch -X POST -H "Authorization: Bearer $partner" "$business_endpoint")"
  control POST 'set?token_bytes=32768' >"$work/ignored"
  local long
  long=$(partner_token)
  is 'token_bytes' 32768 "${#long}"
  is 'a token of 32 KiB works' 200 "$(status_with "$long" "$businesses")"
  control POST 'set?www_authenticate=no' >"$work/ignored"
  is 'www_authenticate=no' '' "$(header WWW-Authenticate "$businesses")"
  control POST set --data-urlencode 'api_key=new:/+= key' >"$work/ignored"
  is 'api_key rotates' '401 200' "$(login -o /dev/null -w '%{http_code}' "$partner_endpoint") $(
    status -X POST --user "$THRED_PARTNER_UUID:new:/+= key" "$partner_endpoint")"
  reset
  is 'reset restores settings' '200 Bearer' "$(login -o /dev/null -w '%{http_code}' "$partner_endpoint") $(header WWW-Authenticate "$businesses")"
  is 'reset keeps tokens' 200 "$(status_with "$business" "$invoices")"

  local p b c
  p=$(partner_token) b=$(business_token "$p")
  c=$(business_token "$p" "$base/v1/platform/$second/oauth2/token/")
  control POST "revoke?business=${second^^}" >"$work/ignored"
  is 'revoke one business' '200 200 401' "$(status_with "$p" "$businesses") $(status_with "$b" "$invoices") $(
    status_with "$c" "$businesses$second/invoices/")"
  control POST 'revoke?kind=business' >"$work/ignored"
  is 'revoke business tokens' '200 401' "$(status_with "$p" "$businesses") $(status_with "$b" "$invoices")"
  b=$(business_token "$p")
  control POST 'revoke?kind=partner' >"$work/ignored"
  is 'revoke partner tokens' '401 200' "$(status_with "$p" "$businesses") $(status_with "$b" "$invoices")"
  like 'revoke all' '{"revoked":[1-9]*}' "$(control POST revoke)"
  is 'revoked' 401 "$(status_with "$b" "$invoices")"
  like 'a revoked token is invalid_token' '*"error_code":"invalid_token"*' "$(fetch -H "Authorization: Bearer $b" "$invoices")"
}

# A token request that is on its way, seen in the counters before it is answered.
in_flight() { [ "$(counter_pair token_requests)" = "$1" ]; }

test_delays() {
  reset
  control POST 'set?delay_ms=30000' >"$work/ignored"
  login -o /dev/null "$partner_endpoint" &
  local client=$!
  is 'a delayed token request is counted at once' 0 "$(until_true in_flight '1 0'; echo $?)"
  is 'and not answered' '0 0' "$(counter_pair tokens_issued)"
  kill $client
  wait $client 2>/dev/null
  control POST 'set?delay_ms=300' >"$work/ignored"
  local took
  took=$(login -o /dev/null -w '%{time_total}' "$partner_endpoint")
  is 'delay_ms' slow "$([ "${took/./}" -ge 300000 ] && echo slow || echo "$took")"
  reset
}

# fault PARAMETERS CURL_ARGUMENT...
fault() { control POST "fault?$1" "${@:2}" >"$work/ignored"; }

test_faults() {
  reset
  fault 'path=/v1/platform/businesses/&action=status&status=503&retry_after=7'
  is 'status' '503 7' "$(headers "$businesses" | sed -n 's/^HTTP.1.1 \([0-9]*\).*/\1/p; s/^Retry-After: //p' | xargs)"
  is 'once is the default' 200 "$(status_with "$partner" "$businesses")"
  fault 'path=token:partner&action=status&status=401&times=2'
  is 'token:partner, times=2' '401 401 200' "$(for _ in 1 2 3; do login -o /dev/null -w '%{http_code} ' "$partner_endpoint"; done | sed 's/ $//')"
  fault 'path=token:business&action=status&status=429&times=0'
  is 'token:business leaves the other alone' 200 "$(login -o /dev/null -w '%{http_code}' "$partner_endpoint")"
  is 'times=0 goes on' '429 429' "$(status_with "$partner" -X POST "$business_endpoint") $(status_with "$partner" -X POST "$business_endpoint")"
  like 'faults are listed' '[[]{"id":*"path":"token:business","times":0,"action":"status","status":429}]' "$(control GET faults)"
  control DELETE fault >"$work/ignored"
  is 'faults are cleared' '[] 200' "$(control GET faults) $(status_with "$partner" -X POST "$business_endpoint")"

  fault 'action=status&status=401'
  is '401 has a challenge' Bearer "$(header WWW-Authenticate "$businesses")"
  fault 'action=status&status=401&www_authenticate=no'
  is '401 without a challenge' '' "$(header WWW-Authenticate "$businesses")"
  fault 'host=sandbox-backend.thredfi.com&method=PUT&action=status&status=500'
  is 'host and method choose' '401 401 500' "$(status -X PUT "$businesses") $(status "$sibling/x") $(status -X PUT "$sibling/x")"
  fault 'scheme=http&action=status&status=500'
  is 'scheme chooses' 401 "$(status "$businesses")"
  control DELETE fault >"$work/ignored"

  fault 'action=drop'
  status_with "$partner" "$businesses" >"$work/ignored"
  is 'drop' 52 $?
  like 'a dropped request is logged with status 0' '*"kind":"partner",*"status":0,*' "$(last_request)"
  fault 'action=garbage'
  is 'garbage' 200 "$(status "$businesses")"
  fault 'action=empty'
  is 'empty' '200 0' "$(fetch -o /dev/null -w '%{http_code} %{size_download}' "$businesses")"
  fault 'action=html&status=502'
  is 'html' '502 text/html' "$(fetch -o /dev/null -w '%{http_code} %{content_type}' "$businesses")"
  fault 'action=redirect&to=https://evil.example/x'
  is 'redirect' '302 https://evil.example/x' "$(fetch -o /dev/null -w '%{http_code} %{redirect_url}' "$businesses")"
  fault 'action=redirect&status=307&to=https://evil.example/x'
  is 'redirect with a status' 307 "$(status "$businesses")"
  fault 'action=raw' --data-urlencode 'body={"access_token":"","expires_in":-1}'
  is 'raw' '{"access_token":"","expires_in":-1}' "$(login "$partner_endpoint")"
  fault 'action=huge'
  is 'huge' '200 67108864' "$(fetch -o /dev/null -w '%{http_code} %{size_download}' "$businesses")"
  fault 'action=delay&delay_ms=300'
  fault 'action=status&status=418'
  is 'delay goes on to the next fault' '418 slow' \
    "$(fetch -o /dev/null -w '%{http_code} %{time_total}' "$businesses" | sed 's/ 0\.[3-9].*/ slow/; s/ [1-9].*/ slow/')"
  fault 'host=evil.example&action=status&status=401'
  is 'other hosts have faults too' '401 200' "$(status https://evil.example/) $(status https://evil.example/)"
  fault 'action=status&status=500'
  is 'the control API has none' 200 "$(control GET counters -o /dev/null -w '%{http_code}')"
  reset
  is 'reset clears faults' '[]' "$(control GET faults)"
}

# What the control API must refuse: STATUS METHOD PATH
bad_control() {
  cat <<'TABLE'
404 GET nothing
404 POST counters/more
405 POST counters
405 GET fault
400 GET counters?a=b
400 POST set?lifetime=soon
400 POST set?lifetime=-1
400 POST set?unknown=1
400 POST set?www_authenticate=maybe
400 POST set?api_key=
400 POST set?lifetime=1&lifetime=2
400 POST set?lifetime
400 POST revoke?kind=other
400 POST revoke?business=1
400 POST fault
400 POST fault?action=explode
400 POST fault?action=status
400 POST fault?action=status&status=99
400 POST fault?action=delay
400 POST fault?action=redirect
400 POST fault?action=redirect&to=a%0d%0aX:b
400 POST fault?action=redirect&to=/&status=200
400 POST fault?action=drop&times=-1
400 POST fault?action=drop&scheme=ftp
TABLE
}

test_control_errors() {
  local expected method path answer
  while read -r expected method path; do
    answer=$(control "$method" "$path" -w ' %{http_code}')
    like "control: $method $path" "{\"error\":\"?*\",\"error_code\":\"?*\",\"details\":{}} $expected" "$answer"
  done < <(bad_control)
  is 'a refused change changes nothing' 3600 "$(control POST set | number partner_lifetime)"
  is 'the control API is not logged' '[] 0' "$(reset; requests) $(counter connections)"
}

test_parallel() {
  reset
  local urls=() i
  for i in $(seq 200); do
    urls+=(-o /dev/null "$base/v1/platform/businesses/?n=$i")
  done
  fetch --parallel --parallel-immediate --parallel-max 200 -w '%{http_code}\n' \
    -H "Authorization: Bearer $partner" "${urls[@]}" >"$work/parallel" 2>"$work/ignored"
  is '200 requests at once' '200 200' "$(sort "$work/parallel" | uniq -c | xargs)"
  is 'each is counted and logged' '200 200' "$(counter ok) $(requests | wc -l)"
}

# exit_status EXPECTED NAME ARGUMENT...: also that the failure says something on stderr.
exit_status() {
  "$emulator" "${@:3}" >"$work/out" 2>"$work/err"
  is "exit status: $2" "$1" $?
  if [ "$1" -ne 0 ]; then like "message: $2" 'thred-emulator: ?*' "$(head -n 1 "$work/err")"; fi
}

test_command_line() {
  exit_status 0 --help --help
  like '--help has an example' '*thred-emulator --listen 127.0.0.1:0 --dir*' "$(cat "$work/out")"
  exit_status 0 --version --version
  like '--version' 'thred-emulator [0-9]*.*' "$(cat "$work/out")"
  exit_status 2 'no --dir'
  like 'no --dir: a command would do, too' '*neither a command behind -- nor --dir DIR*' "$(cat "$work/err")"
  exit_status 2 'unknown option' --dir "$work/x" --nothing
  exit_status 2 'stray argument' --dir "$work/x" stray
  exit_status 2 'bad --listen' --dir "$work/x" --listen nowhere
  exit_status 2 'bad port' --dir "$work/x" --listen 127.0.0.1:65536
  exit_status 2 'bad --name' --dir "$work/x" --name 'a,DNS:b'
  exit_status 2 'empty --api-key' --dir "$work/x" --api-key ''
  exit_status 1 'port taken' --dir "$work/x" --listen "127.0.0.1:$port"
  exit_status 1 'DIR cannot be made' --dir "$dir/port/below"
  exit_status 1 '--git is no directory' --dir "$work/x" --git "$dir/port"
  is 'nothing to wait for after a failure' missing "$([ -e "$work/x/port" ] && echo there || echo missing)"
}

# stops SIGNAL: with a request in the middle of a long delay.
stops() {
  control POST 'fault?action=delay&delay_ms=60000' >"$work/ignored"
  fetch -o /dev/null $base/slow &
  local client=$!
  until_true in_service || echo '# the slow request did not arrive'
  # With a tunnel that nobody uses, and a client that has asked for nothing yet.
  exec 8<>"/dev/tcp/127.0.0.1/$proxy_port" 9<>"/dev/tcp/127.0.0.1/$proxy_port"
  printf 'CONNECT a:443 HTTP/1.1\r\n\r\n' >&9
  read -r -t 10 -u 9 _ || echo '# no tunnel'
  local begun=$SECONDS
  kill "-$1" "$pid"
  wait "$pid"
  is "$1 ends it with 0" 0 $?
  is "$1 leaves nothing on stderr" '' "$(cat "$work/stderr")"
  is "$1 takes the port files away" missing "$([ -e "$dir/port" ] || [ -e "$dir/http-port" ] || [ -e "$dir/proxy-port" ] && echo there || echo missing)"
  is "$1 ends it quickly" quick "$([ $((SECONDS - begun)) -lt 10 ] && echo quick || echo slow)"
  exec 8>&- 9>&-
  wait $client 2>/dev/null
}
in_service() { [ "$(counter requests)" = 1 ]; }

start "$dir"
read_credentials
partner=$(partner_token)
business=$(business_token "$partner")
other_business=$(business_token "$partner" "$base/v1/platform/$second/oauth2/token/")
test_files
test_tls
test_partner_endpoint
test_business_endpoint
test_scopes
test_refusals
test_bodies
test_log
test_foreign_hosts
test_tokens
partner=$(partner_token)
business=$(business_token "$partner")
test_delays
test_faults
test_control_errors
test_parallel
test_proxy_heads
test_proxy
test_proxy_patience
test_env
test_command_line
reset
stops TERM

odd_key=$'k:/+=\xc3\xbc\xff ey'
start "$work/it's odd" --api-key "$odd_key" --no-http
is '--api-key is written as given' "THRED_API_KEY=$odd_key" "$(tail -n 1 "$dir/credentials")"
read_credentials
is '--api-key is accepted' 200 "$(login -o /dev/null -w '%{http_code}' "$partner_endpoint")"
is '--no-http' missing "$([ -e "$dir/http-port" ] && echo there || echo missing)"
is '--no-http: the proxy leads to HTTPS alone' '403 200' "$(say 'CONNECT a:80 HTTP/1.1\r\n\r\n') $(say 'CONNECT a:443 HTTP/1.1\r\n\r\n')"
is 'env.sh is quoted' 401 "$(as_told curl -q -s -o /dev/null -w '%{http_code}' "$businesses")"
reset
stops INT

mkdir "$work/repositories"
git init -q --bare "$work/repositories/books.git"
git init -q --bare "$work/outside.git"
books=$base/git/books.git
start "$work/git" --git "$work/repositories"
read_credentials
partner=$(partner_token)
business=$(business_token "$partner")
other_business=$(business_token "$partner" "$base/v1/platform/$second/oauth2/token/")
test_git
test_git_refusals
test_git_stop

start "$work/name" --name other.example --name '*.wild.example' --no-proxy
is '--no-proxy' 'missing 0' "$([ -e "$dir/proxy-port" ] && echo there || echo missing) $(grep -c proxy "$dir/env.sh")"
is '--name' '200 200' "$(status https://other.example/) $(status https://a.wild.example/)"
status $base/ >"$work/ignored"
is '--name replaces the usual names' 60 $?
first_ca=$(cat "$dir/ca.pem")
kill "$pid"
wait "$pid"

start "$work/name" --expired
is 'a new CA each time' new "$([ "$first_ca" = "$(cat "$dir/ca.pem")" ] && echo old || echo new)"
status $base/ >"$work/ignored"
is '--expired' 60 $?
is 'an expired server serves those who do not look' 401 "$(status --insecure $base/)"

finish
