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
#include <stdbool.h>
#include <stddef.h>

typedef struct CaptureConnection CaptureConnection;

typedef struct Capture {
  unsigned port;
  int listener;
  int stop[2]; /* a pipe: closing its end stops all threads */
  pthread_t thread;
  atomic_uint serving; /* connections that have a thread */
  SSL_CTX *tls;
  void (*speak)(CaptureConnection *connection); /* NULL: it answers requests */
  void *data;                                   /* for `speak` */
  int patience_ms;      /* how long a client may be silent; -1, as at the start: for ever */
  pthread_mutex_t lock; /* over what follows */
  const char *const *answers;
  unsigned connections;
  size_t length;
  char text[262144];
  char *raw; /* every byte of the connections that have ended, one after the other */
  size_t raw_length;
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

/* Waits until all connections have ended: then `raw` has what came, requests or not. */
void capture_settle(Capture *capture);

/* ---- for `speak` ---- */

struct CaptureConnection {
  Capture *capture;
  int fd;
  SSL *ssl; /* NULL: plain */
  unsigned number;
  char bytes[131072]; /* received, not yet a whole request */
  size_t length;
  char *raw; /* all that was received */
  size_t raw_length;
};

/* Adds what has come to `bytes`. False: nothing more comes, or there is no room. */
bool capture_receive(CaptureConnection *connection);
bool capture_send(const CaptureConnection *connection, const void *data, size_t length);

#endif
