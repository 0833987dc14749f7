/* SPDX-License-Identifier: MIT */
/*
 * requests.c - a request with the correct bearer over a kept connection, each way to have it.
 *
 *     bench-requests [--quick]
 *
 * Requests are made by programs that run for the whole of it, each with a connection that is kept,
 * and are asked by turns for BATCH of them. Their figure is the CPU time that the program took for
 * one: what the server and the kernel's scheduler do is not the shim's. The cache is warm.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/api.h"
#include "tests/bench/bench.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"
#include "tests/integration/process.h"
#include "tests/integration/under-shim.h"

#define BATCH  40u
#define COPIES 4u
#define ROUNDS 1600u
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
  bench_table("shim-request", "CPU time of a request over a kept TLS connection, in the program");
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

int main(int argc, char **argv)
{
  Api api;
  char header[4096];
  if (argc == 4 && strcmp(argv[1], "serve") == 0)
    return serve(argv[2], argv[3]);
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  size_t part = quick ? QUICK : 1;
  harness_require_installation();
  harness_start(NULL);
  api_start(&api);
  server_hard_coded(header, sizeof header, "--business=" FIRST);
  measure_requests(header, ROUNDS / part);
  api_stop(&api);
  harness_stop(NULL);
  return bench_status();
}
