/* SPDX-License-Identifier: MIT */
/* lib/bearer and lib/cache with processes that are stopped (SIGSTOP) where it hurts most: in the
 * middle of a fetch, just woken up, inside the lock, removing a segment. */
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/crash/crash.h"
#include "tests/crash/fake-fetch.h"

#define SHORT_S  1    /* a time-out, and */
#define LEASE_MS 3000 /* what lib/bearer makes of it */
#define LONG_S   10
#define PATIENCE 20000

/* ---- processes ---- */

/* One process that wants a token, once. */
typedef struct {
  pid_t pid;
  uint64_t credential;
  uint32_t timeout_s;
  atomic_int *hold; /* a fetch goes on from its middle when this is set; NULL: at once */
  bool stops;       /* itself, in the middle of its fetch */
  atomic_int done;
  int code;
  bool whole;
  uint64_t generation, number;
  int64_t took_ms;
} Caller;

static void ask(Caller *caller)
{
  static char value[TOKEN_MAX + 1];
  FakeSnapshot block;
  Error error = ERROR_INIT;
  CacheToken token = {.value = value};
  const FakeSettings settings = {.timeout = caller->timeout_s,
                                 .refresh_before = 300,
                                 .entries = 64,
                                 .credential = caller->credential};
  BearerRequest request = fake_request(fake_snapshot(&block, &settings), NULL);
  caller->code = bearer_get(&request, &token, &error);
  caller->generation = token.generation;
  caller->whole = caller->code == THRED_OK &&
                  fake_token_is_whole(&token, caller->credential, NULL, &caller->number);
}

static void in_the_middle(void *data)
{
  Caller *caller = data;
  if (caller->hold)
    require(child_await(caller->hold, 1));
  if (caller->stops)
    raise(SIGSTOP);
}

/* A short call that runs out of time is followed by another, as a program's next request would be.
 */
static void caller_body(void *data)
{
  Caller *caller = data;
  int64_t start = clock_monotonic_ms();
  fake_in_the_middle(in_the_middle, caller);
  do
    ask(caller);
  while (caller->timeout_s == SHORT_S && caller->code == THRED_E_TIMEOUT &&
         clock_monotonic_ms() < start + PATIENCE);
  caller->took_ms = clock_monotonic_ms() - start;
  atomic_store(&caller->done, 1);
}

static void start_caller(Caller *caller, uint64_t credential, uint32_t timeout_s)
{
  caller->credential = credential;
  caller->timeout_s = timeout_s;
  require((caller->pid = child_start(caller_body, caller)) > 0);
}

static void finish_caller(const Caller *caller)
{
  require(child_wait(caller->pid) == 0);
  require(caller->code == THRED_OK && caller->whole);
}

static void await_stop(pid_t pid)
{
  int status;
  require(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
}

static void go_on(pid_t pid)
{
  require(kill(pid, SIGCONT) == 0);
}

/* Its state as proc(5) has it: 'S' asleep, 'T' stopped. */
static char state_of(pid_t pid)
{
  char path[32], text[128] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  require(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
  close(fd);
  const char *name_end = strrchr(text, ')');
  require(name_end && name_end[1] == ' ');
  return name_end[2];
}

/* It has set `flag` as its last deed before a system call in which it sleeps. */
static void await_asleep(pid_t pid, _Atomic(int) *flag)
{
  require(child_await(flag, 1));
  for (int i = 0; state_of(pid) != 'S'; i++) {
    require(i < PATIENCE * 10);
    sleep_us(100);
  }
}

/* What is woken does not run before what the waker does next, as a rule. */
static void stay_on_one_cpu(void)
{
  cpu_set_t cpus;
  int cpu = sched_getcpu();
  require(cpu >= 0);
  CPU_ZERO(&cpus);
  CPU_SET(cpu, &cpus);
  require(sched_setaffinity(0, sizeof cpus, &cpus) == 0);
}

/* ---- a fetcher that is stopped past its lease ---- */

#define KEYS 8

/* The callers of one key. One waits from the beginning, two come when the lease is about to end. */
typedef struct {
  Caller fetcher, early, late[2], last;
  atomic_int resumed; /* the stopped one has had its say */
} Group;

/* In every second group it comes back while the thief is still fetching, in the others after he has
 * published. */
static bool comes_back_early(const Group *group)
{
  return group->fetcher.credential % 2;
}

static void stop_fetchers(Group *groups, uint64_t first)
{
  for (unsigned i = 0; i < KEYS; i++) {
    Group *group = &groups[i];
    group->fetcher.stops = true;
    start_caller(&group->fetcher, first + i, SHORT_S);
    if (comes_back_early(group))
      group->early.hold = group->late[0].hold = group->late[1].hold = &group->resumed;
  }
  for (unsigned i = 0; i < KEYS; i++)
    await_stop(groups[i].fetcher.pid);
}

static void start_others(Group *groups)
{
  for (unsigned i = 0; i < KEYS; i++)
    start_caller(&groups[i].early, groups[i].fetcher.credential, SHORT_S);
  /* Their calls end some 400 ms after the lease: whoever takes it over has time for his fetch. */
  while (clock_monotonic_ms() <
         fake_newest(groups[0].fetcher.credential)->since_ms + LEASE_MS - 600)
    sleep_us(10000);
  for (unsigned i = 0; i < KEYS; i++)
    for (unsigned k = 0; k < 2; k++)
      start_caller(&groups[i].late[k], groups[i].fetcher.credential, SHORT_S);
}

static const FakeRun *await_thief(const Group *group)
{
  for (int i = 0;; i++) {
    const FakeRun *run = fake_newest(group->fetcher.credential);
    if (run->pid != group->fetcher.pid)
      return run;
    require(i < PATIENCE);
    sleep_us(1000);
  }
}

static void resume_early_ones(Group *groups)
{
  for (unsigned i = 0; i < KEYS; i++) {
    Group *group = &groups[i];
    if (!comes_back_early(group))
      continue;
    await_thief(group);
    go_on(group->fetcher.pid);
    finish_caller(&group->fetcher);
    atomic_store(&group->resumed, 1);
  }
}

/* What the others have is the thief's, before and after the stopped one has come back; that one has
 * its own, for itself. */
static void judge_group(Group *group)
{
  const Caller *others[] = {&group->early, &group->late[0], &group->late[1], &group->last};
  for (unsigned i = 0; i < 3; i++)
    finish_caller(others[i]);
  if (!comes_back_early(group)) {
    go_on(group->fetcher.pid);
    finish_caller(&group->fetcher);
  }
  start_caller(&group->last, group->fetcher.credential, SHORT_S);
  finish_caller(&group->last);
  for (unsigned i = 0; i < 4; i++) {
    require(others[i]->generation && others[i]->generation == group->early.generation);
    require(others[i]->number == group->early.number);
  }
  require(group->fetcher.generation == 0);
  require(group->fetcher.number != group->early.number);
}

/* Exactly one more, and not while the lease was held. On a machine under load the thief may run out
 * of the little time that his call has left; then another one fetches. */
static unsigned judge_fetches(const Group *group)
{
  uint64_t credential = group->fetcher.credential;
  FakeTally tally = fake_tally(credential, NULL);
  int64_t began = 0, stolen = 0;
  require(tally.tokens == 2 && tally.started == 2 + tally.failed);
  for (unsigned i = 0; !stolen && i < atomic_load(&fake_fetch->count); i++) {
    const FakeRun *run = &fake_fetch->runs[i];
    if (run->credential == credential)
      *(run->pid == group->fetcher.pid ? &began : &stolen) = run->since_ms;
  }
  require(began && stolen && stolen - began > LEASE_MS - 1000);
  return tally.failed;
}

SEGMENT_TEST(fetcher_stopped_past_its_lease)
{
  unsigned rounds = crash_rounds(3, 20), late = 0;
  int64_t worst = 0;
  fake_start();
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  for (unsigned round = 0; round < rounds; round++) {
    alarm(60);
    Group *groups = child_shared(KEYS * sizeof *groups);
    atomic_store(&fake_fetch->takes_ms, FAKE_FETCH_MS);
    stop_fetchers(groups, 1 + round * KEYS);
    atomic_store(&fake_fetch->takes_ms, 20);
    start_others(groups);
    resume_early_ones(groups);
    for (unsigned i = 0; i < KEYS; i++) {
      judge_group(&groups[i]);
      late += judge_fetches(&groups[i]);
      worst = groups[i].early.took_ms > worst ? groups[i].early.took_ms : worst;
    }
    require(atomic_load(&cache->header->counters[CACHE_COUNT_PUBLISHED]) == (round + 1) * KEYS);
  }
  crash_require_whole(cache);
  printf(
      "%u fetchers stopped past their lease of %d ms: one more fetch each, %u publishes refused; "
      "%u fetches ran out of time; worst wait %lld ms\n",
      rounds * KEYS, LEASE_MS, rounds * KEYS, late, (long long)worst);
}

/* ---- waiters that are stopped when they are woken ---- */

#define WAITERS 8

typedef struct {
  Cache *cache;
  uint64_t number;
  pid_t pid;
  atomic_int asleep, awake;
} Waiter;

/* For longer than the test has: nothing but the wake-up ends it. */
static void waits_for_lease(void *data)
{
  static char value[TOKEN_MAX + 1];
  Waiter *waiter = data;
  CacheKey key = crash_key(waiter->number);
  CacheToken token = {.value = value};
  CacheClaim claim;
  require(cache_claim(waiter->cache, &key, &crash_label, UINT64_MAX, 50000, CACHE_FOR_MISS,
                      &claim) == CACHE_CLAIM_BUSY);
  atomic_store(&waiter->asleep, 1);
  cache_wait(waiter->cache, &claim, 50000);
  atomic_store(&waiter->awake, 1);
  require(cache_read(waiter->cache, &key, &token) == CACHE_HIT);
  require(crash_token_is_whole(&token, waiter->number));
}

static void start_waiters(Waiter *waiters, Cache *cache, uint64_t number)
{
  for (unsigned i = 0; i < WAITERS; i++) {
    waiters[i] = (Waiter){.cache = cache, .number = number};
    require((waiters[i].pid = child_start(waits_for_lease, &waiters[i])) > 0);
    await_asleep(waiters[i].pid, &waiters[i].asleep);
  }
}

/* Returns how many of them were stopped before they could go on. */
static unsigned stop_half(Waiter *waiters, unsigned first)
{
  unsigned hit = 0;
  for (unsigned i = 0; i < WAITERS / 2; i++)
    require(kill(waiters[(first + i) % WAITERS].pid, SIGSTOP) == 0);
  for (unsigned i = 0; i < WAITERS / 2; i++) {
    const Waiter *waiter = &waiters[(first + i) % WAITERS];
    siginfo_t info;
    require(waitid(P_PID, (id_t)waiter->pid, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
    hit += !atomic_load(&waiter->awake);
  }
  return hit;
}

SEGMENT_TEST(waiters_for_a_lease)
{
  static char value[TOKEN_MAX + 1];
  unsigned rounds = crash_rounds(40, 400), before = 0, after = 0;
  Waiter *waiters = child_shared(WAITERS * sizeof *waiters);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  stay_on_one_cpu();
  for (unsigned round = 0; round < rounds; round++) {
    alarm(60);
    CacheKey key = crash_key(round);
    CacheClaim claim;
    CacheToken token = {.value = value};
    unsigned first = (unsigned)crash_random() % WAITERS;
    require(cache_claim(cache, &key, &crash_label, UINT64_MAX, 50000, CACHE_FOR_MISS, &claim) ==
            CACHE_CLAIM_OWNED);
    start_waiters(waiters, cache, round);
    crash_token(&token, round, 1);
    before += round % 2 ? stop_half(waiters, first) : 0;
    require(cache_publish(cache, &key, &claim, &token));
    after += round % 2 ? 0 : stop_half(waiters, first);
    for (unsigned i = WAITERS / 2; i < WAITERS; i++)
      require(child_await(&waiters[(first + i) % WAITERS].awake, 1));
    for (unsigned i = 0; i < WAITERS / 2; i++)
      go_on(waiters[(first + i) % WAITERS].pid);
    for (unsigned i = 0; i < WAITERS; i++)
      require(child_wait(waiters[i].pid) == 0);
  }
  printf("%u rounds: %u waiters for a lease stopped before and %u just after they were woken; all "
         "others went on\n",
         rounds, before, after);
}

static void waits_for_lock(void *data)
{
  Waiter *waiter = data;
  atomic_store(&waiter->asleep, 1);
  while (!cache_lock(waiter->cache))
    ;
  atomic_store(&waiter->awake, 1);
  cache_unlock(waiter->cache);
}

/* The lock word of a robust mutex holds its owner's thread id (set_robust_list(2)); it comes first
 * in glibc's. */
static pid_t owner_of(const Cache *cache)
{
  uint32_t word;
  memcpy(&word, &cache->header->lock, sizeof word);
  return (pid_t)(word & FUTEX_TID_MASK);
}

/* True: the first waiter was stopped between its wake-up and the lock, and so had swallowed it. */
static bool swallow(Waiter *waiters, Cache *cache, int64_t *worst)
{
  require(cache_lock(cache));
  for (unsigned i = 0; i < 2; i++) {
    waiters[i] = (Waiter){.cache = cache};
    require((waiters[i].pid = child_start(waits_for_lock, &waiters[i])) > 0);
    await_asleep(waiters[i].pid, &waiters[i].asleep);
  }
  cache_unlock(cache);
  require(kill(waiters[0].pid, SIGSTOP) == 0);
  int64_t start = clock_monotonic_ms();
  siginfo_t info;
  require(waitid(P_PID, (id_t)waiters[0].pid, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
  bool hit = !atomic_load(&waiters[0].awake) && owner_of(cache) != waiters[0].pid;
  if (!hit)
    go_on(waiters[0].pid);
  require(child_await(&waiters[1].awake, 1));
  int64_t took = clock_monotonic_ms() - start;
  if (hit && took > *worst)
    *worst = took;
  go_on(waiters[0].pid);
  for (unsigned i = 0; i < 2; i++)
    require(child_wait(waiters[i].pid) == 0);
  return hit;
}

SEGMENT_TEST(waiters_for_the_lock)
{
  unsigned rounds = crash_rounds(100, 1000), hits = 0;
  int64_t worst = 0;
  Waiter *waiters = child_shared(2 * sizeof *waiters);
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  stay_on_one_cpu();
  for (unsigned round = 0; round < rounds; round++) {
    alarm(60);
    hits += swallow(waiters, cache, &worst);
  }
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  printf(
      "%u rounds: %u waiters for the lock stopped when they were woken; the next one had it after "
      "%lld ms at worst\n",
      rounds, hits, (long long)worst);
}

/* ---- a process that is stopped inside the lock ---- */

#define ASKERS 8

static void stops_inside(void *data)
{
  Cache *cache = data;
  require(cache_lock(cache));
  raise(SIGSTOP);
  cache_unlock(cache);
}

static pid_t stopped_inside(Cache *cache)
{
  pid_t pid = child_start(stops_inside, cache);
  require(pid > 0);
  await_stop(pid);
  return pid;
}

/* A program that has a token goes on with it. */
static void reads_on(void *data)
{
  const Caller *seeded = data;
  Caller caller = {.credential = seeded->credential, .timeout_s = LONG_S};
  for (int i = 0; i < 1000; i++) {
    ask(&caller);
    require(caller.whole && caller.generation == seeded->generation);
  }
}

static int64_t finish_askers(Caller *askers)
{
  int64_t worst = 0;
  for (unsigned i = 0; i < ASKERS; i++) {
    finish_caller(&askers[i]);
    require(askers[i].generation && askers[i].generation == askers[0].generation);
    require(askers[i].number == askers[0].number);
    worst = askers[i].took_ms > worst ? askers[i].took_ms : worst;
  }
  return worst;
}

static Caller *start_askers(uint64_t credential)
{
  Caller *askers = child_shared(ASKERS * sizeof *askers);
  for (unsigned i = 0; i < ASKERS; i++)
    start_caller(&askers[i], credential, LONG_S);
  return askers;
}

/* Whoever has a token does not notice; whoever needs one takes part in making another segment. */
SEGMENT_TEST(inside_the_lock_for_good)
{
  fake_start();
  for (uint64_t credential = 1; credential <= 3; credential += 2) {
    Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
    ino_t inode = stat_of(segment()).st_ino;
    Caller seeded = {.credential = credential, .timeout_s = LONG_S};
    ask(&seeded);
    require(seeded.whole && seeded.generation);
    pid_t stopped = stopped_inside(cache), readers[ASKERS];
    for (unsigned i = 0; i < ASKERS; i++)
      readers[i] = child_start(reads_on, &seeded);
    for (unsigned i = 0; i < ASKERS; i++)
      require(child_wait(readers[i]) == 0);
    require(atomic_load(&cache->header->state) == CACHE_LIVE);
    require(atomic_load(&cache->header->lock_failures) == 0);
    int64_t worst = finish_askers(start_askers(credential + 1));
    require(atomic_load(&cache->header->state) == CACHE_RETIRED);
    require(stat_of(segment()).st_ino != inode && count_entries(SHM) == 1);
    go_on(stopped);
    require(child_wait(stopped) == 0);
    (void)finish_askers(start_askers(credential + 1));
    FakeTally tally = fake_tally(credential + 1, NULL);
    require(tally.started == 1 && tally.tokens == 1);
    printf("a process stopped inside the lock: %u others use what they have, one fetch in a new "
           "segment for the %u others; worst wait %lld ms\n",
           ASKERS, ASKERS, (long long)worst);
  }
}

SEGMENT_TEST(inside_the_lock_for_a_moment)
{
  fake_start();
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  pid_t stopped = stopped_inside(cache);
  Caller *askers = start_askers(1);
  for (int i = 0; atomic_load(&cache->header->lock_failures) < ASKERS; i++) {
    require(i < PATIENCE);
    sleep_us(1000);
  }
  go_on(stopped);
  require(child_wait(stopped) == 0);
  int64_t worst = finish_askers(askers);
  FakeTally tally = fake_tally(1, NULL);
  require(tally.started == 1 && tally.tokens == 1);
  require(atomic_load(&cache->header->state) == CACHE_LIVE);
  printf("a process stopped inside the lock for a moment: one fetch for %u others; worst wait %lld "
         "ms\n",
         ASKERS, (long long)worst);
}

/* ---- a process that is stopped while it removes a segment that is of no use any more ---- */

/* With what lib/cache-segment.c holds between its look and the removal. */
static void stops_removing(void *data)
{
  (void)data;
  int fd = open(segment(), O_RDWR | O_CLOEXEC);
  require(fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
  raise(SIGSTOP);
}

/* The others do without for the time being, and come back to a segment within seconds. */
SEGMENT_TEST(while_making_room)
{
  make_segment();
  edit_word(offsetof(CacheHeader, state), CACHE_RETIRED);
  pid_t stopped = child_start(stops_removing, NULL);
  require(stopped > 0);
  await_stop(stopped);
  Cache *cache = keep(cache_create(64, SNAPSHOT_SEAL_AUTO));
  require(!cache_is_shared(cache));
  require_works(cache);
  go_on(stopped);
  require(child_wait(stopped) == 0);
  int64_t start = clock_monotonic_ms();
  for (int i = 0; !cache_is_shared(cache = cache_create(64, SNAPSHOT_SEAL_AUTO)); i++) {
    require(i < PATIENCE);
    sleep_us(1000);
  }
  require_works(cache);
  printf("a process stopped while it removes: a segment again %lld ms after it went on\n",
         (long long)(clock_monotonic_ms() - start));
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(fetcher_stopped_past_its_lease), TEST(waiters_for_a_lease),
      TEST(waiters_for_the_lock),           TEST(inside_the_lock_for_good),
      TEST(inside_the_lock_for_a_moment),   TEST(while_making_room),
  };
  return cmocka_run_group_tests_name("stopped", tests, segment_group_setup, NULL);
}
