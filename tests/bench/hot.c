/* SPDX-License-Identifier: MIT */
#include "tests/bench/hot.h"

#include <stdio.h>

#define WARM     3u
#define REQUESTS 30u

__attribute__((noinline)) void hot_batch(HotCalls calls, void *data, unsigned count)
{
  calls(data, count);
  __asm__ volatile(""); /* or the call becomes a jump, and this function is never left */
}

void hot_count_once(const char *name, HotCalls calls, void *data, unsigned count)
{
  printf("%s %u\n", name, count);
  hot_batch(calls, data, count);
}

void hot_count(const char *name, HotCalls calls, void *data, unsigned count)
{
  calls(data, count);
  for (unsigned i = 0; i < HOT_BATCHES; i++)
    hot_count_once(name, calls, data, count);
}

void hot_count_requests(const char *name, HotCalls calls, void *data)
{
  calls(data, WARM);
  for (unsigned i = 0; i < REQUESTS; i++)
    hot_count_once(name, calls, data, 1);
}
