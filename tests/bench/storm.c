/* SPDX-License-Identifier: MIT */
/*
 * storm.c - 1,000 processes that have nothing ask for the token of one business at once.
 *
 *     bench-storm [--quick]
 *
 * The installed library, and the installed emulator over TLS, whose counters are the judge: one
 * request for a partner token and one for the business's, whatever the number of processes. An
 * answer takes DELAY_MS more than the emulator needs, as over a network, so that they do meet.
 * Beside it the least that there can be, one fetch and 1,000 processes that find the token in the
 * cache; and 1,000 processes that each cache for themselves.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

#include "lib/hash.h"
#include "tests/bench/bench.h"
#include "tests/bench/cold.h"
#include "tests/bench/herd.h"
#include "tests/bench/own-cache.h"
#include "tests/integration/harness.h"

#define PROCESSES HERD_MAX
#define DELAY_MS  50
#define ROUNDS    3u
#define TARGET    1.5

typedef enum { WARM, COLD, COLD_MACHINE /* not even the configuration is known */ } Start;

typedef struct {
  unsigned processes;
  Start start;
  void (*ask)(HerdAnswer *answer);
  double last_ms, half_ms, cpu_ms, partner, business; /* of the run before */
  double failed;                                      /* of all runs */
} Storm;

/* Over all cold starts of ours. */
static struct {
  int partner_most, partner_least, business_most, business_least;
  unsigned failed, different;
} seen = {0, INT_MAX, 0, INT_MAX, 0, 0};

/* ---- one process ---- */

static void ask_library(HerdAnswer *answer)
{
  ThredTokenRequest request = {.size = sizeof request, .business_id = FIRST};
  ThredToken token = {.size = sizeof token};
  answer->code = thred_token_get(&request, &token);
  answer->hash = hash_text(HASH_INIT, token.value);
  snprintf(answer->message, sizeof answer->message, "%s", thred_last_message());
  thred_token_clear(&token);
}

static void ask_own(HerdAnswer *answer)
{
  static char header[OWN_HEADER];
  answer->code = own_cache_header(own_cache_new(FIRST), header) ? 0 : 1;
  snprintf(answer->message, sizeof answer->message, "its token request failed");
}

/* ---- judging ---- */

static void note(int count, int *most, int *least)
{
  *most = count > *most ? count : *most;
  *least = count < *least ? count : *least;
}

static void judge(Storm *storm, const HerdAnswer *answers)
{
  const HerdAnswer *first = NULL;
  unsigned failed = 0;
  storm->half_ms = (double)answers[storm->processes / 2].done_ns / 1e6;
  storm->partner = counter(&emulator, "token_requests.partner");
  storm->business = counter(&emulator, "token_requests.business");
  for (unsigned i = 0; i < storm->processes; i++) {
    if (answers[i].code != 0) {
      if (failed++ == 0)
        bench_note("A process got no token: %s.", answers[i].message);
      continue;
    }
    first = first ? first : &answers[i];
    if (storm->ask == ask_library)
      seen.different += answers[i].hash != first->hash;
  }
  storm->failed += failed;
  if (storm->ask != ask_library)
    return;
  seen.failed += failed;
  if (storm->start == WARM)
    return;
  note((int)storm->partner, &seen.partner_most, &seen.partner_least);
  note((int)storm->business, &seen.business_most, &seen.business_least);
}

/* ---- samples ---- */

/* Milliseconds until the last one had its token. */
static double sample_last(void *data)
{
  Storm *storm = data;
  harness_fresh(NULL);
  control(&emulator, "POST", "set?delay_ms=%d", DELAY_MS);
  if (storm->start == COLD_MACHINE)
    cold_machine();
  if (storm->start == WARM)
    herd_run(1, storm->ask);
  const HerdAnswer *answers = herd_run(storm->processes, storm->ask);
  judge(storm, answers);
  storm->last_ms = (double)answers[storm->processes - 1].done_ns / 1e6;
  storm->cpu_ms = herd_cpu_ms();
  return storm->last_ms;
}

/* The same of half of them, in the run before. */
static double sample_half(void *data)
{
  const Storm *storm = data;
  return storm->half_ms;
}

static double sample_cpu(void *data)
{
  const Storm *storm = data;
  return storm->cpu_ms;
}

/* Of the two runs before. */
static double sample_base(void *data)
{
  const Storm *storms = data;
  return storms[0].last_ms + storms[1].last_ms;
}

/* ---- the tables ---- */

/* `base`: NULL, or what the ratio is to. */
static void row(const char *name, const BenchVariant *variant, const BenchVariant *base)
{
  BenchRow line = {.name = name, .unit = "ms", .figure = bench_figures(variant)};
  if (base)
    line.ratio = bench_ratio(variant, base);
  bench_row(&line);
}

static void target_row(const BenchVariant *variant, const BenchVariant *base)
{
  BenchRow line = {.name = "  : the base line",
                   .unit = "times",
                   .figure = bench_ratio(variant, base),
                   .compare = BENCH_AT_MOST,
                   .target = TARGET};
  bench_row(&line);
}

enum {
  ONE,
  ALL_WARM,
  BASE_LINE,
  WARM_CPU,
  ALL,
  ALL_HALF,
  ALL_CPU,
  EACH,
  EACH_HALF,
  EACH_CPU,
  VARIANTS
};

static void print(const BenchVariant *of, const Storm *each)
{
  const BenchVariant *base = &of[BASE_LINE];
  bench_table("storm", "A cold storm: until each of 1,000 processes has its token");
  row("base line: one fetch, and 1,000 reads", base, base);
  row("  one process alone fetches", &of[ONE], NULL);
  row("  1,000 find the token in the cache, the last", &of[ALL_WARM], NULL);
  row("  CPU time of the 1,000", &of[WARM_CPU], NULL);
  row("thred_token_get() by 1,000, the last", &of[ALL], base);
  target_row(&of[ALL], base);
  row("  half of them", &of[ALL_HALF], NULL);
  row("  CPU time of the 1,000", &of[ALL_CPU], NULL);
  row("1,000 that each cache for themselves, the last", &of[EACH], base);
  row("  half of them", &of[EACH_HALF], NULL);
  row("  CPU time of the 1,000", &of[EACH_CPU], NULL);
  bench_count_row("  requests for a partner token, the last round", each->partner, -1);
  bench_count_row("  requests for the business's, the last round", each->business, -1);
  bench_count_row("  processes without a token, in all rounds", each->failed, -1);
}

static void measure(size_t rounds)
{
  Storm storms[] = {{.processes = 1, .start = COLD, .ask = ask_library},
                    {.processes = PROCESSES, .start = WARM, .ask = ask_library},
                    {.processes = PROCESSES, .start = COLD, .ask = ask_library},
                    {.processes = PROCESSES, .start = COLD, .ask = ask_own}};
  BenchVariant variants[VARIANTS] = {
      [ONE] = {sample_last, &storms[0]},       [ALL_WARM] = {sample_last, &storms[1]},
      [BASE_LINE] = {sample_base, storms},     [ALL] = {sample_last, &storms[2]},
      [WARM_CPU] = {sample_cpu, &storms[1]},   [ALL_HALF] = {sample_half, &storms[2]},
      [ALL_CPU] = {sample_cpu, &storms[2]},    [EACH] = {sample_last, &storms[3]},
      [EACH_HALF] = {sample_half, &storms[3]}, [EACH_CPU] = {sample_cpu, &storms[3]},
  };
  bench_note(
      "The processes are forked by the benchmark, which has used OpenSSL and libcurl before, "
      "wait, and are let loose at once; a time is from then to the moment in which the last "
      "one has its token. A token request takes %d ms more than the emulator needs for it. "
      "The base line is what cannot be saved: one fetch by one process, and 1,000 that are "
      "let loose in the same way and find the token in the cache.",
      DELAY_MS);
  bench_interleave(variants, VARIANTS, rounds);
  print(variants, &storms[3]);
  bench_free(variants, VARIANTS);
}

static void measure_cold_machine(size_t rounds)
{
  Storm one = {.processes = 1, .start = COLD_MACHINE, .ask = ask_library};
  Storm all = {.processes = PROCESSES, .start = COLD_MACHINE, .ask = ask_library};
  BenchVariant variants[] = {{sample_last, &one}, {sample_last, &all}, {sample_half, &all}};
  bench_interleave(variants, 3, rounds);
  bench_table("storm-machine", "A cold machine: there is no segment yet, nor a configuration");
  row("one process alone", &variants[0], &variants[0]);
  row("1,000 at once, the last", &variants[1], &variants[0]);
  row("  half of them", &variants[2], NULL);
  bench_free(variants, 3);
}

/* Both ends of what was seen: fewer than one would be as wrong as more. */
static void print_counts(size_t cold_starts)
{
  bench_table("storm-tokens", "What the emulator counted in each of ours, %zu cold starts",
              cold_starts);
  bench_count_row("requests for a partner token, most", seen.partner_most, 1);
  bench_count_row("requests for a partner token, least", seen.partner_least, 1);
  bench_count_row("requests for the business's token, most", seen.business_most, 1);
  bench_count_row("requests for the business's token, least", seen.business_least, 1);
  bench_count_row("processes without a token", seen.failed, 0);
  bench_count_row("processes with another token than the first one", seen.different, 0);
}

int main(int argc, char **argv)
{
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  size_t rounds = quick ? 1 : ROUNDS, cold_starts = 2 * rounds;
  Storm first = {.processes = 1, .start = COLD, .ask = ask_library};
  cold_begin();
  harness_require_installation();
  harness_start(NULL);
  own_cache_prepare();
  sample_last(&first); /* so that the emulator has been asked before */
  measure(rounds);
  if (cold_is_private()) {
    cold_starts *= 2;
    measure_cold_machine(rounds);
  } else {
    bench_note("no private /dev/shm is permitted here: this user's cache was used, and stays");
  }
  print_counts(cold_starts + 1);
  harness_stop(NULL);
  return bench_status();
}
