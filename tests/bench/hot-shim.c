/* SPDX-License-Identifier: MIT */
/*
 * hot-shim.c - hot paths of an unchanged program under the installed shim (hot.h). Without it they
 * are counted as well: for scripts/bench profile.
 *
 *     bench-hot-shim [HEADER]      the header that the program has itself
 */
#include "tests/bench/bench.h"
#include "tests/bench/hot.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define CALLS     200u
#define ELSEWHERE "https://evil.example/"

static void set_unwatched(void *curl, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 10L);
}

static void set_url(void *curl, unsigned count)
{
  for (unsigned i = 0; i < count; i++)
    curl_easy_setopt(curl, CURLOPT_URL, "https://api.example.com/v1/platform/items/1");
}

static void init_and_cleanup(void *data, unsigned count)
{
  (void)data;
  for (unsigned i = 0; i < count; i++)
    curl_easy_cleanup(curl_easy_init());
}

static void perform(void *curl, unsigned count)
{
  for (unsigned i = 0; i < count; i++) {
    long status = 0;
    bench_require(curl_easy_perform(curl) == CURLE_OK, "a request failed");
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    bench_require(status == 200, "a request was refused");
  }
}

static void free_handle(CURL *curl, struct curl_slist **lists)
{
  curl_easy_cleanup(curl);
  curl_slist_free_all(lists[0]);
  curl_slist_free_all(lists[1]);
}

int main(int argc, char **argv)
{
  struct curl_slist *lists[2];
  CURL *curl = server_handle(ELSEWHERE, "", lists);
  hot_count("setopt-unwatched", set_unwatched, curl, CALLS);
  hot_count("setopt-url", set_url, curl, CALLS);
  hot_count("init-cleanup", init_and_cleanup, NULL, CALLS);
  curl_easy_setopt(curl, CURLOPT_URL, ELSEWHERE);
  hot_count_requests("request-elsewhere", perform, curl);
  free_handle(curl, lists);
  curl = server_handle(BASE INVOICES, argc > 1 ? argv[1] : "", lists);
  hot_count_once("request-first", perform, curl, 1);
  hot_count_requests("request-shim", perform, curl);
  free_handle(curl, lists);
  return 0;
}
