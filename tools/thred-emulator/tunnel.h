/* SPDX-License-Identifier: MIT */
/* tunnel - two sockets joined: what comes out of one goes into the other. */
#ifndef EMULATOR_TUNNEL_H
#define EMULATOR_TUNNEL_H

#include <stddef.h>

typedef struct Tunnel {
  int client, server; /* non-blocking; the caller closes them */
  int stop_event;     /* readable: it is over */
  /* What goes ahead of everything else, at most TUNNEL_BUFFER bytes each. */
  const char *to_client;
  size_t to_client_length;
  const char *to_server;
  size_t to_server_length;
} Tunnel;

#define TUNNEL_BUFFER ((size_t)64 * 1024)

/*
 * Until both ends have said all (the end of one is passed on, and the other may go on), one of them
 * breaks, nothing moves for 70 minutes, or stop_event is readable.
 */
void tunnel_run(const Tunnel *tunnel);

#endif
