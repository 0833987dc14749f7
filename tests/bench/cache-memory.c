/* SPDX-License-Identifier: MIT */
/* cache-memory.c - 100,000 ordinary tokens of 1 KiB: how much memory, and are they all there?
 *
 *     bench-cache-memory [--quick]      the same either way: it is a count
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/bench/bench.h"
#include "tests/bench/cache-place.h"

#define TOKENS  100000u
#define ENTRIES 131072u
#define MIB     (1024.0 * 1024.0)

static void row(const char *name, const char *unit, double value, BenchTarget compare,
                double target)
{
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = bench_count(value),
                   .compare = compare,
                   .target = target,
                   .decides = compare != BENCH_NO_TARGET};
  bench_row(&line);
}

static uint32_t count_there(const Place *place)
{
  uint32_t there = 0;
  CacheToken token = {.value = place->value};
  for (uint32_t i = 0; i < place->count; i++)
    there += cache_read(place->cache, &place->keys[i], &token) == CACHE_HIT;
  return there;
}

int main(void)
{
  struct stat st;
  place_isolate(400);
  int64_t start = bench_now_ns();
  Place place = place_new(ENTRIES, TOKENS);
  double fill_ns = (double)(bench_now_ns() - start);
  bool file = stat(place.cache->path, &st) == 0;
  double size = file ? (double)st.st_size : (double)place.cache->shape.size;
  uint64_t evicted = atomic_load(&place.cache->header->counters[CACHE_COUNT_EVICTED]);
  bench_table("cache-memory", "100,000 tokens of 1 KiB, entries = 131072");
  row("size of the segment", "MiB", size / MIB, BENCH_AT_MOST, 300);
  if (file)
    row("  pages that the file system gave for it", "MiB", (double)st.st_blocks * 512 / MIB,
        BENCH_AT_MOST, 300);
  row("tokens that are still there", "", count_there(&place), BENCH_NO_TARGET, 0);
  row("evictions", "", (double)evicted, BENCH_NO_TARGET, 0);
  row("one claim and publish, the segment's creation shared", "us", fill_ns / TOKENS / 1000,
      BENCH_NO_TARGET, 0);
  place_free(&place);
  return bench_status();
}
