/* SPDX-License-Identifier: MIT */
/* store-redis.c - a Redis of this machine's, asked by hiredis. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/store.h"
#include "tests/integration/process.h"

#define PIPELINE 1000u /* when it is filled */

typedef struct {
  pid_t server;
  unsigned port;
  char path[96]; /* of its socket */
  redisContext *client;
} Redis;

static void connect_to(const Store *store)
{
  Redis *redis = store->data;
  redis->client =
      store->over_tcp ? redisConnect("127.0.0.1", (int)redis->port) : redisConnectUnix(redis->path);
  bench_require(redis->client && redis->client->err == 0, "no connection to redis-server");
}

/* What it keeps lies in memory alone, as a cache does. */
static void start(Store *store)
{
  Redis *redis = store->data;
  char port[16];
  snprintf(redis->path, sizeof redis->path, "%s/redis.socket", store->place->dir);
  if (store->over_tcp)
    redis->port = api_free_port();
  snprintf(port, sizeof port, "%u", redis->port);
  const char *argv[] = {"redis-server",
                        "--port",
                        port, /* 0: none */
                        "--bind",
                        "127.0.0.1",
                        "--save",
                        "",
                        "--appendonly",
                        "no",
                        "--dir",
                        store->place->dir,
                        store->over_tcp ? NULL : "--unixsocket",
                        redis->path,
                        NULL};
  redis->server =
      api_beside(store->place, store->over_tcp ? "redis" : "redis-unix", argv, redis->port);
  if (!store->over_tcp)
    store_await(redis->path);
}

static void take_answers(Redis *redis, uint32_t count)
{
  for (void *reply; count > 0; count--) {
    bench_require(redisGetReply(redis->client, &reply) == REDIS_OK &&
                      ((redisReply *)reply)->type == REDIS_REPLY_STATUS,
                  "redis does not take a token");
    freeReplyObject(reply);
  }
}

static void redis_fill(Store *store, uint32_t count)
{
  char token[STORE_TOKEN + 1];
  Redis *redis = store->data = calloc(1, sizeof *redis);
  bench_require(redis != NULL, "no memory");
  start(store);
  connect_to(store);
  for (uint32_t i = 0; i < count; i++) {
    store_token(i, token);
    redisAppendCommand(redis->client, "SET %s %s EX 3600", store_key(i), token);
    if ((i + 1) % PIPELINE == 0)
      take_answers(redis, PIPELINE);
  }
  take_answers(redis, count % PIPELINE);
  redisFree(redis->client);
}

static void redis_enter(Store *store)
{
  connect_to(store);
}

static size_t redis_get(Store *store, uint32_t number, char *token)
{
  const Redis *redis = store->data;
  const char *argv[] = {"GET", store_key(number)};
  redisReply *reply = redisCommandArgv(redis->client, 2, argv, NULL);
  size_t length = 0;
  if (reply && reply->type == REDIS_REPLY_STRING) {
    length = (size_t)reply->len < STORE_TOKEN ? (size_t)reply->len : STORE_TOKEN;
    memcpy(token, reply->str, length);
  }
  if (reply)
    freeReplyObject(reply);
  return length;
}

static void redis_empty(Store *store)
{
  const Redis *redis = store->data;
  process_stop(redis->server);
  unlink(redis->path);
  free(store->data);
}

const Store store_redis = {.name = "Redis over loopback TCP",
                           .fill = redis_fill,
                           .enter = redis_enter,
                           .get = redis_get,
                           .empty = redis_empty,
                           .over_tcp = true};
const Store store_redis_unix = {.name = "Redis over a Unix socket",
                                .fill = redis_fill,
                                .enter = redis_enter,
                                .get = redis_get,
                                .empty = redis_empty};
