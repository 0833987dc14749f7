/* SPDX-License-Identifier: MIT */
/* lib/secret-memory: what is locked, and that it is not all that the program may lock. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "lib/secret-memory.h"
#include "tests/unit/segment-fixture.h"

#define KIB 1024u

/* Of this process, in KiB. */
static unsigned locked(void)
{
  char line[256];
  unsigned kib = 0;
  FILE *status = fopen("/proc/self/status", "re");
  require(status);
  while (fgets(line, sizeof line, status) && sscanf(line, "VmLck: %u", &kib) != 1)
    ;
  fclose(status);
  return kib;
}

static void lock_a_page(void *data)
{
  void *page = secret_pages(4096);
  (void)data;
  require(page);
  secret_keep_from_swap(page, 4096);
  _exit(locked() > 0 ? 0 : 1);
}

/* Not under the sanitizers, whose mlock does nothing, nor where nothing may be locked; and pages
 * are counted here. */
static bool can_be_locked(void)
{
  return sysconf(_SC_PAGESIZE) == 4 * KIB && child_wait(child_start(lock_a_page, NULL)) == 0;
}

static void lock_much(unsigned kib)
{
  char *pages = secret_pages(kib * KIB);
  require(pages);
  for (unsigned at = 0; at < kib; at += 4)
    secret_keep_from_swap(pages + at * KIB, 4 * KIB);
}

/* Twice, as a child has a budget of its own. */
static void within(unsigned limit_kib, unsigned ours_kib)
{
  const struct rlimit limit = {limit_kib * KIB, limit_kib * KIB};
  require(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  lock_much(256);
  require(locked() == ours_kib);
}

static void within_and_forked(void *data)
{
  const unsigned *kib = data;
  within(kib[0], kib[1]);
  pid_t pid = fork();
  if (pid == 0) {
    require(locked() == 0);
    within(kib[0], kib[1]);
    _exit(0);
  }
  require(child_wait(pid) == 0);
}

static void a_quarter_of_the_programs(void **state)
{
  unsigned kib[][2] = {{1024, 64}, {256, 64}, {64, 16}, {16, 4}, {8, 0}, {0, 0}};
  struct rlimit limit;
  (void)state;
  if (!can_be_locked() || getrlimit(RLIMIT_MEMLOCK, &limit))
    skip();
  for (size_t i = 0; i < sizeof kib / sizeof *kib; i++)
    if (kib[i][0] * KIB <= limit.rlim_max || geteuid() == 0)
      child_run(within_and_forked, kib[i]);
}

/* A token that is refused, and the next one in its place: the same memory, not more of it. */
SEGMENT_TEST(the_same_memory_counts_once)
{
  static char value[TOKEN_MAX + 1] = SOME_TOKEN;
  const CacheKey key = {"key"};
  const CacheToken token = {
      .generation = 1, .remaining_ms = 3600000, .length = strlen(value), .value = value};
  if (!can_be_locked())
    return;
  Cache *cache = keep(cache_attach_private());
  for (int i = 0; i < 100; i++) {
    copies_put(cache, &key, 0, &token);
    copies_drop(&key);
  }
  const unsigned before = locked();
  require(before > 0);
  lock_much(4);
  require(locked() == before + 4);
}

/* The key, and the copy of the token. */
SEGMENT_TEST(a_child_locks_its_own)
{
  if (!can_be_locked())
    return;
  Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  put_some_token(cache);
  require(has_some_token(cache));
  const unsigned before = locked();
  require(before >= 8);
  pid_t pid = fork();
  if (pid == 0) {
    require(locked() == 0);
    require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache && locked() == 4);
    require(has_some_token(cache) && locked() == before);
    _exit(0);
  }
  require(child_wait(pid) == 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_quarter_of_the_programs),
      cmocka_unit_test(the_same_memory_counts_once),
      cmocka_unit_test(a_child_locks_its_own),
  };
  return cmocka_run_group_tests(tests, segment_group_setup, NULL);
}
