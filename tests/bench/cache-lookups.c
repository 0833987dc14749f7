/* SPDX-License-Identifier: MIT */
/*
 * cache-lookups.c - lookups a second by 1, 8 and 64 processes among 10, 1,000 and 100,000 keys,
 * beside the same ones under one global mutex.
 *
 *     bench-cache-lookups [--quick]
 *
 * The processes stay; in a slot of time all of them do the same kind of lookup, of keys at random,
 * with everything that they will touch mapped beforehand. They are spread over the CPUs by force:
 * the scheduler may leave all of them on one for longer than a slot, and then nobody contends.
 */
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "tests/bench/bench.h"
#include "tests/bench/cache-mutex.h"
#include "tests/bench/cache-place.h"

#define PROCESSES_MAX 64u
#define WARM_UP       10000u /* lookups: the private copies are full after it */
#define SLOT_MS       150
#define SLOT_MS_QUICK 60
#define ROUNDS        9u
#define ROUNDS_QUICK  3u

typedef enum { READ, READ_TAGGED, READ_LOCKED, KINDS, QUIT = KINDS } Kind;

typedef struct {
  alignas(64) _Atomic uint64_t hits, misses, cpu_ns;
} Count;

/* What all processes share. */
typedef struct {
  CacheMutex mutex;
  alignas(64) atomic_uint phase; /* futex: moves when a slot begins */
  atomic_int kind;
  alignas(64) atomic_bool stop;
  alignas(64) atomic_uint waiting; /* futex: processes that have nothing to do */
  Count count[PROCESSES_MAX];
} Shared;

typedef struct {
  Shared *shared;
  Place place;
  unsigned processes;
  pid_t pid[PROCESSES_MAX];
  long slot_ms;
  uint64_t misses, cpu_ns, wall_ns; /* of all slots */
} Crowd;

static void futex_wait(atomic_uint *word, unsigned value)
{
  syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- one of the processes ---- */

static CacheRead look_up(const Crowd *crowd, Kind kind, const CacheKey *key, CacheToken *token)
{
  if (kind == READ_LOCKED)
    return mutex_read(&crowd->shared->mutex, crowd->place.cache, key, token);
  if (kind == READ_TAGGED)
    copies_drop(key);
  return cache_read(crowd->place.cache, key, token);
}

static uint64_t cpu_ns(void)
{
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* Until `stop`, or as often as `limit` says. */
static void look_up_many(const Crowd *crowd, Kind kind, uint64_t *random, uint64_t limit,
                         CacheToken *token, Count *count)
{
  uint64_t hits = 0, done = 0, before = cpu_ns();
  for (; done < limit && !atomic_load_explicit(&crowd->shared->stop, memory_order_relaxed);
       done++) {
    *random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
    uint32_t number = (uint32_t)((*random >> 32) * crowd->place.count >> 32);
    hits += look_up(crowd, kind, &crowd->place.keys[number], token) == CACHE_HIT;
  }
  atomic_store(&count->hits, hits);
  atomic_store(&count->misses, done - hits);
  atomic_store(&count->cpu_ns, cpu_ns() - before);
}

/* Page faults are not what is measured. */
static void touch(const Place *place)
{
  volatile const char *bytes = (const char *)place->cache->header;
  for (size_t at = 0; at < place->cache->shape.size; at += 4096)
    (void)bytes[at];
}

/* The CPUs that this process may use, by turns. */
static void settle(unsigned number)
{
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all))
    return;
  unsigned skip = number % (unsigned)CPU_COUNT(&all);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &all) || skip-- > 0)
      continue;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

static void work(const Crowd *crowd, unsigned number)
{
  static char value[TOKEN_MAX + 1];
  CacheToken token = {.value = value};
  Shared *shared = crowd->shared;
  uint64_t random = 0x9e3779b97f4a7c15u * (number + 1);
  if (crowd->processes > 1)
    settle(number);
  touch(&crowd->place);
  look_up_many(crowd, READ, &random, WARM_UP, &token, &shared->count[number]);
  for (;;) {
    unsigned phase = atomic_load(&shared->phase);
    if (atomic_fetch_add(&shared->waiting, 1) + 1 == crowd->processes)
      futex_wake(&shared->waiting);
    while (atomic_load(&shared->phase) == phase)
      futex_wait(&shared->phase, phase);
    Kind kind = (Kind)atomic_load(&shared->kind);
    if (kind == QUIT)
      return;
    look_up_many(crowd, kind, &random, UINT64_MAX, &token, &shared->count[number]);
  }
}

/* ---- all of them ---- */

static void await_all(const Crowd *crowd)
{
  for (unsigned seen; (seen = atomic_load(&crowd->shared->waiting)) < crowd->processes;)
    futex_wait(&crowd->shared->waiting, seen);
}

static void go(const Crowd *crowd, Kind kind)
{
  Shared *shared = crowd->shared;
  atomic_store(&shared->kind, (int)kind);
  atomic_store(&shared->stop, false);
  atomic_store(&shared->waiting, 0);
  atomic_fetch_add(&shared->phase, 1);
  futex_wake(&shared->phase);
}

/* Lookups of one slot; its length in ns goes to *taken. */
static uint64_t run_slot(Crowd *crowd, Kind kind, int64_t *taken)
{
  const struct timespec slot = {0, crowd->slot_ms * 1000000};
  uint64_t hits = 0;
  int64_t start = bench_now_ns();
  go(crowd, kind);
  nanosleep(&slot, NULL);
  atomic_store(&crowd->shared->stop, true);
  *taken = bench_now_ns() - start;
  await_all(crowd);
  for (unsigned i = 0; i < crowd->processes; i++) {
    hits += atomic_load(&crowd->shared->count[i].hits);
    crowd->misses += atomic_load(&crowd->shared->count[i].misses);
    crowd->cpu_ns += atomic_load(&crowd->shared->count[i].cpu_ns);
  }
  crowd->wall_ns += (uint64_t)*taken;
  return hits;
}

static double per_second(Crowd *crowd, Kind kind)
{
  int64_t taken;
  uint64_t hits = run_slot(crowd, kind, &taken);
  return (double)hits * 1000 / (double)taken; /* millions */
}

static double sample_read(void *crowd)
{
  return per_second(crowd, READ);
}

static double sample_tagged(void *crowd)
{
  return per_second(crowd, READ_TAGGED);
}

static double sample_locked(void *crowd)
{
  return per_second(crowd, READ_LOCKED);
}

/* Reads that went to the segment, of all processes. */
static uint64_t first_reads(const Cache *cache)
{
  uint64_t sum = 0;
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    sum += atomic_load(&cache_entry(cache, i)->hits);
  return sum;
}

/* The part of plain reads that a private copy answers, in percent: a slot of its own. */
static double private_percent(Crowd *crowd)
{
  int64_t taken;
  uint64_t before = first_reads(crowd->place.cache);
  uint64_t hits = run_slot(crowd, READ, &taken);
  uint64_t first = first_reads(crowd->place.cache) - before;
  return hits ? 100 - 100 * (double)first / (double)hits : 0;
}

static void start(Crowd *crowd)
{
  memset(crowd->shared, 0, sizeof *crowd->shared);
  mutex_init(&crowd->shared->mutex);
  crowd->misses = crowd->cpu_ns = crowd->wall_ns = 0;
  fflush(NULL);
  for (unsigned i = 0; i < crowd->processes; i++) {
    crowd->pid[i] = fork();
    bench_require(crowd->pid[i] >= 0, "no process");
    if (crowd->pid[i] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      work(crowd, i);
      _exit(0);
    }
  }
  await_all(crowd);
}

static void finish(Crowd *crowd)
{
  go(crowd, QUIT);
  for (unsigned i = 0; i < crowd->processes; i++)
    waitpid(crowd->pid[i], NULL, 0);
}

/* ---- the table ---- */

static void row(const char *name, const char *unit, BenchSpread figure, double target)
{
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = figure,
                   .compare = target > 0 ? BENCH_AT_LEAST : BENCH_NO_TARGET,
                   .target = target};
  bench_row(&line);
}

static void print(Crowd *crowd, const BenchVariant *of)
{
  char name[80];
  double cpus = (double)crowd->cpu_ns / (double)crowd->wall_ns;
  bool judged = crowd->processes == 8 && crowd->place.count == 1000;
  snprintf(name, sizeof name, "lookups-%u-%u", crowd->place.count, crowd->processes);
  bench_table(name, "Lookups a second of %u keys by %u process%s (millions, of all together)",
              crowd->place.count, crowd->processes, crowd->processes == 1 ? "" : "es");
  snprintf(name, sizeof name, "cache_read() (%.1f %% from a private copy)", private_percent(crowd));
  row(name, "M/s", bench_figures(&of[READ]), 0);
  row("copies_drop() and cache_read(), seal opened", "M/s", bench_figures(&of[READ_TAGGED]), 0);
  row("under one global mutex", "M/s", bench_figures(&of[READ_LOCKED]), 0);
  row("cache_read() : mutex", "times", bench_ratio(&of[READ], &of[READ_LOCKED]),
      judged && cpus >= 1.5 ? 5 : 0);
  row("copies_drop() and cache_read() : mutex", "times",
      bench_ratio(&of[READ_TAGGED], &of[READ_LOCKED]), 0);
  row("CPUs that worked for it, mean", "", bench_count(cpus), 0);
  if (judged && cpus < 1.5)
    bench_note("Too few CPUs for the processes to contend: the ratio is not judged.");
  if (crowd->misses)
    bench_note("%llu lookups found nothing and are not counted.",
               (unsigned long long)crowd->misses);
}

static void measure(Crowd *crowd, bool quick)
{
  BenchVariant variants[KINDS] = {[READ] = {sample_read, crowd},
                                  [READ_TAGGED] = {sample_tagged, crowd},
                                  [READ_LOCKED] = {sample_locked, crowd}};
  start(crowd);
  bench_interleave(variants, KINDS, quick ? ROUNDS_QUICK : ROUNDS);
  print(crowd, variants);
  finish(crowd);
  bench_free(variants, KINDS);
}

/* To map 250 MiB into each of 64 processes takes longer than all the rest. */
static bool is_long(const Crowd *crowd)
{
  return crowd->processes == PROCESSES_MAX && crowd->place.count > 10000;
}

int main(int argc, char **argv)
{
  static Crowd crowd;
  static const struct {
    uint32_t entries, keys;
  } tables[] = {{1024, 10}, {2048, 1000}, {131072, 100000}};
  static const unsigned processes[] = {1, 8, PROCESSES_MAX};
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  crowd.slot_ms = quick ? SLOT_MS_QUICK : SLOT_MS;
  place_isolate(400);
  crowd.shared = place_shared(sizeof *crowd.shared);
  for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
    crowd.place = place_new(tables[i].entries, tables[i].keys);
    for (size_t j = 0; j < sizeof processes / sizeof processes[0]; j++) {
      crowd.processes = processes[j];
      if (quick && is_long(&crowd))
        bench_note("%u keys by %u processes: only without --quick", crowd.place.count,
                   processes[j]);
      else
        measure(&crowd, quick);
    }
    place_free(&crowd.place);
  }
  return bench_status();
}
