/* SPDX-License-Identifier: MIT */
/*
 * probe-dlsym.c - a program that is linked with no libcurl and finds each function by its name.
 *
 *     probe-dlsym default|handle local|global FILE URL
 *
 * In the libcurl FILE (`handle`), or in all that is there (`default`, RTLD_DEFAULT). Does two
 * transfers, prints "CURLCODE STATUS" for each. PROBE_PORT and PROBE_CA as for probe.c. Exit status
 * 77: FILE cannot be opened.
 */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

typedef struct Functions {
  CURL *(*init)(void);
  CURLcode (*setopt)(CURL *, CURLoption, ...);
  CURLcode (*perform)(CURL *);
  CURLcode (*getinfo)(CURL *, CURLINFO, ...);
  CURL *(*duphandle)(CURL *);
  void (*cleanup)(CURL *);
  struct curl_slist *(*append)(struct curl_slist *, const char *);
  void (*free_all)(struct curl_slist *);
} Functions;

static void bind_one(void *scope, const char *name, void *member)
{
  void *symbol = dlsym(scope, name);
  if (!symbol) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  memcpy(member, &symbol, sizeof symbol);
}

static void bind_all(void *scope, Functions *functions)
{
  bind_one(scope, "curl_easy_init", &functions->init);
  bind_one(scope, "curl_easy_setopt", &functions->setopt);
  bind_one(scope, "curl_easy_perform", &functions->perform);
  bind_one(scope, "curl_easy_getinfo", &functions->getinfo);
  bind_one(scope, "curl_easy_duphandle", &functions->duphandle);
  bind_one(scope, "curl_easy_cleanup", &functions->cleanup);
  bind_one(scope, "curl_slist_append", &functions->append);
  bind_one(scope, "curl_slist_free_all", &functions->free_all);
}

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static void run(const Functions *f, CURL *curl)
{
  long status = 0;
  CURLcode code = f->perform(curl);
  f->getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  printf("%d %ld\n", (int)code, status);
  f->cleanup(curl);
}

int main(int argc, char **argv)
{
  Functions f;
  char line[64];
  if (argc != 5)
    return 64;
  int scope = strcmp(argv[2], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;
  void *handle = dlopen(argv[3], RTLD_NOW | scope);
  if (!handle)
    return 77;
  bind_all(strcmp(argv[1], "default") == 0 ? RTLD_DEFAULT : handle, &f);
  CURL *curl = f.init();
  snprintf(line, sizeof line, "::127.0.0.1:%s", getenv("PROBE_PORT"));
  struct curl_slist *connect_to = f.append(NULL, line);
  f.setopt(curl, CURLOPT_URL, argv[4]);
  f.setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  f.setopt(curl, CURLOPT_CAINFO, getenv("PROBE_CA"));
  f.setopt(curl, CURLOPT_PROXY, "");
  f.setopt(curl, CURLOPT_TIMEOUT, 60L);
  f.setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  CURL *copy = f.duphandle(curl);
  run(&f, curl);
  run(&f, copy);
  f.free_all(connect_to);
  return 0;
}
