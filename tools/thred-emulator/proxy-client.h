/* SPDX-License-Identifier: MIT */
/* proxy-client - the proxy and one client: what it asks for, and the tunnel or the refusal. */
#ifndef EMULATOR_PROXY_CLIENT_H
#define EMULATOR_PROXY_CLIENT_H

#include "emulator.h"
#include "listener.h"

typedef struct ProxyWays {
  Emulator *emulator;
  const Listener *https; /* where port 443 and its own lead to, whatever the host */
  const Listener *http;  /* where port 80 and its own lead to; NULL: refused */
} ProxyWays;

/* Until the client is done with; `fd` is non-blocking and stays open. Any thread. */
void proxy_client_serve(const ProxyWays *ways, int fd);

#endif
