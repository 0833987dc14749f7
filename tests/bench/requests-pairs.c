/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-pairs.h"

#include "tests/bench/bench.h"
#include "tests/bench/requests-team.h"
#include "tests/integration/harness.h"

typedef struct {
  const char *name, *ways;
  double most;
  bool is_missing;
  Server program;
} Pair;

static double sample_pair(void *data)
{
  Pair *pair = data;
  Pairs pairs;
  team_ask(&pair->program, "go", &pairs, sizeof pairs);
  bench_require(pairs.good, "a request failed");
  return pairs.more_us;
}

void measure_pairs(bool no_oidc_agent, size_t rounds)
{
  Pair pairs[] = {
      {"a hard-coded header (what can be told apart)", "own,own", .most = 0},
      {"thred_curl_attach()", "own,attach", .most = 0.5},
      {"a new URL each time, thred_curl_attach()", "own-new,attach-new", .most = 1},
      {"a token cache by hand in the program", "own,by-hand", .most = 0},
      {"the least token daemon", "own,daemon", .most = 0},
      {"oidc-agent", "own,oidc-agent", .is_missing = no_oidc_agent},
  };
  enum { PAIR_COUNT = sizeof pairs / sizeof pairs[0] };
  BenchVariant variants[PAIR_COUNT];
  size_t count = 0;
  for (size_t i = 0; i < PAIR_COUNT; i++) {
    if (pairs[i].is_missing)
      continue;
    pairs[i].program = server_start(BASE INVOICES, pairs[i].ways, false);
    variants[count++] = (BenchVariant){.sample = sample_pair, .data = &pairs[i]};
  }
  bench_interleave(variants, count, rounds);
  bench_table("requests-pairs",
              "CPU time more than with a hard-coded header, in one process by turns");
  for (size_t i = 0; i < count; i++) {
    Pair *pair = variants[i].data;
    BenchRow row = {.name = pair->name,
                    .unit = "us",
                    .figure = bench_figures(&variants[i]),
                    .compare = pair->most > 0 ? BENCH_AT_MOST : BENCH_NO_TARGET,
                    .target = pair->most};
    bench_row(&row);
    server_stop(&pair->program);
  }
  bench_note(
      "Each round has new handles and connections, and is the median of %u pairs; with a new URL "
      "each time the header is so too. A process is under the shim or it is not, so the shim "
      "has no pair.",
      PAIRS);
  bench_free(variants, count);
}
