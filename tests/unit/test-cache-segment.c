/* SPDX-License-Identifier: MIT */
/* lib/cache-segment: the name, the file, and many processes that make it at once. */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/segment-fixture.h"

/* ---- the name and the file ---- */

SEGMENT_TEST(name_and_mode)
{
  char prefix[64];
  const char *path = segment();
  snprintf(prefix, sizeof prefix, SHM "/thred-auth-v%u-%u-", CACHE_LAYOUT, (unsigned)geteuid());
  require(strncmp(path, prefix, strlen(prefix)) == 0);
  require(strspn(path + strlen(prefix), "0123456789abcdef") == 16);
  require(strcmp(path + strlen(prefix) + 16, have_keyring() ? "" : "-unsealed") == 0);
  require(cache_open(SNAPSHOT_SEAL_AUTO) == NULL);
  require(count_entries(SHM) == 0);
  umask(0);
  unsigned before = descriptors();
  Cache *cache = cache_create(100, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  require(cache_create(5000, SNAPSHOT_SEAL_AUTO) == cache &&
          cache_open(SNAPSHOT_SEAL_AUTO) == cache);
  require(descriptors() == before);
  struct stat st = stat_of(path);
  require(S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600 && st.st_uid == geteuid());
  require((size_t)st.st_size == cache->shape.size && st.st_nlink == 1);
  require((off_t)st.st_blocks * 512 >= st.st_size); /* nothing left to run out of */
  require(cache->buckets == 13 && count_entries(SHM) == 1);
  require_works(cache);
}

SEGMENT_TEST(tight_umask)
{
  umask(0777);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  require((stat_of(segment()).st_mode & 07777) == 0600);
}

SEGMENT_TEST(sizes)
{
  static const uint32_t wanted[] = {0, 1, 16, 17, 1024, 4096};
  static const uint32_t buckets[] = {2, 2, 2, 3, 128, 512};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
    uint32_t entries = wanted[i];
    pid_t pid = child_start(make_body, &entries);
    require(pid > 0 && child_wait(pid) == 0);
    struct stat st = stat_of(segment());
    require((size_t)st.st_size == cache_shape(buckets[i], cache_chunks_for(buckets[i])).size);
    require(unlink(segment()) == 0);
  }
}

SEGMENT_TEST(open_finds_what_is_there)
{
  make_segment();
  unsigned before = descriptors();
  Cache *cache = cache_open(SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  require(descriptors() == before);
  require_works(cache);
}

static void same_user(void *data)
{
  require(strcmp(segment(), data) == 0);
}

static void other_user(void *data)
{
  require(seteuid(65534) == 0);
  require(strcmp(segment(), data) != 0);
  require(strstr(segment(), "-65534-"));
  _exit(0); /* LeakSanitizer may not look at a process that changed its user */
}

static void other_pid_namespace(void *data)
{
  require(unshare(CLONE_NEWPID) == 0);
  pid_t pid = fork();
  if (pid == 0)
    _exit(strcmp(segment(), data) == 0);
  require(pid > 0 && child_wait(pid) == 0);
  _exit(0); /* LeakSanitizer's thread would be in the other namespace */
}

SEGMENT_TEST(name_says_who_may_share)
{
  char path[128];
  strcpy(path, segment());
  require(strcmp(path, segment()) == 0);
  require(child_wait(child_start(same_user, path)) == 0);
  if (geteuid() != 0)
    return;
  require(child_wait(child_start(other_user, path)) == 0);
  require(child_wait(child_start(other_pid_namespace, path)) == 0);
}

/* A late 401 to a token of the one must not hit a token of the other. */
SEGMENT_TEST(generations_of_two_segments)
{
  uint64_t first[2];
  for (size_t i = 0; i < 2; i++) {
    make_segment();
    int fd = open(segment(), O_RDONLY | O_CLOEXEC);
    require(pread(fd, &first[i], 8, offsetof(CacheHeader, first_generation)) == 8);
    close(fd);
    require(unlink(segment()) == 0);
  }
  require(first[0] != 0 && first[1] != 0 && first[0] != first[1]);
}

/* A server that does each request as another user: each has its segment, mapped once. */
SEGMENT_TEST(changing_the_user)
{
  if (geteuid() != 0)
    return;
  Cache *caches[2];
  for (int i = 0; i < 100; i++) {
    require(seteuid(i % 2 ? 65534 : 0) == 0);
    Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
    require(cache && cache_is_shared(cache) && cache->owner == geteuid());
    require_works(cache);
    if (i < 2)
      caches[i] = keep(cache);
    require(cache == caches[i % 2]);
    require(seteuid(0) == 0);
  }
  require(count_entries(SHM) == 2);
  _exit(0); /* LeakSanitizer may not look at a process that changed its user */
}

/* The program's descriptors 0 to 2 are its own, also when it has closed them. */
SEGMENT_TEST(no_standard_descriptors)
{
  CacheKey key = {"a key"};
  const CacheLabel label = {SNAPSHOT_TOKEN_PARTNER, "sandbox", "sandbox.thredfi.com", NULL};
  CacheClaim claim;
  int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
  for (int fd = 0; fd < 3; fd++)
    close(fd);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaimResult result = cache_claim(cache, &key, &label, 0, 10000, CACHE_FOR_MISS, &claim);
  bool free_ones = fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
  dup2(saved, STDERR_FILENO);
  require(cache_is_shared(cache) && result == CACHE_CLAIM_OWNED && free_ones);
  cache_release(cache, &key, &claim);
}

/* ---- many at once ---- */

#define RACERS 32

typedef struct {
  _Atomic(int) ready, go;
  uint8_t salts[RACERS][16];
} Race;

typedef struct {
  Race *race;
  int number;
} Racer;

static void race_body(void *data)
{
  const Racer *racer = data;
  atomic_fetch_add(&racer->race->ready, 1);
  while (!atomic_load(&racer->race->go))
    sched_yield();
  Cache *cache = cache_create(64 + 8 * (uint32_t)racer->number, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  memcpy(racer->race->salts[racer->number], cache->header->salt, 16);
}

/* All racers end in the same segment, the only file there is. */
static void run_race(Race *race)
{
  pid_t pids[RACERS];
  memset(race, 0, sizeof *race);
  for (int i = 0; i < RACERS; i++) {
    Racer racer = {race, i};
    pids[i] = child_start(race_body, &racer);
    require(pids[i] > 0);
  }
  require(child_await(&race->ready, RACERS));
  atomic_store(&race->go, 1);
  for (int i = 0; i < RACERS; i++)
    require(child_wait(pids[i]) == 0);
  for (int i = 1; i < RACERS; i++)
    require(memcmp(race->salts[i], race->salts[0], 16) == 0);
  require(count_entries(SHM) == 1);
}

SEGMENT_TEST(one_segment_for_all)
{
  Race *race = child_shared(sizeof *race);
  for (int round = 0; round < 5; round++) {
    run_race(race);
    require(unlink(segment()) == 0);
  }
}

/* What one of them has put in the place of a retired segment, no other one removes. */
SEGMENT_TEST(one_successor_of_a_retired_one)
{
  Race *race = child_shared(sizeof *race);
  const uint32_t state = CACHE_RETIRED;
  make_segment();
  for (int round = 0; round < 10; round++) {
    edit(offsetof(CacheHeader, state), &state, sizeof state);
    run_race(race);
  }
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(name_and_mode),
      TEST(tight_umask),
      TEST(sizes),
      TEST(open_finds_what_is_there),
      TEST(name_says_who_may_share),
      TEST(generations_of_two_segments),
      TEST(changing_the_user),
      TEST(no_standard_descriptors),
      TEST(one_segment_for_all),
      TEST(one_successor_of_a_retired_one),
  };
  return cmocka_run_group_tests_name("cache-segment", tests, segment_group_setup, NULL);
}
