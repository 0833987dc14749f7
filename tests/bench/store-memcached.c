/* SPDX-License-Identifier: MIT */
/* store-memcached.c - a memcached of this machine's, asked by libmemcached. */
#include <libmemcached/memcached.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/store.h"
#include "tests/integration/process.h"

typedef struct {
  pid_t server;
  unsigned port;
  char path[96]; /* of its socket */
  memcached_st *client;
} Memcached;

static void connect_to(const Store *store)
{
  Memcached *memcached = store->data;
  memcached->client = memcached_create(NULL);
  bench_require(memcached->client != NULL, "no memory");
  if (store->over_tcp)
    memcached_server_add(memcached->client, "127.0.0.1", (in_port_t)memcached->port);
  else
    memcached_server_add_unix_socket(memcached->client, memcached->path);
  memcached_behavior_set(memcached->client, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
}

/* As root, too: it would refuse to run without -u. 512 MiB: nothing is to be evicted. */
static void start(Store *store)
{
  Memcached *memcached = store->data;
  char port[16];
  snprintf(memcached->path, sizeof memcached->path, "%s/memcached.socket", store->place->dir);
  if (store->over_tcp)
    memcached->port = api_free_port();
  snprintf(port, sizeof port, "%u", memcached->port);
  const char *tcp[] = {"memcached", "-u", "root", "-m", "512", "-l",
                       "127.0.0.1", "-p", port,   "-U", "0",   NULL};
  const char *local[] = {"memcached", "-u", "root", "-m", "512", "-s", memcached->path, NULL};
  memcached->server = api_beside(store->place, store->over_tcp ? "memcached" : "memcached-unix",
                                 store->over_tcp ? tcp : local, memcached->port);
  if (!store->over_tcp)
    store_await(memcached->path);
}

static void memcached_fill(Store *store, uint32_t count)
{
  char token[STORE_TOKEN + 1];
  Memcached *memcached = store->data = calloc(1, sizeof *memcached);
  bench_require(memcached != NULL, "no memory");
  start(store);
  connect_to(store);
  for (uint32_t i = 0; i < count; i++) {
    const char *key = store_key(i);
    store_token(i, token);
    bench_require(memcached_set(memcached->client, key, strlen(key), token, STORE_TOKEN, 3600, 0) ==
                      MEMCACHED_SUCCESS,
                  "memcached does not take a token");
  }
  memcached_free(memcached->client);
}

static void memcached_enter(Store *store)
{
  connect_to(store);
}

static size_t memcached_look_up(Store *store, uint32_t number, char *token)
{
  const Memcached *memcached = store->data;
  const char *key = store_key(number);
  size_t length = 0;
  uint32_t flags;
  memcached_return_t result;
  char *value = memcached_get(memcached->client, key, strlen(key), &length, &flags, &result);
  if (!value)
    return 0;
  length = length < STORE_TOKEN ? length : STORE_TOKEN;
  memcpy(token, value, length);
  free(value);
  return length;
}

static void memcached_empty(Store *store)
{
  const Memcached *memcached = store->data;
  process_stop(memcached->server);
  unlink(memcached->path);
  free(store->data);
}

const Store store_memcached = {.name = "memcached over loopback TCP",
                               .fill = memcached_fill,
                               .enter = memcached_enter,
                               .get = memcached_look_up,
                               .empty = memcached_empty,
                               .over_tcp = true};
const Store store_memcached_unix = {.name = "memcached over a Unix socket",
                                    .fill = memcached_fill,
                                    .enter = memcached_enter,
                                    .get = memcached_look_up,
                                    .empty = memcached_empty};
