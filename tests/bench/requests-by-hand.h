/* SPDX-License-Identifier: MIT */
/*
 * requests-by-hand.h - the token cache that a careful team would write into its program: a mutex, a
 * look at the expiry, the two token requests of Thred's API. One business; for threads.
 */
#ifndef THRED_TESTS_BENCH_REQUESTS_BY_HAND_H
#define THRED_TESTS_BENCH_REQUESTS_BY_HAND_H

#include <stdbool.h>
#include <stddef.h>

/* "Authorization: Bearer ..."; false: there is no token. */
bool by_hand_header(char *header, size_t size);
/* That one was answered 401: the next one is another. */
void by_hand_refused(const char *header);

#endif
