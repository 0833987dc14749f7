/* SPDX-License-Identifier: MIT */
/* isolation.h - a /dev/shm of the test's own, so that its token cache is nobody else's. */
#ifndef TESTS_INTEGRATION_ISOLATION_H
#define TESTS_INTEGRATION_ISOLATION_H

/* To be called before there are threads. Where the system does not allow it the test shares the
 * user's cache, as programs do: its keys are its own, but a full cache may drop them. */
void isolate_cache(void);

#endif
