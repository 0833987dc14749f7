/* SPDX-License-Identifier: MIT */
/* cache-place.h - a cache full of tokens of 1 KiB, where it disturbs nobody's. */
#ifndef THRED_TESTS_BENCH_CACHE_PLACE_H
#define THRED_TESTS_BENCH_CACHE_PLACE_H

#include "lib/cache-internal.h"

#define PLACE_TOKEN 1024u /* bytes */

typedef struct {
  Cache *cache;
  CacheKey *keys;
  uint32_t count; /* of keys */
  char *value;    /* for CacheToken: TOKEN_MAX + 1 bytes */
} Place;

/*
 * From now on this process and its children have a /dev/shm of `megabytes` of their own. False, and
 * a line that says so: it is not permitted here, and the caches lie in shared memory without a
 * name, which is the same layout under the same lock.
 */
bool place_isolate(unsigned megabytes);

/* A new segment with room for `entries`, and a token under each of `count` keys. */
Place place_new(uint32_t entries, uint32_t count);
/* After every process that used it. */
void place_free(Place *place);

/* Another generation for the key with this number. False: the cache did not take it. */
bool place_publish(const Place *place, uint32_t number);

/* Memory that this process shares with its children; zeroed, never unmapped. */
void *place_shared(size_t size);

#endif
