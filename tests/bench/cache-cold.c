/* SPDX-License-Identifier: MIT */
/*
 * cache-cold.c - 1,000 processes that have nothing ask for the token of one business at once.
 *
 *     bench-cache-cold [--quick]
 *
 * The installed library, and the installed emulator over TLS, whose counters are the judge: one
 * request for a partner token and one for the business's, whatever the number of processes. An
 * answer takes DELAY_MS more than the emulator needs, as over a network, so that they do meet.
 */
#include <dirent.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thred/thred.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/harness.h"

#define PROCESSES  1000u
#define DELAY_MS   50
#define ROUNDS     3u
#define PATIENCE_S 60
#define MESSAGE    160
#define SHM        "/dev/shm"

typedef struct {
  int64_t done_ns;
  uint64_t hash; /* of the token */
  int code;
  char message[MESSAGE];
} Answer;

typedef struct {
  atomic_uint ready, go; /* futexes */
  int64_t go_ns;
  Answer answer[PROCESSES];
} Shared;

/* One way to be cold. */
typedef struct {
  unsigned processes;
  bool no_segment; /* not even the configuration is known */
} Cold;

static Shared *shared;

/* Over all rounds. */
static struct {
  int partner_most, partner_least, business_most, business_least;
  unsigned failed, different;
} seen = {0, INT_MAX, 0, INT_MAX, 0, 0};

/* ---- one process ---- */

static uint64_t hash_of(const char *text)
{
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (; text && *text; text++)
    hash = (hash ^ (unsigned char)*text) * 1099511628211u;
  return hash;
}

static void ask(Answer *answer)
{
  ThredTokenRequest request = {.size = sizeof request, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  atomic_fetch_add(&shared->ready, 1);
  while (!atomic_load(&shared->go))
    syscall(SYS_futex, &shared->go, FUTEX_WAIT, 0, NULL, NULL, 0);
  answer->code = thred_token_get(&request, &token);
  answer->done_ns = bench_now_ns();
  answer->hash = hash_of(token.value);
  snprintf(answer->message, sizeof answer->message, "%s", thred_last_message());
  thred_token_clear(&token);
}

/* ---- all of them ---- */

static int compare(const void *a, const void *b)
{
  int64_t left = ((const Answer *)a)->done_ns, right = ((const Answer *)b)->done_ns;
  return (left > right) - (left < right);
}

static void run(unsigned processes)
{
  static pid_t pids[PROCESSES];
  memset(shared, 0, sizeof *shared);
  fflush(NULL);
  for (unsigned i = 0; i < processes; i++) {
    pids[i] = fork();
    bench_require(pids[i] >= 0, "no process");
    if (pids[i] == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(PATIENCE_S);
      ask(&shared->answer[i]);
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
  qsort(shared->answer, processes, sizeof *shared->answer, compare);
}

/* ---- judging ---- */

static void note(int count, int *most, int *least)
{
  *most = count > *most ? count : *most;
  *least = count < *least ? count : *least;
}

static void judge(unsigned processes)
{
  const Answer *first = NULL;
  note(counter(&emulator, "token_requests.partner"), &seen.partner_most, &seen.partner_least);
  note(counter(&emulator, "token_requests.business"), &seen.business_most, &seen.business_least);
  for (unsigned i = 0; i < processes; i++) {
    const Answer *one = &shared->answer[i];
    if (one->code != THRED_OK) {
      if (seen.failed++ == 0)
        bench_note("a process got no token: %s", one->message);
      continue;
    }
    first = first ? first : one;
    seen.different += one->hash != first->hash;
  }
}

/* ---- samples ---- */

static void remove_segments(void)
{
  DIR *directory = opendir(SHM);
  for (const struct dirent *file; directory && (file = readdir(directory));)
    if (strncmp(file->d_name, "thred-auth-", 11) == 0)
      unlinkat(dirfd(directory), file->d_name, 0);
  if (directory)
    closedir(directory);
}

static double ms_of(unsigned place)
{
  return (double)(shared->answer[place].done_ns - shared->go_ns) / 1e6;
}

/* Milliseconds until the last one had its token. */
static double sample_last(void *data)
{
  const Cold *cold = data;
  harness_fresh(NULL);
  control(&emulator, "POST", "set?delay_ms=%d", DELAY_MS);
  if (cold->no_segment)
    remove_segments();
  run(cold->processes);
  judge(cold->processes);
  return ms_of(cold->processes - 1);
}

/* The same of half of them, in the run before. */
static double sample_half(void *data)
{
  const Cold *cold = data;
  return ms_of(cold->processes / 2);
}

/* ---- the table ---- */

enum { ONE, ALL, HALF, VARIANTS };

static void count_row(const char *name, double value, double target)
{
  BenchRow line = {.name = name,
                   .unit = "",
                   .figure = bench_count(value),
                   .compare = BENCH_EXACTLY,
                   .target = target,
                   .decides = true};
  bench_row(&line);
}

static void row(const char *name, const char *unit, BenchSpread figure)
{
  BenchRow line = {.name = name, .unit = unit, .figure = figure};
  bench_row(&line);
}

static void measure(const char *id, const char *title, bool no_segment, size_t rounds)
{
  Cold one = {1, no_segment}, all = {PROCESSES, no_segment};
  BenchVariant variants[VARIANTS] = {
      [ONE] = {sample_last, &one}, [ALL] = {sample_last, &all}, [HALF] = {sample_half, &all}};
  bench_interleave(variants, VARIANTS, rounds);
  bench_table(id, "%s", title);
  row("one process alone", "ms", bench_figures(&variants[ONE]));
  row("1,000 at once, until half of them have it", "ms", bench_figures(&variants[HALF]));
  row("1,000 at once, until the last one has it", "ms", bench_figures(&variants[ALL]));
  row("the last of 1,000 : one alone", "times", bench_ratio(&variants[ALL], &variants[ONE]));
  bench_free(variants, VARIANTS);
}

/* Both ends of what was seen: fewer than one would be as wrong as more. */
static void print_counts(size_t rounds)
{
  bench_table("cold-counts", "What the emulator counted in each of these %zu cold starts", rounds);
  count_row("requests for a partner token, most", seen.partner_most, 1);
  count_row("requests for a partner token, least", seen.partner_least, 1);
  count_row("requests for the business's token, most", seen.business_most, 1);
  count_row("requests for the business's token, least", seen.business_least, 1);
  count_row("processes without a token", seen.failed, 0);
  count_row("processes with another token than the first one", seen.different, 0);
}

/* Before harness_start(): false afterwards means that the cache is this user's own. */
static dev_t device_of_shm(void)
{
  struct stat st;
  return stat(SHM, &st) ? 0 : st.st_dev;
}

int main(int argc, char **argv)
{
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  size_t rounds = quick ? 1 : ROUNDS, cold_starts = 2 * rounds;
  dev_t before = device_of_shm();
  harness_require_installation();
  harness_start(NULL);
  bool isolated = device_of_shm() != before;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  bench_require(shared != MAP_FAILED, "no shared memory");
  sample_last(&(Cold){1, false}); /* so that the emulator has been asked before */
  measure("cold-token", "A cold token: the configuration is in the segment, no token is", false,
          rounds);
  if (isolated) {
    cold_starts *= 2;
    measure("cold-machine", "A cold machine: there is no segment yet", true, rounds);
  } else {
    bench_note("no private " SHM " is permitted here: this user's cache was used, and stays");
  }
  print_counts(cold_starts + 1);
  harness_stop(NULL);
  return bench_status();
}
