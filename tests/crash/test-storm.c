/* SPDX-License-Identifier: MIT */
/*
 * lib/bearer under a crowd: many processes want one token at once, and whoever fetches it is
 * killed, or fails. One fetch is made, nobody is stuck, and everybody gets the same whole token.
 *
 * The processes are kept from one round to the next, as a round of 64 new ones costs more than the
 * round; those that were killed are replaced. Some rounds begin without a segment, and with new
 * processes, as one that has been attached notices only within a second that its segment is gone.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/crash/crash.h"
#include "tests/crash/fake-fetch.h"

#define PROCESSES   64
#define USERS       16
#define ARENAS      3     /* storms at once, each in a /dev/shm of its own */
#define WATCHDOG_MS 30000 /* three times what a call may take */
#define BUSINESS    "3c90c3cc-0d44-4b50-8888-8dd25736052a"

/* ---- a crowd: processes that do the same at the same moment ---- */

typedef struct {
  pid_t pid;               /* 0: none */
  atomic_uint ready, done; /* rounds */
  /* Of its last call. */
  int code;
  bool whole;
  uint64_t generation, number;
  int64_t took_us;
  /* Of all calls of a user_job(). */
  atomic_uint calls, renewed; /* the latter with a newer token than arena->generation */
  unsigned failures;
  unsigned during; /* calls that went through while another process's fetch was running */
  int64_t worst_us;
} Worker;

/* Shared with the workers, who were forked from the one process that writes here. */
typedef struct {
  void (*job)(Worker *worker);
  uint64_t credential, generation;
  bool business;
  unsigned count, round;
  atomic_uint gate, stop;
  Worker workers[PROCESSES];
} Arena;

static Arena *arena;

static int64_t now_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void wait_for_gate(unsigned round)
{
  const struct timespec slice = {1, 0};
  for (unsigned seen; (seen = atomic_load(&arena->gate)) < round;)
    syscall(SYS_futex, &arena->gate, FUTEX_WAIT, seen, &slice, NULL, 0);
}

static void work(void *data)
{
  Worker *worker = data;
  for (unsigned round = arena->round;; round++) {
    alarm(120);
    atomic_store(&worker->ready, round);
    wait_for_gate(round);
    arena->job(worker);
    atomic_store(&worker->done, round);
  }
}

static void start_arena(unsigned count, void (*job)(Worker *worker))
{
  fake_start();
  arena = child_shared(sizeof *arena);
  arena->count = count;
  arena->job = job;
}

static bool is_done(const Worker *worker)
{
  return atomic_load(&worker->done) == arena->round;
}

/* What it was doing is over before this returns. */
static void kill_worker(Worker *worker)
{
  if (!worker->pid)
    return;
  kill(worker->pid, SIGKILL);
  child_wait(worker->pid);
  if (!is_done(worker))
    fake_killed(worker->pid);
  worker->pid = 0;
}

static void kill_all(void)
{
  for (unsigned i = 0; i < arena->count; i++)
    kill_worker(&arena->workers[i]);
}

/* All stand before the gate. */
static void gather(void)
{
  alarm(120);
  arena->round++;
  for (unsigned i = 0; i < arena->count; i++)
    if (!arena->workers[i].pid)
      require((arena->workers[i].pid = child_start(work, &arena->workers[i])) > 0);
  for (unsigned i = 0; i < arena->count; i++)
    for (int k = 0; atomic_load(&arena->workers[i].ready) != arena->round; k++) {
      require(k < WATCHDOG_MS);
      sleep_us(1000);
    }
}

static void release(void)
{
  atomic_store(&arena->gate, arena->round);
  syscall(SYS_futex, &arena->gate, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* How many of the living are not done yet. */
static unsigned pending(void)
{
  unsigned count = 0;
  for (unsigned i = 0; i < arena->count; i++)
    count += arena->workers[i].pid && !is_done(&arena->workers[i]);
  return count;
}

static void await_all(void)
{
  for (int i = 0; pending(); i++) {
    require(i < WATCHDOG_MS);
    sleep_us(1000);
  }
}

static void run_once(void)
{
  gather();
  release();
  await_all();
}

static int64_t worst_ms(void)
{
  int64_t worst = 0;
  for (unsigned i = 0; i < arena->count; i++)
    if (arena->workers[i].took_us > worst)
      worst = arena->workers[i].took_us;
  return worst / 1000;
}

/* ---- what they ask for ---- */

static BearerRequest request_of(FakeSnapshot *block)
{
  const FakeSettings settings = {
      .timeout = 10, .refresh_before = 500, .entries = 64, .credential = arena->credential};
  return fake_request(fake_snapshot(block, &settings), arena->business ? BUSINESS : NULL);
}

static void ask(Worker *worker, uint64_t refused)
{
  static char value[TOKEN_MAX + 1];
  FakeSnapshot block;
  Error error = ERROR_INIT;
  CacheToken token = {.value = value};
  BearerRequest request = request_of(&block);
  request.refused = refused;
  int64_t start = now_us();
  worker->code = bearer_get(&request, &token, &error);
  worker->took_us = now_us() - start;
  worker->generation = token.generation;
  worker->whole = worker->code == THRED_OK &&
                  fake_token_is_whole(&token, arena->credential, request.business, &worker->number);
}

static void ask_job(Worker *worker)
{
  ask(worker, 0);
}

/* All that are done got one and the same whole token, out of the cache. */
static void require_one_token(void)
{
  const Worker *first = NULL;
  for (unsigned i = 0; i < arena->count; i++) {
    const Worker *worker = &arena->workers[i];
    if (!is_done(worker))
      continue;
    if (!first)
      first = worker;
    require(worker->code == THRED_OK && worker->whole);
    require(worker->generation && worker->generation == first->generation);
    require(worker->number == first->number);
  }
}

static void require_fetches(const char *business, unsigned tokens, unsigned failed)
{
  FakeTally tally = fake_tally(arena->credential, business);
  if (tally.started != tokens + failed || tally.tokens != tokens || tally.failed != failed) {
    fprintf(stderr, "%s: %u fetches, %u with a token, %u failed; not %u and %u\n",
            business ? business : "partner", tally.started, tally.tokens, tally.failed, tokens,
            failed);
    child_fail(__FILE__, __LINE__, "number of fetches");
  }
  require(atomic_load(&fake_fetch->wrong_partner) == 0);
}

/* ---- the storm ---- */

typedef struct {
  unsigned rounds; /* of each arena */
  atomic_uint done, segments, wanted, started, tokens, killed, lost, others;
  atomic_uint stuck, failed, torn, duplicate;
  _Atomic int64_t calm_us; /* the worst wait in a round in which nobody was killed */
  atomic_uint waits;
  int32_t wait_us[];
} Storm;

static Storm *storm;

/* Whom one round will lose. */
typedef struct {
  unsigned fetchers, others;
  int64_t other_ms[4];
  const FakeRun *target; /* the fetcher that is next, and when */
  int64_t at_ms;
} Plan;

static Plan make_plan(void)
{
  Plan plan = {0};
  if (crash_random() % 5 == 0)
    return plan;
  plan.fetchers = 1 + (unsigned)(crash_random() % 3);
  if (crash_random() % 2)
    plan.others = 1 + (unsigned)(crash_random() % 4);
  for (unsigned i = 0; i < plan.others; i++)
    plan.other_ms[i] = clock_monotonic_ms() + (int64_t)(crash_random() % (2 * FAKE_FETCH_MS));
  return plan;
}

static Worker *worker_of(pid_t pid)
{
  for (unsigned i = 0; i < arena->count; i++)
    if (arena->workers[i].pid == pid)
      return &arena->workers[i];
  return NULL;
}

/* Anywhere in its fetch; every fourth at its end, where it publishes. */
static int64_t moment_in(const FakeRun *run)
{
  if (crash_random() % 4)
    return run->since_ms + (int64_t)(crash_random() % FAKE_FETCH_MS);
  return run->since_ms + FAKE_FETCH_MS - 1 + (int64_t)(crash_random() % 3);
}

static void kill_fetcher(Plan *plan)
{
  const FakeRun *run = fake_running(arena->credential);
  if (!plan->target && run && worker_of(run->pid)) {
    plan->target = run;
    plan->at_ms = moment_in(run);
  }
  if (!plan->target || clock_monotonic_ms() < plan->at_ms)
    return;
  Worker *worker = worker_of(plan->target->pid);
  plan->target = NULL;
  if (worker && !is_done(worker)) {
    sleep_us((int64_t)(crash_random() % 500));
    kill_worker(worker);
    plan->fetchers--;
  }
}

static void kill_due(Plan *plan)
{
  for (unsigned i = 0; i < plan->others; i++)
    if (clock_monotonic_ms() >= plan->other_ms[i]) {
      kill_worker(&arena->workers[crash_random() % arena->count]);
      plan->other_ms[i] = plan->other_ms[--plan->others];
      atomic_fetch_add(&storm->others, 1);
    }
  if (plan->fetchers)
    kill_fetcher(plan);
}

/* The fetches whose processes lived to publish them: exactly one, or none if the last that was
 * killed had just done it. */
static void judge_fetches(const char *business)
{
  FakeTally tally = fake_tally(arena->credential, business);
  unsigned lived = tally.started - tally.killed - tally.tokens_killed;
  atomic_fetch_add(&storm->wanted, 1);
  atomic_fetch_add(&storm->started, tally.started);
  atomic_fetch_add(&storm->tokens, tally.tokens);
  atomic_fetch_add(&storm->killed, tally.killed + tally.tokens_killed);
  atomic_fetch_add(&storm->lost, tally.tokens_killed);
  if (lived > 1)
    atomic_fetch_add(&storm->duplicate, lived - 1);
  require(tally.running == 0 && tally.failed == 0);
  require(lived == 1 || (lived == 0 && tally.tokens_killed > 0));
}

static void judge_waits(bool calm)
{
  for (unsigned i = 0; i < arena->count; i++) {
    const Worker *worker = &arena->workers[i];
    if (!is_done(worker))
      continue;
    atomic_fetch_add(&storm->failed, worker->code != THRED_OK);
    atomic_fetch_add(&storm->torn, worker->code == THRED_OK && !worker->whole);
    storm->wait_us[atomic_fetch_add(&storm->waits, 1)] = (int32_t)worker->took_us;
    if (calm && worker->took_us > atomic_load(&storm->calm_us))
      atomic_store(&storm->calm_us, worker->took_us);
  }
}

static void check_whole(void *data)
{
  (void)data;
  Cache *cache = cache_open(SNAPSHOT_SEAL_AUTO);
  require(cache && cache_is_shared(cache));
  crash_require_whole(cache);
}

/* The last segment goes, and who has used it; it was in order to the end. */
static void make_cold(void)
{
  kill_all();
  require(child_wait(child_start(check_whole, NULL)) == 0);
  require(count_entries(SHM) == 1 && unlink(segment()) == 0);
}

static void storm_round(unsigned round)
{
  bool cold = round % 4 == 0;
  if (cold && round)
    make_cold();
  atomic_fetch_add(&storm->segments, cold);
  fake_forget();
  arena->credential = cold ? 0 : round;
  arena->business = crash_random() % 5 == 0;
  gather();
  Plan plan = make_plan();
  bool calm = plan.fetchers == 0;
  release();
  int64_t end = clock_monotonic_ms() + WATCHDOG_MS;
  while (pending() && clock_monotonic_ms() < end) {
    kill_due(&plan);
    sleep_us(500);
  }
  atomic_fetch_add(&storm->stuck, pending());
  judge_waits(calm);
  judge_fetches(NULL);
  if (arena->business)
    judge_fetches(BUSINESS);
  require(pending() == 0 && atomic_load(&fake_fetch->wrong_partner) == 0);
  require_one_token();
  atomic_fetch_add(&storm->done, 1);
}

static void storm_body(void *data)
{
  (void)data;
  require(unshare(CLONE_NEWNS) == 0 && mount_shm("mode=1777,size=64m"));
  start_arena(PROCESSES, ask_job);
  for (unsigned round = 0; round < storm->rounds; round++)
    storm_round(round);
  make_cold();
}

static int by_size(const void *a, const void *b)
{
  return *(const int32_t *)a > *(const int32_t *)b ? 1
                                                   : -(*(const int32_t *)a < *(const int32_t *)b);
}

static void print_storm(int64_t took_ms)
{
  unsigned count = atomic_load(&storm->waits);
  qsort(storm->wait_us, count, sizeof *storm->wait_us, by_size);
  printf("%u rounds of %d processes, %u of them without a segment, %d at once, in %lld s\n",
         atomic_load(&storm->done), PROCESSES, atomic_load(&storm->segments), ARENAS,
         (long long)took_ms / 1000);
  printf("%u tokens wanted: %u fetches started, %u completed; killed: %u fetchers, %u of them with "
         "the token in hand, and %u others\n",
         atomic_load(&storm->wanted), atomic_load(&storm->started), atomic_load(&storm->tokens),
         atomic_load(&storm->killed), atomic_load(&storm->lost), atomic_load(&storm->others));
  printf("%u stuck, %u failed, %u torn, %u duplicate\n", atomic_load(&storm->stuck),
         atomic_load(&storm->failed), atomic_load(&storm->torn), atomic_load(&storm->duplicate));
  if (count)
    printf("wait: median %d ms, p99 %d ms, worst %d ms; worst where nobody was killed %lld ms\n",
           storm->wait_us[count / 2] / 1000, storm->wait_us[count / 100 * 99] / 1000,
           storm->wait_us[count - 1] / 1000, (long long)atomic_load(&storm->calm_us) / 1000);
}

SEGMENT_TEST(fetchers_killed)
{
  alarm(3600); /* each arena has its own */
  unsigned rounds = crash_rounds(300, 3000);
  pid_t pids[ARENAS];
  bool good = true;
  (void)crash_random(); /* prints the seed once */
  storm =
      child_shared(sizeof *storm + (rounds + ARENAS) * PROCESSES * (size_t)sizeof *storm->wait_us);
  storm->rounds = (rounds + ARENAS - 1) / ARENAS;
  int64_t start = clock_monotonic_ms();
  for (int i = 0; i < ARENAS; i++)
    require((pids[i] = child_start(storm_body, NULL)) > 0);
  for (int i = 0; i < ARENAS; i++)
    good = child_wait(pids[i]) == 0 && good;
  print_storm(clock_monotonic_ms() - start);
  fflush(stdout);
  require(good);
}

/* ---- a business token needs the partner token ---- */

SEGMENT_TEST(one_partner_and_one_business_fetch)
{
  int64_t worst = 0;
  unsigned rounds = crash_rounds(10, 100);
  start_arena(PROCESSES, ask_job);
  arena->business = true;
  for (unsigned i = 0; i < rounds; i++) {
    arena->credential = i;
    run_once();
    require_one_token();
    require_fetches(NULL, 1, 0);
    require_fetches(BUSINESS, 1, 0);
    worst = worst_ms() > worst ? worst_ms() : worst;
  }
  kill_all();
  printf("%u times %d processes cold on one business: one partner and one business fetch each; "
         "worst wait %lld ms\n",
         rounds, PROCESSES, (long long)worst);
}

/* ---- a server that fails ---- */

/* One asks, the others are told: nobody repeats it. */
SEGMENT_TEST(failure_of_the_server)
{
  start_arena(PROCESSES, ask_job);
  atomic_store(&fake_fetch->failure, THRED_E_SERVER);
  atomic_store(&fake_fetch->shared_failure, 1);
  atomic_store(&fake_fetch->http_status, 503);
  atomic_store(&fake_fetch->retry_after_s, 60);
  for (unsigned business = 0; business < 2; business++) {
    arena->credential = business;
    arena->business = business;
    run_once();
    for (unsigned i = 0; i < PROCESSES; i++)
      require(arena->workers[i].code == THRED_E_SERVER);
    require_fetches(NULL, 0, 1);
    require_fetches(BUSINESS, 0, 0);
    printf("503 for %d processes that want a %s token: asked once; worst wait %lld ms\n", PROCESSES,
           business ? "business" : "partner", (long long)worst_ms());
  }
  kill_all();
}

/* ---- renewal ahead of expiry ---- */

/* Uses the token as hard as it can, as long as it is wanted. */
static void user_job(Worker *worker)
{
  while (!atomic_load(&arena->stop)) {
    const FakeRun *run = fake_running(arena->credential);
    ask(worker, 0);
    worker->failures += !worker->whole;
    worker->during += run && run->pid != getpid() && atomic_load(&run->state) == FAKE_RUNNING;
    if (worker->took_us > worker->worst_us)
      worker->worst_us = worker->took_us;
    if (worker->generation > arena->generation)
      atomic_fetch_add(&worker->renewed, 1);
    atomic_fetch_add(&worker->calls, 1);
    sleep_us(300);
  }
}

static CacheKey only_key(Cache *cache)
{
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    if (atomic_load(cache_fingerprint(cache, i))) {
      CacheKey key;
      memcpy(key.bytes, cache_entry(cache, i)->key, sizeof key.bytes);
      return key;
    }
  child_fail(__FILE__, __LINE__, "no entry");
}

/* The token of the only key becomes one that has been there for 400 of its 600 s. */
static void age_token(void)
{
  static char value[TOKEN_MAX + 1];
  Cache *cache = cache_create(64, SNAPSHOT_SEAL_AUTO);
  CacheKey key = only_key(cache);
  CacheToken token = {.value = value};
  CacheClaim claim;
  require(cache_read(cache, &key, &token) == CACHE_HIT);
  require(cache_claim(cache, &key, &crash_label, token.generation, 10000, CACHE_FOR_MISS, &claim) ==
          CACHE_CLAIM_OWNED);
  token.boot_ms = clock_boot_ms() - 400000;
  token.real_ms = clock_real_ms() - 400000;
  token.lifetime_ms = 600000;
  require(cache_publish(cache, &key, &claim, &token));
  arena->generation = token.generation;
}

/* Users of a token that is due, who are working when this returns. */
static void start_users(void)
{
  start_arena(USERS, user_job);
  atomic_store(&fake_fetch->takes_ms, 0);
  ask(&arena->workers[0], 0);
  require(arena->workers[0].whole);
  age_token();
  fake_forget();
  gather();
}

static void stop_users(void)
{
  atomic_store(&arena->stop, 1);
  await_all();
  for (unsigned i = 0; i < USERS; i++)
    require(arena->workers[i].failures == 0);
}

static bool has_fetched(pid_t pid)
{
  for (unsigned i = 0; i < atomic_load(&fake_fetch->count); i++)
    if (fake_fetch->runs[i].pid == pid)
      return true;
  return false;
}

/* Nobody waits for the one who renews: with 1 s of time, each went on using the old token. */
static void require_nobody_waited(void)
{
  for (unsigned i = 0; i < USERS; i++)
    if (!has_fetched(arena->workers[i].pid))
      require(arena->workers[i].during >= 10);
}

static void await_calls(bool renewed, unsigned more)
{
  for (unsigned i = 0; i < USERS; i++) {
    atomic_uint *count = renewed ? &arena->workers[i].renewed : &arena->workers[i].calls;
    unsigned wanted = atomic_load(count) + more;
    for (int k = 0; atomic_load(count) < wanted; k++) {
      require(k < WATCHDOG_MS);
      sleep_us(1000);
    }
  }
}

static void await_ended(unsigned runs)
{
  for (int i = 0;; i++) {
    FakeTally tally = fake_tally(arena->credential, NULL);
    if (tally.tokens + tally.failed >= runs)
      return;
    require(i < WATCHDOG_MS);
    sleep_us(1000);
  }
}

static void print_users(const char *what)
{
  unsigned calls = 0;
  int64_t theirs = 0, others = 0;
  for (unsigned i = 0; i < USERS; i++) {
    const Worker *worker = &arena->workers[i];
    int64_t *worst = has_fetched(worker->pid) ? &theirs : &others;
    calls += atomic_load(&worker->calls);
    *worst = worker->worst_us > *worst ? worker->worst_us : *worst;
  }
  printf("%s: %u calls of %d processes, %u fetches; worst call of who renewed %lld ms, of the "
         "others %lld ms\n",
         what, calls, USERS, fake_tally(arena->credential, NULL).started, (long long)theirs / 1000,
         (long long)others / 1000);
}

SEGMENT_TEST(renewed_ahead)
{
  start_users();
  atomic_store(&fake_fetch->takes_ms, 1000);
  release();
  await_ended(1);
  await_calls(true, 20);
  stop_users();
  require_fetches(NULL, 1, 0);
  require_nobody_waited();
  print_users("renewed ahead");
  kill_all();
}

/* It costs one caller 2 s, as there is a minute left, and is not tried again by each of them. */
SEGMENT_TEST(renewal_that_times_out)
{
  start_users();
  atomic_store(&fake_fetch->takes_ms, 60000);
  release();
  await_ended(1);
  await_calls(false, 5);
  stop_users();
  FakeTally tally = fake_tally(arena->credential, NULL);
  require(tally.failed == tally.started && tally.started <= 2);
  require_nobody_waited();
  for (unsigned i = 0; i < USERS; i++)
    require(arena->workers[i].worst_us < 8000000);
  print_users("a renewal that times out");
  kill_all();
}

/* With pauses of 0.5 s, 1 s, 2 s at least between them there is no room for more than three in 3 s;
 * without, there would be 15. */
SEGMENT_TEST(renewal_that_fails_here)
{
  start_users();
  atomic_store(&fake_fetch->takes_ms, FAKE_FETCH_MS);
  atomic_store(&fake_fetch->failure, THRED_E_NETWORK);
  int64_t end = clock_monotonic_ms() + 3000;
  release();
  while (clock_monotonic_ms() < end)
    sleep_us(10000);
  stop_users();
  FakeTally tally = fake_tally(arena->credential, NULL);
  require(tally.failed == tally.started && tally.started >= 1 && tally.started <= 3);
  print_users("renewals that fail here");
  kill_all();
}

/* ---- 401 ---- */

/* Some are told by libcurl, in the same call, others before their next one. */
static void refuse_job(Worker *worker)
{
  FakeSnapshot block;
  BearerRequest request = request_of(&block);
  request.refused = arena->generation;
  if ((worker - arena->workers) % 2)
    bearer_refuse(&request);
  ask(worker, (worker - arena->workers) % 2 ? 0 : request.refused);
}

SEGMENT_TEST(refused_by_all_at_once)
{
  int64_t worst = 0;
  start_arena(PROCESSES, ask_job);
  run_once();
  require_one_token();
  kill_all();
  arena->job = refuse_job;
  /* Fewer than the cache permits in a minute. */
  for (unsigned i = 1; i <= 8; i++) {
    arena->generation = arena->workers[0].generation;
    run_once();
    require_one_token();
    uint64_t generation = arena->workers[0].generation, number = arena->workers[0].number;
    require(generation > arena->generation);
    require_fetches(NULL, 1 + i, 0);
    worst = worst_ms() > worst ? worst_ms() : worst;
    /* Answers that were slow to come say the same of the old one: that is settled. */
    run_once();
    require_one_token();
    require(arena->workers[0].generation == generation && arena->workers[0].number == number);
    require_fetches(NULL, 1 + i, 0);
  }
  kill_all();
  printf("8 tokens refused twice by %d processes each: one fetch for each; worst wait %lld ms\n",
         PROCESSES, (long long)worst);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(fetchers_killed),        TEST(one_partner_and_one_business_fetch),
      TEST(failure_of_the_server),  TEST(renewed_ahead),
      TEST(renewal_that_times_out), TEST(renewal_that_fails_here),
      TEST(refused_by_all_at_once),
  };
  return cmocka_run_group_tests_name("storm", tests, segment_group_setup, NULL);
}
