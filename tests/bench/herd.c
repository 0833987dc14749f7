/* SPDX-License-Identifier: MIT */
#include "tests/bench/herd.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define PATIENCE_S 60

typedef struct {
  atomic_uint ready, go; /* go: a futex */
  int64_t go_ns;
  HerdAnswer answer[HERD_MAX];
} Shared;

static Shared *shared;
static double cpu_ms;

static void run(void (*ask)(HerdAnswer *answer), HerdAnswer *answer)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(PATIENCE_S);
  atomic_fetch_add(&shared->ready, 1);
  while (!atomic_load(&shared->go))
    syscall(SYS_futex, &shared->go, FUTEX_WAIT, 0, NULL, NULL, 0);
  ask(answer);
  answer->done_ns = bench_now_ns() - shared->go_ns;
}

static int compare(const void *a, const void *b)
{
  int64_t left = ((const HerdAnswer *)a)->done_ns, right = ((const HerdAnswer *)b)->done_ns;
  return (left > right) - (left < right);
}

/* Of the children that have been waited for. */
static double children_ms(void)
{
  struct rusage used;
  getrusage(RUSAGE_CHILDREN, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

double herd_cpu_ms(void)
{
  return cpu_ms;
}

static void prepare(unsigned processes)
{
  if (!shared)
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  bench_require(shared != MAP_FAILED && processes <= HERD_MAX, "no shared memory");
  memset(shared, 0, sizeof *shared);
  for (unsigned i = 0; i < processes; i++)
    shared->answer[i] = (HerdAnswer){.code = -1, .message = "it has died"};
  fflush(NULL);
}

const HerdAnswer *herd_run(unsigned processes, void (*ask)(HerdAnswer *answer))
{
  static pid_t pids[HERD_MAX];
  prepare(processes);
  double before_ms = children_ms();
  for (unsigned i = 0; i < processes; i++) {
    pids[i] = fork();
    bench_require(pids[i] >= 0, "no process");
    if (pids[i] == 0) {
      run(ask, &shared->answer[i]);
      _exit(0);
    }
  }
  while (atomic_load(&shared->ready) < processes)
    usleep(1000);
  shared->go_ns = bench_now_ns();
  atomic_store(&shared->go, 1);
  syscall(SYS_futex, &shared->go, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
  for (unsigned i = 0; i < processes; i++)
    waitpid(pids[i], NULL, 0);
  cpu_ms = children_ms() - before_ms;
  qsort(shared->answer, processes, sizeof *shared->answer, compare);
  return shared->answer;
}
