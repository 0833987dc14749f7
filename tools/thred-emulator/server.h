/* SPDX-License-Identifier: MIT */
/* server - HTTP and HTTPS in front of an emulator: a thread for each connection. */
#ifndef EMULATOR_SERVER_H
#define EMULATOR_SERVER_H

#include "ca.h"
#include "emulator.h"
#include "listener.h"

typedef struct Server Server;

/*
 * Serves on the listener, whose socket it takes. `certificates` NULL: plain HTTP. The emulator must
 * outlive the server. NULL on failure.
 */
Server *server_start(Emulator *emulator, Listener *listener, const Certificates *certificates);

/* Closes every connection and waits for its thread; call emulator_stop() first. NULL is fine. */
void server_stop(Server *server);

#endif
