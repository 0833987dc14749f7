/* SPDX-License-Identifier: MIT */
/* binding-plugin.c - built as a plug-in and as a part of a program, with each flavour of libcurl.
 * PROBE_PORT and PROBE_CA as for probe.c. */
#include "binding-plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

CURL *plugin_init(void)
{
  return curl_easy_init();
}

static CURLcode run_multi(CURL *curl)
{
  int running = 1, left;
  CURLM *multi = curl_multi_init();
  curl_multi_add_handle(multi, curl);
  while (running) {
    curl_multi_perform(multi, &running);
    if (running)
      curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
  CURLMsg *message = curl_multi_info_read(multi, &left);
  CURLcode code = message ? message->data.result : CURL_LAST;
  curl_multi_remove_handle(multi, curl);
  curl_multi_cleanup(multi);
  return code;
}

static void print_result(CURL *curl, CURLcode code)
{
  long status = 0;
  char *effective = NULL;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_EFFECTIVE_URL, &effective);
  printf("%s %d %ld %s\n", strstr(curl_version(), "GnuTLS") ? "GnuTLS" : "OpenSSL", (int)code,
         status, effective ? effective : "");
}

/* Not through a name that another plug-in has too. */
static void run_on(CURL *curl, const char *url, bool multi)
{
  char line[64];
  snprintf(line, sizeof line, "::127.0.0.1:%s", getenv("PROBE_PORT"));
  struct curl_slist *connect_to = curl_slist_append(NULL, line);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  print_result(curl, multi ? run_multi(curl) : curl_easy_perform(curl));
  curl_easy_cleanup(curl);
  curl_slist_free_all(connect_to);
}

void plugin_run_on(CURL *curl, const char *url, bool multi)
{
  run_on(curl, url, multi);
}

void plugin_run(const char *url, bool multi)
{
  CURL *curl = curl_easy_init();
  if (curl)
    run_on(curl, url, multi);
  else
    printf("no handle\n");
}
