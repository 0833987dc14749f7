/* SPDX-License-Identifier: MIT */
/*
 * sidecars.h - reverse proxies on loopback that add the header: programs speak plain HTTP to them,
 * they keep TLS connections to the API, whose certificate they verify. The token stands in their
 * configuration, where something else would have to renew it.
 */
#ifndef THRED_TESTS_BENCH_SIDECARS_H
#define THRED_TESTS_BENCH_SIDECARS_H

#include <sys/types.h>

#include "tests/bench/api.h"

typedef struct {
  pid_t pid;    /* 0: it is not installed */
  char url[32]; /* "http://127.0.0.1:PORT" */
} Sidecar;

/* One process each, which is all that they take. `value`: of the header. */
void sidecar_nginx(Sidecar *sidecar, const Api *api, const char *value);
void sidecar_haproxy(Sidecar *sidecar, const Api *api, const char *value);
void sidecar_stop(Sidecar *sidecar);

#endif
