/* SPDX-License-Identifier: MIT */
/*
 * rotation.c - eight processes under load for a minute while tokens live for five seconds.
 *
 *     bench-rotation [--quick]
 *
 * The server is the emulator, for it must know which tokens have expired: one that has is answered
 * with 401, and what the program sees then is a failure unless its way to have tokens mends it.
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/crowd.h"
#include "tests/bench/own-cache.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define PROCESSES      8u
#define LIFETIME_S     5
#define SLICES         6u
#define SLICE_MS       10000u
#define SLICES_QUICK   1u
#define SLICE_MS_QUICK 6000u
#define RENEWALS       2 /* in a life, at most: a token is renewed at its half, or later */

enum { OWN, ATTACHED, SHIM, TEAMS };

/* One crowd, and what it and the server have done in all its slices. */
typedef struct {
  CrowdKind kind;
  Crowd crowd;
  CrowdSlice slice; /* the last one */
  uint64_t failures, longest_ns;
  int partner, business, unauthorized;
  int most; /* token requests for a business in one slice */
} Team;

static Team teams[TEAMS] = {[OWN] = {.kind = CROWD_OWN},
                            [ATTACHED] = {.kind = CROWD_ATTACHED},
                            [SHIM] = {.kind = CROWD_SHIM}};
static size_t slices = SLICES;
static unsigned slice_ms = SLICE_MS;

/* What the emulator has counted so far. */
typedef struct {
  int partner, business, unauthorized;
} Counters;

static Counters read_counters(void)
{
  return (Counters){counter(&emulator, "token_requests.partner"),
                    counter(&emulator, "token_requests.business"),
                    counter(&emulator, "unauthorized")};
}

static double sample_rate(void *data)
{
  Team *team = data;
  Counters before = read_counters();
  crowd_run(&team->crowd, slice_ms, &team->slice);
  Counters after = read_counters();
  int business = after.business - before.business;
  team->partner += after.partner - before.partner;
  team->business += business;
  team->unauthorized += after.unauthorized - before.unauthorized;
  team->failures += team->slice.failures;
  if (business > team->most)
    team->most = business;
  if (team->slice.latencies.longest_ns > team->longest_ns)
    team->longest_ns = team->slice.latencies.longest_ns;
  return team->slice.per_second;
}

/* Of the slice before, in milliseconds. */
static double sample_p99(void *data)
{
  const Team *team = data;
  return latency_quantile(&team->slice.latencies, 0.99) / 1e6;
}

/* Of the slice before, in microseconds. */
static double sample_cpu(void *data)
{
  const Team *team = data;
  return team->slice.cpu_us;
}

/* ---- the tables ---- */

enum { RATE, P99, CPU, SAMPLES /* of one slice, for each team */ };

static void count_row(const char *of, const char *what, const char *unit, double value,
                      BenchTarget compare, double target)
{
  char name[100];
  snprintf(name, sizeof name, "%s%s", of, what);
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = bench_count(value),
                   .compare = compare,
                   .target = target,
                   .decides = compare != BENCH_NO_TARGET};
  bench_row(&line);
}

static void row(const char *name, const char *unit, const BenchVariant *variants, int team,
                int sample)
{
  const BenchVariant *variant = &variants[SAMPLES * team + sample];
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = bench_figures(variant),
                   .ratio = bench_ratio(variant, &variants[sample])};
  bench_row(&line);
}

static void print_rates(const BenchVariant *variants)
{
  bench_table("rotation", "Requests a second by %u processes while a token lives for %d s",
              PROCESSES, LIFETIME_S);
  for (int i = 0; i < TEAMS; i++) {
    row(crowd_names[teams[i].kind], "/s", variants, i, RATE);
    row("  a request, 99th percentile", "ms", variants, i, P99);
    count_row("  the longest of all", "", "ms", (double)teams[i].longest_ns / 1e6, BENCH_NO_TARGET,
              0);
    row("  CPU time of a request, in the program", "us", variants, i, CPU);
  }
}

/* One new token each half life, and one that a slice begins with. */
static void print_counts(void)
{
  unsigned most = slice_ms * RENEWALS / 1000 / LIFETIME_S + 1;
  bench_table("rotation-tokens", "The token requests of %zu s, and what the server refused",
              slices * slice_ms / 1000);
  for (int i = 0; i < TEAMS; i++) {
    const Team *team = &teams[i];
    const char *name = crowd_names[team->kind];
    count_row(name, ", token requests", "", team->partner + team->business, BENCH_NO_TARGET, 0);
    count_row("  for a partner token", "", "", team->partner, BENCH_NO_TARGET, 0);
    count_row("  for the business's", "", "", team->business, BENCH_NO_TARGET, 0);
    count_row("  for the business's, most in a slice", "", "", team->most,
              team->kind == CROWD_OWN ? BENCH_NO_TARGET : BENCH_AT_MOST, most);
    count_row("  requests that the server answered with 401", "", "", team->unauthorized,
              BENCH_NO_TARGET, 0);
    count_row("  requests that failed", "", "", (double)team->failures, BENCH_EXACTLY, 0);
  }
}

static void measure(void)
{
  BenchVariant variants[SAMPLES * TEAMS];
  for (int i = 0; i < TEAMS; i++) {
    crowd_start(&teams[i].crowd, teams[i].kind, PROCESSES, 1, NULL);
    crowd_begin(&teams[i].crowd, &teams[i].slice);
    teams[i].failures = teams[i].slice.failures;
    BenchVariant *own = &variants[SAMPLES * i];
    own[RATE] = (BenchVariant){.sample = sample_rate, .data = &teams[i]};
    own[P99] = (BenchVariant){.sample = sample_p99, .data = &teams[i]};
    own[CPU] = (BenchVariant){.sample = sample_cpu, .data = &teams[i]};
  }
  bench_interleave(variants, SAMPLES * TEAMS, slices);
  print_rates(variants);
  print_counts();
  bench_free(variants, SAMPLES * TEAMS);
  for (int i = 0; i < TEAMS; i++)
    crowd_stop(&teams[i].crowd);
}

int main(int argc, char **argv)
{
  crowd_enter(argc, argv);
  if (argc == 2 && strcmp(argv[1], "--quick") == 0) {
    slices = SLICES_QUICK;
    slice_ms = SLICE_MS_QUICK;
  }
  harness_require_installation();
  harness_start(NULL);
  server_prepare();
  own_cache_prepare();
  control(&emulator, "POST", "set?lifetime=%d", LIFETIME_S);
  bench_note(
      "Each process makes one request after the other over a kept TLS connection to the "
      "emulator, which is the API here and not nginx, as only it knows the tokens that have "
      "expired. The three take turns in slices of %u s, %zu of each; in between their tokens "
      "expire. A 401 that the program's own way answers with a new token is no failure.",
      slice_ms / 1000, slices);
  measure();
  harness_stop(NULL);
  return bench_status();
}
