/* SPDX-License-Identifier: MIT */
/*
 * shim.c - what the shim adds to a program.
 *
 *     bench-shim [--quick]
 *
 * Requests are made by programs that run for the whole of it, each with a connection that is kept,
 * and are asked by turns for BATCH of them. Their figure is the CPU time that the program took for
 * one: what the emulator and the kernel's scheduler do is not the shim's. Starts are timed by the
 * clock. The emulator is the installed one, over TLS; the cache is warm.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bench.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"
#include "tests/integration/under-shim.h"

#define BATCH  40u
#define COPIES 4u
#define ROUNDS 1600u
#define STARTS 200u
#define QUICK  10u /* a tenth of the rounds */
#define OTHER  "https://evil.example/"

/* ---- a program that makes requests ---- */

static int64_t cpu_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The CPU time of one request in microseconds; 0: one failed. */
static double perform_batch(void *data)
{
  CURL *curl = data;
  int64_t since = cpu_ns();
  bool good = true;
  for (unsigned i = 0; i < BATCH; i++) {
    long status = 0;
    good &= curl_easy_perform(curl) == CURLE_OK;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    good &= status == 200;
  }
  return good ? (double)(cpu_ns() - since) / BATCH / 1000 : 0;
}

static int serve(const char *url, const char *header)
{
  struct curl_slist *lists[2];
  CURL *curl = server_handle(url, header, lists);
  server_serve(perform_batch, curl);
  curl_easy_cleanup(curl);
  curl_slist_free_all(lists[0]);
  curl_slist_free_all(lists[1]);
  return 0;
}

/* Several processes of each kind, by turns: where the kernel has put one in memory makes its
 * requests faster or slower, as long as it lives. */
typedef struct {
  Server copies[COPIES];
  unsigned turn;
} Team;

static Team start_team(const char *url, const char *header, bool shim)
{
  Team team = {.turn = 0};
  for (unsigned i = 0; i < COPIES; i++) {
    team.copies[i] = server_start(url, header, shim);
    server_ask(&team.copies[i]); /* connects, and opens what is opened once */
  }
  return team;
}

static void stop_team(Team *team)
{
  for (unsigned i = 0; i < COPIES; i++)
    server_stop(&team->copies[i]);
}

static double sample_team(void *data)
{
  Team *team = data;
  return server_ask(&team->copies[team->turn++ % COPIES]);
}

/* ---- one curl ---- */

typedef struct {
  const char *const *argv;
  bool shim;
} Start;

static double sample_start(void *data)
{
  const Start *start = data;
  const char *environment[] = {start->shim ? shim_variable() : "LD_PRELOAD", NULL};
  static Outcome outcome;
  int64_t since = bench_now_ns();
  process_run(start->argv, environment, &outcome);
  double ms = (double)(bench_now_ns() - since) / 1000000;
  bench_require(outcome.status == 0 && strcmp(outcome.out, "200") == 0, "curl did not get it");
  return ms;
}

/* ---- the table ---- */

static void row(const char *name, const char *unit, BenchSpread figure, double target)
{
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = figure,
                   .compare = target > 0 ? BENCH_AT_MOST : BENCH_NO_TARGET,
                   .target = target};
  bench_row(&line);
}

static void measure_requests(const char *header, size_t rounds)
{
  enum { OWN, OURS, ELSEWHERE, ELSEWHERE_SHIM, COUNT };
  Team teams[COUNT] = {
      [OWN] = start_team(BASE INVOICES, header, false),
      [OURS] = start_team(BASE INVOICES, "", true),
      [ELSEWHERE] = start_team(OTHER, "", false),
      [ELSEWHERE_SHIM] = start_team(OTHER, "", true),
  };
  BenchVariant variants[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    variants[i] = (BenchVariant){.sample = sample_team, .data = &teams[i]};
  bench_interleave(variants, COUNT, rounds);
  bench_title("CPU time of a request over a kept TLS connection, in the program");
  row("hard-coded header, without the shim", "us", bench_figures(&variants[OWN]), 0);
  row("bearer by the shim", "us", bench_figures(&variants[OURS]), 0);
  row("  more", "us", bench_difference(&variants[OURS], &variants[OWN]), 1.5);
  row("another host, without the shim", "us", bench_figures(&variants[ELSEWHERE]), 0);
  row("another host, with it", "us", bench_figures(&variants[ELSEWHERE_SHIM]), 0);
  row("  more", "us", bench_difference(&variants[ELSEWHERE_SHIM], &variants[ELSEWHERE]), 0.3);
  bench_free(variants, COUNT);
  for (size_t i = 0; i < COUNT; i++)
    stop_team(&teams[i]);
}

static void measure_curl(const char *header, size_t rounds)
{
  char to[64];
  snprintf(to, sizeof to, "::127.0.0.1:%u", emulator.port);
#define CURL_ARGUMENTS                                                                             \
  "curl", "-q", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", "--cacert",       \
      emulator.ca, "--connect-to", to
  const char *const own[] = {CURL_ARGUMENTS, BASE INVOICES, "-H", header, NULL};
  const char *const ours[] = {CURL_ARGUMENTS, BASE INVOICES, NULL};
  const char *const other[] = {CURL_ARGUMENTS, OTHER, NULL};
  enum { OWN, OWN_SHIM, OURS, ELSEWHERE, ELSEWHERE_SHIM, COUNT };
  Start starts[COUNT] = {
      {own, false}, {own, true}, {ours, true}, {other, false}, {other, true},
  };
  BenchVariant variants[COUNT];
  for (size_t i = 0; i < COUNT; i++)
    variants[i] = (BenchVariant){.sample = sample_start, .data = &starts[i]};
  bench_interleave(variants, COUNT, rounds);
  bench_title("One curl, from its start to its end; the cache is warm");
  row("hard-coded header, without the shim", "ms", bench_figures(&variants[OWN]), 0);
  row("  more: bearer by the shim", "ms", bench_difference(&variants[OURS], &variants[OWN]), 1.5);
  row("  of that: the shim", "ms",
      bench_difference(&variants[ELSEWHERE_SHIM], &variants[ELSEWHERE]), 0);
  row("  and libthred-auth, which decides", "ms",
      bench_difference(&variants[OWN_SHIM], &variants[OWN]), 0);
  bench_note(
      "The shim alone: at another host. It and the library: with the hard-coded header, which");
  bench_note(
      "is left as it is; most of that is the making of an OpenSSL context of our own. What is");
  bench_note(
      "left is the token, and the proof of the connection: its certificate is verified again.");
  bench_free(variants, COUNT);
}

int main(int argc, char **argv)
{
  char header[4096];
  if (argc == 4 && strcmp(argv[1], "serve") == 0)
    return serve(argv[2], argv[3]);
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  size_t part = quick ? QUICK : 1;
  harness_require_installation();
  harness_start(NULL);
  server_prepare();
  server_hard_coded(header, sizeof header, "--business=" FIRST);
  measure_requests(header, ROUNDS / part);
  measure_curl(header, STARTS / part);
  harness_stop(NULL);
  return bench_status();
}
