/* SPDX-License-Identifier: MIT */
/* connect-proxy.h - an HTTP proxy in threads of the test: CONNECT, and requests for http:// URLs.
 */
#ifndef TESTS_INTEGRATION_CONNECT_PROXY_H
#define TESTS_INTEGRATION_CONNECT_PROXY_H

#include <pthread.h>
#include <stdatomic.h>

typedef struct ConnectProxy {
  unsigned port;   /* where it listens */
  unsigned target; /* of 127.0.0.1: where every tunnel leads, whatever CONNECT names .. */
  unsigned plain;  /* .. but what is for port 80 leads here; 0: to the target as well */
  unsigned tunnels;
  char heads[16384]; /* of all requests, one after the other; of one connection, the first */
  int listener;
  int stop[2]; /* a pipe: closing its end stops the thread */
  pthread_t thread;
  pthread_mutex_t lock; /* over tunnels and heads */
  atomic_uint serving;  /* connections that have a thread */
} ConnectProxy;

void connect_proxy_start(ConnectProxy *proxy, unsigned target);
/* Stops it; `heads` and `tunnels` may be read from then on. */
void connect_proxy_stop(ConnectProxy *proxy);

#endif
