/* SPDX-License-Identifier: MIT */
/*
 * haul.h - all that a program under test was handed, as it wrote it down itself: records on its
 * stdout, each behind a line "@@CHANNEL" (probe-privilege.c), or anything else; and what others
 * wrote to its stderr.
 */
#ifndef TESTS_INTEGRATION_HAUL_H
#define TESTS_INTEGRATION_HAUL_H

#include <stddef.h>

typedef struct Haul {
  int status; /* of its exit, as process_wait() tells it */
  char *out, *err;
  size_t out_length, err_length;
} Haul;

/* Runs argv to its end, with the test's own environment. Asserts that it could be run. */
void haul_take(Haul *haul, const char *const *argv);
void haul_free(Haul *haul);

/* How often `secret` was handed out: on stdout, all of it or the records of one channel; on stderr.
 */
size_t haul_count(const Haul *haul, const char *secret);
size_t haul_count_channel(const Haul *haul, const char *channel, const char *secret);
size_t haul_count_err(const Haul *haul, const char *secret);

#endif
