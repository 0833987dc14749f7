/* SPDX-License-Identifier: MIT */
/* lib/cache: a token goes in and comes out whole, until it expires or a server refuses it. */
#include <stdatomic.h>
#include <time.h>

#include "lib/snapshot.h"
#include "tests/unit/cache-fixture.h"

/* ---- in and out ---- */

static void nothing_there(void **state)
{
  uint64_t generation = 99;
  assert_int_equal(read_key(*state, 1, &generation), CACHE_MISS);
  assert_int_equal(generation, 0);
}

static void round_trips(void **state)
{
  Cache *cache = *state;
  for (size_t i = 0; i < LENGTHS; i++) {
    assert_int_equal(put(cache, i, lengths[i]), 1);
    assert_int_equal(seen(cache, i, lengths[i]), 1);
  }
  for (size_t i = 0; i < LENGTHS; i++)
    assert_int_equal(seen(cache, i, lengths[i]), 1);
  assert_int_equal(counter(cache, CACHE_COUNT_PUBLISHED), LENGTHS);
}

static void times_come_back(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  CacheToken in = token_new(), out = token_new();
  in.boot_ms -= 1234;
  in.real_ms -= 777;
  in.lifetime_ms = 7777777;
  token_fill(&in, 1, 1, 100);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  assert_true(cache_publish(cache, &k, &c, &in));
  assert_int_equal(cache_read(cache, &k, &out), CACHE_HIT);
  assert_int_equal(out.boot_ms, in.boot_ms);
  assert_int_equal(out.real_ms, in.real_ms);
  assert_int_equal(out.lifetime_ms, in.lifetime_ms);
  assert_int_equal(out.length, 100);
  token_free(&in);
  token_free(&out);
}

static void impossible_lengths(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  CacheToken token = token_new();
  static const size_t impossible[] = {0, TOKEN_MAX + 1, SIZE_MAX};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
    token.length = impossible[i];
    assert_false(cache_publish(cache, &k, &c, &token));
    assert_int_equal(seen(cache, 1, 1), 0);
  }
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED); /* that ended the lease as well */
  assert_true(publish(cache, 1, &c, 10));
  token_free(&token);
}

static void generations_go_up(void **state)
{
  Cache *cache = *state;
  for (uint64_t i = 1; i <= 100; i++) {
    size_t length = lengths[i * 7 % LENGTHS];
    assert_int_equal(put(cache, 1, length), i);
    assert_int_equal(seen(cache, 1, length), i);
  }
}

static void label_for_people(void **state)
{
  Cache *cache = *state;
  static const char long_name[] =
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  const CacheLabel label = {SNAPSHOT_TOKEN_PARTNER, long_name, long_name, NULL};
  CacheKey k = key_of(1);
  CacheClaim c;
  assert_int_equal(cache_claim(cache, &k, &label, 0, LEASE, CACHE_FOR_MISS, &c), CACHE_CLAIM_OWNED);
  const CacheEntry *entry = entry_of(cache, 1);
  assert_int_equal(entry->kind, SNAPSHOT_TOKEN_PARTNER);
  assert_string_equal(entry->business, "");
  assert_int_equal(strlen(entry->host), sizeof entry->host - 1);
  assert_int_equal(strlen(entry->environment), sizeof entry->environment - 1);
}

/* ---- expiry ---- */

static void remaining(void **state)
{
  (void)state;
  /* How long ago by each clock (negative: it stands in the future), lifetime, what is left. */
  static const struct {
    int64_t boot, real, lifetime, left;
  } cases[] = {
      {0, 0, HOUR, HOUR - 5000},
      {0, 0, 50000, 45000},
      {0, 0, 49000, 44100},
      {0, 0, 10000, 9000},
      {0, 0, 0, 0},
      {0, 0, -1000, 0},
      {INT64_MAX, 0, HOUR, 0},
      {0, INT64_MAX, HOUR, 0},
      {0, 0, INT64_MIN, 0},
      {1000, 5000, HOUR, HOUR - 10000},
      {5000, 1000, HOUR, HOUR - 10000},
      {HOUR, 0, HOUR, -5000},
      {0, HOUR, HOUR, -5000},
      {86400000, 0, HOUR, HOUR - 5000 - 86400000},
      {0, 86400000, HOUR, HOUR - 5000 - 86400000},
      {-1500, 0, HOUR, HOUR - 5000},
      {0, -1500, HOUR, HOUR - 5000},
      {-1500, -1500, HOUR, HOUR - 3500},
      {-60000, 0, HOUR, 0},
      {0, -60000, HOUR, 0},
      {-60000, -60000, HOUR, 0},
      {1000, -60000, HOUR, 0},
      {-60000, 1000, HOUR, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CacheToken token = {.boot_ms = clock_boot_ms() - cases[i].boot,
                        .real_ms = clock_real_ms() - cases[i].real,
                        .lifetime_ms = cases[i].lifetime};
    int64_t left = cache_remaining_ms(&token);
    bool good =
        cases[i].left > 0 ? left <= cases[i].left + 1 && left > cases[i].left - 500 : left <= 0;
    if (!good)
      fail_msg("case %zu: %lld instead of %lld", i, (long long)left, (long long)cases[i].left);
  }
}

static void expired_is_a_miss(void **state)
{
  Cache *cache = *state;
  static const int64_t aged[][2] = {{HOUR, 0},   {0, HOUR},          {-60000, 0},
                                    {0, -60000}, {INT64_MAX / 2, 0}, {0, INT64_MAX / 2}};
  for (uint64_t i = 0; i < sizeof aged / sizeof *aged; i++) {
    CacheKey k = key_of(i);
    CacheClaim c;
    uint64_t generation;
    CacheToken token = token_new();
    token.boot_ms -= aged[i][0];
    token.real_ms -= aged[i][1];
    token_fill(&token, i, 1, 50);
    assert_int_equal(claim(cache, i, &c), CACHE_CLAIM_OWNED);
    assert_true(cache_publish(cache, &k, &c, &token));
    assert_int_equal(read_key(cache, i, &generation), CACHE_MISS);
    assert_int_equal(generation, 1);
    /* Nor is it newer than nothing. */
    assert_int_equal(claim_seen(cache, i, 0, LEASE, &c), CACHE_CLAIM_OWNED);
    assert_true(publish(cache, i, &c, 20));
    assert_int_equal(seen(cache, i, 20), 2);
    token_free(&token);
  }
}

/* ---- refused by a server ---- */

static void refused_is_a_miss(void **state)
{
  Cache *cache = *state;
  CacheClaim c;
  uint64_t generation;
  assert_int_equal(put(cache, 1, 20), 1);
  refuse(cache, 1, 0);
  refuse(cache, 1, 2);
  refuse(cache, 2, 1);
  assert_int_equal(seen(cache, 1, 20), 1);
  refuse(cache, 1, 1);
  assert_int_equal(counter(cache, CACHE_COUNT_REFUSED), 1);
  assert_int_equal(read_key(cache, 1, &generation), CACHE_MISS);
  assert_int_equal(generation, 1);
  /* Not newer for one who saw nothing, either. */
  assert_int_equal(claim_seen(cache, 1, 0, LEASE, &c), CACHE_CLAIM_OWNED);
  release(cache, 1, &c);
  assert_int_equal(read_key(cache, 1, &generation), CACHE_MISS);
  assert_int_equal(put(cache, 1, 30), 2);
  refuse(cache, 1, 1);
  assert_int_equal(seen(cache, 1, 30), 2);
}

static void refused_stays_refused(void **state)
{
  Cache *cache = *state;
  CacheClaim first, late, c;
  CacheKey k = key_of(1);
  assert_int_equal(claim_seen(cache, 1, 0, 1, &late), CACHE_CLAIM_OWNED);
  assert_int_equal(claim_until(cache, 1, 0, CACHE_CLAIM_BUSY, &first), CACHE_CLAIM_OWNED);
  assert_true(publish(cache, 1, &first, 20));
  refuse(cache, 1, 1);
  /* A writer that slept through all of it does not put its token in that place. */
  assert_false(publish(cache, 1, &late, 20));
  assert_int_equal(seen(cache, 1, 20), 0);
  assert_int_equal(claim_seen(cache, 1, 1, LEASE, &c), CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 503, 5000);
  assert_int_equal(seen(cache, 1, 20), 0);
  assert_int_equal(cache_flush(cache), 0);
  assert_int_equal(seen(cache, 1, 20), 0);
  assert_int_equal(put(cache, 1, 20), 3); /* the flush took one */
  assert_int_equal(seen(cache, 1, 20), 3);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(nothing_there),     TEST(round_trips),
      TEST(times_come_back),   TEST(impossible_lengths),
      TEST(generations_go_up), TEST(label_for_people),
      TEST(remaining),         TEST(expired_is_a_miss),
      TEST(refused_is_a_miss), TEST(refused_stays_refused),
  };
  return cmocka_run_group_tests_name("cache-tokens", tests, NULL, NULL);
}
