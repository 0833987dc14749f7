/* SPDX-License-Identifier: MIT */
/* lib/cache, on a segment that only this test and its children know. */
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "lib/snapshot.h"
#include "tests/unit/cache-fixture.h"

static const size_t lengths[] = {1, 7, 8, 9, 1023, CACHE_INLINE, CACHE_INLINE + 1, 5000, TOKEN_MAX};
#define LENGTHS (sizeof lengths / sizeof *lengths)

static CacheRead read_key(Cache *cache, uint64_t key, uint64_t *generation)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  CacheRead result = cache_read(cache, &k, &token);
  *generation = token.generation;
  token_free(&token);
  return result;
}

static CacheClaimResult claim_seen(Cache *cache, uint64_t key, uint64_t seen_generation,
                                   int64_t lease_ms, CacheClaim *c)
{
  CacheKey k = key_of(key);
  return cache_claim(cache, &k, &some_label, seen_generation, lease_ms, false, c);
}

static bool publish(Cache *cache, uint64_t key, const CacheClaim *c, size_t length)
{
  CacheKey k = key_of(key);
  CacheToken token = token_new();
  token_fill(&token, key, c->generation + 1, length);
  bool good = cache_publish(cache, &k, c, &token);
  assert_int_equal(token.generation, good ? c->generation + 1 : 0);
  token_free(&token);
  return good;
}

static void release(Cache *cache, uint64_t key, const CacheClaim *c)
{
  CacheKey k = key_of(key);
  cache_release(cache, &k, c);
}

static void refuse(Cache *cache, uint64_t key, uint64_t generation)
{
  CacheKey k = key_of(key);
  cache_refuse(cache, &k, generation);
}

static uint64_t counter(const Cache *cache, CacheCounter which)
{
  return atomic_load(&cache->header->counters[which]);
}

/* Claims until it is no longer `while_result`; nothing here waits longer than a few leases. */
static CacheClaimResult claim_until(Cache *cache, uint64_t key, uint64_t seen_generation,
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
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  token.length = 0;
  assert_false(cache_publish(cache, &k, &c, &token));
  token.length = TOKEN_MAX + 1;
  assert_false(cache_publish(cache, &k, &c, &token));
  assert_int_equal(seen(cache, 1, 1), 0);
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
  assert_int_equal(cache_claim(cache, &k, &label, 0, LEASE, false, &c), CACHE_CLAIM_OWNED);
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
  assert_int_equal(put(cache, 1, 20), 2);
  assert_int_equal(seen(cache, 1, 20), 2);
}

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
  static const uint64_t untils[] = {UINT64_MAX, INT64_MAX, (uint64_t)INT64_MIN, 1};
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  for (size_t i = 0; i < sizeof untils / sizeof *untils; i++) {
    atomic_store(&entry_of(cache, 1)->lease_until, untils[i]);
    assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  }
  atomic_store(&entry_of(cache, 1)->lease_until, (uint64_t)clock_boot_ms() + 11 * 60000);
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
}

static void refetches_are_limited(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  for (int i = 0; i < 10; i++) {
    assert_int_equal(cache_claim(cache, &k, &some_label, 0, LEASE, true, &c), CACHE_CLAIM_OWNED);
    release(cache, 1, &c);
  }
  for (int i = 0; i < 3; i++) {
    assert_int_equal(cache_claim(cache, &k, &some_label, 0, LEASE, true, &c), CACHE_CLAIM_LIMITED);
    assert_in_range(c.retry_ms, 1, 60000);
  }
  /* What follows no 401 is not counted, and another key has its own share. */
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  release(cache, 1, &c);
  CacheKey other = key_of(2);
  assert_int_equal(cache_claim(cache, &other, &some_label, 0, LEASE, true, &c), CACHE_CLAIM_OWNED);
  /* The next minute. */
  entry_of(cache, 1)->refetch_window -= 60000;
  assert_int_equal(cache_claim(cache, &k, &some_label, 0, LEASE, true, &c), CACHE_CLAIM_OWNED);
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
    assert_int_equal(cache_claim(cache, &k, &some_label, generation, LEASE, true, &c),
                     CACHE_CLAIM_OWNED);
    assert_true(publish(cache, 1, &c, 20));
    generation++;
  }
  refuse(cache, 1, generation);
  assert_int_equal(cache_claim(cache, &k, &some_label, generation, LEASE, true, &c),
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
    Cache *cache = cache_fixture_new(2, 8);
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

/* ---- failures ---- */

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

/* ---- more than there is room for ---- */

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

static uint32_t big_owners(const Cache *cache)
{
  uint32_t count = 0;
  for (uint32_t i = 0; i < cache->big_count; i++)
    count += atomic_load(&cache_big(cache, i)->owner) != 0;
  return count;
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

/* ---- configuration blocks ---- */

/* A block without a table, filled up with `fill`. */
static void *config_block(size_t size, char fill)
{
  const SnapshotTable none = {sizeof(Snapshot), 0};
  Snapshot *block = malloc(size);
  assert_non_null(block);
  memset(block, fill, size);
  *block = (Snapshot){.magic = SNAPSHOT_MAGIC,
                      .layout = SNAPSHOT_LAYOUT,
                      .size = (uint32_t)size,
                      .sources = none,
                      .environments = none,
                      .hosts = none,
                      .routes = none,
                      .stack = none,
                      .options = none,
                      .identities = none,
                      .problems = none,
                      .default_environment = SNAPSHOT_NONE};
  ((char *)block)[size - 1] = 0;
  return block;
}

static void store(Cache *cache, uint64_t origin, size_t size, char fill)
{
  void *block = config_block(size, fill);
  CacheKey key = key_of(origin);
  cache_store_config(cache, key.bytes, block, size);
  free(block);
}

/* The block of `origin` is this one; size 0: there is none. */
static void assert_stored(Cache *cache, uint64_t origin, size_t size, char fill)
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

static void configs(void **state)
{
  Cache *cache = *state;
  assert_stored(cache, 1, 0, 0);
  store(cache, 1, 1000, 'a');
  assert_stored(cache, 1, 1000, 'a');
  assert_stored(cache, 2, 0, 0);
  store(cache, 1, 1008, 'b');
  assert_stored(cache, 1, 1008, 'b');
  store(cache, 1, 400, 'c');
  assert_stored(cache, 1, 400, 'c');
  store(cache, 2, CACHE_CONFIG_SIZE, 'd');
  assert_stored(cache, 2, CACHE_CONFIG_SIZE, 'd');
  store(cache, 3, 203, 'e');
  assert_stored(cache, 3, 203, 'e');
  /* One that is too large leaves things as they are. */
  store(cache, 2, CACHE_CONFIG_SIZE + 1, 'f');
  store(cache, 4, CACHE_CONFIG_SIZE + 1, 'f');
  assert_stored(cache, 2, CACHE_CONFIG_SIZE, 'd');
  assert_stored(cache, 4, 0, 0);
  assert_int_equal(cache_flush(cache), 0);
  for (uint64_t origin = 1; origin <= 3; origin++)
    assert_stored(cache, origin, 0, 0);
}

static void nine_origins(void **state)
{
  Cache *cache = *state;
  for (uint64_t origin = 0; origin <= CACHE_CONFIGS; origin++)
    store(cache, origin, 200 + 8 * origin, 'x');
  assert_stored(cache, 0, 0, 0);
  for (uint64_t origin = 1; origin <= CACHE_CONFIGS; origin++)
    assert_stored(cache, origin, 200 + 8 * origin, 'x');
}

static void a_block_that_is_none(void **state)
{
  Cache *cache = *state;
  char text[256] = "this is no snapshot";
  CacheKey key = key_of(1);
  cache_store_config(cache, key.bytes, text, sizeof text);
  assert_stored(cache, 1, 0, 0);
  cache_store_config(cache, key.bytes, text, 0);
  assert_stored(cache, 1, 0, 0);
}

static CacheConfig *config_of(Cache *cache, uint64_t origin)
{
  CacheKey key = key_of(origin);
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++)
    if (memcmp(cache_config(cache, i)->origin, key.bytes, 32) == 0)
      return cache_config(cache, i);
  abort();
}

static void corrupted_configs(void **state)
{
  Cache *cache = *state;
  const size_t size = 403;
  store(cache, 1, size, 'a');
  CacheConfig *config = config_of(cache, 1);
  unsigned char *bytes = (unsigned char *)config;
  for (size_t at = 0; at < offsetof(CacheConfig, data) + size; at++) {
    if (at >= offsetof(CacheConfig, stored) && at < offsetof(CacheConfig, size))
      continue; /* decides nothing but the order of replacement */
    if (at >= offsetof(CacheConfig, reserved) && at < offsetof(CacheConfig, data))
      continue;
    for (int bit = 1; bit < 256; bit *= 4) {
      bytes[at] ^= (unsigned char)bit;
      assert_stored(cache, 1, 0, 0);
      bytes[at] ^= (unsigned char)bit;
    }
  }
  assert_stored(cache, 1, size, 'a');
  config->size = UINT32_MAX;
  assert_stored(cache, 1, 0, 0);
  config->size = CACHE_CONFIG_SIZE;
  assert_stored(cache, 1, 0, 0);
}

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
  static const size_t some[] = {1, 100, CACHE_INLINE, CACHE_INLINE + 1};
  Cache *cache = *state;
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
    cache_flush(cache); /* or a generation less one would bring the one before back, whole */
    uint64_t generation = put(cache, 1, some[i]);
    CacheEntry *entry = entry_of(cache, 1);
    CacheVersion *version = &entry->version[generation & 1];
    flip_every_byte(cache, version, sizeof *version, some[i]);
    flip_every_byte(cache,
                    version->big ? (void *)cache_big(cache, version->big - 1)->data
                                 : (void *)entry->data[generation & 1],
                    some[i], some[i]);
    flip_every_byte(cache, entry->key, sizeof entry->key, some[i]);
    flip_every_byte(cache, &entry->generation, sizeof entry->generation, some[i]);
    flip_every_byte(cache, cache->header->salt, sizeof cache->header->salt, some[i]);
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
  memcpy(two->data, one->data, sizeof two->data);
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
  assert_int_equal(put(cache, 1, 100), 2);
  assert_int_equal(put(cache, 1, 100), 3);
  old.generation = 3;
  entry->version[1] = old;
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
  if (cache_claim(cache, &k, &some_label, 0, LEASE, true, &c) == CACHE_CLAIM_OWNED) {
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
  for (size_t at = 0; at < offsetof(CacheEntry, data); at++)
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
  if (death->what == 3)
    for (uint32_t i = 0; i < cache->big_count; i++)
      atomic_store(&cache_big(cache, i)->owner, 5 + i * 1000);
  raise(SIGKILL);
}

static void owner_dies(void **state)
{
  (void)state;
  for (int what = 0; what <= 3; what++) {
    Cache *cache = cache_fixture_new(2, 8);
    Death death = {cache, what};
    assert_int_equal(put(cache, 1, 20), 1);
    assert_int_equal(child_wait(child_start(die_inside, &death)), 128 + SIGKILL);
    uint64_t generation = put(cache, 2, 2000);
    assert_int_not_equal(generation, 0);
    assert_int_equal(counter(cache, CACHE_COUNT_REPAIRED), 1);
    assert_int_equal(seen(cache, 2, 2000), generation);
    assert_int_equal(seen(cache, 1, 20), what == 1 ? 0 : 1);
    assert_int_equal(big_owners(cache), 1);
    assert_int_not_equal(put(cache, 1, 20), 0);
    assert_int_equal(atomic_load(&cache->header->state), CACHE_LIVE);
    cache_fixture_free(cache);
  }
}

/* ---- other processes ---- */

static void reads_and_writes(void *data)
{
  require(seen(data, 1, 100) == 1);
  require(seen(data, 2, 3000) == 1);
  require(put(data, 3, 40) == 1);
  require(put(data, 1, 101) == 2);
}

static void parent_and_child(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 100), 1);
  assert_int_equal(put(cache, 2, 3000), 1);
  child_run(reads_and_writes, cache);
  assert_int_equal(seen(cache, 3, 40), 1);
  assert_int_equal(seen(cache, 1, 101), 2);
}

#define STORM_PROCESSES 8
#define STORM_MS        2000
#define STORM_KEYS      24

typedef struct {
  Cache *cache;
  _Atomic(int) go, number;
  _Atomic(uint64_t) reads, hits, published, lost;
} Storm;

static size_t storm_length(uint64_t key, uint64_t generation)
{
  uint64_t mix = (key + 1) * 0x9e3779b97f4a7c15u ^ generation * 0xbf58476d1ce4e5b9u;
  return mix >> 60 == 0 ? 1025 + (mix >> 20) % (TOKEN_MAX - 1024) : 1 + (mix >> 20) % 1024;
}

static uint64_t storm_read(Storm *storm, uint64_t key, CacheToken *token)
{
  CacheKey k = key_of(key);
  storm->reads++;
  if (cache_read(storm->cache, &k, token) == CACHE_HIT) {
    require(token_is(token, key, token->generation, storm_length(key, token->generation)));
    storm->hits++;
  }
  return token->generation;
}

static void storm_fetch(Storm *storm, uint64_t key, uint64_t dice, CacheToken *token)
{
  CacheKey k = key_of(key);
  CacheClaim c;
  uint64_t generation = storm_read(storm, key, token);
  CacheClaimResult result =
      cache_claim(storm->cache, &k, &some_label, generation, 1 + (int64_t)(dice & 3), false, &c);
  if (result == CACHE_CLAIM_BUSY)
    cache_wait(storm->cache, &c, 1);
  if (result != CACHE_CLAIM_OWNED)
    return;
  const struct timespec fetch = {0, (long)(dice >> 8 & 0x3fffff)}; /* up to 4 ms */
  if (dice >> 40 & 1)
    nanosleep(&fetch, NULL);
  token_fill(token, key, c.generation + 1, storm_length(key, c.generation + 1));
  token->boot_ms = clock_boot_ms();
  token->real_ms = clock_real_ms();
  token->lifetime_ms = HOUR;
  if ((dice >> 41 & 15) == 0)
    cache_release(storm->cache, &k, &c);
  else if ((dice >> 41 & 15) == 1)
    cache_fail(storm->cache, &k, &c, THRED_E_SERVER, 500, 1);
  else if (cache_publish(storm->cache, &k, &c, token))
    storm->published++;
  else
    storm->lost++;
}

static void storm_body(void *data)
{
  Storm *storm = data;
  CacheToken token = token_new();
  uint64_t x = 0x9e3779b97f4a7c15u * (uint64_t)(atomic_fetch_add(&storm->number, 1) + 1);
  while (!atomic_load(&storm->go))
    ;
  for (int64_t end = clock_monotonic_ms() + STORM_MS; clock_monotonic_ms() < end;) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    uint64_t key = (x >> 50) % STORM_KEYS, what = (x >> 30) % 1000;
    CacheKey k = key_of(key);
    if (what < 600)
      storm_read(storm, key, &token);
    else if (what < 950)
      storm_fetch(storm, key, x, &token);
    else if (what < 995)
      cache_refuse(storm->cache, &k, storm_read(storm, key, &token));
    else if (what < 999)
      (void)cache_is_busy(storm->cache, &k);
    else
      require(cache_flush(storm->cache) >= -1);
  }
  token_free(&token);
}

/* Leases far shorter than the fetches: writers that come late, evictions and stolen buffers. */
static void storm(void **state)
{
  Storm *s = child_shared(sizeof *s);
  pid_t pids[STORM_PROCESSES];
  s->cache = *state;
  for (int i = 0; i < STORM_PROCESSES; i++)
    pids[i] = child_start(storm_body, s);
  assert_true(child_await(&s->number, STORM_PROCESSES));
  atomic_store(&s->go, 1);
  for (int i = 0; i < STORM_PROCESSES; i++)
    assert_int_equal(child_wait(pids[i]), 0);
  print_message("%llu reads, %llu hits, %llu published, %llu too late, %llu evicted\n",
                (unsigned long long)s->reads, (unsigned long long)s->hits,
                (unsigned long long)s->published, (unsigned long long)s->lost,
                (unsigned long long)counter(s->cache, CACHE_COUNT_EVICTED));
  assert_true(s->hits > 0 && s->published > 0 && s->lost > 0);
  assert_int_equal(atomic_load(&s->cache->header->state), CACHE_LIVE);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(nothing_there),
      TEST(round_trips),
      TEST(times_come_back),
      TEST(impossible_lengths),
      TEST(generations_go_up),
      TEST(label_for_people),
      TEST(remaining),
      TEST(expired_is_a_miss),
      TEST(refused_is_a_miss),
      TEST(refused_stays_refused),
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
      TEST(failure_is_shared),
      TEST(failure_ends),
      TEST(failure_beside_a_token),
      TEST(back_off_grows),
      TEST(longest_failure),
      TEST(eviction),
      TEST(the_old_make_room),
      TEST(evicted_while_fetching),
      TEST(big_buffers_run_out),
      TEST(big_buffers_come_back),
      cmocka_unit_test(one_big_buffer),
      TEST(flush),
      TEST(configs),
      TEST(nine_origins),
      TEST(a_block_that_is_none),
      TEST(corrupted_configs),
      TEST(corrupted_tokens),
      TEST(transplanted_token),
      TEST(old_token_again),
      TEST(corrupted_entries),
      TEST(garbage),
      cmocka_unit_test(owner_dies),
      TEST(parent_and_child),
      TEST(storm),
  };
  return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
