/* SPDX-License-Identifier: MIT */
/* lib/cache: the configuration blocks in the segment. */
#include "tests/unit/cache-fixture.h"

static void configs(void **state)
{
  Cache *cache = *state;
  assert_stored(cache, 1, 0, 0);
  store(cache, 1, 1000, 'a');
  assert_stored(cache, 1, 1000, 'a');
  assert_stored(cache, 2, 0, 0);
  store(cache, 1, 1008, 'b');
  assert_stored(cache, 1, 1008, 'b');
  store(cache, 1, 400, 'c');
  assert_stored(cache, 1, 400, 'c');
  store(cache, 2, CACHE_CONFIG_SIZE, 'd');
  assert_stored(cache, 2, CACHE_CONFIG_SIZE, 'd');
  store(cache, 3, 203, 'e');
  assert_stored(cache, 3, 203, 'e');
  /* One that is too large leaves things as they are. */
  store(cache, 2, CACHE_CONFIG_SIZE + 1, 'f');
  store(cache, 4, CACHE_CONFIG_SIZE + 1, 'f');
  assert_stored(cache, 2, CACHE_CONFIG_SIZE, 'd');
  assert_stored(cache, 4, 0, 0);
  assert_int_equal(cache_flush(cache), 0);
  for (uint64_t origin = 1; origin <= 3; origin++)
    assert_stored(cache, origin, 0, 0);
}

static void nine_origins(void **state)
{
  Cache *cache = *state;
  for (uint64_t origin = 0; origin <= CACHE_CONFIGS; origin++)
    store(cache, origin, 200 + 8 * origin, 'x');
  assert_stored(cache, 0, 0, 0);
  for (uint64_t origin = 1; origin <= CACHE_CONFIGS; origin++)
    assert_stored(cache, origin, 200 + 8 * origin, 'x');
}

static void a_block_that_is_none(void **state)
{
  Cache *cache = *state;
  char text[256] = "this is no snapshot";
  CacheKey key = key_of(1);
  cache_store_config(cache, key.bytes, text, sizeof text);
  assert_stored(cache, 1, 0, 0);
  cache_store_config(cache, key.bytes, text, 0);
  assert_stored(cache, 1, 0, 0);
}

static CacheConfig *config_of(Cache *cache, uint64_t origin)
{
  CacheKey key = key_of(origin);
  for (uint32_t i = 0; i < CACHE_CONFIGS; i++)
    if (memcmp(cache_config(cache, i)->origin, key.bytes, 32) == 0)
      return cache_config(cache, i);
  abort();
}

static void corrupted_configs(void **state)
{
  Cache *cache = *state;
  const size_t size = 403;
  store(cache, 1, size, 'a');
  CacheConfig *config = config_of(cache, 1);
  unsigned char *bytes = (unsigned char *)config;
  for (size_t at = 0; at < offsetof(CacheConfig, data) + size; at++) {
    if (at >= offsetof(CacheConfig, stored) && at < offsetof(CacheConfig, size))
      continue; /* decides nothing but the order of replacement */
    if (at >= offsetof(CacheConfig, reserved) && at < offsetof(CacheConfig, data))
      continue;
    for (int bit = 1; bit < 256; bit *= 4) {
      bytes[at] ^= (unsigned char)bit;
      assert_stored(cache, 1, 0, 0);
      bytes[at] ^= (unsigned char)bit;
    }
  }
  assert_stored(cache, 1, size, 'a');
  config->size = UINT32_MAX;
  assert_stored(cache, 1, 0, 0);
  config->size = CACHE_CONFIG_SIZE;
  assert_stored(cache, 1, 0, 0);
}

#define TEST(function)                                                                             \
  cmocka_unit_test_setup_teardown(function, cache_fixture_setup, cache_fixture_teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
      TEST(configs),
      TEST(nine_origins),
      TEST(a_block_that_is_none),
      TEST(corrupted_configs),
  };
  return cmocka_run_group_tests_name("cache-configs", tests, NULL, NULL);
}
