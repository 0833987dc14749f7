/* SPDX-License-Identifier: MIT */
/*
 * oneshot.c - one curl(1) from its start to its end, each way to give it the bearer.
 *
 *     bench-oneshot [--quick] [--then COMMAND]
 *
 * COMMAND is run at the end, while the servers are there, with this program's path.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/api.h"
#include "tests/bench/bench.h"
#include "tests/bench/cold.h"
#include "tests/bench/oidc-agent.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/under-shim.h"

#define ROUNDS 250u
#define QUICK  12u /* a part of the rounds */
#define OTHER  "https://evil.example/"
#define HEADER 4096

extern char **environ;

/* ---- what is compared ---- */

enum {
  OWN,
  SHIM,
  FILE_SH,
  OIDC_SH,
  COLD_TOKEN,
  COLD_MACHINE,
  OWN_SHIM,
  ELSEWHERE,
  ELSEWHERE_SHIM,
  COUNT
};

typedef struct {
  const char *name, *script; /* what sh does, NULL: curl itself with `header` or none */
  const char *url;
  bool has_header, shim, is_missing;
  void (*before)(void);
  double *cpu_ms; /* of it and all that it started */
  size_t done;
} Start;

/* "$@" is the curl command with the URL. */
static Start starts[COUNT] = {
    [OWN] = {"curl -H", .has_header = true},
    [SHIM] = {"under the shim, a warm cache", .shim = true},
    [FILE_SH] = {"sh: curl -H \"... $(cat token)\", renewed by cron",
                 "\"$@\" -H \"Authorization: Bearer $(cat \"$BENCH_TOKEN\")\""},
    [OIDC_SH] = {"sh: curl -H \"... $(oidc-token)\"",
                 "\"$@\" -H \"Authorization: Bearer $(oidc-token " OIDC_ACCOUNT ")\""},
    [COLD_TOKEN] = {"under the shim, no token yet: two token requests", .shim = true,
                    .before = cold_token},
    [COLD_MACHINE] = {"under the shim, no segment either", .shim = true, .before = cold_machine},
    [OWN_SHIM] = {"curl -H under the shim", .has_header = true, .shim = true},
    [ELSEWHERE] = {"another host, without the shim", .url = OTHER},
    [ELSEWHERE_SHIM] = {"another host, under the shim", .url = OTHER, .shim = true},
};

/* ---- one of them ---- */

static char header[HEADER], connect_to[64];

static size_t fill_arguments(const Start *start, const char **argv)
{
  const char *const curl[] = {"curl",
                              "-q",
                              "-s",
                              "-o",
                              "/dev/null",
                              "-w",
                              "%{http_code}",
                              "--noproxy",
                              "*",
                              "--cacert",
                              getenv("BENCH_CA"),
                              "--connect-to",
                              connect_to,
                              start->url ? start->url : BASE INVOICES};
  size_t count = 0;
  if (start->script) {
    argv[count++] = "sh";
    argv[count++] = "-c";
    argv[count++] = start->script;
    argv[count++] = "sh";
  }
  for (size_t i = 0; i < sizeof curl / sizeof curl[0]; i++)
    argv[count++] = curl[i];
  if (start->has_header) {
    argv[count++] = "-H";
    argv[count++] = header;
  }
  argv[count] = NULL;
  return count;
}

/* Its standard output is `out`, from its beginning. */
static pid_t spawn(const Start *start, int out)
{
  const char *argv[32];
  pid_t pid;
  posix_spawn_file_actions_t actions;
  fill_arguments(start, argv);
  bench_require(ftruncate(out, 0) == 0 && lseek(out, 0, SEEK_SET) == 0, "no output");
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  if (start->shim)
    putenv((char *)(uintptr_t)shim_variable());
  int error = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
  unsetenv("LD_PRELOAD");
  posix_spawn_file_actions_destroy(&actions);
  bench_require(error == 0, argv[0]);
  return pid;
}

static double ms_of(const struct timeval *time)
{
  return (double)time->tv_sec * 1000 + (double)time->tv_usec / 1000;
}

static double sample(void *data)
{
  static int out = -1;
  Start *start = data;
  struct rusage usage;
  char text[8] = "";
  int status = -1;
  if (out < 0)
    out = memfd_create("bench", MFD_CLOEXEC);
  if (start->before)
    start->before();
  int64_t since = bench_now_ns();
  pid_t pid = spawn(start, out);
  bench_require(wait4(pid, &status, 0, &usage) == pid, "wait4");
  double ms = (double)(bench_now_ns() - since) / 1e6;
  bench_require(status == 0 && pread(out, text, sizeof text - 1, 0) == 3 &&
                    strcmp(text, "200") == 0,
                start->name);
  start->cpu_ms[start->done++] = ms_of(&usage.ru_utime) + ms_of(&usage.ru_stime);
  return ms;
}

/* ---- the tables ---- */

static void row(const char *name, BenchSpread figure, double target, BenchSpread ratio)
{
  BenchRow line = {.name = name,
                   .unit = "ms",
                   .figure = figure,
                   .compare = target > 0 ? BENCH_AT_MOST : BENCH_NO_TARGET,
                   .target = target,
                   .ratio = ratio};
  bench_row(&line);
}

/* `variants` has those that are there, by turns as measured; NULL: is not. */
static void print_table(BenchVariant *const *variants, double target)
{
  const BenchSpread none = {0};
  for (size_t i = 0; i < COUNT; i++) {
    if (!variants[i])
      continue;
    int base = i == ELSEWHERE || i == ELSEWHERE_SHIM ? ELSEWHERE : OWN;
    row(starts[i].name, bench_figures(variants[i]), 0,
        i == OWN ? none : bench_ratio(variants[i], variants[OWN]));
    if (i != OWN && i != ELSEWHERE)
      row("  more", bench_difference(variants[i], variants[base]), i == SHIM ? target : 0, none);
  }
}

static void print_counts(size_t cold_starts)
{
  bench_table("oneshot-counts", "Token requests of all these starts");
  bench_count_row("for a partner token, one a cold start",
                  counter(&emulator, "token_requests.partner"), (double)cold_starts);
  bench_count_row("for the business's, one a cold start",
                  counter(&emulator, "token_requests.business"), (double)cold_starts);
}

/* ---- all of it ---- */

static void measure(size_t rounds)
{
  BenchVariant walls[COUNT], cpus[COUNT], *wall_of[COUNT] = {NULL}, *cpu_of[COUNT] = {NULL};
  size_t count = 0;
  for (size_t i = 0; i < COUNT; i++) {
    if (starts[i].is_missing)
      continue;
    starts[i].cpu_ms = calloc(rounds + 1, sizeof(double));
    bench_require(starts[i].cpu_ms != NULL, "no memory");
    sample(&starts[i]); /* the files are in memory from then on */
    starts[i].done = 0;
    wall_of[i] = &walls[count];
    walls[count++] = (BenchVariant){.sample = sample, .data = &starts[i]};
  }
  control(&emulator, "POST", "reset");
  bench_interleave(walls, count, rounds);
  for (size_t i = 0; i < COUNT; i++)
    if (wall_of[i]) {
      cpus[i] = (BenchVariant){.samples = starts[i].cpu_ms, .rounds = rounds};
      cpu_of[i] = &cpus[i];
    }
  bench_table("oneshot-wall", "One curl with the correct bearer, from its start to its end");
  print_table(wall_of, 0.5);
  bench_table("oneshot-cpu", "The same: CPU time, user and system, of it and what it started");
  print_table(cpu_of, 0);
  print_counts(rounds * (starts[COLD_MACHINE].is_missing ? 1 : 2));
  bench_free(walls, count);
  for (size_t i = 0; i < COUNT; i++)
    free(starts[i].cpu_ms);
}

static void prepare(const Api *api, OidcAgent *agent)
{
  char path[128];
  server_hard_coded(header, sizeof header, "--business=" FIRST);
  const char *token = strrchr(header, ' ') + 1;
  snprintf(connect_to, sizeof connect_to, "::127.0.0.1:%u", api->port);
  api_write(api, "token", path, sizeof path, "%s\n", token);
  setenv("BENCH_TOKEN", path, 1);
  setenv("BENCH_HEADER", header, 1);
  setenv("BENCH_PRELOAD", strchr(shim_variable(), '=') + 1, 1);
  oidc_agent_start(agent, api, token);
  starts[OIDC_SH].is_missing = agent->why[0] != 0;
  if (starts[OIDC_SH].is_missing)
    bench_note("oidc-token is not in it: %s.", agent->why);
}

int main(int argc, char **argv)
{
  Api api;
  OidcAgent agent;
  const char *command[3] = {NULL};
  size_t part = 1;
  for (int i = 1; i < argc; i++) {
    part = strcmp(argv[i], "--quick") == 0 ? QUICK : part;
    command[0] = i > 1 && strcmp(argv[i - 1], "--then") == 0 ? argv[i] : command[0];
  }
  harness_require_installation();
  cold_begin();
  harness_start(NULL);
  starts[COLD_MACHINE].is_missing = !cold_is_private();
  if (starts[COLD_MACHINE].is_missing)
    bench_note("No cold machine: no /dev/shm of its own is permitted here.");
  api_start(&api);
  prepare(&api, &agent);
  measure(ROUNDS / part);
  command[1] = server_self();
  if (command[0])
    server_command(command);
  oidc_agent_stop(&agent);
  api_stop(&api);
  harness_stop(NULL);
  return bench_status();
}
