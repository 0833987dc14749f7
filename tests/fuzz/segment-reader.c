/* SPDX-License-Identifier: MIT */
/*
 * A segment that a peer writes over, under those who only read: a hit is a token that was
 * published, a block of the configuration is the one that was stored, and nobody waits.
 */
#include "tests/fuzz/segment.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
  (void)argc, (void)argv;
  segment_make();
  return 0;
}

static void look(Cache *cache, uint64_t key)
{
  CacheKey k = key_of(key);
  CacheClaim claim;
  uint64_t generation;
  segment_read(key, &generation);
  segment_read(key, &generation); /* out of the private copy, if it was a hit */
  if (cache_must_wait(cache, &k, generation, &claim))
    FUZZ_TRUE(claim.entry < cache_entries(cache));
  cache_is_busy(cache, &k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  FuzzInput input = {data, data + size};
  Cache *cache = segment_reset();
  do {
    segment_edit(&input);
    if (fuzz_number(&input, 1) & 1)
      for (uint64_t key = 1; key <= SEGMENT_KEYS; key++)
        look(cache, key);
  } while (input.at < input.end);
  for (uint64_t key = 1; key <= SEGMENT_KEYS; key++)
    look(cache, key);
  segment_check_config();
  return 0;
}
