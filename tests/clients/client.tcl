# SPDX-License-Identifier: MIT
# client.tcl - TclCurl, as binding.sh asks, but for multi: TclCurl 7.22.0 keeps its list of handles in the
# middle of libcurl's CURLM (curlAddMultiHandle) and crashes of itself. Beside that:
#   file FILE URL   what TclCurl opens and libcurl reads
package require TclCurl

proc handle {url} {
    set curl [curl::init]
    $curl configure -url $url -writeproc ignore
    if {[info exists ::env(CURL_CA_BUNDLE)]} {
        $curl configure -cainfo $::env(CURL_CA_BUNDLE)
    }
    return $curl
}

proc ignore {data} {}

# The binding throws libcurl's code.
proc perform {curl} {
    if {[catch {$curl perform} code]} {
        return [curl::easystrerror $code]
    }
    return [$curl getinfo responsecode]
}

proc content {path} {
    set file [open $path rb]
    set text [read $file]
    close $file
    return $text
}

proc easy {args} {
    set curl [handle [lindex $args 0]]
    return [lmap url $args {
        $curl configure -url $url
        perform $curl
    }]
}

proc post {path url} {
    set curl [handle $url]
    set text [content $path]
    $curl configure -post 1 -postfieldssize [string length $text] -postfields $text
    perform $curl
}

proc form {path url} {
    set curl [handle $url]
    $curl configure -httppost [list name text contents value] \
        -httppost [list name file file $path contenttype application/octet-stream]
    perform $curl
}

proc upload {path url} {
    set curl [handle $url]
    set ::text [content $path]
    $curl configure -upload 1 -customrequest POST -readproc take
    perform $curl
}

proc take {size} {
    set piece [string range $::text 0 $size-1]
    set ::text [string range $::text $size end]
    return $piece
}

proc file {path url} {
    set curl [handle $url]
    $curl configure -upload 1 -customrequest POST -infile $path -infilesize [::tcl::file::size $path]
    perform $curl
}

puts [{*}$argv]
