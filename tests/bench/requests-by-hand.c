/* SPDX-License-Identifier: MIT */
#include "tests/bench/requests-by-hand.h"

#include <curl/curl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/requests-way.h"
#include "tests/integration/harness.h"

#define MARGIN_S     300 /* renewed before the end, as the library does */
#define TIMEOUT_S    15L
#define ANSWER_SIZE  8192
#define PARTNER_PATH "/v1/platform/oauth2/token/"

typedef struct {
  char text[ANSWER_SIZE];
  size_t length;
} Answer;

static struct {
  pthread_mutex_t lock;
  char header[WAY_HEADER_SIZE]; /* "": none */
  int64_t good_until;           /* seconds of CLOCK_BOOTTIME, which also runs in suspend */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int64_t now_s(void)
{
  struct timespec now;
  clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec;
}

/* ---- a token request ---- */

static size_t take(char *data, size_t size, size_t count, void *to)
{
  Answer *answer = to;
  if (size * count >= sizeof answer->text - answer->length)
    return 0;
  memcpy(answer->text + answer->length, data, size * count);
  answer->length += size * count;
  answer->text[answer->length] = 0;
  return size * count;
}

/* The header with the token, and its lifetime in seconds; 0: that is no token. */
static int read_answer(const Answer *answer, char *header, size_t size)
{
  json_object *object = json_tokener_parse(answer->text), *token, *seconds;
  int lifetime = 0;
  if (json_object_object_get_ex(object, "access_token", &token) &&
      json_object_object_get_ex(object, "expires_in", &seconds)) {
    int length = snprintf(header, size, "Authorization: Bearer %s", json_object_get_string(token));
    lifetime = length > 0 && (size_t)length < size ? json_object_get_int(seconds) : 0;
  }
  json_object_put(object);
  return lifetime;
}

/* What both requests have in common. */
static CURL *new_request(const char *path, Answer *answer, struct curl_slist **to)
{
  char place[64], url[256];
  CURL *curl = curl_easy_init();
  snprintf(place, sizeof place, "::127.0.0.1:%s", getenv("BENCH_TOKEN_PORT"));
  snprintf(url, sizeof url, BASE "%s", path);
  *to = curl_slist_append(NULL, place);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, *to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("BENCH_CA"));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
  return curl;
}

static int fetch_partner(char *header, size_t size)
{
  Answer answer = {.length = 0};
  struct curl_slist *to;
  char body[256];
  CURL *curl = new_request(PARTNER_PATH, &answer, &to);
  snprintf(body, sizeof body, "grant_type=client_credentials&client_id=%s",
           getenv("BENCH_PARTNER"));
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt(curl, CURLOPT_USERNAME, getenv("BENCH_PARTNER"));
  curl_easy_setopt(curl, CURLOPT_PASSWORD, getenv("BENCH_KEY"));
  int lifetime = curl_easy_perform(curl) == CURLE_OK ? read_answer(&answer, header, size) : 0;
  curl_easy_cleanup(curl);
  curl_slist_free_all(to);
  return lifetime;
}

static int fetch_business(const char *partner, char *header, size_t size)
{
  Answer answer = {.length = 0};
  struct curl_slist *to, *list = curl_slist_append(NULL, partner);
  CURL *curl = new_request("/v1/platform/" FIRST "/oauth2/token/", &answer, &to);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
  int lifetime = curl_easy_perform(curl) == CURLE_OK ? read_answer(&answer, header, size) : 0;
  curl_easy_cleanup(curl);
  curl_slist_free_all(list);
  curl_slist_free_all(to);
  return lifetime;
}

/* ---- the cache ---- */

static void renew_inlock(void)
{
  char partner[WAY_HEADER_SIZE], header[WAY_HEADER_SIZE];
  int lifetime = 0;
  if (fetch_partner(partner, sizeof partner) > 0)
    lifetime = fetch_business(partner, header, sizeof header);
  if (lifetime > 0) {
    strcpy(cache.header, header);
    cache.good_until = now_s() + lifetime;
  }
}

bool by_hand_header(char *header, size_t size)
{
  pthread_mutex_lock(&cache.lock);
  if (!cache.header[0] || now_s() > cache.good_until - MARGIN_S)
    renew_inlock();
  bool good = cache.header[0] && now_s() < cache.good_until;
  snprintf(header, size, "%s", good ? cache.header : "");
  pthread_mutex_unlock(&cache.lock);
  return good;
}

void by_hand_refused(const char *header)
{
  pthread_mutex_lock(&cache.lock);
  if (strcmp(cache.header, header) == 0) /* nobody else has renewed it meanwhile */
    cache.header[0] = 0;
  pthread_mutex_unlock(&cache.lock);
}
