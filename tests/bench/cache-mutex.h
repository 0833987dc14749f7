/* SPDX-License-Identifier: MIT */
/*
 * cache-mutex.h - the competitor: the same table behind one lock.
 *
 * What a cache looks like that leaves everything to one process-shared mutex: lock, find, copy,
 * unlock, compare the expiry. It needs no tag and no private copies, and has none. Its clocks are
 * the coarse ones and are read outside the lock, as is best for it.
 */
#ifndef THRED_TESTS_BENCH_CACHE_MUTEX_H
#define THRED_TESTS_BENCH_CACHE_MUTEX_H

#include "lib/cache-internal.h"

typedef struct {
  pthread_mutex_t lock; /* robust, as it would have to be */
  int64_t boot_ahead;   /* ms, of CLOCK_BOOTTIME before CLOCK_MONOTONIC_COARSE */
} CacheMutex;

/* In zeroed memory that the processes share. */
void mutex_init(CacheMutex *mutex);

/* As cache_read(). */
CacheRead mutex_read(CacheMutex *mutex, Cache *cache, const CacheKey *key, CacheToken *token);

#endif
