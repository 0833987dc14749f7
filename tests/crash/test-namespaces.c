/* SPDX-License-Identifier: MIT */
/*
 * lib/cache across namespaces and strange births: processes in which a robust mutex or a clock
 * means something else do not meet in one segment, also when they inherited its mapping.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* Runs `body` in a child that is the first of new namespaces of the given kinds; -1: not permitted.
 */
static int run_in(int flags, ChildBody body, void *data)
{
  pid_t outer = fork();
  if (outer == 0) {
    if (unshare(flags))
      _exit(77);
    if (flags & CLONE_NEWTIME) {
      int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
      static const char shift[] = "monotonic 100000 0\nboottime 200000 0\n";
      if (fd < 0 || write(fd, shift, sizeof shift - 1) < 0)
        _exit(77);
      close(fd);
    }
    pid_t inner = fork();
    if (inner == 0) {
      alarm(60);
      body(data);
      _exit(0); /* LeakSanitizer's thread would be in the other namespace */
    }
    _exit(child_wait(inner));
  }
  int status = child_wait(outer);
  if (status != 77)
    require(status == 0);
  return status == 77 ? -1 : 0;
}

typedef struct {
  Cache *parents;
  char path[CACHE_PATH_SIZE];
} Inherited;

/* The mapping that came with the fork is left for one under this process's own name. */
static void uses_its_own(void *data)
{
  const Inherited *inherited = data;
  require(strcmp(segment(), inherited->path) != 0);
  Cache *own = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(own && own != inherited->parents && own->header != inherited->parents->header);
  require(cache_is_shared(own) && strcmp(own->path, segment()) == 0);
  require_works(own);
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == own);
}

SEGMENT_TEST(inherited_into_another_namespace)
{
  static const struct {
    const char *what;
    int flags;
  } kinds[] = {{"PID", CLONE_NEWPID}, {"time", CLONE_NEWTIME}};
  Inherited inherited = {.parents = cache_create(64, SNAPSHOT_SEAL_AUTO)};
  require_works(inherited.parents);
  strcpy(inherited.path, segment());
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    printf("%s namespace: %s\n", kinds[i].what,
           run_in(kinds[i].flags, uses_its_own, &inherited) ? "not permitted here" : "tried");
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == inherited.parents);
  require_works(inherited.parents);
}

static Cache *parents_cache;

static void *asks_for_it(void *data)
{
  pthread_barrier_wait(data);
  return cache_create(64, SNAPSHOT_SEAL_AUTO) == parents_cache ? data : NULL;
}

/* The threads of such a child ask all at once; none is given the parent's. */
static void asks_in_threads(void *data)
{
  pthread_t threads[4];
  pthread_barrier_t barrier;
  parents_cache = ((const Inherited *)data)->parents;
  pthread_barrier_init(&barrier, NULL, 4);
  for (size_t i = 0; i < 4; i++)
    require(pthread_create(&threads[i], NULL, asks_for_it, &barrier) == 0);
  for (size_t i = 0; i < 4; i++) {
    void *result;
    require(pthread_join(threads[i], &result) == 0 && !result);
  }
}

SEGMENT_TEST(inherited_by_many_threads)
{
  Inherited inherited = {.parents = cache_create(64, SNAPSHOT_SEAL_AUTO)};
  strcpy(inherited.path, segment());
  unsigned rounds = crash_rounds(100, 1000);
  for (unsigned i = 0; i < rounds; i++)
    if (run_in(CLONE_NEWPID, asks_in_threads, &inherited))
      return; /* not permitted here */
  printf("%u children with 4 threads each, none in the parent's segment\n", rounds);
}

/* ---- every process PID 1 of its own PID namespace ---- */

#define FIRSTS 16

typedef struct {
  _Atomic(int) attached, done;
  char path[FIRSTS][CACHE_PATH_SIZE];
} Firsts;

typedef struct {
  Firsts *firsts;
  int number;
} First;

static void first_of_its_own(void *data)
{
  First *first = data;
  CacheKey key = crash_key(1);
  static char value[TOKEN_MAX + 1];
  require(getpid() == 1);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  /* All at once: the inode of a namespace that is gone may be another's later, and its segment too,
   * which is right, as nobody of the old one lives. */
  strcpy(first->firsts->path[first->number], cache->path);
  atomic_fetch_add(&first->firsts->attached, 1);
  require(child_await(&first->firsts->attached, FIRSTS));
  uint64_t generation = 0;
  for (uint64_t i = 1; i <= 50; i++) {
    CacheClaim claim;
    CacheToken token = {.value = value};
    require(cache_claim(cache, &key, &crash_label, generation, 60000, CACHE_FOR_MISS, &claim) ==
            CACHE_CLAIM_OWNED);
    crash_token(&token, 1, i);
    require(cache_publish(cache, &key, &claim, &token));
    generation = token.generation;
    require(cache_read(cache, &key, &token) == CACHE_HIT && crash_token_is_whole(&token, 1));
  }
  atomic_fetch_add(&first->firsts->done, 1);
}

static void starts_a_first(void *data)
{
  _exit(run_in(CLONE_NEWPID, first_of_its_own, data) ? 77 : 0);
}

SEGMENT_TEST(everybody_is_pid_1)
{
  Firsts *firsts = child_shared(sizeof *firsts);
  pid_t pids[FIRSTS];
  for (int i = 0; i < FIRSTS; i++) {
    First first = {firsts, i};
    pids[i] = child_start(starts_a_first, &first);
  }
  for (int i = 0; i < FIRSTS; i++) {
    int status = child_wait(pids[i]);
    if (status == 77)
      return; /* not permitted here */
    require(status == 0);
  }
  require(atomic_load(&firsts->done) == FIRSTS);
  for (int i = 0; i < FIRSTS; i++)
    for (int k = 0; k < i; k++)
      require(strcmp(firsts->path[i], firsts->path[k]) != 0);
  printf("%d processes with PID 1, %d segments, none stuck\n", FIRSTS, FIRSTS);
}

/* ---- births that libc knows nothing of ---- */

static void clone_and_run(Cache *parents, void (*body)(Cache *parents))
{
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0) {
    alarm(60);
    body(parents);
    _exit(0);
  }
  require(pid > 0 && child_wait(pid) == 0);
}

/* Its robust mutexes would carry its parent's name and be nobody's after its death. */
static void keeps_to_itself(Cache *parents)
{
  Cache *own = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(own && own != parents && !cache_is_shared(own));
  require_works(own);
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == own);
}

SEGMENT_TEST(raw_clone)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require_works(cache);
  clone_and_run(cache, keeps_to_itself);
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache);
  require_works(cache);
}

static void stays(void *data)
{
  Cache *cache = data;
  require(cache_create(64, SNAPSHOT_SEAL_AUTO) == cache && cache_open(SNAPSHOT_SEAL_AUTO) == cache);
  require_works(cache);
}

/* An ordinary fork goes on with the same segment, and _Fork(3), which runs no handler, too. */
SEGMENT_TEST(ordinary_fork)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  require(child_wait(child_start(stays, cache)) == 0);
  pid_t pid = _Fork();
  if (pid == 0) {
    stays(cache);
    _exit(0);
  }
  require(child_wait(pid) == 0);
  require_works(cache);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(inherited_into_another_namespace),
      TEST(inherited_by_many_threads),
      TEST(everybody_is_pid_1),
      TEST(raw_clone),
      TEST(ordinary_fork),
  };
  return cmocka_run_group_tests_name("namespaces", tests, segment_group_setup, NULL);
}
