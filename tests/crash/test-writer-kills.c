/* SPDX-License-Identifier: MIT */
/*
 * lib/cache while its writers are killed at random moments: whatever a reader is given is whole, a
 * generation never comes back, nothing is lost, and the next writer goes on at once.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "tests/crash/crash.h"

#define WRITERS 3
#define READERS 2
#define KEYS    6
#define LEASE   60000 /* ms: a dead writer's lease must be taken over before its end */

typedef struct {
  Cache *cache;
  _Atomic(int) stop;
  _Atomic(uint64_t) numbers, published, refused, flushed;
  _Atomic(uint64_t) reads, hits;
  _Atomic(int64_t) longest_us[READERS]; /* between two hits */
} Kills;

static char value[TOKEN_MAX + 1];

/* ---- writers, until they are killed ---- */

static void write_one(Kills *kills, uint64_t key_number)
{
  CacheKey key = crash_key(key_number);
  CacheClaim claim;
  CacheToken token = {.value = value};
  (void)cache_read(kills->cache, &key, &token);
  CacheClaimResult result = cache_claim(kills->cache, &key, &crash_label, token.generation, LEASE,
                                        CACHE_FOR_MISS, &claim);
  if (result == CACHE_CLAIM_BUSY)
    cache_wait(kills->cache, &claim, 1);
  if (result != CACHE_CLAIM_OWNED)
    return;
  crash_token(&token, key_number, atomic_fetch_add(&kills->numbers, 1) % 1000000);
  if (crash_random() % 16 == 0)
    cache_release(kills->cache, &key, &claim);
  else if (cache_publish(kills->cache, &key, &claim, &token))
    atomic_fetch_add(&kills->published, 1);
}

static void refuse_one(Kills *kills, uint64_t key_number)
{
  CacheKey key = crash_key(key_number);
  CacheToken token = {.value = value};
  if (cache_read(kills->cache, &key, &token) != CACHE_HIT)
    return;
  cache_refuse(kills->cache, &key, token.generation);
  atomic_fetch_add(&kills->refused, 1);
}

static void writer_body(void *data)
{
  Kills *kills = data;
  while (!atomic_load(&kills->stop)) {
    uint64_t dice = crash_random() % 1000, key = crash_random() % KEYS;
    if (dice < 950)
      write_one(kills, key);
    else if (dice < 995)
      refuse_one(kills, key);
    else if (cache_flush(kills->cache) >= 0)
      atomic_fetch_add(&kills->flushed, 1);
  }
  _exit(0);
}

/* ---- readers, who check every byte ---- */

static int64_t now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

typedef struct {
  Kills *kills;
  int number;
} Reader;

static void reader_body(void *data)
{
  const Reader *reader = data;
  Kills *kills = reader->kills;
  uint64_t last[KEYS] = {0};
  int64_t last_hit = now_us();
  alarm(0);
  while (!atomic_load(&kills->stop)) {
    uint64_t key_number = crash_random() % KEYS;
    CacheKey key = crash_key(key_number);
    CacheToken token = {.value = value};
    if (crash_random() % 2)
      copies_drop(&key); /* so that the next read is the segment's */
    atomic_fetch_add(&kills->reads, 1);
    if (cache_read(kills->cache, &key, &token) != CACHE_HIT)
      continue;
    require(crash_token_is_whole(&token, key_number));
    require(token.generation >= last[key_number]);
    last[key_number] = token.generation;
    atomic_fetch_add(&kills->hits, 1);
    int64_t now = now_us();
    if (now - last_hit > atomic_load(&kills->longest_us[reader->number]))
      atomic_store(&kills->longest_us[reader->number], now - last_hit);
    last_hit = now;
  }
  _exit(0);
}

/* ---- the killer ---- */

/* Somebody publishes within 20 s, or all are stuck. */
static void require_progress(Kills *kills)
{
  uint64_t before = atomic_load(&kills->published);
  for (int i = 0; i < 20000; i++) {
    if (atomic_load(&kills->published) != before)
      return;
    sleep_us(1000);
  }
  child_fail(__FILE__, __LINE__, "stuck");
}

static void report(const Kills *kills, unsigned count)
{
  const _Atomic(uint64_t) *counters = kills->cache->header->counters;
  int64_t longest = 0;
  for (int i = 0; i < READERS; i++)
    if (kills->longest_us[i] > longest)
      longest = kills->longest_us[i];
  printf("%u writers killed, %llu of them inside the lock, %llu with a lease; %llu published, %llu "
         "refused, %llu flushes\n",
         count, (unsigned long long)counters[CACHE_COUNT_REPAIRED],
         (unsigned long long)counters[CACHE_COUNT_STOLEN], (unsigned long long)kills->published,
         (unsigned long long)kills->refused, (unsigned long long)kills->flushed);
  printf(
      "%llu reads, %llu hits, 0 torn, 0 stuck; longest time without a token for a reader %.1f ms\n",
      (unsigned long long)kills->reads, (unsigned long long)kills->hits, (double)longest / 1000);
}

static void kill_them(Kills *kills, pid_t writers[WRITERS], unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    pid_t *victim = &writers[crash_random() % WRITERS];
    sleep_us((int64_t)(crash_random() % 700));
    kill(*victim, SIGKILL);
    require(child_wait(*victim) == 128 + SIGKILL);
    *victim = child_start(writer_body, kills);
    require(*victim > 0);
    if (i % 100 == 99)
      require_progress(kills);
    if (i % 1000 == 999)
      crash_require_whole(kills->cache);
  }
}

SEGMENT_TEST(writers_killed_at_random)
{
  alarm(3000);
  Kills *kills = child_shared(sizeof *kills);
  pid_t writers[WRITERS], readers[READERS];
  unsigned count = crash_rounds(10000, 100000);
  kills->cache = cache_create(16, SNAPSHOT_SEAL_AUTO);
  for (int i = 0; i < WRITERS; i++)
    writers[i] = child_start(writer_body, kills);
  for (int i = 0; i < READERS; i++) {
    Reader reader = {kills, i};
    readers[i] = child_start(reader_body, &reader);
  }
  kill_them(kills, writers, count);
  require_progress(kills);
  atomic_store(&kills->stop, 1);
  for (int i = 0; i < WRITERS; i++)
    require(child_wait(writers[i]) == 0);
  for (int i = 0; i < READERS; i++)
    require(child_wait(readers[i]) == 0);
  crash_require_whole(kills->cache);
  require(atomic_load(&kills->cache->header->state) == CACHE_LIVE);
  report(kills, count);
  require(kills->hits > 0 && kills->cache->header->counters[CACHE_COUNT_REPAIRED] > 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writers_killed_at_random),
  };
  return cmocka_run_group_tests_name("writer-kills", tests, segment_group_setup, NULL);
}
