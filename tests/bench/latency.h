/* SPDX-License-Identifier: MIT */
/* latency.h - how long each of many requests took, to within 3 %, in a fixed space. */
#ifndef THRED_TESTS_BENCH_LATENCY_H
#define THRED_TESTS_BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS   32u /* for each doubling */
#define LATENCY_BUCKETS (34u * LATENCY_STEPS)

/* Zeroed: none. For one writer at a time. */
typedef struct {
  uint64_t count, longest_ns;
  uint32_t bucket[LATENCY_BUCKETS];
} Latencies;

void latency_add(Latencies *to, uint64_t ns);
void latency_merge(Latencies *to, const Latencies *from);
/* That `part` of them took no longer, in nanoseconds; 0 where there are none. */
double latency_quantile(const Latencies *of, double part);

#endif
