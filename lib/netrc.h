/* SPDX-License-Identifier: MIT */
/*
 * netrc.h - whether a program that set CURLOPT_NETRC authorises itself by it.
 *
 * git and R set CURLOPT_NETRC on every transfer, so that the option alone says nothing: the file
 * does.
 */
#ifndef THRED_LIB_NETRC_H
#define THRED_LIB_NETRC_H

#include <stdbool.h>

/*
 * May libcurl find a user or a password for `host` in the netrc file `file`?
 *
 * `file` is CURLOPT_NETRC_FILE; NULL stands for libcurl's default, both $NETRC (libcurl 8.16.0 and
 * later) and ~/.netrc. `host` is the name in the URL as libcurl resolves it; a final dot and the
 * brackets of an IPv6 address do not matter. No ports, and no percent or Unicode forms: those count
 * as doubt.
 *
 * False: no libcurl from 7.61.0 to 8.21.0 finds anything, or the file cannot be read by it either.
 * True: one of them may, or there is doubt. Only regular files are opened: a pipe (`--netrc-file
 * <(...)`) is doubt, for what we read from it the program would miss.
 *
 * Any thread; holds no lock, keeps no state, leaves errno alone, is no cancellation point. Reads
 * the environment as libcurl does, with getenv(3).
 */
bool netrc_has_entry(const char *file, const char *host);

#endif
