/* SPDX-License-Identifier: MIT */
/*
 * store-oauth2.c - liboauth2's cache in shared memory, which mod_oauth2 has for its tokens: one
 * semaphore for all, under which a reader compares the keys of all entries until it finds its own.
 *
 * Set up as is best for it: room for exactly this many tokens of this size, the key not hashed once
 * more, nothing encrypted (which is its default). For each entry that it compares it formats a line
 * for its log, whatever the log's level is (src/log.c of 1.4.5.4): so once as modules use it, and
 * once without a log.
 */
#include <oauth2/cache.h>
#include <oauth2/cfg.h>
#include <oauth2/mem.h>
#include <oauth2/oauth2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/store.h"

#define HOUR       3600
/* More are not put in one by one: each time all entries are compared, so 100,000 take minutes. */
#define ONE_BY_ONE 1000u
/* Three entries are in it. */
#define BEGINNING  8192u

typedef struct {
  oauth2_cache_t *cache;
  oauth2_log_t *log; /* for lookups */
  uint32_t count;
} Oauth2;

static oauth2_log_t *words;
static unsigned users; /* of it */

/* ---- many at once ---- */

static char *find(char *memory, const char *text)
{
  return memmem(memory, BEGINNING, text, strlen(text));
}

/* Writable shared memory that begins with the first two entries, and is empty after them. */
static char *find_memory(size_t *size)
{
  FILE *maps = fopen("/proc/self/maps", "re");
  char line[512], mode[8], *found = NULL;
  unsigned long from, to;
  while (!found && maps && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || strcmp(mode, "rw-s") != 0)
      continue;
    *size = to - from;
    if (*size > BEGINNING && find((char *)from, store_key(0)) && !find((char *)from, store_key(2)))
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
  char token[STORE_TOKEN + 1], *memory = find_memory(&size);
  bench_require(memory != NULL, "liboauth2's shared memory is not where it was");
  store_token(0, token);
  char *key = find(memory, store_key(0)), *next = find(memory, store_key(1));
  char *value = find(memory, token);
  bench_require(key && value > key && next > value, "liboauth2's layout is another");
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

static void fill(Store *store, uint32_t count, const char *name, bool logs)
{
  char options[160], token[STORE_TOKEN + 1];
  Oauth2 *oauth2 = store->data = malloc(sizeof *oauth2);
  if (users++ == 0)
    words = oauth2_init(OAUTH2_LOG_ERROR, &oauth2_log_sink_stderr);
  snprintf(options, sizeof options,
           "name=%s&max_entries=%u&max_val_size=%u&max_key_size=60&key_hash_algo=none", name, count,
           STORE_TOKEN + 64);
  bench_require(oauth2 && words && oauth2_cfg_set_cache(words, NULL, "shm", options) == NULL,
                "liboauth2 makes no cache");
  *oauth2 = (Oauth2){oauth2_cache_obtain(words, name), logs ? words : NULL, count};
  bench_require(oauth2->cache != NULL, "liboauth2 makes no cache");
  for (uint32_t i = 0; i < count && (count <= ONE_BY_ONE || i < 2); i++) {
    store_token(i, token);
    bench_require(oauth2_cache_set(words, oauth2->cache, store_key(i), token, HOUR),
                  "liboauth2 does not take a token");
  }
  if (count > ONE_BY_ONE)
    put_the_rest(count);
}

static void fill_logging(Store *store, uint32_t count)
{
  fill(store, count, "logging", true);
}

static void fill_silent(Store *store, uint32_t count)
{
  fill(store, count, "silent", false);
}

static size_t oauth2_get(Store *store, uint32_t number, char *token)
{
  const Oauth2 *oauth2 = store->data;
  char *value = NULL;
  if (!oauth2_cache_get(oauth2->log, oauth2->cache, store_key(number), &value) || !value)
    return 0;
  size_t length = strlen(value);
  length = length < STORE_TOKEN ? length : STORE_TOKEN;
  memcpy(token, value, length);
  oauth2_mem_free(value);
  return length;
}

/* Page faults are not what is measured: the last key is behind all others. */
static void oauth2_enter(Store *store)
{
  const Oauth2 *oauth2 = store->data;
  char token[STORE_TOKEN];
  bench_require(oauth2_get(store, oauth2->count - 1, token) == STORE_TOKEN, store->name);
}

static void oauth2_empty(Store *store)
{
  free(store->data);
  if (--users == 0)
    oauth2_shutdown(words);
}

const Store store_oauth2 = {.name = "liboauth2's cache in shared memory",
                            .fill = fill_logging,
                            .enter = oauth2_enter,
                            .get = oauth2_get,
                            .empty = oauth2_empty};
const Store store_oauth2_silent = {.name = "liboauth2's cache, without its log",
                                   .fill = fill_silent,
                                   .enter = oauth2_enter,
                                   .get = oauth2_get,
                                   .empty = oauth2_empty};
