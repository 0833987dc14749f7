/* SPDX-License-Identifier: MIT */
/* cache-config.c - configuration blocks in the segment, for processes with the same origin. */
#include <stdlib.h>
#include <string.h>

#include "lib/cache-internal.h"
#include "lib/cache-words.h"
#include "lib/clock.h"
#include "lib/digest.h"

static bool config_digest(const Cache *cache, const uint8_t origin[32], const void *block,
                          size_t size, uint8_t out[DIGEST_SIZE])
{
  Digest *digest = digest_new();
  digest_add(digest, cache->salt, sizeof cache->salt);
  digest_add(digest, origin, 32);
  digest_add_u64(digest, size);
  digest_add(digest, block, size);
  return digest_finish(digest, out);
}

/* A part of `config` that a writer may be changing. */
static void copy_out(uint8_t to[32], const uint8_t from[32])
{
  words_copy_out(to, (const CacheWord *)(const void *)from, 32);
}

static bool is_for(const CacheConfig *config, const uint8_t origin[32])
{
  uint8_t there[32];
  copy_out(there, config->origin);
  return memcmp(there, origin, sizeof there) == 0;
}

/* No lock: a block that somebody is just replacing fails its digest. Its size is read once. */
void *cache_load_config(Cache *cache, const uint8_t origin[32], size_t *size)
{
  uint8_t digest[DIGEST_SIZE], expected[DIGEST_SIZE];
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++) {
    CacheConfig *config = cache_config(cache, i);
    *size = atomic_load_explicit(&config->size, memory_order_relaxed);
    if (!is_for(config, origin) || *size == 0 || *size > CACHE_CONFIG_SIZE)
      continue;
    void *block = malloc(*size);
    if (!block)
      return NULL;
    words_copy_out(block, config->data, *size);
    copy_out(expected, config->digest);
    if (config_digest(cache, origin, block, *size, digest) &&
        memcmp(digest, expected, sizeof digest) == 0 && snapshot_check(block, *size))
      return block;
    free(block);
  }
  return NULL;
}

/* The place of `origin`, else of the block that is there for longest. Under the lock. */
static CacheConfig *place_for(const Cache *cache, const uint8_t origin[32])
{
  CacheConfig *oldest = cache_config(cache, 0);
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++) {
    CacheConfig *config = cache_config(cache, i);
    if (is_for(config, origin))
      return config;
    if (word_get(&config->stored) < word_get(&oldest->stored))
      oldest = config;
  }
  return oldest;
}

void cache_store_config(Cache *cache, const uint8_t origin[32], const void *block, size_t size)
{
  static const uint8_t none[32];
  uint8_t digest[DIGEST_SIZE];
  if (size == 0 || size > CACHE_CONFIG_SIZE || !config_digest(cache, origin, block, size, digest) ||
      !cache_lock(cache))
    return;
  CacheConfig *config = place_for(cache, origin);
  CacheWord *origin_words = (CacheWord *)(void *)config->origin;
  words_copy_in(origin_words, none, sizeof none);
  words_copy_in(config->data, block, size);
  atomic_store_explicit(&config->size, (uint32_t)size, memory_order_relaxed);
  words_copy_in((CacheWord *)(void *)config->digest, digest, sizeof digest);
  word_set(&config->stored, (uint64_t)clock_boot_ms());
  words_copy_in(origin_words, origin, 32);
  cache_unlock(cache);
}
