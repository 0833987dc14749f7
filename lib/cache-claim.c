/* SPDX-License-Identifier: MIT */
/* cache-claim.c - who may fetch: a place for a key, and its lease. */
#include <string.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/cache-words.h"
#include "lib/clock.h"

#define REFETCH_WINDOW_MS 60000
#define PAUSE_MAX_MS      (3600 * 1000) /* a pause further ahead is another clock's or garbage */

/* ---- a place for a key, under the lock ---- */

/* Gives an entry to another key, in an order that a reader or our death may cut anywhere. */
static void take_entry(Cache *cache, uint32_t index, const CacheKey *key, const CacheLabel *label)
{
  CacheEntry *entry = cache_entry(cache, index);
  CacheWord *fingerprint = cache_fingerprint(cache, index);
  if (word_get(fingerprint))
    cache_count(cache, CACHE_COUNT_EVICTED);
  if (!word_get(&entry->generation))
    word_set(&entry->generation, cache->header->first_generation);
  cache_clear_versions(cache, index);
  word_set(fingerprint, 0);
  cache_forget_failures(entry);
  entry->refetches = 0;
  word_set(&entry->hits, 0);
  entry->publishes = 0;
  atomic_store_explicit(&entry->refusals, 0, memory_order_relaxed);
  words_copy_in((CacheWord *)(void *)entry->key, key->bytes, sizeof key->bytes);
  entry->kind = label->kind;
  strncpy(entry->business, label->business ? label->business : "", sizeof entry->business - 1);
  strncpy(entry->host, label->host, sizeof entry->host - 1);
  strncpy(entry->environment, label->environment, sizeof entry->environment - 1);
  cache_touch(entry);
  atomic_store_explicit(fingerprint, cache_fingerprint_of(key), memory_order_release);
}

static unsigned count_free(const Cache *cache, uint32_t bucket)
{
  unsigned count = 0;
  for (uint32_t way = 0; way < CACHE_WAYS; way++)
    count += word_get(&cache_bucket(cache, bucket)->fingerprint[way]) == 0;
  return count;
}

/* A way for a new key: a free one in the emptier bucket, else CLOCK over both: the first entry that
 * nobody has read since the last round and nobody is fetching. */
static uint32_t choose_way(Cache *cache, const CacheKey *key, int64_t now)
{
  uint32_t bucket[2];
  cache_buckets_of(cache, key, bucket);
  uint32_t emptier = count_free(cache, bucket[1]) > count_free(cache, bucket[0]);
  for (uint32_t way = 0; way < CACHE_WAYS; way++)
    if (word_get(&cache_bucket(cache, bucket[emptier])->fingerprint[way]) == 0)
      return bucket[emptier] * CACHE_WAYS + way;
  /* Or each new key, not read yet, would make room for the next one, and the old stayed for good.
   */
  uint32_t hand = atomic_fetch_add_explicit(&cache->header->entry_hand, 1, memory_order_relaxed);
  for (uint32_t i = 0; i < 4 * CACHE_WAYS; i++) {
    uint32_t index = bucket[(i / CACHE_WAYS + hand) % 2] * CACHE_WAYS + (i + hand / 2) % CACHE_WAYS;
    CacheEntry *entry = cache_entry(cache, index);
    if (cache_lease_held(word_get(&entry->lease), now))
      continue;
    if (!atomic_exchange_explicit(&entry->referenced, 0, memory_order_relaxed))
      return index;
  }
  return CACHE_NONE;
}

static uint32_t find_or_take(Cache *cache, const CacheKey *key, const CacheLabel *label,
                             int64_t now)
{
  uint32_t index = cache_find(cache, key);
  if (index != CACHE_NONE && cache_has_key(cache_entry(cache, index), key))
    return index;
  if (index == CACHE_NONE)
    index = choose_way(cache, key, now);
  else if (cache_lease_held(word_get(&cache_entry(cache, index)->lease), now))
    return CACHE_NONE; /* another key with the same fingerprint */
  if (index != CACHE_NONE)
    take_entry(cache, index, key, label);
  return index;
}

/* ---- why not to fetch now ---- */

int64_t cache_pause_left(uint64_t until, int64_t now)
{
  int64_t end = (int64_t)until;
  return end > now && end <= now + PAUSE_MAX_MS ? end - now : 0;
}

/* Counts a fetch that follows a 401. False: the entry had its share of this minute. */
static bool refetch_allowed(CacheEntry *entry, int64_t now, int64_t *retry_ms)
{
  if (entry->refetch_window > now || entry->refetch_window <= now - REFETCH_WINDOW_MS) {
    entry->refetch_window = now;
    entry->refetches = 0;
  }
  *retry_ms = entry->refetch_window + REFETCH_WINDOW_MS - now;
  return ++entry->refetches <= CACHE_REFETCH_MAX;
}

int64_t cache_refetch_pause(int64_t window, uint32_t refetches, int64_t now)
{
  if (refetches < CACHE_REFETCH_MAX || window > now || window <= now - REFETCH_WINDOW_MS)
    return 0;
  return window + REFETCH_WINDOW_MS - now;
}

/* Pauses that the entry has been told to make. CACHE_CLAIM_OWNED: none. */
static CacheClaimResult paused(CacheEntry *entry, int64_t now, CachePurpose purpose,
                               CacheClaim *claim)
{
  claim->retry_ms = cache_pause_left(word_get(&entry->failure_until), now);
  if (entry->failure && claim->retry_ms) {
    claim->failure = (int)entry->failure;
    claim->failure_status = (int)entry->failure_status;
    return CACHE_CLAIM_FAILED;
  }
  claim->retry_ms = cache_pause_left(word_get(&entry->renew_after), now);
  if (purpose == CACHE_FOR_RENEWAL && claim->retry_ms)
    return CACHE_CLAIM_LATER;
  claim->retry_ms = 0;
  return CACHE_CLAIM_OWNED;
}

/*
 * The lease is held, but its owner is dead: its liveness lock, which only a lease with CACHE_ALIVE
 * is sure to have had, is ours. A lease that was had without that lock must run to its end, or a
 * moment in which the lock was somebody else's would let two fetch at once.
 */
static bool owner_died(const CacheEntry *entry, const CacheKey *key, Liveness liveness)
{
  return word_get(&entry->lease) & CACHE_ALIVE &&
         liveness_try(liveness, cache_fingerprint_of(key), word_get(&entry->lease_epoch));
}

/* ---- the lease ---- */

/* The epoch first: if we die in between, the lease is free, and an older claim no longer good. Then
 * whose it is, so that whoever sees it held finds that. */
static void give_lease(Cache *cache, CacheEntry *entry, const CacheKey *key, int64_t now,
                       int64_t lease_ms, CacheClaim *claim)
{
  claim->epoch = word_get(&entry->lease_epoch) + 1;
  bool alive = liveness_try(claim->liveness, cache_fingerprint_of(key), claim->epoch);
  word_set(&entry->lease_epoch, claim->epoch);
  word_set(&entry->lease_since, (uint64_t)now);
  atomic_store_explicit(&entry->lease_owner, claim->owner, memory_order_relaxed);
  word_set(&entry->lease, (uint64_t)(now + lease_ms) << 1 | (alive ? CACHE_ALIVE : 0));
  cache_count(cache, CACHE_COUNT_CLAIMS);
}

static CacheClaimResult claim_entry(Cache *cache, CacheEntry *entry, const CacheKey *key,
                                    uint64_t seen, int64_t lease_ms, CachePurpose purpose,
                                    CacheClaim *claim)
{
  int64_t now = clock_boot_ms();
  claim->changes = atomic_load_explicit(&entry->changes, memory_order_relaxed);
  claim->generation = word_get(&entry->generation);
  if (cache_is_newer(entry, seen))
    return CACHE_CLAIM_NEWER;
  bool held = cache_lease_held(word_get(&entry->lease), now);
  if (held && !owner_died(entry, key, claim->liveness))
    return CACHE_CLAIM_BUSY;
  CacheClaimResult result = paused(entry, now, purpose, claim);
  if (result != CACHE_CLAIM_OWNED)
    return result;
  /* Whoever comes after a 401 is part of its refetch, whether or not he has seen it himself. */
  bool refetch = purpose == CACHE_FOR_REFETCH ||
                 (claim->generation != 0 && word_get(&entry->refused) == claim->generation);
  if (refetch && !refetch_allowed(entry, now, &claim->retry_ms))
    return CACHE_CLAIM_LIMITED;
  if (held)
    cache_count(cache, CACHE_COUNT_STOLEN);
  give_lease(cache, entry, key, now, lease_ms, claim);
  return CACHE_CLAIM_OWNED;
}

/* Renewals are asked for with each request of some minutes; without a lock nearly all of them hear
 * that it is no time for one. */
static bool is_no_time_to_renew(Cache *cache, const CacheKey *key, CacheClaimResult *result)
{
  uint32_t index = cache_find(cache, key);
  if (index == CACHE_NONE)
    return false;
  CacheEntry *entry = cache_entry(cache, index);
  int64_t now = clock_boot_ms();
  *result = CACHE_CLAIM_LATER;
  if (cache_lease_held(word_get(&entry->lease), now))
    *result = CACHE_CLAIM_BUSY;
  else if (!cache_pause_left(word_get(&entry->failure_until), now) &&
           !cache_pause_left(word_get(&entry->renew_after), now))
    return false;
  return true;
}

CacheClaimResult cache_claim(Cache *cache, const CacheKey *key, const CacheLabel *label,
                             uint64_t seen, int64_t lease_ms, CachePurpose purpose,
                             CacheClaim *claim)
{
  CacheClaimResult result = CACHE_CLAIM_NONE;
  memset(claim, 0, sizeof *claim);
  if (lease_ms > CACHE_LEASE_MAX_MS)
    lease_ms = CACHE_LEASE_MAX_MS;
  if (purpose == CACHE_FOR_RENEWAL && is_no_time_to_renew(cache, key, &result))
    return result;
  claim->owner = (uint32_t)getpid(); /* before the lock: it is a system call */
  claim->liveness = liveness_open(cache, clock_monotonic_ms() + lease_ms);
  if (!cache_lock(cache)) {
    liveness_close(&claim->liveness);
    return CACHE_CLAIM_LOCKED;
  }
  claim->entry = find_or_take(cache, key, label, clock_boot_ms());
  if (claim->entry != CACHE_NONE)
    result =
        claim_entry(cache, cache_entry(cache, claim->entry), key, seen, lease_ms, purpose, claim);
  cache_unlock(cache);
  if (result != CACHE_CLAIM_OWNED)
    liveness_close(&claim->liveness);
  return result;
}

bool cache_must_wait(Cache *cache, const CacheKey *key, uint64_t seen, CacheClaim *claim)
{
  memset(claim, 0, sizeof *claim);
  claim->entry = cache_find(cache, key);
  if (claim->entry == CACHE_NONE)
    return false;
  CacheEntry *entry = cache_entry(cache, claim->entry);
  /* First, so that whatever changes from here on ends the wait. */
  claim->changes = atomic_load_explicit(&entry->changes, memory_order_acquire);
  return cache_has_key(entry, key) && !cache_is_newer(entry, seen) && cache_is_busy(cache, key);
}

bool cache_is_busy(Cache *cache, const CacheKey *key)
{
  uint32_t index = cache_find(cache, key);
  if (index == CACHE_NONE)
    return false;
  const CacheEntry *entry = cache_entry(cache, index);
  uint64_t epoch = word_get(&entry->lease_epoch), lease = word_get(&entry->lease);
  if (!cache_lease_held(lease, clock_boot_ms()))
    return false;
  if (!(lease & CACHE_ALIVE))
    return true;
  Liveness liveness = liveness_open(cache, clock_monotonic_ms());
  bool held = liveness_is_held(liveness, cache_fingerprint_of(key), epoch);
  liveness_close(&liveness);
  return held;
}
