/* SPDX-License-Identifier: MIT */
/*
 * requests-team.h - several processes that make the same requests, by turns: where the kernel has
 * put one in memory makes its requests faster or slower, as long as it lives.
 */
#ifndef THRED_TESTS_BENCH_REQUESTS_TEAM_H
#define THRED_TESTS_BENCH_REQUESTS_TEAM_H

#include "tests/bench/requests-program.h"
#include "tests/bench/server.h"

#define TEAM_COPIES 4u
#define TEAM_BESIDE 4u

typedef struct {
  Server copies[TEAM_COPIES];
  unsigned turn;
  pid_t beside[TEAM_BESIDE]; /* whose CPU time a request takes as well; 0: no more */
  size_t rounds, done;
  double *walls;          /* BATCH a round: each request */
  double *cpus, *besides; /* one a round: of one request, in the program and beside it */
} Team;

/* `beside`: the process whose CPU time is to be added, its children included; 0: none. */
void team_start(Team *team, const char *url, const char *way, bool shim, pid_t beside,
                size_t rounds);
void team_stop(Team *team);

/* The Authorization that arrives with its requests; static storage. */
const char *team_arrives(Team *team);

/* For BenchVariant: makes BATCH requests, and their median in microseconds. */
double team_sample(void *data);

/* Asks one program of those for an answer of that size. */
void team_ask(Server *server, const char *question, void *answer, size_t size);

#endif
