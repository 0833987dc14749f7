/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/segment.h"

#include <sys/mman.h>

#define SERIALS     64u
#define CONFIG_SIZE 3000u

static Cache *cache;
static char *made; /* the bytes as they were made */

/* ---- what the fixture has from child.c: here a failure is a finding ---- */

void child_fail(const char *file, int line, const char *what)
{
  fuzz_fail(file, line, what, NULL);
}

void *child_shared(size_t size)
{
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  FUZZ_TRUE(memory != MAP_FAILED);
  return memory;
}

/* ---- nobody waits: who holds the lock here is nobody, and 50 ms each would be most of the time
 * ---- */

int __real_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                   const struct timespec *until);
int __wrap_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                   const struct timespec *until);

int __wrap_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                   const struct timespec *until)
{
  const struct timespec past = {0, 0};
  (void)until;
  return __real_pthread_mutex_clocklock(mutex, clock, &past);
}

/* ---- the segment ---- */

void segment_fill(CacheToken *token, uint64_t key, uint64_t serial, size_t length)
{
  token_fill(token, key, serial % SERIALS, length);
}

static void publish_one(uint64_t key, uint64_t serial, size_t length)
{
  CacheKey k = key_of(key);
  CacheClaim c;
  CacheToken token = token_new();
  FUZZ_TRUE(claim(cache, key, &c) == CACHE_CLAIM_OWNED);
  segment_fill(&token, key, serial, length);
  token.lifetime_ms = 24 * HOUR;
  FUZZ_TRUE(cache_publish(cache, &k, &c, &token));
  token_free(&token);
}

/* Two tokens each, so that there is an old one to bring back. */
static void fill(void)
{
  static const size_t sizes[SEGMENT_TOKENS] = {100, CACHE_CHUNK + 1, 5000, CACHE_CHUNK};
  CacheClaim c;
  for (uint64_t serial = 1; serial <= 2; serial++)
    for (uint64_t key = 1; key <= SEGMENT_TOKENS; key++) {
      CacheKey k = key_of(key);
      if (serial == 2)
        cache_refuse(cache, &k, entry_of(cache, key)->generation);
      publish_one(key, serial, sizes[key - 1]);
    }
  CacheKey k = key_of(SEGMENT_TOKENS + 1);
  FUZZ_TRUE(claim(cache, SEGMENT_TOKENS + 1, &c) == CACHE_CLAIM_OWNED);
  cache_fail(cache, &k, &c, THRED_E_SERVER, 503, 24 * HOUR);
  FUZZ_TRUE(claim(cache, SEGMENT_TOKENS + 2, &c) == CACHE_CLAIM_OWNED);
  store(cache, SEGMENT_ORIGIN, CONFIG_SIZE, 'c');
}

void segment_make(void)
{
  setenv("THRED_LOG", "error", 1); /* what is retired is said once, and that is each time here */
  Cache *first = cache = cache_fixture_new(2, 256);
  fill();
  size_t size = first->shape.size;
  made = fuzz_copy(first->header, size);
  first->header = (CacheHeader *)(void *)fuzz_copy(made, size);
}

Cache *segment_reset(void)
{
  static uint64_t id = UINT64_C(1) << 32;
  memcpy((void *)cache->header, made, cache->shape.size);
  cache->id = ++id;
  return cache;
}

/* ---- its peer ---- */

typedef struct {
  char *at;
  size_t size;
} Part;

/* Mostly of what is in use: half of the indices stand for the entries that have a key. */
static CacheEntry *some_entry(uint64_t index)
{
  uint32_t used = 0, at[64], entries = cache_entries(cache);
  for (uint32_t i = 0; i < entries && used < 64; i++)
    if (atomic_load(cache_fingerprint(cache, i)))
      at[used++] = i;
  return cache_entry(cache, index & 1 && used ? at[index / 2 % used] : (uint32_t)(index % entries));
}

static uint32_t some_chunk(uint64_t index)
{
  uint32_t first = some_entry(index)->version[index >> 7 & 1].chunk;
  return index & 1 && first >= 1 && first <= cache->chunks ? first - 1
                                                           : (uint32_t)(index % cache->chunks);
}

static Part some_part(unsigned which, uint64_t index)
{
  CacheHeader *header = cache->header;
  switch (which % 8) {
  case 0:
    return index & 1 ? (Part){(char *)header, offsetof(CacheHeader, lock)}
                     : (Part){(char *)&header->free_chunk,
                              sizeof *header - offsetof(CacheHeader, free_chunk)};
  case 1:
    return (Part){(char *)cache_bucket(cache, (uint32_t)(index % cache->buckets)),
                  sizeof(CacheBucket)};
  case 2:
    return (Part){(char *)some_entry(index), sizeof(CacheEntry)};
  case 3:
    return (Part){(char *)&some_entry(index)->version[index >> 7 & 1], sizeof(CacheVersion)};
  case 4:
    return (Part){(char *)cache_link(cache, some_chunk(index)), sizeof(CacheLink)};
  case 5:
    return (Part){(char *)cache_chunk(cache, some_chunk(index)), sizeof(CacheChunk)};
  case 6:
    return (Part){(char *)cache_config(cache, index & 1 ? 0 : (uint32_t)(index % CACHE_CONFIGS)),
                  offsetof(CacheConfig, data) + 64};
  }
  /* One in eight of these, since what follows is the same each time. */
  return index % 8 ? (Part){(char *)cache_link(cache, some_chunk(index)), sizeof(CacheLink)}
                   : (Part){(char *)&header->lock, sizeof header->lock_bytes};
}

void segment_edit(FuzzInput *input)
{
  unsigned which = (unsigned)fuzz_number(input, 1), how = which >> 3;
  Part part = some_part(which, fuzz_number(input, 1));
  if (how % 4 == 3) { /* another one's bytes */
    Part from = some_part(which, fuzz_number(input, 1));
    memmove(part.at, from.at, part.size < from.size ? part.size : from.size);
    return;
  }
  size_t width = (size_t)1 << (how >> 2 & 3), at = fuzz_number(input, 2) % part.size & ~(width - 1);
  uint64_t old = 0, value = fuzz_number(input, (unsigned)width);
  memcpy(&old, part.at + at, width);
  value = how % 4 == 0 ? value : how % 4 == 1 ? old + value : old ^ value;
  memcpy(part.at + at, &value, width);
}

/* ---- what must hold ---- */

bool segment_read(uint64_t key, uint64_t *generation)
{
  CacheKey k = key_of(key);
  CacheToken token = {.value = malloc(TOKEN_MAX + 1)};
  FUZZ_TRUE(token.value);
  bool hit = cache_read(cache, &k, &token) == CACHE_HIT, known = !hit;
  *generation = token.generation;
  FUZZ_TRUE(!hit || (token.length > 0 && token.length <= TOKEN_MAX && token.generation != 0));
  FUZZ_TRUE(!hit || (token.remaining_ms > 0 && token.remaining_ms <= token.lifetime_ms));
  for (uint64_t serial = 0; serial < SERIALS && !known; serial++)
    known = token_is(&token, key, serial, token.length);
  FUZZ_TRUE(known);
  free(token.value);
  return hit;
}

void segment_check_config(void)
{
  CacheKey origin = key_of(SEGMENT_ORIGIN);
  size_t size;
  void *block = cache_load_config(cache, origin.bytes, &size);
  free(block);
  if (block)
    assert_stored(cache, SEGMENT_ORIGIN, CONFIG_SIZE, 'c');
}

static uint32_t chain_length(uint32_t index)
{
  const CacheEntry *entry = cache_entry(cache, index);
  const CacheVersion *version = &entry->version[atomic_load(&entry->generation) & 1];
  uint32_t count = cache_chunks_of(version->length), chunk = version->chunk;
  for (uint32_t i = 0; i < count; i++, chunk = cache_next_chunk(cache, chunk)) {
    FUZZ_TRUE(chunk >= 1 && chunk <= cache->chunks);
    FUZZ_TRUE(atomic_load(&cache_link(cache, chunk - 1)->owner) == index + 1);
  }
  return count;
}

void segment_check_room(void)
{
  uint32_t used = 0, free = 0;
  for (uint32_t i = 0; i < cache_entries(cache); i++)
    if (atomic_load(cache_fingerprint(cache, i)))
      used += chain_length(i);
  for (uint32_t chunk = atomic_load(&cache->header->free_chunk); chunk && free <= cache->chunks;
       chunk = cache_next_chunk(cache, chunk)) {
    FUZZ_TRUE(atomic_load(&cache_link(cache, chunk - 1)->owner) == 0);
    free++;
  }
  FUZZ_TRUE(used == used_chunks(cache) && used + free == cache->chunks);
  FUZZ_TRUE(free == atomic_load(&cache->header->free_chunks));
}
