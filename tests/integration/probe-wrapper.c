/* SPDX-License-Identifier: MIT */
/*
 * probe-wrapper.c - a program that stands before functions of libcurl itself, as test frameworks
 * and tracers do: it exports them and hands each call on to the next definition. Prints
 * "CALLS-OF-PERFORM CURLCODE STATUS" for each of two transfers of its argument. PROBE_PORT and
 * PROBE_CA as for probe.c.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CURL *own;      /* thred-auth's requests come by here as well */
static unsigned calls; /* for it */

CURLcode curl_easy_perform(CURL *curl)
{
  CURLcode (*next)(CURL *) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "curl_easy_perform");
  memcpy(&next, &symbol, sizeof next);
  calls += curl == own;
  return next ? next(curl) : CURLE_FAILED_INIT;
}

CURL *curl_easy_init(void)
{
  CURL *(*next)(void) = NULL;
  void *symbol = dlsym(RTLD_NEXT, "curl_easy_init");
  memcpy(&next, &symbol, sizeof next);
  return next ? next() : NULL;
}

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

int main(int argc, char **argv)
{
  char line[64];
  if (argc != 2)
    return 64;
  CURL *curl = own = curl_easy_init();
  snprintf(line, sizeof line, "::127.0.0.1:%s", getenv("PROBE_PORT"));
  struct curl_slist *connect_to = curl_slist_append(NULL, line);
  curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  for (int i = 0; i < 2; i++) {
    long status = 0;
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("%u %d %ld\n", calls, (int)code, status);
  }
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
  return 0;
}
