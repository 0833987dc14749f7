/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-way.h"

#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

#include "tests/bench/api.h"
#include "tests/bench/bench.h"
#include "tests/bench/own-cache.h"
#include "tests/bench/requests-asked.h"
#include "tests/bench/server.h"
#include "tests/integration/harness.h"

#define URL_SIZE 512

struct WayKind {
  const char *name;
  bool own, attached, new_url;
  /* Where each request's header comes from; and what is told that it was answered 401. */
  bool (*header)(char *header, size_t size);
  void (*refused)(const char *header);
};

static OwnCache *own_cache; /* of the program, for as long as it runs */

static bool by_hand_header(char *header, size_t size)
{
  bench_require(size >= OWN_HEADER, "a small header");
  if (!own_cache)
    own_cache = own_cache_new(FIRST);
  return own_cache_header(own_cache, header);
}

static void by_hand_refused(const char *header)
{
  own_cache_refused(own_cache, header);
}

static const WayKind kinds[] = {
    {.name = "bare"},
    {.name = "bare-new", .new_url = true},
    {.name = "own", .own = true},
    {.name = "own-new", .own = true, .new_url = true},
    {.name = "attach", .attached = true},
    {.name = "attach-new", .attached = true, .new_url = true},
    {.name = "by-hand", .header = by_hand_header, .refused = by_hand_refused},
    {.name = "daemon", .header = asked_daemon},
    {.name = "oidc-agent", .header = asked_oidc_agent},
};

void way_open(Way *way, const char *kind, const char *url)
{
  *way = (Way){.url = url};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i].name, kind) == 0)
      way->kind = &kinds[i];
  bench_require(way->kind != NULL, kind);
  way->curl = server_handle(url, way->kind->own ? getenv("BENCH_HEADER") : "", way->lists);
  if (strncmp(url, "http://", 7) == 0)
    curl_easy_setopt(way->curl, CURLOPT_CONNECT_TO, NULL);
  if (way->kind->attached)
    bench_require(thred_curl_attach(way->curl) == THRED_OK, thred_last_message());
}

void way_close(Way *way)
{
  if (way->kind->attached)
    thred_curl_detach(way->curl);
  curl_easy_cleanup(way->curl);
  curl_slist_free_all(way->lists[0]);
  curl_slist_free_all(way->lists[1]);
}

/* The status; 0: there was none. */
static long perform(const Way *way)
{
  long status = 0;
  if (curl_easy_perform(way->curl) != CURLE_OK)
    return 0;
  curl_easy_getinfo(way->curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

/* A list for each request: the token may be another the next time. */
static long perform_with(const Way *way, const char *header)
{
  struct curl_slist *list = curl_slist_append(NULL, header);
  bench_require(list != NULL, "no memory");
  curl_easy_setopt(way->curl, CURLOPT_HTTPHEADER, list);
  long status = perform(way);
  curl_easy_setopt(way->curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(list);
  return status;
}

static long perform_with_token(const Way *way)
{
  char header[WAY_HEADER_SIZE];
  if (!way->kind->header(header, sizeof header))
    return 0;
  long status = perform_with(way, header);
  if (status != 401 || !way->kind->refused)
    return status;
  way->kind->refused(header);
  return way->kind->header(header, sizeof header) ? perform_with(way, header) : 0;
}

bool way_request(Way *way)
{
  char url[URL_SIZE];
  if (way->kind->new_url) {
    snprintf(url, sizeof url, "%s%08x/", way->url, ++way->count);
    curl_easy_setopt(way->curl, CURLOPT_URL, url);
  }
  return (way->kind->header ? perform_with_token(way) : perform(way)) == 200;
}

/* ---- what arrives ---- */

typedef struct {
  char *text;
  size_t size;
} Rest;

static size_t keep(char *data, size_t size, size_t count, void *to)
{
  Rest *rest = to;
  bool fits = size * count < rest->size;
  if (!fits)
    return 0;
  memcpy(rest->text, data, size * count);
  rest->text += size * count;
  rest->size -= size * count;
  *rest->text = 0;
  return size * count;
}

static size_t ignore(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

bool way_arrives(Way *way, char *text, size_t size)
{
  char url[URL_SIZE];
  Rest rest = {text, size};
  text[0] = 0;
  snprintf(url, sizeof url, "%s" API_SHOWS, way->url);
  curl_easy_setopt(way->curl, CURLOPT_URL, url);
  curl_easy_setopt(way->curl, CURLOPT_WRITEFUNCTION, keep);
  curl_easy_setopt(way->curl, CURLOPT_WRITEDATA, &rest);
  long status = way->kind->header ? perform_with_token(way) : perform(way);
  curl_easy_setopt(way->curl, CURLOPT_WRITEFUNCTION, ignore);
  curl_easy_setopt(way->curl, CURLOPT_WRITEDATA, NULL);
  curl_easy_setopt(way->curl, CURLOPT_URL, way->url);
  return status == 200;
}
