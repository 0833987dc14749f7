/* SPDX-License-Identifier: MIT */
/*
 * leftovers.h - what libcurl leaves of a secret in memory that it gives back.
 *
 * A request passes through libcurl's buffers, which are freed as they are (7.88.1: one that grows,
 * lib/dynbuf.c, and data->state.ulbuf): they are reached after that, if at all. Of an answer
 * nothing stays behind: http.c wipes libcurl's buffer, and http-tls.c has OpenSSL wipe its own.
 */
#ifndef THRED_LIB_FETCH_LEFTOVERS_H
#define THRED_LIB_FETCH_LEFTOVERS_H

/*
 * Takes memory of the sizes that libcurl has just freed, wipes it and gives it back: an allocator
 * hands out first what was freed last in the same thread. 1.2 MB for a moment, once for each
 * request. What another thread got hold of meanwhile is out of reach, and nothing is promised.
 */
void leftovers_wipe(void);

#endif
