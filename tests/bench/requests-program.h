/* SPDX-License-Identifier: MIT */
/*
 * requests-program.h - the programs that make the requests: the benchmark itself, started with
 *
 *     serve URL WAY       answers "go" with a Batch, "arrives" with WAY_HEADER_SIZE bytes of text
 *     serve URL WAY,WAY   answers "go" with a Pairs
 *     perform URL WAY N   makes N requests and ends
 *     daemon              asked_serve()
 */
#ifndef THRED_TESTS_BENCH_REQUESTS_PROGRAM_H
#define THRED_TESTS_BENCH_REQUESTS_PROGRAM_H

#include <stdbool.h>

#include "tests/bench/requests-way.h"

#define BATCH 40u
#define PAIRS 200u

typedef struct {
  bool good;
  double cpu_us; /* of the program, for one request */
  double wall_us[BATCH];
} Batch;

/* Requests of two ways by turns, over connections of their own: the second's CPU time less the
 * first's, the median of so many pairs. */
typedef struct {
  bool good;
  double more_us;
} Pairs;

/* Where `perform` makes its N requests. They are counted in here, behind the handshake, which has
 * other numbers each time. */
__attribute__((noinline)) bool requests_steady(Way *way, unsigned long count);

/* True: this is one of them, and *status its exit status. */
bool requests_program(int argc, char **argv, int *status);

#endif
