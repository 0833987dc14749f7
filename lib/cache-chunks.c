/* SPDX-License-Identifier: MIT */
/*
 * cache-chunks.c - who has which chunk. All but cache_next_chunk() is under the lock.
 *
 * The free ones form a list through their links; a token's form a chain. `owner` says whose a chunk
 * is and decides when the two disagree, which only a death inside the lock or a broken peer brings
 * about: a chunk never goes to two entries. What was lost that way comes back by a rebuild.
 */
#include "lib/cache-internal.h"
#include "lib/cache-words.h"

#define EVICT_STEP 256u /* entries looked at while the lock is held */

static uint32_t half_get(const CacheHalf *half)
{
  return atomic_load_explicit(half, memory_order_relaxed);
}

static void half_set(CacheHalf *half, uint32_t value)
{
  atomic_store_explicit(half, value, memory_order_relaxed);
}

uint32_t cache_chunks_of(size_t length)
{
  return length > TOKEN_MAX ? 0 : (uint32_t)((length + CACHE_CHUNK - 1) / CACHE_CHUNK);
}

uint32_t cache_next_chunk(const Cache *cache, uint32_t chunk)
{
  uint32_t next = half_get(&cache_link(cache, chunk - 1)->next);
  return next <= cache->chunks ? next : 0;
}

/* ---- the free ones ---- */

static void put_free(Cache *cache, uint32_t chunk)
{
  CacheHeader *header = cache->header;
  CacheLink *link = cache_link(cache, chunk - 1);
  half_set(&link->next, half_get(&header->free_chunk));
  half_set(&link->owner, 0);
  half_set(&header->free_chunk, chunk);
  half_set(&header->free_chunks, half_get(&header->free_chunks) + 1);
}

/* Index + 1, or 0. */
static uint32_t take_free(Cache *cache, uint32_t entry)
{
  CacheHeader *header = cache->header;
  uint32_t chunk = half_get(&header->free_chunk);
  if (chunk == 0 || chunk > cache->chunks || half_get(&cache_link(cache, chunk - 1)->owner))
    return 0;
  half_set(&header->free_chunk, cache_next_chunk(cache, chunk));
  half_set(&header->free_chunks, half_get(&header->free_chunks) - 1);
  half_set(&cache_link(cache, chunk - 1)->owner, entry + 1);
  half_set(&cache_link(cache, chunk - 1)->next, 0);
  return chunk;
}

static void wipe(Cache *cache, uint32_t chunk)
{
  CacheWord *data = cache_chunk(cache, chunk - 1)->data;
  for (size_t i = 0; i < CACHE_CHUNK / 8; i++)
    word_set(&data[i], 0);
}

static uint32_t take_chain(Cache *cache, uint32_t count, uint32_t entry)
{
  uint32_t first = 0;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t chunk = take_free(cache, entry);
    if (!chunk) {
      cache_give_chunks(cache, first, i, entry);
      return 0;
    }
    half_set(&cache_link(cache, chunk - 1)->next, first);
    first = chunk;
  }
  return first;
}

uint32_t cache_take_chunks(Cache *cache, uint32_t count, uint32_t entry)
{
  uint32_t first = take_chain(cache, count, entry);
  if (first || half_get(&cache->header->free_chunks) < count)
    return first;
  /* There should be enough: a broken peer has cut the list. */
  cache_rebuild_chunks(cache);
  return take_chain(cache, count, entry);
}

void cache_give_chunks(Cache *cache, uint32_t first, uint32_t count, uint32_t entry)
{
  /* The generation has left these chunks: whoever reads a byte that is wiped sees that too. */
  atomic_thread_fence(memory_order_release);
  for (uint32_t i = 0; i < count && first >= 1 && first <= cache->chunks; i++) {
    uint32_t next = cache_next_chunk(cache, first);
    if (half_get(&cache_link(cache, first - 1)->owner) != entry + 1)
      return;
    wipe(cache, first);
    put_free(cache, first);
    first = next;
  }
}

/* ---- more tokens than there is room for ---- */

bool cache_evict_chunks(Cache *cache, uint32_t except, int64_t now)
{
  uint32_t entries = cache_entries(cache);
  uint32_t hand = half_get(&cache->header->chunk_hand),
           before = half_get(&cache->header->free_chunks);
  for (uint32_t i = 0; i < EVICT_STEP; i++) {
    uint32_t index = hand++ % entries;
    CacheEntry *entry = cache_entry(cache, index);
    if (index == except || !word_get(cache_fingerprint(cache, index)) ||
        cache_lease_held(word_get(&entry->lease), now) ||
        !entry->version[word_get(&entry->generation) & 1].chunk)
      continue;
    if (atomic_exchange_explicit(&entry->referenced, 0, memory_order_relaxed))
      continue;
    cache_clear_versions(cache, index);
    cache_count(cache, CACHE_COUNT_EVICTED);
    if (half_get(&cache->header->free_chunks) != before)
      break;
  }
  half_set(&cache->header->chunk_hand, hand % entries);
  return half_get(&cache->header->free_chunks) != before;
}

/* ---- after a death ---- */

/* While owners are worked out: it was somebody's, and nobody has claimed it yet. */
#define UNCLAIMED UINT32_MAX

static bool is_claimed(const Cache *cache, uint32_t chunk)
{
  uint32_t owner = half_get(&cache_link(cache, chunk - 1)->owner);
  return owner != 0 && owner != UNCLAIMED;
}

/* Claims the chain of an entry's token. False: it is no whole chain of its own. */
static bool claim_chain(Cache *cache, const CacheVersion *version, uint32_t entry)
{
  uint32_t claimed[TOKEN_MAX / CACHE_CHUNK], count = cache_chunks_of(version->length), i = 0;
  for (uint32_t chunk = version->chunk; i < count; chunk = cache_next_chunk(cache, chunk)) {
    if (chunk == 0 || chunk > cache->chunks || is_claimed(cache, chunk))
      break;
    half_set(&cache_link(cache, chunk - 1)->owner, entry + 1);
    claimed[i++] = chunk;
  }
  if (i == count)
    return count > 0;
  /* By what was claimed: a broken peer may have changed the chain meanwhile. */
  while (i > 0)
    half_set(&cache_link(cache, claimed[--i] - 1)->owner, UNCLAIMED);
  return false;
}

/* Only the version that the generation selects has chunks. */
static void claim_chunks_of(Cache *cache, uint32_t index)
{
  static const CacheVersion none;
  CacheEntry *entry = cache_entry(cache, index);
  uint64_t generation = word_get(&entry->generation);
  CacheVersion current = cache_load_version(&entry->version[generation & 1]);
  cache_store_version(&entry->version[~generation & 1], &none);
  if (generation && current.generation == generation && claim_chain(cache, &current, index))
    return;
  cache_store_version(&entry->version[generation & 1], &none);
  cache_move_on(entry);
}

void cache_rebuild_chunks(Cache *cache)
{
  for (uint32_t i = 0; i < cache->chunks; i++)
    if (half_get(&cache_link(cache, i)->owner))
      half_set(&cache_link(cache, i)->owner, UNCLAIMED);
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    if (word_get(cache_fingerprint(cache, i))) /* and do not touch the others' pages */
      claim_chunks_of(cache, i);
  half_set(&cache->header->free_chunk, 0);
  half_set(&cache->header->free_chunks, 0);
  for (uint32_t i = cache->chunks; i > 0; i--) {
    uint32_t owner = half_get(&cache_link(cache, i - 1)->owner);
    if (owner == UNCLAIMED)
      wipe(cache, i);
    if (owner == UNCLAIMED || owner == 0)
      put_free(cache, i);
  }
}
