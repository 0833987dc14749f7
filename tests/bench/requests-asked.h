/* SPDX-License-Identifier: MIT */
/*
 * requests-asked.h - a token daemon that is asked over a Unix socket before each request.
 *
 * Two: oidc-agent by its own library; and the least that any such daemon could take, a connection
 * that is kept and a datagram each way, with nothing behind it.
 */
#ifndef THRED_TESTS_BENCH_REQUESTS_ASKED_H
#define THRED_TESTS_BENCH_REQUESTS_ASKED_H

#include <stdbool.h>
#include <stddef.h>

/* Both write "Authorization: Bearer ..."; false: there is no token. */
bool asked_daemon(char *header, size_t size);
/* Of the account that oidc-agent.h sets up. */
bool asked_oidc_agent(char *header, size_t size);

/* The least daemon: serves BENCH_HEADER at BENCH_SOCKET until it is ended. */
int asked_serve(void);

#endif
