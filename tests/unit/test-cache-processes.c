/* SPDX-License-Identifier: MIT */
/* lib/cache in several processes at once. */
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/cache-fixture.h"

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

/* A flush moves generations: the number that a token was filled for travels in its lifetime. */
static uint64_t filled_for(const CacheToken *token)
{
  return (uint64_t)(token->lifetime_ms - HOUR);
}

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
    uint64_t number = filled_for(token);
    require(token_is(token, key, number, storm_length(key, number)));
    storm->hits++;
  }
  return token->generation;
}

static void storm_fetch(Storm *storm, uint64_t key, uint64_t dice, CacheToken *token)
{
  CacheKey k = key_of(key);
  CacheClaim c;
  uint64_t generation = storm_read(storm, key, token);
  CacheClaimResult result = cache_claim(storm->cache, &k, &some_label, generation,
                                        1 + (int64_t)(dice & 3), CACHE_FOR_MISS, &c);
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
  token->lifetime_ms = HOUR + (int64_t)c.generation + 1;
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
  require_chunks_whole(s->cache);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(parent_and_child),
      TEST(storm),
  };
  return cmocka_run_group_tests_name("cache-processes", tests, NULL, NULL);
}
