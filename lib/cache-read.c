/* SPDX-License-Identifier: MIT */
/* cache-read.c - the way of a token out of the segment. */
#include <string.h>

#include "lib/cache-copies.h"
#include "lib/cache-internal.h"
#include "lib/cache-words.h"
#include "lib/clock.h"
#include "lib/secure.h"

#define READ_TRIES 4

/* Copies the bytes of a version whose length is the reader's own, checked copy. False: its chain
 * ends too early. */
static bool copy_chain(const Cache *cache, const CacheVersion *version, char *value)
{
  uint32_t chunk = version->chunk;
  for (size_t at = 0; at < version->length; at += CACHE_CHUNK) {
    size_t left = version->length - at;
    if (chunk == 0 || chunk > cache->chunks)
      return false;
    words_copy_out(value + at, cache_chunk(cache, chunk - 1)->data,
                   left < CACHE_CHUNK ? left : CACHE_CHUNK);
    chunk = cache_next_chunk(cache, chunk);
  }
  value[version->length] = 0;
  return true;
}

typedef enum { READ_WHOLE, READ_MOVED, READ_NONE } ReadResult;

/*
 * One attempt: copies the current version, still sealed, then looks whether it is the current one.
 * The acquire fence pairs with the release fence before the bytes of another version are written
 * (cache-publish.c): whoever has seen one of those bytes sees that the generation moved.
 */
static ReadResult read_once(Cache *cache, CacheEntry *entry, const CacheKey *key,
                            CacheVersion *version, CacheToken *token)
{
  token->generation = atomic_load_explicit(&entry->generation, memory_order_acquire);
  *version = cache_load_version(&entry->version[token->generation & 1]);
  ReadResult result = READ_WHOLE;
  if (version->length > TOKEN_MAX)
    version->length = 0; /* of which nobody copies anything */
  if (token->generation == 0 || version->generation != token->generation || version->length == 0 ||
      !cache_has_key(entry, key) || !copy_chain(cache, version, token->value))
    result = READ_NONE;
  atomic_thread_fence(memory_order_acquire);
  return word_get(&entry->generation) == token->generation ? result : READ_MOVED;
}

/* What is whole may be used: not refused, its seal opens, it is not over. */
static bool judge(Cache *cache, const CacheEntry *entry, const CacheKey *key,
                  const CacheVersion *version, CacheToken *token)
{
  if (word_get(&entry->refused) == token->generation ||
      !cache_unseal(cache, key, version, token->value))
    return false;
  token->boot_ms = version->boot_ms;
  token->real_ms = version->real_ms;
  token->lifetime_ms = version->lifetime_ms;
  token->length = version->length;
  token->jitter = (uint32_t)version->tag[0] << 8 | version->tag[1];
  token->remaining_ms = cache_remaining_ms(token);
  return token->remaining_ms > 0;
}

static bool read_entry(Cache *cache, CacheEntry *entry, const CacheKey *key, CacheToken *token)
{
  CacheVersion version;
  ReadResult result = READ_MOVED;
  size_t written = 0; /* by any attempt: what is not the token's must not stay behind */
  for (int i = 0; i < READ_TRIES && result == READ_MOVED; i++) {
    result = read_once(cache, entry, key, &version, token);
    if (written < version.length)
      written = version.length;
  }
  token->length = 0;
  bool good = result == READ_WHOLE && judge(cache, entry, key, &version, token);
  size_t kept = good ? token->length : 0;
  secure_wipe(token->value + kept, written - kept);
  return good;
}

CacheRead cache_read(Cache *cache, const CacheKey *key, CacheToken *token)
{
  if (copies_get(cache, key, token))
    return CACHE_HIT;
  token->generation = 0;
  uint32_t index = cache_find(cache, key);
  if (index == CACHE_NONE)
    return CACHE_MISS;
  CacheEntry *entry = cache_entry(cache, index);
  if (!read_entry(cache, entry, key, token))
    return CACHE_MISS;
  if (!atomic_load_explicit(&entry->referenced, memory_order_relaxed))
    atomic_store_explicit(&entry->referenced, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&entry->hits, 1, memory_order_relaxed);
  copies_put(cache, key, index, token);
  return CACHE_HIT;
}
