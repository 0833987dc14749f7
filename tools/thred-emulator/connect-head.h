/* SPDX-License-Identifier: MIT */
/* connect-head - what a client asks of the proxy. Pure: no state, no I/O. */
#ifndef EMULATOR_CONNECT_HEAD_H
#define EMULATOR_CONNECT_HEAD_H

#include <stdbool.h>
#include <stddef.h>

typedef enum ConnectKind {
  CONNECT_MALFORMED = 0,
  CONNECT_OTHER_METHOD,
  CONNECT_TUNNEL /* CONNECT to any host, RFC 9110, 9.3.6 */
} ConnectKind;

typedef struct ConnectHead {
  ConnectKind kind;
  unsigned port; /* of CONNECT_TUNNEL */
  /*
   * It begins like a CONNECT, well-formed or not, and tells the proxy what is none of its business:
   * a line Authorization or Proxy-Authorization, or the word Bearer.
   */
  bool authorization;
} ConnectHead;

/* Where the body would start: behind the first empty line, or 0 if that is not there yet. */
size_t connect_head_end(const char *text);

/* `text` ends with its empty line; anything else is malformed. */
ConnectHead connect_head_read(const char *text);

#endif
