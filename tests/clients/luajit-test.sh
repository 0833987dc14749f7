#!/bin/bash
# SPDX-License-Identifier: MIT
# luajit-test.sh - LuaJIT's ffi.load (libcurl's functions looked up by name), under the shim.
. "$(dirname "$0")/clients.sh"
need luajit curl jq python3
start_thred
mkdir "$work/folder"
echo hello >"$work/folder/file"
start_elsewhere "$work/folder"

# client.lua FILE URL...: the status of each URL, over one easy handle.
cat >"$work/client.lua" <<'LUA'
local ffi = require("ffi")
ffi.cdef [[
typedef void CURL;
CURL *curl_easy_init(void);
int curl_easy_setopt(CURL *, int, ...);
int curl_easy_perform(CURL *);
int curl_easy_getinfo(CURL *, int, ...);
void curl_easy_cleanup(CURL *);
]]
local libcurl = ffi.load(arg[1])
local URL, CAINFO, WRITEDATA, RESPONSE_CODE = 10002, 10065, 10001, 0x200002
ffi.cdef "void *fopen(const char *, const char *);"
local handle, status = libcurl.curl_easy_init(), ffi.new("long[1]")
libcurl.curl_easy_setopt(handle, CAINFO, os.getenv("CURL_CA_BUNDLE"))
libcurl.curl_easy_setopt(handle, WRITEDATA, ffi.C.fopen("/dev/null", "w"))
local statuses = {}
for i = 2, #arg do
  libcurl.curl_easy_setopt(handle, URL, arg[i])
  libcurl.curl_easy_perform(handle)
  libcurl.curl_easy_getinfo(handle, RESPONSE_CODE, status)
  statuses[#statuses + 1] = tostring(tonumber(status[0]))
end
libcurl.curl_easy_cleanup(handle)
print(table.concat(statuses, " "))
LUA

urls=("$api/businesses/" "$api/businesses/$one/invoices/" "$api/businesses/$two/invoices/")
for file in libcurl.so.4 libcurl-gnutls.so.4; do
  begin
  is "luajit, $file" '200 200 200' "$(under luajit "$work/client.lua" $file "${urls[@]}" 2>&1)"
  is '  the token of each' 'business 200,partner 200' "$(seen)"
  revoke
  is "luajit, $file, revoked tokens" '200 200 200' "$(under luajit "$work/client.lua" $file "${urls[@]}" 2>&1)"
  is '  are replaced inside the transfers' 'business 200,invalid 401,partner 200' "$(seen)"
  begin
  is "luajit, $file: docs.thredfi.com" 200 "$(under luajit "$work/client.lua" $file https://docs.thredfi.com/ 2>&1)"
  is '  gets none' 'none 200' "$(seen)"
  same "luajit, $file" luajit "$work/client.lua" $file "$elsewhere/file" "$elsewhere/missing"
done
is 'thredctl doctor says what exec does for it' "0 $(realpath "$root/lib/thred/curl")" \
  "$("$root/bin/thredctl" doctor --json luajit | jq -r '"\(if .reachable then 0 else 1 end) \(.library_path | split(":")[0])"')"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
