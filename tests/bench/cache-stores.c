/* SPDX-License-Identifier: MIT */
/*
 * cache-stores.c - one lookup of a token of 1 KiB among those of 10 to 100,000 businesses, by 1 and
 * by 8 processes: the library's cache beside what else a token could be kept in.
 *
 *     bench-cache-stores [--quick]
 *
 * The figure is the time that a lookup takes a process, servers' work included. 8 processes are
 * more than CPUs on most machines: the time in which one does not run because of that is not
 * counted, as far as it can be told (the slot times the CPUs there are, or processes if these are
 * fewer, over all lookups).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/cache-place.h"
#include "tests/bench/readers.h"
#include "tests/bench/store.h"

#define SLOT_MS       40
#define SLOT_MS_QUICK 15
#define ROUNDS        9u
#define ROUNDS_QUICK  3u
#define WARM_UP       2000u /* lookups of each process */
#define SHM_MIB       1200u /* 100,000 files are 500 MiB */
#define STORES        8u
#define COUNTS        4u
#define CROWDS        2u

static const uint32_t counts[COUNTS] = {10, 1000, 10000, 100000};
static const unsigned crowds[CROWDS] = {1, 8};

/* What the whole of it compares. */
static struct {
  Store store[STORES];
  unsigned count;
  BenchSpread alone[STORES][COUNTS]; /* one process */
  BenchSpread ratio[STORES][COUNTS];
} all;

typedef struct {
  Readers *readers;
  unsigned kind;
} Variant;

/* ---- in a process ---- */

static bool look_up(void *data, unsigned kind, uint32_t number)
{
  static char token[TOKEN_MAX + 1];
  Store *store = (Store *)data + kind;
  size_t length = store->get(store, number, token);
  return length == STORE_TOKEN && token[0] == 'a' + (int)(number % 26) &&
         token[STORE_TOKEN - 1] == token[0];
}

static void enter(void *data)
{
  Store *stores = data;
  for (unsigned i = 0; i < all.count; i++)
    stores[i].enter(&stores[i]);
}

/* ---- samples ---- */

static double sample(void *data)
{
  const Variant *variant = data;
  unsigned processes = variant->readers->processes, cpus = readers_cpus();
  ReadersSlot slot = readers_run(variant->readers, variant->kind);
  bench_require(slot.hits > 0 && slot.misses == 0, all.store[variant->kind].name);
  double working = processes < cpus ? 1 : (double)cpus / processes;
  return (double)slot.worked_ns * working / (double)slot.hits;
}

/* ---- the tables ---- */

static void print(unsigned readers, unsigned count, const BenchVariant *variants)
{
  for (unsigned i = 0; i < all.count; i++) {
    char name[96];
    snprintf(name, sizeof name, "%s, %u process%s", all.store[i].name, crowds[readers],
             crowds[readers] == 1 ? "" : "es");
    BenchRow row = {.name = name,
                    .unit = "ns",
                    .figure = bench_figures(&variants[i]),
                    .ratio = bench_ratio(&variants[i], &variants[0])};
    bench_row(&row);
    if (readers == 0) {
      all.alone[i][count] = row.figure;
      all.ratio[i][count] = row.ratio;
    }
  }
}

static void measure(unsigned readers_index, unsigned count, bool quick)
{
  BenchVariant variants[STORES];
  Variant of[STORES];
  Readers readers = {.processes = crowds[readers_index],
                     .keys = counts[count],
                     .slot_ms = quick ? SLOT_MS_QUICK : SLOT_MS,
                     .enter = enter,
                     .look_up = look_up,
                     .data = all.store};
  readers_start(&readers);
  for (unsigned i = 0; i < all.count; i++) {
    of[i] = (Variant){&readers, i};
    variants[i] = (BenchVariant){.sample = sample, .data = &of[i]};
  }
  readers_warm(&readers, 0, WARM_UP);
  bench_interleave(variants, all.count, quick ? ROUNDS_QUICK : ROUNDS);
  print(readers_index, count, variants);
  bench_free(variants, all.count);
  readers_finish(&readers);
}

static void measure_count(unsigned count, bool quick)
{
  for (unsigned i = 0; i < all.count; i++)
    all.store[i].fill(&all.store[i], counts[count]);
  char id[32];
  snprintf(id, sizeof id, "stores-%u", counts[count]);
  bench_table(id, "One lookup among the tokens of %u businesses", counts[count]);
  for (unsigned readers = 0; readers < CROWDS; readers++)
    measure(readers, count, quick);
  for (unsigned i = 0; i < all.count; i++)
    all.store[i].empty(&all.store[i]);
}

/* Once more, so that a store's way from few to many stands together. */
static void print_by_businesses(unsigned last)
{
  bench_table("stores", "One lookup by one process, by the number of businesses");
  for (unsigned i = 0; i < all.count; i++)
    for (unsigned count = 0; count < last; count++) {
      char name[96];
      snprintf(name, sizeof name, "%s, %u", all.store[i].name, counts[count]);
      BenchRow row = {
          .name = name, .unit = "ns", .figure = all.alone[i][count], .ratio = all.ratio[i][count]};
      bench_row(&row);
    }
  bench_note(
      "The ratio is to thred-auth's cache with the same number. It keeps copies of 2,048 tokens "
      "in each process (cache-copies.h); of more, most reads open a seal in shared memory. The "
      "others keep tokens in the clear.");
}

/* ---- all of it ---- */

static void add(const Store *store, const Api *place)
{
  all.store[all.count] = *store;
  all.store[all.count++].place = place;
}

static void add_stores(const Api *place)
{
  add(&store_ours, place);
  add(&store_file, place);
#ifdef BENCH_OAUTH2
  add(&store_oauth2, place);
  add(&store_oauth2_silent, place);
#else
  bench_note("liboauth2: not here, for this was built without liboauth2-dev.");
#endif
#ifdef BENCH_MEMCACHED
  add(&store_memcached_unix, place);
  add(&store_memcached, place);
#else
  bench_note("memcached: not here, for this was built without libmemcached-dev.");
#endif
#ifdef BENCH_REDIS
  add(&store_redis_unix, place);
  add(&store_redis, place);
#else
  bench_note("Redis: not here, for this was built without libhiredis-dev.");
#endif
}

static void remove_folder(const char *path)
{
  char command[128];
  snprintf(command, sizeof command, "rm -r '%s'", path);
  bench_require(system(command) == 0, "the folder stays");
}

int main(int argc, char **argv)
{
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  unsigned last = quick ? COUNTS - 1 : COUNTS;
  Api place = {.dir = "/tmp/thred-bench-XXXXXX"};
  bench_require(mkdtemp(place.dir) != NULL, "no folder");
  place_isolate(SHM_MIB);
  add_stores(&place);
  for (unsigned count = 0; count < last; count++)
    measure_count(count, quick);
  print_by_businesses(last);
  if (quick)
    bench_note("100,000 businesses: only without --quick.");
  remove_folder(place.dir);
  return bench_status();
}
