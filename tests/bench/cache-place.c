/* SPDX-License-Identifier: MIT */
#include "tests/bench/cache-place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/digest.h"
#include "tests/bench/bench.h"
#include "tests/integration/isolation.h"

#define HOUR  3600000
#define LEASE 60000

static bool isolated;

static dev_t device_of_shm(void)
{
  struct stat st;
  return stat(CACHE_DIRECTORY, &st) ? 0 : st.st_dev;
}

/* What isolate_cache() mounts may be too small on a small machine: half of its memory. */
bool place_isolate(unsigned megabytes)
{
  char options[64];
  dev_t before = device_of_shm();
  isolate_cache();
  snprintf(options, sizeof options, "mode=1777,size=%um", megabytes);
  isolated = device_of_shm() != before &&
             mount("none", CACHE_DIRECTORY, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
  if (!isolated)
    bench_note("no private " CACHE_DIRECTORY " is permitted here: shared memory without a name");
  return isolated;
}

void *place_shared(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  bench_require(memory != MAP_FAILED, "no shared memory");
  return memory;
}

static Cache *nameless(uint32_t entries)
{
  uint32_t buckets = (entries + CACHE_WAYS - 1) / CACHE_WAYS, chunks = cache_chunks_for(buckets);
  CacheShape shape = cache_shape(buckets, chunks);
  CacheHeader *header = place_shared(shape.size);
  bench_require(cache_init(header, &shape, buckets, chunks), "no segment");
  return cache_wrap(header, buckets, chunks);
}

static Cache *named(uint32_t entries)
{
  CacheWhy why;
  return cache_attach_shared(CACHE_SEALED, true, entries, &why);
}

static CacheKey key_of(uint32_t number)
{
  CacheKey key;
  Digest *digest = digest_new();
  digest_add_string(digest, "bench");
  digest_add_u64(digest, number);
  bench_require(digest_finish(digest, key.bytes), "no digest");
  return key;
}

Place place_new(uint32_t entries, uint32_t count)
{
  Place place = {.cache = isolated ? named(entries) : nameless(entries),
                 .keys = calloc(count, sizeof *place.keys),
                 .count = count,
                 .value = malloc(TOKEN_MAX + 1)};
  bench_require(place.cache && place.keys && place.value, "no segment");
  for (uint32_t i = 0; i < count; i++) {
    place.keys[i] = key_of(i);
    bench_require(place_publish(&place, i), "the cache does not take a token");
  }
  return place;
}

void place_free(Place *place)
{
  if (place->cache->path[0])
    unlink(place->cache->path);
  cache_discard(place->cache);
  free(place->keys);
  free(place->value);
}

static CacheClaimResult claim_key(const Place *place, const CacheKey *key, CacheClaim *claim)
{
  static const CacheLabel label = {SNAPSHOT_TOKEN_BUSINESS, "sandbox", "sandbox.thredfi.com",
                                   "3c90c3cc-0d44-4b50-8888-8dd25736052a"};
  uint32_t index = cache_find(place->cache, key);
  uint64_t seen = index == CACHE_NONE ? 0 : cache_entry(place->cache, index)->generation;
  CacheClaimResult result = CACHE_CLAIM_LOCKED;
  for (int i = 0; i < 100 && result == CACHE_CLAIM_LOCKED; i++)
    result = cache_claim(place->cache, key, &label, seen, LEASE, CACHE_FOR_MISS, claim);
  return result;
}

bool place_publish(const Place *place, uint32_t number)
{
  CacheClaim claim;
  CacheToken token = {.boot_ms = clock_boot_ms(),
                      .real_ms = clock_real_ms(),
                      .lifetime_ms = HOUR,
                      .length = PLACE_TOKEN,
                      .value = place->value};
  memset(token.value, 'a' + (int)(number % 26), token.length);
  return claim_key(place, &place->keys[number], &claim) == CACHE_CLAIM_OWNED &&
         cache_publish(place->cache, &place->keys[number], &claim, &token);
}
