/* SPDX-License-Identifier: MIT */
/* lib/cache: who may fetch, for how long, and who waits for it. */
#include <stdatomic.h>
#include <time.h>

#include "tests/unit/cache-fixture.h"

/* ---- claims ---- */

static void one_owner(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim first, second;
  assert_false(cache_is_busy(cache, &k));
  assert_int_equal(claim(cache, 1, &first), CACHE_CLAIM_OWNED);
  assert_int_equal(first.generation, 0);
  assert_true(cache_is_busy(cache, &k));
  assert_int_equal(claim(cache, 1, &second), CACHE_CLAIM_BUSY);
  assert_int_equal(claim(cache, 2, &second), CACHE_CLAIM_OWNED);
  release(cache, 1, &first);
  assert_false(cache_is_busy(cache, &k));
  assert_int_equal(claim(cache, 1, &second), CACHE_CLAIM_OWNED);
  assert_true(second.epoch > first.epoch);
  /* A release that comes late is not the new owner's. */
  release(cache, 1, &first);
  assert_true(cache_is_busy(cache, &k));
}

static void somebody_was_faster(void **state)
{
  Cache *cache = *state;
  CacheClaim c;
  assert_int_equal(put(cache, 1, 20), 1);
  assert_int_equal(claim_seen(cache, 1, 0, LEASE, &c), CACHE_CLAIM_NEWER);
  assert_int_equal(claim_seen(cache, 1, 1, LEASE, &c), CACHE_CLAIM_OWNED);
  /* While one is fetching early, the token that is there still serves. */
  assert_int_equal(claim_seen(cache, 1, 0, LEASE, &c), CACHE_CLAIM_NEWER);
  assert_int_equal(claim_seen(cache, 1, 1, LEASE, &c), CACHE_CLAIM_BUSY);
  assert_int_equal(seen(cache, 1, 20), 1);
}

static void lease_is_taken_over(void **state)
{
  Cache *cache = *state;
  CacheClaim late, now;
  for (size_t i = 0; i < LENGTHS; i++) {
    uint64_t key = i;
    assert_int_equal(claim_seen(cache, key, 0, 5, &late), CACHE_CLAIM_OWNED);
    assert_int_equal(claim_until(cache, key, 0, CACHE_CLAIM_BUSY, &now), CACHE_CLAIM_OWNED);
    assert_false(publish(cache, key, &late, lengths[i]));
    assert_int_equal(seen(cache, key, lengths[i]), 0);
    assert_true(publish(cache, key, &now, lengths[i]));
    assert_false(publish(cache, key, &late, lengths[i]));
    assert_int_equal(seen(cache, key, lengths[i]), 1);
  }
}

/* An owner that comes late, but before anybody else: its token is as good as any. */
static void late_but_alone(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  const struct timespec pause = {0, 1000000};
  assert_int_equal(claim_seen(cache, 1, 0, 1, &c), CACHE_CLAIM_OWNED);
  while (cache_is_busy(cache, &k))
    nanosleep(&pause, NULL);
  assert_true(publish(cache, 1, &c, 20));
  assert_int_equal(seen(cache, 1, 20), 1);
}

static void a_lease_of_another_clock_is_none(void **state)
{
  Cache *cache = *state;
  CacheClaim c;
  static const uint64_t untils[] = {UINT64_MAX, UINT64_MAX - 1, INT64_MAX, (uint64_t)1 << 63, 1, 2};
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  for (size_t i = 0; i < sizeof untils / sizeof *untils; i++) {
    atomic_store(&entry_of(cache, 1)->lease, untils[i]);
    assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  }
  atomic_store(&entry_of(cache, 1)->lease, ((uint64_t)clock_boot_ms() + 11 * 60000) << 1);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
}

static void refetches_are_limited(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  for (int i = 0; i < 10; i++) {
    assert_int_equal(cache_claim(cache, &k, &some_label, 0, LEASE, CACHE_FOR_REFETCH, &c),
                     CACHE_CLAIM_OWNED);
    release(cache, 1, &c);
  }
  for (int i = 0; i < 3; i++) {
    assert_int_equal(cache_claim(cache, &k, &some_label, 0, LEASE, CACHE_FOR_REFETCH, &c),
                     CACHE_CLAIM_LIMITED);
    assert_in_range(c.retry_ms, 1, 60000);
  }
  /* What follows no 401 is not counted, and another key has its own share. */
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  release(cache, 1, &c);
  CacheKey other = key_of(2);
  assert_int_equal(cache_claim(cache, &other, &some_label, 0, LEASE, CACHE_FOR_REFETCH, &c),
                   CACHE_CLAIM_OWNED);
  /* The next minute. */
  entry_of(cache, 1)->refetch_window -= 60000;
  assert_int_equal(cache_claim(cache, &k, &some_label, 0, LEASE, CACHE_FOR_REFETCH, &c),
                   CACHE_CLAIM_OWNED);
}

/* A publish in between does not start the count anew: a server that answers every token with 401
 * would have us fetch without end. */
static void refetches_count_through_publishes(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  uint64_t generation = put(cache, 1, 20);
  for (int i = 0; i < 10; i++) {
    refuse(cache, 1, generation);
    assert_int_equal(cache_claim(cache, &k, &some_label, generation, LEASE, CACHE_FOR_REFETCH, &c),
                     CACHE_CLAIM_OWNED);
    assert_true(publish(cache, 1, &c, 20));
    generation++;
  }
  refuse(cache, 1, generation);
  assert_int_equal(cache_claim(cache, &k, &some_label, generation, LEASE, CACHE_FOR_REFETCH, &c),
                   CACHE_CLAIM_LIMITED);
}

static void no_lock_no_room(void **state)
{
  Cache *cache = *state;
  CacheClaim c;
  CacheKey k = key_of(1);
  uint32_t owned = 0;
  for (uint64_t key = 0; key < 400; key++)
    owned += claim(cache, key, &c) == CACHE_CLAIM_OWNED;
  assert_int_equal(owned, cache->buckets * CACHE_WAYS);
  assert_int_equal(claim(cache, 1000, &c), CACHE_CLAIM_NONE);
  atomic_store(&cache->header->state, CACHE_RETIRED);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_LOCKED);
  assert_int_equal(cache_flush(cache), -1);
  cache_release(cache, &k, &c);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 500, 0);
  cache_refuse(cache, &k, 1);
  assert_false(publish(cache, 1, &c, 20));
  assert_false(publish(cache, 1, &c, 2000));
}

/* ---- waiting ---- */

typedef struct {
  Cache *cache;
  _Atomic(int) waiting, woken;
  _Atomic(int64_t) took_ms;
} Waiter;

static void wait_for_key_1(void *data)
{
  Waiter *w = data;
  CacheClaim c;
  require(claim(w->cache, 1, &c) == CACHE_CLAIM_BUSY);
  int64_t start = clock_monotonic_ms();
  atomic_store(&w->waiting, 1);
  cache_wait(w->cache, &c, 50000);
  w->took_ms = clock_monotonic_ms() - start;
  atomic_store(&w->woken, 1);
}

static void wakes(Cache *cache, int how)
{
  Waiter *w = child_shared(sizeof *w);
  CacheKey k = key_of(1);
  CacheClaim c;
  const struct timespec pause = {0, 20000000};
  w->cache = cache;
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  pid_t pid = child_start(wait_for_key_1, w);
  assert_true(child_await(&w->waiting, 1));
  nanosleep(&pause, NULL); /* so that it mostly sleeps; both orders are right */
  assert_int_equal(atomic_load(&w->woken), 0);
  if (how == 0)
    release(cache, 1, &c);
  else if (how == 1)
    cache_fail(cache, &k, &c, THRED_E_SERVER, 500, 1);
  else
    assert_true(publish(cache, 1, &c, how == 2 ? 20 : 2000));
  assert_int_equal(child_wait(pid), 0);
  assert_in_range(w->took_ms, 0, 20000);
}

static void whoever_waits_is_woken(void **state)
{
  (void)state;
  for (int how = 0; how <= 3; how++) {
    Cache *cache = cache_fixture_new(2, 256);
    wakes(cache, how);
    cache_fixture_free(cache);
  }
}

static void waiting_ends(void **state)
{
  Cache *cache = *state;
  CacheClaim owner, busy;
  assert_int_equal(claim(cache, 1, &owner), CACHE_CLAIM_OWNED);
  assert_int_equal(claim(cache, 1, &busy), CACHE_CLAIM_BUSY);
  int64_t start = clock_monotonic_ms();
  cache_wait(cache, &busy, 30);
  assert_in_range(clock_monotonic_ms() - start, 25, 20000);
  /* What changed before the wait is not waited for. */
  release(cache, 1, &owner);
  start = clock_monotonic_ms();
  cache_wait(cache, &busy, 50000);
  assert_in_range(clock_monotonic_ms() - start, 0, 20000);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(one_owner),
      TEST(somebody_was_faster),
      TEST(lease_is_taken_over),
      TEST(late_but_alone),
      TEST(a_lease_of_another_clock_is_none),
      TEST(refetches_are_limited),
      TEST(refetches_count_through_publishes),
      TEST(no_lock_no_room),
      cmocka_unit_test(whoever_waits_is_woken),
      TEST(waiting_ends),
  };
  return cmocka_run_group_tests_name("cache-claims", tests, NULL, NULL);
}
