/* SPDX-License-Identifier: MIT */
#include "tests/bench/bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- measuring ---- */

int64_t bench_now_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void bench_require(bool condition, const char *what)
{
  if (condition)
    return;
  fflush(stdout);
  fprintf(stderr, "bench: %s (%s)\n", what, strerror(errno));
  exit(1);
}

static double *new_samples(size_t count)
{
  double *samples = calloc(count, sizeof *samples);
  bench_require(samples, "no memory for samples");
  return samples;
}

void bench_interleave(BenchVariant *variants, size_t count, size_t rounds)
{
  for (size_t i = 0; i < count; i++) {
    variants[i].samples = new_samples(rounds);
    variants[i].rounds = rounds;
  }
  for (size_t round = 0; round < rounds; round++)
    for (size_t i = 0; i < count; i++)
      variants[i].samples[round] = variants[i].sample(variants[i].data);
}

void bench_free(BenchVariant *variants, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    free(variants[i].samples);
    variants[i].samples = NULL;
  }
}

double bench_ns_per_call(void (*calls)(void *data, unsigned count), void *data, unsigned count)
{
  int64_t start = bench_now_ns();
  calls(data, count);
  return (double)(bench_now_ns() - start) / count;
}

void bench_loop(void *data, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    __asm__ volatile("" : : "r"(data) : "memory");
}

/* ---- summing up ---- */

static int compare(const void *a, const void *b)
{
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

/* Between two samples where there is none. */
static double at(const double *sorted, size_t count, double part)
{
  double place = part * (double)(count - 1);
  size_t below = (size_t)place;
  double above = sorted[below + 1 < count ? below + 1 : below];
  return sorted[below] + (place - (double)below) * (above - sorted[below]);
}

/* Takes `samples` over. */
static BenchSpread spread_of(double *samples, size_t count)
{
  qsort(samples, count, sizeof *samples, compare);
  BenchSpread spread = {count, at(samples, count, 0.25), at(samples, count, 0.5),
                        at(samples, count, 0.75), at(samples, count, 0.99)};
  free(samples);
  return spread;
}

BenchSpread bench_spread(const double *samples, size_t count)
{
  double *copy = new_samples(count);
  memcpy(copy, samples, count * sizeof *copy);
  return spread_of(copy, count);
}

BenchSpread bench_count(double value)
{
  return (BenchSpread){1, value, value, value, value};
}

BenchSpread bench_figures(const BenchVariant *variant)
{
  return bench_spread(variant->samples, variant->rounds);
}

BenchSpread bench_difference(const BenchVariant *variant, const BenchVariant *less)
{
  double *samples = new_samples(variant->rounds);
  for (size_t i = 0; i < variant->rounds; i++)
    samples[i] = variant->samples[i] - less->samples[i];
  return spread_of(samples, variant->rounds);
}

BenchSpread bench_ratio(const BenchVariant *over, const BenchVariant *under)
{
  double *samples = new_samples(over->rounds);
  for (size_t i = 0; i < over->rounds; i++)
    samples[i] = under->samples[i] > 0 ? over->samples[i] / under->samples[i] : HUGE_VAL;
  return spread_of(samples, over->rounds);
}
