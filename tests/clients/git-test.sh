#!/bin/bash
# SPDX-License-Identifier: MIT
# git-test.sh - git over https under the shim: curl_multi only, libcurl's GnuTLS flavour. Prints TAP.
. "$(dirname "$0")/clients.sh"
need git curl jq /usr/bin/python3
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

# commit NAME BYTES: in the clone.
commit() {
  head -c "$2" /dev/urandom >"$work/clone/$1"
  git -C "$work/clone" add "$1" && git -C "$work/clone" commit -qm "$1"
}

# push GIT_ARGUMENT...: what it says, and the commit that is there then.
push() {
  under git -C "$work/clone" "$@" push -q 2>&1
  git -C "$work/repositories/books.git" log -1 --format=%s
}

commit little 100
begin
is 'git push' little "$(push)"
is '  takes the token of the business' 'business 200' "$(seen)"
commit more 100
revoke
is 'git push, revoked token' more "$(push)"
is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
# More than git keeps: it goes out in chunks as it is made, and cannot be sent twice.
commit much 300000
revoke
is 'git push of much, revoked token' much "$(push -c http.postBuffer=65536)"
is '  is replaced before' 'business 200,invalid 401' "$(seen)"
is '  and there is nothing wrong with it' '' "$(git -C "$work/repositories/books.git" fsck 2>&1)"

begin
is 'a clone of much by a small buffer' 'all little more much' "$(clone $url under env GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.postBuffer GIT_CONFIG_VALUE_0=65536 2>&1 | sort | xargs)"
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

# To the same repository each time; the commit and its pack are the same then too.
git clone -q --bare "$work/source" "$work/pristine.git"
cat >"$work/elsewhere-push" <<'SH'
#!/bin/sh
rm -rf "$work/clone" "$work/repositories/pushed.git"
cp -r "$work/pristine.git" "$work/repositories/pushed.git"
git -c http.maxRequests=1 clone -q "$elsewhere/smart/pushed.git" "$work/clone" && cd "$work/clone" &&
  echo more >more && git add more && git commit -qm more && git -c pack.threads=1 push -q &&
  git -C "$work/repositories/pushed.git" log --format=%H
SH
chmod +x "$work/elsewhere-push"
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
same 'git clone and push' "$work/elsewhere-push"
is '  two commits are there' 2 "$(wc -l <"$work/out")"
like '  which git pushed' '*POST /smart/pushed.git/git-receive-pack *' "$(cat "$work"/captured.* | grep -a '^POST')"

if when_retry_is_complete; then
  revoke_silently
  is 'git clone, no WWW-Authenticate' much "$(clone $url under 2>&1 | head -n 1)"
  is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
  rm -rf "$work/clone"
  git clone -q "$work/repositories/books.git" "$work/clone"
  git -C "$work/clone" remote set-url origin $url
  commit last 100
  revoke_silently
  is 'git push, no WWW-Authenticate' last "$(push)"
  is '  is replaced inside the transfer' 'business 200,invalid 401' "$(seen)"
fi
finish
