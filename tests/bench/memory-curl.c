/* SPDX-License-Identifier: MIT */
/*
 * memory-curl.c - a program that makes one request with libcurl, and waits.
 *
 *     bench-memory-curl URL HEADER LIBRARY
 *
 * HEADER may be empty. LIBRARY is libthred-auth, which its handle is attached with, or empty: it is
 * opened and not linked, so that the same program can be without it.
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t ignore(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static int attach(CURL *curl, const char *library)
{
  int (*function)(CURL *);
  void *handle = dlopen(library, RTLD_NOW);
  void *symbol = handle ? dlsym(handle, "thred_curl_attach") : NULL;
  if (!symbol)
    return -1;
  memcpy(&function, &symbol, sizeof function);
  return function(curl);
}

static long request(CURL *curl)
{
  long status = 0;
  CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return code == CURLE_OK ? status : 0;
}

int main(int argc, char **argv)
{
  char to[64];
  int got;
  sigset_t end; /* as in memory-idle.c */
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  sigprocmask(SIG_BLOCK, &end, NULL);
  if (argc != 4)
    return 2;
  CURL *curl = curl_easy_init();
  snprintf(to, sizeof to, "::127.0.0.1:%s", getenv("BENCH_PORT"));
  struct curl_slist *connect_to = curl_slist_append(NULL, to);
  struct curl_slist *headers = argv[2][0] ? curl_slist_append(NULL, argv[2]) : NULL;
  curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
  curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("BENCH_CA"));
  curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
  if ((argv[3][0] && attach(curl, argv[3]) != 0) || request(curl) != 200)
    return 1;
  return write(STDOUT_FILENO, ".", 1) == 1 && sigwait(&end, &got) == 0 ? 0 : 1;
}
