/* SPDX-License-Identifier: MIT */
/* cache-entry.c - an entry: where its key has its places, its versions, its lease. */
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cache-internal.h"
#include "lib/cache-words.h"
#include "lib/clock.h"

/* ---- keys and their places ---- */

uint64_t cache_fingerprint_of(const CacheKey *key)
{
  uint64_t fingerprint;
  memcpy(&fingerprint, key->bytes, sizeof fingerprint);
  return fingerprint ? fingerprint : 1;
}

/* Two places for a key, from independent parts of its digest. */
void cache_buckets_of(const Cache *cache, const CacheKey *key, uint32_t bucket[2])
{
  for (size_t i = 0; i < 2; i++) {
    uint64_t hash;
    memcpy(&hash, key->bytes + 8 + 8 * i, sizeof hash);
    bucket[i] = (uint32_t)(hash % cache->buckets);
  }
}

uint32_t cache_find(const Cache *cache, const CacheKey *key)
{
  uint64_t fingerprint = cache_fingerprint_of(key);
  uint32_t bucket[2];
  cache_buckets_of(cache, key, bucket);
  for (size_t i = 0; i < 2; i++)
    for (uint32_t way = 0; way < CACHE_WAYS; way++)
      if (word_get(&cache_bucket(cache, bucket[i])->fingerprint[way]) == fingerprint)
        return bucket[i] * CACHE_WAYS + way;
  return CACHE_NONE;
}

bool cache_has_key(const CacheEntry *entry, const CacheKey *key)
{
  CacheKey copy;
  words_copy_out(&copy, (const CacheWord *)(const void *)entry->key, sizeof copy);
  return memcmp(copy.bytes, key->bytes, sizeof copy.bytes) == 0;
}

/* ---- versions ---- */

CacheVersion cache_load_version(const CacheVersion *from)
{
  CacheVersion version;
  words_copy_out(&version, (const CacheWord *)(const void *)from, sizeof version);
  return version;
}

void cache_store_version(CacheVersion *to, const CacheVersion *from)
{
  words_copy_in((CacheWord *)(void *)to, from, sizeof *from);
}

void cache_move_on(CacheEntry *entry)
{
  uint64_t generation = word_get(&entry->generation);
  if (generation)
    atomic_store_explicit(&entry->generation, generation + 1, memory_order_release);
}

void cache_clear_versions(Cache *cache, uint32_t index)
{
  static const CacheVersion none;
  CacheEntry *entry = cache_entry(cache, index);
  /* First, so that nobody finds the chunks by it who has not copied them already. */
  cache_move_on(entry);
  for (unsigned side = 0; side < 2; side++) {
    CacheVersion version = entry->version[side];
    cache_store_version(&entry->version[side], &none);
    cache_give_chunks(cache, version.chunk, cache_chunks_of(version.length), index);
  }
}

int64_t cache_remaining_ms(const CacheToken *token)
{
  int64_t boot, real, margin = token->lifetime_ms / 10 < 5000 ? token->lifetime_ms / 10 : 5000;
  /* The times may be any bytes: claims look at a version whose tag nobody has checked. */
  if (token->lifetime_ms <= 0 || __builtin_sub_overflow(clock_boot_ms(), token->boot_ms, &boot) ||
      __builtin_sub_overflow(clock_real_ms(), token->real_ms, &real) ||
      boot < -CACHE_CLOCK_SLACK_MS || real < -CACHE_CLOCK_SLACK_MS)
    return 0;
  return token->lifetime_ms - margin - (boot > real ? boot : real);
}

void cache_forget_failures(CacheEntry *entry)
{
  entry->failure = 0;
  entry->failures = 0;
  entry->postponed = 0;
  word_set(&entry->failure_until, 0);
  word_set(&entry->renew_after, 0);
}

bool cache_is_newer(const CacheEntry *entry, uint64_t seen)
{
  uint64_t generation = word_get(&entry->generation);
  CacheVersion version = cache_load_version(&entry->version[generation & 1]);
  if (generation == 0 || generation == seen || generation == word_get(&entry->refused) ||
      version.generation != generation || version.length == 0)
    return false;
  CacheToken token = {
      .boot_ms = version.boot_ms, .real_ms = version.real_ms, .lifetime_ms = version.lifetime_ms};
  return cache_remaining_ms(&token) > 0;
}

/* ---- leases and waiting ---- */

bool cache_lease_held(uint64_t lease, int64_t now)
{
  int64_t until = (int64_t)(lease >> 1);
  return until > now && until <= now + CACHE_LEASE_MAX_MS;
}

void cache_touch(CacheEntry *entry)
{
  atomic_fetch_add_explicit(&entry->changes, 1, memory_order_release);
}

void cache_wake(CacheEntry *entry)
{
  syscall(SYS_futex, &entry->changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void cache_wait(Cache *cache, const CacheClaim *claim, int64_t milliseconds)
{
  /* What SYS_futex takes: on a 32-bit machine time_t may be longer than that. */
  struct {
    long seconds, nanoseconds;
  } slice = {(long)(milliseconds / 1000), (long)(milliseconds % 1000 * 1000000)};
  syscall(SYS_futex, &cache_entry(cache, claim->entry)->changes, FUTEX_WAIT, claim->changes, &slice,
          NULL, 0);
}
