#!/bin/bash
# SPDX-License-Identifier: MIT
# ctypes-test.sh - Python with ctypes, which looks libcurl's functions up in what it opened: either flavour
# of libcurl, and both in one process, under the shim.
. "$(dirname "$0")/clients.sh"
need /usr/bin/python3 curl jq
python=/usr/bin/python3
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"

# client.py easy|multi FILE[,FILE] URL...: the status of each URL. With two files, the requests take turns.
cat >"$work/client.py" <<'PY'
import ctypes, os, sys
from ctypes import byref, c_char_p, c_int, c_long, c_size_t, c_void_p

URL, CAINFO, WRITEFUNCTION, RESPONSE_CODE = 10002, 10065, 20011, 0x200002
swallow = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_size_t, c_size_t, c_void_p)(lambda at, size, n, to: size * n)

def load(name):
    curl = ctypes.CDLL(name)
    curl.curl_easy_init.restype = curl.curl_multi_init.restype = c_void_p
    curl.curl_easy_setopt.argtypes = [c_void_p, c_int, c_void_p]
    curl.curl_easy_getinfo.argtypes = [c_void_p, c_int, c_void_p]
    for name in "easy_perform", "easy_cleanup", "multi_cleanup":
        getattr(curl, "curl_" + name).argtypes = [c_void_p]
    for name in "add_handle", "remove_handle", "perform":
        getattr(curl, "curl_multi_" + name).argtypes = [c_void_p, c_void_p]
    curl.curl_multi_poll.argtypes = [c_void_p, c_void_p, ctypes.c_uint, c_int, c_void_p]
    curl.curl_version.restype = c_char_p
    return curl

def set_text(curl, handle, option, text):
    curl.curl_easy_setopt(handle, option, ctypes.cast(c_char_p(text.encode()), c_void_p))

def new_handle(curl, url):
    handle = curl.curl_easy_init()
    set_text(curl, handle, URL, url)
    set_text(curl, handle, CAINFO, os.environ["CURL_CA_BUNDLE"])
    curl.curl_easy_setopt(handle, WRITEFUNCTION, ctypes.cast(swallow, c_void_p))
    return handle

def status(curl, handle):
    code = c_long()
    curl.curl_easy_getinfo(handle, RESPONSE_CODE, byref(code))
    return code.value

def easy(curl, urls):
    handle = new_handle(curl, urls[0])
    for url in urls:
        set_text(curl, handle, URL, url)
        curl.curl_easy_perform(handle)
        yield status(curl, handle)
    curl.curl_easy_cleanup(handle)

def multi(curl, urls):
    together, running = curl.curl_multi_init(), c_int(1)
    handles = [new_handle(curl, url) for url in urls]
    for handle in handles:
        curl.curl_multi_add_handle(together, handle)
    while running.value:
        curl.curl_multi_perform(together, byref(running))
        if running.value:
            curl.curl_multi_poll(together, None, 0, 1000, None)
    for handle in handles:
        yield status(curl, handle)
        curl.curl_multi_remove_handle(together, handle)
        curl.curl_easy_cleanup(handle)
    curl.curl_multi_cleanup(together)

way = {"easy": easy, "multi": multi}[sys.argv[1]]
libraries = [load(name) for name in sys.argv[2].split(",")]
for name, curl in zip(sys.argv[2].split(","), libraries):
    assert (b"GnuTLS" in curl.curl_version()) == ("gnutls" in name), "another flavour"
turns = [list(way(curl, sys.argv[3:])) for curl in libraries * len(libraries)]
assert all(turn == turns[0] for turn in turns), turns
print(*turns[0])
PY

urls=("$api/businesses/" "$api/businesses/$one/invoices/" "$api/businesses/$two/invoices/")
for files in libcurl.so.4 libcurl-gnutls.so.4 libcurl.so.4,libcurl-gnutls.so.4; do
  for mode in easy multi; do
    client=($python "$work/client.py" $mode $files)
    begin
    is "ctypes, $files, $mode" '200 200 200' "$(under "${client[@]}" "${urls[@]}" 2>&1)"
    is '  the token of each' 'business 200,partner 200' "$(seen)"
    revoke
    is "ctypes, $files, $mode, revoked tokens" '200 200 200' "$(under "${client[@]}" "${urls[@]}" 2>&1)"
    is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
    begin
    is "ctypes, $files, $mode: docs.thredfi.com" 200 "$(under "${client[@]}" https://docs.thredfi.com/ 2>&1)"
    is '  gets none' 'none 200' "$(seen)"
    same "ctypes, $files, $mode" "${client[@]}" "$elsewhere/file" "$elsewhere/missing"
  done
done

# Without LD_PRELOAD, what stands in libcurl's place brings the shim along.
begin
is 'ctypes, by LD_LIBRARY_PATH alone' '200 200 200' "$(LD_LIBRARY_PATH=$root/lib/thred/curl LD_PRELOAD=$asan \
  $python "$work/client.py" easy libcurl.so.4,libcurl-gnutls.so.4 "${urls[@]}" 2>&1)"
is '  the token of each' 'business 200,partner 200' "$(seen)"
# pycurl is linked with the GnuTLS flavour: beside it, in one process, ctypes has the other.
cat >"$work/both.py" <<'PY'
import sys, os
from io import BytesIO
import pycurl
sys.argv = [sys.argv[0], "easy", "libcurl.so.4"] + sys.argv[1:]
exec(open(os.path.dirname(sys.argv[0]) + "/client.py").read())
c, body = pycurl.Curl(), BytesIO()
c.setopt(pycurl.CAINFO, os.environ["CURL_CA_BUNDLE"])
c.setopt(pycurl.WRITEDATA, body)
for url in sys.argv[3:]:
    c.setopt(pycurl.URL, url)
    c.perform()
    print(c.getinfo(pycurl.RESPONSE_CODE), end=" ")
PY
if $python -c 'import pycurl' 2>/dev/null; then
  begin
  is 'ctypes and pycurl' $'200 200 200\n200 200 200 ' "$(under $python "$work/both.py" "${urls[@]}" 2>&1)"
  is '  the token of each' 'business 200,partner 200' "$(seen)"
else
  skip 'ctypes and pycurl' 'no pycurl'
fi
# A libcurl whose calls of its own functions nobody can see (-Bsymbolic-functions, as some distributions
# link), in the place of Debian's, in this test's mount namespace.
harden() {
  local real archive
  real=$(readlink -f "$(readelf -dW "$root/lib/thred/curl/libcurl.so.4" | sed -n 's/.*NEEDED.*\[\(.*libcurl.*\)\]/\1/p')")
  archive=${real%/*}/libcurl.a
  [ -f "$archive" ] && [ -n "${THRED_TEST_ALONE-}" ] || return
  echo 'CURL_OPENSSL_4 { global: curl_*; local: *; };' >"$work/hard.map"
  # shellcheck disable=SC2046  # several words
  cc -shared -o "$work/hard.so" -Wl,-soname,libcurl.so.4 -Wl,-Bsymbolic-functions \
    -Wl,--version-script="$work/hard.map" -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
    $(readelf -dW "$real" | sed -n 's/.*NEEDED.*\[\(.*\)\]/-l:\1/p') 2>"$work/hard.log" &&
    mount --bind "$work/hard.so" "$real"
}

if harden; then
  is 'a hardened libcurl: no call of its own can be seen' 0 "$(readelf -Wr "$work/hard.so" | grep -c ' curl_')"
  for mode in easy multi; do
    begin
    is "ctypes, a hardened libcurl, $mode" '200 200 200' \
      "$(under $python "$work/client.py" $mode libcurl.so.4 "${urls[@]}" 2>&1)"
    is '  the token of each' 'business 200,partner 200' "$(seen)"
    revoke
    is "ctypes, a hardened libcurl, $mode, revoked tokens" '200 200 200' \
      "$(under $python "$work/client.py" $mode libcurl.so.4 "${urls[@]}" 2>&1)"
    is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
    same "ctypes, a hardened libcurl, $mode" $python "$work/client.py" $mode libcurl.so.4 "$elsewhere/file"
  done
  if [ -z "$asan" ]; then # curl does not start under its runtime
    revoke
    is 'curl, a hardened libcurl, revoked tokens' '200 200 ' "$(under curl -q -sS -w '%{http_code} ' \
      -o "$work/ignored" $api/businesses/ -o "$work/ignored" $api/businesses/$one/invoices/ 2>&1)"
  fi
else
  skip 'a hardened libcurl' 'libcurl.a or a mount namespace is not to be had'
fi
is 'thredctl doctor says what exec does for it' "0 $(realpath "$root/lib/thred/curl")" \
  "$("$root/bin/thredctl" doctor --json $python | jq -r '"\(if .reachable then 0 else 1 end) \(.library_path | split(":")[0])"')"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
