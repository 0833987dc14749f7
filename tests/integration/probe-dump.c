/* SPDX-License-Identifier: MIT */
/*
 * probe-dump.c - a program that uses tokens and then dies of SIGABRT, in its current directory.
 *
 *     probe-dump token [ID]       gets the token itself, and clears it
 *     probe-dump hold ID          .. and does not clear it
 *     probe-dump attached URL N   N transfers with an attached handle, which is then detached
 *     probe-dump resting URL N    .. and is not
 *     probe-dump plain URL N      N transfers of a program that knows nothing of all this
 *     probe-dump own URL N ID     .. of one that puts the token of ID on itself, and wipes it
 *
 * PROBE_PORT and PROBE_CA: where every connection goes, and the authority of its certificate.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thred/thred.h>

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

/* The header node of a program that takes care: one place, which is wiped in the end. */
static struct curl_slist own_header;
static char own_line[65536];

static bool make_own_header(const char *business)
{
  ThredTokenRequest request = {
      .size = sizeof request, .kind = THRED_TOKEN_BUSINESS, .business_id = business};
  ThredToken token = {.size = sizeof token};
  bool good = thred_token_get(&request, &token) == THRED_OK;
  if (good)
    snprintf(own_line, sizeof own_line, "Authorization: Bearer %s", token.value);
  thred_token_clear(&token);
  own_header.data = own_line;
  return good;
}

static bool transfer(const char *kind, const char *url, int count)
{
  char line[64];
  const char *port = getenv("PROBE_PORT");
  const bool own = strcmp(kind, "own") == 0, plain = own || strcmp(kind, "plain") == 0;
  CURL *curl = curl_easy_init();
  snprintf(line, sizeof line, "::127.0.0.1:%s", port ? port : "");
  struct curl_slist *connect_to = curl_slist_append(NULL, line);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  if (own)
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, &own_header);
  bool good = plain || thred_curl_attach(curl) == THRED_OK;
  for (int i = 0; i < count; i++) {
    long status = 0;
    good = good && curl_easy_perform(curl) == CURLE_OK &&
           curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
  }
  if (strcmp(kind, "resting") == 0)
    return good;
  if (!plain)
    thred_curl_detach(curl);
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
  explicit_bzero(own_line, sizeof own_line);
  return good;
}

static bool token(const char *business, bool hold)
{
  ThredTokenRequest request = {.size = sizeof request, .business_id = business};
  static ThredToken result = {.size = sizeof result};
  request.kind = business ? THRED_TOKEN_BUSINESS : THRED_TOKEN_PARTNER;
  bool good = thred_token_get(&request, &result) == THRED_OK;
  if (!hold)
    thred_token_clear(&result);
  return good;
}

int main(int argc, char **argv)
{
  const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
  const char *what = argc > 1 ? argv[1] : "";
  bool good = strcmp(what, "token") == 0  ? token(argc > 2 ? argv[2] : NULL, false)
              : strcmp(what, "hold") == 0 ? token(argv[2], true)
                                          : argc > 3 && (argc < 5 || make_own_header(argv[4])) &&
                                                transfer(what, argv[2], atoi(argv[3]));
  if (!good || setrlimit(RLIMIT_CORE, &all))
    return 1;
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
  return 2;
}
