/* SPDX-License-Identifier: MIT */
/* connect-proxy.h - an HTTP proxy in a thread of the test: CONNECT only, one tunnel at a time. */
#ifndef TESTS_INTEGRATION_CONNECT_PROXY_H
#define TESTS_INTEGRATION_CONNECT_PROXY_H

#include <pthread.h>

typedef struct ConnectProxy {
  unsigned port;   /* where it listens */
  unsigned target; /* of 127.0.0.1: where every tunnel leads, whatever CONNECT names */
  unsigned tunnels;
  char heads[16384]; /* of all CONNECT requests, one after the other */
  int listener;
  int stop[2]; /* a pipe: closing its end stops the thread */
  pthread_t thread;
} ConnectProxy;

void connect_proxy_start(ConnectProxy *proxy, unsigned target);
/* Stops it; `heads` and `tunnels` may be read from then on. */
void connect_proxy_stop(ConnectProxy *proxy);

#endif
