#!/bin/bash
# SPDX-License-Identifier: MIT
# ruby-test.sh - Ruby with typhoeus and ethon (FFI: libcurl's functions looked up by name), under the shim.
. "$(dirname "$0")/clients.sh"
need ruby curl jq python3
ruby -e 'require "typhoeus"' 2>/dev/null || skip_all 'no typhoeus'
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"

# What it loads warns of its own data, now and then.
export RUBYOPT=-W0

# The status of each URL; one easy handle for all, a typhoeus request each, or all in one hydra.
cat >"$work/client.rb" <<'RB'
require "logger"
require "typhoeus"
MIME::Types.logger = Logger.new(IO::NULL) # the same, later on
CA = ENV["CURL_CA_BUNDLE"]

def ethon(urls)
  easy = Ethon::Easy.new(cainfo: CA)
  urls.map { |url| easy.url = url; easy.perform; easy.response_code }
end

def request(urls)
  urls.map { |url| Typhoeus.get(url, cainfo: CA).code }
end

def hydra(urls)
  hydra = Typhoeus::Hydra.new
  requests = urls.map { |url| Typhoeus::Request.new(url, cainfo: CA) }
  requests.each { |request| hydra.queue(request) }
  hydra.run
  requests.map { |request| request.response.code }
end

puts send(ARGV[0], ARGV[1..]).join(" ")
RB

urls=("$api/businesses/" "$api/businesses/$one/invoices/" "$api/businesses/$two/invoices/")
for mode in ethon request hydra; do
  begin
  is "ruby, $mode" '200 200 200' "$(under ruby "$work/client.rb" $mode "${urls[@]}" 2>&1)"
  is '  the token of each' 'business 200,partner 200' "$(seen)"
  revoke
  is "ruby, $mode, revoked tokens" '200 200 200' "$(under ruby "$work/client.rb" $mode "${urls[@]}" 2>&1)"
  is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
  begin
  is "ruby, $mode: docs.thredfi.com" 200 "$(under ruby "$work/client.rb" $mode https://docs.thredfi.com/ 2>&1)"
  is '  gets none' 'none 200' "$(seen)"
  same "ruby, $mode" ruby "$work/client.rb" $mode "$elsewhere/file" "$elsewhere/missing"
done
is 'thredctl doctor says what exec does for it' "0 $(realpath "$root/lib/thred/curl")" \
  "$("$root/bin/thredctl" doctor --json ruby | jq -r '"\(if .reachable then 0 else 1 end) \(.library_path | split(":")[0])"')"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
