/* SPDX-License-Identifier: MIT */
/* preload-client.h - a client that knows nothing of thred-auth, in a test program that is under the
 * shim. */
#ifndef TESTS_INTEGRATION_PRELOAD_CLIENT_H
#define TESTS_INTEGRATION_PRELOAD_CLIENT_H

#include "client.h"
#include "under-shim.h"

#define SENT_AS(method, path, authorization, status)                                               \
  method " https " HOST " " path " " authorization " " status "\n"
#define SENT(path, authorization, status) SENT_AS("GET", path, authorization, status)

/* Revokes, and counts from here. */
void preload_revoke_business_tokens(void);

/* For a business's path; its first transfer has been done. */
void preload_open_warm(Client *client, Mode mode);
/* The same, and the token that is in the cache is no longer taken. */
void preload_open_stale(Client *client, Mode mode);

/* The body is one JSON document that tells of no error: nothing of a 401's stands before it. */
void preload_expect_good_body(const Client *client);

/* Runs the tests under the shim, with the fixtures that each of these programs has. */
#define PRELOAD_MAIN_RUN(tests)                                                                    \
  (harness_require_installation(), shim_enter(),                                                   \
   cmocka_run_group_tests(tests, harness_start, preload_stop))
int preload_stop(void **state);

#endif
