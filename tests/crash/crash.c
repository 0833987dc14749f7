/* SPDX-License-Identifier: MIT */
#include "tests/crash/crash.h"

#include <stdatomic.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/digest.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

const CacheLabel crash_label = {SNAPSHOT_TOKEN_BUSINESS, "sandbox", "sandbox.thredfi.com",
                                "3c90c3cc-0d44-4b50-8888-8dd25736052a"};

unsigned crash_rounds(unsigned normal, unsigned longer)
{
  const char *wanted = getenv("THRED_TEST_LONG");
  bool is_long = wanted && strcmp(wanted, "1") == 0;
  if (SANITIZED)
    return is_long ? normal : (normal + 19) / 20;
  return is_long ? longer : normal;
}

uint64_t crash_random(void)
{
  static uint64_t state;
  static pid_t owner;
  if (owner != getpid()) {
    const char *seed = getenv("THRED_TEST_SEED");
    bool first = owner == 0;
    owner = getpid();
    if (seed && first)
      state = strtoull(seed, NULL, 0);
    else if (first && getrandom(&state, sizeof state, 0) != sizeof state)
      state = (uint64_t)time(NULL);
    if (first)
      printf("# THRED_TEST_SEED=%llu\n", (unsigned long long)state);
    else
      state += (uint64_t)owner * 0x9e3779b97f4a7c15u; /* a child goes its own way */
    state |= 1;
  }
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state * 0x2545f4914f6cdd1du;
}

void sleep_us(int64_t microseconds)
{
  struct timespec time = {microseconds / 1000000, microseconds % 1000000 * 1000};
  while (nanosleep(&time, &time))
    ;
}

CacheKey crash_key(uint64_t number)
{
  CacheKey key;
  Digest *digest = digest_new();
  digest_add_string(digest, "crash");
  digest_add_u64(digest, number);
  require(digest_finish(digest, key.bytes));
  return key;
}

/* ---- tokens ---- */

#define HOUR 3600000

static size_t length_of(uint64_t key, uint64_t number)
{
  uint64_t mix = (key + 1) * 0x9e3779b97f4a7c15u ^ (number + 7) * 0xbf58476d1ce4e5b9u;
  return mix >> 60 == 0 ? 1025 + (mix >> 20) % (TOKEN_MAX - 1024) : 1 + (mix >> 20) % 1024;
}

static char byte_of(uint64_t key, uint64_t number, size_t i)
{
  uint64_t mix = (key * 0x9e3779b97f4a7c15u + number) * 0xbf58476d1ce4e5b9u;
  mix = (mix ^ (mix >> 29)) * 0x94d049bb133111ebu + i * 0x2545f4914f6cdd1du;
  return (char)('!' + (mix >> 33) % 94);
}

void crash_token(CacheToken *token, uint64_t key, uint64_t number)
{
  token->boot_ms = clock_boot_ms();
  token->real_ms = clock_real_ms();
  token->lifetime_ms = HOUR + (int64_t)number;
  token->length = length_of(key, number);
  for (size_t i = 0; i < token->length; i++)
    token->value[i] = byte_of(key, number, i);
  token->value[token->length] = 0;
}

bool crash_token_is_whole(const CacheToken *token, uint64_t key)
{
  uint64_t number = (uint64_t)(token->lifetime_ms - HOUR);
  if (token->length != length_of(key, number) || token->value[token->length] != 0)
    return false;
  for (size_t i = 0; i < token->length; i++)
    if (token->value[i] != byte_of(key, number, i))
      return false;
  return true;
}

/* ---- the whole segment ---- */

static uint32_t chain_length(Cache *cache, uint32_t index)
{
  const CacheEntry *entry = cache_entry(cache, index);
  uint64_t generation = atomic_load(&entry->generation);
  const CacheVersion *version = &entry->version[generation & 1];
  uint32_t count = cache_chunks_of(version->length), chunk = version->chunk;
  for (uint32_t i = 0; i < count; i++, chunk = cache_next_chunk(cache, chunk)) {
    require(chunk >= 1 && chunk <= cache->chunks);
    require(atomic_load(&cache_link(cache, chunk - 1)->owner) == index + 1);
  }
  require(chunk == 0);
  return count;
}

/* The others, who may be many on a busy machine, have it for microseconds each; this waits longer
 * than the cache itself would. */
static bool lock_at_last(Cache *cache)
{
  for (int i = 0; i < 200; i++)
    if (cache_lock_patiently(cache))
      return true;
  return false;
}

void crash_require_whole(Cache *cache)
{
  uint32_t used = 0, free_ones = 0;
  require(lock_at_last(cache));
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    if (atomic_load(cache_fingerprint(cache, i)))
      used += chain_length(cache, i);
  for (uint32_t chunk = atomic_load(&cache->header->free_chunk);
       chunk && free_ones <= cache->chunks; chunk = cache_next_chunk(cache, chunk)) {
    require(atomic_load(&cache_link(cache, chunk - 1)->owner) == 0);
    free_ones++;
  }
  cache_unlock(cache);
  require(used + free_ones == cache->chunks);
}
