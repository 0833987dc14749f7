/* SPDX-License-Identifier: MIT */
/*
 * store.h - a place where the tokens of many businesses could be kept for all processes of a
 * machine.
 *
 * The same work in all: a token of 1 KiB is found under a number and ends in the caller's memory.
 * What a program can prepare (its keys as text, a connection) it has prepared.
 */
#ifndef THRED_TESTS_BENCH_STORE_H
#define THRED_TESTS_BENCH_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/api.h"

#define STORE_TOKEN 1024u /* bytes */

typedef struct Store Store;
struct Store {
  const char *name;
  /* In the benchmark, with the tokens of the businesses below `count`; what cannot be had ends the
   * program. */
  void (*fill)(Store *store, uint32_t count);
  /* In each process that looks up. */
  void (*enter)(Store *store);
  /* The length of the token; 0: it is not there. */
  size_t (*get)(Store *store, uint32_t number, char *token);
  /* In the benchmark, after all processes. */
  void (*empty)(Store *store);
  const Api *place; /* whose folder has the sockets of servers */
  bool over_tcp;    /* or over a Unix socket */
  void *data;       /* the store's own */
};

extern const Store store_ours, store_file;
#ifdef BENCH_OAUTH2
extern const Store store_oauth2, store_oauth2_silent;
#endif
#ifdef BENCH_MEMCACHED
extern const Store store_memcached, store_memcached_unix;
#endif
#ifdef BENCH_REDIS
extern const Store store_redis, store_redis_unix;
#endif

/* Waits until somebody listens at a Unix socket of this path. */
void store_await(const char *path);

/* The token under this number: STORE_TOKEN letters and a 0. */
void store_token(uint32_t number, char *token);
/* Its key where that is text; static storage, good until the next call. */
const char *store_key(uint32_t number);

#endif
