/* SPDX-License-Identifier: MIT */
/* lib/cache-segment: owners that die or stop inside the lock, and segments given up for it. */
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "tests/unit/segment-fixture.h"

static void dies_inside(void *data)
{
  require(cache_lock(data));
  raise(SIGKILL);
}

SEGMENT_TEST(owner_killed_inside)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  for (uint64_t i = 1; i <= 5; i++) {
    require(child_wait(child_start(dies_inside, cache)) == 128 + SIGKILL);
    require(cache_lock(cache));
    cache_unlock(cache);
    require(atomic_load(&cache->header->counters[CACHE_COUNT_REPAIRED]) == i);
  }
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  require(atomic_load(&cache->header->lock_failures) == 0);
  require_works(cache);
}

/* It attaches by itself, as a stranger would, rather than through the fork. */
static void attaches_and_dies_inside(void *data)
{
  (void)data;
  Cache *cache = cache_open(SNAPSHOT_SEAL_AUTO);
  require(cache && cache_lock(cache));
  raise(SIGKILL);
}

SEGMENT_TEST(stranger_killed_inside)
{
  make_segment();
  require(child_wait(child_start(attaches_and_dies_inside, NULL)) == 128 + SIGKILL);
  Cache *cache = cache_open(SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  require_works(cache);
  require(atomic_load(&cache->header->counters[CACHE_COUNT_REPAIRED]) == 1);
}

static void stops_inside(void *data)
{
  require(cache_lock(data));
  raise(SIGSTOP);
  cache_unlock(data);
}

static pid_t stopped_owner(Cache *cache)
{
  int status;
  pid_t pid = child_start(stops_inside, cache);
  require(pid > 0 && waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
  return pid;
}

static void require_times_out(Cache *cache)
{
  int64_t start = clock_monotonic_ms();
  require(!cache_lock(cache));
  int64_t took = clock_monotonic_ms() - start;
  require(took >= 45 && took < 10000);
}

SEGMENT_TEST(owner_stopped_and_going_on)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  pid_t pid = stopped_owner(cache);
  require_times_out(cache);
  require_times_out(cache);
  require(atomic_load(&cache->header->lock_failures) == 2);
  require(kill(pid, SIGCONT) == 0 && child_wait(pid) == 0);
  require(cache_lock(cache));
  cache_unlock(cache);
  require(atomic_load(&cache->header->lock_failures) == 0);
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache);
  require_works(cache);
}

SEGMENT_TEST(owner_stopped_for_good)
{
  Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  ino_t old = stat_of(segment()).st_ino;
  pid_t pid = stopped_owner(cache);
  int64_t started = clock_boot_ms();
  for (int i = 0; i < 3; i++)
    require_times_out(cache);
  /* Three in a moment may be a stall; over some seconds they are not. */
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  while (clock_boot_ms() < started + 10000 && atomic_load(&cache->header->state) == CACHE_LIVE)
    require(!cache_lock(cache));
  require(atomic_load(&cache->header->state) == CACHE_RETIRED);
  require(!cache_lock(cache)); /* at once, now */
  require(cache_open(SNAPSHOT_SEAL_AUTO) == NULL);
  unsigned before = descriptors();
  Cache *next = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(next && next != cache && next->header != cache->header && cache_is_shared(next));
  require(descriptors() == before);
  require(stat_of(segment()).st_ino != old && count_entries(SHM) == 1);
  require_works(next);
  require(cache_open(SNAPSHOT_SEAL_AUTO) == next);
  /* The old one's owner comes back and disturbs nobody. */
  require(kill(pid, SIGCONT) == 0 && child_wait(pid) == 0);
  require_works(next);
}

/* The time of an earlier stall is not this one's. */
SEGMENT_TEST(one_stall_after_another)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  for (int round = 0; round < 3; round++) {
    pid_t pid = stopped_owner(cache);
    for (int i = 0; i < 5; i++)
      require_times_out(cache);
    require(kill(pid, SIGCONT) == 0 && child_wait(pid) == 0);
    require(cache_lock(cache));
    cache_unlock(cache);
    require(atomic_load(&cache->header->lock_failing_since) == 0);
    require(atomic_load(&cache->header->state) == CACHE_LIVE);
  }
}

static void notices_retirement(void *data)
{
  _Atomic(int) *steps = data;
  Cache *cache = keep(cache_open(SNAPSHOT_SEAL_AUTO));
  require(cache);
  require_works(cache);
  atomic_store(steps, 1);
  require(child_await(steps, 2));
  Cache *next = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(next && next != cache && cache_is_shared(next));
  require_works(next);
}

SEGMENT_TEST(everybody_leaves_a_retired_segment)
{
  _Atomic(int) *steps = child_shared(sizeof *steps);
  make_segment();
  pid_t pid = child_start(notices_retirement, (void *)steps);
  require(child_await(steps, 1));
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
  atomic_store(steps, 2);
  require(child_wait(pid) == 0);
  require(count_entries(SHM) == 1);
}

/* Retired again and again: in the end the process keeps to itself rather than map without end. */
SEGMENT_TEST(reattaching_is_bounded)
{
  unsigned shared = 0;
  for (int i = 0; i < 40; i++) {
    Cache *cache = keep(cache_create(16, SNAPSHOT_SEAL_AUTO));
    require(cache);
    require_works(cache);
    shared += cache_is_shared(cache);
    if (!cache_is_shared(cache))
      require(cache_create(16, SNAPSHOT_SEAL_AUTO) == cache);
    atomic_store(&cache->header->state, CACHE_RETIRED);
  }
  require(shared >= 10 && shared <= 20);
}

static void lives_on(void *data)
{
  Cache *cache = data;
  require(cache_open(SNAPSHOT_SEAL_AUTO) == cache);
  require_works(cache);
  require(cache_lock(cache));
  cache_unlock(cache);
}

SEGMENT_TEST(shared_with_a_forked_child)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  require(child_wait(child_start(lives_on, cache)) == 0);
  require(atomic_load(&cache->header->counters[CACHE_COUNT_PUBLISHED]) == 1);
  require_works(cache);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(owner_killed_inside),        TEST(stranger_killed_inside),
      TEST(owner_stopped_and_going_on), TEST(one_stall_after_another),
      TEST(owner_stopped_for_good),     TEST(everybody_leaves_a_retired_segment),
      TEST(reattaching_is_bounded),     TEST(shared_with_a_forked_child),
  };
  return cmocka_run_group_tests_name("cache-segment-lock", tests, segment_group_setup, NULL);
}
