/* SPDX-License-Identifier: MIT */
/* preloads.h - the shim, and what it is compared with: other objects that people put in LD_PRELOAD.
 */
#ifndef THRED_TESTS_BENCH_PRELOADS_H
#define THRED_TESTS_BENCH_PRELOADS_H

#include <limits.h>
#include <stddef.h>

enum { PRELOAD_NOTHING, PRELOAD_SHIM, PRELOAD_OTHERS, PRELOADS = 5 };

typedef struct {
  const char *name;
  char variable[PATH_MAX + 16]; /* "LD_PRELOAD=..."; empty: without one */
} Preload;

/* Those that are installed, the first two always; how many. */
size_t preloads_find(Preload *preloads);
/* A line for each that is not. After the table's title. */
void preloads_tell_missing(void);

#endif
