/* SPDX-License-Identifier: MIT */
#include "tests/bench/cache-mutex.h"

#include <errno.h>
#include <string.h>

#include "lib/clock.h"
#include "tests/bench/bench.h"

void mutex_init(CacheMutex *mutex)
{
  pthread_mutexattr_t attributes;
  bool good = pthread_mutexattr_init(&attributes) == 0 &&
              pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
              pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
              pthread_mutex_init(&mutex->lock, &attributes) == 0;
  bench_require(good, "no robust mutex");
  pthread_mutexattr_destroy(&attributes);
  mutex->boot_ahead = clock_boot_ms() - clock_coarse_ms();
}

static bool lock(CacheMutex *mutex)
{
  int result = pthread_mutex_lock(&mutex->lock);
  if (result == EOWNERDEAD) /* readers change nothing: it is whole */
    result = pthread_mutex_consistent(&mutex->lock);
  return result == 0;
}

/* Under the lock. Nobody else writes, so plain copies are right. */
static bool take(Cache *cache, const CacheKey *key, CacheToken *token)
{
  uint32_t index = cache_find(cache, key);
  if (index == CACHE_NONE)
    return false;
  CacheEntry *entry = cache_entry(cache, index);
  token->generation = atomic_load_explicit(&entry->generation, memory_order_relaxed);
  const CacheVersion *version = &entry->version[token->generation & 1];
  if (memcmp(entry->key, key->bytes, sizeof key->bytes) != 0 || version->length == 0 ||
      version->length > CACHE_CHUNK || version->chunk == 0 || version->chunk > cache->chunks)
    return false;
  token->boot_ms = version->boot_ms;
  token->real_ms = version->real_ms;
  token->lifetime_ms = version->lifetime_ms;
  token->length = version->length;
  memcpy(token->value, (const char *)cache_chunk(cache, version->chunk - 1), token->length);
  token->value[token->length] = 0;
  if (!atomic_load_explicit(&entry->referenced, memory_order_relaxed))
    atomic_store_explicit(&entry->referenced, 1, memory_order_relaxed);
  return true;
}

CacheRead mutex_read(CacheMutex *mutex, Cache *cache, const CacheKey *key, CacheToken *token)
{
  if (!lock(mutex))
    return CACHE_MISS;
  bool found = take(cache, key, token);
  pthread_mutex_unlock(&mutex->lock);
  if (!found)
    return CACHE_MISS;
  int64_t boot = clock_coarse_ms() + mutex->boot_ahead - token->boot_ms;
  int64_t real = clock_ms(CLOCK_REALTIME_COARSE) - token->real_ms;
  token->remaining_ms = token->lifetime_ms - (boot > real ? boot : real);
  return token->remaining_ms > 0 ? CACHE_HIT : CACHE_MISS;
}
