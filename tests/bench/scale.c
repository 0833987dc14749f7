/* SPDX-License-Identifier: MIT */
/*
 * scale.c - requests a second by 1, 8 and 64 processes, and by 8 threads of one, each way to have
 * the bearer, over kept TLS connections to nginx.
 *
 *     bench-scale [--quick]
 */
#include <stdio.h>
#include <string.h>

#include "tests/bench/api.h"
#include "tests/bench/bench.h"
#include "tests/bench/crowd.h"
#include "tests/bench/own-cache.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define SLICES         5u
#define SLICE_MS       2000u
#define SLICES_QUICK   2u
#define SLICE_MS_QUICK 250u

/* One crowd, and what it has done. */
typedef struct {
  Crowd crowd;
  CrowdSlice slice; /* the last one */
  uint64_t failures;
  int partner, business; /* token requests until each had made its first request */
} Team;

static Team teams[CROWD_KINDS];
static char header[OWN_HEADER];
static size_t slices = SLICES;
static unsigned slice_ms = SLICE_MS;

static double sample_rate(void *data)
{
  Team *team = data;
  crowd_run(&team->crowd, slice_ms, &team->slice);
  team->failures += team->slice.failures;
  return team->slice.per_second;
}

/* Of the slice before, in microseconds. */
static double sample_p99(void *data)
{
  const Team *team = data;
  return latency_quantile(&team->slice.latencies, 0.99) / 1000;
}

static double sample_cpu(void *data)
{
  const Team *team = data;
  return team->slice.cpu_us;
}

static void start(CrowdKind kind, unsigned processes, unsigned threads)
{
  Team *team = &teams[kind];
  control(&emulator, "POST", "reset");
  crowd_start(&team->crowd, kind, processes, threads, header);
  crowd_begin(&team->crowd, &team->slice);
  team->failures = team->slice.failures;
  team->partner = counter(&emulator, "token_requests.partner");
  team->business = counter(&emulator, "token_requests.business");
}

/* ---- the tables ---- */

static void print_counts(const char *crowd, const char *id, int later)
{
  uint64_t failures = 0;
  char name[80], table[40];
  snprintf(table, sizeof table, "%s-tokens", id);
  bench_table(table, "The token requests of %s", crowd);
  for (int kind = CROWD_ATTACHED; kind < CROWD_KINDS; kind++) {
    double target = kind == CROWD_OWN ? -1 : 1;
    snprintf(name, sizeof name, "%s, partner", crowd_names[kind]);
    bench_count_row(name, teams[kind].partner, target);
    snprintf(name, sizeof name, "%s, business", crowd_names[kind]);
    bench_count_row(name, teams[kind].business, target);
  }
  for (int kind = 0; kind < CROWD_KINDS; kind++)
    failures += teams[kind].failures;
  bench_count_row("of all of them after their first request", later, 0);
  bench_count_row("requests of all of them that failed", (double)failures, 0);
}

enum { RATE, P99, CPU, SAMPLES /* of one slice, for each kind */ };

static void row(const char *name, const char *unit, const BenchVariant *variants, int kind,
                int sample)
{
  const BenchVariant *variant = &variants[SAMPLES * kind + sample];
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = bench_figures(variant),
                   .ratio = bench_ratio(variant, &variants[sample])};
  bench_row(&line);
}

static void print(const char *crowd, const char *id, const BenchVariant *variants)
{
  bench_table(id, "Requests a second by %s", crowd);
  for (int kind = 0; kind < CROWD_KINDS; kind++) {
    row(crowd_names[kind], "/s", variants, kind, RATE);
    row("  a request, 99th percentile", "us", variants, kind, P99);
    row("  CPU time of a request, in the program", "us", variants, kind, CPU);
  }
}

static void measure(const char *crowd, const char *id, unsigned processes, unsigned threads)
{
  BenchVariant variants[SAMPLES * CROWD_KINDS];
  for (int kind = 0; kind < CROWD_KINDS; kind++) {
    start((CrowdKind)kind, processes, threads);
    BenchVariant *own = &variants[SAMPLES * kind];
    own[RATE] = (BenchVariant){.sample = sample_rate, .data = &teams[kind]};
    own[P99] = (BenchVariant){.sample = sample_p99, .data = &teams[kind]};
    own[CPU] = (BenchVariant){.sample = sample_cpu, .data = &teams[kind]};
  }
  control(&emulator, "POST", "reset");
  bench_interleave(variants, SAMPLES * CROWD_KINDS, slices);
  int later =
      counter(&emulator, "token_requests.partner") + counter(&emulator, "token_requests.business");
  print(crowd, id, variants);
  print_counts(crowd, id, later);
  bench_free(variants, SAMPLES * CROWD_KINDS);
  for (int kind = 0; kind < CROWD_KINDS; kind++)
    crowd_stop(&teams[kind].crowd);
}

int main(int argc, char **argv)
{
  Api api;
  crowd_enter(argc, argv);
  if (argc == 2 && strcmp(argv[1], "--quick") == 0) {
    slices = SLICES_QUICK;
    slice_ms = SLICE_MS_QUICK;
  }
  harness_require_installation();
  harness_start(NULL);
  api_start(&api);
  own_cache_prepare();
  server_hard_coded(header, sizeof header, "--business=" FIRST);
  bench_note(
      "Each process (or thread) makes one request after the other over a kept TLS connection "
      "to nginx, on the same CPUs. All four ways take turns in slices of %.2g s, %zu of each; "
      "their processes stay. Figures are of slices, ratios to the hard-coded header of the "
      "same turn.",
      slice_ms / 1000.0, slices);
  measure("1 process", "scale-1", 1, 1);
  measure("8 processes", "scale-8", 8, 1);
  measure("64 processes", "scale-64", 64, 1);
  measure("8 threads of 1 process", "scale-threads", 1, 8);
  api_stop(&api);
  harness_stop(NULL);
  return bench_status();
}
