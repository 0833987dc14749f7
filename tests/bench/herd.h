/* SPDX-License-Identifier: MIT */
/* herd.h - processes that wait for a word and then do the same thing at once, as a storm begins. */
#ifndef THRED_TESTS_BENCH_HERD_H
#define THRED_TESTS_BENCH_HERD_H

#include <stdint.h>

#define HERD_MAX     1000u
#define HERD_MESSAGE 160u

/* What one of them has to say. */
typedef struct {
  int64_t done_ns; /* since the word */
  uint64_t hash;   /* of its token */
  int code;        /* 0: it has one */
  char message[HERD_MESSAGE];
} HerdAnswer;

/*
 * Forks that many children of this process, and when all of them wait lets them loose: each calls
 * ask(answer) once, and its time is noted. Returns when the last one is gone; the answers are
 * sorted by time, and good until the next run. One that died, or took a minute, has a code below 0.
 */
const HerdAnswer *herd_run(unsigned processes, void (*ask)(HerdAnswer *answer));

/* The CPU time of all of them in the last run, from fork to exit, in milliseconds. */
double herd_cpu_ms(void);

#endif
