/* SPDX-License-Identifier: MIT */
/* cache-whole.c - what goes through the whole segment: flush and repair. */
#include <sched.h>
#include <string.h>

#include "lib/cache-internal.h"
#include "lib/cache-words.h"

#define FLUSH_STEP 64u /* entries between two breaths: under a millisecond of the lock */

int cache_flush(Cache *cache)
{
  int tokens = 0;
  if (!cache_lock(cache))
    return -1;
  for (uint32_t i = 0; i < cache_entries(cache); i++) {
    CacheEntry *entry = cache_entry(cache, i);
    if (i % FLUSH_STEP == FLUSH_STEP - 1) {
      /* The others must not take us for dead. */
      cache_unlock(cache);
      sched_yield();
      if (!cache_lock(cache))
        return -1;
    }
    if (!word_get(cache_fingerprint(cache, i)))
      continue;
    tokens += cache_is_newer(entry, 0);
    cache_clear_versions(cache, i);
    cache_forget_failures(entry);
    entry->refetches = 0;
    cache_touch(entry);
  }
  static const uint8_t none[32];
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++)
    words_copy_in((CacheWord *)(void *)cache_config(cache, i)->origin, none, sizeof none);
  cache_unlock(cache);
  return tokens;
}

/* The dead owner may have stopped between any two stores. Tokens need no repair: a version counts
 * only when its tag fits. What can be half done is an entry changing its key, which becomes empty,
 * and chunks on their way from one owner to another, which are worked out anew. */
void cache_repair(Cache *cache)
{
  for (uint32_t i = 0; i < cache_entries(cache); i++) {
    CacheWord *fingerprint = cache_fingerprint(cache, i);
    CacheKey key;
    if (!word_get(fingerprint))
      continue; /* and do not touch its page */
    memcpy(key.bytes, cache_entry(cache, i)->key, sizeof key.bytes);
    if (word_get(fingerprint) != cache_fingerprint_of(&key)) {
      cache_move_on(cache_entry(cache, i));
      word_set(fingerprint, 0);
    }
  }
  cache_rebuild_chunks(cache);
}
