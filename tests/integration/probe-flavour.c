/* SPDX-License-Identifier: MIT */
/*
 * probe-flavour.c - a program that is linked with no libcurl and opens one, or two, as languages
 * and plug-ins do.
 *
 *     probe-flavour FILE[,FILE][+FILE] HOW VERIFY URL [COUNT]
 *
 * FILE: the libcurl to use, and another object to have in the process too. After a plus sign: a
 * libcurl that is opened after the transfers, and then used for the same. HOW: `with` (its own
 * ThredCurlApi) or `name` (dlsym of thred_curl_attach). VERIFY: yes or no (and then no authority
 * either). Prints the ThredError of the attach, "CURLCODE STATUS" for each transfer, and what the
 * detach failed with. PROBE_PORT and PROBE_CA as for probe.c. Exit status 77: FILE cannot be
 * opened.
 */
#define THRED_NO_INLINE
#include <thred/thred.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The header's own checks of curl_easy_setopt would want a libcurl to link with. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

typedef struct Library {
  ThredCurlApi api;
  CURL *(*easy_init)(void);
  CURLcode (*easy_perform)(CURL *);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
} Library;

static void bind_one(void *handle, const char *name, void *member)
{
  void *symbol = dlsym(handle, name);
  if (!symbol) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  memcpy(member, &symbol, sizeof symbol);
}

static void bind_all(void *handle, Library *curl)
{
  curl->api.size = sizeof curl->api;
  bind_one(handle, "curl_easy_duphandle", &curl->api.easy_duphandle);
  bind_one(handle, "curl_easy_cleanup", &curl->api.easy_cleanup);
  bind_one(handle, "curl_easy_setopt", &curl->api.easy_setopt);
  bind_one(handle, "curl_easy_getinfo", &curl->api.easy_getinfo);
  bind_one(handle, "curl_version_info", &curl->api.version_info);
  bind_one(handle, "curl_url", &curl->api.url);
  bind_one(handle, "curl_url_cleanup", &curl->api.url_cleanup);
  bind_one(handle, "curl_url_set", &curl->api.url_set);
  bind_one(handle, "curl_url_get", &curl->api.url_get);
  bind_one(handle, "curl_free", &curl->api.free);
  bind_one(handle, "curl_easy_init", &curl->easy_init);
  bind_one(handle, "curl_easy_perform", &curl->easy_perform);
  bind_one(handle, "curl_slist_append", &curl->slist_append);
  bind_one(handle, "curl_slist_free_all", &curl->slist_free_all);
}

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
  (void)data, (void)to;
  return size * count;
}

static struct curl_slist *set_options(const Library *lib, CURL *curl, const char *url, int verify)
{
  char line[64];
  const char *port = getenv("PROBE_PORT"), *ca = getenv("PROBE_CA");
  snprintf(line, sizeof line, "::127.0.0.1:%s", port ? port : "");
  struct curl_slist *connect_to = lib->slist_append(NULL, line);
  lib->api.easy_setopt(curl, CURLOPT_URL, url);
  lib->api.easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to);
  lib->api.easy_setopt(curl, CURLOPT_PROXY, "");
  lib->api.easy_setopt(curl, CURLOPT_TIMEOUT, 60L);
  lib->api.easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
  if (verify) {
    lib->api.easy_setopt(curl, CURLOPT_CAINFO, ca);
  } else {
    lib->api.easy_setopt(curl, CURLOPT_CAINFO, NULL);
    lib->api.easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    lib->api.easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  return connect_to;
}

static void run(const Library *lib, const char *url, int by_name, int verify, int count)
{
  CURL *curl = lib->easy_init();
  struct curl_slist *connect_to = set_options(lib, curl, url, verify);
  int code = by_name ? thred_curl_attach(curl) : thred_curl_attach_with(curl, &lib->api);
  printf("%d\n", code);
  for (int i = 0; !code && i < count; i++) {
    long status = 0;
    CURLcode result = lib->easy_perform(curl);
    lib->api.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    printf("%d %ld\n", (int)result, status);
  }
  if (!code) {
    code = by_name ? thred_curl_detach(curl) : thred_curl_detach_with(curl, &lib->api);
    if (code)
      printf("detach %d\n", code);
  }
  lib->api.easy_cleanup(curl);
  lib->slist_free_all(connect_to);
}

/* The libcurl called `file` is opened, with `other` beside it if there is one, and used. */
static int open_and_run(const char *file, const char *other, char **argv, int argc)
{
  Library lib;
  void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!handle || (other && !dlopen(other, RTLD_NOW | RTLD_LOCAL)))
    return 77;
  bind_all(handle, &lib);
  run(&lib, argv[4], strcmp(argv[2], "name") == 0, strcmp(argv[3], "yes") == 0,
      argc > 5 ? atoi(argv[5]) : 1);
  return 0;
}

/* Ends `text` at `sign` and returns what stands behind it, or NULL. */
static char *cut_at(char *text, char sign)
{
  char *at = strchr(text, sign);
  if (at)
    *at++ = '\0';
  return at;
}

int main(int argc, char **argv)
{
  if (argc < 5)
    return 64;
  char *later = cut_at(argv[1], '+'), *other = cut_at(argv[1], ',');
  int status = open_and_run(argv[1], other, argv, argc);
  return status || !later ? status : open_and_run(later, NULL, argv, argc);
}
