/* SPDX-License-Identifier: MIT */
/*
 * oidc-agent.h - Debian's oidc-agent, with an account at an OpenID provider that is a page of
 * nginx.
 *
 * A provider that always answers with the same token is enough: what is measured is an agent that
 * has it already. The agent could not ask Thred: its token requests are not OpenID Connect's.
 */
#ifndef THRED_TESTS_BENCH_OIDC_AGENT_H
#define THRED_TESTS_BENCH_OIDC_AGENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/bench/api.h"

#define OIDC_ACCOUNT     "bench"
#define OIDC_MIN_VALID_S 60

typedef struct {
  pid_t agent, provider;
  char why[512]; /* not "": it does not run, and why */
} OidcAgent;

/* Puts OIDC_SOCK into the environment. The account's token is `token`. */
void oidc_agent_start(OidcAgent *agent, const Api *api, const char *token);
void oidc_agent_stop(OidcAgent *agent);

#endif
