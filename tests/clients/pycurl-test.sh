#!/bin/bash
# SPDX-License-Identifier: MIT
# pycurl-test.sh - Python with pycurl (libcurl's GnuTLS flavour, loaded RTLD_LOCAL), under the shim.
. "$(dirname "$0")/clients.sh"
need /usr/bin/python3 curl jq
python=/usr/bin/python3 # the one that Debian's pycurl is for
$python -c 'import pycurl' 2>/dev/null || skip_all 'no pycurl'
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"

# Prints the status of each URL; one easy handle for all, or with "multi" a handle each at the same time.
cat >"$work/client.py" <<'PY'
import os, sys, pycurl
from io import BytesIO

def handle(url):
    curl, body = pycurl.Curl(), BytesIO()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CAINFO, os.environ["CURL_CA_BUNDLE"])
    curl.setopt(pycurl.WRITEDATA, body)
    return curl, body

def easy(urls):
    curl, body = handle(urls[0])
    for url in urls:
        curl.setopt(pycurl.URL, url)
        curl.perform()
        yield curl.getinfo(pycurl.RESPONSE_CODE)

def multi(urls):
    handles = [handle(url) for url in urls]
    together = pycurl.CurlMulti()
    for curl, body in handles:
        together.add_handle(curl)
    running = 1
    while running:
        _, running = together.perform()
        if running:
            together.select(1.0)
    for curl, body in handles:
        yield curl.getinfo(pycurl.RESPONSE_CODE)
        together.remove_handle(curl)

print(*{"easy": easy, "multi": multi}[sys.argv[1]](sys.argv[2:]))
PY

urls=("$api/businesses/" "$api/businesses/$one/invoices/" "$api/businesses/$two/invoices/")
for mode in easy multi; do
  begin
  is "pycurl, $mode" '200 200 200' "$(under $python "$work/client.py" $mode "${urls[@]}" 2>&1)"
  is '  the token of each' 'business 200,partner 200' "$(seen)"
  revoke
  is "pycurl, $mode, revoked tokens" '200 200 200' "$(under $python "$work/client.py" $mode "${urls[@]}" 2>&1)"
  is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
  begin
  is "pycurl, $mode: docs.thredfi.com" 200 "$(under $python "$work/client.py" $mode https://docs.thredfi.com/ 2>&1)"
  is '  gets none' 'none 200' "$(seen)"
  same "pycurl, $mode" $python "$work/client.py" $mode "$elsewhere/file" "$elsewhere/missing"
done
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
