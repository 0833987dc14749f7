/* SPDX-License-Identifier: MIT */
/* lib/cache while clocks are set: a wrong clock brings an early refresh at worst, never an old
 * token. */
#include <stdatomic.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "tests/crash/crash.h"

#define HOUR 3600000

/* ---- clocks that the test sets ---- */

static struct {
  int64_t boot, real, mono; /* ms that each is ahead of the machine's */
} ahead;

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
  int result = __real_clock_gettime(clock, time);
  int64_t shift = clock == CLOCK_BOOTTIME                                       ? ahead.boot
                  : clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE   ? ahead.real
                  : clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ? ahead.mono
                                                                                : 0;
  int64_t ns = time->tv_nsec + shift % 1000 * 1000000;
  time->tv_sec += shift / 1000 + (ns < 0 ? -1 : ns >= 1000000000 ? 1 : 0);
  time->tv_nsec = (long)(ns < 0 ? ns + 1000000000 : ns >= 1000000000 ? ns - 1000000000 : ns);
  return result;
}

static void set_clocks(int64_t boot, int64_t real, int64_t mono)
{
  ahead.boot = boot;
  ahead.real = real;
  ahead.mono = mono;
}

/* ---- tokens ---- */

static char value[TOKEN_MAX + 1];

static CacheClaimResult claim_it(Cache *cache, CacheClaim *claim)
{
  CacheKey key = crash_key(1);
  return cache_claim(cache, &key, &crash_label, UINT64_MAX, 30000, CACHE_FOR_MISS, claim);
}

static Cache *with_token(void)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheKey key = crash_key(1);
  CacheClaim claim;
  strcpy(value, "a token");
  CacheToken token = {.boot_ms = clock_boot_ms(),
                      .real_ms = clock_real_ms(),
                      .lifetime_ms = HOUR,
                      .length = strlen(value),
                      .value = value};
  require(claim_it(cache, &claim) == CACHE_CLAIM_OWNED);
  require(cache_publish(cache, &key, &claim, &token));
  return cache;
}

static bool reads(Cache *cache)
{
  CacheKey key = crash_key(1);
  CacheToken token = {.value = value};
  return cache_read(cache, &key, &token) == CACHE_HIT;
}

static bool reads_copy(Cache *cache)
{
  CacheKey key = crash_key(1);
  CacheToken token = {.value = value};
  return copies_get(cache, &key, &token);
}

static void forget(void)
{
  CacheKey key = crash_key(1);
  copies_drop(&key);
}

typedef struct {
  const char *what;
  int64_t boot, real, mono; /* ms by which the clocks are set forward (negative: back) */
  bool copy, segment;       /* it is a hit there */
} Step;

static const Step steps[] = {
    {"nothing happened", 0, 0, 0, true, true},
    {"half an hour went by", HOUR / 2, HOUR / 2, HOUR / 2, false,
     true}, /* the copy's minute is over */
    {"half a minute went by", 30000, 30000, 30000, true, true},
    {"an hour went by", HOUR, HOUR, HOUR, false, false},
    {"set a second back", 0, -1000, 0, true, true},
    {"set an hour back", 0, -HOUR, 0, false, false},
    {"set a day back", 0, -24 * HOUR, 0, false, false},
    {"set half a minute ahead", 0, 30000, 0, true, true},
    {"set half an hour ahead", 0, HOUR / 2, 0, false, true},
    {"set an hour ahead", 0, HOUR, 0, false, false},
    {"set a year ahead", 0, (int64_t)365 * 24 * HOUR, 0, false, false},
    {"suspended for an hour", HOUR, HOUR, 0, false, false},
    /* The copy does not see BOOTTIME; it is read anew within a minute. */
    {"suspended, and the clock set back by as much, a minute ago", HOUR + 60000, 60000, 60000,
     false, false},
    {"a machine restored from an hour ago", 0, HOUR, 0, false, false},
    {"a foreign time namespace, ahead", HOUR, 0, 0, true, false},
    {"a foreign time namespace, behind", -HOUR, 0, 0, true, false},
};

/* Monotonic clocks that are behind are never a reason to use a token for longer. */
SEGMENT_TEST(a_token_under_each_step)
{
  Cache *cache = with_token();
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    const Step *step = &steps[i];
    set_clocks(0, 0, 0);
    forget();
    if (!reads(cache) || !reads_copy(cache))
      child_fail(step->what, __LINE__, "before it");
    set_clocks(step->boot, step->real, step->mono);
    if (reads_copy(cache) != step->copy)
      child_fail(step->what, __LINE__, "copy");
    forget();
    if (reads(cache) != step->segment)
      child_fail(step->what, __LINE__, "segment");
  }
  printf("%zu steps of the clocks\n", sizeof steps / sizeof *steps);
}

/* Leases, failures and pauses go by BOOTTIME, which nobody sets. */
SEGMENT_TEST(a_lease_under_each_step)
{
  static const int64_t reals[] = {0, 1000, -1000, HOUR, -HOUR, (int64_t)365 * 24 * HOUR};
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheKey key = crash_key(1);
  CacheClaim claim, other;
  require(claim_it(cache, &claim) == CACHE_CLAIM_OWNED);
  for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
    set_clocks(0, reals[i], 0);
    require(claim_it(cache, &other) == CACHE_CLAIM_BUSY);
  }
  cache_fail(cache, &key, &claim, THRED_E_SERVER, 503, 20000);
  for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
    set_clocks(0, reals[i], 0);
    require(claim_it(cache, &other) == CACHE_CLAIM_FAILED);
    require(other.retry_ms > 0 && other.retry_ms <= 20000);
  }
}

/* Should they be of another BOOTTIME all the same, they end at once: nobody waits for an hour. */
SEGMENT_TEST(a_lease_of_another_boottime)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheKey key = crash_key(1);
  CacheClaim claim, other;
  set_clocks(HOUR, 0, 0);
  require(claim_it(cache, &claim) == CACHE_CLAIM_OWNED);
  set_clocks(0, 0, 0);
  require(claim_it(cache, &other) == CACHE_CLAIM_OWNED);
  cache_release(cache, &key, &claim); /* no longer his */
  cache_fail(cache, &key, &other, THRED_E_SERVER, 503, HOUR);
  set_clocks(-2 * HOUR, 0, 0);
  require(claim_it(cache, &other) == CACHE_CLAIM_OWNED);
  cache_release(cache, &key, &other);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(a_token_under_each_step),
      TEST(a_lease_under_each_step),
      TEST(a_lease_of_another_boottime),
  };
  return cmocka_run_group_tests_name("clocks", tests, segment_group_setup, NULL);
}
