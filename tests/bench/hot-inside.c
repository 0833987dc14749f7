/* SPDX-License-Identifier: MIT */
/* hot-inside.c - hot paths of functions that the library hides: linked statically (hot.h). */
#include <curl/curl.h>
#include <stdlib.h>
#include <thred/thred.h>

#include "lib/config-current.h"
#include "lib/route.h"
#include "tests/bench/bench.h"
#include "tests/bench/cache-place.h"
#include "tests/bench/hot.h"

#define KEYS  64u
#define CALLS 200u

/* ---- the cache ---- */

typedef struct {
  Place place;
  CacheToken token;
} Reading;

static void read_one(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++)
    bench_require(cache_read(reading->place.cache, &reading->place.keys[0], &reading->token) ==
                      CACHE_HIT,
                  "a token is not there");
}

static void read_each(void *data, unsigned count)
{
  Reading *reading = data;
  for (unsigned i = 0; i < count; i++)
    bench_require(cache_read(reading->place.cache, &reading->place.keys[i], &reading->token) ==
                      CACHE_HIT,
                  "a token is not there");
}

static void count_cache(void)
{
  Reading reading = {.place = place_new(1024, KEYS), .token.value = malloc(TOKEN_MAX + 1)};
  bench_require(reading.token.value != NULL, "no memory");
  read_each(&reading, KEYS);
  hot_count("cache-read-hot", read_one, &reading, CALLS);
  for (unsigned batch = 0; batch < HOT_BATCHES; batch++) {
    for (uint32_t i = 0; i < KEYS; i++)
      bench_require(place_publish(&reading.place, i), "the cache does not take a token");
    hot_count_once("cache-read-first", read_each, &reading, KEYS);
  }
  place_free(&reading.place);
  free(reading.token.value);
}

/* ---- the decision ---- */

typedef struct {
  const Snapshot *snapshot;
  const char *url;
  RouteReason reason;
} Deciding;

static void decide(void *data, unsigned count)
{
  const Deciding *deciding = data;
  for (unsigned i = 0; i < count; i++) {
    RouteDecision decision =
        route_decide(deciding->snapshot, thred_curl_api(), "GET", deciding->url, NULL);
    bench_require(decision.reason == deciding->reason, deciding->url);
  }
}

static void count_routes(void)
{
  Error error = {0};
  const Snapshot *snapshot = config_acquire(&error);
  bench_require(snapshot != NULL, "no configuration");
  Deciding thred = {snapshot,
                    "https://sandbox.thredfi.com/v1/platform/businesses/"
                    "3c90c3cc-0d44-4b50-8888-8dd25736052a/invoices/",
                    ROUTE_TOKEN};
  Deciding foreign = {snapshot, "https://api.example.com/v1/platform/items/1", ROUTE_NOT_THRED};
  hot_count("route-thred", decide, &thred, CALLS);
  hot_count("route-foreign", decide, &foreign, CALLS);
  config_release(snapshot);
}

int main(void)
{
  count_routes(); /* the world's own segment has its configuration */
  place_isolate(64);
  count_cache();
  return 0;
}
