#!/bin/bash
# SPDX-License-Identifier: MIT
# perl-test.sh - Perl with WWW::Curl (libcurl's GnuTLS flavour, loaded RTLD_LOCAL) under the shim. Prints TAP.
. "$(dirname "$0")/clients.sh"
. "$(dirname "$0")/binding.sh"
need /usr/bin/perl curl jq /usr/bin/python3
client=(/usr/bin/perl "$(dirname "$0")/client.pl")
/usr/bin/perl -MWWW::Curl::Easy -e 1 2>/dev/null || skip_all 'no WWW::Curl'
start_binding

transfers perl easy "${client[@]}"
transfers perl multi "${client[@]}"
sends perl post "${client[@]}"
sends perl form "${client[@]}"
sends_once perl upload "${client[@]}"
without_challenge perl easy "${client[@]}"
without_challenge perl multi "${client[@]}"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
