/* SPDX-License-Identifier: MIT */
/*
 * cache-read.c - what one read of a token of 1 KiB takes.
 *
 *     bench-cache-read [--quick]
 *     bench-cache-read --calls hot|first N      N reads and nothing else, to be counted
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cache-copies.h"
#include "tests/bench/bench.h"
#include "tests/bench/cache-mutex.h"
#include "tests/bench/cache-place.h"

#define KEYS         64u   /* for reads that are not to be of one key: 64 KiB of tokens */
#define CALLS        1000u /* a sample of what takes some ns */
#define ROUNDS       1500u
#define ROUNDS_QUICK 300u

typedef struct {
  Place place;
  CacheToken token;
  CacheMutex *mutex;
  double *child_ns; /* shared with a child */
  char plain[PLACE_TOKEN];
} Reading;

static void must(CacheRead result)
{
  bench_require(result == CACHE_HIT, "a token is not there");
}

/* ---- calls ---- */

static void copy_alone(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++) {
    memcpy(reading->token.value, reading->plain, PLACE_TOKEN);
    bench_loop(reading->token.value, 1);
  }
}

static void read_one(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++)
    must(cache_read(reading->place.cache, &reading->place.keys[0], &reading->token));
}

static void read_each(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++)
    must(cache_read(reading->place.cache, &reading->place.keys[i % KEYS], &reading->token));
}

static void read_one_locked(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++)
    must(
        mutex_read(reading->mutex, reading->place.cache, &reading->place.keys[0], &reading->token));
}

static void drop_and_read(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++) {
    copies_drop(&reading->place.keys[0]);
    must(cache_read(reading->place.cache, &reading->place.keys[0], &reading->token));
  }
}

static void publish_each(const Reading *reading)
{
  for (uint32_t i = 0; i < KEYS; i++)
    bench_require(place_publish(&reading->place, i), "the cache does not take a token");
}

/* ---- samples ---- */

static double sample_loop(void *data)
{
  return bench_ns_per_call(bench_loop, data, CALLS);
}

static double sample_copy(void *data)
{
  return bench_ns_per_call(copy_alone, data, CALLS);
}

static double sample_hot(void *data)
{
  return bench_ns_per_call(read_one, data, CALLS);
}

static double sample_hot_each(void *data)
{
  read_each(data, KEYS);
  return bench_ns_per_call(read_each, data, CALLS);
}

static double sample_locked(void *data)
{
  return bench_ns_per_call(read_one_locked, data, CALLS);
}

/* Every token has been replaced since this process read it. */
static double sample_first(void *data)
{
  publish_each(data);
  return bench_ns_per_call(read_each, data, KEYS);
}

static double sample_dropped(void *data)
{
  return bench_ns_per_call(drop_and_read, data, KEYS);
}

/* A child has none of its parent's copies, nor the pages for them. */
static double sample_child(void *data)
{
  Reading *reading = data;
  pid_t pid = fork();
  if (pid == 0) {
    *reading->child_ns = bench_ns_per_call(read_each, reading, KEYS);
    _exit(0);
  }
  int status = 1;
  bench_require(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "a child failed");
  return *reading->child_ns;
}

/* ---- the table ---- */

enum { LOOP, COPY, HOT, HOT_EACH, FIRST, DROPPED, CHILD, LOCKED, VARIANTS };

static void row(const char *name, BenchSpread figure, double target)
{
  BenchRow line = {.name = name,
                   .unit = "ns",
                   .figure = figure,
                   .compare = target > 0 ? BENCH_AT_MOST : BENCH_NO_TARGET,
                   .target = target};
  bench_row(&line);
}

static void print(const BenchVariant *of)
{
  const BenchVariant *loop = &of[LOOP];
  bench_table("cache-read", "One read of a token of 1 KiB, one process, the loop taken off");
  row("hot read (copy included)", bench_difference(&of[HOT], loop), 30);
  row("  of it: the copy of 1 KiB alone", bench_difference(&of[COPY], loop), 0);
  row("hot read, 64 keys in turn", bench_difference(&of[HOT_EACH], loop), 0);
  row("first read of a generation, seal opened", bench_difference(&of[FIRST], loop), 1500);
  row("  the same, after copies_drop()", bench_difference(&of[DROPPED], loop), 0);
  row("  the same, by a new process (its page faults too)", bench_difference(&of[CHILD], loop), 0);
  row("under one global mutex, nobody else there", bench_difference(&of[LOCKED], loop), 0);
  BenchRow ratio = {
      .name = "mutex : hot read", .unit = "times", .figure = bench_ratio(&of[LOCKED], &of[HOT])};
  bench_row(&ratio);
  bench_note(
      "%zu rounds, each all of these in turn; a sample is the mean of %u calls, of the first "
      "reads of %u.",
      loop->rounds, CALLS, KEYS);
}

static void measure(Reading *reading, bool quick)
{
  BenchVariant variants[VARIANTS] = {
      [LOOP] = {sample_loop, reading},   [COPY] = {sample_copy, reading},
      [HOT] = {sample_hot, reading},     [HOT_EACH] = {sample_hot_each, reading},
      [FIRST] = {sample_first, reading}, [DROPPED] = {sample_dropped, reading},
      [CHILD] = {sample_child, reading}, [LOCKED] = {sample_locked, reading},
  };
  reading->mutex = place_shared(sizeof *reading->mutex);
  mutex_init(reading->mutex);
  reading->child_ns = place_shared(sizeof *reading->child_ns);
  memset(reading->plain, 'x', sizeof reading->plain);
  read_each(reading, KEYS);
  bench_interleave(variants, VARIANTS, quick ? ROUNDS_QUICK : ROUNDS);
  print(variants);
  bench_free(variants, VARIANTS);
}

/* For callgrind, which collects inside cache_read() alone. */
static void call(Reading *reading, bool first, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    if (first)
      bench_require(place_publish(&reading->place, 0), "the cache does not take a token");
    read_one(reading, 1);
  }
}

int main(int argc, char **argv)
{
  static Reading reading;
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  bool calls = argc == 4 && strcmp(argv[1], "--calls") == 0;
  if (argc > 1 && !quick && !calls) {
    fprintf(stderr, "usage: bench-cache-read [--quick | --calls hot|first N]\n");
    return 2;
  }
  place_isolate(64);
  reading.place = place_new(1024, KEYS);
  reading.token.value = malloc(TOKEN_MAX + 1);
  bench_require(reading.token.value, "no memory");
  if (calls)
    call(&reading, strcmp(argv[2], "first") == 0, (unsigned)strtoul(argv[3], NULL, 10));
  else
    measure(&reading, quick);
  place_free(&reading.place);
  free(reading.token.value);
  return bench_status();
}
