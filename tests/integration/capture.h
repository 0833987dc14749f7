/* SPDX-License-Identifier: MIT */
/*
 * capture.h - a server in threads of the test that keeps every byte it is sent. TLS or not is told
 * by the first byte of a connection, so one port serves every scheme.
 */
#ifndef TESTS_INTEGRATION_CAPTURE_H
#define TESTS_INTEGRATION_CAPTURE_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

typedef struct Capture {
  unsigned port;
  int listener;
  int stop[2]; /* a pipe: closing its end stops all threads */
  pthread_t thread;
  atomic_uint serving; /* connections that have a thread */
  SSL_CTX *tls;
  pthread_mutex_t lock; /* over what follows */
  const char *const *answers;
  unsigned connections;
  size_t length;
  char text[65536];
} Capture;

/* `pem` has the certificate and its key. */
void capture_start(Capture *capture, const char *pem);
void capture_stop(Capture *capture);

/* Forgets what came. `answers`: what the next requests get, whole, to its NULL; then, or if it is
 * NULL, 200. */
void capture_reset(Capture *capture, const char *const *answers);

/*
 * The requests since then, in the order in which they were whole: each behind a line "[N NAME]",
 * its connection's number and the server name that TLS was asked for ("-": no TLS). To be read when
 * the clients are done.
 */
const char *capture_text(const Capture *capture);

/* How often `text` stands in that, in whatever case. */
unsigned capture_count(const Capture *capture, const char *text);

#endif
