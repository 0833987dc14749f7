/* SPDX-License-Identifier: MIT */
/* cold.h - programs that start after it find no token, or no segment at all. */
#ifndef THRED_TESTS_BENCH_COLD_H
#define THRED_TESTS_BENCH_COLD_H

#include <stdbool.h>

/* Before harness_start(), and whether that gave the benchmark a /dev/shm of its own: in the user's
 * no segment is removed. */
void cold_begin(void);
bool cold_is_private(void);

/* The configuration stays known. */
void cold_token(void);
void cold_machine(void);

#endif
