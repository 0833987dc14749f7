/* SPDX-License-Identifier: MIT */
#include "lib/cache.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-private.h"
#include "lib/cache-words.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/secure.h"

#define READ_TRIES        4
#define CLOCK_SLACK_MS    2000             /* how far a clock may seem to run backwards */
#define LEASE_MAX_MS      (10 * 60 * 1000) /* a lease further ahead is another clock's or garbage */
#define REFETCH_WINDOW_MS 60000
#define REFETCH_MAX       10
#define BACKOFF_MAX_MS    60000
#define LOCK_PATIENCE     3
#define FAILURE_MAX_MS    (3600 * 1000) /* a failure further ahead is another clock's or garbage */
#define FLUSH_STEP        64u /* entries between two breaths: under a millisecond of the lock */

/* ---- versions and keys ---- */

static CacheVersion load_version(const CacheVersion *from)
{
  CacheVersion version;
  words_copy_out(&version, (const CacheWord *)(const void *)from, sizeof version);
  return version;
}

static void store_version(CacheVersion *to, const CacheVersion *from)
{
  words_copy_in((CacheWord *)(void *)to, from, sizeof *from);
}

static uint64_t fingerprint_of(const CacheKey *key)
{
  uint64_t fingerprint;
  memcpy(&fingerprint, key->bytes, sizeof fingerprint);
  return fingerprint ? fingerprint : 1;
}

/* Two places for a key, from independent parts of its digest. */
static void buckets_of(const Cache *cache, const CacheKey *key, uint32_t bucket[2])
{
  for (size_t i = 0; i < 2; i++) {
    uint64_t hash;
    memcpy(&hash, key->bytes + 8 + 8 * i, sizeof hash);
    bucket[i] = (uint32_t)(hash % cache->buckets);
  }
}

/* Entry index, or UINT32_MAX. Without the lock the answer is a hint that the tag confirms. */
static uint32_t find(const Cache *cache, const CacheKey *key)
{
  uint64_t fingerprint = fingerprint_of(key);
  uint32_t bucket[2];
  buckets_of(cache, key, bucket);
  for (size_t i = 0; i < 2; i++)
    for (uint32_t way = 0; way < CACHE_WAYS; way++)
      if (word_get(&cache_bucket(cache, bucket[i])->fingerprint[way]) == fingerprint)
        return bucket[i] * CACHE_WAYS + way;
  return UINT32_MAX;
}

static bool has_key(const CacheEntry *entry, const CacheKey *key)
{
  CacheKey copy;
  words_copy_out(&copy, (const CacheWord *)(const void *)entry->key, sizeof copy);
  return memcmp(copy.bytes, key->bytes, sizeof copy.bytes) == 0;
}

/* ---- the tag ---- */

/* Binds everything that a reader relies on. False: no digest to be had, hence no doubtless token.
 */
static bool tag_of(const Cache *cache, const CacheKey *key, const CacheVersion *version,
                   const char *value, uint8_t tag[16])
{
  uint8_t whole[DIGEST_SIZE];
  Digest *digest = digest_new();
  digest_add(digest, cache->header->salt, sizeof cache->header->salt);
  digest_add(digest, key->bytes, sizeof key->bytes);
  digest_add(digest, version, offsetof(CacheVersion, tag));
  digest_add(digest, value, version->length);
  bool good = digest_finish(digest, whole);
  memcpy(tag, whole, 16);
  return good;
}

/* ---- reading ---- */

int64_t cache_remaining_ms(const CacheToken *token)
{
  int64_t boot, real, margin = token->lifetime_ms / 10 < 5000 ? token->lifetime_ms / 10 : 5000;
  /* The times may be any bytes: claims look at a version whose tag nobody has checked. */
  if (token->lifetime_ms <= 0 || __builtin_sub_overflow(clock_boot_ms(), token->boot_ms, &boot) ||
      __builtin_sub_overflow(clock_real_ms(), token->real_ms, &real) || boot < -CLOCK_SLACK_MS ||
      real < -CLOCK_SLACK_MS)
    return 0;
  return token->lifetime_ms - margin - (boot > real ? boot : real);
}

/* The bytes of a version whose length and big index are the reader's own, checked copies. */
static const CacheWord *version_bytes(const Cache *cache, CacheEntry *entry,
                                      const CacheVersion *version, unsigned side)
{
  if (version->length == 0 || version->length > TOKEN_MAX)
    return NULL;
  if (!version->big)
    return version->length <= CACHE_INLINE ? entry->data[side] : NULL;
  return version->big <= cache->big_count ? cache_big(cache, version->big - 1)->data : NULL;
}

/* One attempt: copies the current version, then looks whether it still is the current one. */
static bool read_once(Cache *cache, CacheEntry *entry, const CacheKey *key, CacheVersion *version,
                      char *value, uint64_t *generation, bool *moved)
{
  *generation = atomic_load_explicit(&entry->generation, memory_order_acquire);
  unsigned side = *generation & 1;
  *moved = false;
  *version = load_version(&entry->version[side]);
  const CacheWord *bytes = version_bytes(cache, entry, version, side);
  if (*generation == 0 || !bytes || version->generation != *generation || !has_key(entry, key))
    return false;
  words_copy_out(value, bytes, version->length);
  value[version->length] = 0;
  atomic_thread_fence(memory_order_acquire);
  *moved = word_get(&entry->generation) != *generation;
  return !*moved;
}

static bool read_entry(Cache *cache, CacheEntry *entry, const CacheKey *key, CacheToken *token)
{
  CacheVersion version;
  uint8_t tag[16];
  bool moved = true, whole = false;
  for (int i = 0; i < READ_TRIES && moved; i++)
    whole = read_once(cache, entry, key, &version, token->value, &token->generation, &moved);
  if (!whole) {
    if (moved) /* then it was copied, and its length is within bounds */
      secure_wipe(token->value, version.length);
    return false;
  }
  if (word_get(&entry->refused) == token->generation ||
      !tag_of(cache, key, &version, token->value, tag) || memcmp(tag, version.tag, 16) != 0) {
    secure_wipe(token->value, version.length);
    return false;
  }
  token->boot_ms = version.boot_ms;
  token->real_ms = version.real_ms;
  token->lifetime_ms = version.lifetime_ms;
  token->length = version.length;
  if (cache_remaining_ms(token) > 0)
    return true;
  secure_wipe(token->value, version.length);
  token->length = 0;
  return false;
}

CacheRead cache_read(Cache *cache, const CacheKey *key, CacheToken *token)
{
  token->generation = 0;
  uint32_t index = find(cache, key);
  if (index == UINT32_MAX)
    return CACHE_MISS;
  CacheEntry *entry = cache_entry(cache, index);
  if (!read_entry(cache, entry, key, token))
    return CACHE_MISS;
  if (!atomic_load_explicit(&entry->referenced, memory_order_relaxed))
    atomic_store_explicit(&entry->referenced, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&entry->hits, 1, memory_order_relaxed);
  return CACHE_HIT;
}

/* ---- entries, under the lock ---- */

static bool lease_held(const CacheEntry *entry, int64_t now)
{
  int64_t until = (int64_t)word_get(&entry->lease_until);
  return until > now && until <= now + LEASE_MAX_MS;
}

/* Moves the futex word: whoever waits looks again. Waking is a system call and happens outside. */
static void touch(CacheEntry *entry)
{
  atomic_fetch_add_explicit(&entry->changes, 1, memory_order_release);
}

/* `big` is a version's: index + 1, 0 for none, or any bytes. */
static bool owns_big(const Cache *cache, uint32_t big, uint32_t index)
{
  return big >= 1 && big <= cache->big_count &&
         atomic_load_explicit(&cache_big(cache, big - 1)->owner, memory_order_relaxed) == index + 1;
}

static void give_big_back(Cache *cache, uint32_t big, uint32_t index)
{
  if (owns_big(cache, big, index))
    atomic_store_explicit(&cache_big(cache, big - 1)->owner, 0, memory_order_relaxed);
}

/* Makes both versions a miss. The generation stays: a slow reader must never see it again. */
static void clear_versions(Cache *cache, uint32_t index)
{
  static const CacheVersion none;
  CacheEntry *entry = cache_entry(cache, index);
  for (unsigned side = 0; side < 2; side++) {
    give_big_back(cache, entry->version[side].big, index);
    store_version(&entry->version[side], &none);
    for (size_t i = 0; i < CACHE_INLINE / 8; i++)
      word_set(&entry->data[side][i], 0);
  }
}

/* Gives an entry to another key, in an order that a reader or our death may cut anywhere. */
static void take_entry(Cache *cache, uint32_t index, const CacheKey *key)
{
  CacheEntry *entry = cache_entry(cache, index);
  CacheWord *fingerprint =
      &cache_bucket(cache, index / CACHE_WAYS)->fingerprint[index % CACHE_WAYS];
  if (word_get(fingerprint))
    cache_count(cache, CACHE_COUNT_EVICTED);
  word_set(fingerprint, 0);
  clear_versions(cache, index);
  entry->failure = 0;
  entry->failures = 0;
  entry->refetches = 0;
  word_set(&entry->failure_until, 0);
  word_set(&entry->hits, 0);
  words_copy_in((CacheWord *)(void *)entry->key, key->bytes, sizeof key->bytes);
  touch(entry);
  atomic_store_explicit(fingerprint, fingerprint_of(key), memory_order_release);
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
  buckets_of(cache, key, bucket);
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
    if (lease_held(entry, now))
      continue;
    if (!atomic_exchange_explicit(&entry->referenced, 0, memory_order_relaxed))
      return index;
  }
  return UINT32_MAX;
}

/* For what must not be lost for a moment's stall of another process: a publish that is given up is
 * one more request to the token endpoint. */
static bool lock_patiently(Cache *cache)
{
  for (int i = 0; i < LOCK_PATIENCE; i++)
    if (cache_lock(cache))
      return true;
  return false;
}

static void set_label(CacheEntry *entry, const CacheLabel *label)
{
  entry->kind = label->kind;
  strncpy(entry->business, label->business ? label->business : "", sizeof entry->business - 1);
  strncpy(entry->host, label->host, sizeof entry->host - 1);
  strncpy(entry->environment, label->environment, sizeof entry->environment - 1);
}

static uint32_t find_or_take(Cache *cache, const CacheKey *key, const CacheLabel *label,
                             int64_t now)
{
  uint32_t index = find(cache, key);
  if (index != UINT32_MAX && has_key(cache_entry(cache, index), key))
    return index;
  if (index == UINT32_MAX)
    index = choose_way(cache, key, now);
  else if (lease_held(cache_entry(cache, index), now))
    return UINT32_MAX; /* another key with the same fingerprint */
  if (index == UINT32_MAX)
    return index;
  take_entry(cache, index, key);
  set_label(cache_entry(cache, index), label);
  return index;
}

/* A version that a reader would take, as far as can be told without the tag. */
static bool is_newer(const CacheEntry *entry, uint64_t seen)
{
  uint64_t generation = word_get(&entry->generation);
  const CacheVersion *version = &entry->version[generation & 1];
  if (generation == 0 || generation == seen || generation == word_get(&entry->refused) ||
      version->generation != generation)
    return false;
  CacheToken token = {.boot_ms = version->boot_ms,
                      .real_ms = version->real_ms,
                      .lifetime_ms = version->lifetime_ms};
  return cache_remaining_ms(&token) > 0;
}

/* Counts a fetch that follows a 401. False: the entry had its share of this minute. */
static bool refetch_allowed(CacheEntry *entry, int64_t now, int64_t *retry_ms)
{
  if (entry->refetch_window > now || entry->refetch_window <= now - REFETCH_WINDOW_MS) {
    entry->refetch_window = now;
    entry->refetches = 0;
  }
  *retry_ms = entry->refetch_window + REFETCH_WINDOW_MS - now;
  return ++entry->refetches <= REFETCH_MAX;
}

static CacheClaimResult claim_entry(Cache *cache, uint32_t index, uint64_t seen, int64_t now,
                                    int64_t lease_ms, bool refetch, CacheClaim *claim)
{
  CacheEntry *entry = cache_entry(cache, index);
  int64_t failure_until = (int64_t)word_get(&entry->failure_until);
  claim->entry = index;
  claim->changes = atomic_load_explicit(&entry->changes, memory_order_relaxed);
  claim->generation = word_get(&entry->generation);
  if (is_newer(entry, seen))
    return CACHE_CLAIM_NEWER;
  if (lease_held(entry, now))
    return CACHE_CLAIM_BUSY;
  if (entry->failure && failure_until > now && failure_until <= now + FAILURE_MAX_MS) {
    claim->failure = (int)entry->failure;
    claim->failure_status = (int)entry->failure_status;
    claim->retry_ms = failure_until - now;
    return CACHE_CLAIM_FAILED;
  }
  /* Whoever comes after a 401 is part of its refetch, whether or not he has seen it himself. */
  refetch |= claim->generation != 0 && word_get(&entry->refused) == claim->generation;
  if (refetch && !refetch_allowed(entry, now, &claim->retry_ms))
    return CACHE_CLAIM_LIMITED;
  claim->epoch = word_get(&entry->lease_epoch) + 1;
  word_set(&entry->lease_epoch, claim->epoch);
  word_set(&entry->lease_until, (uint64_t)(now + lease_ms));
  cache_count(cache, CACHE_COUNT_CLAIMS);
  return CACHE_CLAIM_OWNED;
}

CacheClaimResult cache_claim(Cache *cache, const CacheKey *key, const CacheLabel *label,
                             uint64_t seen, int64_t lease_ms, bool refetch, CacheClaim *claim)
{
  CacheClaimResult result = CACHE_CLAIM_NONE;
  memset(claim, 0, sizeof *claim);
  if (!cache_lock(cache))
    return CACHE_CLAIM_LOCKED;
  int64_t now = clock_boot_ms();
  uint32_t index = find_or_take(cache, key, label, now);
  if (index != UINT32_MAX)
    result = claim_entry(cache, index, seen, now, lease_ms, refetch, claim);
  cache_unlock(cache);
  return result;
}

/* ---- the end of a lease ---- */

static void wake(CacheEntry *entry)
{
  syscall(SYS_futex, &entry->changes, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool is_mine(const CacheEntry *entry, const CacheKey *key, const CacheClaim *claim)
{
  return word_get(&entry->lease_epoch) == claim->epoch && has_key(entry, key);
}

/* The epoch moves too, so that nobody ends the same lease twice. */
static void end_lease(CacheEntry *entry)
{
  word_set(&entry->lease_epoch, word_get(&entry->lease_epoch) + 1);
  word_set(&entry->lease_until, 0);
  touch(entry);
}

/* A big buffer for one side of an entry: its own, a free one, else the next in turn, whose owner
 * thereby loses its token (its tag no longer fits). Index + 1. */
static uint32_t take_big(Cache *cache, uint32_t index, uint32_t other_side)
{
  for (uint32_t i = 0; i < cache->big_count; i++) {
    uint32_t owner = atomic_load_explicit(&cache_big(cache, i)->owner, memory_order_relaxed);
    if ((owner == 0 || owner == index + 1) && i + 1 != other_side) {
      atomic_store_explicit(&cache_big(cache, i)->owner, index + 1, memory_order_relaxed);
      return i + 1;
    }
  }
  uint32_t hand = atomic_fetch_add_explicit(&cache->header->clock_hand, 1, memory_order_relaxed);
  if (hand % cache->big_count + 1 == other_side)
    hand++;
  atomic_store_explicit(&cache_big(cache, hand % cache->big_count)->owner, index + 1,
                        memory_order_relaxed);
  return hand % cache->big_count + 1;
}

/* Writes the version that nobody reads, then makes it the current one. */
static void put_version(Cache *cache, uint32_t index, const CacheVersion *version,
                        const char *value)
{
  CacheEntry *entry = cache_entry(cache, index);
  unsigned side = version->generation & 1;
  if (entry->version[side].big != version->big)
    give_big_back(cache, entry->version[side].big, index);
  atomic_thread_fence(memory_order_release);
  words_copy_in(version->big ? cache_big(cache, version->big - 1)->data : entry->data[side], value,
                version->length);
  store_version(&entry->version[side], version);
  atomic_store_explicit(&entry->generation, version->generation, memory_order_release);
}

/* The tag covers the big buffer's index, which only the lock can give: so a large token takes the
 * lock twice, first for the buffer. */
static bool reserve_big(Cache *cache, const CacheKey *key, const CacheClaim *claim, uint32_t *big)
{
  if (!lock_patiently(cache))
    return false;
  CacheEntry *entry = cache_entry(cache, claim->entry);
  bool mine = is_mine(entry, key, claim);
  if (mine)
    *big = take_big(cache, claim->entry, entry->version[claim->generation & 1].big);
  cache_unlock(cache);
  return mine;
}

bool cache_publish(Cache *cache, const CacheKey *key, const CacheClaim *claim, CacheToken *token)
{
  CacheVersion version = {.generation = claim->generation + 1,
                          .boot_ms = token->boot_ms,
                          .real_ms = token->real_ms,
                          .lifetime_ms = token->lifetime_ms,
                          .length = (uint32_t)token->length};
  if (token->length == 0 || token->length > TOKEN_MAX)
    return false;
  if (token->length > CACHE_INLINE && !reserve_big(cache, key, claim, &version.big))
    return false;
  if (!tag_of(cache, key, &version, token->value, version.tag) || !lock_patiently(cache))
    return false;
  CacheEntry *entry = cache_entry(cache, claim->entry);
  bool mine =
      is_mine(entry, key, claim) && (!version.big || owns_big(cache, version.big, claim->entry));
  if (mine) {
    put_version(cache, claim->entry, &version, token->value);
    entry->failure = 0;
    entry->failures = 0;
    word_set(&entry->failure_until, 0);
    end_lease(entry);
    cache_count(cache, CACHE_COUNT_PUBLISHED);
  }
  cache_unlock(cache);
  if (!mine)
    return false;
  wake(entry);
  token->generation = version.generation;
  return true;
}

/* 1, 2, 4 .. 60 s, each between a half and the whole of it, so that many machines do not knock in
 * step. */
static int64_t backoff_ms(uint32_t failures)
{
  int64_t whole = failures > 6 ? BACKOFF_MAX_MS : (int64_t)1000 << (failures - 1);
  uint32_t random = 0;
  if (whole > BACKOFF_MAX_MS)
    whole = BACKOFF_MAX_MS;
  if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
    random = (uint32_t)clock_monotonic_ms();
  return whole / 2 + random % (whole / 2);
}

void cache_fail(Cache *cache, const CacheKey *key, const CacheClaim *claim, int failure, int status,
                int64_t retry_ms)
{
  CacheEntry *entry = cache_entry(cache, claim->entry);
  if (!lock_patiently(cache))
    return;
  if (is_mine(entry, key, claim)) {
    if (entry->failures < UINT32_MAX)
      entry->failures++;
    entry->failure = (uint32_t)failure;
    entry->failure_status = (uint32_t)status;
    if (retry_ms <= 0)
      retry_ms = backoff_ms(entry->failures);
    word_set(&entry->failure_until, (uint64_t)(clock_boot_ms() + retry_ms));
    end_lease(entry);
    cache_count(cache, CACHE_COUNT_FAILED);
  }
  cache_unlock(cache);
  wake(entry);
}

void cache_release(Cache *cache, const CacheKey *key, const CacheClaim *claim)
{
  CacheEntry *entry = cache_entry(cache, claim->entry);
  if (!lock_patiently(cache))
    return;
  if (is_mine(entry, key, claim))
    end_lease(entry);
  cache_unlock(cache);
  wake(entry);
}

void cache_wait(Cache *cache, const CacheClaim *claim, int64_t milliseconds)
{
  struct timespec slice = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  syscall(SYS_futex, &cache_entry(cache, claim->entry)->changes, FUTEX_WAIT, claim->changes, &slice,
          NULL, 0);
}

bool cache_is_busy(Cache *cache, const CacheKey *key)
{
  uint32_t index = find(cache, key);
  return index != UINT32_MAX && lease_held(cache_entry(cache, index), clock_boot_ms());
}

void cache_refuse(Cache *cache, const CacheKey *key, uint64_t generation)
{
  if (!cache_lock(cache))
    return;
  uint32_t index = find(cache, key);
  CacheEntry *entry = index == UINT32_MAX ? NULL : cache_entry(cache, index);
  if (entry && has_key(entry, key) && word_get(&entry->generation) == generation) {
    word_set(&entry->refused, generation);
    cache_count(cache, CACHE_COUNT_REFUSED);
  }
  cache_unlock(cache);
}

/* ---- the whole segment ---- */

int cache_flush(Cache *cache)
{
  int tokens = 0;
  if (!cache_lock(cache))
    return -1;
  for (uint32_t i = 0; i < cache->buckets * CACHE_WAYS; i++) {
    CacheEntry *entry = cache_entry(cache, i);
    if (i % FLUSH_STEP == FLUSH_STEP - 1) {
      /* The others must not take us for dead. */
      cache_unlock(cache);
      sched_yield();
      if (!cache_lock(cache))
        return -1;
    }
    if (!word_get(&cache_bucket(cache, i / CACHE_WAYS)->fingerprint[i % CACHE_WAYS]))
      continue;
    tokens += is_newer(entry, 0);
    clear_versions(cache, i);
    entry->failure = 0;
    entry->failures = 0;
    entry->refetches = 0;
    word_set(&entry->failure_until, 0);
    touch(entry);
  }
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++)
    memset(cache_config(cache, i)->origin, 0, sizeof cache_config(cache, i)->origin);
  cache_unlock(cache);
  return tokens;
}

/* The dead owner may have stopped between any two stores. Tokens need no repair: a version counts
 * only when its tag fits. What can be half done is an entry changing its key, and a big buffer
 * whose owner no longer points at it; both are put back to "empty" or "free". */
void cache_repair(Cache *cache)
{
  for (uint32_t i = 0; i < cache->buckets * CACHE_WAYS; i++) {
    CacheWord *fingerprint = &cache_bucket(cache, i / CACHE_WAYS)->fingerprint[i % CACHE_WAYS];
    CacheKey key;
    if (!word_get(fingerprint))
      continue; /* and do not touch its page */
    memcpy(key.bytes, cache_entry(cache, i)->key, sizeof key.bytes);
    if (word_get(fingerprint) != fingerprint_of(&key))
      word_set(fingerprint, 0);
  }
  for (uint32_t i = 0; i < cache->big_count; i++) {
    CacheBig *big = cache_big(cache, i);
    uint32_t owner = atomic_load_explicit(&big->owner, memory_order_relaxed);
    if (!owner || owner > cache->buckets * CACHE_WAYS) {
      atomic_store_explicit(&big->owner, 0, memory_order_relaxed);
      continue;
    }
    const CacheEntry *entry = cache_entry(cache, owner - 1);
    if (entry->version[0].big != i + 1 && entry->version[1].big != i + 1)
      atomic_store_explicit(&big->owner, 0, memory_order_relaxed);
  }
}
