/* SPDX-License-Identifier: MIT */
/*
 * cache-lookups.c - lookups a second by 1, 8 and 64 processes among 10, 1,000 and 100,000 keys,
 * beside the same ones under one global mutex.
 *
 *     bench-cache-lookups [--quick]
 *
 * Everything that the processes will touch is mapped beforehand.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/cache-copies.h"
#include "tests/bench/bench.h"
#include "tests/bench/cache-mutex.h"
#include "tests/bench/cache-place.h"
#include "tests/bench/readers.h"

#define WARM_UP       10000u /* lookups: the private copies are full after it */
#define SLOT_MS       80
#define SLOT_MS_QUICK 25
#define ROUNDS        7u
#define ROUNDS_QUICK  3u

enum { READ, READ_TAGGED, READ_LOCKED, KINDS };

typedef struct {
  Place place;
  CacheMutex *mutex; /* shared */
  CacheToken token;
} Reader;

/* ---- in a process ---- */

static bool look_up(void *data, unsigned kind, uint32_t number)
{
  Reader *reader = data;
  const CacheKey *key = &reader->place.keys[number];
  Cache *cache = reader->place.cache;
  if (kind == READ_LOCKED)
    return mutex_read(reader->mutex, cache, key, &reader->token) == CACHE_HIT;
  if (kind == READ_TAGGED)
    copies_drop(key);
  return cache_read(cache, key, &reader->token) == CACHE_HIT;
}

/* Page faults are not what is measured. */
static void touch(void *data)
{
  const Reader *reader = data;
  volatile const char *bytes = (const char *)reader->place.cache->header;
  for (size_t at = 0; at < reader->place.cache->shape.size; at += 4096)
    (void)bytes[at];
}

/* ---- samples ---- */

static double per_second(Readers *readers, unsigned kind)
{
  ReadersSlot slot = readers_run(readers, kind);
  return (double)slot.hits * 1000 / (double)slot.slot_ns; /* millions */
}

static double sample_read(void *readers)
{
  return per_second(readers, READ);
}

static double sample_tagged(void *readers)
{
  return per_second(readers, READ_TAGGED);
}

static double sample_locked(void *readers)
{
  return per_second(readers, READ_LOCKED);
}

/* Reads that went to the segment, of all processes. */
static uint64_t first_reads(const Cache *cache)
{
  uint64_t sum = 0;
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    sum += atomic_load(&cache_entry(cache, i)->hits);
  return sum;
}

/* The part of plain reads that a private copy answers, in percent: a slot of its own. */
static double private_percent(Readers *readers)
{
  const Reader *reader = readers->data;
  uint64_t before = first_reads(reader->place.cache);
  ReadersSlot slot = readers_run(readers, READ);
  uint64_t first = first_reads(reader->place.cache) - before;
  return slot.hits ? 100 - 100 * (double)first / (double)slot.hits : 0;
}

/* ---- the table ---- */

static void row(const char *name, const char *unit, BenchSpread figure, double target)
{
  BenchRow line = {.name = name,
                   .unit = unit,
                   .figure = figure,
                   .compare = target > 0 ? BENCH_AT_LEAST : BENCH_NO_TARGET,
                   .target = target};
  bench_row(&line);
}

static void print(Readers *readers, const BenchVariant *of)
{
  char name[80];
  double cpus = (double)readers->cpu_ns / (double)readers->wall_ns;
  bool judged = readers->processes == 8 && readers->keys == 1000;
  snprintf(name, sizeof name, "lookups-%u-%u", readers->keys, readers->processes);
  bench_table(name, "Lookups a second of %u keys by %u process%s (millions, of all together)",
              readers->keys, readers->processes, readers->processes == 1 ? "" : "es");
  snprintf(name, sizeof name, "cache_read() (%.1f %% from a private copy)",
           private_percent(readers));
  row(name, "M/s", bench_figures(&of[READ]), 0);
  row("copies_drop() and cache_read(), seal opened", "M/s", bench_figures(&of[READ_TAGGED]), 0);
  row("under one global mutex", "M/s", bench_figures(&of[READ_LOCKED]), 0);
  row("cache_read() : mutex", "times", bench_ratio(&of[READ], &of[READ_LOCKED]),
      judged && cpus >= 1.5 ? 5 : 0);
  row("copies_drop() and cache_read() : mutex", "times",
      bench_ratio(&of[READ_TAGGED], &of[READ_LOCKED]), 0);
  row("CPUs that worked for it, mean", "", bench_count(cpus), 0);
  if (judged && cpus < 1.5)
    bench_note("Too few CPUs for the processes to contend: the ratio is not judged.");
  if (readers->misses)
    bench_note("%llu lookups found nothing and are not counted.",
               (unsigned long long)readers->misses);
}

static void measure(Readers *readers, bool quick)
{
  BenchVariant variants[KINDS] = {[READ] = {sample_read, readers},
                                  [READ_TAGGED] = {sample_tagged, readers},
                                  [READ_LOCKED] = {sample_locked, readers}};
  readers_start(readers);
  readers_warm(readers, READ, WARM_UP);
  bench_interleave(variants, KINDS, quick ? ROUNDS_QUICK : ROUNDS);
  print(readers, variants);
  readers_finish(readers);
  bench_free(variants, KINDS);
}

int main(int argc, char **argv)
{
  static const struct {
    uint32_t entries, keys;
  } tables[] = {{1024, 10}, {2048, 1000}, {131072, 100000}};
  static const unsigned processes[] = {1, 8, READERS_MAX};
  static char value[TOKEN_MAX + 1];
  static Reader reader = {.token.value = value};
  static Readers readers = {.enter = touch, .look_up = look_up, .data = &reader};
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  readers.slot_ms = quick ? SLOT_MS_QUICK : SLOT_MS;
  place_isolate(400);
  reader.mutex = place_shared(sizeof *reader.mutex);
  mutex_init(reader.mutex);
  /* Of the last one, to fill it and to map it into each of 64 processes takes longer than the rest.
   */
  size_t count = sizeof tables / sizeof tables[0] - (quick ? 1 : 0);
  for (size_t i = 0; i < count; i++) {
    reader.place = place_new(tables[i].entries, tables[i].keys);
    readers.keys = tables[i].keys;
    for (size_t j = 0; j < sizeof processes / sizeof processes[0]; j++) {
      readers.processes = processes[j];
      measure(&readers, quick);
    }
    place_free(&reader.place);
  }
  if (quick)
    bench_note("100,000 keys: only without --quick.");
  return bench_status();
}
