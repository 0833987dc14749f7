/* SPDX-License-Identifier: MIT */
/* store-here.c - without a server: the library's cache, and a file for each token. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/cache-place.h"
#include "tests/bench/store.h"

/* ---- the library's cache ---- */

static bool is_whole(const Place *place)
{
  CacheToken token = {.value = place->value};
  uint32_t there = 0;
  while (there < place->count && cache_read(place->cache, &place->keys[there], &token) == CACHE_HIT)
    there++;
  return there == place->count;
}

/* With room for them, as an administrator would set `entries`. Some are evicted before it is full:
 * where that has happened, with more. */
static void ours_fill(Store *store, uint32_t count)
{
  Place *place = store->data = malloc(sizeof *place);
  uint32_t entries = 1024;
  bench_require(place != NULL, "no memory");
  while (entries < count + count / 4)
    entries *= 2;
  *place = place_new(entries, count);
  while (!is_whole(place)) {
    place_free(place);
    entries *= 2;
    *place = place_new(entries, count);
  }
}

/* Page faults are not what is measured. */
static void ours_enter(Store *store)
{
  const Place *place = store->data;
  volatile const char *bytes = (const char *)place->cache->header;
  for (size_t at = 0; at < place->cache->shape.size; at += 4096)
    (void)bytes[at];
}

static size_t ours_get(Store *store, uint32_t number, char *value)
{
  const Place *place = store->data;
  CacheToken token = {.value = value};
  return cache_read(place->cache, &place->keys[number], &token) == CACHE_HIT ? token.length : 0;
}

static void ours_empty(Store *store)
{
  place_free(store->data);
  free(store->data);
}

const Store store_ours = {.name = "thred-auth's cache",
                          .fill = ours_fill,
                          .enter = ours_enter,
                          .get = ours_get,
                          .empty = ours_empty};

/* ---- a file for each ---- */

#define FOLDER "/dev/shm/thred-bench-tokens-%d"

typedef struct {
  char path[64];
  int folder;
  uint32_t count;
} Files;

static void file_fill(Store *store, uint32_t count)
{
  Files *files = malloc(sizeof *files);
  char token[STORE_TOKEN + 1];
  bench_require(files != NULL, "no memory");
  files->count = count;
  snprintf(files->path, sizeof files->path, FOLDER, (int)getpid());
  bench_require(mkdir(files->path, 0700) == 0, files->path);
  files->folder = open(files->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (uint32_t i = 0; i < count; i++) {
    int file = openat(files->folder, store_key(i), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    store_token(i, token);
    bench_require(file >= 0 && write(file, token, STORE_TOKEN) == STORE_TOKEN, "a token's file");
    close(file);
  }
  store->data = files;
}

static void file_enter(Store *store)
{
  (void)store;
}

static size_t file_get(Store *store, uint32_t number, char *token)
{
  const Files *files = store->data;
  int file = openat(files->folder, store_key(number), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  ssize_t length = read(file, token, STORE_TOKEN);
  close(file);
  return length > 0 ? (size_t)length : 0;
}

static void file_empty(Store *store)
{
  Files *files = store->data;
  for (uint32_t i = 0; i < files->count; i++)
    unlinkat(files->folder, store_key(i), 0);
  close(files->folder);
  rmdir(files->path);
  free(files);
}

const Store store_file = {.name = "a file in /dev/shm: open, read, close",
                          .fill = file_fill,
                          .enter = file_enter,
                          .get = file_get,
                          .empty = file_empty};
