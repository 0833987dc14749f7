/* SPDX-License-Identifier: MIT */
/* lib/cache: what a server refused to one, nobody asks again for a while. */
#include <stdatomic.h>

#include "tests/unit/cache-fixture.h"

static void meets_a_failure(void *data)
{
  CacheClaim c;
  require(claim(data, 1, &c) == CACHE_CLAIM_FAILED);
  require(c.failure == THRED_E_BUSINESS_NOT_FOUND && c.failure_status == 404);
  require(c.retry_ms > 0 && c.retry_ms <= 30000);
}

static void failure_is_shared(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim late, c, other;
  assert_int_equal(claim_seen(cache, 1, 0, 1, &late), CACHE_CLAIM_OWNED);
  assert_int_equal(claim_until(cache, 1, 0, CACHE_CLAIM_BUSY, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_BUSINESS_NOT_FOUND, 404, 30000);
  child_run(meets_a_failure, cache);
  assert_int_equal(claim(cache, 1, &other), CACHE_CLAIM_FAILED);
  assert_in_range(other.retry_ms, 20000, 30000);
  assert_int_equal(claim(cache, 2, &other), CACHE_CLAIM_OWNED);
  /* Whoever came with an old lease has nothing to say. */
  cache_fail(cache, &k, &late, THRED_E_SERVER, 500, 0);
  release(cache, 1, &late);
  assert_int_equal(claim(cache, 1, &other), CACHE_CLAIM_FAILED);
  assert_int_equal(other.failure_status, 404);
}

static void failure_ends(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 503, 10);
  assert_int_equal(claim_until(cache, 1, 0, CACHE_CLAIM_FAILED, &c), CACHE_CLAIM_OWNED);
  assert_true(publish(cache, 1, &c, 20));
  assert_int_equal(entry_of(cache, 1)->failure, 0);
  assert_int_equal(entry_of(cache, 1)->failures, 0);
}

/* A token that still serves is not hidden by a refresh that failed. */
static void failure_beside_a_token(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  assert_int_equal(put(cache, 1, 20), 1);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 503, 30000);
  assert_int_equal(seen(cache, 1, 20), 1);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_FAILED);
  assert_int_equal(claim_seen(cache, 1, 0, LEASE, &c), CACHE_CLAIM_NEWER);
}

static void back_off_grows(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  static const int64_t whole[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
  for (int round = 0; round < 2; round++) {
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
      assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
      cache_fail(cache, &k, &c, THRED_E_SERVER, 503, 0);
      assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_FAILED);
      assert_in_range(c.retry_ms, whole[i] / 2 - 400, whole[i]);
      atomic_store(&entry_of(cache, 1)->failure_until, 0);
    }
    assert_int_not_equal(put(cache, 1, 20), 0); /* success starts it anew */
  }
}

static void longest_failure(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 429, HOUR);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_FAILED);
  /* Further ahead than an hour is another clock's, or garbage. */
  atomic_store(&entry_of(cache, 1)->failure_until, (uint64_t)clock_boot_ms() + HOUR + 60000);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
}

/* ---- renewals ahead of expiry ---- */

static CacheClaimResult claim_renewal(Cache *cache, uint64_t key, uint64_t generation,
                                      CacheClaim *c)
{
  CacheKey k = key_of(key);
  return cache_claim(cache, &k, &some_label, generation, LEASE, CACHE_FOR_RENEWAL, c);
}

static void renewal_is_anybodys(void *data)
{
  CacheClaim c;
  require(claim_renewal(data, 1, 1, &c) == CACHE_CLAIM_LATER);
}

/* It holds back renewals in every process, and nobody who has no token. */
static void postponed(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c, other;
  assert_int_equal(put(cache, 1, 20), 1);
  assert_int_equal(claim_renewal(cache, 1, 1, &c), CACHE_CLAIM_OWNED);
  assert_int_equal(claim_renewal(cache, 1, 1, &other), CACHE_CLAIM_BUSY);
  cache_postpone(cache, &k, &c);
  child_run(renewal_is_anybodys, cache);
  assert_int_equal(claim_renewal(cache, 1, 1, &other), CACHE_CLAIM_LATER);
  assert_int_equal(seen(cache, 1, 20), 1);
  assert_int_equal(claim_seen(cache, 1, 1, LEASE, &c), CACHE_CLAIM_OWNED);
  assert_true(publish(cache, 1, &c, 30));
  /* A token ends the pause. */
  assert_int_equal(claim_renewal(cache, 1, 2, &c), CACHE_CLAIM_OWNED);
  release(cache, 1, &c);
}

static void postponed_for_longer_each_time(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  static const int64_t whole[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
  assert_int_equal(put(cache, 1, 20), 1);
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
    assert_int_equal(claim_renewal(cache, 1, 1, &c), CACHE_CLAIM_OWNED);
    cache_postpone(cache, &k, &c);
    CacheEntry *entry = entry_of(cache, 1);
    int64_t left = (int64_t)atomic_load(&entry->renew_after) - clock_boot_ms();
    assert_in_range(left, whole[i] / 2 - 400, whole[i]);
    atomic_store(&entry->renew_after, 0);
  }
  /* Further ahead than an hour is another clock's, or garbage. */
  atomic_store(&entry_of(cache, 1)->renew_after, (uint64_t)clock_boot_ms() + HOUR + 60000);
  assert_int_equal(claim_renewal(cache, 1, 1, &c), CACHE_CLAIM_OWNED);
  release(cache, 1, &c);
}

/* What the server said of a renewal counts for it as for any other request. */
static void server_refused_the_renewal(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  assert_int_equal(put(cache, 1, 20), 1);
  assert_int_equal(claim_renewal(cache, 1, 1, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 429, 30000);
  assert_int_equal(claim_renewal(cache, 1, 1, &c), CACHE_CLAIM_LATER);
  assert_int_equal(seen(cache, 1, 20), 1);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(failure_is_shared),
      TEST(failure_ends),
      TEST(failure_beside_a_token),
      TEST(back_off_grows),
      TEST(longest_failure),
      TEST(postponed),
      TEST(postponed_for_longer_each_time),
      TEST(server_refused_the_renewal),
  };
  return cmocka_run_group_tests_name("cache-failures", tests, NULL, NULL);
}
