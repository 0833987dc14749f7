/* SPDX-License-Identifier: MIT */
/*
 * bell.h - how a thread of ours wakes an event loop that knows nothing of us.
 *
 * A program's loop waits for libcurl's sockets, in whatever way it does. So the bell is a socket of
 * libcurl's: the shim adds a transfer of its own to the program's multi handle
 * (plugin/preload/doorbell.c), which connects to the bell's address; a ring is a byte of its
 * answer.
 *
 * The address is an abstract one that the kernel chooses (unix(7)). It is there as long as the
 * bell, for a transfer may be replaced by another one; other processes that connect are sent away,
 * no more than `listen` lets wait at once. (A pair of sockets would need no address, but libcurl
 * 7.88 tries to connect one that CURL_SOCKOPT_ALREADY_CONNECTED says is connected.)
 */
#ifndef THRED_LIB_BELL_H
#define THRED_LIB_BELL_H

typedef struct Bell Bell;

/* NULL: none to be had. */
Bell *bell_new(void);

/* For CURLOPT_ABSTRACT_UNIX_SOCKET. Lives as the bell. */
const char *bell_address(const Bell *bell);

/* One more user; and one less: with the last one, the transfer sees the end of its answer. */
Bell *bell_again(Bell *bell);
void bell_leave(Bell *bell);

/* From any thread. Never blocks. While no transfer is connected it is remembered. */
void bell_ring(Bell *bell);

/* After a step of the loop, in which a transfer may have connected: what was remembered rings. */
void bell_answer(Bell *bell);

#endif
