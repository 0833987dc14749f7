#!/bin/bash
# SPDX-License-Identifier: MIT
# tcl-test.sh - Tcl with TclCurl (libcurl's GnuTLS flavour) under the shim. Prints TAP.
. "$(dirname "$0")/clients.sh"
. "$(dirname "$0")/binding.sh"
need tclsh curl jq /usr/bin/python3
client=(tclsh "$(dirname "$0")/client.tcl")
[ "$(tclsh <<<'puts [catch {package require TclCurl}]')" = 0 ] || skip_all 'no TclCurl'
start_binding

transfers tcl easy "${client[@]}"
sends tcl post "${client[@]}"
sends tcl form "${client[@]}"
sends tcl file "${client[@]}"
sends_once tcl upload "${client[@]}"
without_challenge tcl easy "${client[@]}"
is 'no token was anywhere else' '0 0' "$(leaks)"
finish
