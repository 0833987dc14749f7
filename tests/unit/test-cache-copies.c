/* SPDX-License-Identifier: MIT */
/* lib/cache-copies: what a process has read before, it reads from its own memory - as long as it
 * may. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/cache-fixture.h"

/* The segment counts the reads that went to it. */
static uint64_t reads(Cache *cache, uint64_t key)
{
  return atomic_load(&entry_of(cache, key)->hits);
}

static void second_read_is_ones_own(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 100), 1);
  for (int i = 0; i < 5; i++)
    assert_int_equal(seen(cache, 1, 100), 1);
  assert_int_equal(reads(cache, 1), 1);
  forget_copy(1);
  assert_int_equal(seen(cache, 1, 100), 1);
  assert_int_equal(reads(cache, 1), 2);
}

static void every_length(void **state)
{
  Cache *cache = *state;
  for (int round = 0; round < 3; round++)
    for (uint64_t i = 0; i < LENGTHS; i++) {
      uint64_t generation = put(cache, 1, lengths[i]);
      for (int k = 0; k < 3; k++)
        assert_int_equal(seen(cache, 1, lengths[i]), generation);
    }
}

/* What comes with a token is the same from both places. */
static void same_from_both(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheToken first = token_new(), second = token_new();
  assert_int_equal(put(cache, 1, 100), 1);
  forget_copy(1);
  assert_int_equal(cache_read(cache, &k, &first), CACHE_HIT);
  assert_int_equal(cache_read(cache, &k, &second), CACHE_HIT);
  assert_int_equal(reads(cache, 1), 1);
  assert_int_equal(second.generation, first.generation);
  assert_int_equal(second.boot_ms, first.boot_ms);
  assert_int_equal(second.real_ms, first.real_ms);
  assert_int_equal(second.lifetime_ms, first.lifetime_ms);
  assert_int_equal(second.jitter, first.jitter);
  assert_int_equal(second.length, first.length);
  assert_string_equal(second.value, first.value);
  assert_in_range(first.remaining_ms, cache_remaining_ms(&first), HOUR);
  assert_in_range(second.remaining_ms, first.remaining_ms - 20000, first.remaining_ms);
  token_free(&first);
  token_free(&second);
}

/* ---- what others do to the entry ---- */

static void publishes(void *data)
{
  require(put(data, 1, 200) == 2);
}

static void refuses(void *data)
{
  refuse(data, 1, 1);
}

static void flushes(void *data)
{
  require(cache_flush(data) == 1);
}

static void pushes_out(void *data)
{
  for (uint64_t key = 100; key < 400; key++)
    (void)put(data, key, 20);
}

static void others_end_it(void **state)
{
  (void)state;
  static const struct {
    void (*act)(void *cache);
    uint64_t left; /* generation that is seen then; 0: a miss */
    size_t length;
  } cases[] = {{publishes, 2, 200}, {refuses, 0, 100}, {flushes, 0, 100}, {pushes_out, 0, 100}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Cache *cache = cache_fixture_new(2, 256);
    assert_int_equal(put(cache, 1, 100), 1);
    assert_int_equal(seen(cache, 1, 100), 1);
    assert_int_equal(seen(cache, 1, 100), 1);
    child_run(cases[i].act, cache);
    assert_int_equal(seen(cache, 1, cases[i].length), cases[i].left);
    cache_fixture_free(cache);
  }
}

static void cuts_and_dies(void *data)
{
  Cache *cache = data;
  CacheEntry *entry = entry_of(cache, 1);
  require(cache_lock(cache));
  atomic_store(&cache_link(cache, entry->version[1].chunk - 1)->next, 0);
  raise(SIGKILL);
}

/* A token that a repair gives up is over for the copies too. */
static void repair_ends_it(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 2000), 1);
  assert_int_equal(seen(cache, 1, 2000), 1);
  assert_int_equal(child_wait(child_start(cuts_and_dies, cache)), 128 + SIGKILL);
  assert_int_not_equal(put(cache, 2, 20), 0);
  assert_int_equal(counter(cache, CACHE_COUNT_REPAIRED), 1);
  assert_int_equal(seen(cache, 1, 2000), 0);
  assert_int_not_equal(put(cache, 1, 2000), 0);
}

/* An entry that is only used by copies is not the one that makes room. */
static void use_keeps_it(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 20), 1);
  for (uint64_t key = 100; key < 300; key++) {
    assert_int_equal(seen(cache, 1, 20), 1);
    assert_int_not_equal(put(cache, key, 20), 0);
  }
  assert_int_equal(reads(cache, 1), 1);
}

/* The same generation of another segment is another token. */
static void two_segments(void **state)
{
  Cache *one = *state, *two = cache_fixture_new(2, 256);
  assert_int_equal(put(one, 1, 100), 1);
  assert_int_equal(seen(one, 1, 100), 1);
  assert_int_equal(seen(two, 1, 100), 0);
  assert_int_equal(put(two, 1, 200), 1);
  assert_int_equal(seen(two, 1, 200), 1);
  assert_int_equal(seen(one, 1, 100), 1);
  cache_fixture_free(two);
}

/* ---- time ---- */

static void expires(void **state)
{
  Cache *cache = *state;
  CacheKey k = key_of(1);
  CacheClaim c;
  CacheToken token = token_new();
  const struct timespec pause = {0, 1000000};
  token.lifetime_ms = 500;
  token_fill(&token, 1, 1, 50);
  int64_t end = token.boot_ms + 500;
  assert_int_equal(claim(cache, 1, &c), CACHE_CLAIM_OWNED);
  assert_true(cache_publish(cache, &k, &c, &token));
  int hits = 0;
  while (cache_read(cache, &k, &token) == CACHE_HIT) {
    hits++;
    assert_true(token.remaining_ms > 0);
    nanosleep(&pause, NULL);
  }
  assert_true(hits > 0 || clock_boot_ms() > end - 100);
  assert_true(clock_boot_ms() < end + 20000);
  assert_int_equal(seen(cache, 1, 50), 0);
  token_free(&token);
}

/* ---- processes ---- */

static void begins_anew(void *data)
{
  Cache *cache = data;
  uint64_t before = reads(cache, 1);
  require(seen(cache, 1, 100) == 1);
  require(reads(cache, 1) == before + 1);
  require(seen(cache, 1, 100) == 1);
  require(reads(cache, 1) == before + 1);
}

static void wiped_by_fork(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 100), 1);
  assert_int_equal(seen(cache, 1, 100), 1);
  child_run(begins_anew, cache);
  assert_int_equal(seen(cache, 1, 100), 1);
  assert_int_equal(reads(cache, 1), 2);
}

/* clone(2) without libc's knowledge: no atfork handler runs. */
static void wiped_by_clone(void **state)
{
  Cache *cache = *state;
  assert_int_equal(put(cache, 1, 100), 1);
  assert_int_equal(seen(cache, 1, 100), 1);
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) {
    begins_anew(cache);
    _exit(0);
  }
  assert_int_equal(child_wait(pid), 0);
}

/* ---- room ---- */

static void more_than_there_are_places(void **state)
{
  (void)state;
  Cache *cache = cache_fixture_new(1024, 8192);
  for (uint64_t key = 0; key < 6000; key++)
    assert_int_not_equal(put(cache, key, 1 + key % 2000), 0);
  for (int round = 0; round < 2; round++)
    for (uint64_t key = 0; key < 6000; key++)
      (void)seen(cache, key, 1 + key % 2000); /* aborts on a wrong one */
  cache_fixture_free(cache);
}

/* ---- threads ---- */

typedef struct {
  Cache *cache;
  atomic_int stop, wrong;
  atomic_ulong hits;
} Race;

static size_t race_length(uint64_t generation)
{
  return 1 + generation * 37 % 1500;
}

static void *read_on(void *data)
{
  Race *race = data;
  CacheKey k = key_of(1);
  CacheToken token = token_new();
  uint64_t last = 0;
  while (!atomic_load(&race->stop)) {
    if (cache_read(race->cache, &k, &token) != CACHE_HIT)
      continue;
    atomic_fetch_add(&race->hits, 1);
    if (token.generation < last ||
        !token_is(&token, 1, token.generation, race_length(token.generation)))
      atomic_store(&race->wrong, 1);
    last = token.generation;
  }
  token_free(&token);
  return NULL;
}

static void threads_and_a_writer(void **state)
{
  Race race = {.cache = *state};
  pthread_t threads[4];
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_on, &race), 0);
  for (uint64_t generation = 1; generation <= 3000; generation++) {
    assert_int_equal(put(race.cache, 1, race_length(generation)), generation);
    if (generation % 16 == 0)
      forget_copy(1);
  }
  atomic_store(&race.stop, 1);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  print_message("%lu hits beside 3000 publishes\n", atomic_load(&race.hits));
  assert_int_equal(atomic_load(&race.wrong), 0);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(second_read_is_ones_own),
      TEST(every_length),
      TEST(same_from_both),
      cmocka_unit_test(others_end_it),
      TEST(repair_ends_it),
      TEST(use_keeps_it),
      TEST(two_segments),
      TEST(expires),
      TEST(wiped_by_fork),
      TEST(wiped_by_clone),
      cmocka_unit_test(more_than_there_are_places),
      TEST(threads_and_a_writer),
  };
  return cmocka_run_group_tests_name("cache-copies", tests, NULL, NULL);
}
