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

void *cache_load_config(Cache *cache, const uint8_t origin[32], size_t *size)
{
  uint8_t digest[DIGEST_SIZE];
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++) {
    CacheConfig *config = cache_config(cache, i);
    *size = config->size;
    if (memcmp(config->origin, origin, 32) != 0 || *size == 0 || *size > CACHE_CONFIG_SIZE)
      continue;
    void *block = malloc(*size);
    if (!block)
      return NULL;
    words_copy_out(block, config->data, *size);
    if (config_digest(cache, origin, block, *size, digest) &&
        memcmp(digest, config->digest, sizeof digest) == 0 && snapshot_check(block, *size))
      return block;
    free(block);
  }
  return NULL;
}

void cache_store_config(Cache *cache, const uint8_t origin[32], const void *block, size_t size)
{
  uint8_t digest[DIGEST_SIZE];
  if (size == 0 || size > CACHE_CONFIG_SIZE || !config_digest(cache, origin, block, size, digest) ||
      !cache_lock(cache))
    return;
  CacheConfig *oldest = cache_config(cache, 0);
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++) {
    CacheConfig *config = cache_config(cache, i);
    if (memcmp(config->origin, origin, 32) == 0) {
      oldest = config;
      break;
    }
    if (word_get(&config->stored) < word_get(&oldest->stored))
      oldest = config;
  }
  memset(oldest->origin, 0, sizeof oldest->origin);
  words_copy_in(oldest->data, block, size);
  oldest->size = (uint32_t)size;
  memcpy(oldest->digest, digest, sizeof digest);
  word_set(&oldest->stored, (uint64_t)clock_boot_ms());
  memcpy(oldest->origin, origin, sizeof oldest->origin);
  cache_unlock(cache);
}
