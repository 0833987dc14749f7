/* SPDX-License-Identifier: MIT */
/*
 * store-oauth2.c - liboauth2's cache in shared memory, which mod_oauth2 has for its tokens: one
 * semaphore for all, under which a reader compares the keys of all entries until it finds its own.
 *
 * Set up as is best for it: room for exactly this many tokens of this size, the key not hashed once
 * more, nothing encrypted (which is its default).
 */
#include <oauth2/cache.h>
#include <oauth2/cfg.h>
#include <oauth2/mem.h>
#include <oauth2/oauth2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/bench.h"
#include "tests/bench/store.h"

#define NAME       "bench"
#define HOUR       3600
/* More are not put in one by one: each time all entries are compared, so 100,000 take minutes. */
#define ONE_BY_ONE 1000u

static oauth2_log_t *words;

/* ---- many at once ---- */

/* The first line of the maps that is writable shared memory with this text in its first page. */
static char *memory_with(const char *text, size_t *size)
{
  FILE *maps = fopen("/proc/self/maps", "re");
  char line[512], mode[8], *found = NULL;
  unsigned long from, to;
  while (!found && maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || strcmp(mode, "rw-s") != 0)
      continue;
    *size = to - from;
    if (memmem((const void *)from, 4096, text, strlen(text)))
      found = (char *)from;
  }
  if (maps)
    fclose(maps);
  return found;
}

/* The library has put the first two in: the others are the first one's bytes with another key and
 * token. Each lookup is checked, so a layout that is otherwise than that does not pass. */
static void put_the_rest(uint32_t count)
{
  size_t size = 0;
  char token[STORE_TOKEN + 1];
  char *memory = memory_with(store_key(0), &size);
  bench_require(memory != NULL, "liboauth2's shared memory is not where it was");
  char *key = memmem(memory, 4096, store_key(0), strlen(store_key(0)));
  char *next = memmem(memory, 8192, store_key(1), strlen(store_key(1)));
  store_token(0, token);
  char *value = memmem(memory, 8192, token, sizeof token);
  bench_require(key && next > key && value > key && value < next, "liboauth2's layout is another");
  size_t head = (size_t)(key - memory), stride = (size_t)(next - key);
  bench_require(stride * count <= size, "liboauth2's layout is another");
  for (uint32_t i = 2; i < count; i++) {
    char *slot = memory + stride * i;
    memcpy(slot, memory, head);
    strcpy(slot + head, store_key(i));
    store_token(i, slot + (value - memory));
  }
}

/* ---- the store ---- */

static void oauth2_fill(Store *store, uint32_t count)
{
  char options[160], token[STORE_TOKEN + 1];
  words = oauth2_init(OAUTH2_LOG_ERROR, &oauth2_log_sink_stderr);
  snprintf(options, sizeof options,
           "name=" NAME "&max_entries=%u&max_val_size=%u&max_key_size=60&key_hash_algo=none", count,
           STORE_TOKEN + 64);
  bench_require(words && oauth2_cfg_set_cache(words, NULL, "shm", options) == NULL,
                "liboauth2 makes no cache");
  store->data = oauth2_cache_obtain(words, NAME);
  bench_require(store->data != NULL, "liboauth2 makes no cache");
  for (uint32_t i = 0; i < count && (count <= ONE_BY_ONE || i < 2); i++) {
    store_token(i, token);
    bench_require(oauth2_cache_set(words, store->data, store_key(i), token, HOUR),
                  "liboauth2 does not take a token");
  }
  if (count > ONE_BY_ONE)
    put_the_rest(count);
}

static void oauth2_enter(Store *store)
{
  (void)store;
}

static size_t oauth2_get(Store *store, uint32_t number, char *token)
{
  char *value = NULL;
  if (!oauth2_cache_get(words, store->data, store_key(number), &value) || !value)
    return 0;
  size_t length = strlen(value);
  length = length < STORE_TOKEN ? length : STORE_TOKEN;
  memcpy(token, value, length);
  oauth2_mem_free(value);
  return length;
}

static void oauth2_empty(Store *store)
{
  (void)store;
  oauth2_shutdown(words);
}

const Store store_oauth2 = {.name = "liboauth2's cache in shared memory",
                            .fill = oauth2_fill,
                            .enter = oauth2_enter,
                            .get = oauth2_get,
                            .empty = oauth2_empty};
