/* SPDX-License-Identifier: MIT */
#include "tests/unit/cache-fixture.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "lib/digest.h"
#include "lib/snapshot.h"
#include "tests/unit/config-block.h"

const CacheLabel some_label = {SNAPSHOT_TOKEN_BUSINESS, "sandbox", "sandbox.thredfi.com",
                               "3c90c3cc-0d44-4b50-8888-8dd25736052a"};

const size_t lengths[LENGTHS] = {
    1, 7, 8, 9, 1023, CACHE_CHUNK, CACHE_CHUNK + 1, 5000, 31 * CACHE_CHUNK, TOKEN_MAX};

Cache *cache_fixture_new(uint32_t buckets, uint32_t chunks)
{
  CacheShape shape = cache_shape(buckets, chunks);
  CacheHeader *header = child_shared(shape.size);
  assert_true(cache_init(header, &shape, buckets, chunks));
  header->first_generation = 0; /* so that tests can count them */
  Cache *cache = cache_wrap(header, buckets, chunks);
  assert_non_null(cache);
  return cache;
}

void cache_fixture_free(Cache *cache)
{
  cache_discard(cache);
}

int cache_fixture_setup(void **state)
{
  *state = cache_fixture_new(2, 256);
  return 0;
}

int cache_fixture_teardown(void **state)
{
  cache_fixture_free(*state);
  return 0;
}

CacheKey key_of(uint64_t number)
{
  CacheKey key;
  Digest *digest = digest_new();
  digest_add_u64(digest, number);
  if (!digest_finish(digest, key.bytes))
    abort();
  return key;
}

CacheToken token_new(void)
{
  CacheToken token = {.boot_ms = clock_boot_ms(), .real_ms = clock_real_ms(), .lifetime_ms = HOUR};
  token.value = malloc(TOKEN_MAX + 1);
  if (!token.value)
    abort();
  return token;
}

void token_free(CacheToken *token)
{
  free(token->value);
  token->value = NULL;
}

static char byte_of(uint64_t key, uint64_t generation, size_t length, size_t i)
{
  uint64_t mix = (key * 0x9e3779b97f4a7c15u + generation) * 0xbf58476d1ce4e5b9u + length;
  mix = (mix ^ (mix >> 29)) * 0x94d049bb133111ebu + i * 0x2545f4914f6cdd1du;
  return (char)('!' + (mix >> 33) % 94);
}

void token_fill(CacheToken *token, uint64_t key, uint64_t generation, size_t length)
{
  token->length = length;
  for (size_t i = 0; i < length; i++)
    token->value[i] = byte_of(key, generation, length, i);
  token->value[length] = 0;
}

bool token_is(const CacheToken *token, uint64_t key, uint64_t generation, size_t length)
{
  if (token->length != length || token->value[length] != 0)
    return false;
  for (size_t i = 0; i < length; i++)
    if (token->value[i] != byte_of(key, generation, length, i))
      return false;
  return true;
}

CacheClaimResult claim(Cache *cache, uint64_t key, CacheClaim *claim)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  (void)cache_read(cache, &k, &token);
  token_free(&token);
  return cache_claim(cache, &k, &some_label, token.generation, LEASE, CACHE_FOR_MISS, claim);
}

uint64_t put(Cache *cache, uint64_t key, size_t length)
{
  CacheKey k = key_of(key);
  CacheClaim c;
  CacheToken token = token_new();
  uint64_t generation = 0;
  if (claim(cache, key, &c) == CACHE_CLAIM_OWNED) {
    token_fill(&token, key, c.generation + 1, length);
    if (cache_publish(cache, &k, &c, &token))
      generation = token.generation;
    else
      cache_release(cache, &k, &c);
  }
  token_free(&token);
  return generation;
}

uint64_t seen(Cache *cache, uint64_t key, size_t length)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  uint64_t generation = 0;
  if (cache_read(cache, &k, &token) == CACHE_HIT) {
    generation = token.generation;
    if (!token_is(&token, key, generation, length)) {
      fprintf(stderr, "a wrong token of key %llu, generation %llu\n", (unsigned long long)key,
              (unsigned long long)generation);
      abort();
    }
  }
  token_free(&token);
  return generation;
}

CacheEntry *entry_of(Cache *cache, uint64_t key)
{
  CacheKey k = key_of(key);
  for (uint32_t i = 0; i < cache->buckets * CACHE_WAYS; i++)
    if (memcmp(cache_entry(cache, i)->key, k.bytes, sizeof k.bytes) == 0)
      return cache_entry(cache, i);
  fprintf(stderr, "no entry of key %llu\n", (unsigned long long)key);
  abort();
}

CacheRead read_key(Cache *cache, uint64_t key, uint64_t *generation)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  CacheRead result = cache_read(cache, &k, &token);
  *generation = token.generation;
  token_free(&token);
  return result;
}

CacheClaimResult claim_seen(Cache *cache, uint64_t key, uint64_t seen_generation, int64_t lease_ms,
                            CacheClaim *c)
{
  CacheKey k = key_of(key);
  return cache_claim(cache, &k, &some_label, seen_generation, lease_ms, CACHE_FOR_MISS, c);
}

bool publish(Cache *cache, uint64_t key, CacheClaim *c, size_t length)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  token_fill(&token, key, c->generation + 1, length);
  bool good = cache_publish(cache, &k, c, &token);
  assert_true(good ? token.generation > c->generation : token.generation == 0);
  token_free(&token);
  return good;
}

void release(Cache *cache, uint64_t key, CacheClaim *c)
{
  CacheKey k = key_of(key);
  cache_release(cache, &k, c);
}

void refuse(Cache *cache, uint64_t key, uint64_t generation)
{
  CacheKey k = key_of(key);
  cache_refuse(cache, &k, generation);
}

uint64_t counter(const Cache *cache, CacheCounter which)
{
  return atomic_load(&cache->header->counters[which]);
}

/* Claims until it is no longer `while_result`; nothing here waits longer than a few leases. */
CacheClaimResult claim_until(Cache *cache, uint64_t key, uint64_t seen_generation,
                             CacheClaimResult while_result, CacheClaim *c)
{
  const struct timespec pause = {0, 1000000};
  int64_t end = clock_monotonic_ms() + 10000;
  CacheClaimResult result;
  while ((result = claim_seen(cache, key, seen_generation, LEASE, c)) == while_result &&
         clock_monotonic_ms() < end)
    nanosleep(&pause, NULL);
  return result;
}

void forget_copy(uint64_t key)
{
  CacheKey k = key_of(key);
  copies_drop(&k);
}

uint32_t used_chunks(const Cache *cache)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < cache->chunks; i++)
    count += atomic_load(&cache_link(cache, i)->owner) != 0;
  return count;
}

static uint32_t chain_length(Cache *cache, uint32_t entry)
{
  const CacheEntry *e = cache_entry(cache, entry);
  const CacheVersion *version = &e->version[atomic_load(&e->generation) & 1];
  uint32_t count = cache_chunks_of(version->length), chunk = version->chunk;
  for (uint32_t i = 0; i < count; i++, chunk = cache_next_chunk(cache, chunk)) {
    require(chunk >= 1 && chunk <= cache->chunks);
    require(atomic_load(&cache_link(cache, chunk - 1)->owner) == entry + 1);
  }
  require(chunk == 0);
  require(e->version[~atomic_load(&e->generation) & 1].chunk == 0);
  return count;
}

void require_chunks_whole(Cache *cache)
{
  uint32_t used = 0, free = 0;
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    if (atomic_load(cache_fingerprint(cache, i)))
      used += chain_length(cache, i);
  for (uint32_t chunk = atomic_load(&cache->header->free_chunk); chunk && free <= cache->chunks;
       chunk = cache_next_chunk(cache, chunk)) {
    require(atomic_load(&cache_link(cache, chunk - 1)->owner) == 0);
    free++;
  }
  require(used == used_chunks(cache));
  require(used + free == cache->chunks);
  require(free == atomic_load(&cache->header->free_chunks));
}

/* A block without a table, filled up with `fill`. */
static void *config_block(size_t size, char fill)
{
  Snapshot *block = malloc(size);
  assert_non_null(block);
  memset(block, fill, size);
  *block = config_block_head(size);
  ((char *)block)[size - 1] = 0;
  return block;
}

void store(Cache *cache, uint64_t origin, size_t size, char fill)
{
  void *block = config_block(size, fill);
  CacheKey key = key_of(origin);
  cache_store_config(cache, key.bytes, block, size);
  free(block);
}

/* The block of `origin` is this one; size 0: there is none. */
void assert_stored(Cache *cache, uint64_t origin, size_t size, char fill)
{
  CacheKey key = key_of(origin);
  size_t got = 0;
  void *block = cache_load_config(cache, key.bytes, &got);
  if (size == 0) {
    assert_null(block);
    return;
  }
  void *expected = config_block(size, fill);
  assert_non_null(block);
  assert_int_equal(got, size);
  assert_memory_equal(block, expected, size);
  free(block);
  free(expected);
}
