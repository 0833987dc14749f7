/* SPDX-License-Identifier: MIT */
#include "tests/bench/latency.h"

#define STEP_BITS 5 /* of LATENCY_STEPS */

/* Below STEPS each number has its own; then each doubling has as many as there are steps. */
static uint32_t bucket_of(uint64_t ns)
{
  int bits = 63 - __builtin_clzll(ns | 1);
  if (bits < STEP_BITS)
    return (uint32_t)ns;
  uint64_t bucket =
      (uint64_t)(bits - STEP_BITS) * LATENCY_STEPS + (ns >> (unsigned)(bits - STEP_BITS));
  return bucket < LATENCY_BUCKETS ? (uint32_t)bucket : LATENCY_BUCKETS - 1;
}

/* Its middle. */
static double ns_of(uint32_t bucket)
{
  if (bucket < LATENCY_STEPS)
    return bucket;
  unsigned shift = bucket / LATENCY_STEPS - 1;
  return ((double)(bucket % LATENCY_STEPS + LATENCY_STEPS) + 0.5) * (double)((uint64_t)1 << shift);
}

void latency_add(Latencies *to, uint64_t ns)
{
  to->count++;
  to->bucket[bucket_of(ns)]++;
  if (ns > to->longest_ns)
    to->longest_ns = ns;
}

void latency_merge(Latencies *to, const Latencies *from)
{
  to->count += from->count;
  for (uint32_t i = 0; i < LATENCY_BUCKETS; i++)
    to->bucket[i] += from->bucket[i];
  if (from->longest_ns > to->longest_ns)
    to->longest_ns = from->longest_ns;
}

double latency_quantile(const Latencies *of, double part)
{
  uint64_t seen = 0;
  for (uint32_t i = 0; i < LATENCY_BUCKETS; i++) {
    seen += of->bucket[i];
    if (seen > 0 && (double)seen >= part * (double)of->count)
      return ns_of(i);
  }
  return 0;
}
