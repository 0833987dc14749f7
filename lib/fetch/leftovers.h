/* SPDX-License-Identifier: MIT */
/*
 * leftovers.h - what libcurl and OpenSSL leave of a secret in memory that they give back.
 *
 * A request passes through libcurl's buffers, which are freed as they are, and so does an answer
 * through libcurl's and OpenSSL's. (libcurl 7.88.1: the request in a buffer that grows,
 * lib/dynbuf.c, and in data->state.ulbuf; the answer in data->state.buffer, and in OpenSSL's
 * record.) OpenSSL can be told to wipe its own; libcurl's are reached after they were freed, if at
 * all.
 */
#ifndef THRED_LIB_FETCH_LEFTOVERS_H
#define THRED_LIB_FETCH_LEFTOVERS_H

#include <curl/curl.h>

/* Makes OpenSSL wipe what it has handed to libcurl, on the connections of this handle
 * (SSL_OP_CLEANSE_PLAINTEXT, OpenSSL 3). With another TLS library, or if a program's own OpenSSL
 * stands in front of it, it does nothing. */
void leftovers_cleanse(CURL *curl);

/*
 * Takes memory of the sizes that libcurl has just freed, wipes it and gives it back: an allocator
 * hands out first what was freed last in the same thread. What another thread got hold of meanwhile
 * is out of reach, and nothing is promised; by tests/integration/test-wiped.c, with glibc, nothing
 * is left.
 */
void leftovers_wipe(void);

#endif
