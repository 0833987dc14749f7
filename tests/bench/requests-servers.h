/* SPDX-License-Identifier: MIT */
/* requests-servers.h - all that the requests go to and ask, and the environment that says where. */
#ifndef THRED_TESTS_BENCH_REQUESTS_SERVERS_H
#define THRED_TESTS_BENCH_REQUESTS_SERVERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/bench/api.h"
#include "tests/bench/oidc-agent.h"
#include "tests/bench/requests-way.h"
#include "tests/bench/sidecars.h"

typedef struct {
  Api api;
  Sidecar nginx, haproxy;
  OidcAgent agent;
  pid_t daemon; /* the least one of requests-asked.h */
  char header[WAY_HEADER_SIZE];
  const char *value; /* in `header`: "Bearer ..." */
} Servers;

/* After harness_start(). */
void servers_start(Servers *servers);
void servers_stop(Servers *servers);

/* Whether the emulator takes such a header for a request of that business. */
bool servers_accept(const char *value);

#endif
