/* SPDX-License-Identifier: MIT */
/*
 * api.h - the server of all comparisons: nginx with TLS on loopback, in the place of Thred's API.
 *
 * It answers a request with a bearer with 200, and one without with 401; any path. Tokens come from
 * the harness's emulator, as ever. Other hosts' names get 200, whatever they send. A path that ends
 * with API_SHOWS is answered with the Authorization that came with it.
 *
 * Not for threads. What cannot be had ends the program.
 */
#ifndef THRED_TESTS_BENCH_API_H
#define THRED_TESTS_BENCH_API_H

#include <stddef.h>
#include <sys/types.h>

#define API_SHOWS "authorization/"

typedef struct {
  pid_t pid;
  unsigned port;
  char dir[64]; /* also for the files of what stands beside it: removed at the end */
  char ca[96];  /* the certificate that its own is signed with, PEM */
} Api;

/* After harness_start(): also tells the emulator's configuration about the CA, and programs of
 * server.h to connect to it. */
void api_start(Api *api);
void api_stop(Api *api);

/* A port that nobody listens at; somebody else may take it before its user does. */
unsigned api_free_port(void);

/* DIR/NAME with that text, printf's way; its path is put into `path`. */
void api_write(const Api *api, const char *name, char *path, size_t size, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Starts argv beside it, its words into DIR/NAME.log, and waits until it listens at `port` (0: does
 * not wait). Ended by process_stop(). */
pid_t api_beside(const Api *api, const char *name, const char *const *argv, unsigned port);

#endif
