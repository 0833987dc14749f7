/* SPDX-License-Identifier: MIT */
/*
 * crowd.h - processes, or the threads of one, that make requests as fast as they are answered, in
 * slices of time.
 *
 * They live for the whole benchmark, each thread with a handle whose connection is kept, and sleep
 * between slices: so several crowds can be measured in turns. They are programs of their own (the
 * benchmark, executed again), as the shim comes with an execution. Each crowd has credentials of
 * its own, hence tokens of its own: none profits by what another has put into the cache.
 */
#ifndef THRED_TESTS_BENCH_CROWD_H
#define THRED_TESTS_BENCH_CROWD_H

#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/latency.h"

#define CROWD_MAX 64u /* threads of all its processes */

/* Where the bearer comes from. */
typedef enum {
  CROWD_HARD_CODED, /* from the benchmark: it costs nothing */
  CROWD_ATTACHED,   /* thred_curl_attach() */
  CROWD_SHIM,
  CROWD_OWN, /* own-cache.h */
  CROWD_KINDS
} CrowdKind;

extern const char *const crowd_names[CROWD_KINDS];

typedef struct CrowdShared CrowdShared;

typedef struct {
  unsigned processes, threads; /* threads of each */
  pid_t pids[CROWD_MAX];
  CrowdShared *shared;
} Crowd;

typedef struct {
  double per_second; /* until the last request that was begun in it has ended */
  double cpu_us;     /* CPU time of a request, in the program */
  uint64_t failures; /* requests without a 200, after whatever the program does about a 401 */
  Latencies latencies;
} CrowdSlice;

/* After server_prepare() or api_start(), and own_cache_prepare(). `header`: of the hard-coded kind.
 */
void crowd_start(Crowd *crowd, CrowdKind kind, unsigned processes, unsigned threads,
                 const char *header);
/* One request of each thread, all at once: they connect, and get their tokens. */
void crowd_begin(Crowd *crowd, CrowdSlice *slice);
void crowd_run(Crowd *crowd, unsigned milliseconds, CrowdSlice *slice);
void crowd_stop(Crowd *crowd);

/* First thing in main(): does not return in a process of a crowd. */
void crowd_enter(int argc, char **argv);

#endif
