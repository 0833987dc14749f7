/* SPDX-License-Identifier: MIT */
/* lib/cache-liveness: the lease of a dead owner is taken over at once, that of a living one never.
 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"

#define LEASE 60000 /* ms: whoever waits for its end has failed */

static CacheClaimResult claim_for(Cache *cache, uint64_t number, int64_t lease_ms,
                                  CacheClaim *claim)
{
  CacheKey key = crash_key(number);
  CacheClaimResult result = CACHE_CLAIM_LOCKED;
  for (int i = 0; i < 20 && result == CACHE_CLAIM_LOCKED; i++)
    result = cache_claim(cache, &key, &crash_label, UINT64_MAX, lease_ms, CACHE_FOR_MISS, claim);
  return result;
}

static CacheClaimResult claim_it(Cache *cache, uint64_t number, CacheClaim *claim)
{
  return claim_for(cache, number, LEASE, claim);
}

static void release_it(Cache *cache, uint64_t number, CacheClaim *claim)
{
  CacheKey key = crash_key(number);
  cache_release(cache, &key, claim);
}

static bool is_busy(Cache *cache, uint64_t number)
{
  CacheKey key = crash_key(number);
  return cache_is_busy(cache, &key);
}

static bool publish_it(Cache *cache, uint64_t number, CacheClaim *claim)
{
  static char value[TOKEN_MAX + 1];
  CacheKey key = crash_key(number);
  CacheToken token = {.value = value};
  crash_token(&token, number, 1);
  return cache_publish(cache, &key, claim, &token);
}

static uint64_t stolen(const Cache *cache)
{
  return atomic_load(&cache->header->counters[CACHE_COUNT_STOLEN]);
}

/* ---- owners that end in all ways ---- */

typedef struct {
  Cache *cache;
  uint64_t number;
  int64_t lease_ms;
  void (*end)(void);
  _Atomic(int) claimed, go;
} Owner;

static void owner_body(void *data)
{
  Owner *owner = data;
  CacheClaim claim;
  require(claim_for(owner->cache, owner->number, owner->lease_ms, &claim) == CACHE_CLAIM_OWNED);
  atomic_store(&owner->claimed, 1);
  require(child_await(&owner->go, 1));
  owner->end();
}

static pid_t start_owner(Owner *owner, Cache *cache, uint64_t number, int64_t lease_ms,
                         void (*end)(void))
{
  owner->cache = cache;
  owner->number = number;
  owner->lease_ms = lease_ms;
  owner->end = end;
  atomic_store(&owner->claimed, 0);
  atomic_store(&owner->go, 0);
  pid_t pid = child_start(owner_body, owner);
  require(pid > 0 && child_await(&owner->claimed, 1));
  return pid;
}

/* Waits for the end without reaping it: a zombie has a PID that kill(2) takes for alive. */
static void await_zombie(pid_t pid)
{
  siginfo_t info;
  require(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
}

static void kill_oneself(void)
{
  raise(SIGKILL);
}
static void leave(void)
{
  _exit(0);
}
static void exec_something(void)
{
  execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL);
}
/* The process goes on as another program; its lease is nobody's. */
static void exec_and_stay(void)
{
  execl("/bin/sh", "sh", "-c", "sleep 30", (char *)NULL);
}
static void close_all(void)
{
  closefrom(3);
  pause();
}

SEGMENT_TEST(dead_owner)
{
  static void (*const ends[])(void) = {kill_oneself, leave, exec_something};
  Owner *owner = child_shared(sizeof *owner);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  unsigned rounds = crash_rounds(300, 3000), before = descriptors();
  int64_t worst = 0;
  for (unsigned i = 0; i < rounds; i++) {
    CacheClaim claim;
    pid_t pid = start_owner(owner, cache, i, LEASE, ends[i % 3]);
    require(claim_it(cache, i, &claim) == CACHE_CLAIM_BUSY && is_busy(cache, i));
    atomic_store(&owner->go, 1);
    await_zombie(pid);
    int64_t start = clock_monotonic_ms();
    require(!is_busy(cache, i));
    require(claim_it(cache, i, &claim) == CACHE_CLAIM_OWNED);
    int64_t took = clock_monotonic_ms() - start;
    worst = took > worst ? took : worst;
    require(stolen(cache) == i + 1);
    require(publish_it(cache, i, &claim));
    waitpid(pid, NULL, 0);
  }
  require(descriptors() == before);
  printf("%u owners killed, gone or replaced: %u leases taken over, worst %lld ms\n", rounds,
         rounds, (long long)worst);
}

SEGMENT_TEST(owner_that_became_another_program)
{
  static void (*const ends[])(void) = {exec_and_stay, close_all};
  Owner *owner = child_shared(sizeof *owner);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  for (uint64_t i = 0; i < 2; i++) {
    CacheClaim claim;
    pid_t pid = start_owner(owner, cache, i, LEASE, ends[i]);
    atomic_store(&owner->go, 1);
    CacheClaimResult result = CACHE_CLAIM_BUSY;
    for (int k = 0; k < 5000 && (result = claim_it(cache, i, &claim)) == CACHE_CLAIM_BUSY; k++)
      sleep_us(1000);
    require(result == CACHE_CLAIM_OWNED);
    require(publish_it(cache, i, &claim));
    kill(pid, SIGKILL);
    child_wait(pid);
  }
}

/* ---- owners that live ---- */

static void tries_to_steal(void *data)
{
  Owner *owner = data;
  CacheClaim claim;
  for (int i = 0; i < 300; i++) {
    require(claim_it(owner->cache, owner->number, &claim) == CACHE_CLAIM_BUSY);
    require(is_busy(owner->cache, owner->number));
  }
}

static void *tries_in_a_thread(void *data)
{
  tries_to_steal(data);
  return NULL;
}

SEGMENT_TEST(living_owner)
{
  Owner *owner = child_shared(sizeof *owner);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaim claim;
  pid_t pids[8];
  pthread_t threads[4];
  require(claim_it(cache, 1, &claim) == CACHE_CLAIM_OWNED);
  owner->cache = cache;
  owner->number = 1;
  for (size_t i = 0; i < 8; i++)
    pids[i] = child_start(tries_to_steal, owner);
  for (size_t i = 0; i < 4; i++)
    require(pthread_create(&threads[i], NULL, tries_in_a_thread, owner) == 0);
  for (size_t i = 0; i < 8; i++)
    require(child_wait(pids[i]) == 0);
  for (size_t i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  require(stolen(cache) == 0);
  require(publish_it(cache, 1, &claim));
}

/*
 * The defect that the first design of such a lease had: while it is claimed, somebody else holds
 * the liveness lock for a moment. The lease is had without it, and must not be taken for a dead
 * owner's when that moment is over.
 */
SEGMENT_TEST(claimed_while_the_lock_was_anothers)
{
  Cache *cache =
      cache_create(512, SNAPSHOT_SEAL_AUTO); /* each key in an entry that had no lease before */
  for (uint64_t i = 0; i < 200; i++) {
    CacheKey key = crash_key(i);
    CacheClaim claim, other;
    Liveness passing = liveness_open(cache, clock_monotonic_ms() + LEASE);
    require(liveness_try(passing, cache_fingerprint_of(&key), 1));
    require(claim_it(cache, i, &claim) == CACHE_CLAIM_OWNED);
    liveness_close(&passing);
    for (int k = 0; k < 3; k++)
      require(claim_it(cache, i, &other) == CACHE_CLAIM_BUSY);
    require(publish_it(cache, i, &claim));
  }
  require(stolen(cache) == 0);
}

typedef struct {
  Cache *cache;
  _Atomic(int) alive, bare;
} Contention;

static void claims_and_releases(void *data)
{
  Contention *contention = data;
  for (int i = 0; i < 2000; i++) {
    CacheKey key = crash_key(1);
    CacheClaim claim;
    if (claim_it(contention->cache, 1, &claim) != CACHE_CLAIM_OWNED)
      continue;
    uint64_t lease = atomic_load(&cache_entry(contention->cache, claim.entry)->lease);
    atomic_fetch_add(lease & CACHE_ALIVE ? &contention->alive : &contention->bare, 1);
    cache_release(contention->cache, &key, &claim);
  }
}

/* However they follow each other: no lease is had without the lock because the one before is just
 * giving up its own. */
SEGMENT_TEST(every_lease_has_it)
{
  Contention *contention = child_shared(sizeof *contention);
  pid_t pids[4];
  contention->cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  for (size_t i = 0; i < 4; i++)
    pids[i] = child_start(claims_and_releases, contention);
  for (size_t i = 0; i < 4; i++)
    require(child_wait(pids[i]) == 0);
  printf("%d leases in turn, %d without the liveness lock\n", contention->alive, contention->bare);
  require(contention->alive > 0 && contention->bare == 0);
}

/* Then only the lease's end frees it; it does. */
SEGMENT_TEST(dead_without_the_lock)
{
  Owner *owner = child_shared(sizeof *owner);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheKey key = crash_key(1);
  CacheClaim claim;
  Liveness passing = liveness_open(cache, clock_monotonic_ms() + LEASE);
  require(liveness_try(passing, cache_fingerprint_of(&key), 1));
  pid_t pid = start_owner(owner, cache, 1, 400, kill_oneself);
  liveness_close(&passing);
  atomic_store(&owner->go, 1);
  await_zombie(pid);
  CacheClaimResult result = CACHE_CLAIM_BUSY;
  for (int i = 0; i < 20000 && (result = claim_it(cache, 1, &claim)) == CACHE_CLAIM_BUSY; i++)
    sleep_us(1000);
  require(result == CACHE_CLAIM_OWNED && stolen(cache) == 0);
  release_it(cache, 1, &claim);
}

/* ---- descriptors that are inherited, closed, and given to others ---- */

/* Lives on for a while, whatever becomes of its parent. */
static void outlive_parent(void)
{
  alarm(5);
  pause();
}

/* The child of a fork in mid-fetch does not keep its parent's lease alive: not from the moment on
 * in which fork(2) has returned in it. */
static void fork_and_die(void)
{
  _Atomic(int) *returned = child_shared(sizeof *returned);
  if (fork() == 0) {
    atomic_store(returned, 1);
    outlive_parent();
  }
  while (!atomic_load(returned))
    sleep_us(100);
  raise(SIGKILL);
}

/* One of raw clone(2) does, as no handler of ours runs in it: until the lease ends. */
static void clone_and_die(void)
{
  if (syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) == 0)
    outlive_parent();
  raise(SIGKILL);
}

SEGMENT_TEST(inherited)
{
  Owner *owner = child_shared(sizeof *owner);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaim claim;
  pid_t pid = start_owner(owner, cache, 1, LEASE, fork_and_die);
  atomic_store(&owner->go, 1);
  await_zombie(pid);
  require(claim_it(cache, 1, &claim) == CACHE_CLAIM_OWNED);
  release_it(cache, 1, &claim);
  pid = start_owner(owner, cache, 2, 1500, clone_and_die);
  atomic_store(&owner->go, 1);
  await_zombie(pid);
  CacheClaimResult result = CACHE_CLAIM_BUSY;
  for (int i = 0; i < 20000 && (result = claim_it(cache, 2, &claim)) == CACHE_CLAIM_BUSY; i++)
    sleep_us(1000);
  require(result == CACHE_CLAIM_OWNED);
  release_it(cache, 2, &claim);
}

/* A child that knows nothing of the descriptor and lives on does not take the lock along when the
 * fetch is over. */
SEGMENT_TEST(kept_by_a_clone)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaim claim;
  require(claim_it(cache, 1, &claim) == CACHE_CLAIM_OWNED);
  pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (pid == 0)
    outlive_parent();
  release_it(cache, 1, &claim);
  for (int i = 0; i < 3; i++) {
    require(claim_it(cache, 1, &claim) == CACHE_CLAIM_OWNED);
    require(atomic_load(&cache_entry(cache, claim.entry)->lease) & CACHE_ALIVE);
    release_it(cache, 1, &claim);
  }
  kill(pid, SIGKILL);
  child_wait(pid);
}

static void requires_busy(void *data)
{
  CacheClaim claim;
  require(claim_it(data, 2, &claim) == CACHE_CLAIM_BUSY);
}

/* The program closes everything; a second fetch gets the first one's number, for the same file. The
 * first one's end must not close it. */
SEGMENT_TEST(number_given_to_another_fetch)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaim first, second;
  require(claim_it(cache, 1, &first) == CACHE_CLAIM_OWNED);
  closefrom(3);
  require(claim_it(cache, 2, &second) == CACHE_CLAIM_OWNED);
  release_it(cache, 1, &first);
  require(child_wait(child_start(requires_busy, cache)) == 0);
  require(publish_it(cache, 2, &second));
}

/* The program closes everything and opens files of its own, which get our number. */
SEGMENT_TEST(number_given_to_another_file)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaim claim, thief;
  int fds[8];
  require(claim_it(cache, 1, &claim) == CACHE_CLAIM_OWNED);
  closefrom(3);
  for (int i = 0; i < 8; i++)
    require((fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
  require(claim_it(cache, 1, &thief) == CACHE_CLAIM_OWNED);
  require(publish_it(cache, 1, &thief));
  require(!publish_it(cache, 1, &claim)); /* one fetch too many, and no more than that */
  release_it(cache, 1, &claim);
  for (int i = 0; i < 8; i++)
    require(fcntl(fds[i], F_GETFD) >= 0);
}

SEGMENT_TEST(nothing_stays_open)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  unsigned before = descriptors();
  for (uint64_t how = 0; how < 4; how++) {
    CacheKey key = crash_key(how);
    CacheClaim claim, other;
    require(claim_it(cache, how, &claim) == CACHE_CLAIM_OWNED);
    require(descriptors() == before + 1);
    require(claim_it(cache, how, &other) == CACHE_CLAIM_BUSY && is_busy(cache, how));
    require(descriptors() == before + 1);
    if (how == 0)
      require(publish_it(cache, how, &claim));
    else if (how == 1)
      cache_release(cache, &key, &claim);
    else if (how == 2)
      cache_postpone(cache, &key, &claim);
    else
      cache_fail(cache, &key, &claim, THRED_E_SERVER, 503, 60000);
    require(descriptors() == before);
    CacheClaimResult result = claim_it(cache, how, &other);
    require(result == (how == 0   ? CACHE_CLAIM_NEWER
                       : how == 3 ? CACHE_CLAIM_FAILED
                                  : CACHE_CLAIM_OWNED));
    if (result == CACHE_CLAIM_OWNED)
      release_it(cache, how, &other);
    require(descriptors() == before);
  }
}

/* More fetches at once than have room for a descriptor: the rest runs by the deadline alone. */
SEGMENT_TEST(more_than_there_are_slots)
{
  static CacheClaim claims[200];
  Cache *cache = cache_create(512, SNAPSHOT_SEAL_AUTO);
  unsigned before = descriptors();
  for (uint64_t i = 0; i < 200; i++)
    require(claim_it(cache, i, &claims[i]) == CACHE_CLAIM_OWNED);
  require(descriptors() > before && descriptors() < before + 200);
  for (uint64_t i = 0; i < 200; i++)
    require(publish_it(cache, i, &claims[i]));
  require(descriptors() == before);
}

static jmp_buf jump;

static void leave_by_jump(Cache *cache, uint64_t number)
{
  CacheClaim claim;
  require(claim_for(cache, number, 50, &claim) == CACHE_CLAIM_OWNED);
  longjmp(jump, 1);
}

/* A fetch that is left by longjmp ends its lease by the deadline, and its descriptor is closed by
 * whoever fetches next. */
SEGMENT_TEST(left_by_longjmp)
{
  Cache *cache = cache_create(512, SNAPSHOT_SEAL_AUTO);
  unsigned before = descriptors();
  for (volatile uint64_t i = 0; i < 150; i++) {
    if (setjmp(jump) == 0)
      leave_by_jump(cache, i);
    if (i % 50 == 49)
      sleep_us(60000);
  }
  require(descriptors() <= before + 64);
  for (uint64_t i = 0; i < 150; i++) {
    CacheClaim claim;
    CacheClaimResult result = CACHE_CLAIM_BUSY;
    for (int k = 0; k < 5000 && (result = claim_it(cache, i, &claim)) == CACHE_CLAIM_BUSY; k++)
      sleep_us(1000);
    require(result == CACHE_CLAIM_OWNED);
    require(publish_it(cache, i, &claim));
  }
  require(descriptors() <= before + 64);
}

/* A segment that has lost its name: no lock is to be had, leases go by their deadline. */
SEGMENT_TEST(without_a_name)
{
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheClaim claim, other;
  unsigned before = descriptors();
  require(unlink(cache->path) == 0);
  require(claim_it(cache, 1, &claim) == CACHE_CLAIM_OWNED);
  require(descriptors() == before);
  require(claim_it(cache, 1, &other) == CACHE_CLAIM_BUSY && is_busy(cache, 1));
  require(publish_it(cache, 1, &claim));
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(dead_owner),
      TEST(owner_that_became_another_program),
      TEST(living_owner),
      TEST(claimed_while_the_lock_was_anothers),
      TEST(every_lease_has_it),
      TEST(dead_without_the_lock),
      TEST(inherited),
      TEST(kept_by_a_clone),
      TEST(number_given_to_another_fetch),
      TEST(number_given_to_another_file),
      TEST(nothing_stays_open),
      TEST(more_than_there_are_slots),
      TEST(left_by_longjmp),
      TEST(without_a_name),
  };
  return cmocka_run_group_tests_name("liveness", tests, segment_group_setup, NULL);
}
