/* SPDX-License-Identifier: MIT */
/* cache-publish.c - the end of a lease: a token, a failure, or nothing; and the word of a 401. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/cache-copies.h"
#include "lib/cache-internal.h"
#include "lib/cache-words.h"
#include "lib/clock.h"

#define BACKOFF_MAX_MS 60000
#define MOVED_TRIES    4  /* a flush moves the generation under a publish */
#define EVICT_ROUNDS   64 /* steps of eviction that one publish makes at most */

static bool is_mine(const CacheEntry *entry, const CacheKey *key, const CacheClaim *claim)
{
  return word_get(&entry->lease_epoch) == claim->epoch && cache_has_key(entry, key);
}

/* The epoch moves too, so that nobody ends the same lease twice. */
static void end_lease(CacheEntry *entry)
{
  word_set(&entry->lease_epoch, word_get(&entry->lease_epoch) + 1);
  word_set(&entry->lease, 0);
  cache_touch(entry);
}

static void count_one_more(uint32_t *count)
{
  if (*count < UINT32_MAX)
    ++*count;
}

/* ---- a token ---- */

static void write_chain(Cache *cache, const CacheVersion *version, const char *sealed)
{
  uint32_t chunk = version->chunk;
  for (size_t at = 0; at < version->length && chunk; at += CACHE_CHUNK) {
    size_t left = version->length - at;
    words_copy_in(cache_chunk(cache, chunk - 1)->data, sealed + at,
                  left < CACHE_CHUNK ? left : CACHE_CHUNK);
    chunk = cache_next_chunk(cache, chunk);
  }
}

/*
 * Writes the version that nobody reads, then makes it the current one, then gives the old one's
 * chunks up. The fence comes before the first byte into chunks that readers of an older generation,
 * of this entry or another, may still be copying (cache-read.c has its counterpart).
 */
static void put_version(Cache *cache, uint32_t index, const CacheVersion *version,
                        const char *sealed)
{
  static const CacheVersion none;
  CacheEntry *entry = cache_entry(cache, index);
  unsigned side = version->generation & 1;
  CacheVersion old = entry->version[!side];
  atomic_thread_fence(memory_order_release);
  write_chain(cache, version, sealed);
  cache_store_version(&entry->version[side], version);
  atomic_store_explicit(&entry->generation, version->generation, memory_order_release);
  cache_store_version(&entry->version[!side], &none);
  cache_give_chunks(cache, old.chunk, cache_chunks_of(old.length), index);
}

typedef enum { PUT_DONE, PUT_LOST, PUT_MOVED, PUT_NO_ROOM, PUT_NO_LOCK } PutResult;

/* Under the lock. */
static PutResult put(Cache *cache, const CacheKey *key, const CacheClaim *claim,
                     CacheVersion *version, const char *sealed)
{
  CacheEntry *entry = cache_entry(cache, claim->entry);
  if (!is_mine(entry, key, claim))
    return PUT_LOST;
  if (word_get(&entry->generation) + 1 != version->generation)
    return PUT_MOVED;
  version->chunk = cache_take_chunks(cache, cache_chunks_of(version->length), claim->entry);
  if (!version->chunk)
    return PUT_NO_ROOM;
  put_version(cache, claim->entry, version, sealed);
  cache_forget_failures(entry);
  count_one_more(&entry->publishes);
  end_lease(entry);
  cache_count(cache, CACHE_COUNT_PUBLISHED);
  return PUT_DONE;
}

/* Makes room in steps, the lock free between them. What is lost to the list of free chunks is
 * looked for once, in the end. */
static PutResult put_with_room(Cache *cache, const CacheKey *key, const CacheClaim *claim,
                               CacheVersion *version, const char *sealed)
{
  PutResult result = PUT_NO_ROOM;
  for (int round = 0; result == PUT_NO_ROOM && round <= EVICT_ROUNDS; round++) {
    if (!cache_lock_patiently(cache))
      return PUT_NO_LOCK;
    if (round == EVICT_ROUNDS)
      cache_rebuild_chunks(cache);
    result = put(cache, key, claim, version, sealed);
    if (result == PUT_NO_ROOM)
      cache_evict_chunks(cache, claim->entry, clock_boot_ms());
    cache_unlock(cache);
  }
  return result;
}

static PutResult publish(Cache *cache, const CacheKey *key, const CacheClaim *claim,
                         CacheToken *token)
{
  CacheVersion version = {.boot_ms = token->boot_ms,
                          .real_ms = token->real_ms,
                          .lifetime_ms = token->lifetime_ms,
                          .length = (uint32_t)token->length};
  char *sealed = token->length && token->length <= TOKEN_MAX ? malloc(token->length) : NULL;
  PutResult result = sealed ? PUT_MOVED : PUT_NO_ROOM;
  for (int i = 0; result == PUT_MOVED && i < MOVED_TRIES; i++) {
    version.generation = word_get(&cache_entry(cache, claim->entry)->generation) + 1;
    /* Outside the lock: libcrypto is foreign code. */
    if (cache_seal(cache, key, &version, token->value, sealed))
      result = put_with_room(cache, key, claim, &version, sealed);
    else
      result = PUT_NO_ROOM;
  }
  free(sealed);
  if (result == PUT_DONE)
    token->generation = version.generation;
  return result;
}

bool cache_publish(Cache *cache, const CacheKey *key, CacheClaim *claim, CacheToken *token)
{
  PutResult result = publish(cache, key, claim, token);
  if (result == PUT_NO_ROOM || result == PUT_MOVED) {
    cache_release(cache, key, claim);
    return false;
  }
  /* Without the lock, the lease is left as a dead owner's: nobody waits for its end. */
  liveness_close(&claim->liveness);
  cache_wake(cache_entry(cache, claim->entry));
  return result == PUT_DONE;
}

/* ---- no token ---- */

/* 1, 2, 4 .. 60 s, each between a half and the whole of it, so that many machines do not knock in
 * step. */
static int64_t backoff_ms(uint32_t failures, uint32_t random)
{
  int64_t whole = failures > 6 ? BACKOFF_MAX_MS : (int64_t)1000 << (failures ? failures - 1 : 0);
  if (whole > BACKOFF_MAX_MS)
    whole = BACKOFF_MAX_MS;
  return whole / 2 + random % (whole / 2);
}

typedef struct {
  int failure, status;
  int64_t retry_ms;
  bool postpone;
  uint32_t random;
} Ending;

/* Under the lock. */
static void note_ending(Cache *cache, CacheEntry *entry, const Ending *ending)
{
  uint64_t now = (uint64_t)clock_boot_ms();
  if (ending->failure) {
    count_one_more(&entry->failures);
    int64_t pause =
        ending->retry_ms > 0 ? ending->retry_ms : backoff_ms(entry->failures, ending->random);
    entry->failure = (uint32_t)ending->failure;
    entry->failure_status = (uint32_t)ending->status;
    word_set(&entry->failed_at, now);
    word_set(&entry->failure_until, now + (uint64_t)pause);
    cache_count(cache, CACHE_COUNT_FAILED);
  } else if (ending->postpone) {
    count_one_more(&entry->postponed);
    word_set(&entry->renew_after, now + (uint64_t)backoff_ms(entry->postponed, ending->random));
  }
}

/* Without the lock, as in cache_publish(). */
static void end(Cache *cache, const CacheKey *key, CacheClaim *claim, Ending ending)
{
  CacheEntry *entry = cache_entry(cache, claim->entry);
  if (getrandom(&ending.random, sizeof ending.random, GRND_NONBLOCK) != sizeof ending.random)
    ending.random = (uint32_t)clock_monotonic_ms();
  bool locked = cache_lock_patiently(cache);
  if (locked && is_mine(entry, key, claim)) {
    note_ending(cache, entry, &ending);
    end_lease(entry);
  }
  if (locked)
    cache_unlock(cache);
  liveness_close(&claim->liveness);
  cache_wake(entry);
}

void cache_fail(Cache *cache, const CacheKey *key, CacheClaim *claim, int failure, int status,
                int64_t retry_ms)
{
  end(cache, key, claim,
      (Ending){.failure = failure, .status = status, .retry_ms = retry_ms, .postpone = false});
}

void cache_postpone(Cache *cache, const CacheKey *key, CacheClaim *claim)
{
  end(cache, key, claim, (Ending){.postpone = true});
}

void cache_release(Cache *cache, const CacheKey *key, CacheClaim *claim)
{
  end(cache, key, claim, (Ending){.postpone = false});
}

/* ---- a 401 ---- */

bool cache_refuse(Cache *cache, const CacheKey *key, uint64_t generation)
{
  bool is_news = false;
  copies_drop(key);
  bool locked = cache_lock(cache);
  uint32_t index = cache_find(cache, key);
  CacheEntry *entry = index == CACHE_NONE ? NULL : cache_entry(cache, index);
  if (entry && cache_has_key(entry, key) && word_get(&entry->generation) == generation) {
    /* Without the lock too, or we would go on with a token that is known to be dead: a word that
     * only counts while it equals the generation cannot do harm. */
    is_news =
        atomic_exchange_explicit(&entry->refused, generation, memory_order_relaxed) != generation;
    if (is_news) {
      /* Once: all who were answered 401 say so, and one of them in several steps. */
      atomic_fetch_add_explicit(&entry->refusals, 1, memory_order_relaxed);
      cache_count(cache, CACHE_COUNT_REFUSED);
    }
  }
  if (locked)
    cache_unlock(cache);
  return is_news;
}
