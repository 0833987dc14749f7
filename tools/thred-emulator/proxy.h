/* SPDX-License-Identifier: MIT */
/*
 * proxy - an HTTP proxy that knows CONNECT alone and leads to the emulator, whatever the host: so a
 * program that honours https_proxy takes it for Thred. A thread for each client.
 */
#ifndef EMULATOR_PROXY_H
#define EMULATOR_PROXY_H

#include "proxy-client.h"

typedef struct Proxy Proxy;

/*
 * Serves on `listener`, whose socket it takes. The emulator and the listeners that `ways` names
 * must outlive the proxy. NULL on failure.
 */
Proxy *proxy_start(const ProxyWays *ways, Listener *listener);

/* Closes every tunnel and waits for its thread; call emulator_stop() first. NULL is fine. */
void proxy_stop(Proxy *proxy);

#endif
