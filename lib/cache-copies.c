/* SPDX-License-Identifier: MIT */
#include "lib/cache-copies.h"

#include <string.h>
#include <sys/mman.h>

#include "lib/cache-words.h"
#include "lib/clock.h"
#include "lib/secret-memory.h"
#include "lib/secure.h"

#define SETS    256u
#define WAYS    8u
#define ROOM    2048u /* bytes of a token; a larger one is checked by its tag at each read */
#define COARSE  10    /* ms: a coarse clock is behind by less */
#define KEEP_MS 60000

/* All 0: empty. `value` lies apart, so that looking for a key touches few cache lines. */
typedef struct {
  CacheHalf busy;
  uint32_t entry;
  uint64_t cache; /* its id */
  CacheKey key;
  uint64_t generation;
  int64_t boot_ms, real_ms, lifetime_ms;
  int64_t remaining_ms;                                 /* at mono_from */
  int64_t mono_from, mono_until, real_from, real_until; /* coarse clocks, ms */
  uint32_t length, jitter;
  bool kept; /* out of swap, as far as that goes: asked for once */
} Copy;

typedef struct {
  CacheWord fingerprint[SETS][WAYS]; /* hints: the copy's own key decides */
  CacheHalf hand[SETS];
  Copy copy[SETS][WAYS];
  /* Not a power of two from one to the next: they would meet in the same lines of the CPU's cache.
   */
  char value[SETS * WAYS][ROOM + 64];
} Copies;

/* Made by the first thread that needs it, never unmapped. Pages that nobody uses cost nothing. */
static Copies *all_copies(bool make)
{
  static _Atomic(Copies *) shared;
  Copies *copies = atomic_load_explicit(&shared, memory_order_acquire);
  if (copies || !make)
    return copies;
  void *memory = secret_pages(sizeof *copies);
  if (!memory)
    return NULL;
  if (madvise(memory, sizeof *copies, MADV_WIPEONFORK) == 0 &&
      atomic_compare_exchange_strong(&shared, &copies, memory))
    return memory;
  munmap(memory, sizeof *copies);
  return copies;
}

static bool seize(Copy *copy)
{
  return !atomic_load_explicit(&copy->busy, memory_order_relaxed) &&
         !atomic_exchange_explicit(&copy->busy, 1, memory_order_acquire);
}

static void let_go(Copy *copy)
{
  atomic_store_explicit(&copy->busy, 0, memory_order_release);
}

static uint32_t set_of(const CacheKey *key)
{
  return key->bytes[30] % SETS;
}

/* ---- using one ---- */

/* The entry still has it, and it is not over. */
static bool is_current(const Copy *copy, CacheEntry *entry, int64_t mono)
{
  if (word_get(&entry->generation) != copy->generation ||
      word_get(&entry->refused) == copy->generation || mono >= copy->mono_until)
    return false;
  int64_t real = clock_ms(CLOCK_REALTIME_COARSE);
  return real >= copy->real_from && real < copy->real_until;
}

/* The bytes first: a CPU reads them more slowly after stores to addresses that end like theirs. */
static void give(const Copy *copy, const char *value, int64_t mono, CacheToken *token)
{
  memcpy(token->value, value, copy->length);
  token->value[copy->length] = 0;
  token->generation = copy->generation;
  token->boot_ms = copy->boot_ms;
  token->real_ms = copy->real_ms;
  token->lifetime_ms = copy->lifetime_ms;
  token->remaining_ms = copy->remaining_ms - (mono - copy->mono_from);
  token->jitter = copy->jitter;
  token->length = copy->length;
}

/* One that may not be used any more does not stay. */
static void drop(Copy *copy, char *value)
{
  secure_wipe(value, copy->length);
  copy->cache = 0;
  copy->length = 0;
}

static bool use(const Cache *cache, const CacheKey *key, Copy *copy, char *value, CacheToken *token)
{
  if (copy->cache != cache->id || memcmp(copy->key.bytes, key->bytes, sizeof key->bytes) != 0)
    return false;
  CacheEntry *entry = cache_entry(cache, copy->entry);
  int64_t mono = clock_coarse_ms();
  if (!is_current(copy, entry, mono)) {
    drop(copy, value);
    return false;
  }
  give(copy, value, mono, token);
  if (!atomic_load_explicit(&entry->referenced, memory_order_relaxed))
    atomic_store_explicit(&entry->referenced, 1, memory_order_relaxed);
  return true;
}

bool copies_get(const Cache *cache, const CacheKey *key, CacheToken *token)
{
  Copies *copies = all_copies(false);
  if (!copies)
    return false;
  uint32_t set = set_of(key);
  uint64_t fingerprint = cache_fingerprint_of(key);
  for (uint32_t way = 0; way < WAYS; way++) {
    Copy *copy = &copies->copy[set][way];
    if (word_get(&copies->fingerprint[set][way]) != fingerprint || !seize(copy))
      continue;
    bool used = use(cache, key, copy, copies->value[set * WAYS + way], token);
    let_go(copy);
    if (used)
      return true;
  }
  return false;
}

/* ---- making one ---- */

/* The way that has the key already, else an empty one, else the next in turn. */
static uint32_t way_for(Copies *copies, uint32_t set, uint64_t fingerprint)
{
  uint32_t empty = WAYS;
  for (uint32_t way = WAYS; way-- > 0;) {
    uint64_t there = word_get(&copies->fingerprint[set][way]);
    if (there == fingerprint)
      return way;
    if (there == 0)
      empty = way;
  }
  if (empty < WAYS)
    return empty;
  return atomic_fetch_add_explicit(&copies->hand[set], 1, memory_order_relaxed) % WAYS;
}

static void fill(Copy *copy, const Cache *cache, const CacheKey *key, uint32_t entry,
                 const CacheToken *token)
{
  int64_t mono = clock_coarse_ms(), real = clock_ms(CLOCK_REALTIME_COARSE);
  int64_t usable = (token->remaining_ms < KEEP_MS ? token->remaining_ms : KEEP_MS) - COARSE;
  copy->cache = cache->id;
  copy->entry = entry;
  copy->key = *key;
  copy->generation = token->generation;
  copy->boot_ms = token->boot_ms;
  copy->real_ms = token->real_ms;
  copy->lifetime_ms = token->lifetime_ms;
  copy->remaining_ms = token->remaining_ms;
  copy->mono_from = mono;
  copy->mono_until = mono + usable;
  copy->real_from = real - CACHE_CLOCK_SLACK_MS;
  copy->real_until = real + usable;
  copy->length = (uint32_t)token->length;
  copy->jitter = token->jitter;
}

void copies_put(const Cache *cache, const CacheKey *key, uint32_t entry, const CacheToken *token)
{
  Copies *copies = token->length <= ROOM ? all_copies(true) : NULL;
  if (!copies)
    return;
  uint32_t set = set_of(key);
  uint64_t fingerprint = cache_fingerprint_of(key);
  uint32_t way = way_for(copies, set, fingerprint);
  Copy *copy = &copies->copy[set][way];
  char *value = copies->value[set * WAYS + way];
  if (!seize(copy))
    return;
  if (copy->length > token->length)
    secure_wipe(value + token->length, copy->length - token->length);
  if (!copy->kept)
    secret_keep_from_swap(value, ROOM);
  copy->kept = true;
  fill(copy, cache, key, entry, token);
  memcpy(value, token->value, token->length);
  word_set(&copies->fingerprint[set][way], fingerprint);
  let_go(copy);
}

void copies_drop(const CacheKey *key)
{
  Copies *copies = all_copies(false);
  uint32_t set = set_of(key);
  for (uint32_t way = 0; copies && way < WAYS; way++) {
    Copy *copy = &copies->copy[set][way];
    if (word_get(&copies->fingerprint[set][way]) != cache_fingerprint_of(key) || !seize(copy))
      continue;
    word_set(&copies->fingerprint[set][way], 0);
    drop(copy, copies->value[set * WAYS + way]);
    let_go(copy);
  }
}
