/* SPDX-License-Identifier: MIT */
/* unix-relay.h - a Unix socket in a thread of the test, whose connections lead to a port; one at a
 * time. */
#ifndef TESTS_INTEGRATION_UNIX_RELAY_H
#define TESTS_INTEGRATION_UNIX_RELAY_H

#include <pthread.h>

typedef struct UnixRelay {
  char path[108];  /* of a file */
  unsigned target; /* of 127.0.0.1 */
  unsigned connections;
  int listener;
  int stop[2]; /* a pipe: closing its end stops the thread */
  pthread_t thread;
} UnixRelay;

/* `path` of a file that is not there, or, behind a '@', a name in the abstract namespace. */
void unix_relay_start(UnixRelay *relay, const char *path, unsigned target);
void unix_relay_stop(UnixRelay *relay);

#endif
