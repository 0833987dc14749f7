/* SPDX-License-Identifier: MIT */
#include "await.h"

#include <poll.h>

gint64 await_deadline(unsigned seconds)
{
  return g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
}

bool await_descriptor(int fd, short events, gint64 deadline, int stop_event)
{
  struct pollfd fds[] = {{stop_event, POLLIN, 0}, {fd, events, 0}};
  gint64 left = deadline - g_get_monotonic_time();
  if (left <= 0)
    return false;
  /* Rounded up: nothing is given up before its time. */
  int timeout = (int)MIN(left / 1000 + 1, G_MAXINT);
  return poll(fds, 2, timeout) > 0 && !fds[0].revents && fds[1].revents;
}
