/* SPDX-License-Identifier: MIT */
/* h2.h - nghttpx in front of the program's emulator, which speaks HTTP/1.1 only. */
#ifndef TESTS_INTEGRATION_H2_H
#define TESTS_INTEGRATION_H2_H

#include <stdbool.h>

/* Starts it at the first call; skips the running test where nghttpx is not installed. */
unsigned h2_port(void);

/* A group's teardown may call this even if it was never started. */
void h2_stop(void);

/* TLS in front of a proxy, with the emulator's certificate, which is not the proxy's: its port. */
unsigned tls_proxy_start(unsigned proxy_port);
void tls_proxy_stop(void);

#endif
