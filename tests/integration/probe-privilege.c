/* SPDX-License-Identifier: MIT */
/*
 * probe-privilege.c - a program that takes all it can get: each public way to a token, and every
 * buffer that comes back, written to stdout behind a line "@@CHANNEL".
 *
 *     probe-privilege attached    with thred_token_*, and handles that it attaches
 *     probe-privilege plain       with thred_token_*, and handles that it does not attach
 *     probe-privilege MODE ARGUMENT...     see probe-privilege-held.c
 *
 * PROBE_PORT and PROBE_CA as for probe.c. The last record is "@@summary": what it was given.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thred/thred.h>

#include "probe-privilege.h"

#define BASE         "https://sandbox.thredfi.com"
#define SIBLING      "https://sandbox-backend.thredfi.com"
#define API          "/v1/platform"
#define FIRST        "3c90c3cc-0d44-4b50-8888-8dd25736052a"
#define SECOND       "11111111-1111-4111-8111-111111111111"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct {
  unsigned partner, business, not_allowed, good, unauthorized;
} summary;

static void take(const char *channel, const void *bytes, size_t length)
{
  printf("\n@@%s\n", channel);
  fwrite(bytes, 1, length, stdout);
}

static void take_text(const char *channel, const char *text)
{
  if (text)
    take(channel, text, strlen(text));
}

/* ---- thred_token_* ---- */

typedef int (*GetFunc)(const ThredTokenRequest *request, ThredToken *token);

/* What lies behind a struct that says it is larger than it is. */
typedef struct {
  ThredTokenRequest request;
  char behind[64];
} WideRequest;

static uint64_t get_token(GetFunc get, const ThredTokenRequest *asked, size_t token_size)
{
  const WideRequest wide = {.request = *asked};
  ThredToken token = {.size = token_size};
  int code = get(&wide.request, &token);
  if (token.value)
    take("token", token.value, token.length);
  take("struct", &token, sizeof token);
  take_text("message", thred_last_message());
  take_text("message", thred_strerror(code));
  if (code == THRED_OK && asked->kind == THRED_TOKEN_PARTNER)
    summary.partner++;
  else if (code == THRED_OK)
    summary.business++;
  else if (code == THRED_E_NOT_ALLOWED)
    summary.not_allowed++;
  uint64_t generation = token.generation;
  thred_token_clear(&token);
  return generation;
}

static void by_kind_and_size(GetFunc get)
{
  static const int kinds[] = {0, 1, 2, 3, -1, 256, 257, INT_MAX, INT_MIN, INT_MIN + 1};
  static const size_t sizes[] = {sizeof(ThredTokenRequest),
                                 0,
                                 1,
                                 sizeof(size_t),
                                 offsetof(ThredTokenRequest, business_id),
                                 sizeof(ThredTokenRequest) - 1,
                                 sizeof(ThredTokenRequest) + 8,
                                 SIZE_MAX};
  static const size_t token_sizes[] = {sizeof(ThredToken), 0, sizeof(ThredToken) - 8,
                                       sizeof(ThredToken) + 8};
  for (size_t k = 0; k < COUNT(kinds); k++)
    for (size_t s = 0; s < COUNT(sizes); s++)
      for (size_t t = 0; t < COUNT(token_sizes); t++) {
        ThredTokenRequest request = {.size = sizes[s], .business_id = FIRST};
        memcpy(&request.kind, &kinds[k], sizeof request.kind);
        get_token(get, &request, token_sizes[t]);
      }
}

static void by_name(GetFunc get)
{
  static const char *const environments[] = {NULL,      "sandbox",  "production", "",
                                             "SANDBOX", "sandbox ", "sandbox\n",  "*"};
  static const char *const hosts[] = {
      NULL, "sandbox.thredfi.com", "sandbox-backend.thredfi.com", "api.thredfi.com", "thredfi.com",
      ""};
  static const char *const businesses[] = {NULL,
                                           FIRST,
                                           "3C90C3CC-0D44-4B50-8888-8DD25736052A",
                                           "99999999-9999-4999-8999-999999999999",
                                           "",
                                           "partner",
                                           "{business_id}",
                                           "..",
                                           "../oauth2/token",
                                           FIRST "/",
                                           FIRST "/../..",
                                           " " FIRST};
  for (int kind = 0; kind < 2; kind++)
    for (size_t e = 0; e < COUNT(environments); e++)
      for (size_t h = 0; h < COUNT(hosts); h++)
        for (size_t b = 0; b < COUNT(businesses); b++) {
          const ThredTokenRequest request = {.size = sizeof request,
                                             .kind = (ThredTokenKind)kind,
                                             .environment = environments[e],
                                             .host = hosts[h],
                                             .business_id = businesses[b]};
          get_token(get, &request, sizeof(ThredToken));
        }
}

static void by_generation(GetFunc get)
{
  static const int timeouts[] = {0, 1, -1, 5000, INT_MAX};
  ThredTokenRequest request = {.size = sizeof request, .business_id = FIRST};
  const uint64_t mine = get_token(get, &request, sizeof(ThredToken));
  const uint64_t refused[] = {1, mine - 1, mine + 1, UINT64_MAX, mine};
  for (int kind = 0; kind < 2; kind++)
    for (size_t r = 0; r < COUNT(refused); r++)
      for (size_t t = 0; t < COUNT(timeouts); t++) {
        request.kind = (ThredTokenKind)kind;
        request.refused_generation = refused[r];
        request.timeout_ms = timeouts[t];
        get_token(get, &request, sizeof(ThredToken));
      }
}

/* ---- transfers ---- */

static size_t take_body(char *data, size_t size, size_t count, void *to)
{
  (void)to;
  take("body", data, size * count);
  return size * count;
}

static size_t take_header(char *data, size_t size, size_t count, void *to)
{
  (void)to;
  take("header", data, size * count);
  return size * count;
}

static int take_debug(CURL *curl, curl_infotype type, char *data, size_t size, void *to)
{
  (void)curl, (void)to;
  if (type != CURLINFO_SSL_DATA_IN && type != CURLINFO_SSL_DATA_OUT)
    take(type == CURLINFO_HEADER_OUT ? "debug-header-out" : "debug", data, size);
  return 0;
}

static int take_prereq(void *data, char *ip, char *local_ip, int port, int local_port)
{
  (void)port, (void)local_port;
  take_text("prereq", ip);
  take_text("prereq", local_ip);
  /* Whatever hangs on a list of ours. */
  for (const struct curl_slist *at = data; at; at = at->next)
    take_text("list", at->data);
  return CURL_PREREQFUNC_OK;
}

static void take_strings(CURL *curl)
{
  for (int i = 1; i <= CURLINFO_LASTONE; i++) {
    char *text = NULL;
    if ((curl_easy_getinfo)(curl, (CURLINFO)(CURLINFO_STRING + i), &text) == CURLE_OK)
      take_text("getinfo", text);
  }
}

static void take_lists(CURL *curl)
{
  static const CURLINFO lists[] = {CURLINFO_SSL_ENGINES, CURLINFO_COOKIELIST};
  struct curl_certinfo *certificates = NULL;
  for (size_t i = 0; i < COUNT(lists); i++) {
    struct curl_slist *list = NULL;
    if ((curl_easy_getinfo)(curl, lists[i], &list))
      continue;
    for (struct curl_slist *at = list; at; at = at->next)
      take_text("getinfo-list", at->data);
    curl_slist_free_all(list);
  }
  if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &certificates) == CURLE_OK && certificates)
    for (int i = 0; i < certificates->num_of_certs; i++)
      for (struct curl_slist *at = certificates->certinfo[i]; at; at = at->next)
        take_text("getinfo-list", at->data);
}

static void take_header_api(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075400
  const unsigned all = CURLH_HEADER | CURLH_TRAILER | CURLH_CONNECT | CURLH_1XX | CURLH_PSEUDO;
  struct curl_header *header = NULL;
  while ((header = curl_easy_nextheader(curl, all, -1, header)))
    take_text("header-api", header->value);
#else
  (void)curl;
#endif
}

static struct curl_slist *headers;
static struct curl_slist *connect_to;
static char trouble[CURL_ERROR_SIZE];

void probe_set_options(CURL *curl, bool attached)
{
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "program/1");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_UNRESTRICTED_AUTH, 1L);
  curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
  curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, take_debug);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, trouble);
  if (attached) {
    thred_curl_set_headers(curl, headers);
    thred_curl_set_prereq(curl, take_prereq, headers);
  } else {
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, take_prereq);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, headers);
  }
}

static void set_method(CURL *curl, const char *method)
{
  curl_easy_setopt(curl, CURLOPT_NOBODY, 0L);
  curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
  if (strcmp(method, "POST") == 0)
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "{}");
  else if (strcmp(method, "HEAD") == 0)
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  else if (strcmp(method, "GET") != 0)
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
}

static void perform_multi(CURLM *multi, CURL *curl)
{
  int running = 1;
  curl_multi_add_handle(multi, curl);
  while (running && curl_multi_perform(multi, &running) == CURLM_OK)
    if (running)
      curl_multi_poll(multi, NULL, 0, 1000, NULL);
  curl_multi_remove_handle(multi, curl);
}

static void perform(CURL *curl, CURLM *multi)
{
  long status = 0;
  trouble[0] = '\0';
  if (multi)
    perform_multi(multi, curl);
  else
    curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  summary.good += status >= 200 && status <= 299;
  summary.unauthorized += status == 401;
  take_text("trouble", trouble);
  take_text("message", thred_last_message());
  take_strings(curl);
  take_lists(curl);
  take_header_api(curl);
  for (struct curl_slist *at = headers; at; at = at->next)
    take_text("list", at->data);
}

static const char *const urls[] = {
    BASE API "/businesses/" FIRST "/invoices/", /* takes the business token */
    BASE API "/businesses/",
    BASE API "/businesses",
    BASE API "/businesses/?x=/businesses/" FIRST "/invoices/",
    BASE API "/businesses/" FIRST "/",
    BASE API "/businesses/" SECOND "/",
    BASE API "/oauth2/token/",
    BASE API "/" FIRST "/oauth2/token/",
    BASE API "/" FIRST "/oauth2/token",
    BASE API "/" SECOND "/oauth2/token/",
    BASE API "/businesses/" FIRST "/../",
    BASE API "/businesses/%2e/",
    BASE API "//businesses/",
    BASE "/V1/platform/businesses/",
    BASE "/",
    SIBLING API "/businesses/",
    "https://SANDBOX.thredfi.com" API "/businesses/",
    "https://sandbox.thredfi.com:443" API "/businesses/",
    BASE API "/businesses/" FIRST "/to-partner/", /* redirected by the test */
    BASE API "/businesses/" FIRST "/to-sibling/",
    BASE API "/businesses/" FIRST "/to-token/",
};

static void all_urls(CURL *curl, CURLM *multi)
{
  static const char *const methods[] = {"GET", "POST", "HEAD", "DELETE", "PROPFIND", "get"};
  for (size_t u = 0; u < COUNT(urls); u++)
    for (size_t m = 0; m < (multi ? 2 : COUNT(methods)); m++) {
      set_method(curl, methods[m]);
      curl_easy_setopt(curl, CURLOPT_URL, urls[u]);
      perform(curl, multi);
    }
  set_method(curl, "GET");
}

/* What only a handle that was attached has. */
static void with_attached(CURL *curl)
{
  static const char *const businesses[] = {SECOND, "partner", "", FIRST, NULL};
  for (size_t b = 0; b < COUNT(businesses); b++) {
    thred_curl_set_business(curl, businesses[b]);
    take_text("message", thred_last_message());
    for (size_t u = 0; u < COUNT(urls); u++) {
      thred_curl_prepare(curl, urls[u]);
      take_text("message", thred_last_message());
    }
    curl_easy_setopt(curl, CURLOPT_URL, BASE API "/reports/");
    perform(curl, NULL);
    curl_easy_setopt(curl, CURLOPT_URL, BASE API "/businesses/");
    perform(curl, NULL);
  }
  CURL *copy = thred_curl_duphandle(curl), *plain = curl_easy_duphandle(curl);
  if (copy)
    perform(copy, NULL);
  perform(plain, NULL);
  thred_curl_detach(copy);
  curl_easy_cleanup(copy);
  curl_easy_cleanup(plain);
}

static void transfers(bool attached)
{
  CURL *curl = curl_easy_init();
  CURLM *multi = curl_multi_init();
  if (attached && thred_curl_attach(curl)) {
    fprintf(stderr, "%s\n", thred_last_message());
    exit(1);
  }
  probe_set_options(curl, attached);
  all_urls(curl, NULL);
  all_urls(curl, multi);
  if (attached)
    with_attached(curl);
  else
    perform(curl, NULL);
  if (attached)
    thred_curl_detach(curl);
  take_strings(curl);
  curl_easy_cleanup(curl);
  curl_multi_cleanup(multi);
}

int main(int argc, char **argv)
{
  char line[64];
  const char *port = getenv("PROBE_PORT");
  snprintf(line, sizeof line, "::127.0.0.1:%s", port ? port : "");
  connect_to = curl_slist_append(NULL, line);
  headers = curl_slist_append(NULL, "X-Program: 1");
  if (argc > 2)
    return probe_other(argv[1], argv[2], argv[3]);
  if (argc != 2)
    return 64;
  static const GetFunc gets[] = {thred_token_get, thred_token_try_get};
  for (size_t i = 0; i < COUNT(gets); i++) {
    by_kind_and_size(gets[i]);
    by_name(gets[i]);
    by_generation(gets[i]);
  }
  transfers(strcmp(argv[1], "attached") == 0);
  printf("\n@@summary\npartner=%u business=%u not-allowed=%u good=%u unauthorized=%u\n",
         summary.partner, summary.business, summary.not_allowed, summary.good,
         summary.unauthorized);
  curl_slist_free_all(headers);
  curl_slist_free_all(connect_to);
  return 0;
}
