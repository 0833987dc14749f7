/* SPDX-License-Identifier: MIT */
/*
 * A segment that a peer writes over, under those who write: every step of cache.h, with the peer's
 * between them. None takes long; what is read is what was published; and a repair makes whole what
 * is not given up.
 */
#include "tests/fuzz/segment.h"

#define STEP_MS 2000 /* of the CPU's time; cache.h allows 150 ms of waiting */

static Cache *cache;
static uint64_t serial;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  segment_make();
  return 0;
}

static void publish_some(const CacheKey *key, CacheClaim *claim, uint64_t number, unsigned size)
{
  CacheToken token = token_new();
  segment_fill(&token, number, ++serial, size % 8 == 7 ? TOKEN_MAX : 1 + size * 37u);
  bool good = cache_publish(cache, key, claim, &token);
  FUZZ_TRUE(good == (token.generation != 0));
  token_free(&token);
}

/* A claim, what the peer does meanwhile, and one of the ends that there are. */
static void fetch(const CacheKey *key, uint64_t number, unsigned how, FuzzInput *input)
{
  CacheClaim claim;
  uint64_t seen;
  segment_read(number, &seen);
  CacheClaimResult result = cache_claim(cache, key, &some_label, how & 4 ? 0 : seen, LEASE,
                                        (CachePurpose)((how >> 3) % 3), &claim);
  if (result == CACHE_CLAIM_BUSY)
    cache_wait(cache, &claim, 1);
  FUZZ_TRUE(result != CACHE_CLAIM_FAILED || claim.retry_ms >= 0);
  if (result != CACHE_CLAIM_OWNED)
    return;
  if (fuzz_number(input, 1) & 1)
    segment_edit(input);
  if (how % 4 == 0)
    publish_some(key, &claim, number, (unsigned)fuzz_number(input, 1));
  else if (how % 4 == 1)
    cache_fail(cache, key, &claim, THRED_E_SERVER, 503, (int64_t)fuzz_number(input, 2));
  else if (how % 4 == 2)
    cache_postpone(cache, key, &claim);
  else
    cache_release(cache, key, &claim);
}

/* What is worked out anew from any entries is whole, and serves. */
static void repair(void)
{
  uint64_t generation;
  if (!cache_lock(cache))
    return;
  cache_repair(cache);
  cache_unlock(cache);
  segment_check_room();
  segment_read(1, &generation);
}

static void store_block(unsigned how)
{
  if (how & 1)
    store(cache, SEGMENT_ORIGIN + 1 + how % 16, 200 + how * 8u, 'x');
  segment_check_config();
}

static void step(FuzzInput *input)
{
  unsigned what = (unsigned)fuzz_number(input, 1);
  uint64_t number = 1 + fuzz_number(input, 1) % (SEGMENT_KEYS + 12);
  CacheKey key = key_of(number);
  uint64_t generation;
  switch (what % 8) {
  case 0:
  case 1:
    fetch(&key, number, what >> 3, input);
    break;
  case 2:
    segment_read(number, &generation);
    cache_refuse(cache, &key, what & 8 ? generation : fuzz_number(input, 8));
    break;
  case 3:
    FUZZ_TRUE(cache_flush(cache) <= (int)cache_entries(cache));
    break;
  case 4:
    repair();
    break;
  case 5:
    store_block(what >> 3);
    break;
  default:
    segment_edit(input);
  }
}

static int64_t cpu_ms(void)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  uint64_t generation;
  cache = segment_reset();
  serial = 2;
  while (input.at < input.end) {
    int64_t before = cpu_ms();
    step(&input);
    FUZZ_TRUE(cpu_ms() - before < STEP_MS);
  }
  repair();
  for (uint64_t key = 1; key <= SEGMENT_KEYS; key++)
    segment_read(key, &generation);
  return 0;
}
