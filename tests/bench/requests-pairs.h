/* SPDX-License-Identifier: MIT */
/* requests-pairs.h - two ways by turns in one process, where half a microsecond can be seen. */
#ifndef THRED_TESTS_BENCH_REQUESTS_PAIRS_H
#define THRED_TESTS_BENCH_REQUESTS_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

/* While requests-servers.h's are there; prints its table. */
void measure_pairs(bool no_oidc_agent, size_t rounds);

#endif
