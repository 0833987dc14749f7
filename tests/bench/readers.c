/* SPDX-License-Identifier: MIT */
#include "tests/bench/readers.h"

#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define QUIT UINT_MAX /* no kind */

typedef struct {
  alignas(64) _Atomic uint64_t hits, misses, cpu_ns, wall_ns;
} Count;

/* What all processes share. */
struct ReadersShared {
  alignas(64) atomic_uint phase; /* futex: moves when a slot begins */
  atomic_uint kind;
  _Atomic uint64_t limit; /* lookups */
  alignas(64) atomic_bool stop;
  alignas(64) atomic_uint waiting; /* futex: processes that have nothing to do */
  Count count[READERS_MAX];
};

static void futex_wait(atomic_uint *word, unsigned value)
{
  syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- one of the processes ---- */

static uint64_t cpu_ns(void)
{
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

/* Until `stop`, or as often as the limit says; once at least: a loaded machine may let a process
 * run only when the slot is over. */
static void look_up_many(const Readers *readers, unsigned kind, uint64_t *random, Count *count)
{
  uint64_t hits = 0, done = 0, limit = atomic_load(&readers->shared->limit), used = cpu_ns();
  int64_t since = bench_now_ns();
  do {
    *random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
    uint32_t number = (uint32_t)((*random >> 32) * readers->keys >> 32);
    hits += readers->look_up(readers->data, kind, number);
    done++;
  } while (done < limit && !atomic_load_explicit(&readers->shared->stop, memory_order_relaxed));
  atomic_store(&count->wall_ns, (uint64_t)(bench_now_ns() - since));
  atomic_store(&count->cpu_ns, cpu_ns() - used);
  atomic_store(&count->hits, hits);
  atomic_store(&count->misses, done - hits);
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

static void work(const Readers *readers, unsigned number)
{
  ReadersShared *shared = readers->shared;
  uint64_t random = 0x9e3779b97f4a7c15u * (number + 1);
  if (readers->processes > 1)
    settle(number);
  readers->enter(readers->data);
  for (;;) {
    unsigned phase = atomic_load(&shared->phase);
    if (atomic_fetch_add(&shared->waiting, 1) + 1 == readers->processes)
      futex_wake(&shared->waiting);
    while (atomic_load(&shared->phase) == phase)
      futex_wait(&shared->phase, phase);
    unsigned kind = atomic_load(&shared->kind);
    if (kind == QUIT)
      return;
    look_up_many(readers, kind, &random, &shared->count[number]);
  }
}

/* ---- all of them ---- */

/* One of them may be dead: it would have ended with a word on stderr. */
static void await_all(const Readers *readers)
{
  const struct timespec moment = {1, 0};
  for (unsigned seen; (seen = atomic_load(&readers->shared->waiting)) < readers->processes;) {
    syscall(SYS_futex, &readers->shared->waiting, FUTEX_WAIT, seen, &moment, NULL, 0);
    for (unsigned i = 0; i < readers->processes; i++)
      bench_require(waitpid(readers->pid[i], NULL, WNOHANG) == 0, "a process has ended");
  }
}

static void go(const Readers *readers, unsigned kind, uint64_t limit)
{
  ReadersShared *shared = readers->shared;
  atomic_store(&shared->kind, kind);
  atomic_store(&shared->limit, limit);
  atomic_store(&shared->stop, false);
  atomic_store(&shared->waiting, 0);
  atomic_fetch_add(&shared->phase, 1);
  futex_wake(&shared->phase);
}

ReadersSlot readers_run(Readers *readers, unsigned kind)
{
  const struct timespec length = {0, readers->slot_ms * 1000000};
  ReadersSlot slot = {0};
  int64_t start = bench_now_ns();
  go(readers, kind, UINT64_MAX);
  nanosleep(&length, NULL);
  atomic_store(&readers->shared->stop, true);
  slot.slot_ns = bench_now_ns() - start;
  await_all(readers);
  for (unsigned i = 0; i < readers->processes; i++) {
    Count *count = &readers->shared->count[i];
    slot.hits += atomic_load(&count->hits);
    slot.worked_ns += atomic_load(&count->wall_ns);
    slot.misses += atomic_load(&count->misses);
    readers->cpu_ns += atomic_load(&count->cpu_ns);
  }
  readers->misses += slot.misses;
  readers->wall_ns += (uint64_t)slot.slot_ns;
  return slot;
}

void readers_warm(Readers *readers, unsigned kind, uint64_t lookups)
{
  go(readers, kind, lookups);
  await_all(readers);
}

void readers_start(Readers *readers)
{
  if (!readers->shared) {
    readers->shared = mmap(NULL, sizeof *readers->shared, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bench_require(readers->shared != MAP_FAILED, "no shared memory");
  }
  memset(readers->shared, 0, sizeof *readers->shared);
  readers->misses = readers->cpu_ns = readers->wall_ns = 0;
  fflush(NULL);
  for (unsigned i = 0; i < readers->processes; i++) {
    readers->pid[i] = fork();
    bench_require(readers->pid[i] >= 0, "no process");
    if (readers->pid[i] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      work(readers, i);
      _exit(0);
    }
  }
  await_all(readers);
}

void readers_finish(Readers *readers)
{
  go(readers, QUIT, 0);
  for (unsigned i = 0; i < readers->processes; i++)
    waitpid(readers->pid[i], NULL, 0);
}

unsigned readers_cpus(void)
{
  cpu_set_t all;
  return sched_getaffinity(0, sizeof all, &all) ? 1 : (unsigned)CPU_COUNT(&all);
}
