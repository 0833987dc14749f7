#!/bin/bash
# SPDX-License-Identifier: MIT
# r-test.sh - R with its package curl and its own download.file, under the shim. Prints TAP.
. "$(dirname "$0")/clients.sh"
. "$(dirname "$0")/binding.sh"
need Rscript curl jq /usr/bin/python3
# Without its default packages it starts twice as fast.
export R_DEFAULT_PACKAGES=NULL
client=(Rscript --vanilla "$(dirname "$0")/client.R")
Rscript --vanilla -e 'library(curl)' >/dev/null 2>&1 || skip_all "R has no package curl"
start_binding

for mode in easy multi download; do
  transfers R $mode "${client[@]}"
  without_challenge R $mode "${client[@]}"
done
sends R post "${client[@]}"
sends R form "${client[@]}"
sends_once R upload "${client[@]}"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
