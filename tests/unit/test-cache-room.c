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

static void big_buffers_run_out(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 100, 20), 1);
  for (uint64_t round = 1; round <= 10; round++) {
    uint32_t hits = 0;
    for (uint64_t key = 0; key < 12; key++) {
      assert_int_not_equal(put(cache, key, 2000 + round), 0);
      assert_int_not_equal(seen(cache, key, 2000 + round), 0);
    }
    for (uint64_t key = 0; key < 12; key++)
      hits += seen(cache, key, 2000 + round) != 0;
    assert_in_range(hits, 1, cache->big_count);
  }
  assert_int_equal(seen(cache, 100, 20), 1);
}

static void big_buffers_come_back(void **state)
{
  Cache *cache = *state;
  for (int i = 0; i < 20; i++)
    assert_int_not_equal(put(cache, 1, 2000), 0);
  assert_in_range(big_owners(cache), 1, 2);
  assert_int_not_equal(put(cache, 1, 20), 0);
  assert_int_not_equal(put(cache, 1, 20), 0);
  assert_int_equal(big_owners(cache), 0);
  assert_int_not_equal(put(cache, 1, 2000), 0);
  assert_int_equal(cache_flush(cache), 1);
  assert_int_equal(big_owners(cache), 0);
}

static void one_big_buffer(void **state)
{
  (void)state;
  Cache *cache = cache_fixture_new(2, 1);
  for (uint64_t i = 0; i < 60; i++) {
    uint64_t key = i % 3;
    uint64_t generation = put(cache, key, 3000 + i);
    assert_int_equal(seen(cache, key, 3000 + i), generation);
    for (uint64_t other = 0; other < 3; other++)
      if (other != key)
        assert_int_equal(seen(cache, other, 3000 + i), 0);
  }
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
  assert_int_equal(put(cache, 1, 20), 2);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(eviction),
      TEST(the_old_make_room),
      TEST(evicted_while_fetching),
      TEST(big_buffers_run_out),
      TEST(big_buffers_come_back),
      cmocka_unit_test(one_big_buffer),
      TEST(flush),
  };
  return cmocka_run_group_tests_name("cache-room", tests, NULL, NULL);
}
