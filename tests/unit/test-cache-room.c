/* SPDX-License-Identifier: MIT */
/* lib/cache: more keys and more large tokens than there is room for. */
#include <stdatomic.h>
#include <time.h>

#include "tests/unit/cache-fixture.h"

static void eviction(void **state)
{
  Cache *cache = *state;
  uint32_t entries = cache->buckets * CACHE_WAYS;
  uint64_t *generations = calloc(entries, sizeof *generations);
  for (uint64_t key = 0; key < 500; key++) {
    uint64_t generation = put(cache, key, lengths[key % LENGTHS]);
    assert_int_not_equal(generation, 0);
    assert_int_equal(seen(cache, key, lengths[key % LENGTHS]), generation);
    for (uint32_t i = 0; i < entries; i++) {
      uint64_t now = atomic_load(&cache_entry(cache, i)->generation);
      assert_true(now >= generations[i]);
      generations[i] = now;
    }
  }
  free(generations);
  uint32_t hits = 0;
  for (uint64_t key = 0; key < 500; key++)
    hits += seen(cache, key, lengths[key % LENGTHS]) != 0;
  assert_in_range(hits, 1, entries);
  assert_in_range(counter(cache, CACHE_COUNT_EVICTED), 500 - entries, 500);
}

/* Under steady new keys the ones that nobody reads any more make room, not each new one for the
 * next. */
static void the_old_make_room(void **state)
{
  Cache *cache = *state;
  uint32_t left = 0;
  for (uint64_t key = 0; key < 116; key++)
    assert_int_not_equal(put(cache, key, 20), 0);
  for (uint64_t key = 0; key < 16; key++)
    left += seen(cache, key, 20) != 0;
  assert_in_range(left, 0, 4);
}

static bool has_entry(Cache *cache, uint64_t key)
{
  CacheKey k = key_of(key);
  for (uint32_t i = 0; i < cache->buckets * CACHE_WAYS; i++)
    if (memcmp(cache_entry(cache, i)->key, k.bytes, sizeof k.bytes) == 0)
      return true;
  return false;
}

/* The right to publish does not outlive the entry's key. */
static void evicted_while_fetching(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim late;
  const struct timespec pause = {0, 1000000};
  assert_int_equal(claim_seen(cache, 1, 0, 1, &late), CACHE_CLAIM_OWNED);
  while (cache_is_busy(cache, &k))
    nanosleep(&pause, NULL);
  for (uint64_t key = 100; key < 5000 && has_entry(cache, 1); key++)
    put(cache, key, 20);
  assert_false(has_entry(cache, 1));
  assert_false(publish(cache, 1, &late, 20));
  assert_false(publish(cache, 1, &late, 2000));
  assert_int_equal(seen(cache, 1, 20), 0);
  release(cache, 1, &late);
}

/* Half of a minimal segment's chunks is what eight of these keys take. */
static void chunks_run_out(void **state)
{
  Cache *cache = *state;
  for (uint64_t round = 1; round <= 10; round++) {
    uint32_t hits = 0;
    for (uint64_t key = 0; key < 12; key++) {
      assert_int_not_equal(put(cache, key, 30 * CACHE_CHUNK + round), 0);
      assert_int_not_equal(seen(cache, key, 30 * CACHE_CHUNK + round), 0);
      require_chunks_whole(cache);
    }
    for (uint64_t key = 0; key < 12; key++)
      hits += seen(cache, key, 30 * CACHE_CHUNK + round) != 0;
    assert_in_range(hits, 4, 8);
  }
  assert_int_not_equal(counter(cache, CACHE_COUNT_EVICTED), 0);
}

static void chunks_come_back(void **state)
{
  Cache *cache = *state;
  for (int i = 0; i < 300; i++)
    assert_int_not_equal(put(cache, 1, 2000), 0);
  assert_int_equal(used_chunks(cache), 2);
  assert_int_not_equal(put(cache, 1, 20), 0);
  assert_int_equal(used_chunks(cache), 1);
  assert_int_not_equal(put(cache, 1, TOKEN_MAX), 0);
  assert_int_equal(used_chunks(cache), TOKEN_MAX / CACHE_CHUNK);
  assert_int_equal(cache_flush(cache), 1);
  assert_int_equal(used_chunks(cache), 0);
  require_chunks_whole(cache);
}

/* What is free, evicted or flushed holds no bytes of a token. */
static void nothing_is_left_behind(void **state)
{
  Cache *cache = *state;
  for (uint64_t key = 0; key < 60; key++)
    assert_int_not_equal(put(cache, key, lengths[key % LENGTHS]), 0);
  cache_flush(cache);
  for (uint32_t i = 0; i < cache->chunks; i++)
    for (size_t k = 0; k < CACHE_CHUNK / 8; k++)
      assert_int_equal(atomic_load(&cache_chunk(cache, i)->data[k]), 0);
}

/* A segment whose list of free chunks a broken peer has cut: found again by the next who needs one.
 */
static void lost_chunks_are_found(void **state)
{
  Cache *cache = *state;
  assert_int_not_equal(put(cache, 1, 100), 0);
  static const uint32_t heads[] = {0, UINT32_MAX, 257};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    atomic_store(&cache->header->free_chunk, heads[i]);
    atomic_store(&entry_of(cache, 1)->referenced, 1);
    assert_int_not_equal(put(cache, 2 + i, 3000), 0);
    require_chunks_whole(cache);
  }
  /* A ring: the same chunk would go to two entries. */
  uint32_t head = atomic_load(&cache->header->free_chunk);
  atomic_store(&cache_link(cache, head - 1)->next, head);
  assert_int_not_equal(put(cache, 10, 100), 0);
  assert_int_not_equal(put(cache, 11, 100), 0);
  assert_int_not_equal(seen(cache, 10, 100), 0);
  assert_int_not_equal(seen(cache, 11, 100), 0);
  require_chunks_whole(cache);
}

/* More than fits at all: nobody else's token is lost for it, and the caller keeps his. */
static void too_few_chunks(void **state)
{
  (void)state;
  Cache *cache = cache_fixture_new(2, 4);
  assert_int_equal(put(cache, 1, 5000), 0);
  assert_int_equal(put(cache, 2, 4 * CACHE_CHUNK), 1);
  assert_int_equal(seen(cache, 2, 4 * CACHE_CHUNK), 1);
  require_chunks_whole(cache);
  cache_fixture_free(cache);
}

static void flush(void **state)
{
  Cache *cache = *state;
  CacheKey failed = key_of(3);
  CacheClaim running, c;
  assert_int_equal(put(cache, 1, 20), 1);
  assert_int_equal(put(cache, 2, 2000), 1);
  assert_int_equal(claim(cache, 3, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &failed, &c, THRED_E_SERVER, 503, 30000);
  assert_int_equal(claim(cache, 4, &running), CACHE_CLAIM_OWNED);
  assert_int_equal(cache_flush(cache), 2);
  assert_int_equal(cache_flush(cache), 0);
  assert_int_equal(seen(cache, 1, 20), 0);
  assert_int_equal(seen(cache, 2, 2000), 0);
  assert_int_equal(claim(cache, 3, &c), CACHE_CLAIM_OWNED);
  assert_int_equal(claim(cache, 4, &c), CACHE_CLAIM_BUSY);
  assert_true(publish(cache, 4, &running, 20));
  assert_int_equal(seen(cache, 4, 20), 1);
  /* Generations moved on, twice, so that nobody uses a copy of what was there. */
  assert_int_equal(put(cache, 1, 20), 4);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(eviction),
      TEST(the_old_make_room),
      TEST(evicted_while_fetching),
      TEST(chunks_run_out),
      TEST(chunks_come_back),
      TEST(nothing_is_left_behind),
      TEST(lost_chunks_are_found),
      cmocka_unit_test(too_few_chunks),
      TEST(flush),
  };
  return cmocka_run_group_tests_name("cache-room", tests, NULL, NULL);
}
