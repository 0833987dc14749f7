/* SPDX-License-Identifier: MIT */
/* cache-private.h - what cache.c and cache-segment.c share. */
#ifndef THRED_LIB_CACHE_PRIVATE_H
#define THRED_LIB_CACHE_PRIVATE_H

#include <sys/types.h>

#include "lib/cache.h"

/* A mapped segment. Made once, never unmapped: a robust mutex must stay mapped for as long as any
 * thread may have been in it (shared-memory: an unmapped list entry corrupts what is mapped there
 * next). The shape is this process's copy, so that nobody can move the parts under us. */
struct Cache {
  CacheHeader *header;
  CacheShape shape;
  uint32_t buckets, big_count;
  bool shared;
  uid_t owner;        /* whose tokens lie here: after setuid(2) they are no longer ours */
  const Cache *older; /* the retired one that it follows; it stays mapped and reachable */
};

static inline CacheBucket *cache_bucket(const Cache *cache, uint32_t index)
{
  return (CacheBucket *)(void *)((char *)cache->header + cache->shape.buckets) + index;
}

static inline CacheEntry *cache_entry(const Cache *cache, uint32_t index)
{
  return (CacheEntry *)(void *)((char *)cache->header + cache->shape.entries) + index;
}

static inline CacheBig *cache_big(const Cache *cache, uint32_t index)
{
  return (CacheBig *)(void *)((char *)cache->header + cache->shape.big) + index;
}

static inline CacheConfig *cache_config(const Cache *cache, uint32_t index)
{
  return (CacheConfig *)(void *)((char *)cache->header + cache->shape.configs) + index;
}

/*
 * The segment's lock. Contract: held for microseconds; inside it no allocation, no call into
 * libcrypto or anything else that is not this file's, no return without cache_unlock(). False: not
 * to be had (stopped or broken owner); the caller does without the cache this time.
 */
bool cache_lock(Cache *cache);
void cache_unlock(Cache *cache);

/* cache.c: makes a segment whole whose last owner died inside the lock. Called with the lock held.
 */
void cache_repair(Cache *cache);

static inline void cache_count(Cache *cache, CacheCounter counter)
{
  atomic_fetch_add_explicit(&cache->header->counters[counter], 1, memory_order_relaxed);
}

#endif
