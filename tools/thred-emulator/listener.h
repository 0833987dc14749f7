/* SPDX-License-Identifier: MIT */
/* listener - listening sockets, opened here so that their ports are known before anything serves.
 */
#ifndef EMULATOR_LISTENER_H
#define EMULATOR_LISTENER_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

typedef struct Listener {
  int fd;        /* listening; the server that takes it closes it */
  unsigned port; /* in host order */
  bool foreign;  /* of another network namespace: `where` is not known */
  /* How a client on this machine reaches it. */
  struct sockaddr_storage where;
  socklen_t where_size;
  char *address; /* `where` without the port: numeric, an IPv6 one in brackets */
} Listener;

/* "HOST:PORT", "[IPV6]:PORT"; PORT 0 to 65535. The caller frees *host. */
bool listener_parse(const char *text, char **host, unsigned *port);

/* Opens HOST:PORT (0: any free one). On failure `error` names the address and the reason. */
bool listener_open(Listener *listener, const char *host, unsigned port, GError **error);

/* The next free port after `port` on the same host; any free one after port 0. */
bool listener_open_next(Listener *listener, const char *host, unsigned port, GError **error);

/* A new socket, non-blocking and perhaps still connecting; -1 and errno on failure. */
int listener_connect(const Listener *listener);

/* Frees the address, and closes the socket unless someone took it (fd -1). */
void listener_clear(Listener *listener);

#endif
