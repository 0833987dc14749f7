/* SPDX-License-Identifier: MIT */
/*
 * startup.c - what preloaded objects add to a program from its start to its end: one that does not
 * use libcurl, and one that is linked against it and makes no request.
 *
 *     bench-startup [--quick]
 *
 * All is pinned to one CPU: the parent waits meanwhile.
 */
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/preloads.h"
#include "tests/integration/harness.h"

#define TARGET_US     25
#define FAULTS_ROUNDS 25u
#define FAULTS_QUICK  8u

typedef struct {
  const char *id, *title;
  const char *argv[3];
  size_t rounds, rounds_quick;
  double target_us; /* of the shim; 0: none */
} Program;

typedef struct {
  const Program *program;
  Preload *preload;
} Start;

static const Program programs[] = {
    {"startup-true", "/bin/true, which does not use libcurl", {"/bin/true"}, 2500, 300, TARGET_US},
    {"startup-curl",
     "curl --version, which is linked against libcurl and makes no request",
     {"/usr/bin/curl", "--version"},
     300,
     30,
     0}};

static posix_spawn_file_actions_t silent;

/* ---- samples ---- */

static void run(const Start *start, struct rusage *usage)
{
  char *environment[] = {start->preload->variable[0] ? start->preload->variable : NULL, NULL};
  char *const *argv = (char *const *)(uintptr_t)start->program->argv;
  pid_t pid;
  int status;
  bench_require(posix_spawn(&pid, argv[0], &silent, NULL, argv, environment) == 0 &&
                    wait4(pid, &status, 0, usage) == pid && status == 0,
                start->preload->name);
}

static double sample_us(void *data)
{
  struct rusage usage;
  int64_t since = bench_now_ns();
  run(data, &usage);
  return (double)(bench_now_ns() - since) / 1000;
}

static double sample_faults(void *data)
{
  struct rusage usage;
  run(data, &usage);
  return (double)usage.ru_minflt;
}

/* ---- the tables ---- */

static void rows(const Start *starts, const BenchVariant *of, size_t count, const char *unit,
                 double target)
{
  for (size_t i = 0; i < count; i++) {
    BenchRow row = {.name = starts[i].preload->name,
                    .unit = unit,
                    .figure = bench_figures(&of[i]),
                    .ratio = bench_ratio(&of[i], &of[PRELOAD_NOTHING])};
    bench_row(&row);
    if (i == PRELOAD_NOTHING)
      continue;
    BenchRow more = {.name = "  more",
                     .unit = unit,
                     .figure = bench_difference(&of[i], &of[PRELOAD_NOTHING]),
                     .compare = target > 0 && i == PRELOAD_SHIM ? BENCH_AT_MOST : BENCH_NO_TARGET,
                     .target = target};
    bench_row(&more);
  }
}

static void measure(const Program *program, Preload *preloads, size_t count, bool quick)
{
  Start starts[PRELOADS];
  BenchVariant variants[PRELOADS];
  char id[64];
  for (size_t i = 0; i < count; i++) {
    starts[i] = (Start){program, &preloads[i]};
    variants[i] = (BenchVariant){.sample = sample_us, .data = &starts[i]};
    sample_us(&starts[i]);
  }
  bench_interleave(variants, count, quick ? program->rounds_quick : program->rounds);
  bench_table(program->id, "From start to end of %s", program->title);
  preloads_tell_missing();
  rows(starts, variants, count, "us", program->target_us);
  bench_free(variants, count);
  for (size_t i = 0; i < count; i++)
    variants[i].sample = sample_faults;
  bench_interleave(variants, count, quick ? FAULTS_QUICK : FAULTS_ROUNDS);
  snprintf(id, sizeof id, "%s-faults", program->id);
  bench_table(id, "Page faults of %s", program->argv[0]);
  rows(starts, variants, count, "", 0);
  bench_free(variants, count);
}

int main(int argc, char **argv)
{
  static Preload preloads[PRELOADS];
  cpu_set_t one;
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  harness_require_installation();
  CPU_ZERO(&one);
  CPU_SET(sched_getcpu(), &one);
  sched_setaffinity(0, sizeof one, &one); /* where it may not, the figures are only noisier */
  posix_spawn_file_actions_init(&silent);
  posix_spawn_file_actions_addopen(&silent, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  size_t count = preloads_find(preloads);
  for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
    measure(&programs[i], preloads, count, quick);
  posix_spawn_file_actions_destroy(&silent);
  return bench_status();
}
