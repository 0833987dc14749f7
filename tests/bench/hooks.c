/* SPDX-License-Identifier: MIT */
/*
 * hooks.c - what the shim adds to calls of libcurl that lead nowhere near Thred.
 *
 *     bench-hooks [--quick]
 *
 * Each call is made by two programs beside the benchmark, one under the shim, which are asked by
 * turns for the time of CALLS of them.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define CALLS        2000u
#define CALLS_LONG   100u /* of what takes microseconds by itself */
#define ROUNDS       600u
#define ROUNDS_QUICK 60u

typedef struct {
  CURL *curl;
  CURLM *multi;
  struct curl_slist *list;
} Handles;

/* ---- the calls ---- */

static void set_timeout(const Handles *of)
{
  curl_easy_setopt(of->curl, CURLOPT_TIMEOUT, 10L);
}

static void set_verify(const Handles *of)
{
  curl_easy_setopt(of->curl, CURLOPT_SSL_VERIFYPEER, 1L);
}

static void set_url(const Handles *of)
{
  curl_easy_setopt(of->curl, CURLOPT_URL, "https://api.example.com/v1/platform/items/1");
}

static void set_headers(const Handles *of)
{
  curl_easy_setopt(of->curl, CURLOPT_HTTPHEADER, of->list);
}

static void get_info(const Handles *of)
{
  long status;
  curl_easy_getinfo(of->curl, CURLINFO_RESPONSE_CODE, &status);
}

static void reset(const Handles *of)
{
  curl_easy_reset(of->curl);
}

static void init_and_cleanup(const Handles *of)
{
  (void)of;
  curl_easy_cleanup(curl_easy_init());
}

static void duplicate(const Handles *of)
{
  curl_easy_cleanup(curl_easy_duphandle(of->curl));
}

/* A transfer without a network; its URL is set each time, as programs do. */
static void perform(const Handles *of)
{
  curl_easy_setopt(of->curl, CURLOPT_URL, "file:///dev/null");
  curl_easy_perform(of->curl);
}

static void multi_perform(const Handles *of)
{
  int running;
  curl_multi_perform(of->multi, &running);
}

static void add_and_remove(const Handles *of)
{
  curl_multi_add_handle(of->multi, of->curl);
  curl_multi_remove_handle(of->multi, of->curl);
}

static const struct {
  const char *name;
  void (*call)(const Handles *);
  unsigned calls;
} cases[] = {
    {"curl_easy_setopt(TIMEOUT), not watched", set_timeout, CALLS},
    {"curl_easy_setopt(SSL_VERIFYPEER), watched", set_verify, CALLS},
    {"curl_easy_setopt(URL)", set_url, CALLS},
    {"curl_easy_setopt(HTTPHEADER)", set_headers, CALLS},
    {"curl_easy_getinfo(), not hooked", get_info, CALLS},
    {"curl_easy_reset()", reset, CALLS},
    {"curl_easy_init() and curl_easy_cleanup()", init_and_cleanup, CALLS_LONG},
    {"curl_easy_duphandle() and curl_easy_cleanup()", duplicate, CALLS_LONG},
    {"curl_easy_perform() of a local file", perform, CALLS_LONG},
    {"curl_multi_perform(), nothing to do", multi_perform, CALLS},
    {"curl_multi_add_handle() and curl_multi_remove_handle()", add_and_remove, CALLS_LONG}};

#define CASES (sizeof cases / sizeof cases[0])

/* ---- a program that makes them ---- */

typedef struct {
  Handles handles;
  size_t number;
} Calling;

static void call_many(void *data, unsigned count)
{
  const Calling *calling = data;
  for (unsigned i = 0; i < count; i++)
    cases[calling->number].call(&calling->handles);
}

static double ns_a_call(void *data)
{
  const Calling *calling = data;
  return bench_ns_per_call(call_many, data, cases[calling->number].calls);
}

static int serve(const char *number)
{
  Calling calling = {.number = strtoul(number, NULL, 10)};
  calling.handles = (Handles){curl_easy_init(), curl_multi_init(),
                              curl_slist_append(NULL, "Accept: application/json")};
  curl_easy_setopt(calling.handles.curl, CURLOPT_URL, "https://api.example.com/");
  call_many(&calling, CALLS_LONG);
  server_serve(ns_a_call, &calling);
  curl_multi_cleanup(calling.handles.multi);
  curl_easy_cleanup(calling.handles.curl);
  curl_slist_free_all(calling.handles.list);
  return 0;
}

/* ---- the table ---- */

static double sample(void *server)
{
  return server_ask(server);
}

static void measure(size_t number, size_t rounds)
{
  char argument[16];
  snprintf(argument, sizeof argument, "%zu", number);
  Server bare = server_start(argument, "", false), shim = server_start(argument, "", true);
  BenchVariant of[] = {{.sample = sample, .data = &bare}, {.sample = sample, .data = &shim}};
  bench_interleave(of, 2, rounds);
  char name[96];
  snprintf(name, sizeof name, "%s, shim", cases[number].name);
  BenchRow row = {.name = cases[number].name, .unit = "ns", .figure = bench_figures(&of[0])};
  BenchRow with = {.name = name,
                   .unit = "ns",
                   .figure = bench_figures(&of[1]),
                   .ratio = bench_ratio(&of[1], &of[0])};
  BenchRow more = {.name = "  more", .unit = "ns", .figure = bench_difference(&of[1], &of[0])};
  bench_row(&row);
  bench_row(&with);
  bench_row(&more);
  bench_free(of, 2);
  server_stop(&bare);
  server_stop(&shim);
}

int main(int argc, char **argv)
{
  if (argc == 4 && strcmp(argv[1], "serve") == 0)
    return serve(argv[2]);
  bool quick = argc == 2 && strcmp(argv[1], "--quick") == 0;
  harness_require_installation();
  bench_table("hooks",
              "A call of libcurl that leads nowhere near Thred, without and with the shim");
  for (size_t i = 0; i < CASES; i++)
    measure(i, quick ? ROUNDS_QUICK : ROUNDS);
  bench_note("The ratio is to the same call without the shim.");
  return bench_status();
}
