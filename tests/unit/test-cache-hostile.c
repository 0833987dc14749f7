/* SPDX-License-Identifier: MIT */
/* lib/cache: peers that write garbage, or die inside the lock. */
#include <signal.h>
#include <stdatomic.h>

#include "tests/unit/cache-fixture.h"

/* ---- broken peers ---- */

static void flip_every_byte(Cache *cache, void *start, size_t size, size_t length)
{
  unsigned char *bytes = start;
  for (size_t at = 0; at < size; at++)
    for (int i = 0; i < 9; i++) {
      unsigned char change = i < 8 ? (unsigned char)(1 << i) : 0xff;
      bytes[at] ^= change;
      assert_int_equal(seen(cache, 1, length), 0);
      bytes[at] ^= change;
    }
}

static void corrupted_tokens(void **state)
{
  static const size_t some[] = {1, 100, CACHE_CHUNK, CACHE_CHUNK + 1};
  Cache *cache = *state;
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
    cache_flush(cache); /* or a generation less one would bring the one before back, whole */
    uint64_t generation = put(cache, 1, some[i]);
    CacheEntry *entry = entry_of(cache, 1);
    CacheVersion *version = &entry->version[generation & 1];
    forget_copy(1);
    flip_every_byte(cache, version, sizeof *version, some[i]);
    flip_every_byte(cache, cache_chunk(cache, version->chunk - 1)->data,
                    some[i] < CACHE_CHUNK ? some[i] : CACHE_CHUNK, some[i]);
    flip_every_byte(cache, entry->key, sizeof entry->key, some[i]);
    flip_every_byte(cache, &entry->generation, sizeof entry->generation, some[i]);
    cache->header->salt[0] ^= 1; /* whoever is in has a copy of it */
    assert_int_equal(seen(cache, 1, some[i]), generation);
    cache->header->salt[0] ^= 1;
    forget_copy(1);
    flip_every_byte(cache, cache->salt, sizeof cache->salt, some[i]);
    flip_every_byte(cache, cache->key, sizeof *cache->key, some[i]);
    assert_int_equal(seen(cache, 1, some[i]), generation);
  }
}

/* One entry's token, time stamps included, put under another key. */
static void transplanted_token(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 100), 1);
  assert_int_equal(put(cache, 2, 100), 1);
  CacheEntry *one = entry_of(cache, 1), *two = entry_of(cache, 2);
  memcpy(two->version, one->version, sizeof two->version);
  assert_int_equal(seen(cache, 2, 100), 0);
  assert_int_equal(seen(cache, 1, 100), 1);
}

/* The token of an old generation, whole, under a new number. */
static void old_token_again(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 100), 1);
  CacheEntry *entry = entry_of(cache, 1);
  CacheVersion old = entry->version[1];
  static CacheChunk bytes;
  memcpy(&bytes, cache_chunk(cache, old.chunk - 1), sizeof bytes);
  assert_int_equal(put(cache, 1, 100), 2);
  assert_int_equal(put(cache, 1, 100), 3);
  old.generation = 3;
  old.chunk = entry->version[1].chunk;
  entry->version[1] = old;
  memcpy(cache_chunk(cache, old.chunk - 1), &bytes, sizeof bytes);
  assert_int_equal(seen(cache, 1, 100), 0);
}

/* Everything that takes a key, on whatever is there. */
static void use_everything(Cache *cache, uint64_t key)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  CacheClaim c;
  size_t size;
  (void)seen(cache, key, 100);
  (void)cache_is_busy(cache, &k);
  cache_refuse(cache, &k, 1);
  if (cache_claim(cache, &k, &some_label, 0, LEASE, CACHE_FOR_REFETCH, &c) == CACHE_CLAIM_OWNED) {
    size_t length = lengths[key % LENGTHS];
    token_fill(&token, key, c.generation + 1, length);
    if (key % 3 == 0)
      cache_fail(cache, &k, &c, THRED_E_SERVER, 500, 0);
    else if (key % 3 == 1)
      cache_release(cache, &k, &c);
    else if (cache_publish(cache, &k, &c, &token))
      (void)seen(cache, key, length);
  }
  free(cache_load_config(cache, k.bytes, &size));
  token_free(&token);
}

static void corrupt_entry(Cache *cache, CacheEntry *entry)
{
  CacheEntry saved = *entry;
  unsigned char *bytes = (unsigned char *)entry;
  for (size_t at = 0; at < sizeof(CacheEntry); at++)
    for (int i = 0; i < 3; i++) {
      CacheClaim c;
      bytes[at] ^= (unsigned char[]){0x01, 0x80, 0xff}[i];
      (void)claim_seen(cache, 2, 0, LEASE, &c);
      use_everything(cache, 2);
      *entry = saved;
    }
}

/* With a sanitizer: nothing that a broken peer wrote makes arithmetic overflow. */
static void corrupted_entries(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 2, 100), 1);
  CacheEntry *entry = entry_of(cache, 2);
  corrupt_entry(cache, entry);
  entry->failure = THRED_E_SERVER;
  corrupt_entry(cache, entry);
}

static void garbage(void **state)
{
  Cache *cache = *state;
  unsigned char *start = (unsigned char *)cache->header + cache->shape.buckets;
  size_t size = cache->shape.size - cache->shape.buckets;
  uint64_t x = 88172645463325252u;
  for (int round = 0; round < 8; round++) {
    for (size_t i = 0; i < size; i++) {
      x ^= x << 13, x ^= x >> 7, x ^= x << 17;
      start[i] = round == 0 ? 0xff : round == 1 ? 0x80 : round == 2 ? 0x7f : (unsigned char)x;
    }
    /* So that some keys find the entries that hold the garbage. */
    for (uint64_t key = 0; round > 2 && key < 16; key++) {
      CacheKey k = key_of(key);
      memcpy(cache_entry(cache, (uint32_t)key)->key, k.bytes, sizeof k.bytes);
      uint64_t fingerprint;
      memcpy(&fingerprint, k.bytes, sizeof fingerprint);
      cache_bucket(cache, (uint32_t)key / CACHE_WAYS)->fingerprint[key % CACHE_WAYS] = fingerprint;
    }
    for (uint64_t key = 0; key < 60; key++)
      use_everything(cache, key);
    assert_true(cache_flush(cache) >= 0);
    store(cache, 1, 1000, 'a');
    assert_stored(cache, 1, 1000, 'a');
  }
}

/* ---- death inside the lock ---- */

typedef struct {
  Cache *cache;
  int what;
} Death;

static void die_inside(void *data)
{
  const Death *death = data;
  Cache *cache = death->cache;
  CacheEntry *entry = entry_of(cache, 1);
  require(cache_lock(cache));
  if (death->what == 1)
    memset(entry->key, 0xee, sizeof entry->key); /* another key, half written */
  if (death->what == 2)
    memset(&entry->version[0], 0xee, sizeof entry->version[0]);
  if (death->what == 3) /* chunks on their way, neither free nor anybody's */
    for (uint32_t i = 0; i < 40; i++)
      require(cache_take_chunks(cache, 1, 5 + i));
  if (death->what == 4)
    memset(cache_link(cache, 0), 0xee, cache->chunks * sizeof(CacheLink));
  raise(SIGKILL);
}

static void owner_dies(void **state)
{
  (void)state;
  for (int what = 0; what <= 4; what++) {
    Cache *cache = cache_fixture_new(2, 256);
    Death death = {cache, what};
    assert_int_equal(put(cache, 1, 20), 1);
    assert_int_equal(child_wait(child_start(die_inside, &death)), 128 + SIGKILL);
    uint64_t generation = put(cache, 2, 2000);
    assert_int_not_equal(generation, 0);
    assert_int_equal(counter(cache, CACHE_COUNT_REPAIRED), 1);
    assert_int_equal(seen(cache, 2, 2000), generation);
    assert_int_equal(seen(cache, 1, 20), what == 1 ? 0 : 1);
    assert_int_equal(used_chunks(cache), what == 1 ? 2 : 3);
    require_chunks_whole(cache);
    assert_int_not_equal(put(cache, 1, 20), 0);
    require_chunks_whole(cache);
    assert_int_equal(atomic_load(&cache->header->state), CACHE_LIVE);
    cache_fixture_free(cache);
  }
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(corrupted_tokens), TEST(transplanted_token),
      TEST(old_token_again),  TEST(corrupted_entries),
      TEST(garbage),          cmocka_unit_test(owner_dies),
  };
  return cmocka_run_group_tests_name("cache-hostile", tests, NULL, NULL);
}
