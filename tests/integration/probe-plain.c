/* SPDX-License-Identifier: MIT */
/*
 * probe-plain.c - a program that knows nothing of thred-auth.
 *
 *     probe-plain easy|multi SCENARIO
 *
 * Does the transfers of a scenario (plain-scenarios.c), two on one handle unless it says once, and
 * prints "CURLCODE STATUS BODY-BYTES REDIRECTS" for each. What it has on stderr in the end is
 * "loaded" if libthred-auth is in its memory. PROBE_PORT: where every connection goes; PROBE_CA:
 * the authority of the certificate; HOME: where it may write.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plain-scenarios.h"

#define URL                                                                                        \
  "https://sandbox.thredfi.com/v1/platform/businesses/3c90c3cc-0d44-4b50-8888-8dd25736052a/"       \
  "invoices/"

typedef struct Plain {
  const Scenario *scenario;
  CURL *curl;
  CURLM *multi; /* NULL: curl_easy_perform() */
  CURLU *url;
  struct curl_slist *connect_to, *headers;
  char netrc[4096];
  size_t body;
} Plain;

static size_t count_body(char *data, size_t size, size_t count, void *to)
{
  (void)data;
  *(size_t *)to += size * count;
  return size * count;
}

/* ---- what is set ---- */

static void write_file(const char *path, const char *text)
{
  FILE *file = fopen(path, "we");
  if (!file || fputs(text, file) < 0 || fclose(file) || chmod(path, 0600)) {
    perror(path);
    exit(1);
  }
}

static void set_netrc(Plain *plain)
{
  const char *home = getenv("HOME");
  snprintf(plain->netrc, sizeof plain->netrc, "%s/.netrc", home);
  unlink(plain->netrc);
  if (plain->scenario->home_netrc)
    write_file(plain->netrc, plain->scenario->home_netrc);
  if (!plain->scenario->netrc)
    return;
  snprintf(plain->netrc, sizeof plain->netrc, "%s/netrc", home);
  write_file(plain->netrc, plain->scenario->netrc);
  curl_easy_setopt(plain->curl, CURLOPT_NETRC_FILE, plain->netrc);
}

static void set_url(Plain *plain)
{
  const Scenario *scenario = plain->scenario;
  const char *url = scenario->url ? scenario->url : URL;
  if (!scenario->curlu) {
    curl_easy_setopt(plain->curl, CURLOPT_URL, url);
    return;
  }
  plain->url = curl_url();
  curl_url_set(plain->url, CURLUPART_URL, url, 0);
  if (scenario->curlu_user)
    curl_url_set(plain->url, CURLUPART_USER, scenario->curlu_user, 0);
  curl_easy_setopt(plain->curl, CURLOPT_CURLU, plain->url);
}

static void set_connection(Plain *plain)
{
  char line[64];
  snprintf(line, sizeof line, "::127.0.0.1:%s", getenv("PROBE_PORT"));
  plain->connect_to = curl_slist_append(NULL, line);
  curl_easy_setopt(plain->curl, CURLOPT_CONNECT_TO, plain->connect_to);
  curl_easy_setopt(plain->curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  curl_easy_setopt(plain->curl, CURLOPT_PROXY, "");
  curl_easy_setopt(plain->curl, CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(plain->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(plain->curl, CURLOPT_WRITEFUNCTION, count_body);
  curl_easy_setopt(plain->curl, CURLOPT_WRITEDATA, &plain->body);
}

static void set_scenario(Plain *plain)
{
  for (size_t i = 0; i < 4 && plain->scenario->headers[i]; i++)
    plain->headers = curl_slist_append(plain->headers, plain->scenario->headers[i]);
  if (plain->headers)
    curl_easy_setopt(plain->curl, CURLOPT_HTTPHEADER, plain->headers);
  for (size_t i = 0; i < 5 && plain->scenario->settings[i].option; i++) {
    const Setting *setting = &plain->scenario->settings[i];
    if (setting->text)
      curl_easy_setopt(plain->curl, setting->option, setting->text);
    else
      curl_easy_setopt(plain->curl, setting->option, setting->number);
  }
}

/* ---- a transfer ---- */

static CURLcode run_multi(CURLM *multi, CURL *curl)
{
  int running = 1, left;
  CURLcode result = CURL_LAST;
  curl_multi_add_handle(multi, curl);
  while (running) {
    curl_multi_perform(multi, &running);
    if (running)
      curl_multi_poll(multi, NULL, 0, 1000, NULL);
  }
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));)
    result = message->data.result;
  curl_multi_remove_handle(multi, curl);
  return result;
}

/* CONNECT_ONLY: the program's own bytes. Of the answer, one byte is enough. */
static void speak(Plain *plain)
{
  static const char request[] = "GET /own HTTP/1.1\r\nHost: own\r\nX-One: 1\r\n\r\n";
  size_t done = 0;
  char byte;
  CURLcode code = curl_easy_send(plain->curl, request, sizeof request - 1, &done);
  while (!code && plain->body == 0) {
    code = curl_easy_recv(plain->curl, &byte, 1, &plain->body);
    if (code == CURLE_AGAIN)
      code = CURLE_OK;
  }
}

static bool connects_only(const Scenario *scenario)
{
  for (size_t i = 0; i < 5; i++)
    if (scenario->settings[i].option == CURLOPT_CONNECT_ONLY)
      return true;
  return false;
}

static void run(Plain *plain)
{
  long status = 0, redirects = 0;
  plain->body = 0;
  CURLcode code =
      plain->multi ? run_multi(plain->multi, plain->curl) : curl_easy_perform(plain->curl);
  /* In a multi the connection is lost when the handle leaves it. */
  if (connects_only(plain->scenario) && !code && !plain->multi)
    speak(plain);
  curl_easy_getinfo(plain->curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(plain->curl, CURLINFO_REDIRECT_COUNT, &redirects);
  printf("%d %ld %zu %ld\n", (int)code, status, plain->body, redirects);
}

static bool is_mapped(const char *name)
{
  char line[1024];
  bool found = false;
  FILE *maps = fopen("/proc/self/maps", "re");
  while (maps && !found && fgets(line, sizeof line, maps))
    found = strstr(line, name) != NULL;
  if (maps)
    fclose(maps);
  return found;
}

int main(int argc, char **argv)
{
  Plain plain = {.scenario = argc > 2 ? scenario_find(argv[2]) : NULL};
  if (!plain.scenario) {
    fprintf(stderr, "usage: %s easy|multi SCENARIO\n", argv[0]);
    return 64;
  }
  curl_global_init(CURL_GLOBAL_DEFAULT);
  plain.curl = curl_easy_init();
  plain.multi = strcmp(argv[1], "multi") == 0 ? curl_multi_init() : NULL;
  set_connection(&plain);
  set_url(&plain);
  set_netrc(&plain);
  set_scenario(&plain);
  for (int left = plain.scenario->once ? 1 : 2; left > 0; left--)
    run(&plain);
  if (is_mapped("libthred-auth"))
    fputs("loaded\n", stderr);
  curl_easy_cleanup(plain.curl);
  curl_multi_cleanup(plain.multi);
  curl_url_cleanup(plain.url);
  curl_slist_free_all(plain.connect_to);
  curl_slist_free_all(plain.headers);
  curl_global_cleanup();
  return 0;
}
