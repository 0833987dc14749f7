/* SPDX-License-Identifier: MIT */
#include "tests/bench/own-cache.h"

#include <json-c/json.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/integration/harness.h"

#define EARLY_S    60
#define CONNECT_S  5L
#define TIMEOUT_S  15L
#define ATTEMPTS   3u
#define PAUSE_US   100000u /* and twice as long each time, with as much by chance */
#define ANSWER_MAX 65536u
#define PARTNER    "/v1/platform/oauth2/token/"
#define BUSINESS   "/v1/platform/%s/oauth2/token/"

typedef struct {
  char header[OWN_HEADER]; /* with the token */
  int64_t until_ns;        /* 0: none */
} OwnToken;

struct OwnCache {
  pthread_mutex_t lock; /* also while a token is asked for */
  OwnToken partner, business;
  char partner_url[160], business_url[160];
  struct curl_slist *connect_to;
};

typedef struct {
  size_t length;
  char bytes[ANSWER_MAX];
} Answer;

/* ---- where tokens come from ---- */

/* From the emulator's file of credentials, whose lines are NAME=value. */
static void export_credential(const char *file, const char *name, const char *as)
{
  char line[512];
  FILE *stream = fopen(file, "re");
  bench_require(stream != NULL, file);
  while (fgets(line, sizeof line, stream)) {
    line[strcspn(line, "\n")] = 0;
    size_t length = strlen(name);
    if (strncmp(line, name, length) == 0 && line[length] == '=')
      setenv(as, line + length + 1, 1);
  }
  fclose(stream);
  bench_require(getenv(as) != NULL, name);
}

void own_cache_prepare(void)
{
  char to[64];
  snprintf(to, sizeof to, "::127.0.0.1:%u", emulator.port);
  setenv("BENCH_OWN_CONNECT_TO", to, 1);
  setenv("BENCH_OWN_CA", emulator.ca, 1);
  export_credential(emulator.credentials, "THRED_PARTNER_UUID", "BENCH_OWN_PARTNER");
  export_credential(emulator.credentials, "THRED_API_KEY", "BENCH_OWN_KEY");
}

OwnCache *own_cache_new(const char *business)
{
  OwnCache *cache = calloc(1, sizeof *cache);
  bench_require(cache != NULL, "no memory");
  pthread_mutex_init(&cache->lock, NULL);
  snprintf(cache->partner_url, sizeof cache->partner_url, BASE PARTNER);
  snprintf(cache->business_url, sizeof cache->business_url, BASE BUSINESS, business);
  cache->connect_to = curl_slist_append(NULL, getenv("BENCH_OWN_CONNECT_TO"));
  return cache;
}

void own_cache_free(OwnCache *cache)
{
  curl_slist_free_all(cache->connect_to);
  pthread_mutex_destroy(&cache->lock);
  free(cache);
}

/* ---- a token request ---- */

static size_t take(char *data, size_t size, size_t count, void *to)
{
  Answer *answer = to;
  size_t length = size * count;
  if (length >= sizeof answer->bytes - answer->length)
    return 0;
  memcpy(answer->bytes + answer->length, data, length);
  answer->length += length;
  answer->bytes[answer->length] = 0;
  return length;
}

static CURL *new_handle(const OwnCache *cache, Answer *answer)
{
  CURL *curl = curl_easy_init();
  if (!curl)
    return NULL;
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("BENCH_OWN_CA"));
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, cache->connect_to);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  return curl;
}

/* A server that is busy, or not to be reached, is asked again. */
static long ask(CURL *curl, Answer *answer)
{
  for (unsigned attempt = 0;; attempt++) {
    long status = 0;
    answer->length = 0;
    if (curl_easy_perform(curl) == CURLE_OK)
      curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if ((status != 0 && status != 429 && status < 500) || attempt + 1 == ATTEMPTS)
      return status;
    useconds_t pause = PAUSE_US << attempt;
    usleep(pause + (useconds_t)bench_now_ns() % pause);
  }
}

/* `asked_ns`: when it was asked for, as its life may begin then. */
static bool read_token(const Answer *answer, int64_t asked_ns, OwnToken *token)
{
  json_object *json = json_tokener_parse(answer->bytes), *text = NULL, *lifetime = NULL;
  bool good = json && json_object_object_get_ex(json, "access_token", &text) &&
              json_object_object_get_ex(json, "expires_in", &lifetime);
  if (good) {
    int64_t life = json_object_get_int64(lifetime) * 1000000000;
    int64_t early = (int64_t)EARLY_S * 1000000000;
    int length = snprintf(token->header, sizeof token->header, "Authorization: Bearer %s",
                          json_object_get_string(text));
    good = length < (int)sizeof token->header;
    token->until_ns = good ? asked_ns + life - (early < life / 2 ? early : life / 2) : 0;
  }
  json_object_put(json);
  return good;
}

static long fetch_partner(OwnCache *cache, CURL *curl, Answer *answer)
{
  char form[256];
  int64_t asked_ns = bench_now_ns();
  snprintf(form, sizeof form, "grant_type=client_credentials&client_id=%s",
           getenv("BENCH_OWN_PARTNER"));
  curl_easy_setopt(curl, CURLOPT_URL, cache->partner_url);
  curl_easy_setopt(curl, CURLOPT_USERNAME, getenv("BENCH_OWN_PARTNER"));
  curl_easy_setopt(curl, CURLOPT_PASSWORD, getenv("BENCH_OWN_KEY"));
  curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, form);
  long status = ask(curl, answer);
  curl_easy_setopt(curl, CURLOPT_USERNAME, NULL);
  curl_easy_setopt(curl, CURLOPT_PASSWORD, NULL);
  return status == 200 && !read_token(answer, asked_ns, &cache->partner) ? 0 : status;
}

static long fetch_business(OwnCache *cache, CURL *curl, Answer *answer)
{
  int64_t asked_ns = bench_now_ns();
  struct curl_slist *list = curl_slist_append(NULL, cache->partner.header);
  curl_easy_setopt(curl, CURLOPT_URL, cache->business_url);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, "");
  long status = ask(curl, answer);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
  curl_slist_free_all(list);
  return status == 200 && !read_token(answer, asked_ns, &cache->business) ? 0 : status;
}

/* With the lock. A partner token that is refused is replaced, once. */
static bool refresh(OwnCache *cache)
{
  Answer *answer = calloc(1, sizeof *answer);
  CURL *curl = answer ? new_handle(cache, answer) : NULL;
  long status = 0;
  for (int attempt = 0; curl && attempt < 2; attempt++) {
    status = 200;
    if (cache->partner.until_ns <= bench_now_ns())
      status = fetch_partner(cache, curl, answer);
    if (status == 200)
      status = fetch_business(cache, curl, answer);
    if (status != 401)
      break;
    cache->partner.until_ns = 0;
  }
  curl_easy_cleanup(curl);
  free(answer);
  return status == 200;
}

/* ---- a request ---- */

bool own_cache_header(OwnCache *cache, char header[OWN_HEADER])
{
  pthread_mutex_lock(&cache->lock);
  bool good = cache->business.until_ns > bench_now_ns() || refresh(cache);
  if (good)
    strcpy(header, cache->business.header);
  pthread_mutex_unlock(&cache->lock);
  return good;
}

void own_cache_refused(OwnCache *cache, const char *header)
{
  pthread_mutex_lock(&cache->lock);
  if (strcmp(cache->business.header, header) == 0)
    cache->business.until_ns = 0;
  pthread_mutex_unlock(&cache->lock);
}

static long perform(CURL *curl)
{
  long status = 0;
  if (curl_easy_perform(curl) == CURLE_OK)
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

long own_cache_perform(OwnCache *cache, CURL *curl, struct curl_slist **list)
{
  char header[OWN_HEADER];
  for (int attempt = 0;; attempt++) {
    if (!own_cache_header(cache, header))
      return 0;
    if (!*list || strcmp((*list)->data, header) != 0) {
      struct curl_slist *old = *list;
      *list = curl_slist_append(NULL, header);
      curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *list);
      curl_slist_free_all(old);
    }
    long status = perform(curl);
    if (status != 401 || attempt > 0)
      return status;
    own_cache_refused(cache, header);
  }
}
