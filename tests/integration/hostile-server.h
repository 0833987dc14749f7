/* SPDX-License-Identifier: MIT */
/*
 * hostile-server.h - a server in threads of the test that does what no server should, byte for
 * byte.
 *
 * It begins as a good one: it hands out tokens, a new one each time, and lets in whoever brings
 * one. From the moment when a connection in plain text says "P1", every other connection gets what
 * `Hostile` says; "P0" makes it good again.
 */
#ifndef TESTS_INTEGRATION_HOSTILE_SERVER_H
#define TESTS_INTEGRATION_HOSTILE_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum HostileWay {
  HOSTILE_ANSWER,      /* the request is read, `answer` sent, and TLS ended as it should */
  HOSTILE_TRUNCATE,    /* the same, but TCP's end comes without TLS's */
  HOSTILE_RESET,       /* the same, but with a reset */
  HOSTILE_KEEP_OPEN,   /* the same, and then nothing, until the client goes */
  HOSTILE_DRIP,        /* the same, then `more`, one byte every `pace_ms`, for ever */
  HOSTILE_FLOOD,       /* the same, then `more` for `total` bytes, as fast as they are taken */
  HOSTILE_EARLY,       /* `answer` is sent before the request is read, and it never is */
  HOSTILE_DEAF,        /* TLS begins, and it is reset before anything was read */
  HOSTILE_TCP_RESET,   /* as soon as the connection is there */
  HOSTILE_HELLO_RESET, /* when the ClientHello is */
  HOSTILE_HELLO_END,   /* the same with an orderly end */
  HOSTILE_TCP_SILENT,
  HOSTILE_HELLO_DRIP, /* TLS's answer, one byte every `pace_ms` */
  HOSTILE_NO_TLS,     /* `answer` and `more` in plain text, whatever comes */
} HostileWay;

typedef struct Hostile {
  HostileWay way;
  const char *answer;
  size_t length; /* of `answer`; 0: to its NUL */
  const char *more;
  size_t more_length;
  uint64_t total;
  int pace_ms;
  int max_version; /* of TLS; 0: all */
  bool h2;         /* that is what is agreed upon with ALPN; the bytes are `answer`'s affair */
} Hostile;

typedef struct HostileServer {
  unsigned port;
  int listener;
  int stop[2]; /* a pipe: closing its end stops all threads */
  pthread_t thread;
  Hostile how;
  SSL_CTX *good, *hostile;
  atomic_uint serving; /* connections that have a thread */
  atomic_bool is_hostile;
  atomic_uint connections; /* hostile ones */
  atomic_uint tokens;      /* that were handed out */
  pthread_mutex_t lock;    /* over what follows */
  size_t length;
  char heads[16384]; /* of the requests that were read */
} HostileServer;

/* `good` and `hostile` (NULL: the same) are files with a certificate and its key. */
void hostile_start(HostileServer *server, const Hostile *how, const char *good,
                   const char *hostile);
void hostile_stop(HostileServer *server);

/* How often `text` stands in the heads of the requests, in whatever case. */
unsigned hostile_count(HostileServer *server, const char *text);

#endif
