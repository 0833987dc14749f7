/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the three clocks and what each is for, in milliseconds.
 *
 * BOOTTIME counts through suspend and is the same in every process of a time namespace: lifetimes
 * and leases in the segment. REALTIME catches what BOOTTIME misses (a restored VM). MONOTONIC: how
 * long one call may take.
 */
#ifndef THRED_LIB_CLOCK_H
#define THRED_LIB_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_ms(clockid_t clock)
{
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t clock_monotonic_ns(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clock_boot_ms(void)
{
  return clock_ms(CLOCK_BOOTTIME);
}

static inline int64_t clock_real_ms(void)
{
  return clock_ms(CLOCK_REALTIME);
}

static inline int64_t clock_monotonic_ms(void)
{
  return clock_ms(CLOCK_MONOTONIC);
}

/* 4 ms steps at a quarter of the price: for "look again once a second". */
static inline int64_t clock_coarse_ms(void)
{
  return clock_ms(CLOCK_MONOTONIC_COARSE);
}

#endif
