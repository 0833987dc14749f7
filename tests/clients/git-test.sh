#!/bin/bash
# SPDX-License-Identifier: MIT
# git-test.sh - git over https under the shim: curl_multi only, libcurl's GnuTLS flavour. Prints TAP.
. "$(dirname "$0")/clients.sh"
need git curl jq python3
[ -z "$asan" ] || skip_all "git does not start under AddressSanitizer's runtime"
export GIT_TERMINAL_PROMPT=0 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=a \
  GIT_COMMITTER_EMAIL=a@example

# A bare repository with enough in it for several packets.
mkdir "$work/repositories"
git init -q -b main "$work/source"
for i in $(seq 50); do
  head -c 5000 /dev/urandom | base64 >"$work/source/$i"
done
git -C "$work/source" add . && git -C "$work/source" commit -qm all
git clone -q --bare "$work/source" "$work/repositories/books.git"
git -C "$work/repositories/books.git" update-server-info

start_thred --git "$work/repositories"
start_elsewhere "$work/repositories"
export THRED_BUSINESS_ID=$one
url=https://sandbox.thredfi.com/git/books.git

# clone URL: the commit that it ends with.
clone() {
  rm -rf "$work/clone"
  "${@:2}" git clone -q "$1" "$work/clone" && git -C "$work/clone" log --format=%s
}

begin
like 'without the shim there is no token' '*could not read Username*' "$(clone $url env 2>&1)"
begin
is 'git clone' all "$(clone $url under 2>&1)"
is '  takes the token of the business' 'business 200' "$(seen)"
revoke
is 'git clone, revoked token' all "$(clone $url under 2>&1)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"

echo more >"$work/clone/more"
git -C "$work/clone" add more && git -C "$work/clone" commit -qm more
revoke
is 'git push, revoked token' '' "$(under git -C "$work/clone" push -q 2>&1)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
is '  and arrives' more "$(git -C "$work/repositories/books.git" log -1 --format=%s)"

begin
is 'a clone of much by a small buffer' all$'\n'more "$(clone $url under env GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.postBuffer GIT_CONFIG_VALUE_0=65536 2>&1 | sort)"
echo 'machine sandbox.thredfi.com login me password secret' >"$HOME/.netrc"
begin
clone $url under >/dev/null 2>&1
is 'an entry in ~/.netrc is its own authorisation' 'none 401' "$(seen)"
echo 'machine other.example login me password secret' >"$HOME/.netrc"
begin
is 'an entry for others is not' 0 "$(clone $url under >/dev/null 2>&1; echo $?)"
rm "$HOME/.netrc"
is 'no token was anywhere else' '0 0' "$(leaks)"

git -C "$work/repositories/books.git" update-server-info
export elsewhere work
# One request at a time: else it depends on their timing which of git's handles, each with options that
# were left on it, asks for what.
cat >"$work/elsewhere-clone" <<'SH'
#!/bin/sh
rm -rf "$work/clone"
git -c http.maxRequests=1 clone -q "$elsewhere/books.git" "$work/clone" && git -C "$work/clone" log --format=%s
SH
chmod +x "$work/elsewhere-clone"
same 'git clone' "$work/elsewhere-clone"
finish
